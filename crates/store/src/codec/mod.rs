//! The stored forms, the same in every engine: a profile in `profile.rs`, an event in `event.rs`, an app's settings in
//! `settings.rs`. This file has what profiles and events share.
//!
//! ```text
//! item      tag · value
//! tag       1 byte: a standard tag's number; or 0 and the 8 bytes of a custom keyword
//! value     kind 0 and a varint; or kind 1 and a text
//! text      a varint length and that many bytes of UTF-8
//! ```

mod event;
mod profile;
mod settings;

pub use event::{decode_event, encode_event};
pub use profile::{decode_profile, encode_profile};
pub use settings::{decode_settings, encode_settings};

use portraitd_model::{CustomKeyword, FieldValue, ProfileItem, StandardTag, Tag};

const CUSTOM: u8 = 0;
const UINT: u8 = 0;
const TEXT: u8 = 1;
const CHECKSUM_BYTES: usize = 4;

/// Stored bytes that do not read back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the stored bytes do not read back")]
pub struct Damaged;

fn push_items(bytes: &mut Vec<u8>, items: &[ProfileItem]) {
    for item in items {
        match item.tag {
            Tag::Standard(tag) => bytes.push(tag as u8),
            Tag::Custom(keyword) => {
                bytes.push(CUSTOM);
                let mut padded = [0; CustomKeyword::LETTERS_MAX];
                padded.iter_mut().zip(keyword.as_str().bytes()).for_each(|(to, from)| *to = from);
                bytes.extend_from_slice(&padded);
            }
        }
        match &item.value {
            FieldValue::Uint(number) => {
                bytes.push(UINT);
                push_varint(bytes, *number);
            }
            FieldValue::Text(text) => {
                bytes.push(TEXT);
                push_text(bytes, text);
            }
        }
    }
}

fn push_text(bytes: &mut Vec<u8>, text: &str) {
    push_varint(bytes, text.len() as u64);
    bytes.extend_from_slice(text.as_bytes());
}

fn push_varint(bytes: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            bytes.push(low & 0x7f);
            return;
        }
        bytes.push(low | 0x80);
    }
}

/// Appends the CRC-32 of everything before, little-endian: for events, and for profiles of version 1.
pub fn with_checksum(mut body: Vec<u8>) -> Vec<u8> {
    let checksum = crc32fast::hash(&body);
    body.extend_from_slice(&checksum.to_le_bytes());
    body
}

/// Splits stored bytes into the body and its checksum.
fn split_checksum(bytes: &[u8]) -> Result<(&[u8], [u8; CHECKSUM_BYTES]), Damaged> {
    bytes.split_last_chunk().map(|(body, checksum)| (body, *checksum)).ok_or(Damaged)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Damaged> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Damaged)?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Damaged> {
        self.take(1)?.first().copied().ok_or(Damaged)
    }

    fn varint(&mut self) -> Result<u64, Damaged> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return Err(Damaged);
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Damaged)
    }

    fn text(&mut self, count: usize) -> Result<&'a str, Damaged> {
        std::str::from_utf8(self.take(count)?).map_err(|_| Damaged)
    }

    /// A text after its length.
    fn counted(&mut self) -> Result<&'a str, Damaged> {
        let count = usize::try_from(self.varint()?).map_err(|_| Damaged)?;
        self.text(count)
    }

    fn tag(&mut self) -> Result<Tag, Damaged> {
        match self.byte()? {
            CUSTOM => {
                let keyword = self.text(CustomKeyword::LETTERS_MAX)?.trim_end_matches('\0');
                CustomKeyword::parse(keyword).map(Tag::Custom).ok_or(Damaged)
            }
            number => StandardTag::from_number(number).map(Tag::Standard).ok_or(Damaged),
        }
    }

    /// The items up to the end.
    fn items(&mut self) -> Result<Vec<ProfileItem>, Damaged> {
        let mut items = Vec::new();
        while !self.0.is_empty() {
            items.push(ProfileItem { tag: self.tag()?, value: self.value()? });
        }
        Ok(items)
    }

    fn value(&mut self) -> Result<FieldValue, Damaged> {
        match self.byte()? {
            UINT => self.varint().map(FieldValue::Uint),
            TEXT => self.counted().map(|text| FieldValue::Text(text.into())),
            _ => Err(Damaged),
        }
    }
}

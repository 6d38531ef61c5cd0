//! The stored form of a profile.
//!
//! ```text
//! 1 byte    version, now 1
//! items     tag · kind and value
//! 4 bytes   CRC-32 of everything before, little-endian
//!
//! tag       1 byte: a standard tag's number; or 0 and the 8 bytes of a custom keyword
//! value     kind 0 and a varint; or kind 1, a varint length and so many bytes of UTF-8
//! ```

use portrait_model::{CustomKeyword, FieldValue, Profile, ProfileItem, StandardTag, Tag};

const VERSION: u8 = 1;
const CUSTOM: u8 = 0;
const UINT: u8 = 0;
const TEXT: u8 = 1;
const CHECKSUM_BYTES: usize = 4;

/// Stored bytes that are no profile.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the stored profile does not read back")]
pub(crate) struct Damaged;

/// Writes a profile.
pub(crate) fn encode(profile: &Profile) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    bytes.push(VERSION);
    for item in profile.items() {
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
                push_varint(&mut bytes, *number);
            }
            FieldValue::Text(text) => {
                bytes.push(TEXT);
                push_varint(&mut bytes, text.len() as u64);
                bytes.extend_from_slice(text.as_bytes());
            }
        }
    }
    let checksum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

/// Reads a profile back; any change to the bytes since they were written is found.
pub(crate) fn decode(bytes: &[u8]) -> Result<Profile, Damaged> {
    let at = bytes.len().checked_sub(CHECKSUM_BYTES).ok_or(Damaged)?;
    let (body, checksum) = bytes.split_at_checked(at).ok_or(Damaged)?;
    if crc32fast::hash(body).to_le_bytes() != checksum {
        return Err(Damaged);
    }
    let mut reader = Reader(body);
    if reader.byte()? != VERSION {
        return Err(Damaged);
    }
    let mut items = Vec::new();
    while !reader.0.is_empty() {
        items.push(ProfileItem { tag: reader.tag()?, value: reader.value()? });
    }
    Ok(Profile::from_items(items))
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

    fn tag(&mut self) -> Result<Tag, Damaged> {
        match self.byte()? {
            CUSTOM => {
                let keyword = self.text(CustomKeyword::LETTERS_MAX)?.trim_end_matches('\0');
                CustomKeyword::parse(keyword).map(Tag::Custom).ok_or(Damaged)
            }
            number => StandardTag::from_number(number).map(Tag::Standard).ok_or(Damaged),
        }
    }

    fn value(&mut self) -> Result<FieldValue, Damaged> {
        match self.byte()? {
            UINT => self.varint().map(FieldValue::Uint),
            TEXT => {
                let count = usize::try_from(self.varint()?).map_err(|_| Damaged)?;
                self.text(count).map(|text| FieldValue::Text(text.into()))
            }
            _ => Err(Damaged),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portrait_model::STANDARD_FIELDS;
    use proptest::prelude::*;

    fn any_profile() -> impl Strategy<Value = Profile> {
        let standard = (0..STANDARD_FIELDS.len()).prop_map(|i| Tag::Standard(STANDARD_FIELDS[i].tag));
        let custom = "[A-Za-z]{1,8}".prop_map(|keyword| Tag::Custom(CustomKeyword::parse(&keyword).unwrap()));
        let value = prop_oneof![
            any::<u64>().prop_map(FieldValue::Uint),
            "\\PC{0,300}".prop_map(|text| FieldValue::Text(text.into())),
        ];
        let item = (prop_oneof![standard, custom], value).prop_map(|(tag, value)| ProfileItem { tag, value });
        prop::collection::vec(item, 0..20).prop_map(Profile::from_items)
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(profile in any_profile()) {
            prop_assert_eq!(decode(&encode(&profile)), Ok(profile));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = decode(&bytes);
            // With a fitting checksum the reader itself must cope.
            let mut sealed = bytes;
            sealed.insert(0, VERSION);
            sealed.extend_from_slice(&crc32fast::hash(&sealed).to_le_bytes());
            let _ = decode(&sealed);
        }
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_found() {
        let items = vec![
            ProfileItem {
                tag: Tag::Standard(StandardTag::Nick), value: FieldValue::Text("爱丽丝".into())
            },
            ProfileItem { tag: Tag::Standard(StandardTag::Level), value: FieldValue::Uint(300) },
            ProfileItem {
                tag: Tag::Custom(CustomKeyword::parse("Test").unwrap()),
                value: FieldValue::Uint(u64::MAX),
            },
        ];
        let bytes = encode(&Profile::from_items(items));
        for len in 0..bytes.len() {
            assert_eq!(decode(&bytes[..len]), Err(Damaged), "cut to {len}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&flipped), Err(Damaged), "bit {bit}");
        }
    }
}

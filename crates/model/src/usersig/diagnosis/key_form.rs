//! The keys that people sign with in place of the right one.

use super::KeySlip;
use super::words::{from_hex, to_hex, utf16};
use crate::{AppKey, SdkAppId};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// A key, and what is wrong with it.
pub(super) struct TriedKey {
    pub(super) slip: KeySlip,
    pub(super) bytes: Zeroizing<Vec<u8>>,
    /// Whether it is frequent enough to be tried together with a wrong text.
    pub(super) is_common: bool,
}

/// The most keys of other apps that are tried together with a wrong text.
const COMMON_OTHERS: usize = 16;

/// The shortest part of a key that is tried, in characters.
const PART_MIN: usize = 16;

/// The key that every README of the official libraries has.
const EXAMPLE: &str = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e";

/// The keys, frequent ones first; none is there twice, nor one of the right ones.
struct Keys {
    list: Vec<TriedKey>,
    right: Vec<Zeroizing<Vec<u8>>>,
}

impl Keys {
    fn add(&mut self, is_common: bool, slip: KeySlip, bytes: impl Into<Vec<u8>>) {
        let bytes = Zeroizing::new(bytes.into());
        // Two apps may have one key: the first is named.
        let is_known = |key: &TriedKey| key.bytes == bytes && !matches!(slip, KeySlip::OtherApp(_));
        if !self.right.contains(&bytes) && !self.list.iter().any(is_known) {
            self.list.push(TriedKey { slip, bytes, is_common });
        }
    }

    fn forms(&mut self, key: &str) {
        for end in ["\n", "\r\n", "\r", "\n\n"] {
            self.add(true, KeySlip::LineEnd, format!("{key}{end}"));
        }
        for (before, after) in [
            ("", " "),
            (" ", ""),
            (" ", " "),
            ("", "\t"),
            ("\t", ""),
            ("", "\u{a0}"),
            ("\n", ""),
            ("", " \n"),
        ] {
            self.add(before != "\n", KeySlip::Space, format!("{before}{key}{after}"));
        }
        self.add(true, KeySlip::Trimmed, key.trim());
        self.add(true, KeySlip::UpperCase, key.to_uppercase());
        self.add(true, KeySlip::LowerCase, key.to_lowercase());
        if let Some(bytes) = from_hex(key) {
            self.add(true, KeySlip::HexDecoded, bytes);
        }
        if let Ok(bytes) = STANDARD.decode(key) {
            self.add(true, KeySlip::Base64Decoded, bytes);
        }
        for mark in ['"', '\'', '`'] {
            self.add(true, KeySlip::Quoted, format!("{mark}{key}{mark}"));
        }
        for letter in ['\u{feff}', '\u{200b}', '\0'] {
            self.add(false, KeySlip::Invisible, format!("{key}{letter}"));
            self.add(false, KeySlip::Invisible, format!("{letter}{key}"));
        }
        self.add(false, KeySlip::HexEncoded, to_hex(key.as_bytes()));
        self.add(false, KeySlip::Base64Encoded, STANDARD.encode(key));
        self.add(false, KeySlip::Utf16, utf16(key));
        self.add(false, KeySlip::Twice, format!("{key}{key}"));
        for (count, (at, _)) in key.char_indices().enumerate().skip(PART_MIN) {
            self.add(false, KeySlip::Start(count), key.get(..at).unwrap_or_default());
        }
        let length = key.chars().count();
        for (skipped, (at, _)) in key.char_indices().enumerate().skip(1).take(length.saturating_sub(PART_MIN))
        {
            self.add(false, KeySlip::End(length - skipped), key.get(at..).unwrap_or_default());
        }
    }
}

/// The keys that people sign with in place of these. `others` are keys of other apps.
pub(super) fn wrong<'a>(
    right: &[&AppKey],
    others: impl Iterator<Item = &'a (SdkAppId, AppKey)>,
    app: SdkAppId,
    identifier: &str,
) -> Vec<TriedKey> {
    let right_bytes = right.iter().map(|key| Zeroizing::new(key.expose().as_bytes().to_vec()));
    let mut keys = Keys { list: Vec::new(), right: right_bytes.collect() };
    for (place, (of, key)) in others.enumerate() {
        keys.add(place < COMMON_OTHERS, KeySlip::OtherApp(*of), key.expose());
    }
    for key in right {
        keys.forms(key.expose());
    }
    keys.add(true, KeySlip::Empty, "");
    for unset in ["undefined", "null", "None", "nil", "NULL", "False", "false"] {
        keys.add(false, KeySlip::Unset(unset), unset);
    }
    keys.add(true, KeySlip::Example, EXAMPLE);
    keys.add(false, KeySlip::AppId, app.to_string());
    keys.add(false, KeySlip::Identifier, identifier);
    keys.list
}

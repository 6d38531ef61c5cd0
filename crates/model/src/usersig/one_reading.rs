//! A signed text has one reading: of all the documents that have the same signed text, one at most is accepted; and if
//! a signer signed it that encodes its user buffers, it is the one that was signed, whatever the user's name.
//!
//! Texts are made of pieces that allow many cuts, and cut in every way that a document could have been signed.
//! `SCALE=5000` looks at a hundred million texts; `PORTRAIT_SEED` replays a run.

use super::*;
use proptest::prelude::*;
use std::fmt::Write as _;

/// Texts, times `SCALE`.
const TEXTS: u64 = 20_000;

/// Pieces of names and user buffers: whole lines of a signed text, halves of lines, and harmless letters.
const PIECES: [&str; 24] = [
    "\n",
    "\nTLS.sdkappid:1\nTLS.time:2\nTLS.expire:3\n",
    "\nTLS.sdkappid:1\nTLS.time:2\nTLS.expire:3",
    "\nTLS.sdkappid:4\nTLS.time:5\nTLS.expire:18446744073709551615\nTLS.userbuf:",
    "\nTLS.sdkappid:4\nTLS.time:05\nTLS.expire:6\n",
    "\nTLS.sdkappid:4\nTLS.time:5\nTLS.expire:18446744073709551616\n",
    "TLS.identifier:",
    "\nTLS.sdkappid:",
    "TLS.sdkappid:7\n",
    "TLS.time:8\n",
    "TLS.expire:9\n",
    "TLS.userbuf:",
    "TLS.userbuf:YWJj\n",
    "\nTLS.userbuf:\n",
    "administrator",
    "a",
    "YWJj",
    "YQ==",
    "YR==",
    "0",
    "\r",
    "\u{85}",
    "\\n",
    "\"",
];

/// User buffers as encoders write them.
const ENCODED: [&str; 4] = ["", "YWJj", "YQ==", "TLS/userbuf+"];

/// What a signed text can be read as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Reading<'a> {
    identifier: &'a str,
    app: u64,
    time: u64,
    expire: u64,
    userbuf: Option<&'a str>,
}

/// What stands between two texts, the second one behind it; and the rest.
fn field<'a>(text: &'a str, name: &str) -> Option<(u64, &'a str)> {
    let (digits, rest) = text.strip_prefix(name)?.split_once('\n')?;
    // Only the digits that a signer writes.
    let number: u64 = digits.parse().ok().filter(|number: &u64| number.to_string() == digits)?;
    Some((number, rest))
}

/// Every reading of a signed text: the identifier may end at each line that starts as the second one does.
fn readings(text: &str) -> impl Iterator<Item = Reading<'_>> {
    let text = text.strip_prefix("TLS.identifier:").unwrap();
    text.match_indices("\nTLS.sdkappid:").filter_map(|(end, _)| {
        let (app, rest) = field(&text[end + 1..], "TLS.sdkappid:")?;
        let (time, rest) = field(rest, "TLS.time:")?;
        let (expire, rest) = field(rest, "TLS.expire:")?;
        let userbuf = match rest {
            "" => None,
            rest => Some(rest.strip_prefix("TLS.userbuf:")?.strip_suffix('\n')?),
        };
        Some(Reading { identifier: &text[..end], app, time, expire, userbuf })
    })
}

fn write_json(json: &mut String, text: &str) {
    json.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => json.extend(['\\', letter]),
            letter if letter.is_control() => write!(json, "\\u{:04x}", u32::from(letter)).unwrap(),
            letter => json.push(letter),
        }
    }
    json.push('"');
}

impl Reading<'_> {
    fn signed_text(&self) -> String {
        content(self.identifier, self.app, self.time, self.expire, self.userbuf)
    }

    /// As a document; with its numbers in quotes on request.
    fn document(&self, json: &mut String, quoted: bool) {
        let Self { app, time, expire, .. } = self;
        let quote = if quoted { "\"" } else { "" };
        json.clear();
        json.push_str(r#"{"TLS.ver":"2.0","TLS.identifier":"#);
        write_json(json, self.identifier);
        write!(
            json,
            r#","TLS.sdkappid":{quote}{app}{quote},"TLS.time":{quote}{time}{quote},"TLS.expire":{quote}{expire}{quote},"TLS.sig":"AAAA""#
        )
        .unwrap();
        if let Some(userbuf) = self.userbuf {
            json.push_str(r#","TLS.userbuf":"#);
            write_json(json, userbuf);
        }
        json.push('}');
    }
}

/// What the texts of a run came to.
#[derive(Default, Debug)]
struct Tally {
    texts: u64,
    readings: u64,
    /// Texts that several documents could have been signed for.
    ambiguous: u64,
    accepted: u64,
}

/// Has every reading of what is signed read, and panics when two are accepted, or another one than a signer meant.
fn check(signed: &Reading<'_>, tally: &mut Tally, json: &mut String) {
    let text = &signed.signed_text();
    let encoded = signed.userbuf.is_none_or(|userbuf| ENCODED.contains(&userbuf));
    let (mut found, mut accepted) = (0, None);
    for reading in readings(text) {
        found += 1;
        reading.document(json, found % 2 == 0);
        let Ok(sig) = UserSig::from_document(json.as_bytes()) else { continue };
        let again = content(&sig.identifier, sig.sdk_app_id, sig.time, sig.expire, sig.userbuf.as_deref());
        assert_eq!(&again, text, "{reading:?} is signed otherwise than it was cut");
        if let Some(other) = accepted.replace(reading) {
            panic!("{text:?} is accepted as {other:?} and as {reading:?}");
        }
        assert!(!encoded || reading == *signed, "{signed:?} was signed and is accepted as {reading:?}");
    }
    assert!(found > 0, "no reading of {text:?}");
    tally.texts += 1;
    tally.readings += found;
    tally.ambiguous += u64::from(found > 1);
    tally.accepted += u64::from(accepted.is_some());
}

/// The same seed makes the same texts (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % end
    }

    fn pieces(&mut self, text: &mut String, most: usize) {
        text.clear();
        for _ in 0..self.below(most + 1) {
            // The whole lines often: they are what makes several cuts possible.
            let of = if self.below(3) == 0 { 4 } else { PIECES.len() };
            text.push_str(PIECES[self.below(of)]);
        }
    }
}

#[test]
fn a_signed_text_has_one_reading() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let (scale, seed) = (number("SCALE").unwrap_or(1), number("PORTRAIT_SEED").unwrap_or(0x5eed));
    let (mut random, mut tally) = (Random(seed | 1), Tally::default());
    let (mut identifier, mut userbuf, mut json) = (String::new(), String::new(), String::new());
    for _ in 0..TEXTS * scale {
        random.pieces(&mut identifier, 6);
        random.pieces(&mut userbuf, 4);
        let userbuf = match random.below(4) {
            0 => None,
            1 => Some(ENCODED[random.below(ENCODED.len())]),
            _ => Some(userbuf.as_str()),
        };
        let (time, expire) = (random.below(3) as u64, random.below(3) as u64);
        check(&Reading { identifier: &identifier, app: 1, time, expire, userbuf }, &mut tally, &mut json);
    }
    eprintln!("seed {seed}: {tally:?}");
    assert!(tally.ambiguous > tally.texts / 10, "too few texts can be cut in several ways: {tally:?}");
    assert!(tally.accepted > tally.texts / 100, "too few texts are accepted at all: {tally:?}");
}

proptest! {
    /// The same with texts that proptest makes smaller when one fails.
    #[test]
    fn no_two_accepted_documents_share_a_signed_text(
        identifier in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..6),
        userbuf in prop::option::of(prop::collection::vec(prop::sample::select(&PIECES[..]), 0..4)),
        (app, time, expire) in (0_u64..3, 0_u64..3, any::<u64>()),
    ) {
        let (identifier, userbuf) = (identifier.concat(), userbuf.map(|pieces| pieces.concat()));
        let signed = Reading { identifier: &identifier, app, time, expire, userbuf: userbuf.as_deref() };
        check(&signed, &mut Tally::default(), &mut String::new());
    }

    /// And with any letters, the ones of a signed text often.
    #[test]
    fn nor_with_letters_at_random(
        identifier in "[\\PCa-c\n:.TLSdkapitmexru0-3]{0,12}(\nTLS\\.(sdkappid|time|expire|userbuf):[0-9]?){0,6}",
        userbuf in prop::option::of("[A-Za-z0-9+/=\n]{0,8}(\nTLS\\.(sdkappid|time|expire):[0-9]){0,3}"),
    ) {
        let signed = Reading { identifier: &identifier, app: 1, time: 2, expire: 3, userbuf: userbuf.as_deref() };
        check(&signed, &mut Tally::default(), &mut String::new());
    }
}

/// The reason for all this: a name that was signed unchecked, and what an attacker makes of its signature.
#[test]
fn a_name_with_line_feeds_makes_no_admin() {
    let name =
        "administrator\nTLS.sdkappid:1400000000\nTLS.time:1700000000\nTLS.expire:999999999\nTLS.userbuf:";
    let text = content(name, 1_400_000_000, 1_764_000_000, 600, None);
    let [admin, honest] = <[_; 2]>::try_from(readings(&text).collect::<Vec<_>>()).unwrap();
    assert_eq!((admin.identifier, admin.expire, honest.identifier), ("administrator", 999_999_999, name));
    let mut json = String::new();
    admin.document(&mut json, false);
    assert_eq!(UserSig::from_document(json.as_bytes()), Err(SigFormatError::Userbuf));
    honest.document(&mut json, false);
    assert_eq!(UserSig::from_document(json.as_bytes()), Err(SigFormatError::Identifier));
}

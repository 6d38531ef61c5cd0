//! Takes off what people wrap a UserSig in, until base64 and zlib open.

use super::super::{DOCUMENT_BYTES_MAX, LENIENT, SigFormatError, UserSig, to_standard};
use super::EncodedCause;
use super::words::{from_hex, percent_decoded};
use crate::{AppKey, SdkAppId};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;
use flate2::{Decompress, FlushDecompress, Status};
use std::io::Read as _;
use subtle::ConstantTimeEq as _;

/// The most wrappings that are taken off, one after the other.
const WRAPPINGS_MAX: usize = 3;

/// The document inside, when base64 and zlib open; at most 8 KiB and one byte of it.
pub(super) fn document(text: &str) -> Option<Vec<u8>> {
    let base64: Vec<u8> = text.bytes().map(to_standard).collect();
    let zlib = LENIENT.decode(base64).ok()?;
    let mut document = Vec::new();
    ZlibDecoder::new(zlib.as_slice()).take(DOCUMENT_BYTES_MAX + 1).read_to_end(&mut document).ok()?;
    Some(document)
}

/// Whether base64 and zlib open, whatever is inside.
fn opens(text: &str) -> bool {
    !matches!(
        UserSig::decode(text),
        Err(SigFormatError::TooLong | SigFormatError::Base64 | SigFormatError::Zlib)
    )
}

/// Why base64 or zlib do not open.
pub(super) fn causes(text: &str, keys: &[(SdkAppId, AppKey)]) -> Option<Vec<EncodedCause>> {
    if let Some(cause) = something_else(text, keys) {
        return Some(vec![cause]);
    }
    (1..=WRAPPINGS_MAX).find_map(|depth| unwrapped(text, depth)).or_else(|| Some(vec![inside(text)?]))
}

/// What is no UserSig at all.
fn something_else(text: &str, keys: &[(SdkAppId, AppKey)]) -> Option<EncodedCause> {
    const PLACEHOLDERS: [&str; 19] = [
        "",
        "undefined",
        "null",
        "None",
        "nil",
        "NULL",
        "false",
        "true",
        "NaN",
        "0",
        "[object Object]",
        "[object Promise]",
        "Array",
        "xxx",
        "usersig",
        "userSig",
        "UserSig",
        "YOUR_USERSIG",
        "your_usersig",
    ];
    let text = text.trim();
    let bare = text.trim_matches(['"', '\'', '$', '{', '}', '<', '>', '%', ' ']);
    let is_key = |key: &AppKey| -> bool { key.expose().as_bytes().ct_eq(text.as_bytes()).into() };
    let exact = PLACEHOLDERS.into_iter().find(|placeholder| *placeholder == bare || *placeholder == text);
    let in_any_case = || PLACEHOLDERS.into_iter().find(|placeholder| placeholder.eq_ignore_ascii_case(bare));
    if let Some(placeholder) = exact.or_else(in_any_case) {
        return Some(EncodedCause::Placeholder(placeholder));
    }
    let segments: Vec<&str> = text.split('.').collect();
    if keys.iter().any(|(_, key)| is_key(key)) {
        Some(EncodedCause::Key)
    } else if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Some(EncodedCause::LikeAKey)
    } else if text.contains("-----BEGIN") || text.starts_with("MIG") || text.starts_with("MFk") {
        Some(EncodedCause::Pem)
    } else if text.starts_with("eyJ") && segments.len() == 3 {
        Some(EncodedCause::Jwt)
    } else {
        (text.starts_with('{') && text.contains("TLS.")).then_some(EncodedCause::Json)
    }
}

/// Takes off so many wrappings, when that opens it.
fn unwrapped(text: &str, depth: usize) -> Option<Vec<EncodedCause>> {
    for step in STEPS {
        let Some((cause, inner)) = step(text).filter(|(_, inner)| inner != text) else { continue };
        if depth == 1 {
            if opens(&inner) {
                return Some(vec![cause]);
            }
        } else if let Some(more) = unwrapped(&inner, depth - 1) {
            return Some([vec![cause], more].concat());
        }
    }
    None
}

/// A wrapping, and what is inside; the text itself where there is no such wrapping.
type Step = fn(&str) -> Option<(EncodedCause, String)>;

const STEPS: [Step; 9] =
    [python_bytes, quotes, line_ends, spaces, percent, query, hexadecimal, alphabet, base64_twice];

fn python_bytes(text: &str) -> Option<(EncodedCause, String)> {
    let rest = text.strip_prefix('b')?;
    let inner = ['\'', '"'].into_iter().find_map(|mark| rest.strip_prefix(mark)?.strip_suffix(mark))?;
    Some((EncodedCause::PythonBytes, inner.to_owned()))
}

fn quotes(text: &str) -> Option<(EncodedCause, String)> {
    let inner = ['"', '\'', '`'].into_iter().find_map(|mark| text.strip_prefix(mark)?.strip_suffix(mark))?;
    Some((EncodedCause::Quoted, inner.to_owned()))
}

fn line_ends(text: &str) -> Option<(EncodedCause, String)> {
    // As characters, and as a backslash and a letter.
    let inner = text.replace("\\r", "").replace("\\n", "").replace(['\r', '\n'], "");
    (inner != text).then_some((EncodedCause::LineEnds, inner))
}

fn spaces(text: &str) -> Option<(EncodedCause, String)> {
    let around = |letter: char| {
        letter.is_whitespace()
            || letter.is_control()
            || matches!(letter, '\u{feff}' | '\u{200b}'..='\u{200f}')
    };
    let inner = text.trim_matches(around);
    (inner != text).then(|| (EncodedCause::Spaces, inner.to_owned()))
}

fn percent(text: &str) -> Option<(EncodedCause, String)> {
    Some((EncodedCause::PercentEncoded, percent_decoded(text)?))
}

fn query(text: &str) -> Option<(EncodedCause, String)> {
    let after = |name: &str| text.find(name).and_then(|at| text.get(at + name.len()..));
    let start = ["usersig=", "userSig=", "UserSig="].into_iter().find_map(after).unwrap_or(text);
    let inner = start.split(['&', '?', '#']).next()?;
    Some((EncodedCause::Query, inner.to_owned()))
}

fn hexadecimal(text: &str) -> Option<(EncodedCause, String)> {
    Some((EncodedCause::Hexadecimal, STANDARD.encode(from_hex(text)?)))
}

/// Lets each character that is neither letter nor digit stand for one of `+`, `/` and `=`. zlib's checksum says which is right.
fn alphabet(text: &str) -> Option<(EncodedCause, String)> {
    let mut strangers: Vec<char> = text.chars().filter(|letter| !letter.is_ascii_alphanumeric()).collect();
    strangers.sort_unstable();
    strangers.dedup();
    // Bytes behind the checksum are ignored, so that padding which is percent-encoded twice could pass for a letter.
    if strangers.len() > 3 || percent_decoded(text).is_some() {
        return None;
    }
    // Bytes behind zlib's end are ignored, so padding could pass for a letter too: what ends the text is tried as padding
    // first, and `=` is never anything else.
    let last = text.chars().next_back();
    let ends_padded = |order: &[char; 3]| {
        strangers.iter().zip(order).any(|(written, meant)| Some(*written) == last && *meant == '=')
    };
    let keeps_padding = |order: &[char; 3]| {
        strangers.iter().zip(order).all(|(written, meant)| *written != '=' || *meant == '=')
    };
    let orders = [
        ['+', '/', '='],
        ['+', '=', '/'],
        ['/', '+', '='],
        ['/', '=', '+'],
        ['=', '+', '/'],
        ['=', '/', '+'],
    ];
    let (first, second): (Vec<_>, Vec<_>) =
        orders.into_iter().filter(keeps_padding).partition(|order| ends_padded(order));
    for order in first.into_iter().chain(second) {
        let pairs: Vec<(char, char)> = strangers.iter().copied().zip(order).collect();
        let meant = |letter: char| {
            pairs.iter().find(|(written, _)| *written == letter).map_or(letter, |(_, meant)| *meant)
        };
        let inner: String = text.chars().map(meant).collect();
        if opens(&inner) {
            let is_read = |pair: &(char, char)| {
                matches!(pair, ('*' | '+' | ' ', '+') | ('-' | '/', '/') | ('_' | '=', '='))
            };
            let odd: Vec<_> = pairs.into_iter().filter(|pair| !is_read(pair)).collect();
            return (!odd.is_empty()).then_some((EncodedCause::Alphabet(odd), inner));
        }
    }
    None
}

fn base64_twice(text: &str) -> Option<(EncodedCause, String)> {
    let inner = String::from_utf8(bytes(text)?).ok()?;
    Some((EncodedCause::Base64Twice, inner))
}

/// The bytes inside base64. Where the text was cut, what is left of the last group of four is dropped.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let base64: String = text.bytes().map(|byte| char::from(to_standard(byte))).collect();
    let groups = base64.trim_end_matches('=').len() / 4 * 4;
    LENIENT.decode(&base64).or_else(|_| LENIENT.decode(base64.get(..groups).unwrap_or_default())).ok()
}

/// What is inside base64 when it is not zlib.
fn inside(text: &str) -> Option<EncodedCause> {
    let is_stranger = |letter: char| !letter.is_ascii_alphanumeric() && !"+/=*-_ ".contains(letter);
    if let Some((place, letter)) = text.chars().enumerate().find(|(_, letter)| is_stranger(*letter)) {
        return Some(EncodedCause::Stranger(letter, place + 1));
    }
    let letters = |is: fn(&u8) -> bool| text.bytes().filter(is).count();
    let (small, capital) = (letters(u8::is_ascii_lowercase), letters(u8::is_ascii_uppercase));
    if small.max(capital) > 30 && small.min(capital) == 0 {
        return Some(EncodedCause::OneCase);
    }
    // A padding inside or at a wrong length: the text was put together of pieces.
    let bytes = bytes(text)?;
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return Some(EncodedCause::Gzip);
    }
    if bytes.trim_ascii_start().starts_with(b"{") {
        return Some(EncodedCause::NotCompressed);
    }
    if let (Inflated::Whole, text) = inflate(&bytes, false)
        && text.windows(4).any(|window| window == b"TLS.")
    {
        return Some(EncodedCause::RawDeflate);
    }
    match bytes.first() {
        Some(0x78) => match inflate(&bytes, true).0 {
            Inflated::Cut => Some(EncodedCause::CutShort(text.chars().count())),
            Inflated::Whole | Inflated::Damaged => Some(EncodedCause::Damaged),
        },
        _ => Some(EncodedCause::NotZlib),
    }
}

/// How far bytes inflate.
enum Inflated {
    Whole,
    Cut,
    Damaged,
}

/// Inflates as much as there is, at most 8 KiB.
fn inflate(bytes: &[u8], has_header: bool) -> (Inflated, Vec<u8>) {
    let limit = usize::try_from(DOCUMENT_BYTES_MAX).unwrap_or(usize::MAX);
    let mut document = Vec::with_capacity(limit);
    let mut decompress = Decompress::new(has_header);
    let state = match decompress.decompress_vec(bytes, &mut document, FlushDecompress::None) {
        Ok(Status::StreamEnd) => Inflated::Whole,
        Ok(Status::Ok | Status::BufError) if document.len() < limit => Inflated::Cut,
        Ok(Status::Ok | Status::BufError) | Err(_) => Inflated::Damaged,
    };
    (state, document)
}

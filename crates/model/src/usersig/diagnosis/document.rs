//! Reads the document inside a UserSig member by member, so that the one that is wrong can be named.

use super::super::{DOCUMENT_BYTES_MAX, LENIENT, is_canonical};
use super::{DocumentCause, MemberProblem};
use crate::JsonType;
use base64::Engine as _;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// The members of a version 2.0 document that must be there, in the order in which they are checked.
const REQUIRED: [&str; 6] =
    ["TLS.ver", "TLS.identifier", "TLS.sdkappid", "TLS.time", "TLS.expire", "TLS.sig"];
const USERBUF: &str = "TLS.userbuf";

/// What only a document of version 1 has.
const VERSION_1: [&str; 5] =
    ["TLS.sdk_appid", "TLS.expire_after", "TLS.account_type", "TLS.appid_at_3rd", "TLS.version"];

/// A document's members as they are written, in their order; one may be there twice.
#[derive(Default, Debug)]
pub(super) struct Members<'a>(Vec<(String, &'a str)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    members.push((name, value.get()));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

impl<'a> Members<'a> {
    /// Reads a document that is JSON.
    pub(super) fn read(document: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(document).ok()
    }

    /// Every member: its name, and its value as JSON.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }

    fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'a str> + 's {
        self.iter().filter(move |(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The value of a member that is a string.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.all(name).next()?).ok()
    }
}

/// What is wrong with a document; `None` when nothing is.
pub(super) fn cause(document: &[u8]) -> Option<DocumentCause> {
    if document.len() as u64 > DOCUMENT_BYTES_MAX {
        return Some(DocumentCause::TooLarge);
    }
    if document.starts_with(b"\xef\xbb\xbf") {
        return Some(DocumentCause::ByteOrderMark);
    }
    if document.starts_with(b"\xff\xfe")
        || document.starts_with(b"\xfe\xff")
        || matches!(document, [b'{', 0, ..] | [0, b'{', ..])
    {
        return Some(DocumentCause::Utf16);
    }
    let Ok(text) = std::str::from_utf8(document) else { return Some(DocumentCause::NotUtf8) };
    let members = match serde_json::from_str::<Members<'_>>(text) {
        Ok(members) => members,
        Err(error) => return Some(not_json(text.trim(), error.is_eof())),
    };
    let has = |name: &str| members.all(name).next().is_some();
    if !has("TLS.ver") && VERSION_1.into_iter().any(has) {
        return Some(DocumentCause::Version1);
    }
    REQUIRED
        .into_iter()
        .chain([USERBUF])
        .find_map(|name| Some(DocumentCause::Member(name, problem(&members, name)?)))
}

/// What a text is that is no JSON object.
fn not_json(text: &str, ends_early: bool) -> DocumentCause {
    if text.starts_with('"') && text.contains("TLS.") {
        DocumentCause::JsonInString
    } else if text.starts_with('{') && text.contains("'TLS.") {
        DocumentCause::PythonDict
    } else if text.starts_with("a:") || text.starts_with("array (") || text.starts_with("O:") {
        DocumentCause::PhpSerialized
    } else if text.starts_with("TLS.") && text.contains('=') && text.contains('&') {
        DocumentCause::Form
    } else if text.starts_with("TLS.identifier:") {
        DocumentCause::SignedText
    } else if text.starts_with('{') && ends_early {
        DocumentCause::JsonCut
    } else {
        DocumentCause::NotJson
    }
}

/// What is wrong with a member.
fn problem(members: &Members<'_>, name: &'static str) -> Option<MemberProblem> {
    let mut values = members.all(name);
    let Some(json) = values.next() else {
        return (name != USERBUF).then(|| MemberProblem::Missing(meant(members, name)));
    };
    if values.next().is_some() {
        return Some(MemberProblem::Twice);
    }
    let found = JsonType::of_text(json);
    let text = serde_json::from_str::<String>(json);
    match (name, found) {
        ("TLS.sdkappid" | "TLS.time" | "TLS.expire", JsonType::Number | JsonType::Text) => {
            let digits = text.as_deref().unwrap_or(json);
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            let fits = is_number && digits.parse::<u64>().is_ok();
            (!fits).then(|| MemberProblem::Number(digits.to_owned()))
        }
        (USERBUF, JsonType::Null) => None,
        ("TLS.sdkappid" | "TLS.time" | "TLS.expire", _) => Some(MemberProblem::Type(found)),
        (_, JsonType::Text) => match (name, text.ok()?) {
            ("TLS.ver", version) => (version != "2.0").then_some(MemberProblem::Version(version)),
            ("TLS.identifier", name) => name.chars().any(char::is_control).then_some(MemberProblem::Control),
            (USERBUF, buffer) => userbuf(&buffer),
            (_, signature) => sig(&signature),
        },
        ("TLS.ver", JsonType::Number) => Some(MemberProblem::Version(json.to_owned())),
        (_, _) => Some(MemberProblem::Type(found)),
    }
}

fn userbuf(text: &str) -> Option<MemberProblem> {
    if is_canonical(text) {
        return None;
    }
    Some(if is_in_other_letters(text) { MemberProblem::UserbufAlphabet } else { MemberProblem::Userbuf })
}

fn sig(text: &str) -> Option<MemberProblem> {
    if LENIENT.decode(text).is_ok() {
        return None;
    }
    Some(if text.contains(['\n', '\r']) {
        MemberProblem::SigLineEnds
    } else if text.starts_with("b'") || text.starts_with("b\"") {
        MemberProblem::SigPythonBytes
    } else if is_in_other_letters(text) {
        MemberProblem::SigAlphabet
    } else {
        MemberProblem::SigNotBase64
    })
}

/// Whether a text is base64 with the letters of RFC 4648 (`-`, `_`) or of the cloud (`*`, `-`, `_`).
fn is_in_other_letters(text: &str) -> bool {
    let rfc = text.replace('-', "+").replace('_', "/");
    let cloud = text.replace('*', "+").replace('-', "/").replace('_', "=");
    text.contains(['*', '-', '_']) && [rfc, cloud].iter().any(|standard| LENIENT.decode(standard).is_ok())
}

/// The member that may be meant by one that is missing: its other names, or nearly its own.
fn meant(members: &Members<'_>, name: &str) -> Option<String> {
    let others: &[&str] = match name {
        "TLS.identifier" => &["userid", "user", "account", "uid", "id"],
        "TLS.sdkappid" => &["appid", "sdkapp"],
        "TLS.expire" => &["expireafter", "expiretime", "expires", "expiry", "exp"],
        "TLS.time" => &["timestamp", "currtime", "inittime", "iat"],
        "TLS.sig" => &["signature", "sign", "usersig"],
        _ => &["version"],
    };
    let bare = |text: &str| -> String {
        let lower = text.to_ascii_lowercase();
        let lower = lower.strip_prefix("tls.").or_else(|| lower.strip_prefix("tls")).unwrap_or(&lower);
        lower.chars().filter(char::is_ascii_alphanumeric).collect()
    };
    let wanted = bare(name);
    let names = || {
        members.iter().map(|(known, _)| known).filter(|known| !REQUIRED.contains(known) && *known != USERBUF)
    };
    let same = names().find(|known| bare(known) == wanted || others.contains(&bare(known).as_str()));
    let near = names()
        .find(|known| known.len() < 40 && strsim::osa_distance(&bare(known), &wanted) <= wanted.len() / 3);
    same.or(near).map(str::to_owned)
}

//! Recorded bodies: whatever a client sent is stored so that every JSON parser reads it back.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

/// The most bytes of a body that are kept.
const BODY_BYTES_MAX: usize = 16 << 10;
/// The deepest JSON that is kept as JSON. Parsers have limits from 128 levels on, and a list of calls adds some itself.
const DEPTH_MAX: usize = 64;

/// A recorded body: its exact JSON, or the start of its text.
///
/// JSON that some parser refuses is stored as text: lone surrogates, numbers beyond those of IEEE 754 (`1e400`), deep
/// nesting. Python's `json`, `JSON.parse` and `serde_json` disagree about them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum RecordedBody {
    Json(Box<RawValue>),
    Text(String),
}

impl RecordedBody {
    /// Records a body; `None` when it is empty.
    pub(crate) fn of(body: &[u8]) -> Option<Self> {
        if body.is_empty() {
            return None;
        }
        let short = body.get(..BODY_BYTES_MAX).unwrap_or(body);
        let json = (short.len() == body.len() && is_plain_json(body))
            .then(|| serde_json::from_slice(body).ok())
            .flatten();
        Some(json.map_or_else(|| Self::Text(String::from_utf8_lossy(short).into_owned()), Self::Json))
    }

    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Json(json) => json.get().len(),
            Self::Text(text) => text.len(),
        }
    }
}

/// Returns whether every parser reads this as JSON. A [`RawValue`] alone does not tell: it skips over what it holds.
fn is_plain_json(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok_and(|value| is_shallow(&value, DEPTH_MAX))
}

fn is_shallow(value: &Value, depth_left: usize) -> bool {
    let Some(inner) = depth_left.checked_sub(1) else { return false };
    match value {
        Value::Array(list) => list.iter().all(|value| is_shallow(value, inner)),
        Value::Object(members) => members.values().all(|value| is_shallow(value, inner)),
        _ => true,
    }
}

/// The most accounts that are read from a body: twice what any command of the cloud takes. Each is compared with every fault
/// rule, on a thread that answers calls.
pub const USERS_MAX: usize = 1000;

/// Returns the accounts that a body names, each once, in the order of their first mention, at most [`USERS_MAX`]. The rest of
/// the body may be anything that has the form of JSON; a lone surrogate in an account is read as U+FFFD.
pub fn named_users(body: &[u8]) -> Vec<String> {
    const MEMBERS: [&str; 8] = [
        "From_Account",
        "To_Account",
        "UserID",
        "Identifier",
        "Accounts",
        "AccountList",
        "CheckItem",
        "DeleteItem",
    ];
    let text = String::from_utf8_lossy(body);
    let text = without_lone_surrogates(text.trim_start_matches('\u{feff}'));
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(&text).unwrap_or_default();
    let (mut users, mut seen): (Vec<String>, HashSet<String>) = (Vec::new(), HashSet::new());
    let mut add = |value: &RawValue| {
        if users.len() == USERS_MAX {
            return;
        }
        let object: Option<BTreeMap<String, &RawValue>> = serde_json::from_str(value.get()).ok();
        let id = object.as_ref().map_or(Some(value), |members| members.get("UserID").copied());
        if let Some(id) = id.and_then(|id| serde_json::from_str::<String>(id.get()).ok())
            && seen.insert(id.clone())
        {
            users.push(id);
        }
    };
    for value in MEMBERS.iter().filter_map(|member| members.get(*member)) {
        match serde_json::from_str::<Vec<&RawValue>>(value.get()) {
            Ok(list) => list.into_iter().for_each(&mut add),
            Err(_) => add(value),
        }
    }
    users
}

/// Returns JSON text with `\ufffd` in place of each escaped surrogate that has no partner.
fn without_lone_surrogates(text: &str) -> Cow<'_, str> {
    if !text.contains("\\ud") && !text.contains("\\uD") {
        return Cow::Borrowed(text);
    }
    let (mut clean, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        clean.push_str(before);
        let unit = unit_of(escape);
        let pair = unit.is_some_and(|unit| (0xd800..0xdc00).contains(&unit))
            && escape.get(6..).and_then(unit_of).is_some_and(|unit| (0xdc00..0xe000).contains(&unit));
        let taken = match unit {
            Some(_) if pair => 12,
            Some(_) => 6,
            // The backslash with the character after it, so that `\\\\ud800` is no surrogate.
            None => 1 + escape.chars().nth(1).map_or(0, char::len_utf8),
        };
        let (taken, after) = escape.split_at(taken);
        let is_lone = !pair && unit.is_some_and(|unit| (0xd800..0xe000).contains(&unit));
        clean.push_str(if is_lone { "\\ufffd" } else { taken });
        rest = after;
    }
    clean.push_str(rest);
    Cow::Owned(clean)
}

/// Returns the UTF-16 unit of an escape such as `\u0041` at the start of the text.
fn unit_of(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok().filter(|_| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_account_of_a_body_is_found() {
        let check =
            |body: &str, expected: &[&str]| assert_eq!(named_users(body.as_bytes()), expected, "{body}");
        check(r#"{"From_Account":"a","ProfileItem":[]}"#, &["a"]);
        check(r#"{"To_Account":["a","b","a"]}"#, &["a", "b"]);
        check(r#"{"UserID":"a"}"#, &["a"]);
        check(r#"{"Identifier":"a","Nick":"n"}"#, &["a"]);
        check(r#"{"Accounts":["a","b"]}"#, &["a", "b"]);
        check(r#"{"AccountList":[{"UserID":"a"},{"UserID":"b"}]}"#, &["a", "b"]);
        check(r#"{"DeleteItem":[{"UserID":"a"}]}"#, &["a"]);
        check("\u{feff}{\"CheckItem\":[{\"UserID\":\"爱\"}]}", &["爱"]);
        for body in ["", "[]", "{", "null", r#"{"From_Account":7}"#, r#"{"To_Account":[{}]}"#] {
            check(body, &[]);
        }
    }

    /// Also in a body that parsers refuse for something else in it.
    #[test]
    fn the_account_of_an_odd_body_is_found() {
        let check = |body: &str, expected: &[&str]| {
            assert_eq!(named_users(body.as_bytes()), expected, "{body}");
        };
        check(r#"{"From_Account":"a","x":"\ud800"}"#, &["a"]);
        check(r#"{"From_Account":"a\udc00","\ud800":1}"#, &["a\u{fffd}"]);
        check(r#"{"From_Account":"\ud83d\ude00\\ud800"}"#, &["😀\\ud800"]);
        check(r#"{"From_Account":"a","x":1e400,"y":-1E999}"#, &["a"]);
        check(&format!(r#"{{"From_Account":"a","x":1{}}}"#, "0".repeat(400)), &["a"]);
        check(r#"{"AccountList":[{"UserID":"a","x":1e400},{"UserID":"b"}]}"#, &["a", "b"]);
        check(&format!(r#"{{"From_Account":"a","x":{}{}}}"#, "[".repeat(5000), "]".repeat(5000)), &["a"]);
        check(r#"{"From_Account":"a\u0000b"}"#, &["a\0b"]);
        assert_eq!(named_users(b"{\"From_Account\":\"a\",\"x\":\"\xff\"}"), ["a"]);
    }

    #[test]
    fn a_body_with_very_many_accounts_is_read_in_part() {
        let ids: Vec<String> = (0..100_000).map(|number| format!("u{number:05}")).collect();
        let body = serde_json::json!({ "To_Account": ids }).to_string();
        assert!(body.len() > 850_000);
        assert_eq!(named_users(body.as_bytes()), ids[..USERS_MAX]);
        let repeated = serde_json::json!({ "To_Account": vec!["u"; 200_000] }).to_string();
        assert_eq!(named_users(repeated.as_bytes()), ["u"]);
    }

    #[test]
    fn bodies_are_kept_exactly_or_cut() {
        let json = |body: Option<RecordedBody>| serde_json::to_string(&body).unwrap();
        assert_eq!(json(RecordedBody::of(b"{\"n\":1.0}")), "{\"n\":1.0}");
        assert_eq!(json(RecordedBody::of(b"")), "null");
        assert_eq!(json(RecordedBody::of(b"{")), "\"{\"");
        let long = format!("\"{}\"", "x".repeat(BODY_BYTES_MAX));
        assert_eq!(RecordedBody::of(long.as_bytes()).unwrap().size(), BODY_BYTES_MAX);
    }

    #[test]
    fn what_a_parser_may_refuse_is_kept_as_text() {
        let deep = format!("{}{}", "[".repeat(DEPTH_MAX + 1), "]".repeat(DEPTH_MAX + 1));
        let huge = format!("1{}", "0".repeat(400));
        for odd in
            [r#"{"a":"\ud800"}"#, r#"{"\udc00":1}"#, "1e400", "[-1e400]", &deep, &huge, "{\"a\":\"\0\"}"]
        {
            let Some(RecordedBody::Text(text)) = RecordedBody::of(odd.as_bytes()) else {
                panic!("{odd} is kept as JSON");
            };
            assert_eq!(text, odd);
        }
        for plain in [r#"{"a":"\u0000\ud83d\ude00"}"#, "1e308", "18446744073709551616"] {
            assert!(matches!(RecordedBody::of(plain.as_bytes()), Some(RecordedBody::Json(_))), "{plain}");
        }
    }
}

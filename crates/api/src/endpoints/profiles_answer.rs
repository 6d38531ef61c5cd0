//! The answer of `portrait_get`. It is written here and not by serde: strings are most of it, and those without escapes, nearly
//! all, are copied as a whole. A test compares the two.

use crate::openapi::item::ItemSchema;
use crate::openapi::operation::described;
use portraitd_model::{ErrorCode, FieldValue, Profile, Tag, UserId};
use portraitd_store::Found;
use schemars::JsonSchema;
use std::borrow::Cow;
use std::io::Write;

/// The cloud's id for an account that does not exist; both its web SDKs skip entries with it.
const NOT_FOUND: &str = "@TLS#NOT_FOUND";

/// The members of the answer.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(rename_all = "PascalCase")]
pub(super) struct Members<'a> {
    user_profile_item: Vec<UserProfile<'a>>,
    #[serde(rename = "Fail_Account", skip_serializing_if = "Vec::is_empty")]
    fail_account: Vec<&'a str>,
    #[serde(rename = "Invalid_Account", skip_serializing_if = "Vec::is_empty")]
    invalid_account: Vec<&'a str>,
}

#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(rename_all = "PascalCase")]
struct UserProfile<'a> {
    #[serde(rename = "To_Account")]
    to_account: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<ItemSchema>>")]
    profile_item: Option<ReadFields<'a>>,
    result_code: u32,
    result_info: &'static str,
}

/// The fields asked for, in that order; fields that were never set are omitted.
struct ReadFields<'a> {
    profile: &'a Profile,
    tags: &'a [(Cow<'a, str>, Tag)],
}

described! {
    Members<'static> => {
        "UserProfileItem": [{
            "To_Account": "alice", "ProfileItem": [{ "Tag": "Tag_Profile_IM_Nick", "Value": "Alice" }],
            "ResultCode": 0, "ResultInfo": "",
        }],
    };
}

impl<'a> Members<'a> {
    /// Builds the members. With `echo_unknown` an account that does not exist has the id asked for.
    pub(super) fn of(
        users: &'a [UserId],
        tags: &'a [(Cow<'a, str>, Tag)],
        found: &'a [Found],
        echo_unknown: bool,
    ) -> Self {
        const UNREADABLE: &str = "Err_Profile_PortraitGet_Read_Custom_Data_Fail";
        let entry = |(user, found): (&'a UserId, &'a Found)| {
            let missing = ErrorCode::AccountNotFound;
            let (profile_item, result_code, result_info) = match found {
                Found::Profile(profile) => (Some(ReadFields { profile, tags }), 0, ""),
                Found::Missing => (None, missing.number(), missing.info()),
                Found::Damaged => (None, ErrorCode::Internal.number(), UNREADABLE),
            };
            let is_hidden = matches!(found, Found::Missing) && !echo_unknown;
            let to_account = if is_hidden { NOT_FOUND } else { user.as_str() };
            UserProfile { to_account, profile_item, result_code, result_info }
        };
        let ids_of = |wanted: fn(&Found) -> bool| -> Vec<&'a str> {
            let wanted = users.iter().zip(found).filter(|(_, found)| wanted(found));
            wanted.map(|(user, _)| user.as_str()).collect()
        };
        Self {
            user_profile_item: users.iter().zip(found).map(entry).collect(),
            fail_account: ids_of(|found| !matches!(found, Found::Profile(_))),
            invalid_account: ids_of(|found| matches!(found, Found::Missing)),
        }
    }

    /// Returns them as JSON.
    pub(super) fn written(&self) -> Vec<u8> {
        /// Enough for most accounts with a few fields.
        const ACCOUNT_BYTES: usize = 512;
        /// The envelope that follows, and what surrounds the list.
        const OTHER_BYTES: usize = 256;
        let mut out = Vec::with_capacity(self.user_profile_item.len() * ACCOUNT_BYTES + OTHER_BYTES);
        out.extend_from_slice(br#"{"UserProfileItem":"#);
        push_list(&mut out, &self.user_profile_item, UserProfile::write);
        for (name, accounts) in
            [("Fail_Account", &self.fail_account), ("Invalid_Account", &self.invalid_account)]
        {
            if !accounts.is_empty() {
                out.push(b',');
                push_text(&mut out, name);
                out.push(b':');
                push_list(&mut out, accounts, |account, out| push_text(out, account));
            }
        }
        out.push(b'}');
        out
    }
}

impl UserProfile<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(br#"{"To_Account":"#);
        push_text(out, self.to_account);
        if let Some(fields) = &self.profile_item {
            out.extend_from_slice(br#","ProfileItem":"#);
            push_list(out, fields.items(), |(tag, value), out| {
                out.extend_from_slice(br#"{"Tag":"#);
                push_text(out, tag);
                out.extend_from_slice(br#","Value":"#);
                match value {
                    FieldValue::Text(text) => push_text(out, text),
                    FieldValue::Uint(number) => push_number(out, *number),
                }
                out.push(b'}');
            });
        }
        out.extend_from_slice(br#","ResultCode":"#);
        push_number(out, u64::from(self.result_code));
        out.extend_from_slice(br#","ResultInfo":"#);
        push_text(out, self.result_info);
        out.push(b'}');
    }
}

impl<'a> ReadFields<'a> {
    fn items(&self) -> impl Iterator<Item = (&'a str, &'a FieldValue)> {
        let profile = self.profile;
        self.tags.iter().filter_map(|(text, tag)| Some((&**text, profile.get(*tag)?)))
    }
}

fn push_list<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(T, &mut Vec<u8>),
) {
    out.push(b'[');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(b']');
}

fn push_number(out: &mut Vec<u8>, number: u64) {
    // Writing into memory does not fail.
    let _ = write!(out, "{number}");
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    let needs_escape = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    // Not `any`, which ends at the first one: without an early end the compiler tests many bytes at once.
    if text.bytes().fold(false, |found, byte| found | needs_escape(byte)) {
        let _ = serde_json::to_writer(&mut *out, text);
        return;
    }
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use portraitd_model::{ProfileItem, StandardTag, TagValue};
    use proptest::prelude::*;
    use serde::{Serialize, Serializer};

    impl Serialize for ReadFields<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq(self.items().map(|(tag, value)| TagValue { tag, value }))
        }
    }

    fn any_found() -> impl Strategy<Value = Found> {
        let tag = prop_oneof![Just(StandardTag::Nick), Just(StandardTag::Level), Just(StandardTag::Image)];
        let value = prop_oneof![
            any::<u64>().prop_map(FieldValue::Uint),
            "[\\x00-\\x7f]{0,40}".prop_map(|text| FieldValue::Text(text.into())),
            "\\PC{0,40}".prop_map(|text| FieldValue::Text(text.into())),
        ];
        let item = (tag, value).prop_map(|(tag, value)| ProfileItem { tag: Tag::Standard(tag), value });
        let profile = prop::collection::vec(item, 0..4).prop_map(Profile::from_items);
        prop_oneof![
            4 => profile.prop_map(Found::Profile),
            1 => Just(Found::Missing),
            1 => Just(Found::Damaged),
        ]
    }

    proptest! {
        #[test]
        fn it_is_written_as_serde_writes_it(
            answers in prop::collection::vec(("\\PC{1,8}", any_found()), 0..6),
            echo_unknown in any::<bool>(),
        ) {
            let users: Vec<_> = answers.iter().map(|(user, _)| UserId::parse(user).unwrap()).collect();
            let found: Vec<_> = answers.into_iter().map(|(_, found)| found).collect();
            let named = |tag: StandardTag| (Cow::Borrowed(tag.as_str()), Tag::Standard(tag));
            let tags = [StandardTag::Image, StandardTag::Nick, StandardTag::Level].map(named);
            let members = Members::of(&users, &tags, &found, echo_unknown);
            let written = String::from_utf8(members.written()).unwrap();
            prop_assert_eq!(written, serde_json::to_string(&members).unwrap());
        }
    }

    #[test]
    fn every_byte_that_json_escapes_is_escaped() {
        for byte in 0..0x80_u8 {
            let text = format!("a{}b", char::from(byte));
            let mut out = Vec::new();
            push_text(&mut out, &text);
            assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&text).unwrap());
        }
    }
}

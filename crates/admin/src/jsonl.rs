//! The lines of an export and an import: one account with its profile as one line of JSON.
//!
//! `{"UserID":"alice","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"Alice"}]}`. The members and tags have a fixed
//! order and no time is included, so that equal accounts give equal lines.

use crate::parse_problem;
use portraitd_api::openapi::item::ItemSchema;
use portraitd_model::{
    AccountSeed, Bilingual, FieldSchema, NewUserId, NumberText, Profile, ProfileItem, Role, UncheckedItem,
    UserId, WordFilter, bilingual,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// One account with its profile: a line of an export.
#[derive(JsonSchema, Serialize)]
pub(super) struct Record<'a> {
    #[serde(rename = "UserID")]
    user: &'a str,
    #[serde(rename = "ProfileItem")]
    #[schemars(with = "Vec<ItemSchema>")]
    items: &'a [ProfileItem],
}

/// An account's line, as it is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountLine<'a> {
    #[serde(rename = "UserID", borrow)]
    user: Cow<'a, str>,
    #[serde(rename = "ProfileItem", borrow, default)]
    items: Vec<AccountLineItem<'a>>,
}

/// A tag and its value, borrowed from the line. Other members are refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct AccountLineItem<'a> {
    #[serde(borrow)]
    tag: Cow<'a, str>,
    #[serde(borrow)]
    value: &'a RawValue,
}

/// Writes an account's line, without the line break.
pub fn write(user: UserId, profile: &Profile) -> serde_json::Result<Box<RawValue>> {
    serde_json::value::to_raw_value(&Record { user: user.as_str(), items: profile.items() })
}

/// Reads an account's line. The error is a sentence that says what is wrong with it.
pub fn read(schema: &FieldSchema, line: &[u8]) -> Result<AccountSeed, Bilingual> {
    let invalid_json = |error: serde_json::Error| {
        // The caller names the line by its number in the file; serde_json always calls it line 1.
        let reason = error.to_string().replace(" at line 1 ", " at ");
        parse_problem::of(&reason).after("not an account's line: ", "不是账号的一行：")
    };
    let parsed: AccountLine<'_> = serde_json::from_slice(line).map_err(invalid_json)?;
    let user =
        NewUserId::parse(&parsed.user).map_err(|error| Bilingual::of(|language| error.explain(language)))?;
    let items = parsed.items.iter().map(|item| unchecked_item(&item.tag, item.value));
    let patch = check(schema, items)?;
    Ok(AccountSeed { user, patch })
}

/// Checks fields that an operator sets: their types and sizes, but not permissions or sensitive words.
pub fn check<'a>(
    schema: &FieldSchema,
    items: impl Iterator<Item = Result<UncheckedItem<'a>, Bilingual>>,
) -> Result<portraitd_model::ProfilePatch, Bilingual> {
    let items: Vec<UncheckedItem<'_>> = items.collect::<Result<_, _>>()?;
    let patch = schema.check(&WordFilter::default(), Role::Operator, &items);
    patch.map_err(|error| Bilingual::of(|language| error.explain(language)))
}

/// Returns a field as it was sent; an error when its value is neither a string nor a number.
pub(super) fn unchecked_item<'a>(tag: &'a str, value: &'a RawValue) -> Result<UncheckedItem<'a>, Bilingual> {
    let text = value.get();
    let value = if text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        portraitd_model::UncheckedValue::Number(NumberText(text))
    } else {
        let text: String = serde_json::from_str(text).map_err(|_| {
            bilingual!("the value must be a string or a number", "值应为字符串或数字").of_member(tag)
        })?;
        portraitd_model::UncheckedValue::Text(text.into())
    };
    Ok(UncheckedItem { tag, value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use portraitd_model::{AppSettings, Language, SdkAppId};

    #[test]
    fn lines_read_back_and_errors_are_named() {
        let schema = FieldSchema::of(&AppSettings::new(SdkAppId(1)));
        let line = r#"{"UserID":"爱\"丽","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"\u0000\n"},{"Tag":"Tag_Profile_IM_Level","Value":7}]}"#;
        let seed = read(&schema, line.as_bytes()).unwrap();
        let mut profile = Profile::default();
        profile.merge(&seed.patch);
        assert_eq!(write(seed.user.id(), &profile).unwrap().get(), line);
        let refused = |line: &str, part: &str| {
            let error = read(&schema, line.as_bytes()).unwrap_err();
            assert!(error.english().contains(part), "{error:?}");
            let chinese = error.pick(Language::Chinese);
            assert!(chinese.chars().any(|letter| ('一'..='龥').contains(&letter)), "{chinese}");
        };
        refused(r#"{"UserID":"a","ProfileItem":[{"Tag":"Tag_Pro"#, "EOF while parsing");
        refused(r#"{"UserID":"","ProfileItem":[]}"#, "the UserID is empty");
        refused(r#"{"UserID":"@TLS#NOT_FOUND"}"#, "start with @TLS#");
        refused(r#"{"ProfileItem":[]}"#, "missing field `UserID`");
        refused(r#"{"UserID":"a","Nick":"x"}"#, "unknown field `Nick`");
        refused(r#"{"UserID":"a","ProfileItem":[{"Tag":"Nope","Value":"x"}]}"#, "Nope");
        refused(
            r#"{"UserID":"a","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":null}]}"#,
            "a string or a number",
        );
        refused(
            r#"{"UserID":"a","ProfileItem":[{"Tag":"Tag_Profile_IM_Level","Value":"7"}]}"#,
            "a number from 0 to 4294967295",
        );
    }
}

//! The JSON rules of the protocol: what is JSON, an absent member, an account, a field value.
//!
//! Existing clients need these tolerances: a byte-order mark, `[]` for an empty object (PHP), `null` for an absent
//! member, unknown members. Of a member given twice the last one counts.

use crate::body_problem::BodyProblem;
use crate::body_shape::{Mismatch, Shape, type_name};
use crate::envelope::ApiError;
use memchr::{memchr, memchr2};
use portraitd_model::{ErrorCode, JsonType, Language, NewUserId, NumberText, Service, UserId};
use serde::de::{self, Deserialize, Deserializer, IgnoredAny};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// How deep objects and lists may nest.
const DEPTH_MAX: usize = 16;

/// Decodes a body into a wire struct: 60003 when it is not JSON, the service's code when its shape is wrong.
pub(crate) fn decode<'a, T: Deserialize<'a> + Shape>(
    service: Service,
    body: &'a [u8],
) -> Result<T, ApiError> {
    let not_json = |problem: BodyProblem| {
        let [english, chinese] = Language::BOTH.map(|language| problem.explain(language));
        ApiError::with_detail(ErrorCode::JsonParse, english, chinese)
    };
    let text = std::str::from_utf8(body).map_err(|_| not_json(BodyProblem::of(body)))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if depth(text) > DEPTH_MAX {
        return Err(not_json(BodyProblem::TooDeep(DEPTH_MAX)));
    }
    serde_json::from_str(text).map_err(|_| {
        if serde_json::from_str::<IgnoredAny>(text).is_err() {
            return not_json(BodyProblem::of(body));
        }
        let value: Option<Value> = serde_json::from_str(text).ok();
        let mismatch = value.as_ref().and_then(T::mismatch);
        let [english, chinese] = Language::BOTH.map(|language| {
            let where_ = mismatch.as_ref().map(|mismatch| mismatch.explain(language));
            let said = language.pick(
                "the body is valid JSON, but its structure does not match this API",
                "包体 JSON 结构与接口不符",
            );
            where_.map_or_else(
                || said.to_owned(),
                |place| format!("{said}{}{place}", language.pick(": ", "：")),
            )
        });
        ApiError::with_detail(service.bad_parameter(), english, chinese)
    })
}

/// Returns the explanation of a member that is not there. A member of a similar name, as `profileItem`, is named.
pub(crate) fn missing(body: &[u8], name: &str, code: ErrorCode) -> ApiError {
    let squash =
        |text: &str| text.replace(['_', '-'], "").to_ascii_lowercase().trim_end_matches('s').to_owned();
    let value =
        serde_json::from_slice(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)).unwrap_or(Value::Null);
    let mut names = value.as_object().into_iter().flatten().map(|(known, _)| known);
    let near = names.find(|known| *known != name && squash(known) == squash(name));
    match near {
        Some(near) => ApiError::with_detail(
            code,
            format!("{name} is missing; is \"{near}\" meant to be it? Names are case-sensitive"),
            format!("缺少 {name}；\"{near}\" 是否就是它？成员名区分大小写"),
        ),
        None => {
            ApiError::with_detail(code, format!("{name} is missing or empty"), format!("{name} 缺失或为空"))
        }
    }
}

/// Returns how deep brackets outside of strings nest. For text that is not JSON the number has no meaning; the parser
/// refuses it.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        match byte {
            b'"' => rest = after_string(after),
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Returns what follows a string's closing quote; `text` is what follows the opening one.
fn after_string(text: &[u8]) -> &[u8] {
    let mut rest = text;
    while let Some(index) = memchr2(b'"', b'\\', rest) {
        let is_end = rest.get(index) == Some(&b'"');
        // An escape has at least one more byte, which may be a quote.
        rest = rest.get(if is_end { index + 1 } else { index + 2 }..).unwrap_or_default();
        if is_end {
            return rest;
        }
    }
    &[]
}

/// Declares a wire struct: every member is optional, `null` counts as absent, the last of two equal members counts, unknown
/// members are ignored, and `[]` is read as `{}`. (serde's own derive refuses a member given twice.)
macro_rules! wire_struct {
    ($(#[$doc:meta])* $visibility:vis $name:ident { $($field:ident: $type:ty = $key:literal $(| $alias:literal)?,)* }) => {
        $(#[$doc])*
        #[derive(Default)]
        $visibility struct $name<'a> { $($field: Option<$type>,)* }

        impl<'de: 'a, 'a> serde::Deserialize<'de> for $name<'a> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor<'a>(std::marker::PhantomData<$name<'a>>);
                impl<'de: 'a, 'a> serde::de::Visitor<'de> for Visitor<'a> {
                    type Value = $name<'a>;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }
                    fn visit_map<M: serde::de::MapAccess<'de>>(self, mut map: M) -> Result<$name<'a>, M::Error> {
                        let mut object = $name::default();
                        while let Some(key) = map.next_key::<$crate::json::Text<'de>>()? {
                            match &*key.0 {
                                $($key $(| $alias)? => object.$field = map.next_value()?,)*
                                _ => drop(map.next_value::<serde::de::IgnoredAny>()?),
                            }
                        }
                        Ok(object)
                    }
                    fn visit_seq<S: serde::de::SeqAccess<'de>>(self, mut seq: S) -> Result<$name<'a>, S::Error> {
                        match seq.next_element::<serde::de::IgnoredAny>()? {
                            None => Ok($name::default()),
                            Some(_) => Err(serde::de::Error::custom("a list in place of an object")),
                        }
                    }
                }
                deserializer.deserialize_any(Visitor(std::marker::PhantomData))
            }
        }

        impl<'a> $crate::body_shape::Shape for $name<'a> {
            fn mismatch(value: &serde_json::Value) -> Option<$crate::body_shape::Mismatch> {
                use $crate::body_shape::{Mismatch, Shape};
                match value {
                    serde_json::Value::Object(members) => {
                        $(for key in [$key $(, $alias)?] {
                            let found = members.get(key).and_then(<Option<$type> as Shape>::mismatch);
                            if let Some(found) = found {
                                return Some(found.inside(key));
                            }
                        })*
                        None
                    }
                    serde_json::Value::Array(list) if list.is_empty() => None,
                    other => Some(Mismatch::of(other, portraitd_model::JsonType::Object)),
                }
            }
        }
    };
}
pub(crate) use wire_struct;

/// A string, borrowed from the body if it contains no escapes.
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Cow<'de, str>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
                Ok(Cow::Borrowed(text))
            }
            fn visit_str<E>(self, text: &str) -> Result<Cow<'de, str>, E> {
                Ok(Cow::Owned(text.to_owned()))
            }
        }
        deserializer.deserialize_str(Visitor).map(Text)
    }
}

/// A member whose type is checked later, because a wrong type has its own error code.
#[derive(Clone, Copy)]
pub(crate) struct Member<'a>(&'a RawValue);

impl<'de: 'a, 'a> Deserialize<'de> for Member<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(Member)
    }
}

impl Shape for Member<'_> {
    fn mismatch(_: &Value) -> Option<Mismatch> {
        None
    }
}

impl<'a> Member<'a> {
    /// Returns the name of the type that the member has, in English and in Chinese.
    pub(crate) fn type_names(self) -> [&'static str; 2] {
        let json_type = JsonType::of_text(self.0.get());
        Language::BOTH.map(|language| type_name(json_type, language))
    }

    /// Returns the string; `None` when the member is not a string.
    pub(crate) fn text(self) -> Result<Option<Cow<'a, str>>, ApiError> {
        let raw: &'a str = self.0.get();
        let Some(inside) = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
            return Ok(None);
        };
        // The body was parsed as JSON: without escapes, what stands between the quotes is the string.
        if memchr(b'\\', inside.as_bytes()).is_none() {
            return Ok(Some(Cow::Borrowed(inside)));
        }
        // Only a lone surrogate escape (`\ud800`) fails here: valid JSON, but not a string of Unicode.
        let no_text = |_| ApiError::new(ErrorCode::JsonParse);
        serde_json::from_str::<Text<'a>>(raw).map(|text| Some(text.0)).map_err(no_text)
    }

    /// Returns the field value, a string or a number; `None` when the member is neither.
    pub(crate) fn value(self) -> Result<Option<portraitd_model::UncheckedValue<'a>>, ApiError> {
        let raw = self.0.get();
        if raw.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
            return Ok(Some(portraitd_model::UncheckedValue::Number(NumberText(raw))));
        }
        Ok(self.text()?.map(portraitd_model::UncheckedValue::Text))
    }
}

/// Where an account stands in a body.
#[derive(Clone, Copy)]
pub(crate) struct AccountPlace {
    /// The member.
    pub(crate) member: &'static str,
    /// Which one of a list, counted from 0.
    pub(crate) item: Option<usize>,
}

impl AccountPlace {
    pub(crate) const fn member(member: &'static str) -> Self {
        Self { member, item: None }
    }

    fn name(self, language: Language) -> String {
        match (self.item.map(|item| item + 1), language) {
            (None, _) => self.member.to_owned(),
            (Some(number), Language::English) => format!("item {number}: {}", self.member),
            (Some(number), Language::Chinese) => format!("第 {number} 项：{}", self.member),
        }
    }

    /// Returns an error that names the place.
    fn error(self, code: ErrorCode, english: &str, chinese: &str) -> ApiError {
        let [in_english, in_chinese] = Language::BOTH.map(|language| self.name(language));
        ApiError::with_detail(code, format!("{in_english} {english}"), format!("{in_chinese} {chinese}"))
    }
}

/// Reads an account: the service's code when it is absent or not a valid [`UserId`], 60015 when it is not a string.
pub(crate) fn account(
    service: Service,
    place: AccountPlace,
    member: Option<Member<'_>>,
) -> Result<UserId, ApiError> {
    let missing = || place.error(service.bad_parameter(), "is missing", "缺失");
    let member = member.ok_or_else(missing)?;
    let text = member.text()?.ok_or_else(|| {
        let [english, chinese] = member.type_names();
        place.error(
            ErrorCode::AccountNotString,
            &format!("is {english}; a UserID is a string, in double quotes also when it is all digits"),
            &format!("是{chinese}；UserID 应为字符串，全为数字时也要加双引号"),
        )
    })?;
    UserId::parse(&text).map_err(|error| ApiError::bad_id(service, error, place.item))
}

/// Reads an account to import, as [`account`] does; ids reserved by the cloud are refused too.
pub(crate) fn new_account(
    service: Service,
    place: AccountPlace,
    member: Option<Member<'_>>,
) -> Result<NewUserId, ApiError> {
    let user = account(service, place, member)?;
    NewUserId::new(user).map_err(|error| ApiError::bad_id(service, error, place.item))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    wire_struct! { Wire { id: Member<'a> = "Id" | "OldId", list: Vec<Member<'a>> = "List", } }

    fn check(body: &str, expected: Result<(Option<&str>, Option<usize>), u32>) {
        let found = decode::<Wire<'_>>(Service::Profile, body.as_bytes());
        let found = match &found {
            Ok(wire) => Ok((wire.id.map(|id| id.0.get()), wire.list.as_ref().map(Vec::len))),
            Err(error) => Err(error.code().number()),
        };
        assert_eq!(found, expected, "{body}");
    }

    #[test]
    fn bodies_of_existing_clients_are_decoded() {
        check(r#"{"Id":"a","List":[1,2]}"#, Ok((Some("\"a\""), Some(2))));
        check("\u{feff} {\"OldId\" : 1 } ", Ok((Some("1"), None)));
        check(r#"{"\u0049d":1,"X":[{"Y":[]}],"List":null}"#, Ok((Some("1"), None)));
        check(r#"{"Id":1,"Id":2,"List":[],"List":[3]}"#, Ok((Some("2"), Some(1))));
        check(r#"{"Id":1e400}"#, Ok((Some("1e400"), None)));
        check("{}", Ok((None, None)));
        check("[]", Ok((None, None)));
    }

    #[test]
    fn each_error_has_its_code() {
        for not_json in
            ["", " \n", "{", "{\"Id\":1", "{\"Id\":01}", "nul", "{'Id':1}", "{}x", "{\"Id\":\"\n\"}"]
        {
            check(not_json, Err(60003));
        }
        for wrong_shape in ["[1]", "1", "\"x\"", "null", "true", r#"{"List":{}}"#, r#"{"List":"x"}"#] {
            check(wrong_shape, Err(40001));
        }
        let nested = |depth: usize| format!("{{\"X\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        check(&nested(16), Ok((None, None)));
        check(&nested(17), Err(60003));
        check(&nested(100_000), Err(60003));
        check(&format!("{{\"X\":\"{}\\\"[\"}}", "[".repeat(40)), Ok((None, None)));
    }

    #[test]
    fn a_wrong_shape_is_explained_without_the_value() {
        let explain = |body: &str, language| {
            let error = decode::<Wire<'_>>(Service::Profile, body.as_bytes()).err().unwrap();
            error.explain(language)
        };
        let check = |body: &str, english: &str, chinese: &str| {
            let [in_english, in_chinese] = Language::BOTH.map(|language| explain(body, language));
            assert!(in_english.ends_with(english) && !in_english.contains("secret"), "{in_english}");
            assert!(in_chinese.ends_with(chinese) && !in_chinese.contains("secret"), "{in_chinese}");
        };
        check(
            r#"{"List":"a secret, expected by no one"}"#,
            "List is a string; a list is wanted: write [ ] around it, also around one",
            "List 是字符串，应为数组：只有一项时也要写成 [ ]",
        );
        check(
            r#"{"List":{}}"#,
            "List is an object; a list is wanted: write [ ] around it, also around one",
            "[ ]",
        );
        check(
            r#"{"List":{"1":{},"2":{}}}"#,
            "array whose keys are not 0, 1, 2 …, after array_filter or unset; use array_values",
            "请使用 array_values",
        );
        check(r#""a secret""#, "the body is a string; an object is wanted", "包体是字符串，应为对象");
        check("[1]", "the body is a list; an object is wanted: take away the [ ]", "请去掉 [ ]");
        check(r#""{\"Id\":1}""#, "serialised twice; serialise it once", "一次即可");
        check(r#"{"List":"[\"secret\"]"}"#, "serialised twice; serialise it once", "一次即可");
    }

    #[test]
    fn a_missing_member_is_named_and_so_is_a_similar_one() {
        let explain = |body: &str| {
            missing(body.as_bytes(), "ProfileItem", ErrorCode::BadParameter).explain(Language::English)
        };
        for body in [r#"{"profileItem":[]}"#, r#"{"ProfileItems":[]}"#, r#"{"Profile_Item":[]}"#] {
            assert!(explain(body).starts_with("ProfileItem is missing; is \""), "{}", explain(body));
        }
        for body in ["{}", "[]", r#"{"ProfileItem":[]}"#, r#"{"Other":1}"#] {
            assert_eq!(explain(body), "ProfileItem is missing or empty");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), json in r#"[\[\]{}",:0-9a-z\\]{0,60}"#) {
            let _ = decode::<Wire<'_>>(Service::Profile, &bytes);
            let _ = decode::<Wire<'_>>(Service::Account, json.as_bytes());
        }
    }
}

//! The JSON rules of the protocol: what is JSON, an absent member, an account, a field value.
//!
//! Existing clients need these tolerances: a byte-order mark, `[]` for an empty object (PHP), `null` for an absent
//! member, unknown members. Of a member given twice the last one counts.

use crate::envelope::ApiError;
use portraitd_model::{ErrorCode, IdError, NewUserId, NumberText, Service, UserId};
use serde::de::{self, Deserialize, Deserializer, IgnoredAny};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// How deep objects and lists may nest.
const DEPTH_MAX: usize = 16;

/// Decodes a body into a wire struct: 60003 when it is not JSON, the service's code when its shape is wrong.
pub(crate) fn decode<'a, T: Deserialize<'a>>(service: Service, body: &'a [u8]) -> Result<T, ApiError> {
    let not_json = |why: &dyn fmt::Display| {
        ApiError::with_detail(
            ErrorCode::JsonParse,
            format!("the body is not valid JSON: {why}"),
            format!("包体不是有效的 JSON：{why}"),
        )
    };
    let text = std::str::from_utf8(body).map_err(|_| not_json(&"it is not UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_ascii().is_empty() {
        return Err(not_json(&"it is empty; send at least {}"));
    }
    if depth(text) > DEPTH_MAX {
        return Err(not_json(&format_args!("it nests deeper than {DEPTH_MAX}")));
    }
    serde_json::from_str(text).map_err(|shape| {
        if let Err(syntax) = serde_json::from_str::<IgnoredAny>(text) {
            return not_json(&syntax);
        }
        let shape = without_value(&shape.to_string());
        ApiError::with_detail(
            service.bad_parameter(),
            format!("the body is valid JSON, but its structure does not match this API: {shape}"),
            format!("包体 JSON 结构与接口不符：{shape}"),
        )
    })
}

/// Removes the value from serde's message (`invalid type: string "…", expected a sequence at line 1 column 9`). Values are
/// personal data and may be long; what was expected, and where, is enough.
fn without_value(shape: &str) -> String {
    shape.rsplit_once(", expected ").map_or_else(|| shape.to_owned(), |(_, rest)| format!("expected {rest}"))
}

/// Returns how deep brackets outside of strings nest. For text that is not JSON the number has no meaning; the parser
/// refuses it.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => {
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'\\' => drop(bytes.next()),
                        b'"' => break,
                        _ => {}
                    }
                }
            }
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

impl<'a> Member<'a> {
    /// Returns the string; `None` when the member is not a string.
    pub(crate) fn text(self) -> Result<Option<Cow<'a, str>>, ApiError> {
        if !self.0.get().starts_with('"') {
            return Ok(None);
        }
        // Only a lone surrogate escape (`\ud800`) fails here: valid JSON, but not a string of Unicode.
        let no_text = |_| ApiError::new(ErrorCode::JsonParse);
        serde_json::from_str::<Text<'a>>(self.0.get()).map(|text| Some(text.0)).map_err(no_text)
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

/// Reads an account: the service's code when it is absent or not a valid [`UserId`], 60015 when it is not a string.
pub(crate) fn account(service: Service, member: Option<Member<'_>>) -> Result<UserId, ApiError> {
    let member = member.ok_or(ApiError::bad_id(service, IdError::Empty))?;
    let text = member.text()?.ok_or(ApiError::new(ErrorCode::AccountNotString))?;
    UserId::parse(&text).map_err(|error| ApiError::bad_id(service, error))
}

/// Reads an account to import, as [`account`] does; ids reserved by the cloud are refused too.
pub(crate) fn new_account(service: Service, member: Option<Member<'_>>) -> Result<NewUserId, ApiError> {
    NewUserId::new(account(service, member)?).map_err(|error| ApiError::bad_id(service, error))
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
        let explain = |body: &str| {
            let error = decode::<Wire<'_>>(Service::Profile, body.as_bytes()).err().unwrap();
            error.explain(portraitd_model::Language::English)
        };
        let explanation = explain(r#"{"List":"a secret, expected by no one"}"#);
        assert!(
            explanation.ends_with("expected a sequence at line 1 column 38")
                && !explanation.contains("secret"),
            "{explanation}"
        );
        assert!(explain(r#""a secret""#).ends_with("expected an object at line 1 column 10"));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), json in r#"[\[\]{}",:0-9a-z\\]{0,60}"#) {
            let _ = decode::<Wire<'_>>(Service::Profile, &bytes);
            let _ = decode::<Wire<'_>>(Service::Account, json.as_bytes());
        }
    }
}

//! Where a body's structure differs from its API's: which member, what it is, and what is wanted. Never shows a value.

use portraitd_model::{JsonType, Language};
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

/// A type that is read from a body, and can say where a body differs from it.
pub(crate) trait Shape {
    /// Returns the first member of the wrong type; `None` when every one fits.
    fn mismatch(value: &Value) -> Option<Mismatch>;
}

/// A member of the wrong type.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Mismatch {
    /// `None` is the body itself.
    member: Option<&'static str>,
    /// Counted from 0.
    item: Option<usize>,
    found: JsonType,
    wanted: JsonType,
    /// A string that holds JSON.
    is_json_in_text: bool,
    /// An object whose names are numbers: a list that lost an item, as PHP writes it.
    is_numbered: bool,
}

fn type_of(value: &Value) -> JsonType {
    match value {
        Value::Null => JsonType::Null,
        Value::Bool(_) => JsonType::Boolean,
        Value::Number(_) => JsonType::Number,
        Value::String(_) => JsonType::Text,
        Value::Array(_) => JsonType::List,
        Value::Object(_) => JsonType::Object,
    }
}

/// Returns the name of a type inside a sentence about a body.
pub(crate) fn type_name(json_type: JsonType, language: Language) -> &'static str {
    match (json_type, language) {
        (JsonType::Boolean, Language::English) => "true or false",
        (JsonType::Null, Language::Chinese) => " null",
        _ => json_type.name(language),
    }
}

impl Mismatch {
    pub(crate) fn of(value: &Value, wanted: JsonType) -> Self {
        let is_json_in_text = value.as_str().is_some_and(is_json);
        let is_numbered = value.as_object().is_some_and(is_numbered);
        Self { member: None, item: None, found: type_of(value), wanted, is_json_in_text, is_numbered }
    }

    /// The same, as part of a member.
    pub(crate) fn inside(self, member: &'static str) -> Self {
        Self { member: Some(member), ..self }
    }

    /// A sentence: the member, its type, the type that is wanted, and the remedy.
    pub(crate) fn explain(&self, language: Language) -> String {
        let (found, wanted) = (type_name(self.found, language), type_name(self.wanted, language));
        match language {
            Language::English => {
                format!("{} is {found}; {wanted} is wanted{}", self.place(language), self.remedy(language))
            }
            Language::Chinese => {
                format!("{}是{found}，应为{wanted}{}", self.place(language), self.remedy(language))
            }
        }
    }

    fn place(&self, language: Language) -> String {
        let number = self.item.map(|item| item + 1);
        match (self.member, number, language) {
            (None, None, Language::English) => "the body".into(),
            (None, None, Language::Chinese) => "包体".into(),
            (None, Some(number), Language::English) => format!("item {number} of the body"),
            (None, Some(number), Language::Chinese) => format!("包体第 {number} 项"),
            (Some(member), None, Language::English) => member.into(),
            (Some(member), None, Language::Chinese) => format!("{member} "),
            (Some(member), Some(number), Language::English) => format!("item {number} of {member}"),
            (Some(member), Some(number), Language::Chinese) => format!("{member} 的第 {number} 项"),
        }
    }

    fn remedy(&self, language: Language) -> &'static str {
        let (english, chinese) = match (self.found, self.wanted) {
            _ if self.is_json_in_text => (
                ": it is JSON inside a JSON string, serialised twice; serialise it once",
                "：这是包在 JSON 字符串里的 JSON，序列化了两次，一次即可",
            ),
            (JsonType::Object, JsonType::List) if self.is_numbered => (
                ": its names are numbers, as PHP's json_encode writes an array whose keys are not 0, 1, 2 …, after array_filter or unset; \
                 use array_values",
                "：其键为数字，这是 PHP 的 json_encode 对键不连续（array_filter 或 unset 之后）的数组的写法，请使用 array_values",
            ),
            (JsonType::Text | JsonType::Number | JsonType::Object, JsonType::List) => {
                (": write [ ] around it, also around one", "：只有一项时也要写成 [ ]")
            }
            (JsonType::List, JsonType::Object) => (": take away the [ ]", "：请去掉 [ ]"),
            _ => ("", ""),
        };
        language.pick(english, chinese)
    }
}

fn is_numbered(object: &Map<String, Value>) -> bool {
    !object.is_empty() && object.keys().all(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '[']) && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

impl<T: Shape> Shape for Vec<T> {
    fn mismatch(value: &Value) -> Option<Mismatch> {
        let Value::Array(list) = value else { return Some(Mismatch::of(value, JsonType::List)) };
        let mut items = list.iter().enumerate();
        items.find_map(|(index, item)| Some(Mismatch { item: Some(index), ..T::mismatch(item)? }))
    }
}

impl<T: Shape> Shape for Option<T> {
    fn mismatch(value: &Value) -> Option<Mismatch> {
        if value.is_null() { None } else { T::mismatch(value) }
    }
}

impl Shape for IgnoredAny {
    fn mismatch(_: &Value) -> Option<Mismatch> {
        None
    }
}

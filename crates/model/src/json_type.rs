//! The types of JSON values, for explanations of what was found and what is wanted.

use crate::Language;

/// The type of a JSON value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JsonType {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean,
    /// A number.
    Number,
    /// A string.
    Text,
    /// A list.
    List,
    /// An object.
    Object,
}

impl JsonType {
    /// Returns the type of a valid JSON text without white space in front.
    pub fn of_text(json: &str) -> Self {
        match json.bytes().next() {
            Some(b'n') => Self::Null,
            Some(b't' | b'f') => Self::Boolean,
            Some(b'"') => Self::Text,
            Some(b'[') => Self::List,
            Some(b'{') => Self::Object,
            _ => Self::Number,
        }
    }

    /// Returns its name, with an article in English.
    pub fn name(self, language: Language) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => language.pick("a boolean", "布尔值"),
            Self::Number => language.pick("a number", "数字"),
            Self::Text => language.pick("a string", "字符串"),
            Self::List => language.pick("a list", "数组"),
            Self::Object => language.pick("an object", "对象"),
        }
    }
}

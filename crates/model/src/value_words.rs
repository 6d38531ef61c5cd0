//! What a field holds and why a value does not fit, in words.

use crate::Language;
use crate::value::{ValueProblem, ValueRule, ValueType, WrongForm};

/// What a field of this type and rule holds.
pub(crate) fn described(value_type: ValueType, rule: ValueRule, language: Language) -> String {
    let name = value_type.as_str();
    match (value_type, rule, language) {
        (ValueType::Uint32, _, Language::English) => format!("a number from 0 to {} ({name})", u32::MAX),
        (ValueType::Uint32, _, Language::Chinese) => format!("0 至 {} 的数字（{name}）", u32::MAX),
        (ValueType::Uint64, _, Language::English) => format!("a number from 0 to {} ({name})", u64::MAX),
        (ValueType::Uint64, _, Language::Chinese) => format!("0 至 {} 的数字（{name}）", u64::MAX),
        (_, ValueRule::OneOf(words), Language::English) => format!("one of {}", words.join(", ")),
        (_, ValueRule::OneOf(words), Language::Chinese) => format!("以下之一：{}", words.join("、")),
        (_, ValueRule::BytesMax(max), Language::English) => {
            format!("a string of at most {max} bytes ({name})")
        }
        (_, ValueRule::BytesMax(max), Language::Chinese) => format!("最多 {max} 字节的字符串（{name}）"),
        (_, ValueRule::Any, Language::English) => format!("a string ({name})"),
        (_, ValueRule::Any, Language::Chinese) => format!("字符串（{name}）"),
    }
}

impl WrongForm {
    fn in_english(self) -> &'static str {
        match self {
            Self::Text => "a string: write numbers without quotes",
            Self::Number => "a number: write strings in quotes",
            Self::Negative => "a negative number",
            Self::Fraction => "a number that is not whole",
        }
    }

    fn in_chinese(self) -> &'static str {
        match self {
            Self::Text => "字符串：数字不加引号",
            Self::Number => "数字：字符串需加引号",
            Self::Negative => "负数",
            Self::Fraction => "小数",
        }
    }
}

impl ValueProblem {
    /// `wanted` is what the field holds.
    pub(crate) fn explain(self, wanted: &str, language: Language) -> String {
        match (self, language) {
            (Self::WrongType(form), Language::English) => {
                format!("this field is {wanted}, and the value is {}", form.in_english())
            }
            (Self::WrongType(form), Language::Chinese) => {
                format!("该字段为{wanted}，而值是{}", form.in_chinese())
            }
            (Self::TooLong { bytes, bytes_max }, Language::English) => {
                format!("the value is {bytes} bytes of UTF-8; at most {bytes_max} are allowed: shorten it")
            }
            (Self::TooLong { bytes, bytes_max }, Language::Chinese) => {
                format!("值为 {bytes} 字节（UTF-8），最多允许 {bytes_max} 字节")
            }
            (Self::NotOneOf(_), Language::English) => format!("the value must be {wanted}"),
            (Self::NotOneOf(_), Language::Chinese) => format!("值必须是{wanted}"),
            (Self::OutOfRange, Language::English) => {
                format!("the number is too large: this field is {wanted}")
            }
            (Self::OutOfRange, Language::Chinese) => format!("数值超出范围：该字段为{wanted}"),
        }
    }
}

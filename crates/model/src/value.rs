//! Values: unchecked as they arrive, checked as they are stored, and the rules between the two.

use serde::Serialize;
use std::borrow::Cow;

/// A value as it arrives, unchecked: a JSON string, or the text of a JSON number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UncheckedValue<'a> {
    /// A string, unescaped.
    Text(Cow<'a, str>),
    /// A number, not parsed yet.
    Number(NumberText<'a>),
}

/// The text of a JSON number such as `1e3`, kept as text so that no precision is lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NumberText<'a>(pub &'a str);

impl NumberText<'_> {
    /// Parses the number by its value: `1.0`, `1e3` and `-0` are the integers 1, 1000 and 0.
    fn to_uint(self) -> Result<u64, ValueProblem> {
        let (negative, unsigned) = match self.0.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, self.0),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, saturating_i64(exponent)),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits: String = whole.chars().chain(fraction.chars()).collect();
        let significant = digits.trim_start_matches('0').trim_end_matches('0');
        if significant.is_empty() {
            return Ok(0);
        }
        if negative {
            return Err(ValueProblem::WrongType(WrongForm::Negative));
        }
        // value = significant × 10^shift
        let trailing_zeros = digits.len() - digits.trim_end_matches('0').len();
        let as_i64 = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let shift = exponent.saturating_sub(as_i64(fraction.len())).saturating_add(as_i64(trailing_zeros));
        let Ok(shift) = u32::try_from(shift.min(i64::from(u32::MAX))) else {
            return Err(ValueProblem::WrongType(WrongForm::Fraction));
        };
        let scale = 10_u64.checked_pow(shift).ok_or(ValueProblem::OutOfRange)?;
        let significant: u64 = significant.parse().map_err(|_| ValueProblem::OutOfRange)?;
        significant.checked_mul(scale).ok_or(ValueProblem::OutOfRange)
    }
}

/// Parses an exponent; one that does not fit 64 bits saturates.
fn saturating_i64(text: &str) -> i64 {
    text.parse().unwrap_or(if text.starts_with('-') { i64::MIN } else { i64::MAX })
}

/// A checked value as it is stored: the two forms that the protocol has in JSON.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(untagged)]
pub enum FieldValue {
    /// A number.
    Uint(u64),
    /// A string, or bytes in the form the client chose (usually base64).
    Text(Box<str>),
}

/// The type of a field (contract, section 6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ValueType {
    /// A JSON string of UTF-8 text.
    String,
    /// A JSON string whose encoding, usually base64, the client chooses.
    Bytes,
    /// A JSON number from 0 to 2^32 − 1.
    Uint32,
    /// A JSON number from 0 to 2^64 − 1.
    Uint64,
}

impl ValueType {
    /// The name used in settings and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Uint32 => "uint32",
            Self::Uint64 => "uint64",
        }
    }

    /// Reads a custom field's type: `string`, `bytes` or `uint64`.
    pub fn parse_custom(text: &str) -> Option<Self> {
        [Self::String, Self::Bytes, Self::Uint64].into_iter().find(|value_type| value_type.as_str() == text)
    }
}

/// What a value must satisfy beyond its type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ValueRule {
    /// No further condition.
    Any,
    /// At most this many bytes of UTF-8.
    BytesMax(usize),
    /// One of these words.
    OneOf(&'static [&'static str]),
}

/// The form of a value that has another type than its field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WrongForm {
    /// A string for a number.
    Text,
    /// A number for a string.
    Number,
    /// A number below zero.
    Negative,
    /// A number that is not whole.
    Fraction,
}

/// Why a value is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ValueProblem {
    /// A value of this form, where the field's type wants another.
    WrongType(WrongForm),
    /// Longer than allowed.
    TooLong {
        /// The value's length in bytes.
        bytes: usize,
        /// The field's limit.
        bytes_max: usize,
    },
    /// A word that is not in the field's list.
    NotOneOf(&'static [&'static str]),
    /// A number that the field's type can't hold.
    OutOfRange,
}

impl ValueRule {
    /// Checks a value and converts it into its stored form.
    pub fn check(
        self,
        value_type: ValueType,
        unchecked: &UncheckedValue<'_>,
    ) -> Result<FieldValue, ValueProblem> {
        match (value_type, unchecked) {
            (ValueType::String | ValueType::Bytes, UncheckedValue::Text(text)) => self.check_text(text),
            (ValueType::Uint32, UncheckedValue::Number(number)) => match number.to_uint()? {
                n if n > u64::from(u32::MAX) => Err(ValueProblem::OutOfRange),
                n => Ok(FieldValue::Uint(n)),
            },
            (ValueType::Uint64, UncheckedValue::Number(number)) => number.to_uint().map(FieldValue::Uint),
            (ValueType::String | ValueType::Bytes, UncheckedValue::Number(_)) => {
                Err(ValueProblem::WrongType(WrongForm::Number))
            }
            (ValueType::Uint32 | ValueType::Uint64, UncheckedValue::Text(_)) => {
                Err(ValueProblem::WrongType(WrongForm::Text))
            }
        }
    }

    fn check_text(self, text: &str) -> Result<FieldValue, ValueProblem> {
        match self {
            Self::BytesMax(bytes_max) if text.len() > bytes_max => {
                Err(ValueProblem::TooLong { bytes: text.len(), bytes_max })
            }
            Self::OneOf(words) if !words.contains(&text) => Err(ValueProblem::NotOneOf(words)),
            Self::Any | Self::BytesMax(_) | Self::OneOf(_) => Ok(FieldValue::Text(text.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn types_have_names_and_three_are_for_custom_fields() {
        let custom =
            [(ValueType::String, "string"), (ValueType::Bytes, "bytes"), (ValueType::Uint64, "uint64")];
        for (value_type, name) in custom {
            assert_eq!((value_type.as_str(), ValueType::parse_custom(name)), (name, Some(value_type)));
        }
        assert_eq!(ValueType::Uint32.as_str(), "uint32");
        for neither in ["uint32", "String", "", "float"] {
            assert_eq!(ValueType::parse_custom(neither), None, "{neither}");
        }
    }

    #[test]
    fn values_fit_to_the_last_byte_and_the_last_number() {
        let text =
            |rule: ValueRule, text: &str| rule.check(ValueType::String, &UncheckedValue::Text(text.into()));
        assert_eq!(text(ValueRule::BytesMax(3), "中"), Ok(FieldValue::Text("中".into())));
        assert_eq!(text(ValueRule::BytesMax(2), "中"), Err(ValueProblem::TooLong { bytes: 3, bytes_max: 2 }));
        let number =
            |text| ValueRule::Any.check(ValueType::Uint32, &UncheckedValue::Number(NumberText(text)));
        assert_eq!(number("4294967295"), Ok(FieldValue::Uint(u64::from(u32::MAX))));
        assert_eq!(number("4294967296"), Err(ValueProblem::OutOfRange));
    }

    #[test]
    fn numbers_count_by_their_value() {
        let check = |text: &str, expected: Result<u64, ValueProblem>| {
            assert_eq!(NumberText(text).to_uint(), expected, "{text}");
        };
        check("0", Ok(0));
        check("-0", Ok(0));
        check("-0.0e9", Ok(0));
        check("0e99999999999999999999", Ok(0));
        check("1.0", Ok(1));
        check("1e3", Ok(1000));
        check("1E+3", Ok(1000));
        check("1200e-2", Ok(12));
        check("12.50e1", Ok(125));
        check("18446744073709551615", Ok(u64::MAX));
        check("18446744073709551616", Err(ValueProblem::OutOfRange));
        check("1844674407370955161500e-2", Ok(u64::MAX));
        check("1e400", Err(ValueProblem::OutOfRange));
        check("1e99999999999999999999", Err(ValueProblem::OutOfRange));
        check("-1", Err(ValueProblem::WrongType(WrongForm::Negative)));
        check("1.5", Err(ValueProblem::WrongType(WrongForm::Fraction)));
        check("1e-1", Err(ValueProblem::WrongType(WrongForm::Fraction)));
        check("1e-99999999999999999999", Err(ValueProblem::WrongType(WrongForm::Fraction)));
    }

    proptest! {
        #[test]
        fn every_integer_reads_back(n: u64, zeros in 0_usize..3) {
            prop_assert_eq!(NumberText(&n.to_string()).to_uint(), Ok(n));
            let scaled = format!("{n}{}.0e-{zeros}", "0".repeat(zeros));
            prop_assert_eq!(NumberText(&scaled).to_uint(), Ok(n));
        }

        #[test]
        fn no_text_panics(text in "-?[0-9]{1,30}(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,30})?") {
            let _ = NumberText(&text).to_uint();
        }
    }
}

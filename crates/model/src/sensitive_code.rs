//! The error code of a sensitive word: 40005, or 80001 as newer pages have it.

use crate::ErrorCode;

/// The code that a sensitive word is answered with. Pages since 2024 no longer list 40005, and use 80001 for profiles too.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SensitiveCode {
    /// 40005
    #[default]
    Profile,
    /// 80001
    Content,
}

impl SensitiveCode {
    /// The code.
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Profile => ErrorCode::SensitiveText,
            Self::Content => ErrorCode::SensitiveContent,
        }
    }

    /// The choice whose code has this number.
    pub fn from_number(number: u32) -> Option<Self> {
        [Self::Profile, Self::Content].into_iter().find(|choice| choice.code().number() == number)
    }
}

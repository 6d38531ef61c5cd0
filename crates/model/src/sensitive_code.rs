//! With which code a sensitive word is refused.

use crate::ErrorCode;

/// The code that a sensitive word is answered with: pages since 2024 have dropped the first and widened the second.
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

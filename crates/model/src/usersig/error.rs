//! Why a UserSig is refused: the code, the text on the wire, and the explanation.

use crate::{ErrorCode, Language, SdkAppId};
use std::borrow::Cow;

/// Why a UserSig is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SigError {
    /// It can't be read.
    #[error("unreadable: {0}")]
    Unreadable(#[from] SigFormatError),
    /// Made for another SDKAppID than the URL's.
    #[error("made for SDKAppID {signed}, not {requested}")]
    OtherApp {
        /// The URL's.
        requested: SdkAppId,
        /// The UserSig's.
        signed: u64,
    },
    /// Made for another user than the URL's.
    #[error("made for another user")]
    OtherUser {
        /// The URL's.
        requested: String,
        /// The UserSig's.
        signed: String,
    },
    /// It has expired.
    #[error("expired {seconds} s ago")]
    Expired {
        /// Seconds since then.
        seconds: u64,
    },
    /// Signed with no active key of the app.
    #[error("signed with another key")]
    WrongKey,
    /// The account was kicked after it was made.
    #[error("invalidated by kick")]
    Kicked,
}

/// What is wrong with the form of a UserSig.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SigFormatError {
    /// Longer than 4 KiB.
    #[error("it is longer than 4 KiB")]
    TooLong,
    /// Not base64, with `*`, `-`, `_` or with `+`, `/`, `=`.
    #[error("it is not base64; was it cut short, wrapped into lines or decoded twice?")]
    Base64,
    /// Not zlib.
    #[error("it can't be decompressed; was it cut short?")]
    Zlib,
    /// More than 8 KiB inside.
    #[error("it decompresses to more than 8 KiB")]
    TooLarge,
    /// Not a JSON object with the members of version 2.0.
    #[error("its content is not JSON with the members of version 2.0")]
    Document,
    /// Another version.
    #[error("its TLS.ver is not 2.0")]
    Version,
    /// The identifier has a control character: the signed text would have several readings.
    #[error(
        "its TLS.identifier contains a control character, such as a line feed; such a name must not be signed"
    )]
    Identifier,
    /// The user buffer is not as encoders write it: the signed text would have several readings.
    #[error("its TLS.userbuf is not standard base64, padded and without line feeds")]
    Userbuf,
}

impl SigFormatError {
    pub(super) fn in_chinese(self) -> &'static str {
        match self {
            Self::TooLong => "长度超过 4 KiB",
            Self::Base64 => "不是 base64，是否被截断、被折行或多解码了一次？",
            Self::Zlib => "无法解压，是否被截断？",
            Self::TooLarge => "解压后超过 8 KiB",
            Self::Document => "内容不是包含 2.0 版本各字段的 JSON",
            Self::Version => "TLS.ver 不是 2.0",
            Self::Identifier => "TLS.identifier 含有换行等控制字符，不应为这样的用户名签名",
            Self::Userbuf => "TLS.userbuf 不是标准 base64（须补齐 =，且不含换行）",
        }
    }
}

impl SigError {
    /// The protocol's code for it.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Unreadable(_) => ErrorCode::SigUnreadable,
            Self::OtherApp { .. } => ErrorCode::SigOtherApp,
            Self::OtherUser { .. } => ErrorCode::SigOtherUser,
            Self::Expired { .. } => ErrorCode::SigExpired,
            Self::WrongKey => ErrorCode::SigWrong,
            Self::Kicked => ErrorCode::SigInvalidated,
        }
    }

    /// `ErrorInfo` on the wire.
    pub fn info(&self) -> Cow<'static, str> {
        const HINT: &str = "You can run a self-checking with the assistant tool on the console.";
        match self {
            Self::OtherApp { requested, signed } => {
                format!("The requested SDKAppID({requested}) does not match the Usersig({signed}). {HINT}")
                    .into()
            }
            Self::OtherUser { requested, signed } => {
                format!("The requested UserID({requested}) does not match the Usersig({signed}). {HINT}")
                    .into()
            }
            Self::Unreadable(_) | Self::Expired { .. } | Self::WrongKey | Self::Kicked => {
                self.code().info().into()
            }
        }
    }

    /// Explains the refusal.
    pub fn explain(&self, language: Language) -> String {
        let meaning = self.code().meaning(language);
        match self {
            Self::Unreadable(why) => match language {
                Language::English => format!("{meaning} ({why})"),
                Language::Chinese => format!("{meaning}（{}）", why.in_chinese()),
            },
            Self::Expired { seconds } => match language {
                Language::English => format!("{meaning} (expired {seconds} s ago)"),
                Language::Chinese => format!("{meaning}（已过期 {seconds} 秒）"),
            },
            Self::OtherApp { .. } | Self::OtherUser { .. } | Self::WrongKey | Self::Kicked => {
                meaning.to_owned()
            }
        }
    }
}

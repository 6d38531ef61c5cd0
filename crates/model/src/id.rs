//! Ids and keys, checked once when they arrive. Code behind the parsers takes these types, never a `String`.

use crate::Language;
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The number of an app (`SDKAppID`) in Tencent Cloud IM, for example `1400000000`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct SdkAppId(pub u32);

impl fmt::Display for SdkAppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A user's id (`UserID`, `From_Account`, `To_Account`): 1 to 32 bytes of UTF-8 without control characters
/// (contract, section 7). Kept inline, so that copying one costs no allocation.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct UserId {
    len: u8,
    bytes: [u8; Self::BYTES_MAX],
}

/// Why a text is not a [`UserId`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum IdError {
    /// No characters at all.
    #[error("the UserID is empty")]
    Empty,
    /// More than [`UserId::BYTES_MAX`] bytes of UTF-8.
    #[error("the UserID is {0} bytes long; at most 32 bytes of UTF-8 are allowed")]
    TooLong(usize),
    /// A control character such as NUL or a line feed.
    #[error("the UserID contains a control character; only printable characters are allowed")]
    Unprintable,
    /// It starts with [`UserId::RESERVED_PREFIX`]. Only where an account is to be created.
    #[error("UserIDs that start with @TLS# are markers of the cloud; choose another UserID")]
    Reserved,
}

impl IdError {
    /// Returns its sentence.
    pub fn explain(self, language: Language) -> String {
        match (language, self) {
            (Language::English, error) => error.to_string(),
            (_, Self::Empty) => "UserID 为空".to_owned(),
            (_, Self::TooLong(bytes)) => format!("UserID 长度为 {bytes} 字节，最多允许 32 字节（UTF-8）"),
            (_, Self::Unprintable) => "UserID 含有控制字符，只允许可打印字符".to_owned(),
            (_, Self::Reserved) => "以 @TLS# 开头的 UserID 是云端自用标记，请使用其他 UserID".to_owned(),
        }
    }
}

impl UserId {
    /// The longest id, in bytes of UTF-8.
    pub const BYTES_MAX: usize = 32;
    /// The prefix of the ids that the cloud uses as markers in its answers (`@TLS#NOT_FOUND`).
    pub const RESERVED_PREFIX: &str = "@TLS#";

    /// Whether it is one of the cloud's markers. No account is created with such an id; one that was stored by an
    /// earlier version stays as it is.
    pub fn is_reserved(&self) -> bool {
        self.as_str().starts_with(Self::RESERVED_PREFIX)
    }

    /// Checks an id.
    ///
    /// ```
    /// use portraitd_model::UserId;
    /// assert_eq!(UserId::parse("alice").unwrap().as_str(), "alice");
    /// assert!(UserId::parse("").is_err());
    /// assert!(UserId::parse(&"x".repeat(33)).is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Self, IdError> {
        if text.is_empty() {
            return Err(IdError::Empty);
        }
        if text.len() > Self::BYTES_MAX {
            return Err(IdError::TooLong(text.len()));
        }
        // Most ids are ASCII, whose control characters are found without decoding.
        let is_unprintable = if text.is_ascii() {
            text.bytes().any(|byte| byte.is_ascii_control())
        } else {
            text.chars().any(char::is_control)
        };
        if is_unprintable {
            return Err(IdError::Unprintable);
        }
        let mut bytes = [0; Self::BYTES_MAX];
        if let Some(used) = bytes.get_mut(..text.len()) {
            used.copy_from_slice(text.as_bytes());
        }
        // The length was checked above, so it always fits.
        Ok(Self { len: u8::try_from(text.len()).unwrap_or(u8::MAX), bytes })
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

/// An id that an account may be created with: any [`UserId`] but the cloud's markers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NewUserId(UserId);

impl NewUserId {
    /// Accepts an id; [`IdError::Reserved`] when it is one of the cloud's markers.
    ///
    /// ```
    /// use portraitd_model::{NewUserId, UserId};
    /// let id = |text| UserId::parse(text).and_then(NewUserId::new);
    /// assert!(id("alice").is_ok());
    /// assert!(id("@TLS#NOT_FOUND").is_err());
    /// ```
    pub fn new(user: UserId) -> Result<Self, IdError> {
        if user.is_reserved() { Err(IdError::Reserved) } else { Ok(Self(user)) }
    }

    /// Checks an id, as [`UserId::parse`] and [`NewUserId::new`] do.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        UserId::parse(text).and_then(Self::new)
    }

    /// The id.
    pub fn id(self) -> UserId {
        self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl PartialOrd for UserId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for UserId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

/// An app's secret key: the text that UserSigs are signed with, as it is (64 hexadecimal characters in the
/// cloud, never hex-decoded). Wiped from memory when dropped; `Debug` shows its last four characters at most.
#[derive(Clone, Eq)]
pub struct AppKey(Zeroizing<String>);

/// Compares in constant time: the time does not depend on where two keys of one length differ.
impl PartialEq for AppKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl AppKey {
    /// The longest key, in bytes.
    pub const BYTES_MAX: usize = 256;
    /// The fewest bytes of a key that is not found by trying: 16 hexadecimal digits, if they are random, are 64 bits.
    pub const STRONG_BYTES_MIN: usize = 16;

    /// Checks a key; `None` when it is empty, longer than [`AppKey::BYTES_MAX`] or holds control characters.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = !text.is_empty() && text.len() <= Self::BYTES_MAX && !text.chars().any(char::is_control);
        fits.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// The secret itself: for signing, for the store, and for the answer that shows it once, at its creation.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The last four characters, by which people tell keys apart; shorter keys show nothing.
    pub fn last4(&self) -> String {
        let count = self.0.chars().count();
        if count < Self::STRONG_BYTES_MIN { String::new() } else { self.0.chars().skip(count - 4).collect() }
    }
}

impl fmt::Debug for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AppKey(…{})", self.last4())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_ids_are_1_to_32_printable_bytes() {
        let check = |text: &str, expected: Result<(), IdError>| {
            assert_eq!(UserId::parse(text).map(|_| ()), expected, "{text:?}");
        };
        check("a", Ok(()));
        check("管理员_01", Ok(()));
        check(&"a".repeat(32), Ok(()));
        check(&"a".repeat(33), Err(IdError::TooLong(33)));
        check("十一个汉字共三十三个字节", Err(IdError::TooLong(36)));
        check("", Err(IdError::Empty));
        check("a\0b", Err(IdError::Unprintable));
        check("a\nb", Err(IdError::Unprintable));
        check("a\u{7f}", Err(IdError::Unprintable));
        check("a b", Ok(()));
    }

    #[test]
    fn no_account_is_created_with_a_marker_of_the_cloud() {
        for taken in ["@TLS", "@tls#x", "x@TLS#", " @TLS#", "@TLS\u{ff03}x"] {
            assert_eq!(NewUserId::parse(taken).unwrap().id().as_str(), taken);
        }
        for marker in ["@TLS#", "@TLS#NOT_FOUND", "@TLS#\u{1F600}"] {
            assert_eq!(NewUserId::parse(marker), Err(IdError::Reserved), "{marker}");
            assert!(UserId::parse(marker).unwrap().is_reserved(), "it stays readable");
        }
        assert_eq!(NewUserId::parse(""), Err(IdError::Empty));
        assert_eq!(NewUserId::parse("@TLS#\n"), Err(IdError::Unprintable));
    }

    #[test]
    fn keys_do_not_show_in_debug() {
        let key = AppKey::parse("5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e").unwrap();
        assert_eq!(format!("{key:?}"), "AppKey(…3b5e)");
        assert_eq!(format!("{:?}", AppKey::parse("short").unwrap()), "AppKey(…)");
    }

    #[test]
    fn ids_are_shown_as_they_are_written_and_sorted_as_text() {
        let id = |text: &str| UserId::parse(text).unwrap();
        assert_eq!(
            (SdkAppId(1_400_000_000).to_string(), id("管理员_01").to_string()),
            ("1400000000".into(), "管理员_01".into())
        );
        assert_eq!(format!("{:?}", id("alice")), "\"alice\"");
        assert!(id("a") < id("aa") && id("aa") < id("b") && id("B") < id("a"));
        assert_eq!(id("a").partial_cmp(&id("b")), Some(std::cmp::Ordering::Less));
    }

    #[test]
    fn keys_are_1_to_256_printable_bytes_and_all_of_them_count() {
        let longest = "k".repeat(AppKey::BYTES_MAX);
        for fits in ["k", "a key with spaces", "密钥", &longest] {
            assert_eq!(AppKey::parse(fits).unwrap().expose(), fits);
        }
        for refused in ["", "a\nb", "\0", &format!("{longest}k")] {
            assert_eq!(AppKey::parse(refused), None, "{refused:?}");
        }
        assert_eq!(AppKey::parse("key"), AppKey::parse("key"));
        for other in ["kez", "Key", "ke", "keys"] {
            assert_ne!(AppKey::parse("key"), AppKey::parse(other), "{other}");
        }
    }

    #[test]
    fn a_quarter_of_a_key_is_the_most_that_is_shown() {
        assert_eq!(AppKey::parse("0123456789abcde").unwrap().last4(), "");
        assert_eq!(AppKey::parse("0123456789abcdef").unwrap().last4(), "cdef");
    }
}

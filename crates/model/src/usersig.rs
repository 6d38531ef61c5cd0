//! UserSig, version 2.0: made, read and verified (269/32688 and the official libraries).
//!
//! Libraries differ in key order, spacing, escapes, zlib level and in writing numbers as strings: a UserSig is
//! always parsed, its text never compared.

use crate::{AppKey, ErrorCode, Language, SdkAppId, UnixSeconds};
use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Deserializer, de};
use sha2::Sha256;
use std::borrow::Cow;
use std::fmt;
use std::io::{Read, Write};

/// The longest UserSig text that is looked at, in bytes.
const TEXT_BYTES_MAX: usize = 4 * 1024;
/// The longest document that a UserSig may inflate to, in bytes: a zip bomb stops here.
const DOCUMENT_BYTES_MAX: u64 = 8 * 1024;

/// Standard base64 whose padding may be missing.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A UserSig that was read. Reading proves nothing: call [`UserSig::check`] and [`UserSig::is_signed_with`].
#[derive(Clone)]
#[cfg_attr(test, derive(PartialEq, Eq))] // the product compares signatures in constant time only
pub struct UserSig {
    identifier: String,
    sdk_app_id: u64,
    time: u64,
    expire: u64,
    userbuf: Option<String>,
    signature: Vec<u8>,
}

/// Why a UserSig does not open the door.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SigError {
    /// It can't be read.
    #[error("unreadable: {0}")]
    Unreadable(#[from] Unreadable),
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
    /// Its time is over.
    #[error("expired {seconds} s ago")]
    Expired {
        /// For how long.
        seconds: u64,
    },
    /// Signed with no active key of the app.
    #[error("signed with another key")]
    WrongKey,
    /// The account was kicked after it was made.
    #[error("invalidated by kick")]
    Kicked,
}

/// What makes a UserSig unreadable.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unreadable {
    /// Longer than 4 KiB.
    #[error("it is longer than 4 KiB")]
    TooLong,
    /// Not base64 with `*`, `-`, `_`.
    #[error("it is not base64 in the UserSig alphabet; was it cut short or decoded twice?")]
    Base64,
    /// Not zlib.
    #[error("it does not inflate; was it cut short?")]
    Zlib,
    /// More than 8 KiB inside.
    #[error("it inflates to more than 8 KiB")]
    TooLarge,
    /// Not a JSON object with the members of version 2.0.
    #[error("its document is not JSON with the members of version 2.0")]
    Document,
    /// Another version.
    #[error("its TLS.ver is not 2.0")]
    Version,
}

impl Unreadable {
    fn in_chinese(self) -> &'static str {
        match self {
            Self::TooLong => "长度超过 4 KiB",
            Self::Base64 => "不是 UserSig 所用的 base64 字符，是否被截断或多解码了一次？",
            Self::Zlib => "无法解压，是否被截断？",
            Self::TooLarge => "解压后超过 8 KiB",
            Self::Document => "内容不是含有 2.0 版本各成员的 JSON",
            Self::Version => "TLS.ver 不是 2.0",
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

    /// A sentence for people.
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

/// The JSON document inside a UserSig.
#[derive(Deserialize)]
struct Document<'a> {
    #[serde(rename = "TLS.ver", borrow)]
    version: Cow<'a, str>,
    #[serde(rename = "TLS.identifier")]
    identifier: String,
    #[serde(rename = "TLS.sdkappid", deserialize_with = "number_or_text")]
    sdk_app_id: u64,
    #[serde(rename = "TLS.time", deserialize_with = "number_or_text")]
    time: u64,
    #[serde(rename = "TLS.expire", deserialize_with = "number_or_text")]
    expire: u64,
    #[serde(rename = "TLS.userbuf", default)]
    userbuf: Option<String>,
    #[serde(rename = "TLS.sig", borrow)]
    signature: Cow<'a, str>,
}

/// Reads a number, also one in quotes: uncast PHP configurations sign so.
fn number_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    struct NumberOrText;
    impl de::Visitor<'_> for NumberOrText {
        type Value = u64;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number, or a number in quotes")
        }
        fn visit_u64<E: de::Error>(self, number: u64) -> Result<u64, E> {
            Ok(number)
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<u64, E> {
            let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            text.parse().ok().filter(|_| digits).ok_or_else(|| E::custom("not a number"))
        }
    }
    deserializer.deserialize_any(NumberOrText)
}

impl UserSig {
    /// Reads a UserSig. At most 4 KiB of text and 8 KiB of document are looked at.
    pub fn decode(text: &str) -> Result<Self, Unreadable> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(Unreadable::TooLong);
        }
        let base64: Vec<u8> =
            text.bytes().map(to_standard).collect::<Option<_>>().ok_or(Unreadable::Base64)?;
        let zlib = LENIENT.decode(base64).map_err(|_| Unreadable::Base64)?;
        let mut document = Vec::with_capacity(512);
        let mut inflate = ZlibDecoder::new(zlib.as_slice()).take(DOCUMENT_BYTES_MAX + 1);
        inflate.read_to_end(&mut document).map_err(|_| Unreadable::Zlib)?;
        if document.len() as u64 > DOCUMENT_BYTES_MAX {
            return Err(Unreadable::TooLarge);
        }
        Self::from_document(&document)
    }

    /// Reads the document alone, for fuzz targets.
    #[cfg(feature = "internals")]
    #[doc(hidden)]
    pub fn read_document(json: &[u8]) -> Result<Self, Unreadable> {
        Self::from_document(json)
    }

    fn from_document(json: &[u8]) -> Result<Self, Unreadable> {
        let document: Document<'_> = serde_json::from_slice(json).map_err(|_| Unreadable::Document)?;
        if document.version != "2.0" {
            return Err(Unreadable::Version);
        }
        let signature = LENIENT.decode(document.signature.as_bytes()).map_err(|_| Unreadable::Document)?;
        Ok(Self {
            identifier: document.identifier,
            sdk_app_id: document.sdk_app_id,
            time: document.time,
            expire: document.expire,
            userbuf: document.userbuf,
            signature,
        })
    }

    /// Checks all but the signature, in the order of the official verifiers: app, user, time.
    pub fn check(&self, app: SdkAppId, identifier: &str, now: UnixSeconds) -> Result<(), SigError> {
        if self.sdk_app_id != u64::from(app.0) {
            return Err(SigError::OtherApp { requested: app, signed: self.sdk_app_id });
        }
        if self.identifier != identifier {
            let (requested, signed) = (identifier.to_owned(), self.identifier.clone());
            return Err(SigError::OtherUser { requested, signed });
        }
        match now.0.checked_sub(self.expires_at().0) {
            Some(seconds) if seconds > 0 => Err(SigError::Expired { seconds }),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether it was signed with this key. Takes the same time wherever the signatures differ.
    pub fn is_signed_with(&self, key: &AppKey) -> bool {
        let content =
            content(&self.identifier, self.sdk_app_id, self.time, self.expire, self.userbuf.as_deref());
        mac(key, &content).verify_slice(&self.signature).is_ok()
    }

    /// Whom it was made for.
    pub fn identifier(&self) -> &str {
        &self.identifier
    }

    /// Which app it was made for.
    pub fn sdk_app_id(&self) -> u64 {
        self.sdk_app_id
    }

    /// When it was made.
    pub fn issued_at(&self) -> UnixSeconds {
        UnixSeconds(self.time)
    }

    /// The last second in which it works.
    pub fn expires_at(&self) -> UnixSeconds {
        UnixSeconds(self.time.saturating_add(self.expire))
    }

    /// The user buffer, base64, when there is one.
    pub fn userbuf(&self) -> Option<&str> {
        self.userbuf.as_deref()
    }
}

impl fmt::Debug for UserSig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserSig({} of {})", self.identifier, self.sdk_app_id)
    }
}

/// What a UserSig says.
#[derive(Clone, Copy, Debug)]
pub struct SignRequest<'a> {
    /// The app.
    pub app: SdkAppId,
    /// The user it is for.
    pub identifier: &'a str,
    /// When it is issued.
    pub time: UnixSeconds,
    /// For how many seconds it works.
    pub expire: u64,
    /// An optional user buffer.
    pub userbuf: Option<&'a [u8]>,
}

/// Makes a UserSig as the official libraries do.
///
/// ```
/// use portrait_model::{AppKey, SdkAppId, SignRequest, UnixSeconds, UserSig, sign};
/// let key = AppKey::parse("0123456789abcdef").unwrap();
/// let now = UnixSeconds(1_700_000_000);
/// let request =
///     SignRequest { app: SdkAppId(1400000000), identifier: "alice", time: now, expire: 60, userbuf: None };
/// let sig = UserSig::decode(&sign(&key, request)).unwrap();
/// assert!(sig.check(SdkAppId(1400000000), "alice", now).is_ok() && sig.is_signed_with(&key));
/// ```
pub fn sign(key: &AppKey, request: SignRequest<'_>) -> String {
    let userbuf = request.userbuf.map(|bytes| STANDARD.encode(bytes));
    let (app, time) = (u64::from(request.app.0), request.time.0);
    let content = content(request.identifier, app, time, request.expire, userbuf.as_deref());
    let signature = STANDARD.encode(mac(key, &content).finalize().into_bytes());
    let mut document = serde_json::json!({
        "TLS.ver": "2.0", "TLS.identifier": request.identifier, "TLS.sdkappid": app,
        "TLS.expire": request.expire, "TLS.time": time, "TLS.sig": signature,
    });
    if let (Some(userbuf), Some(members)) = (userbuf, document.as_object_mut()) {
        members.insert("TLS.userbuf".into(), userbuf.into());
    }
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    // Writing into a Vec can't fail.
    let deflated = zlib.write_all(document.to_string().as_bytes()).and_then(|()| zlib.finish());
    STANDARD.encode(deflated.unwrap_or_default()).chars().map(from_standard).collect()
}

/// The text that is signed.
fn content(identifier: &str, app: u64, time: u64, expire: u64, userbuf: Option<&str>) -> String {
    let mut content =
        format!("TLS.identifier:{identifier}\nTLS.sdkappid:{app}\nTLS.time:{time}\nTLS.expire:{expire}\n");
    if let Some(userbuf) = userbuf {
        content.push_str("TLS.userbuf:");
        content.push_str(userbuf);
        content.push('\n');
    }
    content
}

/// The key is the secret's text itself, never hex-decoded.
#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn mac(key: &AppKey, content: &str) -> Hmac<Sha256> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key.expose().as_bytes()).expect("HMAC takes keys of any length");
    mac.update(content.as_bytes());
    mac
}

fn to_standard(byte: u8) -> Option<u8> {
    match byte {
        b'*' => Some(b'+'),
        b'-' => Some(b'/'),
        b'_' => Some(b'='),
        b'+' | b'/' | b'=' => None,
        other => Some(other),
    }
}

fn from_standard(letter: char) -> char {
    match letter {
        '+' => '*',
        '/' => '-',
        '=' => '_',
        other => other,
    }
}

#[cfg(test)]
mod tests;

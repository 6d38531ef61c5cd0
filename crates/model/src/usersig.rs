//! UserSig, version 2.0: signing, reading and verifying (269/32688 and the official libraries).
//!
//! Libraries differ in key order, spacing, escapes, zlib level and in writing numbers as strings: a UserSig is
//! always parsed, its text never compared.
//!
//! The signed text joins its fields by line feeds, so a field that holds line feeds would let one signature be read as
//! several identities, times and lives. No such field is signed or read: a signed text has one reading
//! (`usersig/one_reading.rs`).

pub(crate) mod diagnosis;
mod error;

use crate::{AppKey, SdkAppId, UnixSeconds, UserId};
use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
pub use error::{SigError, SigFormatError};
use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Deserializer, de};
use sha2::Sha256;
use std::borrow::Cow;
use std::fmt;
use std::io::{Read, Write};

/// The longest UserSig text that is read, in bytes.
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

/// The JSON document inside a UserSig. A member that is there twice is refused.
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

/// Reads a number, also one in quotes: PHP programs sign so when their configuration holds the number as text.
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
    /// Reads a UserSig: base64 with `*`, `-`, `_`, with `+`, `/`, `=`, or with both; a space counts as `+`. At most
    /// 4 KiB of text and 8 KiB of document are read.
    pub fn decode(text: &str) -> Result<Self, SigFormatError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(SigFormatError::TooLong);
        }
        let base64: Vec<u8> = text.bytes().map(to_standard).collect();
        let zlib = LENIENT.decode(base64).map_err(|_| SigFormatError::Base64)?;
        let mut document = Vec::with_capacity(512);
        let mut inflate = ZlibDecoder::new(zlib.as_slice()).take(DOCUMENT_BYTES_MAX + 1);
        inflate.read_to_end(&mut document).map_err(|_| SigFormatError::Zlib)?;
        if document.len() as u64 > DOCUMENT_BYTES_MAX {
            return Err(SigFormatError::TooLarge);
        }
        Self::from_document(&document)
    }

    /// Reads the JSON document that is inside a UserSig, after base64 and zlib: [`UserSig::decode`] without its first two steps.
    /// Only the form is checked.
    pub fn from_document(json: &[u8]) -> Result<Self, SigFormatError> {
        let document: Document<'_> = serde_json::from_slice(json).map_err(|_| SigFormatError::Document)?;
        if document.version != "2.0" {
            return Err(SigFormatError::Version);
        }
        if document.identifier.chars().any(char::is_control) {
            return Err(SigFormatError::Identifier);
        }
        if document.userbuf.as_deref().is_some_and(|text| !is_canonical(text)) {
            return Err(SigFormatError::Userbuf);
        }
        let signature =
            LENIENT.decode(document.signature.as_bytes()).map_err(|_| SigFormatError::Document)?;
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

    /// The user it was made for.
    pub fn identifier(&self) -> &str {
        &self.identifier
    }

    /// The app it was made for.
    pub fn sdk_app_id(&self) -> u64 {
        self.sdk_app_id
    }

    /// The time it was made.
    pub fn issued_at(&self) -> UnixSeconds {
        UnixSeconds(self.time)
    }

    /// The last second in which it is valid.
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

/// The content of a UserSig to sign. A [`UserId`] holds no control characters, so what is signed has one reading.
#[derive(Clone, Copy, Debug)]
pub struct SignRequest<'a> {
    /// The app.
    pub app: SdkAppId,
    /// The user it is for.
    pub identifier: UserId,
    /// The time of issue.
    pub time: UnixSeconds,
    /// How many seconds it is valid.
    pub expire: u64,
    /// An optional user buffer; an empty one is signed as such, as the official libraries do.
    pub userbuf: Option<&'a [u8]>,
}

/// Makes a UserSig as the official libraries do.
///
/// ```
/// use portraitd_model::{AppKey, SdkAppId, SignRequest, UnixSeconds, UserId, UserSig, sign};
/// let key = AppKey::parse("0123456789abcdef").unwrap();
/// let now = UnixSeconds(1_700_000_000);
/// let identifier = UserId::parse("alice").unwrap();
/// let request = SignRequest { app: SdkAppId(1400000000), identifier, time: now, expire: 60, userbuf: None };
/// let sig = UserSig::decode(&sign(&key, request)).unwrap();
/// assert!(sig.check(SdkAppId(1400000000), "alice", now).is_ok() && sig.is_signed_with(&key));
/// ```
pub fn sign(key: &AppKey, request: SignRequest<'_>) -> String {
    let userbuf = request.userbuf.map(|bytes| STANDARD.encode(bytes));
    let (app, time) = (u64::from(request.app.0), request.time.0);
    let identifier = request.identifier.as_str();
    let content = content(identifier, app, time, request.expire, userbuf.as_deref());
    let signature = STANDARD.encode(mac(key, &content).finalize().into_bytes());
    let mut document = serde_json::json!({
        "TLS.ver": "2.0", "TLS.identifier": identifier, "TLS.sdkappid": app,
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

/// Whether a text is base64 exactly as encoders write it: then it has no line feeds.
fn is_canonical(base64: &str) -> bool {
    STANDARD.decode(base64).is_ok_and(|bytes| STANDARD.encode(bytes) == base64)
}

/// The text that is signed. Callers pass only an identifier without line feeds and a canonical user buffer.
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

/// Standard base64 stays as it is; a `+` in a query string that was not percent-encoded arrives as a space.
fn to_standard(byte: u8) -> u8 {
    match byte {
        b'*' | b' ' => b'+',
        b'-' => b'/',
        b'_' => b'=',
        other => other,
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
mod forms;
#[cfg(test)]
mod one_reading;
#[cfg(test)]
mod tests;

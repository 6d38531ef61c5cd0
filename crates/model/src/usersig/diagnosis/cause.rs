//! What refuses a UserSig, and the sentences for it.

use super::super::SigFormatError;
use super::words::{date, percent_decoded, quoted, span};
use super::{DocumentCause, EncodedCause, Slip};
use crate::{Language, SdkAppId, UnixSeconds};

/// What refuses a UserSig.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Cause {
    /// The text is not base64 of zlib (70003): each wrapping that has to be taken off, from the outside in.
    Encoded(Vec<EncodedCause>),
    /// The document inside is not one of version 2.0 (70003).
    Document(DocumentCause),
    /// It can't be read for a reason that has no better name (70003).
    Unreadable(SigFormatError),
    /// It was made for another app than the URL's (70014).
    OtherApp {
        /// The URL's.
        requested: SdkAppId,
        /// The UserSig's.
        signed: u64,
        /// Whether this server has an app of that number.
        is_known: bool,
    },
    /// It was made for another user than the URL's (70013).
    OtherUser {
        /// The URL's.
        requested: String,
        /// The UserSig's.
        signed: String,
    },
    /// Its time is over (70001).
    Expired {
        /// `TLS.time`.
        issued: UnixSeconds,
        /// `TLS.expire`, in seconds.
        expire: u64,
        /// The server's clock.
        now: UnixSeconds,
    },
    /// The signature is right but for these mistakes, tried with the keys (70009).
    Signature(Vec<Slip>),
    /// The signature has another length than one of HMAC-SHA256 (70009): so many bytes.
    SignatureLength(usize),
    /// No key that is known and no mistake that is known gives this signature (70009).
    UnknownKey,
}

impl Cause {
    /// The code that a call with such a UserSig is answered.
    pub fn code(&self) -> u32 {
        match self {
            Self::OtherApp { .. } => 70014,
            Self::OtherUser { .. } => 70013,
            Self::Expired { .. } => 70001,
            Self::Encoded(_) | Self::Document(_) | Self::Unreadable(_) => 70003,
            Self::Signature(_) | Self::SignatureLength(_) | Self::UnknownKey => 70009,
        }
    }

    /// Sentences: what is wrong, and the remedy.
    pub fn explain(&self, language: Language) -> String {
        let english = language == Language::English;
        match self {
            Self::Encoded(causes) => join(causes.iter().map(|cause| cause.explain(language)), language),
            Self::Document(cause) => cause.explain(language),
            Self::Unreadable(why) if english => why.to_string(),
            Self::Unreadable(why) => why.in_chinese().to_owned(),
            Self::OtherApp { requested, signed, is_known } => {
                let known = match (is_known, english) {
                    (true, true) => "; this server has both apps",
                    (false, true) => "; this server has no app of that number",
                    (true, false) => "；两个应用在本服务器上都存在",
                    (false, false) => "；本服务器没有该应用",
                };
                language.pick(
                    format!("the UserSig was made for SDKAppID {signed}, and the URL has sdkappid={requested}{known}: use one app for both"),
                    format!("UserSig 是为 SDKAppID {signed} 生成的，而 URL 中 sdkappid={requested}{known}：请使用同一个应用"),
                )
            }
            Self::OtherUser { requested, signed } => other_user(requested, signed, language),
            Self::Expired { issued, expire, now } => {
                let end = UnixSeconds(issued.0.saturating_add(*expire));
                let ago = span(now.0.saturating_sub(end.0), language);
                let (issued, end, now) = (date(*issued), date(end), date(*now));
                language.pick(
                    format!("the UserSig was made at {issued} for {expire} s and expired at {end}, {ago} ago by this server's clock ({now}): \
                             make a new one; if it was made just now, set the signing machine's clock"),
                    format!("UserSig 生成于 {issued}，有效期 {expire} 秒，已于 {end} 过期（按本服务器时钟 {now}，{ago}前）：请重新生成；若是刚刚生成的，请校准签名机器的时钟"),
                )
            }
            Self::Signature(slips) => join(slips.iter().map(|slip| slip.explain(language)), language),
            Self::SignatureLength(bytes) => signature_length(*bytes, language),
            Self::UnknownKey => language
                .pick(
                    "the UserSig is signed with a key that no app here has, or a revoked one (no known mistake gives this TLS.sig): compare the \
                     whole key with the app's (64 hexadecimal digits; not a SecretKey of the cloud account), and the signed text: four lines TLS.identifier, \
                     TLS.sdkappid, TLS.time, TLS.expire, each as label:value and a line feed",
                    "签名所用的密钥不属于此处的任何应用，或已被吊销（TLS.sig 也不符合任何已知的错误）：请核对完整的密钥（64 位十六进制字符，不是云账号的 SecretKey），\
                     以及待签名文本：依次为 TLS.identifier、TLS.sdkappid、TLS.time、TLS.expire 四行，每行为 名称:值 加换行符",
                )
                .to_owned(),
        }
    }
}

fn join(sentences: impl Iterator<Item = String>, language: Language) -> String {
    sentences.collect::<Vec<_>>().join(language.pick("; and ", "；并且"))
}

/// Names both users, and what differs when they look alike.
fn other_user(requested: &str, signed: &str, language: Language) -> String {
    let (english, chinese) = if requested.trim() == signed.trim() {
        (": they differ in white space", "：两者空白不同")
    } else if requested.to_lowercase() == signed.to_lowercase() {
        (": they differ in upper and lower case", "：两者大小写不同")
    } else if percent_decoded(requested).as_deref() == Some(signed)
        || percent_decoded(signed).as_deref() == Some(requested)
    {
        (": one is percent-encoded", "：其中一个做了百分号编码")
    } else if requested.replace('+', " ") == signed.replace('+', " ") {
        (": a + in a URL stands for a space; write it as %2B", "：URL 中的 + 表示空格，应写成 %2B")
    } else {
        (": sign for the identifier that is in the URL", "：请为 URL 中的 identifier 签名")
    };
    let (requested, signed) = (quoted(requested), quoted(signed));
    language.pick(
        format!("the UserSig was made for {signed}, and the URL has identifier={requested}{english}"),
        format!("UserSig 是为 {signed} 生成的，而 URL 中 identifier={requested}{chinese}"),
    )
}

fn signature_length(bytes: usize, language: Language) -> String {
    let (english, chinese) = match bytes {
        0 => (", that is, none", "，即没有签名"),
        16 => (", as many as MD5 gives", "，与 MD5 相同"),
        20 => (", as many as HMAC-SHA1 gives", "，与 HMAC-SHA1 相同"),
        64..=72 => (
            ", as many as an ECDSA signature (version 1) or SHA-512 gives",
            "，与 ECDSA（1.0 版本）或 SHA-512 相同",
        ),
        _ => ("", ""),
    };
    language.pick(
        format!("TLS.sig holds {bytes} bytes{english}: it is to be the 32 bytes of HMAC-SHA256, in base64"),
        format!("TLS.sig 为 {bytes} 字节{chinese}：应为 HMAC-SHA256 的 32 字节，再做 base64 编码"),
    )
}

//! The mistakes that a signature is tried against, and the sentences for those of the digest.

use super::{KeySlip, TextSlip};
use crate::Language;

/// One mistake that a signature fits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Slip {
    /// In the digest.
    Digest(DigestSlip),
    /// In how the digest was written.
    Encoding(EncodingSlip),
    /// In the key.
    Key(KeySlip),
    /// In the text that was signed.
    Text(TextSlip),
}

/// Another digest than HMAC-SHA256 of the key and the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DigestSlip {
    /// The text as the key, and the key as the text.
    Swapped,
    /// Plain SHA-256 of the key and the text.
    KeyFirst,
    /// Plain SHA-256 of the text and the key.
    KeyLast,
    /// Plain SHA-256 of the text.
    NoKey,
    /// HMAC-SHA512.
    Sha512,
    /// HMAC-SHA384.
    Sha384,
    /// HMAC-SHA224.
    Sha224,
}

/// Another way of writing the digest than its base64.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EncodingSlip {
    /// In hexadecimal digits.
    Hexadecimal,
    /// The base64 of its hexadecimal digits.
    Base64OfHexadecimal,
    /// base64 of base64.
    Base64Twice,
}

impl Slip {
    /// A sentence: what was done, and what is to be done.
    pub fn explain(&self, language: Language) -> String {
        match self {
            Self::Digest(slip) => slip.explain(language).to_owned(),
            Self::Encoding(slip) => slip.explain(language).to_owned(),
            Self::Key(slip) => slip.explain(language),
            Self::Text(slip) => slip.explain(language),
        }
    }
}

impl DigestSlip {
    fn explain(self, language: Language) -> &'static str {
        let (english, chinese) = match self {
            Self::Swapped => (
                "key and text were given to HMAC in the wrong order: the secret key is the key, the signed text the message",
                "HMAC 的密钥和消息参数颠倒：密钥应为应用的密钥，消息应为待签名文本",
            ),
            Self::KeyFirst => (
                "TLS.sig is the SHA-256 of key and text joined: use HMAC-SHA256",
                "TLS.sig 是密钥与文本拼接后的 SHA-256：应使用 HMAC-SHA256",
            ),
            Self::KeyLast => (
                "TLS.sig is the SHA-256 of text and key joined: use HMAC-SHA256",
                "TLS.sig 是文本与密钥拼接后的 SHA-256：应使用 HMAC-SHA256",
            ),
            Self::NoKey => (
                "TLS.sig is the SHA-256 of the text, without a key: use HMAC-SHA256 with the secret key",
                "TLS.sig 是文本的 SHA-256，没有用到密钥：应以密钥计算 HMAC-SHA256",
            ),
            Self::Sha512 => (
                "TLS.sig was made with HMAC-SHA512: use HMAC-SHA256",
                "TLS.sig 用了 HMAC-SHA512：应使用 HMAC-SHA256",
            ),
            Self::Sha384 => (
                "TLS.sig was made with HMAC-SHA384: use HMAC-SHA256",
                "TLS.sig 用了 HMAC-SHA384：应使用 HMAC-SHA256",
            ),
            Self::Sha224 => (
                "TLS.sig was made with HMAC-SHA224: use HMAC-SHA256",
                "TLS.sig 用了 HMAC-SHA224：应使用 HMAC-SHA256",
            ),
        };
        language.pick(english, chinese)
    }
}

impl EncodingSlip {
    fn explain(self, language: Language) -> &'static str {
        let (english, chinese) = match self {
            Self::Hexadecimal => (
                "TLS.sig is in hexadecimal digits: it must be the base64 of the 32 raw bytes (Node digest('base64'), PHP hash_hmac(..., true))",
                "TLS.sig 是十六进制字符：应为 32 个原始字节的 base64（Node digest('base64')，PHP hash_hmac(..., true)）",
            ),
            Self::Base64OfHexadecimal => (
                "TLS.sig is the base64 of hexadecimal digits: encode the 32 raw bytes (PHP hash_hmac(..., true), Python digest() not \
                 hexdigest(), Go Sum(nil) without hex)",
                "TLS.sig 是对十六进制字符做的 base64：应对 32 个原始字节编码（PHP hash_hmac(..., true)，Python 用 digest() 而非 \
                 hexdigest()，Go 用 Sum(nil) 而不转 hex）",
            ),
            Self::Base64Twice => (
                "TLS.sig is encoded in base64 twice: once is enough",
                "TLS.sig 做了两次 base64 编码，一次即可",
            ),
        };
        language.pick(english, chinese)
    }
}

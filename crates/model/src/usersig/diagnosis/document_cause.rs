//! What is wrong with the document inside a UserSig: the sentences.

use super::words::quoted;
use crate::{JsonType, Language};

/// Why the document inside is not one of version 2.0.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DocumentCause {
    /// It inflates to more than 8 KiB.
    TooLarge,
    /// In UTF-16, not UTF-8.
    Utf16,
    /// Neither UTF-8 nor UTF-16.
    NotUtf8,
    /// A byte order mark before it.
    ByteOrderMark,
    /// A JSON string that holds the document.
    JsonInString,
    /// What Python shows of a dictionary.
    PythonDict,
    /// What PHP's `serialize` or `var_export` writes.
    PhpSerialized,
    /// `TLS.ver=2.0&…`, as forms are encoded.
    Form,
    /// The signed text in place of the document.
    SignedText,
    /// JSON that ends too early.
    JsonCut,
    /// Not a JSON object.
    NotJson,
    /// A UserSig of version 1 (ECDSA).
    Version1,
    /// A member has the wrong form: its name, and what is wrong.
    Member(&'static str, MemberProblem),
}

/// What is wrong with a member.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MemberProblem {
    /// It is not there; a member that may be meant.
    Missing(Option<String>),
    /// It is there twice.
    Twice,
    /// It is of another type than this member.
    Type(JsonType),
    /// It is a number with a sign, a fraction or an exponent, a number beyond 64 bits, or a text that is no number: as written.
    Number(String),
    /// `TLS.ver` is another version.
    Version(String),
    /// `TLS.identifier` holds a control character.
    Control,
    /// `TLS.userbuf` is in base64 with other letters.
    UserbufAlphabet,
    /// `TLS.userbuf` is not padded, has line ends, or is no base64.
    Userbuf,
    /// `TLS.sig` has line ends.
    SigLineEnds,
    /// `TLS.sig` is what Python shows of bytes.
    SigPythonBytes,
    /// `TLS.sig` is in base64 with other letters.
    SigAlphabet,
    /// `TLS.sig` is no base64.
    SigNotBase64,
}

impl DocumentCause {
    /// A sentence: what is wrong, and the remedy.
    pub fn explain(&self, language: Language) -> String {
        let (english, chinese) = match self {
            Self::Member(name, problem) => return problem.explain(name, language),
            Self::TooLarge => (
                "the document in the UserSig inflates to more than 8 KiB: a user buffer may be some hundred bytes long",
                "UserSig 的内容解压后超过 8 KiB：userbuf 只应有几百字节",
            ),
            Self::Utf16 => (
                "the document in the UserSig is in UTF-16: encode it in UTF-8 (.NET: Encoding.UTF8, not Encoding.Unicode)",
                "UserSig 的内容是 UTF-16 编码：应使用 UTF-8（.NET 用 Encoding.UTF8 而非 Encoding.Unicode）",
            ),
            Self::NotUtf8 => (
                "the document in the UserSig is not UTF-8: encode the JSON, and with it the identifier, in UTF-8 (not GBK, not Latin-1)",
                "UserSig 的内容不是 UTF-8：JSON 及其中的用户名须用 UTF-8 编码（不是 GBK 等）",
            ),
            Self::ByteOrderMark => (
                "a byte order mark stands before the document in the UserSig: write UTF-8 without one",
                "UserSig 的内容以 BOM 开头：请使用不带 BOM 的 UTF-8",
            ),
            Self::JsonInString => (
                "the document in the UserSig is a JSON string that holds the JSON: it was serialised twice; do it once",
                "UserSig 的内容是包在 JSON 字符串里的 JSON：序列化了两次，一次即可",
            ),
            Self::PythonDict => (
                "the document in the UserSig is a Python dictionary as str() shows it: use json.dumps()",
                "UserSig 的内容是 Python 字典的 str() 结果：请使用 json.dumps()",
            ),
            Self::PhpSerialized => (
                "the document in the UserSig is what PHP's serialize() writes: use json_encode()",
                "UserSig 的内容是 PHP serialize() 的结果：请使用 json_encode()",
            ),
            Self::Form => (
                "the document in the UserSig is in form encoding (TLS.ver=2.0&...): write a JSON object",
                "UserSig 的内容是表单编码（TLS.ver=2.0&...）：应为 JSON 对象",
            ),
            Self::SignedText => (
                "the UserSig holds the text that is signed: it holds a JSON object with TLS.sig, the signature of that text",
                "UserSig 的内容是待签名的文本：应为含有 TLS.sig（该文本的签名）的 JSON 对象",
            ),
            Self::JsonCut => (
                "the JSON document in the UserSig ends too early: was it cut before it was compressed?",
                "UserSig 中的 JSON 不完整：压缩前是否被截断？",
            ),
            Self::NotJson => (
                "what is compressed in the UserSig is no JSON object: it holds TLS.ver, TLS.identifier, TLS.sdkappid, TLS.expire, \
                 TLS.time and TLS.sig",
                "UserSig 解压后不是 JSON 对象：应含有 TLS.ver、TLS.identifier、TLS.sdkappid、TLS.expire、TLS.time 和 TLS.sig",
            ),
            Self::Version1 => (
                "this is a UserSig of version 1, signed with an ECDSA private key (tls-sig-api): sign with version 2.0 and the app's \
                 secret key (tls-sig-api-v2)",
                "这是 1.0 版本的 UserSig（tls-sig-api，ECDSA 私钥签名）：请用 2.0 版本（tls-sig-api-v2）和应用的密钥签名",
            ),
        };
        language.pick(english, chinese).to_owned()
    }
}

/// What a member is to be.
fn wanted(name: &str, language: Language) -> &'static str {
    match name {
        "TLS.ver" => language.pick("the string \"2.0\"", "字符串 \"2.0\""),
        "TLS.identifier" => {
            language.pick("a string, in quotes also when it is all digits", "字符串，全为数字时也要加引号")
        }
        "TLS.sdkappid" => language.pick("a whole number such as 1400000000", "整数，例如 1400000000"),
        "TLS.time" => language.pick("a whole number of Unix seconds", "整数，Unix 时间戳，单位秒"),
        "TLS.expire" => language.pick("a whole number of seconds", "整数，单位秒"),
        "TLS.userbuf" => language.pick("a string in base64", "base64 字符串"),
        _ => language.pick("a string, the HMAC-SHA256 in base64", "字符串，即 HMAC-SHA256 的 base64"),
    }
}

impl MemberProblem {
    fn explain(&self, name: &str, language: Language) -> String {
        let wanted = wanted(name, language);
        match language {
            Language::English => match self {
                Self::Missing(None) => {
                    format!("{name} is missing from the document in the UserSig: it is {wanted}")
                }
                Self::Missing(Some(near)) => {
                    format!(
                        "{name} is missing from the document in the UserSig; is {} meant to be it?",
                        quoted(near)
                    )
                }
                Self::Twice => format!("{name} is twice in the document in the UserSig: write it once"),
                Self::Type(found) => {
                    format!("{name} in the UserSig is {}: it is to be {wanted}", found.name(language))
                }
                Self::Number(text) => {
                    format!("{name} in the UserSig is {}: it is to be {wanted}", quoted(text))
                }
                Self::Version(text) => {
                    format!("{name} in the UserSig is {}: only version \"2.0\" is read", quoted(text))
                }
                Self::Control => format!(
                    "{name} in the UserSig holds a control character such as a line end: trim the name before it is signed"
                ),
                Self::UserbufAlphabet => {
                    format!(
                        "{name} in the UserSig is base64 with - or _ or *: write it with + / =, as the signed text has it"
                    )
                }
                Self::Userbuf => format!(
                    "{name} in the UserSig is not standard base64: padded with =, without line ends; encode the buffer's bytes"
                ),
                Self::SigLineEnds => format!(
                    "{name} has line ends in it: use a base64 encoder that adds none (Ruby strict_encode64, Android NO_WRAP, Python b64encode)"
                ),
                Self::SigPythonBytes => {
                    format!("{name} is written as Python writes bytes, b'...': call .decode() on it")
                }
                Self::SigAlphabet => {
                    format!(
                        "{name} is base64 with - or _ or *: it is standard base64 with + / =; only the whole UserSig has other letters"
                    )
                }
                Self::SigNotBase64 => format!("{name} is not base64: it is {wanted}"),
            },
            Language::Chinese => self.in_chinese(name, wanted),
        }
    }

    fn in_chinese(&self, name: &str, wanted: &str) -> String {
        match self {
            Self::Missing(None) => format!("UserSig 的内容缺少 {name}：应为{wanted}"),
            Self::Missing(Some(near)) => format!("UserSig 的内容缺少 {name}；{} 是否就是它？", quoted(near)),
            Self::Twice => format!("UserSig 的内容中 {name} 出现两次，只能有一个"),
            Self::Type(found) => {
                format!("UserSig 中的 {name} 是{}：应为{wanted}", found.name(Language::Chinese))
            }
            Self::Number(text) => format!("UserSig 中的 {name} 为 {}：应为{wanted}", quoted(text)),
            Self::Version(text) => format!("UserSig 中的 {name} 为 {}：只支持 \"2.0\"", quoted(text)),
            Self::Control => format!("UserSig 中的 {name} 含有换行等控制字符：签名前请去掉"),
            Self::UserbufAlphabet => {
                format!("UserSig 中的 {name} 是含 -、_ 或 * 的 base64：应使用 + / =，与待签名文本一致")
            }
            Self::Userbuf => {
                format!("UserSig 中的 {name} 不是标准 base64（须补齐 =，不含换行）：请对 userbuf 的字节编码")
            }
            Self::SigLineEnds => format!(
                "{name} 中含有换行：请使用不折行的 base64 编码（Ruby strict_encode64、Android NO_WRAP、Python b64encode）"
            ),
            Self::SigPythonBytes => format!("{name} 是 Python bytes 的文本形式 b'...'：请先调用 .decode()"),
            Self::SigAlphabet => {
                format!(
                    "{name} 是含 -、_ 或 * 的 base64：应为使用 + / = 的标准 base64，只有整个 UserSig 才替换字符"
                )
            }
            Self::SigNotBase64 => format!("{name} 不是 base64：应为{wanted}"),
        }
    }
}

//! What is wrong with the key of a signature: the sentences.

use super::words::quoted;
use crate::{Language, SdkAppId};

/// What is wrong with the key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KeySlip {
    /// It is the key of another app of this server.
    OtherApp(SdkAppId),
    /// With a line end after it.
    LineEnd,
    /// With white space around it.
    Space,
    /// With a character that can't be seen: a byte order mark, a zero-width space, a NUL.
    Invisible,
    /// In quotation marks.
    Quoted,
    /// The server's key has white space around it, and the signer's has not.
    Trimmed,
    /// In upper case.
    UpperCase,
    /// In lower case.
    LowerCase,
    /// The bytes that its hexadecimal digits stand for.
    HexDecoded,
    /// The bytes that it stands for in base64.
    Base64Decoded,
    /// Its hexadecimal digits.
    HexEncoded,
    /// Its base64.
    Base64Encoded,
    /// Its first so many characters.
    Start(usize),
    /// Its last so many characters.
    End(usize),
    /// Twice, one after the other.
    Twice,
    /// In UTF-16.
    Utf16,
    /// An empty text.
    Empty,
    /// The text of a variable that was not set.
    Unset(&'static str),
    /// The example key in the official libraries' READMEs.
    Example,
    /// The SDKAppID.
    AppId,
    /// The identifier.
    Identifier,
}

impl KeySlip {
    pub(super) fn explain(&self, language: Language) -> String {
        let (english, chinese) = match self {
            Self::OtherApp(app) => {
                return language.pick(
                    format!(
                        "it was signed with the key of SDKAppID {app}: use the key of the app in the URL"
                    ),
                    format!("签名用的是 SDKAppID {app} 的密钥：请使用 URL 中应用自己的密钥"),
                );
            }
            Self::Start(count) => {
                return language.pick(
                    format!("it was signed with the first {count} characters of the key only: copy or store the whole key"),
                    format!("签名只用了密钥的前 {count} 个字符：请复制或保存完整的密钥"),
                );
            }
            Self::End(count) => {
                return language.pick(
                    format!(
                        "it was signed with the last {count} characters of the key only: copy the whole key"
                    ),
                    format!("签名只用了密钥的后 {count} 个字符：请复制完整的密钥"),
                );
            }
            Self::Unset(text) => {
                return language.pick(
                    format!("it was signed with the text {} as the key: the variable or setting with the key was not set", quoted(text)),
                    format!("签名用的密钥是文本 {}：保存密钥的变量或配置没有设置", quoted(text)),
                );
            }
            other => other.encoded().unwrap_or_else(|| other.fixed()),
        };
        language.pick(english, chinese).to_owned()
    }

    /// Those that encode or decode the key.
    fn encoded(&self) -> Option<(&'static str, &'static str)> {
        Some(match self {
            Self::HexDecoded => (
                "it was signed with the bytes that the key's hexadecimal digits stand for: the key is its text itself; do not decode it",
                "签名前对密钥做了十六进制解码：密钥就是这段文本本身，不要解码",
            ),
            Self::Base64Decoded => (
                "it was signed with the key decoded from base64: the key is its text itself; do not decode it",
                "签名前对密钥做了 base64 解码：密钥就是这段文本本身，不要解码",
            ),
            Self::HexEncoded => (
                "it was signed with the key encoded in hexadecimal: use its text itself",
                "签名前对密钥做了十六进制编码：请直接使用密钥文本",
            ),
            Self::Base64Encoded => (
                "it was signed with the key encoded in base64: use its text itself",
                "签名前对密钥做了 base64 编码：请直接使用密钥文本",
            ),
            Self::Utf16 => (
                "it was signed with the key in UTF-16: use its UTF-8 bytes (.NET: Encoding.UTF8, not Encoding.Unicode)",
                "签名用的密钥是 UTF-16 编码：应使用 UTF-8 字节（.NET 用 Encoding.UTF8 而非 Encoding.Unicode）",
            ),
            _ => return None,
        })
    }

    /// All others; a test asks each for its sentence.
    fn fixed(&self) -> (&'static str, &'static str) {
        match self {
            Self::LineEnd => (
                "it was signed with the key and a line end after it: trim the key when it is read",
                "签名用的密钥末尾多了换行：读取密钥时请去掉",
            ),
            Self::Space => (
                "it was signed with the key and white space around it: trim the key when it is read",
                "签名用的密钥前后多了空白：读取密钥时请去掉",
            ),
            Self::Invisible => (
                "it was signed with the key and a character that can't be seen, such as a byte order mark or a zero-width space: copy the key again",
                "签名用的密钥含有不可见字符（如 BOM、零宽空格）：请重新复制密钥",
            ),
            Self::Quoted => (
                "it was signed with the key and the quotation marks around it: take them away",
                "签名用的密钥带有引号：请去掉引号",
            ),
            Self::Trimmed => (
                "it was signed with the key without the white space that this server's copy has around it: give the server the key without",
                "本服务器保存的密钥前后有空白，而签名所用的没有：请为服务器设置不含空白的密钥",
            ),
            Self::UpperCase => (
                "it was signed with the key in upper case: use the key as it is, in lower case",
                "签名用的密钥被转成了大写：请原样使用（小写）",
            ),
            Self::LowerCase => (
                "it was signed with the key in lower case: use the key as it is",
                "签名用的密钥被转成了小写：请原样使用",
            ),
            Self::Twice => (
                "it was signed with the key twice, one after the other: was it pasted twice?",
                "签名用的密钥重复了两遍：是否粘贴了两次？",
            ),
            Self::Empty => (
                "it was signed with an empty key: the variable or setting with the key is empty",
                "签名用的密钥为空：保存密钥的变量或配置为空",
            ),
            Self::Example => (
                "it was signed with the example key of the official libraries' READMEs: put in the key of this app",
                "签名用的是官方库 README 中的示例密钥：请换成此应用的密钥",
            ),
            Self::AppId => (
                "it was signed with the SDKAppID as the key: give the app's secret key",
                "签名用的密钥是 SDKAppID：请填写应用的密钥",
            ),
            Self::Identifier => (
                "it was signed with the identifier as the key: are two arguments in the wrong order?",
                "签名用的密钥是 identifier：参数顺序是否颠倒？",
            ),
            _ => ("", ""),
        }
    }
}

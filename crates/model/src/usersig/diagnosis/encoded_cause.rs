//! What is wrong with a UserSig's text, before its document: the sentences.

use super::words::quoted;
use crate::Language;

/// Why a text is not base64 of zlib.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EncodedCause {
    /// Longer than 4 KiB: so many bytes.
    TooLong(usize),
    /// A placeholder that was never filled in, or the text of an empty variable.
    Placeholder(&'static str),
    /// A key of an app on this server.
    Key,
    /// 64 hexadecimal digits, as keys are.
    LikeAKey,
    /// The private or public key of version 1, in PEM.
    Pem,
    /// A JSON Web Token.
    Jwt,
    /// The JSON document itself, neither compressed nor base64.
    Json,
    /// The text of a Python `bytes` object, `b'…'`.
    PythonBytes,
    /// Quotation marks around it.
    Quoted,
    /// Line ends in it.
    LineEnds,
    /// White space or characters that can't be seen around it.
    Spaces,
    /// Percent-encoded once more than the URL was decoded.
    PercentEncoded,
    /// A whole URL, or more parameters of the query.
    Query,
    /// Hexadecimal digits in place of base64.
    Hexadecimal,
    /// Other characters for `+`, `/` or `=`: what is written, and what it stands for.
    Alphabet(Vec<(char, char)>),
    /// base64 of base64.
    Base64Twice,
    /// gzip in place of zlib.
    Gzip,
    /// Deflate without zlib's header and checksum.
    RawDeflate,
    /// The document was not compressed.
    NotCompressed,
    /// All its letters are small, or all are capitals.
    OneCase,
    /// Its end is missing: so many characters are left.
    CutShort(usize),
    /// It starts as a UserSig does, and what follows is damaged.
    Damaged,
    /// A character that base64 does not have, and its place from 1 on.
    Stranger(char, usize),
    /// base64 of something else.
    NotZlib,
}

impl EncodedCause {
    /// A sentence: what is wrong, and the remedy.
    pub fn explain(&self, language: Language) -> String {
        let fixed = self.instead().or_else(|| self.around()).or_else(|| self.inside());
        fixed.map_or_else(
            || self.valued(language),
            |(english, chinese)| language.pick(english, chinese).to_owned(),
        )
    }

    /// Those that show what was found.
    fn valued(&self, language: Language) -> String {
        match self {
            Self::TooLong(bytes) => language.pick(
                format!(
                    "the UserSig is {bytes} bytes long; at most 4096 are read, and one without a user buffer has about 200"
                ),
                format!("UserSig 长 {bytes} 字节，最多读取 4096 字节；不带 userbuf 的 UserSig 约 200 字节"),
            ),
            Self::Placeholder(text) => language.pick(
                format!("usersig is {}: a variable was empty, or a placeholder was not filled in", quoted(text)),
                format!("usersig 为 {}：变量为空，或占位符没有替换", quoted(text)),
            ),
            Self::Alphabet(letters) => alphabet(letters, language),
            Self::CutShort(characters) => language.pick(
                format!(
                    "the UserSig was cut short: {characters} characters are left and its end is missing; is a database \
                     column, a buffer or a log line that short?"
                ),
                format!("UserSig 被截断：只剩 {characters} 个字符，缺少结尾；数据库字段、缓冲区或日志是否太短？"),
            ),
            Self::Stranger(letter, place) => {
                let letter = quoted(&letter.to_string());
                language.pick(
                    format!("the UserSig is not base64: character {place} is {letter}"),
                    format!("UserSig 不是 base64：第 {place} 个字符是 {letter}"),
                )
            }
            // Every other cause has a sentence of its own; a test asks each for it.
            _ => String::new(),
        }
    }

    /// What is no UserSig at all.
    fn instead(&self) -> Option<(&'static str, &'static str)> {
        Some(match self {
            Self::Key => (
                "usersig is a secret key itself: send what genUserSig makes with it, and never the key",
                "usersig 填的是密钥本身：请填 genUserSig 用密钥生成的结果，切勿发送密钥",
            ),
            Self::LikeAKey => (
                "usersig is 64 hexadecimal digits, as a secret key is: send what genUserSig makes with the key, and never the key",
                "usersig 是 64 位十六进制字符，像是密钥：请填 genUserSig 用密钥生成的结果，切勿发送密钥",
            ),
            Self::Pem => (
                "usersig is a PEM key of version 1: send a UserSig of version 2.0, made with the app's secret key",
                "usersig 是 1.0 版本的 PEM 密钥：请使用应用的密钥生成 2.0 版本的 UserSig",
            ),
            Self::Jwt => (
                "usersig is a JSON Web Token: the cloud has a format of its own; use genUserSig of its library (269/32688)",
                "usersig 是 JWT：云端使用自己的格式，请用官方库的 genUserSig 生成（269/32688）",
            ),
            Self::Json => (
                "usersig is the JSON document itself: compress it with zlib, then encode it in base64",
                "usersig 是 JSON 原文：需先用 zlib 压缩，再做 base64 编码",
            ),
            _ => return None,
        })
    }

    /// What is around or over it.
    fn around(&self) -> Option<(&'static str, &'static str)> {
        Some(match self {
            Self::PythonBytes => (
                "the UserSig is written as Python writes bytes, b'...': call .decode() on it",
                "UserSig 是 Python bytes 的文本形式 b'...'：请先调用 .decode()",
            ),
            Self::Quoted => ("the UserSig is in quotation marks: take them away", "UserSig 带有引号，请去掉"),
            Self::LineEnds => (
                "the UserSig has line ends in it: use a base64 encoder that does not wrap lines (Ruby strict_encode64, Android NO_WRAP, Python b64encode, Java getEncoder)",
                "UserSig 中含有换行：请使用不折行的 base64 编码（Ruby strict_encode64、Android NO_WRAP、Python b64encode、Java getEncoder）",
            ),
            Self::Spaces => (
                "the UserSig has white space or a character that can't be seen around it: trim it",
                "UserSig 前后有空白或不可见字符，请去掉",
            ),
            Self::PercentEncoded => (
                "the UserSig is percent-encoded once more than the URL: encode it once, or not at all; its letters need none",
                "UserSig 多做了一次百分号编码：编码一次即可，也可以不编码，其字符无需编码",
            ),
            Self::Query => (
                "usersig holds more of the URL than the UserSig: was the query percent-encoded or copied as a whole?",
                "usersig 中混入了 URL 的其他部分：是否对整个查询串做了编码或整体复制？",
            ),
            Self::Hexadecimal => (
                "the UserSig is in hexadecimal digits: encode the zlib bytes in base64",
                "UserSig 是十六进制字符：应对 zlib 压缩后的字节做 base64 编码",
            ),
            Self::Base64Twice => (
                "the UserSig is encoded in base64 twice: once is enough",
                "UserSig 做了两次 base64 编码，一次即可",
            ),
            _ => return None,
        })
    }

    /// What is inside.
    fn inside(&self) -> Option<(&'static str, &'static str)> {
        Some(match self {
            Self::Gzip => (
                "the document is compressed with gzip: use zlib (PHP gzcompress, Node deflateSync, Python zlib.compress, Java Deflater, Go compress/zlib)",
                "内容用 gzip 压缩：应使用 zlib（PHP gzcompress、Node deflateSync、Python zlib.compress、Java Deflater、Go compress/zlib）",
            ),
            Self::RawDeflate => (
                "the document is compressed with bare deflate: use zlib, which adds a header and a checksum (PHP gzcompress not gzdeflate, Node deflateSync not deflateRawSync, .NET ZLibStream not DeflateStream)",
                "内容用裸 deflate 压缩：应使用带头部和校验的 zlib（PHP 用 gzcompress 而非 gzdeflate，Node 用 deflateSync 而非 deflateRawSync，.NET 用 ZLibStream 而非 DeflateStream）",
            ),
            Self::NotCompressed => (
                "the document is not compressed: compress the JSON with zlib before base64",
                "内容没有压缩：JSON 需先用 zlib 压缩，再做 base64 编码",
            ),
            Self::OneCase => (
                "all letters of the UserSig are small, or all are capitals: its case was changed on the way, and base64 needs both",
                "UserSig 的字母全是小写或全是大写：传输中大小写被改变，而 base64 区分大小写",
            ),
            Self::Damaged => (
                "the UserSig was changed on the way: it starts as one and then does not inflate; compare what was made with what was sent",
                "UserSig 在传输中被改变：开头正确，之后无法解压；请比较生成的与发送的内容",
            ),
            Self::NotZlib => (
                "the UserSig is base64 of something that is not zlib: compress the JSON document with zlib, then encode it",
                "UserSig 是 base64，但内容不是 zlib：应先用 zlib 压缩 JSON，再编码",
            ),
            _ => return None,
        })
    }
}

/// The well-known ways to write base64 in other letters.
fn alphabet(letters: &[(char, char)], language: Language) -> String {
    let has = |pair: (char, char)| letters.contains(&pair);
    let written: Vec<_> = letters.iter().map(|(written, meant)| format!("{meant} as {written}")).collect();
    let in_chinese: Vec<_> =
        letters.iter().map(|(written, meant)| format!("{meant} 写成了 {written}")).collect();
    let (english, chinese) = if has(('-', '+')) || has(('_', '/')) {
        (" (base64url of RFC 4648)", "（RFC 4648 的 base64url）")
    } else if has((',', '=')) || (has(('*', '+')) && has(('+', '/'))) || has(('+', '/')) {
        (
            " (Ruby's tr reads *-_ as a range: write \"*\\\\-_\")",
            "（Ruby 的 tr 把 *-_ 当作范围，应写 \"*\\\\-_\"）",
        )
    } else {
        ("", "")
    };
    match language {
        Language::English => format!(
            "the UserSig writes {}{english}; the cloud writes + as *, / as - and = as _",
            written.join(", ")
        ),
        Language::Chinese => {
            format!(
                "UserSig 中 {}{chinese}；云端的写法是 + 写成 *，/ 写成 -，= 写成 _",
                in_chinese.join("，")
            )
        }
    }
}

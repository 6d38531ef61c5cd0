//! What is wrong with the signed text: the sentences.

use crate::Language;

/// What is wrong with the signed text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TextSlip {
    /// Its lines end otherwise.
    LineEnds(LineEnds),
    /// Its lines are in another order: as they were signed.
    Order(Vec<&'static str>),
    /// The line `TLS.ver:2.0` is in it: first, or last.
    Version,
    /// Its labels are written otherwise.
    Labels(LabelStyle),
    /// The JSON document was signed, without `TLS.sig`.
    Json,
    /// It names another app of this server.
    OtherApp(u64),
    /// It has a time that is so many seconds later (earlier when negative) than `TLS.time`.
    Time(i64),
    /// It has this expiry, and not that of the document.
    Expire(u64),
    /// It has the time in milliseconds, or `TLS.time` has it.
    TimeUnit,
    /// It has `TLS.expire` in milliseconds, or `TLS.expire` is.
    ExpireUnit,
    /// It has the point in time of the expiry where `TLS.expire` has the seconds, or the reverse.
    ExpireIsATime,
    /// It has a number with `.0`.
    Fraction(&'static str),
    /// `TLS.time` and `TLS.expire` have each other's value.
    TimeAndExpire,
    /// It has the SDKAppID in quotation marks.
    QuotedApp,
    /// It has the identifier in another form.
    Identifier(IdentifierForm),
    /// It has the user buffer in another form.
    Userbuf(UserbufSlip),
    /// It is in UTF-16.
    Utf16,
}

/// How the lines of a signed text end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LineEnds {
    /// By a carriage return and a line feed.
    CrLf,
    /// By a carriage return.
    Cr,
    /// The last one by nothing.
    LastMissing,
    /// All by nothing.
    None,
    /// By a backslash and an n.
    Backslash,
    /// By a backslash and an n, the last one by nothing.
    BackslashLastMissing,
    /// By a space.
    Space,
    /// By a comma.
    Comma,
    /// By an ampersand.
    Ampersand,
    /// By an ampersand, the last one by nothing.
    AmpersandLastMissing,
    /// A blank line follows.
    BlankLine,
}

/// How the labels of a signed text are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LabelStyle {
    /// `identifier:`
    WithoutPrefix,
    /// Values alone, in lines.
    None,
    /// Values alone, one after the other, as the formula in the documentation could be read.
    Formula,
    /// `TLS.identifier=`
    Equals,
    /// `TLS.identifier: `
    Spaced,
    /// `TLS.sdkAppId:`, `TLS.SDKAppID:`, `TLS.sdk_appid:`, `TLS.appid:`
    AppId(&'static str),
    /// `TLS.userid:` and the like.
    Identifier(&'static str),
    /// All in lower or all in upper case.
    Case,
    /// Those of version 1.
    Version1,
}

/// Another form of the identifier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IdentifierForm {
    /// In quotation marks.
    Quoted,
    /// Percent-encoded.
    PercentEncoded,
    /// In lower case.
    LowerCase,
    /// In upper case.
    UpperCase,
    /// Without the white space around it.
    Trimmed,
    /// With `\u` escapes.
    Escaped,
}

/// Another form of the user buffer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UserbufSlip {
    /// It is in the document and not in the signed text.
    Missing,
    /// An empty one is in the signed text, and none in the document.
    Added,
    /// Its bytes, not their base64.
    Raw,
    /// base64 with other letters.
    Alphabet,
    /// base64 of base64.
    Base64Twice,
}

impl TextSlip {
    pub(super) fn explain(&self, language: Language) -> String {
        let (english, chinese) = match self {
            Self::Order(order) => {
                let order = order.join(", ");
                return language.pick(
                    format!("the signed text has its lines in the order {order}: they must be in the order TLS.identifier, TLS.sdkappid, TLS.time, TLS.expire"),
                    format!("待签名文本的顺序为 {order}：应为 TLS.identifier, TLS.sdkappid, TLS.time, TLS.expire"),
                );
            }
            Self::OtherApp(app) => {
                return language.pick(
                    format!("the signed text has TLS.sdkappid:{app}, another app than the document: use one value for both"),
                    format!("待签名文本中是 TLS.sdkappid:{app}，与 JSON 中的应用不同：请使用同一个值"),
                );
            }
            Self::Time(seconds) => {
                return language.pick(
                    format!("the signed text has another TLS.time than the document ({seconds:+} s): read the clock once"),
                    format!("待签名文本与 JSON 中的 TLS.time 不同（相差 {seconds:+} 秒）：只取一次当前时间"),
                );
            }
            Self::Expire(seconds) => {
                return language.pick(
                    format!("the signed text has TLS.expire:{seconds}, another number than the document: use one value for both"),
                    format!("待签名文本中是 TLS.expire:{seconds}，与 JSON 中的不同：请使用同一个值"),
                );
            }
            Self::Fraction(label) => {
                return language.pick(
                    format!(
                        "the signed text has {label} with a fraction (.0): write whole numbers, with int()"
                    ),
                    format!("待签名文本中 {label} 带有小数（.0）：请用整数，例如 int()"),
                );
            }
            Self::Labels(LabelStyle::AppId(name)) => return wrong_label(name, "TLS.sdkappid", language),
            Self::Labels(LabelStyle::Identifier(name)) => {
                return wrong_label(name, "TLS.identifier", language);
            }
            Self::LineEnds(ends) => ends.fixed(),
            Self::Labels(style) => style.fixed(),
            Self::Identifier(form) => form.fixed(),
            Self::Userbuf(slip) => slip.fixed(),
            other => other.fixed(),
        };
        language.pick(english, chinese).to_owned()
    }

    fn fixed(&self) -> (&'static str, &'static str) {
        match self {
            Self::Version => (
                "the signed text has a line with TLS.ver: leave it out, it is in the document only",
                "待签名文本中多了 TLS.ver 一行：它只出现在 JSON 中，请去掉",
            ),
            Self::Json => (
                "the JSON document was signed: sign the lines TLS.identifier:..., TLS.sdkappid:..., TLS.time:..., TLS.expire:...",
                "签名的是 JSON：应对 TLS.identifier:…、TLS.sdkappid:…、TLS.time:…、TLS.expire:… 各行签名",
            ),
            Self::TimeUnit => (
                "TLS.time is in seconds in one place and in milliseconds in the other: use the same Unix seconds in both",
                "待签名文本与 JSON 中的 TLS.time 一个是秒、一个是毫秒：两处请用同一个秒级时间戳",
            ),
            Self::ExpireUnit => (
                "TLS.expire is in seconds in one place and in milliseconds in the other: use the same seconds in both",
                "待签名文本与 JSON 中的 TLS.expire 一个是秒、一个是毫秒：两处请用同一个秒数",
            ),
            Self::ExpireIsATime => (
                "TLS.expire is a number of seconds in one place and a point in time in the other: use the number of seconds in both",
                "待签名文本与 JSON 中的 TLS.expire 一个是秒数、一个是时间点：两处都应为有效秒数",
            ),
            Self::TimeAndExpire => (
                "TLS.time and TLS.expire have each other's value in the signed text",
                "待签名文本中 TLS.time 与 TLS.expire 的值互换了",
            ),
            Self::QuotedApp => (
                "the signed text has the SDKAppID in quotation marks: write its digits alone",
                "待签名文本中 SDKAppID 带有引号：应只写数字",
            ),
            Self::Utf16 => (
                "the signed text is in UTF-16: sign its UTF-8 bytes (.NET: Encoding.UTF8, not Encoding.Unicode)",
                "待签名文本是 UTF-16 编码：应对 UTF-8 字节签名（.NET 用 Encoding.UTF8 而非 Encoding.Unicode）",
            ),
            _ => ("", ""),
        }
    }
}

fn wrong_label(name: &str, right: &str, language: Language) -> String {
    language.pick(
        format!("the signed text has the label {name}: it must be {right}"),
        format!("待签名文本中的名称写成了 {name}：应为 {right}"),
    )
}

impl LineEnds {
    fn fixed(self) -> (&'static str, &'static str) {
        match self {
            Self::CrLf => (
                "the signed text ends its lines by CR LF: end each by a line feed alone (\\n)",
                "待签名文本用 CRLF 换行：每行应只以 \\n 结尾",
            ),
            Self::Cr => (
                "the signed text ends its lines by a carriage return: end each by a line feed (\\n)",
                "待签名文本用 \\r 换行：每行应以 \\n 结尾",
            ),
            Self::LastMissing => (
                "the signed text has no line feed after its last line: each of the lines ends by one, the last too",
                "待签名文本最后一行缺少换行：每一行都以 \\n 结尾，包括最后一行",
            ),
            Self::None => (
                "the signed text has no line feeds: end each line by one (\\n), the last too",
                "待签名文本没有换行：每一行都应以 \\n 结尾，包括最后一行",
            ),
            Self::Backslash | Self::BackslashLastMissing => (
                "the signed text has a backslash and an n where a line feed is due: write \"\\n\" in double quotes (PHP and shells read '\\n' as two characters)",
                "待签名文本中是反斜杠加字母 n，而不是换行：请用双引号 \"\\n\"（PHP、shell 的单引号 '\\n' 是两个字符）",
            ),
            Self::Space => (
                "the signed text has spaces where line feeds are due: was it joined into one line?",
                "待签名文本中应为换行处是空格：是否被合并成了一行？",
            ),
            Self::Comma => (
                "the signed text has commas where line feeds are due: end each line by \\n",
                "待签名文本用逗号分隔：每行应以 \\n 结尾",
            ),
            Self::Ampersand | Self::AmpersandLastMissing => (
                "the signed text has & where line feeds are due: end each line by \\n",
                "待签名文本用 & 分隔：每行应以 \\n 结尾",
            ),
            Self::BlankLine => (
                "the signed text has a blank line at its end: one line feed ends the last line",
                "待签名文本末尾多了空行：最后一行之后只有一个换行",
            ),
        }
    }
}

impl LabelStyle {
    fn fixed(self) -> (&'static str, &'static str) {
        match self {
            Self::AppId(_) | Self::Identifier(_) => ("", ""),
            Self::WithoutPrefix => (
                "the signed text has labels without TLS.: write TLS.identifier:, TLS.sdkappid:, TLS.time:, TLS.expire:",
                "待签名文本的名称缺少 TLS. 前缀：应为 TLS.identifier:、TLS.sdkappid:、TLS.time:、TLS.expire:",
            ),
            Self::None | Self::Formula => (
                "the signed text has the values alone (the formula in the documentation leaves the labels out): sign four lines, each \
                 as label:value and a line feed",
                "待签名文本只有值（文档中的公式省略了名称）：应对四行签名，每行为 名称:值 加换行符",
            ),
            Self::Equals => (
                "the signed text has = between label and value: write a colon",
                "待签名文本中名称与值之间是 =：应为冒号",
            ),
            Self::Spaced => (
                "the signed text has a space after the colons: leave it out",
                "待签名文本的冒号后多了空格：请去掉",
            ),
            Self::Case => (
                "the signed text has its labels in another case: write TLS.identifier, TLS.sdkappid, TLS.time, TLS.expire",
                "待签名文本的名称大小写不对：应为 TLS.identifier、TLS.sdkappid、TLS.time、TLS.expire",
            ),
            Self::Version1 => (
                "the signed text is that of version 1 (TLS.appid_at_3rd, TLS.account_type, ...): version 2.0 signs four lines",
                "待签名文本是 1.0 版本的格式（TLS.appid_at_3rd、TLS.account_type 等）：2.0 版本只签四行",
            ),
        }
    }
}

impl IdentifierForm {
    fn fixed(self) -> (&'static str, &'static str) {
        match self {
            Self::Quoted => (
                "the signed text has the identifier in quotation marks: write it as it is",
                "待签名文本中 identifier 带有引号：请原样书写",
            ),
            Self::PercentEncoded => (
                "the signed text has the identifier percent-encoded: encode it in the URL only",
                "待签名文本中 identifier 做了百分号编码：只应在 URL 中编码",
            ),
            Self::LowerCase => (
                "the signed text has the identifier in lower case, the document has not: use one form for both",
                "待签名文本中 identifier 为小写，与 JSON 不同：两处请一致",
            ),
            Self::UpperCase => (
                "the signed text has the identifier in upper case, the document has not: use one form for both",
                "待签名文本中 identifier 为大写，与 JSON 不同：两处请一致",
            ),
            Self::Trimmed => (
                "the signed text has the identifier trimmed, the document has not: trim it before both",
                "待签名文本中 identifier 去掉了空白，而 JSON 中没有：请先统一处理",
            ),
            Self::Escaped => (
                "the signed text has the identifier with \\u escapes: sign it as it is, in UTF-8",
                "待签名文本中 identifier 用了 \\u 转义：应以 UTF-8 原样签名",
            ),
        }
    }
}

impl UserbufSlip {
    fn fixed(self) -> (&'static str, &'static str) {
        match self {
            Self::Missing => (
                "TLS.userbuf is in the document and not in the signed text: sign a fifth line TLS.userbuf:<its base64>",
                "JSON 中有 TLS.userbuf，而待签名文本中没有：应加第五行 TLS.userbuf:<base64>",
            ),
            Self::Added => (
                "the signed text has a line TLS.userbuf and the document has no such member: leave the line out",
                "待签名文本中有 TLS.userbuf 一行，而 JSON 中没有：请去掉该行",
            ),
            Self::Raw => (
                "the signed text has the bytes of the user buffer: it must have their base64, as the document has",
                "待签名文本中是 userbuf 的原始字节：应为其 base64，与 JSON 一致",
            ),
            Self::Alphabet => (
                "the signed text has the user buffer in base64 with other letters: write it with + / =, as the document has",
                "待签名文本中 userbuf 的 base64 替换了字符：应使用 + / =，与 JSON 一致",
            ),
            Self::Base64Twice => (
                "the signed text has the user buffer encoded in base64 twice: once is enough",
                "待签名文本中 userbuf 做了两次 base64 编码，一次即可",
            ),
        }
    }
}

//! What a body is that is no JSON: another format, another encoding, or JSON with a mistake in it. Never shows a value.

use portraitd_model::Language;
use serde::de::IgnoredAny;

/// Why a body is no JSON.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BodyProblem {
    Empty,
    Gzip,
    Zlib,
    Utf16,
    /// The place of the first byte that is not UTF-8, counted from 0.
    NotUtf8(usize),
    Multipart,
    Markup,
    Form,
    /// The whole JSON, percent-encoded.
    PercentEncoded,
    SingleQuotes,
    /// Deeper than this many brackets.
    TooDeep(usize),
    /// It ends before the JSON does.
    EndsEarly {
        bytes: usize,
        inside: CutInside,
    },
    Syntax {
        mistake: Mistake,
        line: usize,
        column: usize,
    },
}

/// What the end of a body that was cut short is inside of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CutInside {
    /// The bytes of one character.
    Character,
    String,
    Other,
}

/// A mistake in JSON.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mistake {
    MoreAfterIt,
    TrailingComma,
    ControlCharacter,
    Escape,
    KeyNotText,
    Comma,
    Colon,
    Number,
    Value,
}

impl BodyProblem {
    /// Names what is wrong with bytes that are not JSON in UTF-8.
    pub(crate) fn of(body: &[u8]) -> Self {
        match body {
            [0x1f, 0x8b, ..] => return Self::Gzip,
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, b'{' | b'[', ..] | [b'{' | b'[', 0, ..] => {
                return Self::Utf16;
            }
            _ => {}
        }
        let text = match std::str::from_utf8(body) {
            Ok(text) => text,
            Err(_) if matches!(body, [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..]) => return Self::Zlib,
            // A text in another encoding is invalid before its end.
            Err(error) if error.error_len().is_none() => {
                return Self::EndsEarly { bytes: body.len(), inside: CutInside::Character };
            }
            Err(error) => return Self::NotUtf8(error.valid_up_to()),
        };
        Self::of_text(text)
    }

    fn of_text(body: &str) -> Self {
        let text = body.strip_prefix('\u{feff}').unwrap_or(body);
        let trimmed = text.trim_ascii();
        let starts = |prefix: &str| {
            trimmed.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        if trimmed.is_empty() {
            Self::Empty
        } else if starts("--") && trimmed.to_ascii_lowercase().contains("content-disposition:") {
            Self::Multipart
        } else if starts("<") {
            Self::Markup
        } else if starts("%7B") || starts("%5B") {
            Self::PercentEncoded
        } else if is_form(trimmed) {
            Self::Form
        } else if starts("{'") || starts("['") || starts("[{'") {
            Self::SingleQuotes
        } else {
            Self::syntax(text, body.len())
        }
    }

    fn syntax(text: &str, bytes: usize) -> Self {
        let Err(error) = serde_json::from_str::<IgnoredAny>(text) else {
            return Self::Syntax { mistake: Mistake::Value, line: 1, column: 1 };
        };
        let (said, line, column) = (error.to_string(), error.line(), error.column());
        if error.is_eof() {
            let inside = if said.contains("a string") { CutInside::String } else { CutInside::Other };
            return Self::EndsEarly { bytes, inside };
        }
        let mistake = match Mistake::of(&said) {
            Mistake::KeyNotText | Mistake::Value if is_after_comma(text, line, column) => {
                Mistake::TrailingComma
            }
            mistake => mistake,
        };
        Self::Syntax { mistake, line, column }
    }

    /// A sentence: what it is, and the remedy.
    pub(crate) fn explain(self, language: Language) -> String {
        let (english, chinese): (String, String) = match self {
            Self::Empty => ("it is empty; send at least {}".into(), "包体为空，至少应为 {}".into()),
            Self::Gzip => (
                "it is compressed with gzip; send it as it is, and without Content-Encoding".into(),
                "包体用 gzip 压缩；请不要压缩，也不要带 Content-Encoding".into(),
            ),
            Self::Zlib => ("it is compressed with zlib (deflate); send it as it is".into(), "包体用 zlib（deflate）压缩；请不要压缩".into()),
            Self::Utf16 => ("it is in UTF-16; encode it in UTF-8".into(), "包体是 UTF-16 编码；应使用 UTF-8".into()),
            Self::NotUtf8(place) => (
                format!("it is not UTF-8 from byte {} on; encode it in UTF-8, not in GBK or Latin-1", place + 1),
                format!("从第 {} 个字节起不是 UTF-8；应使用 UTF-8，而不是 GBK 等编码", place + 1),
            ),
            Self::Multipart => (
                "it is multipart/form-data; send the JSON itself as the body".into(),
                "包体是 multipart/form-data；请直接以 JSON 作为包体".into(),
            ),
            Self::Markup => ("it is XML or HTML; send JSON".into(), "包体是 XML 或 HTML；应为 JSON".into()),
            Self::Form => (
                "it is form-encoded (name=value&...); send JSON, as json.dumps, JSON.stringify or json_encode write it".into(),
                "包体是表单编码（name=value&...）；应为 JSON，例如用 json.dumps、JSON.stringify 或 json_encode 生成".into(),
            ),
            Self::PercentEncoded => (
                "it is percent-encoded, as a URL is; send the JSON as it is".into(),
                "包体做了百分号（URL）编码；请直接发送 JSON".into(),
            ),
            Self::SingleQuotes => (
                "it has single quotes, as Python shows a dictionary; JSON has double quotes: use json.dumps()".into(),
                "包体使用单引号（Python 字典的 str() 结果）；JSON 使用双引号，请用 json.dumps()".into(),
            ),
            Self::TooDeep(max) => (format!("it nests deeper than {max}"), format!("嵌套超过 {max} 层")),
            Self::EndsEarly { bytes, inside } => {
                let (english, chinese) = inside.name();
                (
                    format!("it ends after {bytes} bytes, inside {english}; it was cut, or Content-Length is too small: it counts bytes, not characters, and a Chinese character has 3 bytes"),
                    format!("内容不完整，在第 {bytes} 个字节处结束，位于{chinese}中；可能被截断，或 Content-Length 过小：应按字节而非字符计算，一个汉字为 3 字节"),
                )
            }
            Self::Syntax { mistake, line, column } => (
                format!("{} (line {line}, column {column})", mistake.in_english()),
                format!("{}（第 {line} 行第 {column} 列）", mistake.in_chinese()),
            ),
        };
        match language {
            Language::English => format!("the body is not valid JSON: {english}"),
            Language::Chinese => format!("包体不是有效的 JSON：{chinese}"),
        }
    }
}

impl CutInside {
    fn name(self) -> (&'static str, &'static str) {
        match self {
            Self::Character => ("a character", "一个字符"),
            Self::String => ("a string", "字符串"),
            Self::Other => ("the JSON", " JSON "),
        }
    }
}

/// Whether a closing bracket stands at the place that the parser names, and a comma before it. Both numbers count from 1,
/// columns in bytes.
fn is_after_comma(text: &str, line: usize, column: usize) -> bool {
    let lines_before: usize = text.split('\n').take(line.saturating_sub(1)).map(|line| line.len() + 1).sum();
    let place = (lines_before + column).saturating_sub(1);
    let Some((before, at)) = text.as_bytes().split_at_checked(place) else { return false };
    matches!(at, [b'}' | b']', ..]) && before.trim_ascii_end().ends_with(b",")
}

/// `name=value`, or JSON as the name of a form's field (`{...}=`).
fn is_form(text: &str) -> bool {
    if let Some(json) = text.strip_suffix('=') {
        return serde_json::from_str::<IgnoredAny>(json).is_ok() || is_name(json);
    }
    text.split_once('=').is_some_and(|(name, _)| is_name(name))
}

fn is_name(text: &str) -> bool {
    let fits = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'%' | b'[' | b']' | b'+')
    };
    text.bytes().next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && text.bytes().all(fits)
}

impl Mistake {
    /// Reads the parser's message.
    fn of(said: &str) -> Self {
        const TABLE: [(&str, Mistake); 9] = [
            ("trailing characters", Mistake::MoreAfterIt),
            ("trailing comma", Mistake::TrailingComma),
            ("control character", Mistake::ControlCharacter),
            ("key must be", Mistake::KeyNotText),
            ("expected `,`", Mistake::Comma),
            ("expected `:`", Mistake::Colon),
            ("invalid number", Mistake::Number),
            ("number out of range", Mistake::Number),
            ("expected ", Mistake::Value),
        ];
        let known = TABLE.iter().find(|(start, _)| said.starts_with(start)).map(|(_, mistake)| *mistake);
        let is_escape = ["escape", "surrogate", "unicode"].iter().any(|word| said.contains(word));
        known.unwrap_or(if is_escape { Self::Escape } else { Self::Value })
    }

    fn in_english(self) -> &'static str {
        match self {
            Self::MoreAfterIt => "there is more after the JSON",
            Self::TrailingComma => "a comma stands before a closing bracket",
            Self::ControlCharacter => {
                "a string holds a line end or another control character; escape it as \\n"
            }
            Self::Escape => "a string has an escape that JSON does not know, or half of a surrogate pair",
            Self::KeyNotText => "a member's name is not in double quotes",
            Self::Comma => "a comma or a closing bracket is missing",
            Self::Colon => "a colon is missing after a member's name",
            Self::Number => {
                "a number is not as JSON writes it: no leading zero or +, digits on both sides of the point"
            }
            Self::Value => {
                "a value is missing or not as JSON writes it: null, true and false in small letters, text in double quotes"
            }
        }
    }

    fn in_chinese(self) -> &'static str {
        match self {
            Self::MoreAfterIt => "JSON 之后还有其他内容",
            Self::TrailingComma => "右括号前多了逗号",
            Self::ControlCharacter => "字符串中含有换行等控制字符，应转义为 \\n",
            Self::Escape => "字符串中有 JSON 不支持的转义，或不成对的代理项",
            Self::KeyNotText => "成员名没有使用双引号",
            Self::Comma => "缺少逗号或右括号",
            Self::Colon => "成员名后缺少冒号",
            Self::Number => "数字不符合 JSON 格式：不能以 0 或 + 开头，小数点两侧须有数字",
            Self::Value => "缺少值，或值不符合 JSON 格式：null、true、false 须小写，文本须用双引号",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_body_is_instead_is_named() {
        let check = |body: &[u8], expected| {
            assert_eq!(BodyProblem::of(body), expected, "{}", String::from_utf8_lossy(body));
        };
        check(b" \n", BodyProblem::Empty);
        check(b"\x1f\x8b\x08\0\0", BodyProblem::Gzip);
        check(b"\x78\x9c\xab\x56", BodyProblem::Zlib);
        check(b"\xff\xfe{\0", BodyProblem::Utf16);
        check(b"{\0\"\0", BodyProblem::Utf16);
        check(b"{\"a\":\"\xc4\xe3\"}", BodyProblem::NotUtf8(6));
        check(b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1", BodyProblem::Multipart);
        check(b"<xml/>", BodyProblem::Markup);
        check(b"%7B%22a%22%3A1%7D", BodyProblem::PercentEncoded);
        for form in ["a=1", "From_Account=alice&ProfileItem%5B0%5D=x", "a[0][b]=c", "{\"a\":1}=", "a="] {
            check(form.as_bytes(), BodyProblem::Form);
        }
        check(b"{'a': 1}", BodyProblem::SingleQuotes);
        check(b"[{'a': 1}]", BodyProblem::SingleQuotes);
    }

    /// As a Content-Length that counts characters cuts it.
    #[test]
    fn where_a_body_was_cut_is_named() {
        let whole = "\u{feff}{\"昵称\":[1,true,\"爱丽丝\"]}".as_bytes();
        for bytes in 4..whole.len() {
            let cut = &whole[..bytes];
            let inside = match std::str::from_utf8(cut) {
                Err(_) => CutInside::Character,
                Ok(text) if text.matches('"').count() % 2 == 1 => CutInside::String,
                Ok(_) => CutInside::Other,
            };
            assert_eq!(BodyProblem::of(cut), BodyProblem::EndsEarly { bytes, inside });
        }
        let [english, chinese] =
            Language::BOTH.map(|language| BodyProblem::of(b"{\"a\":\"x").explain(language));
        assert!(english.contains("ends after 7 bytes, inside a string"), "{english}");
        assert!(chinese.contains("第 7 个字节处结束，位于字符串中"), "{chinese}");
    }

    #[test]
    fn mistakes_in_json_are_named_with_their_place() {
        let check = |body: &str, expected| match BodyProblem::of(body.as_bytes()) {
            BodyProblem::Syntax { mistake, .. } => assert_eq!(mistake, expected, "{body}"),
            other => panic!("{body}: {other:?}"),
        };
        check("{}x", Mistake::MoreAfterIt);
        check("{\"a\":1}{}", Mistake::MoreAfterIt);
        check("{\"a\":1,}", Mistake::TrailingComma);
        check("[1,]", Mistake::TrailingComma);
        check("{\"a\":\"\n\"}", Mistake::ControlCharacter);
        check("{\"a\":\"\\x\"}", Mistake::Escape);
        check("{a:1}", Mistake::KeyNotText);
        check("{\"a\":1 \"b\":2}", Mistake::Comma);
        check("{\"a\" 1}", Mistake::Colon);
        check("{\"a\":01}", Mistake::Number);
        check("{\"a\":None}", Mistake::Value);
        check("{\"a\":undefined}", Mistake::Value);
        check("// x\n{}", Mistake::Value);
        let place = BodyProblem::of(b"{\"a\":\n 01}").explain(Language::English);
        assert!(place.ends_with("(line 2, column 3)") && !place.contains("expected"), "{place}");
    }
}

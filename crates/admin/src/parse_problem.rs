//! Why a body, a query or a path does not parse, in both languages. serde, `serde_json` and axum know English alone; their
//! sentences have few forms, which are put into Chinese here. One of another form is quoted as it is.

use portraitd_model::{Bilingual, Language};

/// Returns the sentence of a body of JSON, or of a part of one.
pub(crate) fn of_json(error: &serde_json::Error) -> Bilingual {
    of(&error.to_string())
}

/// Returns what serde says about a value.
pub fn of(reason: &str) -> Bilingual {
    Bilingual::new(reason, chinese(reason).unwrap_or_else(|| reason.to_owned()))
}

/// Returns what axum says about a query or a path.
pub(crate) fn of_axum(text: &str) -> Bilingual {
    let query = text.strip_prefix("Failed to deserialize query string: ");
    let utf8 = text.strip_prefix("Invalid URL: ").unwrap_or(text).strip_prefix("Invalid UTF-8 in ");
    let chinese = match (query, utf8) {
        (Some(reason), _) => format!("查询参数无法使用：{}", of(reason).pick(Language::Chinese)),
        (None, Some(segment)) => format!("路径无法使用：{segment} 不是 UTF-8 编码"),
        (None, None) => format!("请求无法使用：{text}"),
    };
    Bilingual::new(text, chinese)
}

/// Sentences that are always the same.
const FIXED: [(&str, &str); 24] = [
    ("EOF while parsing a list", "JSON 不完整，数组未结束"),
    ("EOF while parsing an object", "JSON 不完整，对象未结束"),
    ("EOF while parsing a string", "JSON 不完整，字符串未结束"),
    ("EOF while parsing a value", "JSON 不完整，缺少值"),
    ("expected `:`", "应为 `:`"),
    ("expected `,` or `]`", "应为 `,` 或 `]`"),
    ("expected `,` or `}`", "应为 `,` 或 `}`"),
    ("expected `\"`", "应为 `\"`"),
    ("expected ident", "不是 JSON 的 true、false 或 null"),
    ("expected value", "应为 JSON 值"),
    ("invalid escape", "转义符无效"),
    ("invalid number", "数字格式无效"),
    ("number out of range", "数字超出范围"),
    ("invalid unicode code point", "不是有效的 Unicode 字符"),
    ("control character (\\u0000-\\u001F) found while parsing a string", "字符串中有未转义的控制字符"),
    ("key must be a string", "成员名应为字符串"),
    ("lone leading surrogate in hex escape", "\\u 转义不完整"),
    ("unexpected end of hex escape", "\\u 转义不完整"),
    ("trailing comma", "末尾有多余的逗号"),
    ("trailing characters", "JSON 之后还有其他内容"),
    ("recursion limit exceeded", "嵌套过深"),
    ("invalid digit found in string", "不是非负整数"),
    ("number too large to fit in target type", "数字过大"),
    ("cannot parse integer from empty string", "为空，应为数字"),
];

fn chinese(reason: &str) -> Option<String> {
    if let Some((sentence, place)) = reason.rsplit_once(" at line ")
        && let Some((line, column)) = place.split_once(" column ")
        && is_number(line)
        && is_number(column)
    {
        return Some(format!("{}（第 {line} 行第 {column} 列）", chinese(sentence)?));
    }
    if let Some((sentence, column)) = reason.rsplit_once(" at column ")
        && is_number(column)
    {
        return Some(format!("{}（第 {column} 列）", chinese(sentence)?));
    }
    let fixed =
        FIXED.iter().find(|(english, _)| *english == reason).map(|(_, chinese)| (*chinese).to_owned());
    fixed.or_else(|| of_names(reason)).or_else(|| of_types(reason)).or_else(|| {
        // serde_path_to_error puts the name of the member first.
        let (member, rest) = reason.split_once(": ")?;
        let is_name = member.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.[]?".contains(&byte));
        Some(format!("{member}：{}", chinese(rest).filter(|_| is_name)?))
    })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Sentences about names of members and of variants.
fn of_names(reason: &str) -> Option<String> {
    if let Some(name) = reason.strip_prefix("missing field ") {
        return Some(format!("缺少成员 {name}"));
    }
    if let Some(name) = reason.strip_prefix("duplicate field ") {
        return Some(format!("成员 {name} 重复"));
    }
    if reason == "provided string was not `true` or `false`" {
        return Some("应为 `true` 或 `false`".to_owned());
    }
    let kinds = [("unknown field ", "未知的成员"), ("unknown variant ", "未知的取值")];
    let (rest, kind) =
        kinds.into_iter().find_map(|(prefix, chinese)| Some((reason.strip_prefix(prefix)?, chinese)))?;
    if let Some((name, _)) = rest.split_once(", there are no ") {
        return Some(format!("{kind} {name}，此处不接受任何成员"));
    }
    let (name, known) = rest.rsplit_once("`, expected ")?;
    let known = known.strip_prefix("one of ").unwrap_or(known).replace(" or ", "、").replace(", ", "、");
    Some(format!("{kind} {name}`，应为 {known}"))
}

/// Sentences about the type of a value: `invalid type: string "x", expected u32`.
fn of_types(reason: &str) -> Option<String> {
    if let Some((length, expected)) =
        reason.strip_prefix("invalid length ").and_then(|rest| rest.split_once(", expected "))
    {
        return Some(format!("长度 {length} 无效，应为{}", expected_type(expected)?));
    }
    let rest = reason.strip_prefix("invalid type: ").or_else(|| reason.strip_prefix("invalid value: "))?;
    let (found, expected) = rest.rsplit_once(", expected ")?;
    Some(format!("类型或取值不符：{}，应为{}", found_type(found)?, expected_type(expected)?))
}

fn found_type(found: &str) -> Option<String> {
    let kinds = [
        ("string ", "字符串"),
        ("integer ", "整数"),
        ("floating point ", "小数"),
        ("boolean ", "布尔值"),
        ("character ", "字符"),
    ];
    let with_value = kinds.iter().find_map(|(prefix, kind)| Some((found.strip_prefix(prefix)?, kind)));
    if let Some((value, kind)) = with_value {
        return Some(format!("{kind} {value}"));
    }
    let alone = match found {
        "null" | "unit value" => "null",
        "map" => "对象",
        "sequence" => "数组",
        _ => return None,
    };
    Some(alone.to_owned())
}

fn expected_type(expected: &str) -> Option<String> {
    let chinese = match expected {
        "a string" | "a borrowed string" | "path string" | "a character" => "字符串",
        "a boolean" => "布尔值",
        "u8" | "u16" | "u32" | "u64" | "usize" => "非负整数",
        "i64" | "i32" => "整数",
        "f64" | "f32" => "数字",
        "a map" | "map" => "对象",
        "a sequence" | "sequence" => "数组",
        "a text or a whole number that is not negative" => "字符串或非负整数",
        _ if expected.starts_with("struct ") => "对象",
        _ if expected.starts_with("enum ") || expected.contains("variant") => "字符串",
        _ => return None,
    };
    Some(match expected {
        "u32" => format!("{chinese}（最大 4294967295）"),
        _ => chinese.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::console::TryCall;
    use crate::types::{AppPatch, NewApp, NewToken};
    use serde::de::DeserializeOwned;

    fn said<T: DeserializeOwned>(json: &str) -> String {
        let error = serde_json::from_str::<T>(json).err().unwrap();
        assert_eq!(of_json(&error).english(), error.to_string());
        of_json(&error).pick(Language::Chinese).to_owned()
    }

    #[test]
    fn what_the_parsers_say_is_said_in_chinese() {
        let cases = [
            (said::<NewApp>("{"), "JSON 不完整，对象未结束（第 1 行第 1 列）"),
            (said::<NewApp>(r#"{"sdkappid":"#), "JSON 不完整，缺少值（第 1 行第 12 列）"),
            (said::<NewApp>("\n{}"), "缺少成员 `sdkappid`（第 2 行第 2 列）"),
            (said::<NewApp>(r#"{"sdkappid":1,"sdkappid":2}"#), "成员 `sdkappid` 重复（第 1 行第 24 列）"),
            (said::<NewApp>("[]"), "长度 0 无效，应为对象（第 1 行第 2 列）"),
            (said::<NewApp>("7"), "类型或取值不符：整数 `7`，应为对象（第 1 行第 1 列）"),
            (
                said::<NewApp>(r#"{"sdkappid":"x"}"#),
                "类型或取值不符：字符串 \"x\"，应为非负整数（最大 4294967295）（第 1 行第 15 列）",
            ),
            (
                said::<NewApp>(r#"{"sdkappid":-1}"#),
                "类型或取值不符：整数 `-1`，应为非负整数（最大 4294967295）（第 1 行第 14 列）",
            ),
            (said::<NewApp>(r#"{"sdkappid":1}x"#), "JSON 之后还有其他内容（第 1 行第 15 列）"),
            (said::<NewToken>(r#"{"nam":1}"#), "未知的成员 `nam`，应为 `name`、`role`（第 1 行第 6 列）"),
            (said::<NewToken>(r#"{"name":null}"#), "类型或取值不符：null，应为字符串（第 1 行第 12 列）"),
            (said::<AppPatch>(r#"{"enabled":[]}"#), "类型或取值不符：数组，应为布尔值（第 1 行第 11 列）"),
            (
                said::<AppPatch>(r#"{"limits":1.5}"#),
                "类型或取值不符：小数 `1.5`，应为对象（第 1 行第 13 列）",
            ),
            (said::<AppPatch>(r#"{"allow_ips":{}}"#), "类型或取值不符：对象，应为数组（第 1 行第 13 列）"),
            (said::<AppPatch>("nope"), "不是 JSON 的 true、false 或 null（第 1 行第 2 列）"),
        ];
        for (chinese, expected) in cases {
            assert_eq!(chinese, expected);
        }
        let variant = said::<TryCall>(r#"{"path":"","identifier":"","body":"","usersig":"good"}"#);
        assert!(variant.starts_with("未知的取值 `good`，应为 `valid`、`expired`、"), "{variant}");
        let of_query = "limit: invalid digit found in string";
        assert_eq!(of(of_query).pick(Language::Chinese), "limit：不是非负整数");
    }

    #[test]
    fn an_unknown_form_is_quoted() {
        for unknown in ["", "something new", "a: b", "invalid type: x, expected y"] {
            assert_eq!(of(unknown).pick(Language::Chinese), unknown);
        }
        assert_eq!(of_axum("x").pick(Language::Chinese), "请求无法使用：x");
    }
}

//! What is wrong with a file in TOML that can't be read as a seed or as fault rules: the line, the path of the member, what was
//! found and what is expected. The line itself is not shown, since it may hold a key.

use crate::line_number::line_number;
use portraitd_admin::parse_problem;
use portraitd_model::{Bilingual, Language, bilingual};
use std::ops::Range;

/// Members whose values may hold secrets, each with what it must be in English and in Chinese.
const SECRETS: [(&str, &str, &str); 3] = [
    ("keys", "a list of texts in quotes", "带引号文本的列表"),
    ("token", "a text in quotes", "带引号的文本"),
    ("webhook", "a table such as { url = \"https://…\" }", "{ url = \"https://…\" } 这样的表"),
];

/// Returns the sentence of an error of the parser.
pub(crate) fn explain(text: &str, error: &toml::de::Error) -> Bilingual {
    let place = error.span().unwrap_or_default();
    let line = line_number(text, place.start);
    let path = path_of(text, &place);
    let message = error.message().trim_end();
    let member = path.as_deref().and_then(|path| path.rsplit('.').next());
    let names_value = ["invalid type: ", "invalid value: "].iter().any(|start| message.starts_with(start));
    let secret = SECRETS.iter().find(|(name, ..)| Some(*name) == member).filter(|_| names_value);
    let said = parse_problem::of(message);
    let sentence = if let Some((_, english, chinese)) = secret {
        bilingual!(
            "its value, which is not shown, must be {english}",
            "取值（不显示）的类型不符，应为{chinese}"
        )
    } else if said.english() == said.pick(Language::Chinese) {
        bilingual!("is not TOML: {message}", "不是有效的 TOML（{message}）")
    } else {
        said
    };
    let sentence = match path {
        Some(path) => sentence.of_member(&path),
        None => sentence,
    };
    sentence.after(&format!("line {line}: "), &format!("第 {line} 行："))
}

/// The path of the member at a place: the name of its table, and its own in that; `None` outside of every table.
fn path_of(text: &str, place: &Range<usize>) -> Option<String> {
    let end = text.get(place.start..)?.find('\n').map_or(text.len(), |length| place.start + length);
    let mut key = None;
    for line in text.get(..end)?.lines().rev() {
        let line = line.trim();
        if line.starts_with('[') && line.ends_with(']') && !line.contains('=') && !line.contains('"') {
            let table = line.trim_matches(['[', ']']).trim();
            return Some(key.map_or_else(|| table.to_owned(), |key| format!("{table}.{key}")));
        }
        if let (None, Some((name, _))) = (key, line.split_once('=')) {
            let name = name.trim();
            let is_name = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
            key = Some(name).filter(|name| !name.is_empty() && name.chars().all(is_name));
        }
    }
    key.map(str::to_owned)
}

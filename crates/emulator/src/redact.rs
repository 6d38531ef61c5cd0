//! Texts of clients without the UserSigs and keys in them. A client that writes `&` for `?` has its UserSig in the path.

use std::borrow::Cow;

/// Returns the text with `…` in place of the value of each `usersig=`, and of all but the start of anything that looks like a
/// UserSig or a key.
pub(crate) fn without_secrets(text: &str) -> Cow<'_, str> {
    match without_named(text) {
        Cow::Borrowed(text) => without_long_words(text),
        Cow::Owned(text) => Cow::Owned(without_long_words(&text).into_owned()),
    }
}

/// Cuts words of letters and digits that are longer than any UserID, field or command: a key has 64, a UserSig more.
fn without_long_words(text: &str) -> Cow<'_, str> {
    const CHARS_MIN: usize = 60;
    const SHOWN: usize = 4;
    let is_of_usersig = |c: char| c.is_ascii_alphanumeric() || "*_-+".contains(c);
    // Standard Base64 has a slash, which a path has too; every UserSig starts with these two letters.
    let is_of_base64 = |c: char| is_of_usersig(c) || "/%=".contains(c);
    let (mut clean, mut rest) = (String::new(), text);
    while let Some(start) = rest.find(is_of_usersig) {
        let (before, word) = rest.split_at(start);
        let end_of = |is_part: &dyn Fn(char) -> bool| word.find(|c| !is_part(c)).unwrap_or(word.len());
        let end = if word.starts_with("eJ") { end_of(&is_of_base64) } else { end_of(&is_of_usersig) };
        let (word, after) = word.split_at(end);
        clean.push_str(before);
        if word.len() < CHARS_MIN {
            clean.push_str(word);
        } else {
            clean.push_str(word.get(..SHOWN).unwrap_or_default());
            clean.push('…');
        }
        rest = after;
    }
    clean.push_str(rest);
    if clean == text { Cow::Borrowed(text) } else { Cow::Owned(clean) }
}

fn without_named(text: &str) -> Cow<'_, str> {
    const NAME: &str = "usersig";
    const SEPARATORS: [&str; 5] = ["=", "%3d", "%253d", ":", "%3a"];
    // Only ASCII letters change, so that offsets stay the same.
    let lower = text.to_ascii_lowercase();
    let (mut rest, mut at) = (String::new(), 0);
    while let Some(found) = lower.get(at..).and_then(|tail| tail.find(NAME)) {
        let name_end = at + found + NAME.len();
        let after = lower.get(name_end..).unwrap_or_default();
        let quotes = after.len() - after.trim_start_matches(['"', '`', '\'', ' ']).len();
        let separator = after.get(quotes..).unwrap_or_default();
        let Some(separator) = SEPARATORS.iter().find(|known| separator.starts_with(*known)) else {
            rest.push_str(text.get(at..name_end).unwrap_or_default());
            at = name_end;
            continue;
        };
        let value_start = name_end + quotes + separator.len();
        rest.push_str(text.get(at..value_start).unwrap_or_default());
        rest.push('…');
        let value = text.get(value_start..).unwrap_or_default();
        let opening = value.len() - value.trim_start_matches(['"', '\'', ' ']).len();
        let body = value.get(opening..).unwrap_or_default();
        let length = body.find(|c: char| c == '&' || c == '"' || c == '`' || c.is_whitespace());
        at = value_start + opening + length.unwrap_or(body.len());
    }
    if at == 0 {
        return Cow::Borrowed(text);
    }
    rest.push_str(text.get(at..).unwrap_or_default());
    Cow::Owned(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_usersig_is_left() {
        for (text, expected) in [
            ("/v4/x&usersig=eJwS*_-&random=1", "/v4/x&usersig=…&random=1"),
            ("/v4/x&UserSig=eJwS", "/v4/x&UserSig=…"),
            ("a usersig%3DeJwS b", "a usersig%3D… b"),
            ("{\"UserSig\": \"eJwS\"}", "{\"UserSig\":…\"}"),
            ("usersig=a&usersig=b", "usersig=…&usersig=…"),
            ("the usersig is missing: usersig", "the usersig is missing: usersig"),
            ("usersig=爱&x", "usersig=…&x"),
            ("爱", "爱"),
            ("", ""),
        ] {
            assert_eq!(without_secrets(text), expected);
        }
    }

    #[test]
    fn words_as_long_as_a_key_are_cut() {
        let key = "8c1e5b9d77a04f3e92d6b0c8f41a35e7d2086f9b4c7e1a3d5f60b8e2947ca1d3";
        let sig = format!("eJw{}", "aB3/+".repeat(20));
        for (text, expected) in [
            (format!("/v4/{key}/x"), "/v4/8c1e…/x"),
            (format!("the account `{key}` has 64 bytes"), "the account `8c1e…` has 64 bytes"),
            (format!("?sig={sig} b"), "?sig=eJwa… b"),
            (format!("/v4/x/{sig} b"), "/v4/x/eJwa… b"),
            ("a/".repeat(100), &*"a/".repeat(100)),
            (
                "the account `administrator_of_thirty_two_byte`".into(),
                "the account `administrator_of_thirty_two_byte`",
            ),
        ] {
            assert_eq!(without_secrets(&text), expected);
        }
    }
}

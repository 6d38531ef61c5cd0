//! Texts of clients without the UserSigs in them. A client that writes `&` for `?` has its UserSig in the path.

use std::borrow::Cow;

/// Returns the text with `…` in place of the value of each `usersig=`.
pub(crate) fn without_usersig(text: &str) -> Cow<'_, str> {
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
            assert_eq!(without_usersig(text), expected);
        }
    }
}

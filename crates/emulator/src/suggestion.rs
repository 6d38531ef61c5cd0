//! Suggestions for names that do not exist.

/// Returns the name that is most like a text; `None` when none is like it, or the text is much longer than any name.
pub(crate) fn nearest_name<'a>(text: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    /// The least Jaro-Winkler similarity of a useful suggestion.
    const SIMILARITY_MIN: f64 = 0.7;
    /// Every character is compared with every name.
    const BYTES_MAX: usize = 100;
    if text.len() > BYTES_MAX {
        return None;
    }
    let scored = names.map(|name| (strsim::jaro_winkler(text, name), name));
    scored
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// Returns the start of a text that a sentence repeats.
pub(crate) fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 100;
    let start: String = text.chars().take(CHARS_MAX).collect();
    if start.len() < text.len() { start + "…" } else { start }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_much_longer_than_a_name_is_like_none() {
        let nearest = |more: usize| {
            nearest_name(&("portrait_set".to_owned() + &"x".repeat(more)), ["portrait_set"].into_iter())
        };
        assert_eq!([nearest(1), nearest(88)], [Some("portrait_set"); 2]);
        assert_eq!([nearest(89), nearest(500_000)], [None; 2]);
    }
}

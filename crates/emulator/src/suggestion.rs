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

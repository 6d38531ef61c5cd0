//! Suggestions for names that do not exist.

/// Returns the name that is most like a text; `None` when none is like it.
pub(crate) fn nearest_name<'a>(text: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    /// The least Jaro-Winkler similarity of a useful suggestion.
    const SIMILARITY_MIN: f64 = 0.7;
    let scored = names.map(|name| (strsim::jaro_winkler(text, name), name));
    scored
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

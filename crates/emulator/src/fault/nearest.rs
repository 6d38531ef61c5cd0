//! Suggestions for names that do not exist.

/// The name that was most likely meant.
pub(crate) fn near<'a>(text: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    /// Below this likeness a suggestion would only confuse.
    const LIKENESS: f64 = 0.7;
    let rated = names.map(|name| (strsim::jaro_winkler(text, name), name));
    rated
        .filter(|(likeness, _)| *likeness >= LIKENESS)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

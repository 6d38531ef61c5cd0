//! "Did you mean …?" for names of settings.

use crate::cli::language::chosen::localized;

/// "; did you mean `listen`?" for the nearest of these names, or nothing when none is near.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest_after(0, name, known)
}

/// The same for names that all begin with the same `common` bytes, which are not compared.
pub(super) fn nearest_after<'a>(common: usize, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    const LIKENESS_MIN: f64 = 0.7;
    let end = |text: &str| text.get(common..).unwrap_or_default().to_lowercase();
    let name = end(name);
    let rated = known.map(|known| (strsim::jaro_winkler(&name, &end(known)), known));
    let best = rated.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(likeness, _)| *likeness > LIKENESS_MIN);
    best.map(|(_, known)| localized!("; did you mean `{known}`?", "；是否想写 `{known}`？"))
        .unwrap_or_default()
}

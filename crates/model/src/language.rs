//! The two languages of messages: English and Simplified Chinese.

/// The language of explanations (`X-Error-Detail`, `ErrorDisplay`, the command line). Protocol texts (`ErrorInfo`) are the
/// same in both.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Simplified Chinese (简体中文).
    Chinese,
}

impl Language {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::English, Self::Chinese];

    /// Reads `en` or `zh`, also with a region as in `zh-CN` or `en_US.UTF-8`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.get(..2)? {
            "en" => Some(Self::English),
            "zh" => Some(Self::Chinese),
            _ => None,
        }
    }

    /// Returns the language that `Accept-Language` prefers of the two, by its weights (`q`), then by its order; `None` when it
    /// names neither. `*` names none.
    pub fn accepted(header: &str) -> Option<Self> {
        let mut best: Option<(f32, Self)> = None;
        for range in header.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default().to_ascii_lowercase();
            let weight =
                parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |text| text.parse().ok());
            if let (Some(language), Some(weight)) = (Self::parse(&name), weight)
                && weight > best.map_or(0.0, |(weight, _)| weight)
            {
                best = Some((weight, language));
            }
        }
        best.map(|(_, language)| language)
    }

    /// Picks one of two texts.
    pub fn pick<T>(self, english: T, chinese: T) -> T {
        match self {
            Self::English => english,
            Self::Chinese => chinese,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_read_with_or_without_a_region() {
        for english in ["en", "en-GB", "en_US.UTF-8"] {
            assert_eq!(Language::parse(english), Some(Language::English), "{english}");
        }
        for chinese in ["zh", "zh-CN", "zh_CN.UTF-8"] {
            assert_eq!(Language::parse(chinese), Some(Language::Chinese), "{chinese}");
        }
        for neither in ["", "e", "fr", "C.UTF-8", "中文"] {
            assert_eq!(Language::parse(neither), None, "{neither}");
        }
    }

    #[test]
    fn the_preferred_language_is_accepted() {
        let check = |header: &str, expected| assert_eq!(Language::accepted(header), expected, "{header}");
        for chinese in
            ["zh", "zh-CN,zh;q=0.9,en;q=0.8", "ZH-Hans", "fr, zh;q=0.1", "en;q=0.3, zh ; q=0.5", "en;q=0,zh"]
        {
            check(chinese, Some(Language::Chinese));
        }
        for english in ["en", "en-GB,zh;q=0.9", "zh;q=0.1,en", "*,en;q=0.1", "en;q=0.5,zh;q=0.5"] {
            check(english, Some(Language::English));
        }
        for neither in ["", "*", "fr-FR,de", "zh;q=0", "zh;q=x", ",;,"] {
            check(neither, None);
        }
    }
}

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
}

//! A sentence in both languages. It is made where its cause is known, and one of the two is picked where the language of the
//! reader is known.

use crate::Language;
use std::fmt::Display;

/// A sentence in English and in Chinese.
///
/// It has no `Display`: shown inside a sentence of the other language, it would be the wrong one of the two.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bilingual {
    english: String,
    chinese: String,
}

/// Formats a sentence in both languages, each with the arguments that `format!` takes.
///
/// ```
/// use portraitd_model::{Language, bilingual};
/// let app = 1_400_000_000;
/// let sentence = bilingual!("there is no app {app}", "没有应用 {app}");
/// assert_eq!(sentence.pick(Language::Chinese), "没有应用 1400000000");
/// ```
#[macro_export]
macro_rules! bilingual {
    ($english:literal, $chinese:literal $(, $($argument:tt)*)?) => {
        $crate::Bilingual::new(format!($english $(, $($argument)*)?), format!($chinese $(, $($argument)*)?))
    };
}

impl Bilingual {
    /// Takes the sentence in both languages.
    pub fn new(english: impl Into<String>, chinese: impl Into<String>) -> Self {
        Self { english: english.into(), chinese: chinese.into() }
    }

    /// Takes what a function says in each language.
    pub fn of(explain: impl Fn(Language) -> String) -> Self {
        Self { english: explain(Language::English), chinese: explain(Language::Chinese) }
    }

    /// Takes a text that exists in one language alone, because it is not ours: an error of the operating system, of SQLite, of
    /// a certificate. Never a sentence of portraitd's.
    pub fn quoted(text: impl Display) -> Self {
        let text = text.to_string();
        Self { english: text.clone(), chinese: text }
    }

    /// Puts words before the sentence.
    #[must_use]
    pub fn after(self, english: &str, chinese: &str) -> Self {
        Self { english: [english, &self.english].concat(), chinese: [chinese, &self.chinese].concat() }
    }

    /// Puts the name of a member, and a colon, before the sentence.
    #[must_use]
    pub fn of_member(self, name: &str) -> Self {
        self.after(&format!("{name}: "), &format!("{name}："))
    }

    /// Returns the sentence in one language.
    pub fn pick(&self, language: Language) -> &str {
        language.pick(&self.english, &self.chinese)
    }

    /// Returns the sentence in English: the language of the log.
    pub fn english(&self) -> &str {
        &self.english
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_has_both_languages() {
        let (count, most) = (3, 2);
        let sentence =
            bilingual!("{count} are too many; at most {} are allowed", "共 {count} 个，最多 {} 个", most);
        assert_eq!(sentence.english(), "3 are too many; at most 2 are allowed");
        let member = sentence.of_member("tags");
        assert_eq!(member.pick(Language::English), "tags: 3 are too many; at most 2 are allowed");
        assert_eq!(member.pick(Language::Chinese), "tags：共 3 个，最多 2 个");
        let said = Bilingual::of(|language| language.pick("yes", "是").to_owned()).after("so: ", "故：");
        assert_eq!(Language::BOTH.map(|language| said.pick(language)), ["so: yes", "故：是"]);
        let quoted = Bilingual::quoted("disk I/O error").after("the store failed: ", "存储出错：");
        assert_eq!(quoted.pick(Language::Chinese), "存储出错：disk I/O error");
    }
}

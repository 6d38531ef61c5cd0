//! Sensitive words of an app, and the fields that are checked for them.

use crate::{Language, StandardTag, Tag};
use aho_corasick::{AhoCorasick, AhoCorasickKind};
use std::fmt;
use unicode_normalization::UnicodeNormalization;

/// The most words an app may have.
pub const WORDS_MAX: usize = 100_000;

/// The longest word, in bytes of UTF-8.
pub const WORD_BYTES_MAX: usize = 200;

/// Finds an app's sensitive words in one pass over a value, however many there are. Words and values are compared after
/// Unicode NFKC normalisation and in lower case, so `ＢＡＤ` contains `bad`.
#[derive(Clone, Default)]
pub struct WordFilter {
    screened: Vec<Tag>,
    words: Option<AhoCorasick>,
}

/// Why a word list is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WordFilterError {
    /// More than [`WORDS_MAX`].
    #[error("the list has {0} words; at most {WORDS_MAX} are allowed")]
    TooMany(usize),
    /// The word with this number, counted from 1, is longer than [`WORD_BYTES_MAX`].
    #[error("word {0} is longer than {WORD_BYTES_MAX} bytes")]
    TooLong(usize),
    /// The words together need more memory than the matcher allows.
    #[error("the words need more memory than the matcher allows; shorten the list")]
    TooLarge,
}

impl WordFilterError {
    /// Returns its sentence.
    pub fn explain(&self, language: Language) -> String {
        match (language, self) {
            (Language::English, error) => error.to_string(),
            (_, Self::TooMany(words)) => format!("共有 {words} 个敏感词，最多允许 {WORDS_MAX} 个"),
            (_, Self::TooLong(number)) => format!("第 {number} 个敏感词超过 {WORD_BYTES_MAX} 字节"),
            (_, Self::TooLarge) => "敏感词占用的内存超过匹配器的上限，请缩短列表".to_owned(),
        }
    }
}

/// A value contains a sensitive word. Which one is not told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SensitiveWord;

impl WordFilter {
    /// The fields that are checked unless the app's `screened_tags` says otherwise.
    pub const SCREENED_BY_DEFAULT: [Tag; 2] =
        [Tag::Standard(StandardTag::Nick), Tag::Standard(StandardTag::SelfSignature)];

    /// Checks a list's limits without building the filter.
    pub fn check_limits(words: &[String]) -> Result<(), WordFilterError> {
        if words.len() > WORDS_MAX {
            return Err(WordFilterError::TooMany(words.len()));
        }
        match words.iter().position(|word| word.len() > WORD_BYTES_MAX) {
            Some(index) => Err(WordFilterError::TooLong(index + 1)),
            None => Ok(()),
        }
    }

    /// A filter of the same words for other fields. Cheap: the words are shared.
    #[must_use]
    pub fn with_fields(&self, screened: Vec<Tag>) -> Self {
        Self { screened, words: self.words.clone() }
    }

    /// Builds a filter from an app's words; blank words are skipped.
    pub fn new(words: &[String], screened: Vec<Tag>) -> Result<Self, WordFilterError> {
        Self::check_limits(words)?;
        let patterns: Vec<String> =
            words.iter().map(|word| normalised(word.trim())).filter(|word| !word.is_empty()).collect();
        if patterns.is_empty() {
            return Ok(Self { screened, words: None });
        }
        // The contiguous form: a DFA of 100,000 words would take gigabytes.
        let words = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(patterns)
            .map_err(|_| WordFilterError::TooLarge)?;
        Ok(Self { screened, words: Some(words) })
    }

    /// Fails when a field is checked and the value contains a sensitive word.
    pub fn check(&self, tag: Tag, text: &str) -> Result<(), SensitiveWord> {
        match &self.words {
            Some(words) if self.screened.contains(&tag) && words.is_match(&normalised(text)) => {
                Err(SensitiveWord)
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Returns which words of a list a text contains, in the order of the list. It compares as [`WordFilter`] does, but one word
/// after the other: for a trial of an operator's.
pub fn words_in<'a>(words: &'a [String], text: &str) -> impl Iterator<Item = &'a str> {
    let text = normalised(text);
    let words = words.iter().map(String::as_str);
    words.filter(move |word| {
        let word = normalised(word.trim());
        !word.is_empty() && text.contains(&word)
    })
}

impl fmt::Debug for WordFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WordFilter({} words)", self.words.as_ref().map_or(0, AhoCorasick::patterns_len))
    }
}

/// NFKC, lower case, and NFKC again, since lower-casing may take a text out of the form.
fn normalised(text: &str) -> String {
    if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        text.nfkc().flat_map(char::to_lowercase).nfkc().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word_filter(words: &[&str]) -> WordFilter {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        WordFilter::new(&words, WordFilter::SCREENED_BY_DEFAULT.to_vec()).unwrap()
    }

    #[test]
    fn words_are_found_in_any_case_and_width() {
        let nick = Tag::Standard(StandardTag::Nick);
        let word_filter = word_filter(&["Bad", "", "敏感", "ﬁne"]);
        let check =
            |text: &str, clean: bool| assert_eq!(word_filter.check(nick, text).is_ok(), clean, "{text}");
        check("good", true);
        check("so BAD!", false);
        check("ＢＡＤ", false);
        check("很敏感的", false);
        check("fine", false);
        check("", true);
        let words = ["Bad", "", "敏感", "ﬁne"].map(str::to_owned);
        assert_eq!(words_in(&words, "ＢＡＤ and fine").collect::<Vec<_>>(), ["Bad", "ﬁne"]);
        assert_eq!(words_in(&words, "good").count(), 0);
        assert_eq!(format!("{word_filter:?}"), "WordFilter(3 words)", "logs show no words");
        let location = Tag::Standard(StandardTag::Location);
        assert!(word_filter.check(location, "bad").is_ok());
        let elsewhere = word_filter.with_fields(vec![location]);
        assert!(elsewhere.check(location, "bad").is_err() && elsewhere.check(nick, "bad").is_ok());
    }

    #[test]
    fn lists_have_limits() {
        let long = vec!["x".repeat(WORD_BYTES_MAX), "x".repeat(WORD_BYTES_MAX + 1)];
        assert_eq!(WordFilter::new(&long, vec![]).err(), Some(WordFilterError::TooLong(2)));
        assert_eq!(WordFilter::check_limits(&vec![String::new(); WORDS_MAX]), Ok(()));
        let many = vec![String::new(); WORDS_MAX + 1];
        assert_eq!(WordFilter::new(&many, vec![]).err(), Some(WordFilterError::TooMany(WORDS_MAX + 1)));
    }
}

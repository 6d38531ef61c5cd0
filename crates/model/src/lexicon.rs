//! Sensitive words: which fields are screened, and for what.

use crate::{StandardTag, Tag};
use aho_corasick::{AhoCorasick, AhoCorasickKind};
use std::fmt;
use unicode_normalization::UnicodeNormalization;

/// The most words an app may have.
pub const WORDS_MAX: usize = 100_000;

/// The longest word, in bytes of UTF-8.
pub const WORD_BYTES_MAX: usize = 200;

/// An app's sensitive words, ready to be searched for in one pass. Words and values are compared after Unicode
/// NFKC normalisation and in lower case, so `ＢＡＤ` contains `bad`.
#[derive(Clone, Default)]
pub struct Lexicon {
    screened: Vec<Tag>,
    words: Option<AhoCorasick>,
}

/// Why a word list is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LexiconError {
    /// More than [`WORDS_MAX`].
    #[error("{0} words are too many; at most {WORDS_MAX} are allowed")]
    TooMany(usize),
    /// A word over [`WORD_BYTES_MAX`], by its number counted from 1.
    #[error("word {0} is longer than {WORD_BYTES_MAX} bytes")]
    TooLong(usize),
    /// The words together need more memory than the matcher takes.
    #[error("the word list is too large for the matcher")]
    TooLarge,
}

/// Found: the value contains a sensitive word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ForbiddenWord;

impl Lexicon {
    /// The fields that are screened unless the app says otherwise.
    pub const SCREENED_BY_DEFAULT: [Tag; 2] =
        [Tag::Standard(StandardTag::Nick), Tag::Standard(StandardTag::SelfSignature)];

    /// Checks a list's limits, without the work of building it.
    pub fn check(words: &[String]) -> Result<(), LexiconError> {
        if words.len() > WORDS_MAX {
            return Err(LexiconError::TooMany(words.len()));
        }
        match words.iter().position(|word| word.len() > WORD_BYTES_MAX) {
            Some(index) => Err(LexiconError::TooLong(index + 1)),
            None => Ok(()),
        }
    }

    /// The same words, looked for in other fields. Costs nothing.
    #[must_use]
    pub fn screening(&self, screened: Vec<Tag>) -> Self {
        Self { screened, words: self.words.clone() }
    }

    /// Builds a lexicon from an app's words; blank ones are passed over.
    pub fn new(words: &[String], screened: Vec<Tag>) -> Result<Self, LexiconError> {
        Self::check(words)?;
        let patterns: Vec<String> =
            words.iter().map(|word| normalised(word.trim())).filter(|word| !word.is_empty()).collect();
        if patterns.is_empty() {
            return Ok(Self { screened, words: None });
        }
        // The contiguous form: a DFA of 100,000 words would take gigabytes.
        let words = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(patterns)
            .map_err(|_| LexiconError::TooLarge)?;
        Ok(Self { screened, words: Some(words) })
    }

    /// Whether a value may stand in a field.
    pub fn screen(&self, tag: Tag, text: &str) -> Result<(), ForbiddenWord> {
        match &self.words {
            Some(words) if self.screened.contains(&tag) && words.is_match(&normalised(text)) => {
                Err(ForbiddenWord)
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl fmt::Debug for Lexicon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lexicon({} words)", self.words.as_ref().map_or(0, AhoCorasick::patterns_len))
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

    fn lexicon(words: &[&str]) -> Lexicon {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        Lexicon::new(&words, Lexicon::SCREENED_BY_DEFAULT.to_vec()).unwrap()
    }

    #[test]
    fn words_are_found_in_any_case_and_width() {
        let nick = Tag::Standard(StandardTag::Nick);
        let lexicon = lexicon(&["Bad", "", "敏感", "ﬁne"]);
        let check = |text: &str, clean: bool| assert_eq!(lexicon.screen(nick, text).is_ok(), clean, "{text}");
        check("good", true);
        check("so BAD!", false);
        check("ＢＡＤ", false);
        check("很敏感的", false);
        check("fine", false);
        check("", true);
        assert_eq!(format!("{lexicon:?}"), "Lexicon(3 words)", "logs show no words");
        let location = Tag::Standard(StandardTag::Location);
        assert!(lexicon.screen(location, "bad").is_ok());
        let elsewhere = lexicon.screening(vec![location]);
        assert!(elsewhere.screen(location, "bad").is_err() && elsewhere.screen(nick, "bad").is_ok());
    }

    #[test]
    fn lists_have_limits() {
        let long = vec!["x".repeat(WORD_BYTES_MAX), "x".repeat(WORD_BYTES_MAX + 1)];
        assert_eq!(Lexicon::new(&long, vec![]).err(), Some(LexiconError::TooLong(2)));
        assert_eq!(Lexicon::check(&vec![String::new(); WORDS_MAX]), Ok(()));
        let many = vec![String::new(); WORDS_MAX + 1];
        assert_eq!(Lexicon::new(&many, vec![]).err(), Some(LexiconError::TooMany(WORDS_MAX + 1)));
    }
}

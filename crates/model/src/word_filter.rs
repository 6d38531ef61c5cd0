//! Sensitive words of an app, and the fields that are checked for them.
//!
//! What a list takes is known before anything is made of it: its bytes as given, and its bytes normalised with 10 for each
//! word. An automaton would be searched in one pass, but takes 30 times the bytes while it is built.

mod normalised;
mod patterns;

use crate::{Language, StandardTag, Tag};
use normalised::{normalised, normalised_len};
use patterns::Patterns;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// The most words an app may have.
pub const WORDS_MAX: usize = 100_000;

/// The longest word, in bytes of UTF-8.
pub const WORD_BYTES_MAX: usize = 200;

/// The most bytes of an app's words after normalisation, which makes 33 bytes of some characters of 3.
const LIST_BYTES_MAX: usize = WORDS_MAX * WORD_BYTES_MAX;

/// The most bytes of the words of all apps after normalisation.
pub const ALL_LISTS_BYTES_MAX: usize = 64 << 20;

/// An app's sensitive words, as given, in their order. Copies share them, and what is searched for them.
#[derive(Clone, Default)]
pub struct Words(Arc<List>);

#[derive(Default)]
struct List {
    /// One word a line; each line has an end.
    lines: String,
    count: usize,
    // Both are made when they are first asked for: a list is read from a store far more often than it changes.
    normalised_bytes: OnceLock<usize>,
    patterns: OnceLock<Patterns>,
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
    /// The words have more than 20,000,000 bytes after normalisation.
    #[error("the words have more than {LIST_BYTES_MAX} bytes after Unicode normalization; shorten the list")]
    TooLarge,
}

impl WordFilterError {
    /// Returns its sentence.
    pub fn explain(&self, language: Language) -> String {
        match (language, self) {
            (Language::English, error) => error.to_string(),
            (_, Self::TooMany(words)) => format!("共有 {words} 个敏感词，最多允许 {WORDS_MAX} 个"),
            (_, Self::TooLong(number)) => format!("第 {number} 个敏感词超过 {WORD_BYTES_MAX} 字节"),
            (_, Self::TooLarge) => {
                format!("敏感词经 Unicode 规范化后超过 {LIST_BYTES_MAX} 字节，请缩短列表")
            }
        }
    }
}

impl Words {
    /// Takes one word a line. Lines of white space hold none.
    pub fn from_lines(text: &str) -> Self {
        let mut list = List { lines: String::with_capacity(text.len() + 1), ..List::default() };
        for word in text.lines().map(str::trim).filter(|word| !word.is_empty()) {
            list.lines.push_str(word);
            list.lines.push('\n');
            list.count += 1;
        }
        Self(Arc::new(list))
    }

    /// Returns a word as it is compared with others and with values: without its case and width. Two words of which this is
    /// the same are one word to every value.
    pub fn compared(word: &str) -> String {
        normalised(word.trim())
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.0.count
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.count == 0
    }

    /// Returns the words in their order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.lines.lines()
    }

    /// Returns them as text: one word a line, each line with its end.
    pub fn lines(&self) -> &str {
        &self.0.lines
    }

    /// Returns their bytes after normalisation.
    pub fn normalised_bytes(&self) -> usize {
        *self.0.normalised_bytes.get_or_init(|| self.iter().map(normalised_len).sum())
    }

    /// Checks the limits of a list. What it becomes is not counted further than to its limit.
    pub fn check_limits(&self) -> Result<(), WordFilterError> {
        if self.len() > WORDS_MAX {
            return Err(WordFilterError::TooMany(self.len()));
        }
        if let Some(index) = self.iter().position(|word| word.len() > WORD_BYTES_MAX) {
            return Err(WordFilterError::TooLong(index + 1));
        }
        if self.0.normalised_bytes.get().is_none() {
            let within =
                |sum: usize, word| Some(sum + normalised_len(word)).filter(|sum| *sum <= LIST_BYTES_MAX);
            let sum = self.iter().try_fold(0, within).ok_or(WordFilterError::TooLarge)?;
            // Another thread can only have found the same.
            let _ = self.0.normalised_bytes.set(sum);
        }
        if self.normalised_bytes() > LIST_BYTES_MAX {
            return Err(WordFilterError::TooLarge);
        }
        Ok(())
    }

    /// Returns whether both are the same in memory.
    pub fn is_shared_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Makes what is searched, which takes some 0.1 s for the longest list, unless it is there.
    pub fn prepare(&self) {
        self.patterns();
    }

    /// Returns whether what is searched is there.
    pub fn is_prepared(&self) -> bool {
        self.0.patterns.get().is_some()
    }

    fn patterns(&self) -> &Patterns {
        self.0.patterns.get_or_init(|| Patterns::of(&self.0.lines, self.0.count))
    }

    /// Returns which words a text contains, in the order of the list. One word is compared after the other: for a trial
    /// of an operator's.
    pub fn in_text<'a>(&'a self, text: &str) -> impl Iterator<Item = &'a str> {
        let text = normalised(text);
        self.iter().filter(move |word| text.contains(&normalised(word)))
    }
}

impl PartialEq for Words {
    fn eq(&self, other: &Self) -> bool {
        self.is_shared_with(other) || self.0.lines == other.0.lines
    }
}

impl Eq for Words {}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Words({})", self.len())
    }
}

impl<T: AsRef<str>> FromIterator<T> for Words {
    fn from_iter<I: IntoIterator<Item = T>>(words: I) -> Self {
        let mut lines = String::new();
        for word in words {
            lines.push_str(word.as_ref());
            lines.push('\n');
        }
        Self::from_lines(&lines)
    }
}

/// Finds an app's sensitive words in a value. Words and values are compared after Unicode NFKC normalisation and in lower
/// case, so `ＢＡＤ` contains `bad`.
#[derive(Clone, Default, Debug)]
pub struct WordFilter {
    screened: Vec<Tag>,
    words: Words,
}

/// A value contains a sensitive word. Which one is not told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SensitiveWord;

impl WordFilter {
    /// The fields that are checked unless the app's `screened_tags` says otherwise.
    pub const SCREENED_BY_DEFAULT: [Tag; 2] =
        [Tag::Standard(StandardTag::Nick), Tag::Standard(StandardTag::SelfSignature)];

    /// A filter of these fields for an app's words.
    pub fn new(words: Words, screened: Vec<Tag>) -> Self {
        Self { screened, words }
    }

    /// Fails when a field is checked and the value contains a sensitive word.
    pub fn check(&self, tag: Tag, text: &str) -> Result<(), SensitiveWord> {
        let is_searched = !self.words.is_empty() && self.screened.contains(&tag);
        if is_searched && self.words.patterns().are_in(&normalised(text)) {
            return Err(SensitiveWord);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NICK: Tag = Tag::Standard(StandardTag::Nick);

    fn word_filter(words: &[&str]) -> WordFilter {
        WordFilter::new(words.iter().collect(), WordFilter::SCREENED_BY_DEFAULT.to_vec())
    }

    #[test]
    fn words_are_found_in_any_case_and_width() {
        let words = ["Bad", "", "敏感", "ﬁne"];
        let word_filter = word_filter(&words);
        let check = |text: &str, clean: bool| {
            assert_eq!(word_filter.check(NICK, text).is_ok(), clean, "{text}");
        };
        check("good", true);
        check("so BAD!", false);
        check("ＢＡＤ", false);
        check("很敏感的", false);
        check("fine", false);
        check("", true);
        check("b", true);
        check("敏", true);
        let words: Words = words.iter().collect();
        assert_eq!(words.in_text("ＢＡＤ and fine").collect::<Vec<_>>(), ["Bad", "ﬁne"]);
        assert_eq!(words.in_text("good").count(), 0);
        assert!(format!("{word_filter:?}").contains("Words(3)"), "logs show no words");
        let location = Tag::Standard(StandardTag::Location);
        assert!(word_filter.check(location, "bad").is_ok());
        let elsewhere = WordFilter::new(words, vec![location]);
        assert!(elsewhere.check(location, "bad").is_err() && elsewhere.check(NICK, "bad").is_ok());
    }

    /// Words over a small alphabet, of which many begin with others, against a search for each of them.
    #[test]
    fn what_is_found_is_what_a_search_for_each_word_finds() {
        let mut state = 7_u32;
        let mut random = |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % below
        };
        let mut text = |most: u32| -> String {
            (0..random(most + 1)).map(|_| ['a', 'b', 'ß', '敏', '😀'][random(5) as usize]).collect()
        };
        let (mut found, mut clean) = (0, 0);
        for _ in 0..2000 {
            let words: Vec<String> = (0..6).map(|_| text(9)).filter(|word| !word.is_empty()).collect();
            let filter = word_filter(&words.iter().map(String::as_str).collect::<Vec<_>>());
            for _ in 0..10 {
                let value = text(24);
                let expected = words.iter().any(|word| value.contains(word));
                assert_eq!(filter.check(NICK, &value).is_err(), expected, "{words:?} {value}");
                *(if expected { &mut found } else { &mut clean }) += 1;
            }
        }
        assert!(found > 1000 && clean > 1000, "{found} {clean}");
    }

    #[test]
    fn lists_have_limits() {
        let check = |words: Vec<String>| words.iter().collect::<Words>().check_limits();
        let long = vec!["x".repeat(WORD_BYTES_MAX), "x".repeat(WORD_BYTES_MAX + 1)];
        assert_eq!(check(long), Err(WordFilterError::TooLong(2)));
        assert_eq!(check(vec![String::new(); WORDS_MAX + 1]), Ok(()), "blank ones do not count");
        let many = |word: &str, count: usize| vec![word.to_owned(); count];
        assert_eq!(check(many("x", WORDS_MAX + 1)), Err(WordFilterError::TooMany(WORDS_MAX + 1)));
        assert_eq!(check(many(&"x".repeat(WORD_BYTES_MAX), WORDS_MAX)), Ok(()));
    }

    /// One character of 3 bytes becomes 18 characters of 33 bytes.
    #[test]
    fn what_words_become_is_bounded_before_anything_is_made_of_it() {
        let word = "\u{fdfa}".repeat(WORD_BYTES_MAX / 3);
        assert_eq!(normalised(&word).len(), 2178);
        let words: Words = std::iter::repeat_n(&word, WORDS_MAX).collect();
        assert_eq!(words.check_limits(), Err(WordFilterError::TooLarge));
        assert!(words.0.normalised_bytes.get().is_none() && !words.is_prepared());
        let words: Words = std::iter::repeat_n(&word, 100).collect();
        assert_eq!((words.check_limits(), words.normalised_bytes()), (Ok(()), 217_800));
    }

    #[test]
    fn copies_share_the_words_and_what_is_searched() {
        let words: Words = ["bad"].into_iter().collect();
        words.prepare();
        let (copy, same) = (words.clone(), ["bad"].into_iter().collect::<Words>());
        assert!(copy.is_shared_with(&words) && copy.is_prepared());
        assert!(same == words && !same.is_shared_with(&words) && Words::default() != words);
        assert_eq!(words.lines(), "bad\n");
    }
}

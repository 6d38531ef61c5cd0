//! Lists of sensitive words as they are given: lines of a file, or members of a list.

use portraitd_model::{Language, WORD_BYTES_MAX, WORDS_MAX, WordFilterError, Words};
use std::collections::HashSet;

/// A list of sensitive words that was checked.
#[derive(Debug)]
pub struct WordList {
    /// The words, each once, in their order.
    pub words: Words,
    /// The number of blank lines.
    pub(crate) blank: usize,
    /// The number of lines that repeat a word.
    pub(crate) duplicate: usize,
}

/// Where a word is, counted from 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WordPlace {
    /// The line of a file.
    Line(usize),
    /// The place in a list.
    Member(usize),
}

/// Why a list of sensitive words is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WordListError {
    /// The line with this number, counted from 1, is not UTF-8.
    NotUtf8(usize),
    /// A member has a line break; with its beginning.
    LineBreak(WordPlace, String),
    /// A word is too long.
    TooLong {
        /// Where it is.
        place: WordPlace,
        /// Its beginning.
        beginning: String,
        /// Its size.
        bytes: usize,
    },
    /// The word here is one too many.
    TooMany(WordPlace),
    /// The words together are too large.
    TooLarge,
}

impl WordPlace {
    fn name(self, language: Language) -> String {
        match self {
            Self::Line(number) => language.pick(format!("line {number}"), format!("第 {number} 行")),
            Self::Member(number) => language.pick(format!("word {number}"), format!("第 {number} 个词")),
        }
    }
}

impl WordListError {
    /// Returns what is wrong, and the limit.
    pub fn explain(&self, language: Language) -> String {
        match self {
            Self::NotUtf8(line) => language.pick(
                format!("the words are not UTF-8 (line {line})"),
                format!("敏感词不是 UTF-8 编码（第 {line} 行）"),
            ),
            Self::LineBreak(place, beginning) => {
                let place = place.name(language);
                language.pick(
                    format!("{place}, `{beginning}`, has a line break; each word is a member of the list"),
                    format!("{place} `{beginning}` 含有换行；请将每个词作为列表的一项"),
                )
            }
            Self::TooLong { place, beginning, bytes } => {
                let place = place.name(language);
                language.pick(
                    format!("{place}: `{beginning}` has {bytes} bytes; a word has at most {WORD_BYTES_MAX}"),
                    format!(
                        "{place}：`{beginning}` 长度为 {bytes} 字节，一个敏感词最多 {WORD_BYTES_MAX} 字节"
                    ),
                )
            }
            Self::TooMany(place) => {
                let place = place.name(language);
                language.pick(
                    format!("{place} is one word too many; at most {WORDS_MAX} are allowed"),
                    format!("{place}：敏感词过多，最多允许 {WORDS_MAX} 个"),
                )
            }
            Self::TooLarge => WordFilterError::TooLarge.explain(language),
        }
    }
}

/// A list while it is read.
#[derive(Default)]
struct Collected<'a> {
    seen: HashSet<&'a str>,
    lines: String,
    blank: usize,
    duplicate: usize,
}

impl<'a> Collected<'a> {
    /// Takes a word, without the white space around it.
    fn take(&mut self, place: WordPlace, word: &'a str) -> Result<(), WordListError> {
        let word = word.trim();
        if word.is_empty() {
            self.blank += 1;
        } else if word.len() > WORD_BYTES_MAX {
            return Err(WordListError::TooLong { place, beginning: beginning(word), bytes: word.len() });
        } else if self.seen.contains(word) {
            self.duplicate += 1;
        } else if self.seen.len() == WORDS_MAX {
            // Before more is kept: a body may have millions of lines.
            return Err(WordListError::TooMany(place));
        } else {
            self.seen.insert(word);
            self.lines.push_str(word);
            self.lines.push('\n');
        }
        Ok(())
    }

    fn finish(self) -> Result<WordList, WordListError> {
        let words = Words::from_lines(&self.lines);
        words.check_limits().map_err(|_| WordListError::TooLarge)?;
        Ok(WordList { words, blank: self.blank, duplicate: self.duplicate })
    }
}

/// The first characters of a word, for a message.
fn beginning(word: &str) -> String {
    const CHARS_MAX: usize = 20;
    match word.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", word.get(..end).unwrap_or_default().escape_debug()),
        None => word.escape_debug().to_string(),
    }
}

impl WordList {
    /// Parses and checks a list: one word a line, in UTF-8. An error names the line.
    pub fn parse(body: &[u8]) -> Result<Self, WordListError> {
        let text = std::str::from_utf8(body).map_err(|error| {
            let line = body.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count() + 1;
            WordListError::NotUtf8(line)
        })?;
        let mut collected = Collected::default();
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            collected.take(WordPlace::Line(index + 1), line)?;
        }
        collected.finish()
    }

    /// Checks words that are added to a list. An error names the place among those that are added.
    pub fn of_members(list: &[&str], added: &[String]) -> Result<Self, WordListError> {
        let mut collected = Collected::default();
        for word in list {
            collected.take(WordPlace::Member(1), word)?;
        }
        for (index, word) in added.iter().enumerate() {
            let place = WordPlace::Member(index + 1);
            if word.contains(['\n', '\r']) {
                return Err(WordListError::LineBreak(place, beginning(word)));
            }
            collected.take(place, word)?;
        }
        collected.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_and_repeated_lines_are_skipped_and_errors_name_the_line() {
        let list = WordList::parse("\u{feff}bad\r\n\r\n 敏感 \nbad\nBad\n\t\n".as_bytes()).unwrap();
        assert_eq!((list.words.lines(), list.blank, list.duplicate), ("bad\n敏感\nBad\n", 2, 1));
        let refused = |body: &[u8], part: &str| {
            let error = WordList::parse(body).unwrap_err();
            let message = error.explain(Language::English);
            assert!(message.contains(part), "{message}");
            assert!(!error.explain(Language::Chinese).is_ascii());
        };
        refused(b"a\n\xff\n", "line 2");
        refused(
            format!("\na\n{}\n", "x".repeat(201)).as_bytes(),
            "line 3: `xxxxxxxxxxxxxxxxxxxx…` has 201 bytes; a word has at most 200",
        );
        let many: Vec<String> = (0..=WORDS_MAX).map(|number| format!("w{number}")).collect();
        refused(many.join("\n").as_bytes(), "line 100001 is one word too many");
        let word = "\u{fdfa}".repeat(60);
        let large: Vec<String> = (0..20_000).map(|number| format!("{number}{word}")).collect();
        refused(large.join("\n").as_bytes(), "bytes after Unicode normalization");
    }

    #[test]
    fn words_that_are_added_are_named_by_their_place_among_them() {
        let add = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            let list = WordList::of_members(&["bad", "敏感"], &words);
            list.map(|list| list.words.lines().to_owned()).map_err(|error| error.explain(Language::English))
        };
        assert_eq!(add(&[" new ", "bad", "new", ""]), Ok("bad\n敏感\nnew\n".to_owned()));
        let said = "word 2, `a\\nb`, has a line break; each word is a member of the list";
        assert_eq!(add(&["x", "a\nb"]), Err(said.to_owned()));
        let long = add(&["x", "y", &"z".repeat(201)]).unwrap_err();
        assert!(long.starts_with("word 3: `zzzzzzzzzzzzzzzzzzzz…` has 201 bytes"), "{long}");
    }
}

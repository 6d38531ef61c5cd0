//! Handlers of the sensitive words. They are read and written as text with one word a line.

use crate::audit_log::AuditContext;
use crate::error::AdminError;
use crate::error_code::AdminCode;
use crate::state::{AdminResult, State, parse_body, run_blocking};
use crate::types::{WordsChanged, WordsFound, WordsPatch, WordsTest, WordsView};
use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::{Extension, Json};
use portraitd_model::{
    ALL_LISTS_BYTES_MAX, AppSettings, Bilingual, Language, WORD_BYTES_MAX, WORDS_MAX, WordFilterError, Words,
    bilingual,
};
use std::collections::HashSet;

pub(crate) async fn list(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
) -> Result<String, AdminError> {
    Ok(state.app(&app)?.settings.words.lines().to_owned())
}

pub(crate) async fn set(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    Extension(context): Extension<AuditContext>,
    body: Bytes,
) -> AdminResult<WordsView> {
    // Checking 100,000 words takes milliseconds, which must not delay other calls on this thread.
    let list = run_blocking(move || WordList::parse(&body).map_err(AdminError::from)).await?;
    let (blank, duplicate) = (list.blank, list.duplicate);
    let _one_at_a_time = state.changing_words.lock().await;
    ensure_all_fit(&state, &app, &list.words)?;
    let change = move |settings: &mut AppSettings| {
        settings.words = list.words.clone();
        let screened_tags = settings.screened_tags.iter().map(ToString::to_string).collect();
        Ok(WordsView { words: settings.words.len(), blank, duplicate, screened_tags })
    };
    state.change_settings(&app, &context, change).await.map(Json)
}

/// Refuses a list that is too large beside those of the other apps.
fn ensure_all_fit(state: &State, app: &str, words: &Words) -> Result<(), AdminError> {
    let (own, others) =
        (words.normalised_bytes(), state.registry.words_bytes_without(state.app(app)?.settings.id));
    if own == 0 || own.saturating_add(others) <= ALL_LISTS_BYTES_MAX {
        return Ok(());
    }
    Err(AdminError::new(
        AdminCode::LimitReached,
        bilingual!(
            "the words have {own} bytes after Unicode normalization, those of all other apps {others}; \
             together at most {ALL_LISTS_BYTES_MAX} are allowed: shorten a list",
            "敏感词经 Unicode 规范化后共 {own} 字节，其他应用的敏感词共 {others} 字节；合计最多允许 {ALL_LISTS_BYTES_MAX} 字节，请缩短列表"
        ),
    ))
}

/// Adds and removes words.
pub(crate) async fn change(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    Extension(context): Extension<AuditContext>,
    body: Bytes,
) -> AdminResult<WordsChanged> {
    let patch: WordsPatch = parse_body(&body)?;
    if let Some(word) = patch.add.iter().find(|word| word.contains(['\n', '\r'])) {
        return Err(AdminError::invalid(bilingual!(
            "add: `{}` has a line break; each word is a member of the list",
            "add：`{}` 含有换行；请将每个词作为列表的一项",
            word.escape_debug()
        )));
    }
    let _one_at_a_time = state.changing_words.lock().await;
    let before = state.app(&app)?.settings.words.clone();
    let had = before.len();
    let (words, kept) = run_blocking(move || patched(&before, &patch)).await?;
    ensure_all_fit(&state, &app, &words)?;
    let change = move |settings: &mut AppSettings| {
        settings.words = words.clone();
        let screened_tags = settings.screened_tags.iter().map(ToString::to_string).collect();
        let (words, removed) = (words.len(), had - kept);
        Ok(WordsChanged { words, added: words.saturating_sub(kept), removed, screened_tags })
    };
    state.change_settings(&app, &context, change).await.map(Json)
}

/// Returns the words with the patch, and how many of those before are among them.
fn patched(before: &Words, patch: &WordsPatch) -> Result<(Words, usize), AdminError> {
    let removed: HashSet<&str> = patch.remove.iter().map(|word| word.trim()).collect();
    let mut lines: Vec<&str> = before.iter().filter(|word| !removed.contains(word)).collect();
    let kept = lines.len();
    lines.extend(patch.add.iter().map(String::as_str));
    Ok((WordList::parse(lines.join("\n").as_bytes())?.words, kept))
}

/// Says which words a text contains.
pub(crate) async fn test(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    body: Bytes,
) -> AdminResult<WordsFound> {
    const TEXT_BYTES_MAX: usize = 4096;
    const WORDS_SHOWN_MAX: usize = 100;
    let (app, WordsTest { text }) = (state.app(&app)?, parse_body(&body)?);
    if text.len() > TEXT_BYTES_MAX {
        return Err(AdminError::invalid(bilingual!(
            "text: it has {} bytes; at most {TEXT_BYTES_MAX} are allowed",
            "text：长度为 {} 字节，最多允许 {TEXT_BYTES_MAX} 字节",
            text.len()
        )));
    }
    // The whole list is compared, which takes milliseconds.
    run_blocking(move || {
        let words = app.settings.words.in_text(&text).take(WORDS_SHOWN_MAX);
        Ok(Json(WordsFound { words: words.map(str::to_owned).collect() }))
    })
    .await
}

/// A parsed list of sensitive words.
#[derive(Debug)]
pub struct WordList {
    /// The words, each once, in the order of their lines.
    pub words: Words,
    /// The number of blank lines.
    blank: usize,
    /// The number of lines that repeat a word.
    duplicate: usize,
}

/// Why a list of sensitive words is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WordListError {
    /// The line with this number, counted from 1, is not UTF-8.
    NotUtf8(usize),
    /// The word in this line has so many bytes.
    TooLong {
        /// Counted from 1.
        line: usize,
        /// The word's size.
        bytes: usize,
    },
    /// The word in this line is one too many.
    TooMany(usize),
    /// The words together are too large.
    TooLarge,
}

impl WordListError {
    /// Returns what is wrong, and the limit.
    pub fn explain(self, language: Language) -> String {
        match self {
            Self::NotUtf8(line) => language.pick(
                format!("the words are not UTF-8 (line {line})"),
                format!("敏感词不是 UTF-8 编码（第 {line} 行）"),
            ),
            Self::TooLong { line, bytes } => language.pick(
                format!("line {line}: the word has {bytes} bytes; at most {WORD_BYTES_MAX} are allowed"),
                format!("第 {line} 行：敏感词长度为 {bytes} 字节，最多允许 {WORD_BYTES_MAX} 字节"),
            ),
            Self::TooMany(line) => language.pick(
                format!("line {line} is one word too many; at most {WORDS_MAX} are allowed"),
                format!("第 {line} 行：敏感词过多，最多允许 {WORDS_MAX} 个"),
            ),
            Self::TooLarge => WordFilterError::TooLarge.explain(language),
        }
    }
}

impl From<WordListError> for AdminError {
    fn from(error: WordListError) -> Self {
        Self::invalid(Bilingual::of(|language| error.explain(language)))
    }
}

impl WordList {
    /// Parses and checks a list: one word a line, in UTF-8. An error names the line.
    pub fn parse(body: &[u8]) -> Result<Self, WordListError> {
        let text = std::str::from_utf8(body).map_err(|error| {
            let line = body.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count() + 1;
            WordListError::NotUtf8(line)
        })?;
        let (mut blank, mut duplicate, mut seen, mut words) = (0, 0, HashSet::new(), String::new());
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            match line.trim() {
                "" => blank += 1,
                word if word.len() > WORD_BYTES_MAX => {
                    return Err(WordListError::TooLong { line: index + 1, bytes: word.len() });
                }
                word if seen.contains(word) => duplicate += 1,
                // Before more is kept: a body may have millions of lines.
                _ if seen.len() == WORDS_MAX => return Err(WordListError::TooMany(index + 1)),
                word => {
                    seen.insert(word);
                    words.push_str(word);
                    words.push('\n');
                }
            }
        }
        let words = Words::from_lines(&words);
        words.check_limits().map_err(|_| WordListError::TooLarge)?;
        Ok(Self { words, blank, duplicate })
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
        refused(format!("\na\n{}\n", "x".repeat(201)).as_bytes(), "line 3: the word has 201 bytes");
        let many: Vec<String> = (0..=WORDS_MAX).map(|number| format!("w{number}")).collect();
        refused(many.join("\n").as_bytes(), "line 100001 is one word too many");
        let word = "\u{fdfa}".repeat(60);
        let large: Vec<String> = (0..20_000).map(|number| format!("{number}{word}")).collect();
        refused(large.join("\n").as_bytes(), "bytes after Unicode normalization");
    }
}

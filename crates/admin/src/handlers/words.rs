//! Handlers of the sensitive words. They are read and written as text with one word a line.

use crate::audit_log::AuditContext;
use crate::error::AdminError;
use crate::state::{AdminResult, State, run_blocking};
use crate::types::WordsView;
use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::{Extension, Json};
use portraitd_model::{AppSettings, WORD_BYTES_MAX, WORDS_MAX, WordFilter, WordFilterError};
use std::collections::HashSet;

pub(crate) async fn list(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
) -> Result<String, AdminError> {
    Ok(state.app(&app)?.settings.words.iter().flat_map(|word| [word, "\n"]).collect())
}

pub(crate) async fn set(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    Extension(context): Extension<AuditContext>,
    body: Bytes,
) -> AdminResult<WordsView> {
    // Checking 100,000 words takes milliseconds, which must not delay other calls on this thread.
    let list = run_blocking(move || WordList::parse(&body)).await?;
    let (blank, duplicate) = (list.blank, list.duplicate);
    let change = move |settings: &mut AppSettings| {
        settings.words.clone_from(&list.words);
        let screened_tags = settings.screened_tags.iter().map(ToString::to_string).collect();
        Ok(WordsView { words: settings.words.len(), blank, duplicate, screened_tags })
    };
    state.change_settings(&app, &context, change).await.map(Json)
}

/// A parsed list of sensitive words.
#[derive(Debug)]
struct WordList {
    words: Vec<String>,
    /// The number of blank lines.
    blank: usize,
    /// The number of lines that repeat a word.
    duplicate: usize,
}

impl WordList {
    /// Parses and checks a list. An error names the line.
    fn parse(body: &[u8]) -> Result<Self, AdminError> {
        let text = std::str::from_utf8(body).map_err(|error| {
            let line = body.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count() + 1;
            AdminError::bad(format!("the words are not UTF-8 (line {line})"))
        })?;
        let (mut list, mut seen) = (Self { words: Vec::new(), blank: 0, duplicate: 0 }, HashSet::new());
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            match line.trim() {
                "" => list.blank += 1,
                word if word.len() > WORD_BYTES_MAX => {
                    let (line, bytes) = (index + 1, word.len());
                    let message = format!(
                        "line {line}: the word has {bytes} bytes; at most {WORD_BYTES_MAX} are allowed"
                    );
                    return Err(AdminError::bad(message));
                }
                word if !seen.insert(word) => list.duplicate += 1,
                word => list.words.push(word.to_owned()),
            }
        }
        match WordFilter::new(&list.words, Vec::new()) {
            Ok(_) => Ok(list),
            Err(WordFilterError::TooMany(words)) => {
                Err(AdminError::bad(format!("{words} words are too many; at most {WORDS_MAX} are allowed")))
            }
            Err(error) => Err(AdminError::bad(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_and_repeated_lines_are_skipped_and_errors_name_the_line() {
        let list = WordList::parse("\u{feff}bad\r\n\r\n 敏感 \nbad\nBad\n\t\n".as_bytes()).unwrap();
        assert_eq!(
            (list.words, list.blank, list.duplicate),
            (vec!["bad".into(), "敏感".into(), "Bad".into()], 2, 1)
        );
        let refused = |body: &[u8], part: &str| {
            let message = WordList::parse(body).unwrap_err().message;
            assert!(message.contains(part), "{message}");
        };
        refused(b"a\n\xff\n", "line 2");
        refused(format!("\na\n{}\n", "x".repeat(201)).as_bytes(), "line 3: the word has 201 bytes");
        let many: Vec<String> = (0..=WORDS_MAX).map(|number| format!("w{number}")).collect();
        refused(many.join("\n").as_bytes(), "100001 words are too many");
    }
}

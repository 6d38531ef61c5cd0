//! Handlers of the sensitive words. They are read and written as text with one word a line.

use crate::audit_log::AuditContext;
use crate::error::AdminError;
use crate::error_code::AdminCode;
use crate::state::{AdminResult, State, parse_body, run_blocking};
use crate::types::{WordsChanged, WordsFound, WordsPatch, WordsTest, WordsView};
use crate::word_list::{WordList, WordListError};
use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::{Extension, Json};
use portraitd_model::{ALL_LISTS_BYTES_MAX, AppSettings, Bilingual, Words, bilingual};
use std::collections::HashMap;

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
    let _one_at_a_time = state.changing_words.lock().await;
    let before = state.app(&app)?.settings.words.clone();
    let had = before.len();
    let patched = run_blocking(move || patched(&before, &patch)).await?;
    ensure_all_fit(&state, &app, &patched.words)?;
    let change = move |settings: &mut AppSettings| {
        let Patched { words, kept, not_found } = patched.clone();
        settings.words = words.clone();
        let screened_tags = settings.screened_tags.iter().map(ToString::to_string).collect();
        let (words, removed) = (words.len(), had - kept);
        let added = words.saturating_sub(kept);
        Ok(WordsChanged { words, added, removed, not_found, screened_tags })
    };
    state.change_settings(&app, &context, change).await.map(Json)
}

/// A list with a patch.
#[derive(Clone)]
struct Patched {
    words: Words,
    /// How many words from before are among them.
    kept: usize,
    /// The words to remove that were not there.
    not_found: Vec<String>,
}

/// Adds words as they are written, and removes them as they are compared: a word that stayed under another case would still be
/// found in values.
fn patched(before: &Words, patch: &WordsPatch) -> Result<Patched, AdminError> {
    const NOT_FOUND_MAX: usize = 100;
    let mut wanted: HashMap<String, bool> =
        patch.remove.iter().map(|word| (Words::compared(word), false)).collect();
    let mut is_left = |word: &str| match wanted.get_mut(&Words::compared(word)) {
        Some(found) => {
            *found = true;
            false
        }
        None => true,
    };
    // Most patches remove nothing, and a list may have 100,000 words.
    let removes = !patch.remove.is_empty();
    let left: Vec<&str> = before.iter().filter(|word| !removes || is_left(word)).collect();
    let is_missing = |word: &&String| wanted.get(&Words::compared(word)) == Some(&false);
    let not_found = patch.remove.iter().filter(is_missing).take(NOT_FOUND_MAX).cloned().collect();
    let list = WordList::of_members(&left, &patch.add);
    let list = list.map_err(|error| {
        AdminError::invalid(Bilingual::of(|language| error.explain(language)).of_member("add"))
    })?;
    Ok(Patched { words: list.words, kept: left.len(), not_found })
}

impl From<WordListError> for AdminError {
    fn from(error: WordListError) -> Self {
        Self::invalid(Bilingual::of(|language| error.explain(language)))
    }
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

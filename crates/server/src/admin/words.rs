//! Sensitive words: a text with one word a line in, the same out.

use super::view::AppView;
use super::{AdminError, Answer, State};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use portrait_model::AppSettings;

pub(super) async fn list(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
) -> Result<String, AdminError> {
    Ok(state.app(&app)?.settings.words.iter().flat_map(|word| [word, "\n"]).collect())
}

pub(super) async fn set(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    body: Bytes,
) -> Answer<AppView> {
    let text = std::str::from_utf8(&body).map_err(|_| AdminError::bad("the words are not UTF-8"))?;
    let words: Vec<String> =
        text.lines().map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect();
    let change = |settings: &mut AppSettings| {
        settings.words.clone_from(&words);
        settings.validate()?;
        Ok(AppView::from(&*settings))
    };
    state.change(&app, change).await.map(Json)
}

//! The receiver for webhooks, and what it was told.

use super::data;
use super::extract::{StrictQuery, bytes};
use super::state::State;
use super::types::{InboxFilter, OfApp, Removed};
use crate::webhook_inbox::InboxEntry;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Request, State as Extract};
use axum::response::Response;
use portraitd_admin::error::AdminError;
use portraitd_admin::state::AdminResult;
use portraitd_api::envelope::{self, Style, respond};
use portraitd_model::{Clock, Language};
use std::time::Duration;

/// Says yes, as the protocol says it.
pub(super) async fn take(
    Extract(state): Extract<State>,
    Path(box_name): Path<String>,
    request: Request,
) -> Result<Response, AdminError> {
    data::check(&box_name)?;
    let (query, headers) = (request.uri().query().unwrap_or_default().to_owned(), request.headers().clone());
    let body = bytes(request, &()).await?;
    let told = InboxEntry::of(box_name, state.emulator.clock.now(), &query, &headers, &body);
    state.emulator.inbox.push(told);
    let style = Style { language: Language::English, error_detail: false };
    Ok(respond(&Ok(envelope::Answer::ok()), None, style).map(Body::from))
}

pub(super) async fn list(
    Extract(state): Extract<State>,
    StrictQuery(filter): StrictQuery<InboxFilter>,
) -> AdminResult<Vec<InboxEntry>> {
    /// The longest wait.
    const WAIT_MS_MAX: u64 = 60_000;
    let InboxFilter { app, box_name, user, after, limit, count, wait_ms } = filter;
    let (count, wait_ms) = match (count, wait_ms) {
        (None, None) => (0, 0),
        (Some(count), Some(wait_ms)) if wait_ms <= WAIT_MS_MAX => (count, wait_ms),
        (Some(_), Some(_)) => {
            return Err(AdminError::bad(format!("wait_ms can be at most {WAIT_MS_MAX}")));
        }
        _ => return Err(AdminError::bad("count and wait_ms belong together")),
    };
    let fits = |told: &InboxEntry| {
        app.is_none_or(|app| told.app == Some(app))
            && box_name.as_ref().is_none_or(|name| told.box_name == *name)
            && user.as_ref().is_none_or(|user| told.user.as_ref() == Some(user))
    };
    let find = || state.emulator.inbox.find(after.unwrap_or_default(), limit.unwrap_or(usize::MAX), fits);
    let mut wake = state.emulator.inbox.wake();
    let enough = async {
        loop {
            wake.mark_unchanged();
            // The sender lives as long as the emulator.
            if find().len() >= count || wake.changed().await.is_err() {
                return;
            }
        }
    };
    // Late or not, what has come is shown.
    let _ = tokio::time::timeout(Duration::from_millis(wait_ms), enough).await;
    Ok(Json(find()))
}

pub(super) async fn clear(
    Extract(state): Extract<State>,
    StrictQuery(of): StrictQuery<OfApp>,
) -> Json<Removed> {
    let fits = |told: &InboxEntry| of.app.is_none_or(|app| told.app == Some(app));
    Json(Removed { removed: state.emulator.inbox.remove(fits) })
}

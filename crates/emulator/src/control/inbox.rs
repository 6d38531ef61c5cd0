//! The emulator's webhook receiver, and handlers of its inbox.

use super::data;
use super::extract::{StrictQuery, read_bytes};
use super::state::ControlState;
use super::types::{AppFilter, InboxFilter, Removed};
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

/// Receives a webhook call, records it, and answers with success.
pub(super) async fn receive(
    Extract(state): Extract<ControlState>,
    Path(box_name): Path<String>,
    request: Request,
) -> Result<Response, AdminError> {
    data::check_name(&box_name)?;
    let (query, headers) = (request.uri().query().unwrap_or_default().to_owned(), request.headers().clone());
    let body = read_bytes(request, &()).await?;
    let entry = InboxEntry::of(box_name, state.emulator.clock.now(), &query, &headers, &body);
    state.emulator.inbox.push(entry);
    let style = Style { language: Language::English, error_detail: false };
    Ok(respond(&Ok(envelope::Answer::ok()), None, style).map(Body::from))
}

pub(super) async fn list(
    Extract(state): Extract<ControlState>,
    StrictQuery(filter): StrictQuery<InboxFilter>,
) -> AdminResult<Vec<InboxEntry>> {
    /// The longest wait: one minute.
    const WAIT_MS_MAX: u64 = 60_000;
    let InboxFilter { app, box_name, user, after, limit, count, wait_ms } = filter;
    let (count, wait_ms) = match (count, wait_ms) {
        (None, None) => (0, 0),
        (Some(count), Some(wait_ms)) if wait_ms <= WAIT_MS_MAX => (count, wait_ms),
        (Some(_), Some(wait_ms)) => {
            return Err(AdminError::bad(format!(
                "wait_ms: {wait_ms} is too long; at most {WAIT_MS_MAX} is allowed"
            )));
        }
        _ => return Err(AdminError::bad("set both count and wait_ms, or neither")),
    };
    let matches = |entry: &InboxEntry| {
        app.is_none_or(|app| entry.app == Some(app))
            && box_name.as_ref().is_none_or(|name| entry.box_name == *name)
            && user.as_ref().is_none_or(|user| entry.user.as_ref() == Some(user))
    };
    let find = || state.emulator.inbox.find(after.unwrap_or_default(), limit.unwrap_or(usize::MAX), matches);
    let mut added = state.emulator.inbox.subscribe();
    let enough = async {
        loop {
            added.mark_unchanged();
            // The sender lives as long as the emulator.
            if find().len() >= count || added.changed().await.is_err() {
                return;
            }
        }
    };
    // After the time limit, the calls received so far are shown.
    let _ = tokio::time::timeout(Duration::from_millis(wait_ms), enough).await;
    Ok(Json(find()))
}

pub(super) async fn clear(
    Extract(state): Extract<ControlState>,
    StrictQuery(filter): StrictQuery<AppFilter>,
) -> Json<Removed> {
    let matches = |entry: &InboxEntry| filter.app.is_none_or(|app| entry.app == Some(app));
    Json(Removed { removed: state.emulator.inbox.remove(matches) })
}

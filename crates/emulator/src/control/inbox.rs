//! The emulator's webhook receiver, and handlers of its inbox.

use super::data;
use super::extract::{StrictQuery, read_bytes};
use super::state::ControlState;
use super::types::{AppFilter, InboxFilter, Removed};
use crate::ring_buffer::Wait;
use crate::webhook_inbox::InboxEntry;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Request, State as Extract};
use axum::response::Response;
use portraitd_admin::error::AdminError;
use portraitd_admin::state::AdminResult;
use portraitd_api::envelope::{self, Explained, Style, respond};
use portraitd_model::{Clock, Language};

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
    let style = Style { language: Language::English, explained: Explained::Nowhere };
    Ok(respond(&mut Ok(envelope::Answer::ok()), None, style).map(Body::from))
}

pub(super) async fn list(
    Extract(state): Extract<ControlState>,
    StrictQuery(filter): StrictQuery<InboxFilter>,
) -> AdminResult<Vec<InboxEntry>> {
    let InboxFilter { app, box_name, user, after, limit, count, wait_ms } = filter;
    let wait = Wait::read(count, wait_ms)?;
    let matches = |entry: &InboxEntry| {
        app.is_none_or(|app| entry.app == Some(app))
            && box_name.as_ref().is_none_or(|name| entry.box_name == *name)
            && user.as_ref().is_none_or(|user| entry.user.as_ref() == Some(user))
    };
    let (after, limit) = (after.unwrap_or_default(), limit.unwrap_or(usize::MAX));
    Ok(Json(state.emulator.inbox.find_within(wait, after, limit, matches).await))
}

pub(super) async fn clear(
    Extract(state): Extract<ControlState>,
    StrictQuery(filter): StrictQuery<AppFilter>,
) -> Json<Removed> {
    let matches = |entry: &InboxEntry| filter.app.is_none_or(|app| entry.app == Some(app));
    Json(Removed { removed: state.emulator.inbox.remove(matches) })
}

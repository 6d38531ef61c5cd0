//! Handlers of the console's sessions and one-use tickets.

use crate::auth::{Actor, bearer};
use crate::error::AdminError;
use crate::session::{Sessions, TICKET_LIFE};
use crate::state::{AdminResult, State};
use crate::types::console::{CreatedSession, CreatedTicket, NodeView, SessionView};
use axum::extract::State as Extract;
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use portraitd_model::bilingual;

/// Tells the caller who it is, so that a page knows whether it has to sign in.
pub(crate) async fn show(
    Extract(state): Extract<State>,
    Extension(actor): Extension<Actor>,
    headers: HeaderMap,
) -> Json<SessionView> {
    let is_dev = state.running.as_ref().is_some_and(|running| running.calls.is_emulated());
    Json(SessionView {
        who: actor.name.to_string(),
        role: actor.role.as_str().to_owned(),
        mode: if is_dev { "dev" } else { "serve" }.to_owned(),
        public_url: state.running.as_ref().and_then(|running| running.public_url.clone()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        without_token: bearer(&headers).is_none(),
        node: state.store.nodes().map(NodeView::from),
    })
}

pub(crate) async fn begin(
    Extract(state): Extract<State>,
    Extension(actor): Extension<Actor>,
) -> Result<(StatusCode, Json<CreatedSession>), AdminError> {
    let who = actor.name.to_string();
    let session = sessions(&state)?.begin(&actor.name).await?;
    Ok((StatusCode::CREATED, Json(CreatedSession { session, who })))
}

pub(crate) async fn end(
    Extract(state): Extract<State>,
    headers: HeaderMap,
) -> Result<StatusCode, AdminError> {
    sessions(&state)?.end(bearer(&headers).unwrap_or_default()).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn ticket(
    Extract(state): Extract<State>,
    Extension(actor): Extension<Actor>,
) -> AdminResult<CreatedTicket> {
    let ticket = sessions(&state)?.ticket(&actor.name).await?;
    Ok(Json(CreatedTicket { ticket, expires_s: TICKET_LIFE.as_secs() }))
}

pub(super) fn sessions(state: &State) -> Result<&Sessions, AdminError> {
    state.authenticator.sessions().ok_or_else(|| {
        AdminError::not_running(bilingual!(
            "nobody signs in without a running server; start one first",
            "没有运行中的服务，无法登录；请先启动服务"
        ))
    })
}

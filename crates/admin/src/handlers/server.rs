//! The server as a whole: whether it can write, what it measures, and which store it has.

use crate::error::AdminError;
use crate::readiness::Readiness;
use crate::state::State;
use crate::types::StoreView;
use axum::Json;
use axum::extract::State as Extract;
use axum::http::header;
use axum::response::{IntoResponse, Response};

/// Whether the store can be written: it really writes, once a second at most.
pub(crate) async fn ready(Extract(state): Extract<State>) -> Result<&'static str, AdminError> {
    state.readiness.of(&*state.store, Readiness::FRESH).await?;
    Ok("ok\n")
}

/// The metrics, for Prometheus. They name no user and hold no secret, so they need no token.
pub(crate) async fn metrics(Extract(state): Extract<State>) -> Result<Response, AdminError> {
    let failed = || AdminError::conflict("metrics are of a running server");
    let running = state.running.as_ref().ok_or_else(failed)?;
    let page = (running.metrics)().await.map_err(|_| failed())?;
    let format = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, format)], page).into_response())
}

pub(crate) async fn store_stats(Extract(state): Extract<State>) -> Json<StoreView> {
    let stats = state.store.stats();
    Json(StoreView { id: state.store.id().to_string(), changes: stats.changes, commits: stats.commits })
}

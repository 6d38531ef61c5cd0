//! `GET /_portraitd/health`: whether every port of the emulator listens, for wait-on, Docker Compose and CI. It needs no
//! token, because such a caller is often outside the emulator's container, and tells nothing else.

use super::state::ControlState;
use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use serde_json::{Value, json};

/// The path of the resource.
pub const PATH: &str = "/_portraitd/health";

pub(super) async fn show(Extract(state): Extract<ControlState>) -> (StatusCode, Json<Value>) {
    match state.emulator.environment.get() {
        Some(_) => (StatusCode::OK, Json(json!({ "status": "ok" }))),
        None => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "starting" }))),
    }
}

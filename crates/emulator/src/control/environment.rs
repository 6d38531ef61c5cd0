//! `GET /_portraitd/environment`: where the emulator's ports are and who may call it, for `portraitd env`.

use super::state::State;
use axum::Json;
use axum::extract::State as Extract;
use portraitd_admin::error::AdminError;
use serde_json::Value;

/// Where it is.
pub const PATH: &str = "/_portraitd/environment";

pub(super) async fn show(Extract(state): Extract<State>) -> Result<Json<Value>, AdminError> {
    let environment = state.emulator.environment.get().cloned();
    environment.map(Json).ok_or_else(|| AdminError::conflict("the emulator is still starting; ask again"))
}

//! `GET /_portraitd/environment`: the emulator's addresses and the credentials of its app, for `portraitd env`.

use super::state::ControlState;
use axum::Json;
use axum::extract::State as Extract;
use portraitd_admin::error::AdminError;
use portraitd_admin::error_code::AdminCode;
use portraitd_model::bilingual;
use serde_json::Value;

/// The path of the resource.
pub const PATH: &str = "/_portraitd/environment";

pub(super) async fn show(Extract(state): Extract<ControlState>) -> Result<Json<Value>, AdminError> {
    let environment = state.emulator.environment.get().cloned();
    environment.map(Json).ok_or_else(|| {
        AdminError::new(
            AdminCode::NotRunning,
            bilingual!("the emulator is still starting; try again", "模拟器仍在启动，请重试"),
        )
    })
}

//! Handlers of fault rules: add, list, remove.

use super::extract::{JsonBody, StrictQuery};
use super::state::ControlState;
use super::types::{AppFilter, Removed};
use crate::fault::FaultRuleView;
use crate::fault::rule::FaultRule;
use axum::Json;
use axum::extract::{Path, State as Extract};
use axum::http::StatusCode;
use portraitd_admin::error::AdminError;
use portraitd_admin::secret::random_u64;
use portraitd_admin::state::AdminResult;
use portraitd_model::SdkAppId;
use portraitd_store::StoreError;

pub(super) async fn add(
    Extract(state): Extract<ControlState>,
    JsonBody(rule): JsonBody<FaultRule>,
) -> Result<(StatusCode, Json<FaultRuleView>), AdminError> {
    let apps: Vec<SdkAppId> = state.registry.all().iter().map(|app| app.settings.id).collect();
    let effect = rule.check(&apps, state.emulator.others).map_err(AdminError::bad)?;
    let random = random_u64().map_err(|error| StoreError::Unavailable(error.to_string()))?;
    let added = state.emulator.faults.add(vec![(rule, effect)], false, random);
    let view = added.map_err(AdminError::conflict)?.pop();
    let view = view.ok_or_else(|| AdminError::conflict("no fault rule was added"))?;
    Ok((StatusCode::CREATED, Json(view)))
}

pub(super) async fn list(Extract(state): Extract<ControlState>) -> Json<Vec<FaultRuleView>> {
    Json(state.emulator.faults.list())
}

pub(super) async fn clear(
    Extract(state): Extract<ControlState>,
    StrictQuery(filter): StrictQuery<AppFilter>,
) -> AdminResult<Removed> {
    let app = filter.app.map(|app| state.app(app)).transpose()?;
    Ok(Json(Removed { removed: state.emulator.faults.clear(app) }))
}

pub(super) async fn remove(
    Extract(state): Extract<ControlState>,
    Path(id): Path<String>,
) -> Result<StatusCode, AdminError> {
    let number = id
        .parse()
        .map_err(|_| AdminError::bad(format!("`{id}` is not the id of a fault rule: it must be a number")))?;
    if state.emulator.faults.remove(number) {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(AdminError::not_found(format!("there is no fault rule {id}; GET /_portraitd/faults lists them")))
}

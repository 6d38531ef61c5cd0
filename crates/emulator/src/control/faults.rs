//! Faults: made, listed, removed.

use super::extract::{Body, StrictQuery};
use super::state::State;
use super::types::{OfApp, Removed};
use crate::fault::RuleView;
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
    Extract(state): Extract<State>,
    Body(rule): Body<FaultRule>,
) -> Result<(StatusCode, Json<RuleView>), AdminError> {
    let apps: Vec<SdkAppId> = state.registry.all().iter().map(|app| app.settings.id).collect();
    let effect = rule.check(&apps).map_err(AdminError::bad)?;
    let random = random_u64().map_err(|error| StoreError::Unavailable(error.to_string()))?;
    let added = state.emulator.faults.add(vec![(rule, effect)], false, random);
    let view = added.map_err(AdminError::conflict)?.pop();
    let view = view.ok_or_else(|| AdminError::conflict("no rule was added"))?;
    Ok((StatusCode::CREATED, Json(view)))
}

pub(super) async fn list(Extract(state): Extract<State>) -> Json<Vec<RuleView>> {
    Json(state.emulator.faults.list())
}

pub(super) async fn clear(
    Extract(state): Extract<State>,
    StrictQuery(of): StrictQuery<OfApp>,
) -> AdminResult<Removed> {
    let app = of.app.map(|app| state.app(app)).transpose()?;
    Ok(Json(Removed { removed: state.emulator.faults.clear(app) }))
}

pub(super) async fn remove(
    Extract(state): Extract<State>,
    Path(id): Path<String>,
) -> Result<StatusCode, AdminError> {
    let number = id.parse().map_err(|_| AdminError::bad(format!("`{id}` is not the number of a rule")))?;
    if state.emulator.faults.remove(number) {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(AdminError::not_found(format!("there is no rule {id}; GET /_portraitd/faults lists them")))
}

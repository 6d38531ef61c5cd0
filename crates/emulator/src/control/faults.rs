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
use portraitd_admin::error_code::AdminCode;
use portraitd_admin::secret::random_u64;
use portraitd_admin::state::AdminResult;
use portraitd_model::{SdkAppId, bilingual};

pub(super) async fn add(
    Extract(state): Extract<ControlState>,
    JsonBody(rule): JsonBody<FaultRule>,
) -> Result<(StatusCode, Json<FaultRuleView>), AdminError> {
    let apps: Vec<SdkAppId> = state.registry.all().iter().map(|app| app.settings.id).collect();
    let effect = rule.check(&apps, state.emulator.others).map_err(AdminError::invalid)?;
    let random = random_u64().map_err(AdminError::system)?;
    let added = state.emulator.faults.add(vec![(rule, effect)], false, random);
    let mut views = added.map_err(|sentence| AdminError::new(AdminCode::LimitReached, sentence))?;
    let none =
        || AdminError::new(AdminCode::NotPossible, bilingual!("no fault rule was added", "没有添加故障规则"));
    Ok((StatusCode::CREATED, Json(views.pop().ok_or_else(none)?)))
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
    let number = id.parse().map_err(|_| {
        AdminError::invalid(bilingual!(
            "`{id}` is not the id of a fault rule: it must be a number",
            "`{id}` 不是故障规则的编号：编号应为数字"
        ))
    })?;
    if state.emulator.faults.remove(number) {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(AdminError::new(
        AdminCode::NoSuchItem,
        bilingual!(
            "there is no fault rule {id}; GET /_portraitd/faults lists them",
            "没有故障规则 {id}；GET /_portraitd/faults 可列出全部规则"
        ),
    ))
}

//! Handlers of resets and snapshots.

use super::extract::JsonBody;
use super::state::ControlState;
use super::types::{DataSummaryView, Reset, ResetTo, SaveSnapshot};
use axum::Json;
use axum::extract::{Path, State as Extract};
use axum::http::StatusCode;
use portraitd_admin::error::AdminError;
use portraitd_admin::state::AdminResult;
use portraitd_model::{SdkAppId, bilingual};

/// Resets one app's data, records and faults, or everything and the clock as well.
pub(super) async fn reset(
    Extract(state): Extract<ControlState>,
    JsonBody(reset): JsonBody<Reset>,
) -> AdminResult<DataSummaryView> {
    let scope = reset.app.map(SdkAppId);
    let summary = state.sandbox()?.reset(scope, reset.to == ResetTo::Empty).await?;
    state.registry.reload().await?;
    state.clear_records(scope);
    if scope.is_some() {
        state.emulator.faults.clear(scope);
    } else {
        state.emulator.faults.reset();
        state.emulator.clock.release();
    }
    Ok(Json(DataSummaryView::new(None, summary)))
}

pub(super) async fn list(Extract(state): Extract<ControlState>) -> AdminResult<Vec<DataSummaryView>> {
    let snapshots = state.sandbox()?.snapshots();
    Ok(Json(snapshots.iter().map(|(name, summary)| DataSummaryView::new(Some(name), *summary)).collect()))
}

pub(super) async fn save(
    Extract(state): Extract<ControlState>,
    Path(name): Path<String>,
    JsonBody(save): JsonBody<SaveSnapshot>,
) -> Result<(StatusCode, Json<DataSummaryView>), AdminError> {
    check_name(&name)?;
    let summary = state.sandbox()?.save_snapshot(&name, save.app.map(SdkAppId))?;
    Ok((StatusCode::CREATED, Json(DataSummaryView::new(Some(&name), summary))))
}

pub(super) async fn restore(
    Extract(state): Extract<ControlState>,
    Path(name): Path<String>,
) -> AdminResult<DataSummaryView> {
    check_name(&name)?;
    let summary = state.sandbox()?.restore_snapshot(&name).await?;
    state.registry.reload().await?;
    Ok(Json(DataSummaryView::new(Some(&name), summary)))
}

pub(super) async fn delete(
    Extract(state): Extract<ControlState>,
    Path(name): Path<String>,
) -> Result<StatusCode, AdminError> {
    check_name(&name)?;
    state.sandbox()?.delete_snapshot(&name)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Checks the name of a snapshot or a webhook box.
pub(super) fn check_name(name: &str) -> Result<(), AdminError> {
    const CHARS_MAX: usize = 64;
    let length = name.chars().count();
    let is_forbidden = |letter: char| letter.is_control() || matches!(letter, '/' | '\\');
    if length == 0 || length > CHARS_MAX {
        return Err(AdminError::invalid(bilingual!(
            "a name has 1 to {CHARS_MAX} characters; this one has {length}",
            "名称应为 1 到 {CHARS_MAX} 个字符，当前为 {length} 个"
        )));
    }
    if name.contains(is_forbidden) {
        return Err(AdminError::invalid(bilingual!(
            "a name has no slashes, backslashes or control characters",
            "名称不能包含斜杠、反斜杠与控制字符"
        )));
    }
    if name.bytes().all(|byte| byte == b'.') {
        return Err(AdminError::invalid(bilingual!("a name must be more than dots", "名称不能只有点")));
    }
    Ok(())
}

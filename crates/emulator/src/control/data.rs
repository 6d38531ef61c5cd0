//! Resets and snapshots.

use super::extract::Body;
use super::state::State;
use super::types::{ExtentView, Reset, ResetTo, Save};
use crate::sandbox::Extent;
use axum::Json;
use axum::extract::{Path, State as Extract};
use axum::http::StatusCode;
use portraitd_admin::error::AdminError;
use portraitd_admin::state::AdminResult;
use portraitd_model::SdkAppId;

/// Puts everything back, or all that is of one app.
pub(super) async fn reset(
    Extract(state): Extract<State>,
    Body(reset): Body<Reset>,
) -> AdminResult<ExtentView> {
    let scope = reset.app.map(SdkAppId);
    let extent = state.sandbox()?.reset(scope, reset.to == ResetTo::Empty).await?;
    state.registry.reload().await?;
    state.forget(scope);
    if scope.is_some() {
        state.emulator.faults.clear(scope);
    } else {
        state.emulator.faults.reset();
        state.emulator.clock.release();
    }
    Ok(Json(ExtentView::of(None, extent)))
}

pub(super) async fn list(Extract(state): Extract<State>) -> AdminResult<Vec<ExtentView>> {
    let snapshots = state.sandbox()?.snapshots();
    Ok(Json(snapshots.iter().map(|(name, extent)| ExtentView::of(Some(name), *extent)).collect()))
}

pub(super) async fn save(
    Extract(state): Extract<State>,
    Path(name): Path<String>,
    Body(save): Body<Save>,
) -> Result<(StatusCode, Json<ExtentView>), AdminError> {
    check(&name)?;
    let extent = state.sandbox()?.save(&name, save.app.map(SdkAppId))?;
    Ok((StatusCode::CREATED, Json(ExtentView::of(Some(&name), extent))))
}

pub(super) async fn restore(
    Extract(state): Extract<State>,
    Path(name): Path<String>,
) -> AdminResult<ExtentView> {
    check(&name)?;
    let extent: Extent = state.sandbox()?.restore(&name).await?;
    state.registry.reload().await?;
    Ok(Json(ExtentView::of(Some(&name), extent)))
}

pub(super) async fn forget(
    Extract(state): Extract<State>,
    Path(name): Path<String>,
) -> Result<StatusCode, AdminError> {
    check(&name)?;
    state.sandbox()?.forget(&name)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Refuses what is no name.
pub(super) fn check(name: &str) -> Result<(), AdminError> {
    const CHARS_MAX: usize = 64;
    let length = name.chars().count();
    let bad = |letter: char| letter.is_control() || matches!(letter, '/' | '\\');
    match () {
        () if length == 0 || length > CHARS_MAX => {
            Err(AdminError::bad(format!("a name has 1 to {CHARS_MAX} characters; this one has {length}")))
        }
        () if name.contains(bad) => {
            Err(AdminError::bad("a name holds no slashes, backslashes or control characters"))
        }
        () if name.bytes().all(|byte| byte == b'.') => Err(AdminError::bad("a name is more than dots")),
        () => Ok(()),
    }
}

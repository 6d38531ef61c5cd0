//! What was called.

use super::extract::StrictQuery;
use super::state::State;
use super::types::{CallFilter, OfApp, Removed};
use crate::call_log::RecordedCall;
use crate::fault::rule::known_command;
use axum::Json;
use axum::extract::State as Extract;
use portraitd_admin::error::AdminError;
use portraitd_admin::state::AdminResult;

pub(super) async fn list(
    Extract(state): Extract<State>,
    StrictQuery(filter): StrictQuery<CallFilter>,
) -> AdminResult<Vec<RecordedCall>> {
    let CallFilter { app, command, user, code, after, limit } = filter;
    if let Some(command) = &command {
        known_command(command).map_err(AdminError::bad)?;
    }
    let fits = |call: &RecordedCall| {
        app.is_none_or(|app| call.app == Some(app))
            && command.as_ref().is_none_or(|command| call.command.as_ref() == Some(command))
            && user.as_ref().is_none_or(|user| call.users.contains(user))
            && code.is_none_or(|code| call.code == Some(code))
    };
    let calls = state.emulator.calls.find(after.unwrap_or_default(), limit.unwrap_or(usize::MAX), fits);
    Ok(Json(calls))
}

pub(super) async fn clear(
    Extract(state): Extract<State>,
    StrictQuery(of): StrictQuery<OfApp>,
) -> Json<Removed> {
    let fits = |call: &RecordedCall| of.app.is_none_or(|app| call.app == Some(app));
    Json(Removed { removed: state.emulator.calls.remove(fits) })
}

//! Handlers of the call log.

use super::extract::StrictQuery;
use super::state::ControlState;
use super::types::{AppFilter, CallFilter, Removed};
use crate::call_log::RecordedCall;
use crate::command_name::{check_command, names};
use crate::ring_buffer::Wait;
use axum::Json;
use axum::extract::State as Extract;
use portraitd_admin::error::AdminError;
use portraitd_admin::language::AskedLanguage;
use portraitd_admin::state::AdminResult;

pub(super) async fn list(
    Extract(state): Extract<ControlState>,
    AskedLanguage(asked): AskedLanguage,
    StrictQuery(filter): StrictQuery<CallFilter>,
) -> AdminResult<Vec<RecordedCall>> {
    let CallFilter { app, command, user, code, after, limit, count, wait_ms } = filter;
    let wait = Wait::read(count, wait_ms)?;
    if let Some(command) = &command {
        check_command(command).map_err(AdminError::invalid)?;
    }
    let matches = |call: &RecordedCall| {
        app.is_none_or(|app| call.app == Some(app))
            && command.as_ref().is_none_or(|command| call.command.is_some() && names(command, &call.path))
            && user.as_ref().is_none_or(|user| call.users.contains(user))
            && code.is_none_or(|code| call.code == Some(code))
    };
    let (after, limit) = (after.unwrap_or_default(), limit.unwrap_or(usize::MAX));
    let found = state.emulator.calls.find_within(wait, after, limit, matches).await;
    Ok(Json(found.into_iter().map(|call| call.for_reader(asked)).collect()))
}

pub(super) async fn clear(
    Extract(state): Extract<ControlState>,
    StrictQuery(filter): StrictQuery<AppFilter>,
) -> Json<Removed> {
    let matches = |call: &RecordedCall| filter.app.is_none_or(|app| call.app == Some(app));
    Json(Removed { removed: state.emulator.calls.remove(matches) })
}

//! Handlers of the log: what the server that answers logs, read and changed without a restart.

use crate::audit_log::{AuditChange, AuditContext};
use crate::error::AdminError;
use crate::log_control::LogControl;
use crate::state::{AdminResult, State, parse_body};
use crate::types::log::{LogPatch, LogView};
use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::{Extension, Json};
use portraitd_model::{Bilingual, bilingual};
use serde_json::json;

pub(crate) async fn show(Extract(state): Extract<State>) -> AdminResult<LogView> {
    Ok(Json(log(&state)?.current()))
}

pub(crate) async fn change(
    Extract(state): Extract<State>,
    Extension(context): Extension<AuditContext>,
    body: Bytes,
) -> AdminResult<LogView> {
    let patch: LogPatch = parse_body(&body)?;
    let log = log(&state)?;
    let invalid = |why: Bilingual| AdminError::invalid(why.of_member("filter"));
    patch.filter.as_deref().map_or(Ok(()), |filter| log.check(filter)).map_err(invalid)?;
    let (now, filter, access) = (log.current(), patch.filter.as_ref(), patch.access);
    let before = LogPatch { filter: filter.map(|_| now.filter), access: access.map(|_| now.access) };
    // Before the change: what can't be recorded is not done.
    let change = AuditChange { before: json!(before), after: json!(patch) };
    state.write_audit_entry(&context, None, change).await?;
    Ok(Json(log.change(&patch).map_err(invalid)?))
}

fn log(state: &State) -> Result<&dyn LogControl, AdminError> {
    let running = state.running.as_ref().ok_or_else(|| {
        AdminError::not_running(bilingual!(
            "only a running server has a log; the setting is log.filter",
            "仅运行中的服务有日志；配置项为 log.filter"
        ))
    })?;
    Ok(&*running.log)
}

//! The handler of an app's usage: calls by command and error code, the last use of each key, and the number of accounts.

use crate::state::{AdminResult, State};
use crate::types::{KeyUse, UsageView};
use axum::Json;
use axum::extract::{Path, State as Extract};
use std::collections::BTreeMap;

pub(crate) async fn show(Extract(state): Extract<State>, Path(app): Path<String>) -> AdminResult<UsageView> {
    let app = state.app(&app)?;
    let mut calls: BTreeMap<String, BTreeMap<u32, u64>> = BTreeMap::new();
    for call in app.usage.calls() {
        calls.entry(call.command.to_owned()).or_default().insert(call.code, call.count);
    }
    let accounts = state.store.accounts_count(app.settings.id).await?;
    let keys = app.key_uses.all();
    Ok(Json(UsageView {
        accounts,
        since_ms: state.started_ms(),
        last_call_ms: app.usage.last_call().map(|at| at.0),
        keys: keys.map(|(id, last)| KeyUse { id: id.0, last_used_ms: last.map(|at| at.0) }).collect(),
        calls,
    }))
}

//! The handler of an app's usage: calls by command and error code, the last use of each key, and the number of accounts.

use crate::state::{AdminResult, State};
use crate::types::{KeyUse, UsageView};
use axum::Json;
use axum::extract::{Path, State as Extract};
use std::collections::BTreeMap;

pub(crate) async fn show(Extract(state): Extract<State>, Path(app): Path<String>) -> AdminResult<UsageView> {
    let app = state.app(&app)?;
    let mut calls: BTreeMap<String, BTreeMap<u32, u64>> = BTreeMap::new();
    let mut last_call_ms = app.usage.last_call().map(|at| at.0);
    match state.store.node_tables() {
        None => {
            for call in app.usage.calls() {
                calls.entry(call.command.to_owned()).or_default().insert(call.code, call.count);
            }
        }
        // This server's own calls are among them.
        Some(tables) => {
            for call in tables.calls(app.settings.id).await? {
                last_call_ms = last_call_ms.max(Some(call.last.0));
                calls.entry(call.command).or_default().insert(call.code, call.calls);
            }
        }
    }
    let accounts = state.store.accounts_count(app.settings.id).await?;
    let keys = app.key_uses.all();
    Ok(Json(UsageView {
        accounts,
        since_ms: state.started_ms(),
        last_call_ms,
        keys: keys.map(|(id, last)| KeyUse { id: id.0, last_used_ms: last.map(|at| at.0) }).collect(),
        calls,
        nodes: state.store.nodes().map(|nodes| nodes.live),
    }))
}

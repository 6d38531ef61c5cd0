//! The handler of an app's usage: calls by command and error code, and the number of accounts.

use crate::state::{AdminResult, State};
use crate::types::UsageView;
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
    Ok(Json(UsageView { accounts, last_call_ms: app.usage.last_call().map(|at| at.0), calls }))
}

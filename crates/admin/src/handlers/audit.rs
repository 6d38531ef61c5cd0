//! The handler of the audit log: one page of entries, newest first.

use crate::audit_log::AuditEntryText;
use crate::state::{AdminResult, State};
use crate::types::{AuditEntryView, AuditPage};
use axum::Json;
use axum::extract::{Query, State as Extract};
use portraitd_model::{SdkAppId, bilingual};
use portraitd_store::{AuditEntry, AuditSeq, StoreError};
use schemars::JsonSchema;
use serde::Deserialize;

/// The most entries in a page.
const PAGE_MAX: usize = 1000;

/// The query of a page of the audit log.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditQuery {
    /// Only entries of this app.
    app: Option<u32>,
    /// Only entries before this place.
    before: Option<u64>,
    /// The most entries in the page; default 100, at most 1000.
    limit: Option<usize>,
    /// The id of the expected store, as `/store` shows it; a server with another store answers 409.
    store: Option<String>,
}

pub(crate) async fn page(
    Extract(state): Extract<State>,
    Query(query): Query<AuditQuery>,
) -> AdminResult<AuditPage> {
    state.ensure_store(query.store.as_deref())?;
    let limit = query.limit.unwrap_or(100).clamp(1, PAGE_MAX);
    let (app, before) = (query.app.map(SdkAppId), query.before.map(AuditSeq));
    // One entry more than asked for shows whether there is a next page.
    let mut page = state.store.audit(app, before, limit + 1).await?;
    let more = page.len() > limit;
    page.truncate(limit);
    let next = page.last().filter(|_| more).map(|entry| entry.seq.0);
    let entries = page.into_iter().map(view).collect::<Result<_, _>>()?;
    Ok(Json(AuditPage { entries, next }))
}

fn view(AuditEntry { seq, note }: AuditEntry) -> Result<AuditEntryView, StoreError> {
    let damaged = |error| {
        StoreError::Corrupt(bilingual!(
            "entry {} of the audit log: {error}",
            "审计日志的第 {} 条：{error}",
            seq.0
        ))
    };
    let AuditEntryText { who, from, method, resource, outcome, before, after } =
        serde_json::from_str(&note.text).map_err(damaged)?;
    Ok(AuditEntryView {
        place: seq.0,
        at_ms: note.at.0,
        sdkappid: note.app.map(|app| app.0),
        who,
        from,
        method,
        resource,
        outcome,
        before,
        after,
    })
}

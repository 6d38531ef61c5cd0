//! The handler of the audit log: one page of entries, newest first.

use crate::audit_log::{AuditEntryText, fingerprint};
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
/// The most entries that one search reads.
const SCANNED_MAX: usize = 10_000;

/// The query of a page of the audit log.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditQuery {
    /// Only entries of this app.
    app: Option<u32>,
    /// Only entries of this caller: the name of its token, or `os:` and the system's user.
    who: Option<String>,
    /// Only entries about the account with this UserID. The log names accounts by a hash, which is computed here. At most
    /// 10000 entries are read for `who` and `user`: with fewer found and a `next`, the search goes on there.
    user: Option<String>,
    /// Only entries before this place.
    before: Option<u64>,
    /// The most entries in the page; default 100, at most 1000.
    limit: Option<usize>,
    /// The id of the expected store, as `/store` shows it; a server with another store answers 409.
    store: Option<String>,
}

/// What the entries of a page have in common.
struct Filter {
    who: Option<String>,
    /// The fingerprint of an account.
    account: Option<String>,
}

impl Filter {
    fn matches(&self, entry: &AuditEntryText) -> bool {
        self.who.as_ref().is_none_or(|who| entry.who == *who)
            && self.account.as_ref().is_none_or(|account| entry.is_about(account))
    }
}

pub(crate) async fn page(
    Extract(state): Extract<State>,
    Query(query): Query<AuditQuery>,
) -> AdminResult<AuditPage> {
    state.ensure_store(query.store.as_deref())?;
    let limit = query.limit.unwrap_or(100).clamp(1, PAGE_MAX);
    let filter = Filter { who: query.who, account: query.user.as_deref().map(fingerprint) };
    let app = query.app.map(SdkAppId);
    let is_filtered = filter.who.is_some() || filter.account.is_some();
    let (scanned_max, read) = if is_filtered { (SCANNED_MAX, PAGE_MAX) } else { (limit, limit) };
    let (mut entries, mut scanned) = (Vec::new(), 0);
    let mut next = query.before;
    loop {
        // One entry more than is looked at shows whether there are others.
        let stored = state.store.audit(app, next.map(AuditSeq), read + 1).await?;
        let mut rest = stored.into_iter();
        for entry in rest.by_ref().take(read) {
            scanned += 1;
            next = Some(entry.seq.0);
            let text = text(&entry)?;
            if filter.matches(&text) {
                entries.push(view(&entry, text));
            }
            if entries.len() == limit {
                break;
            }
        }
        if rest.next().is_none() {
            return Ok(Json(AuditPage { entries, scanned, next: None }));
        }
        if entries.len() == limit || scanned >= scanned_max {
            return Ok(Json(AuditPage { entries, scanned, next }));
        }
    }
}

fn text(AuditEntry { seq, note }: &AuditEntry) -> Result<AuditEntryText, StoreError> {
    let damaged = |error| {
        StoreError::Corrupt(bilingual!(
            "entry {} of the audit log: {error}",
            "审计日志的第 {} 条：{error}",
            seq.0
        ))
    };
    serde_json::from_str(&note.text).map_err(damaged)
}

fn view(AuditEntry { seq, note }: &AuditEntry, text: AuditEntryText) -> AuditEntryView {
    let AuditEntryText { who, role, from, method, resource, outcome, before, after } = text;
    AuditEntryView {
        place: seq.0,
        at_ms: note.at.0,
        sdkappid: note.app.map(|app| app.0),
        who,
        role,
        from,
        method,
        resource,
        outcome,
        before,
        after,
    }
}

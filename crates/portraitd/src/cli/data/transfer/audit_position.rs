//! A position in the audit log, by which a store that was set back is recognised: an old copy of its directory or disk
//! has the same store id, but lacks the entries that were written since.

use crate::cli::admin::client::Operator;
use portraitd_admin::types::AuditPage;
use portraitd_store::{AUDIT_ENTRIES_MAX, StoreId};
use serde::{Deserialize, Serialize};

/// The place and the time of an entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AuditPosition {
    place: u64,
    at_ms: u64,
}

impl AuditPosition {
    /// The newest entry. Every import writes one, in the same commit as its rows.
    pub(super) async fn newest(operator: &Operator, store: StoreId) -> anyhow::Result<Option<Self>> {
        Self::first_of(operator, &format!("limit=1&store={store}")).await
    }

    /// Whether the store has this entry. The log keeps the newest [`AUDIT_ENTRIES_MAX`]; an older entry counts as present.
    pub(super) async fn is_in(&self, operator: &Operator, store: StoreId) -> anyhow::Result<bool> {
        let before = self.place.saturating_add(1);
        let up_to_it = format!("limit=1&store={store}&before={before}");
        if let Some(found) = Self::first_of(operator, &up_to_it).await? {
            return Ok(found == *self);
        }
        let newest = Self::newest(operator, store).await?;
        Ok(newest.is_some_and(|newest| newest.place >= self.place.saturating_add(AUDIT_ENTRIES_MAX)))
    }

    async fn first_of(operator: &Operator, part: &str) -> anyhow::Result<Option<Self>> {
        let page: AuditPage = operator.get(&format!("/audit?{part}")).await?;
        Ok(page.entries.first().map(|entry| Self { place: entry.place, at_ms: entry.at_ms }))
    }
}

//! An entry of the store's audit log by which a store that was set back is known: an old copy of its directory, or of
//! its whole disk, has the same id, but lacks what was written since.

use crate::cli::admin::client::Operator;
use portraitd_admin::types::AuditPage;
use portraitd_store::{AUDIT_ENTRIES_MAX, StoreId};
use serde::{Deserialize, Serialize};

/// The newest entry at some moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mark {
    place: u64,
    at_ms: u64,
}

impl Mark {
    /// The newest entry. Every import writes one, in the same commit as its rows.
    pub(super) async fn newest(operator: &Operator, store: StoreId) -> anyhow::Result<Option<Self>> {
        Self::first_of(operator, &format!("limit=1&store={store}")).await
    }

    /// Whether the store has it. The log keeps the newest [`AUDIT_ENTRIES_MAX`]: one that is older counts as there.
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

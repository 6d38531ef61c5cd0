//! A batch of writes in one transaction: later writes see the earlier ones; the cache and the outbox tail are updated once it is
//! committed.

use crate::outbox_tail::{OutboxTail, TailChanges};
use crate::profile_cache::{CachedProfile, Key, ProfileCache};
use crate::write::{self, WriteError};
use portraitd_store::OutboxSeq;
use portraitd_store::engine::Backlogs;
use rusqlite::Connection;
use std::collections::HashMap;

/// The accounts and events that a batch has changed. Until it is published, these accounts are read from the table only. Dropped
/// without `publish`, the cache is as before.
pub(crate) struct WriteBatch<'a> {
    cache: &'a ProfileCache,
    /// The backlogs before the batch.
    pub(crate) backlogs: &'a Backlogs,
    /// `None`: the account's profile is in the table only.
    accounts: HashMap<Key, Option<CachedProfile>>,
    pub(crate) events: TailChanges,
}

impl Drop for WriteBatch<'_> {
    fn drop(&mut self) {
        self.accounts.keys().for_each(|key| self.cache.cancel_update(key));
    }
}

impl<'a> WriteBatch<'a> {
    /// An empty batch.
    pub(crate) fn new(cache: &'a ProfileCache, backlogs: &'a Backlogs) -> Self {
        Self { cache, backlogs, accounts: HashMap::new(), events: TailChanges::default() }
    }

    /// Publishes a committed batch to the cache and the outbox tail. `last` is the last place in the outbox that was
    /// assigned.
    pub(crate) fn publish(mut self, tail: &OutboxTail, last: OutboxSeq) {
        for (key, account) in std::mem::take(&mut self.accounts) {
            match account {
                Some(account) => self.cache.publish(key, account),
                None => self.cache.invalidate(&key),
            }
        }
        tail.publish(std::mem::take(&mut self.events), last);
    }

    /// An account with the changes of this batch.
    pub(crate) fn find(
        &self,
        connection: &Connection,
        key: Key,
    ) -> Result<Option<CachedProfile>, WriteError> {
        match self.accounts.get(&key) {
            Some(Some(account)) => return Ok(Some(account.clone())),
            Some(None) => {}
            None => {
                if let Ok(account) = self.cache.get(&key) {
                    return Ok(Some(account));
                }
            }
        }
        let found = write::find(connection, key.0, key.1)?;
        Ok(found.map(|(row, bytes)| CachedProfile { row, profile: bytes.into() }))
    }

    /// Records the profile that was written into the table.
    pub(crate) fn update(&mut self, key: Key, account: CachedProfile) {
        self.change(key, Some(account));
    }

    /// Records that an account was changed or deleted in the table.
    pub(crate) fn invalidate(&mut self, key: Key) {
        self.change(key, None);
    }

    fn change(&mut self, key: Key, account: Option<CachedProfile>) {
        if self.accounts.insert(key, account).is_none() {
            self.cache.begin_update(key);
        }
    }
}

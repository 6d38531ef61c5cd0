//! A batch while it is written: later writes see what earlier ones did, and what is in memory follows once it is committed.

use crate::outbox_tail::{OutboxTail, TailChanges};
use crate::profile_cache::{CachedProfile, Key, ProfileCache};
use crate::write::{self, Failure};
use portraitd_store::OutboxSeq;
use portraitd_store::engine::Backlogs;
use rusqlite::Connection;
use std::collections::HashMap;

/// The accounts and events that a batch has changed. Until it is published, these accounts are read from the table only;
/// dropped unpublished, the cache is as before.
pub(crate) struct WriteBatch<'a> {
    cache: &'a ProfileCache,
    /// As they were before the batch.
    pub(crate) backlogs: &'a Backlogs,
    /// `None`: only the table knows.
    accounts: HashMap<Key, Option<CachedProfile>>,
    pub(crate) events: TailChanges,
}

impl Drop for WriteBatch<'_> {
    fn drop(&mut self) {
        self.accounts.keys().for_each(|key| self.cache.cancel_update(key));
    }
}

impl<'a> WriteBatch<'a> {
    /// A batch that has changed nothing yet.
    pub(crate) fn new(cache: &'a ProfileCache, backlogs: &'a Backlogs) -> Self {
        Self { cache, backlogs, accounts: HashMap::new(), events: TailChanges::default() }
    }

    /// The batch is committed: from here on everyone reads what it wrote. `last` is the last place in the outbox that
    /// was given.
    pub(crate) fn publish(mut self, tail: &OutboxTail, last: OutboxSeq) {
        for (key, account) in std::mem::take(&mut self.accounts) {
            match account {
                Some(account) => self.cache.publish(key, account),
                None => self.cache.invalidate(&key),
            }
        }
        tail.publish(std::mem::take(&mut self.events), last);
    }

    /// An account as the batch has left it so far.
    pub(crate) fn find(&self, connection: &Connection, key: Key) -> Result<Option<CachedProfile>, Failure> {
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

    /// The account is this now, in the table too.
    pub(crate) fn update(&mut self, key: Key, account: CachedProfile) {
        self.change(key, Some(account));
    }

    /// The account is changed or deleted in the table only.
    pub(crate) fn invalidate(&mut self, key: Key) {
        self.change(key, None);
    }

    fn change(&mut self, key: Key, account: Option<CachedProfile>) {
        if self.accounts.insert(key, account).is_none() {
            self.cache.begin_update(key);
        }
    }
}

//! What a batch has touched: later operations of the batch see what earlier ones did, and what is in memory follows
//! once the batch is committed.

use crate::fresh::{self, FreshEvents};
use crate::hot::{Hot, HotProfiles, Key};
use crate::write::{self, Failure};
use portrait_store::OutboxSeq;
use portrait_store::engine::Backlogs;
use rusqlite::Connection;
use std::collections::HashMap;

/// The accounts and events that a batch has touched; what is in memory follows once the batch is committed. Until then
/// memory does not answer for these accounts; dropped unpublished, it does so again as before.
pub(crate) struct Touched<'a> {
    hot: &'a HotProfiles,
    /// As they were before the batch.
    pub(crate) backlogs: &'a Backlogs,
    /// `None`: the table alone knows.
    accounts: HashMap<Key, Option<Hot>>,
    pub(crate) events: fresh::Batch,
}

impl Drop for Touched<'_> {
    fn drop(&mut self) {
        self.accounts.keys().for_each(|key| self.hot.release(key));
    }
}

impl<'a> Touched<'a> {
    /// None yet.
    pub(crate) fn new(hot: &'a HotProfiles, backlogs: &'a Backlogs) -> Self {
        Self { hot, backlogs, accounts: HashMap::new(), events: fresh::Batch::default() }
    }

    /// The batch is committed: from here on everyone reads what it wrote. `last` is the last place in the outbox that
    /// was given.
    pub(crate) fn publish(mut self, fresh: &FreshEvents, last: OutboxSeq) {
        for (key, account) in std::mem::take(&mut self.accounts) {
            match account {
                Some(hot) => self.hot.publish(key, hot),
                None => self.hot.forget(&key),
            }
        }
        fresh.publish(std::mem::take(&mut self.events), last);
    }

    /// An account as the batch has left it so far.
    pub(crate) fn find(&self, connection: &Connection, key: Key) -> Result<Option<Hot>, Failure> {
        match self.accounts.get(&key) {
            Some(Some(hot)) => return Ok(Some(hot.clone())),
            Some(None) => {}
            None => {
                if let Ok(hot) = self.hot.get(&key) {
                    return Ok(Some(hot));
                }
            }
        }
        let found = write::find(connection, key.0, key.1)?;
        Ok(found.map(|(row, bytes)| Hot { row, profile: bytes.into() }))
    }

    /// It is this now, in the table too.
    pub(crate) fn changed(&mut self, key: Key, hot: Hot) {
        self.touch(key, Some(hot));
    }

    /// It is changed or deleted in the table, and nobody looks how.
    pub(crate) fn left_to_the_table(&mut self, key: Key) {
        self.touch(key, None);
    }

    fn touch(&mut self, key: Key, account: Option<Hot>) {
        if self.accounts.insert(key, account).is_none() {
            self.hot.withhold(key);
        }
    }
}

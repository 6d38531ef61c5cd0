//! Locks of accounts: calls that touch the same account are made one after the other, on both sides in one order. Writes
//! exclude others, reads share.
//!
//! An account's lock is one of a fixed number, by its hash, so that no call can make the table grow; two accounts with the same
//! lock wait for each other without need. Each call takes its locks in the order of their numbers: calls can't wait in a circle.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

const LOCKS: usize = 1 << 16;

/// How an account is touched.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Access {
    Read,
    Write,
}

/// The locks of all accounts.
pub(crate) struct AccountLocks {
    locks: Vec<Arc<RwLock<()>>>,
    hasher: RandomState,
}

/// Held locks, until dropped.
pub(crate) struct HeldLocks {
    _held: Vec<HeldLock>,
}

#[expect(dead_code, reason = "held, not read")]
enum HeldLock {
    Read(OwnedRwLockReadGuard<()>),
    Write(OwnedRwLockWriteGuard<()>),
}

impl AccountLocks {
    pub(crate) fn new() -> Self {
        Self { locks: (0..LOCKS).map(|_| Arc::default()).collect(), hasher: RandomState::new() }
    }

    /// Waits for the locks of accounts of an app.
    pub(crate) async fn acquire<'a>(
        &self,
        app: Option<u32>,
        accounts: impl IntoIterator<Item = (&'a str, Access)>,
    ) -> HeldLocks {
        let mut wanted: BTreeMap<usize, Access> = BTreeMap::new();
        for (account, access) in accounts {
            let hash = self.hasher.hash_one((app, account));
            let place = usize::try_from(hash % LOCKS as u64).unwrap_or_default();
            let wanted = wanted.entry(place).or_insert(access);
            *wanted = access.max(*wanted);
        }
        let mut held = Vec::with_capacity(wanted.len());
        for (place, access) in wanted {
            let Some(lock) = self.locks.get(place).map(Arc::clone) else { continue };
            held.push(match access {
                Access::Read => HeldLock::Read(lock.read_owned().await),
                Access::Write => HeldLock::Write(lock.write_owned().await),
            });
        }
        HeldLocks { _held: held }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    #[tokio::test]
    async fn writes_exclude_and_reads_share() {
        let locks = AccountLocks::new();
        let try_acquire = async |app, account, access| {
            timeout(Duration::from_millis(20), locks.acquire(Some(app), [(account, access)])).await.ok()
        };
        let read = try_acquire(1, "a", Access::Read).await.unwrap();
        assert!(try_acquire(1, "a", Access::Read).await.is_some());
        assert!(try_acquire(1, "a", Access::Write).await.is_none());
        assert!(try_acquire(2, "a", Access::Write).await.is_some());
        drop(read);
        // Named as both, it is written.
        let both = locks.acquire(Some(1), [("a", Access::Read), ("a", Access::Write)]).await;
        assert!(try_acquire(1, "a", Access::Read).await.is_none());
        drop(both);
        assert!(try_acquire(1, "a", Access::Read).await.is_some());
    }

    /// Calls that name the same accounts in opposite orders.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_circle_of_waiting_calls() {
        let locks = Arc::new(AccountLocks::new());
        let tasks: Vec<_> = (0..200)
            .map(|n| {
                let locks = Arc::clone(&locks);
                tokio::spawn(async move {
                    let mut accounts = ["a", "b", "c", "d", "e"];
                    accounts.rotate_left(n % 5);
                    if n % 2 == 0 {
                        accounts.reverse();
                    }
                    let held = locks.acquire(None, accounts.map(|account| (account, Access::Write))).await;
                    tokio::task::yield_now().await;
                    drop(held);
                })
            })
            .collect();
        for task in tasks {
            timeout(Duration::from_secs(30), task).await.unwrap().unwrap();
        }
    }
}

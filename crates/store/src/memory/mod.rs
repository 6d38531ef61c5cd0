//! The reference engine: everything in memory, gone at exit. For tests and `portraitd dev` without `--data`.

mod image;
mod operator;
mod outbox;

pub use image::Image;

use crate::outbox::{Backlogs, Effects};
use crate::{
    CatalogStore, Change, DELETIONS_UNIT_MAX, Found, ProfileStore, Store, StoreError, StoreFuture, StoreId,
    StoreStats,
};
use futures_util::future::{BoxFuture, ready};
use operator::Office;
use outbox::Outbox;
use portrait_model::{
    AccountSeed, AccountState, AppRecord, AppSettings, Origin, Profile, ProfileEvent, SdkAppId, UnixMillis,
    UnixSeconds, UserId,
};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A store that keeps nothing after exit.
#[derive(Default)]
pub struct MemoryStore {
    inner: Mutex<Inner>,
}

struct Inner {
    id: StoreId,
    apps: BTreeMap<SdkAppId, (AppSettings, u64)>,
    accounts: BTreeMap<(SdkAppId, UserId), Account>,
    /// When accounts were deleted, where that was noted.
    deletions: BTreeMap<(SdkAppId, UserId), UnixMillis>,
    outbox: Outbox,
    backlogs: Backlogs,
    office: Office,
    /// Apps that images have put here.
    placed: u64,
    stats: StoreStats,
    closed: bool,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            id: StoreId::random(),
            apps: BTreeMap::default(),
            accounts: BTreeMap::default(),
            deletions: BTreeMap::default(),
            outbox: Outbox::default(),
            backlogs: Backlogs::default(),
            office: Office::default(),
            placed: 0,
            stats: StoreStats::default(),
            closed: false,
        }
    }
}

#[derive(Clone, Default)]
struct Account {
    profile: Profile,
    state: AccountState,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Every operation is whole while the lock is held; a panic elsewhere can't leave one half done.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<'a, T: Send + 'a>(&self, read: impl FnOnce(&Inner) -> T) -> StoreFuture<'a, T> {
        let inner = self.lock();
        Box::pin(ready(inner.open().map(|()| read(&inner))))
    }

    fn write<'a, T: Send + 'a>(
        &self,
        write: impl FnOnce(&mut Inner, &mut Effects) -> Result<T, StoreError>,
    ) -> StoreFuture<'a, T> {
        let mut inner = self.lock();
        let mut effects = Effects::after(inner.outbox.last);
        let outcome = inner.open().and_then(|()| write(&mut inner, &mut effects));
        if outcome.is_ok() {
            inner.backlogs.commit(&effects);
            inner.stats.changes += 1;
            inner.stats.commits += 1;
        }
        Box::pin(ready(outcome))
    }
}

impl Inner {
    fn open(&self) -> Result<(), StoreError> {
        if self.closed { Err(StoreError::Unavailable("it was closed".into())) } else { Ok(()) }
    }

    fn account(&mut self, app: SdkAppId, user: UserId) -> Result<&mut Account, StoreError> {
        self.accounts.get_mut(&(app, user)).ok_or(StoreError::NoSuchAccount)
    }

    fn apply(&mut self, change: Change, effects: &mut Effects) -> Result<(), StoreError> {
        let Change { app, user, patch, at, origin } = change;
        let changed = self.account(app, user)?.profile.merge(&patch);
        if let Some(origin) = origin.filter(|_| changed) {
            let event = ProfileEvent::of(&origin, 0, user, at, patch.items());
            self.outbox.append(app, event.into(), effects);
        }
        Ok(())
    }

    fn import(
        &mut self,
        app: SdkAppId,
        seeds: &[AccountSeed],
        at: UnixMillis,
        origin: Option<&Origin>,
        deleted_after: Option<UnixMillis>,
        effects: &mut Effects,
    ) -> Vec<UserId> {
        let mut left_out = Vec::new();
        for (index, seed) in seeds.iter().enumerate() {
            let key = (app, seed.user.id());
            let deleted =
                self.deletions.get(&key).is_some_and(|at| deleted_after.is_some_and(|after| *at > after));
            if deleted && !self.accounts.contains_key(&key) {
                left_out.push(key.1);
                continue;
            }
            let changed = self.create(key).profile.merge(&seed.patch);
            if let Some(origin) = origin.filter(|_| changed) {
                let event = ProfileEvent::of(origin, index, key.1, at, seed.patch.items());
                self.outbox.append(app, event.into(), effects);
            }
        }
        left_out
    }

    /// The account, which exists from here on.
    fn create(&mut self, key: (SdkAppId, UserId)) -> &mut Account {
        self.deletions.remove(&key);
        self.accounts.entry(key).or_default()
    }

    fn delete(&mut self, app: SdkAppId, users: &[UserId], noted_at: Option<UnixMillis>) -> Vec<bool> {
        let mut delete = |user: &UserId| {
            let existed = self.accounts.remove(&(app, *user)).is_some();
            if let Some(at) = noted_at.filter(|_| existed) {
                self.deletions.insert((app, *user), at);
            }
            existed
        };
        users.iter().map(&mut delete).collect()
    }

    fn forget_deletions(&mut self, app: SdkAppId, until: UnixMillis) -> usize {
        let due = self.deletions.iter().filter(|((other, _), at)| *other == app && **at <= until);
        let due: Vec<_> = due.map(|(key, _)| *key).take(DELETIONS_UNIT_MAX).collect();
        for key in &due {
            self.deletions.remove(key);
        }
        due.len()
    }

    fn put_app(&mut self, settings: AppSettings, expected: Option<u64>) -> Result<u64, StoreError> {
        if self.apps.get(&settings.id).map(|(_, revision)| *revision) != expected {
            return Err(StoreError::Conflict);
        }
        let revision = expected.unwrap_or(0) + 1;
        for admin in &settings.admins {
            self.create((settings.id, *admin));
        }
        self.apps.insert(settings.id, (settings, revision));
        Ok(revision)
    }
}

impl ProfileStore for MemoryStore {
    fn apply(&self, change: Change) -> StoreFuture<'_, ()> {
        self.write(|inner, effects| inner.apply(change, effects))
    }

    fn profiles(&self, app: SdkAppId, users: Vec<UserId>) -> StoreFuture<'_, Vec<Found>> {
        self.read(|inner| {
            let find = |user: &UserId| match inner.accounts.get(&(app, *user)) {
                Some(account) => Found::Profile(account.profile.clone()),
                None => Found::Missing,
            };
            users.iter().map(find).collect()
        })
    }

    fn import_unless_deleted(
        &self,
        app: SdkAppId,
        seeds: Vec<AccountSeed>,
        at: UnixMillis,
        origin: Option<Origin>,
        deleted_after: Option<UnixMillis>,
    ) -> StoreFuture<'_, Vec<UserId>> {
        self.write(|inner, effects| {
            Ok(inner.import(app, &seeds, at, origin.as_ref(), deleted_after, effects))
        })
    }

    fn states(&self, app: SdkAppId, users: Vec<UserId>) -> StoreFuture<'_, Vec<Option<AccountState>>> {
        self.read(|inner| {
            users.iter().map(|user| inner.accounts.get(&(app, *user)).map(|account| account.state)).collect()
        })
    }

    fn delete_noting(
        &self,
        app: SdkAppId,
        users: Vec<UserId>,
        noted_at: Option<UnixMillis>,
    ) -> StoreFuture<'_, Vec<bool>> {
        self.write(|inner, _| Ok(inner.delete(app, &users, noted_at)))
    }

    fn forget_deletions(&self, app: SdkAppId, until: UnixMillis) -> StoreFuture<'_, usize> {
        let due = self.lock().deletions.iter().any(|((other, _), at)| *other == app && *at <= until);
        if !due {
            return self.read(|_| 0);
        }
        self.write(|inner, _| Ok(inner.forget_deletions(app, until)))
    }

    fn kick(&self, app: SdkAppId, user: UserId, at: UnixSeconds) -> StoreFuture<'_, ()> {
        self.write(|inner, _| {
            let state = &mut inner.account(app, user)?.state;
            state.kicked_at = state.kicked_at.max(Some(at));
            Ok(())
        })
    }

    fn accounts_page(
        &self,
        app: SdkAppId,
        prefix: String,
        after: Option<UserId>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<UserId>> {
        self.read(|inner| {
            // No id is empty, so the least id of an app is any id of one space.
            let least = UserId::parse(" ").ok().map(|user| (app, user));
            let start = match after {
                Some(after) => Bound::Excluded((app, after)),
                None => least.map_or(Bound::Unbounded, Bound::Included),
            };
            let users = inner.accounts.range((start, Bound::Unbounded)).map(|(key, _)| *key);
            let of_app = users.take_while(|(other, _)| *other == app).map(|(_, user)| user);
            of_app.filter(|user| user.as_str().starts_with(&prefix)).take(limit).collect()
        })
    }
}

impl CatalogStore for MemoryStore {
    fn catalog(&self) -> StoreFuture<'_, Vec<AppRecord>> {
        self.read(|inner| {
            let record = |(settings, revision): &(AppSettings, u64)| {
                let kicked = |admin: &UserId| {
                    let account = inner.accounts.get(&(settings.id, *admin))?;
                    account.state.kicked_at.map(|at| (*admin, at))
                };
                AppRecord {
                    settings: settings.clone(),
                    revision: *revision,
                    kicked_admins: settings.admins.iter().filter_map(kicked).collect(),
                }
            };
            inner.apps.values().map(record).collect()
        })
    }

    fn put_app(&self, settings: AppSettings, expected: Option<u64>) -> StoreFuture<'_, u64> {
        self.write(|inner, _| inner.put_app(settings, expected))
    }
}

impl Store for MemoryStore {
    fn id(&self) -> StoreId {
        self.lock().id
    }

    fn probe(&self) -> StoreFuture<'_, ()> {
        self.write(|_, _| Ok(()))
    }

    fn backup(&self, _to: &Path) -> StoreFuture<'_, ()> {
        let nothing = "this server keeps everything in memory, so there is nothing to back up; start it with --data DIR";
        Box::pin(ready(Err(StoreError::Refused(nothing.into()))))
    }

    fn stats(&self) -> StoreStats {
        self.lock().stats
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.lock().closed = true;
        Box::pin(ready(()))
    }
}

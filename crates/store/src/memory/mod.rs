//! The engine in memory, for tests and `portraitd dev` without `--data`. It stores nothing on a disk, and is the reference for
//! what other engines must do.

mod admin;
mod image;
mod outbox;
mod write;

pub use image::Image;

use crate::engine::{Backlogs, OutboxDelta};
use crate::{
    AuditEntry, AuditNote, AuditSeq, Backlog, BackupReport, EventState, Found, OutboxEvent, OutboxSeq, Store,
    StoreError, StoreFuture, StoreId, StoreStats, TokenRecord, Write, WriteOutcome,
};
use admin::AdminTables;
use futures_util::future::{BoxFuture, ready};
use outbox::Outbox;
use portraitd_model::{
    AccountState, AppRecord, AppSettings, Profile, SdkAppId, Tag, UnixMillis, UserId, bilingual,
};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A store in memory; its contents end with the process.
#[derive(Default)]
pub struct MemoryStore {
    inner: Mutex<Inner>,
}

struct Inner {
    id: StoreId,
    apps: BTreeMap<SdkAppId, (AppSettings, u64)>,
    accounts: BTreeMap<(SdkAppId, UserId), Account>,
    /// The times of deletions that were noted.
    deletions: BTreeMap<(SdkAppId, UserId), UnixMillis>,
    outbox: Outbox,
    backlogs: Backlogs,
    admin: AdminTables,
    /// How many apps were inserted from images.
    images_inserted: u64,
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
            admin: AdminTables::default(),
            images_inserted: 0,
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

    /// A poisoned lock is harmless: no operation can panic half done.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<'a, T: Send + 'a>(&self, read: impl FnOnce(&Inner) -> T) -> StoreFuture<'a, T> {
        let inner = self.lock();
        Box::pin(ready(inner.open().map(|()| read(&inner))))
    }

    fn commit<'a, T: Send + 'a>(
        &self,
        write: impl FnOnce(&mut Inner, &mut OutboxDelta) -> Result<T, StoreError>,
    ) -> StoreFuture<'a, T> {
        let mut inner = self.lock();
        let mut delta = OutboxDelta::after(inner.outbox.last);
        let outcome = inner.open().and_then(|()| write(&mut inner, &mut delta));
        if outcome.is_ok() {
            inner.backlogs.commit(&delta);
            inner.stats.changes += 1;
            inner.stats.commits += 1;
        }
        Box::pin(ready(outcome))
    }
}

impl Inner {
    fn open(&self) -> Result<(), StoreError> {
        if self.closed { Err(StoreError::closed()) } else { Ok(()) }
    }
}

impl Store for MemoryStore {
    fn write(&self, write: Write, note: Option<AuditNote>) -> StoreFuture<'_, WriteOutcome> {
        self.commit(|inner, delta| {
            let outcome = inner.run(write, delta)?;
            if let Some(note) = note.filter(|_| outcome.changed()) {
                inner.admin.append(note);
            }
            Ok(outcome)
        })
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

    fn states(&self, app: SdkAppId, users: Vec<UserId>) -> StoreFuture<'_, Vec<Option<AccountState>>> {
        self.read(|inner| {
            users.iter().map(|user| inner.accounts.get(&(app, *user)).map(|account| account.state)).collect()
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

    fn accounts_count(&self, app: SdkAppId) -> StoreFuture<'_, u64> {
        self.read(|inner| inner.accounts.keys().filter(|(other, _)| *other == app).count() as u64)
    }

    fn holders_count(&self, app: SdkAppId, tag: Tag) -> StoreFuture<'_, u64> {
        self.read(|inner| {
            let of_app = inner.accounts.iter().filter(|((other, _), _)| *other == app);
            of_app.filter(|(_, account)| account.profile.get(tag).is_some()).count() as u64
        })
    }

    fn has_deletions(&self, app: SdkAppId, until: UnixMillis) -> StoreFuture<'_, bool> {
        self.read(|inner| inner.deletions.iter().any(|((other, _), at)| *other == app && *at <= until))
    }

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

    fn events(
        &self,
        app: SdkAppId,
        state: EventState,
        after: Option<OutboxSeq>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<OutboxEvent>> {
        self.read(|inner| inner.outbox.events(app, state, after, limit))
    }

    fn backlogs(&self) -> BTreeMap<SdkAppId, Backlog> {
        self.lock().backlogs.all()
    }

    fn audit(
        &self,
        app: Option<SdkAppId>,
        before: Option<AuditSeq>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<AuditEntry>> {
        self.read(|inner| inner.admin.audit(app, before, limit))
    }

    fn tokens(&self) -> StoreFuture<'_, Vec<TokenRecord>> {
        self.read(|inner| inner.admin.tokens())
    }

    fn id(&self) -> StoreId {
        self.lock().id
    }

    fn backup(&self, _to: &Path, _report: BackupReport) -> StoreFuture<'_, ()> {
        let nothing = bilingual!(
            "this server keeps everything in memory, so there is nothing to back up; start it with --data DIR",
            "服务的数据全部在内存中，没有可备份的内容；请以 --data DIR 启动"
        );
        Box::pin(ready(Err(StoreError::Refused(nothing))))
    }

    fn stats(&self) -> StoreStats {
        self.lock().stats
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.lock().closed = true;
        Box::pin(ready(()))
    }
}

//! A store for changes that are tried and not made: the apps of another store as they are now, and in place of its accounts that
//! store itself, which is only read.

use futures_util::future::{BoxFuture, ready};
use portraitd_api::registry::Registry;
use portraitd_model::{AccountState, AppRecord, SdkAppId, Tag, UnixMillis, UserId};
use portraitd_store::{
    AuditEntry, AuditNote, AuditSeq, Backlog, BackupReport, EventState, Found, MemoryStore, OutboxEvent,
    OutboxSeq, PutApp, Store, StoreError, StoreFuture, StoreId, StoreStats, TokenRecord, Write, WriteOutcome,
};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// What is written stays in memory, until it is dropped.
pub(super) struct TrialStore {
    apps: MemoryStore,
    real: Arc<dyn Store>,
}

impl TrialStore {
    /// Returns a store with the apps of a registry, whose words it shares.
    pub(super) async fn of(real: Arc<dyn Store>, registry: &Registry) -> Result<Self, StoreError> {
        let apps = MemoryStore::new();
        for app in registry.all() {
            let write = PutApp { settings: Box::new(app.settings.clone()), expected: None };
            (&apps as &dyn Store).perform(write, None).await?;
        }
        Ok(Self { apps, real })
    }
}

impl Store for TrialStore {
    fn write(&self, write: Write, note: Option<AuditNote>) -> StoreFuture<'_, WriteOutcome> {
        self.apps.write(write, note)
    }

    fn profiles(&self, app: SdkAppId, users: Vec<UserId>) -> StoreFuture<'_, Vec<Found>> {
        self.real.profiles(app, users)
    }

    fn states(&self, app: SdkAppId, users: Vec<UserId>) -> StoreFuture<'_, Vec<Option<AccountState>>> {
        self.real.states(app, users)
    }

    fn accounts_page(
        &self,
        app: SdkAppId,
        prefix: String,
        after: Option<UserId>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<UserId>> {
        self.real.accounts_page(app, prefix, after, limit)
    }

    fn accounts_count(&self, app: SdkAppId) -> StoreFuture<'_, u64> {
        self.real.accounts_count(app)
    }

    fn holders_count(&self, app: SdkAppId, tag: Tag) -> StoreFuture<'_, u64> {
        self.real.holders_count(app, tag)
    }

    fn has_deletions(&self, app: SdkAppId, until: UnixMillis) -> StoreFuture<'_, bool> {
        self.real.has_deletions(app, until)
    }

    fn catalog(&self) -> StoreFuture<'_, Vec<AppRecord>> {
        self.apps.catalog()
    }

    fn events(
        &self,
        app: SdkAppId,
        state: EventState,
        after: Option<OutboxSeq>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<OutboxEvent>> {
        self.real.events(app, state, after, limit)
    }

    fn backlogs(&self) -> BTreeMap<SdkAppId, Backlog> {
        self.real.backlogs()
    }

    fn audit(
        &self,
        app: Option<SdkAppId>,
        before: Option<AuditSeq>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<AuditEntry>> {
        self.real.audit(app, before, limit)
    }

    fn tokens(&self) -> StoreFuture<'_, Vec<TokenRecord>> {
        self.real.tokens()
    }

    fn id(&self) -> StoreId {
        self.real.id()
    }

    fn backup(&self, to: &Path, report: BackupReport) -> StoreFuture<'_, ()> {
        self.apps.backup(to, report)
    }

    fn stats(&self) -> StoreStats {
        self.apps.stats()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }
}

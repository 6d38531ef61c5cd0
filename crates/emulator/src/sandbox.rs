//! The sandbox of an emulator in memory: reset to the initial data, named snapshots, throw-away apps. An emulator that
//! keeps its data on disk (`dev --data`) has none.

use portraitd_admin::error::AdminError;
use portraitd_admin::error_code::AdminCode;
use portraitd_model::{AppKey, SdkAppId, UnixMillis, Webhook, bilingual};
use portraitd_store::{Image, MemoryStore, StoreError};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An emulator's store, with the images that it can be put back to.
pub struct Sandbox {
    store: Arc<MemoryStore>,
    /// The data when the emulator started.
    initial: Image,
    /// The most bytes of snapshots and throw-away apps together.
    bytes_max: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    snapshots: BTreeMap<String, Snapshot>,
    /// The throw-away apps, each with the data it was created with.
    throw_away_apps: BTreeMap<SdkAppId, Kept>,
    /// How many throw-away apps were ever created.
    created_count: u32,
}

#[derive(Clone)]
struct Snapshot {
    scope: Option<SdkAppId>,
    kept: Kept,
    throw_away_apps: BTreeMap<SdkAppId, Kept>,
}

/// An image and about how many bytes it takes. Copies share it.
#[derive(Clone)]
struct Kept {
    image: Arc<Image>,
    bytes: usize,
}

impl Inner {
    /// Returns the bytes of all snapshots but one, and of all throw-away apps.
    fn bytes_without(&self, snapshot: Option<&str>) -> usize {
        let snapshots = self.snapshots.iter().filter(|(name, _)| Some(name.as_str()) != snapshot);
        let mut images: Vec<&Kept> = self.throw_away_apps.values().collect();
        for (_, snapshot) in snapshots {
            images.extend(snapshot.throw_away_apps.values().chain([&snapshot.kept]));
        }
        // A snapshot and the apps of the present share the images of apps that were there when it was saved.
        images.sort_unstable_by_key(|kept| Arc::as_ptr(&kept.image));
        images.dedup_by_key(|kept| Arc::as_ptr(&kept.image));
        images.iter().map(|kept| kept.bytes).sum()
    }
}

/// The number of apps and accounts in a snapshot, or after a reset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct DataSummary {
    /// The only app; `None` for all apps.
    pub(crate) scope: Option<SdkAppId>,
    pub(crate) apps: usize,
    pub(crate) accounts: usize,
}

fn summarize(scope: Option<SdkAppId>, image: &Image) -> DataSummary {
    DataSummary { scope, apps: image.apps().count(), accounts: image.accounts() }
}

impl Sandbox {
    /// The most throw-away apps at once.
    pub(crate) const APPS_MAX: usize = 250;
    /// The most snapshots.
    pub(crate) const SNAPSHOTS_MAX: usize = 100;
    /// The first SDKAppID of a throw-away app. No number is used twice.
    const FIRST_APP: u32 = 1_600_000_000;

    /// The most bytes of snapshots and throw-away apps together.
    const BYTES_MAX: usize = 256 << 20;

    /// Returns a sandbox whose initial data is the store's present content.
    pub fn new(store: Arc<MemoryStore>) -> Self {
        Self::of_size(store, Self::BYTES_MAX)
    }

    fn of_size(store: Arc<MemoryStore>, bytes_max: usize) -> Self {
        let initial = store.image(None);
        Self { store, initial, bytes_max, inner: Mutex::default() }
    }

    fn keep(&self, image: Image) -> Kept {
        let bytes = image.bytes_beside(&self.initial);
        Kept { image: Arc::new(image), bytes }
    }

    /// Refuses what would take more memory than snapshots and throw-away apps may.
    fn ensure_room(&self, taken: usize, wanted: usize) -> Result<(), AdminError> {
        if taken.saturating_add(wanted) <= self.bytes_max {
            return Ok(());
        }
        let mib = |bytes: usize| bytes.div_ceil(1 << 20);
        let (taken, wanted, most) = (mib(taken), mib(wanted), mib(self.bytes_max));
        Err(AdminError::new(
            AdminCode::LimitReached,
            bilingual!(
                "this would take {wanted} MiB of memory beside the {taken} MiB of the other snapshots and throw-away apps; \
                 together at most {most} MiB are allowed: delete those that are no longer needed",
                "此操作需占用 {wanted} MiB 内存，其他快照与临时应用已占用 {taken} MiB；合计最多允许 {most} MiB，请删除不再需要的"
            ),
        ))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the present data without throw-away apps, also after the store was closed.
    pub fn export_image(&self) -> Image {
        let throw_away_apps = self.throw_away_apps();
        let image = self.store.image(None);
        image.without(&throw_away_apps)
    }

    /// Puts one app back to its initial data, or everything; the latter deletes throw-away apps. `empty` keeps the initial
    /// settings, but of the accounts only the admins.
    pub(crate) async fn reset(
        &self,
        scope: Option<SdkAppId>,
        empty: bool,
    ) -> Result<DataSummary, AdminError> {
        let (put_back, summary) = {
            let mut inner = self.lock();
            let initial = if let Some(app) = scope {
                let created = inner.throw_away_apps.get(&app).map(|kept| Image::clone(&kept.image));
                let image = created.unwrap_or_else(|| self.initial.only(app));
                if image.apps().next().is_none() {
                    return Err(self.no_initial_data(app));
                }
                image
            } else {
                inner.throw_away_apps.clear();
                self.initial.clone()
            };
            let image = if empty { initial.emptied() } else { initial };
            (self.store.put_back(scope, &image), summarize(scope, &image))
        };
        put_back.await?;
        Ok(summary)
    }

    fn no_initial_data(&self, app: SdkAppId) -> AdminError {
        if self.store.image(Some(app)).apps().next().is_none() {
            return AdminError::no_such_app(app);
        }
        AdminError::new(
            AdminCode::NotPossible,
            bilingual!(
                "app {app} was created through the admin API after the emulator started, so it has no initial data to \
                 reset to; use a throw-away app or a snapshot",
                "应用 {app} 是模拟器启动后通过管理 API 创建的，没有可重置到的初始数据；请使用临时应用或快照"
            ),
        )
    }

    /// Saves a snapshot of one app, or of everything. It replaces a snapshot of the same name.
    pub(crate) fn save_snapshot(
        &self,
        name: &str,
        scope: Option<SdkAppId>,
    ) -> Result<DataSummary, AdminError> {
        let mut inner = self.lock();
        if inner.snapshots.len() >= Self::SNAPSHOTS_MAX && !inner.snapshots.contains_key(name) {
            let max = Self::SNAPSHOTS_MAX;
            return Err(AdminError::new(
                AdminCode::LimitReached,
                bilingual!(
                    "there are {max} snapshots, the most that are allowed; delete one first",
                    "已有 {max} 个快照，达到上限；请先删除一个"
                ),
            ));
        }
        let taken = inner.bytes_without(Some(name));
        // Before anything is copied.
        self.ensure_room(taken, self.store.image_bytes(scope))?;
        let image = self.store.image(scope);
        if let (Some(app), None) = (scope, image.apps().next()) {
            return Err(AdminError::no_such_app(app));
        }
        let in_scope =
            inner.throw_away_apps.iter().filter(|(app, _)| scope.is_none_or(|scope| scope == **app));
        let throw_away_apps = in_scope.map(|(app, kept)| (*app, kept.clone())).collect();
        let (summary, kept) = (summarize(scope, &image), self.keep(image));
        self.ensure_room(taken, kept.bytes)?;
        inner.snapshots.insert(name.to_owned(), Snapshot { scope, kept, throw_away_apps });
        Ok(summary)
    }

    /// Puts back the data of a snapshot: everything, or the one app that it was saved from.
    pub(crate) async fn restore_snapshot(&self, name: &str) -> Result<DataSummary, AdminError> {
        let (put_back, summary) = {
            let mut inner = self.lock();
            let snapshot =
                inner.snapshots.get(name).cloned().ok_or_else(|| Self::snapshot_not_found(&inner, name))?;
            let Snapshot { scope, kept: Kept { image, .. }, throw_away_apps } = snapshot;
            inner.throw_away_apps.retain(|app, _| scope.is_some_and(|scope| scope != *app));
            inner.throw_away_apps.extend(throw_away_apps);
            (self.store.put_back(scope, &image), summarize(scope, &image))
        };
        put_back.await?;
        Ok(summary)
    }

    fn snapshot_not_found(inner: &Inner, name: &str) -> AdminError {
        let names: Vec<_> = inner.snapshots.keys().map(String::as_str).collect();
        let [english, chinese] = if names.is_empty() {
            ["none".to_owned(), "无".to_owned()]
        } else {
            [names.join(", "), names.join("、")]
        };
        AdminError::new(
            AdminCode::NoSuchItem,
            bilingual!(
                "there is no snapshot `{name}`; there are: {english}",
                "没有快照 `{name}`；已有的快照：{chinese}"
            ),
        )
    }

    /// Deletes a snapshot.
    pub(crate) fn delete_snapshot(&self, name: &str) -> Result<(), AdminError> {
        let mut inner = self.lock();
        match inner.snapshots.remove(name) {
            Some(_) => Ok(()),
            None => Err(Self::snapshot_not_found(&inner, name)),
        }
    }

    /// Returns every snapshot's name and summary.
    pub(crate) fn snapshots(&self) -> Vec<(String, DataSummary)> {
        let inner = self.lock();
        let list = inner.snapshots.iter();
        list.map(|(name, snapshot)| (name.clone(), summarize(snapshot.scope, &snapshot.kept.image))).collect()
    }

    /// Creates a throw-away app with the initial data of `template` and a key of its own.
    pub(crate) async fn create_app(
        &self,
        template: SdkAppId,
        key: AppKey,
        created: UnixMillis,
        with_accounts: bool,
        webhook: impl Fn(SdkAppId) -> Option<Webhook>,
    ) -> Result<Arc<Image>, AdminError> {
        let initial = self.initial.only(template);
        if initial.apps().next().is_none() {
            let known: Vec<_> = self.initial.apps().map(|app| app.id.to_string()).collect();
            let known = known.join(", ");
            return Err(AdminError::new(
                AdminCode::NoSuchApp,
                bilingual!(
                    "there was no app {template} when the emulator started; there are: {known}",
                    "模拟器启动时没有应用 {template}；当时的应用：{known}"
                ),
            ));
        }
        let initial = if with_accounts { initial } else { initial.emptied() };
        // Once as what it can be reset to, and once as its data.
        let bytes = initial.bytes_beside(&self.initial).saturating_mul(2);
        let image = |id: SdkAppId| {
            initial.renamed(template, |settings| {
                settings.id = id;
                settings.name = format!("throw-away app like {template}");
                settings.keys.clear();
                settings.add_key(key.clone(), Some(created));
                settings.webhook = webhook(id);
            })
        };
        loop {
            let (add, id, image) = {
                let mut inner = self.lock();
                if inner.throw_away_apps.len() >= Self::APPS_MAX {
                    let max = Self::APPS_MAX;
                    return Err(AdminError::new(
                        AdminCode::LimitReached,
                        bilingual!(
                            "there are {max} throw-away apps, the most that are allowed; delete those that are no longer \
                             needed, or reset everything",
                            "已有 {max} 个临时应用，达到上限；请删除不再需要的，或全部重置"
                        ),
                    ));
                }
                self.ensure_room(inner.bytes_without(None), bytes)?;
                let id = SdkAppId(Self::FIRST_APP + inner.created_count);
                inner.created_count += 1;
                let kept = Kept { image: Arc::new(image(id)), bytes };
                inner.throw_away_apps.insert(id, kept.clone());
                (self.store.add(&kept.image), id, kept.image)
            };
            match add.await {
                Ok(()) => return Ok(image),
                Err(error) => {
                    self.lock().throw_away_apps.remove(&id);
                    // The seed or an admin call has used this SDKAppID: the next one is tried.
                    if error != StoreError::Conflict {
                        return Err(error.into());
                    }
                }
            }
        }
    }

    /// Deletes a throw-away app.
    pub(crate) async fn delete_app(&self, app: SdkAppId) -> Result<(), AdminError> {
        let put_back = {
            let mut inner = self.lock();
            if inner.throw_away_apps.remove(&app).is_none() {
                return Err(AdminError::new(
                    AdminCode::NoSuchApp,
                    bilingual!("{app} is not a throw-away app", "{app} 不是临时应用"),
                ));
            }
            self.store.put_back(Some(app), &Image::default())
        };
        Ok(put_back.await?)
    }

    /// Returns the SDKAppIDs of the throw-away apps.
    pub(crate) fn throw_away_apps(&self) -> Vec<SdkAppId> {
        self.lock().throw_away_apps.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portraitd_model::{AccountSeed, AppSettings, NewUserId, ProfilePatch};
    use portraitd_store::Store as _;

    const APP: SdkAppId = SdkAppId(1_400_000_000);

    async fn sandbox(bytes_max: usize) -> Sandbox {
        let store = Arc::new(MemoryStore::new());
        store.put_app(AppSettings::new(APP), None).await.unwrap();
        let seed = |number: usize| {
            let user = NewUserId::parse(&format!("user{number}")).unwrap();
            AccountSeed { user, patch: ProfilePatch::default() }
        };
        store.import(APP, (0..1000).map(seed).collect(), UnixMillis(1), None).await.unwrap();
        Sandbox::of_size(store, bytes_max)
    }

    #[tokio::test]
    async fn snapshots_and_throw_away_apps_are_bounded_in_bytes() {
        // An image takes 16 KiB and 160 bytes for each account.
        let sandbox = sandbox(1_000_000).await;
        let refused = |error: AdminError| assert_eq!(error.code, AdminCode::LimitReached);
        let mut saved = 0;
        let error = loop {
            match sandbox.save_snapshot(&format!("s{saved}"), None) {
                Ok(_) => saved += 1,
                Err(error) => break error,
            }
        };
        refused(error);
        assert!((4..Sandbox::SNAPSHOTS_MAX).contains(&saved), "{saved}");
        sandbox.save_snapshot("s0", None).unwrap();
        let key = || AppKey::parse("key").unwrap();
        let create = || sandbox.create_app(APP, key(), UnixMillis(1), true, |_| None);
        refused(create().await.err().unwrap());
        for number in 0..saved {
            sandbox.delete_snapshot(&format!("s{number}")).unwrap();
        }
        create().await.unwrap();
        create().await.unwrap();
        refused(create().await.err().unwrap());
        let before = sandbox.lock().bytes_without(None);
        sandbox.save_snapshot("one", Some(APP)).unwrap();
        let after = sandbox.lock().bytes_without(None);
        assert!((160_000..200_000).contains(&(after - before)), "shared images count once: {before} {after}");
    }
}

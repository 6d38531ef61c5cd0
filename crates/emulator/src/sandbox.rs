//! The sandbox of an emulator in memory: reset to the initial data, named snapshots, throw-away apps. An emulator that
//! keeps its data on disk (`dev --data`) has none.

use portraitd_model::{AppKey, SdkAppId, UnixMillis, Webhook};
use portraitd_store::{Image, MemoryStore, StoreError};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An emulator's store, with the images that it can be put back to.
pub struct Sandbox {
    store: Arc<MemoryStore>,
    /// The data when the emulator started.
    initial: Image,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    snapshots: BTreeMap<String, Snapshot>,
    /// The throw-away apps, each with the data it was created with.
    throw_away_apps: BTreeMap<SdkAppId, Image>,
    /// How many throw-away apps were ever created.
    created_count: u32,
}

#[derive(Clone)]
struct Snapshot {
    scope: Option<SdkAppId>,
    image: Image,
    throw_away_apps: BTreeMap<SdkAppId, Image>,
}

/// The number of apps and accounts in a snapshot, or after a reset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct DataSummary {
    /// The only app; `None` for all apps.
    pub(crate) scope: Option<SdkAppId>,
    pub(crate) apps: usize,
    pub(crate) accounts: usize,
}

/// The reason why a sandbox operation failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum SandboxError {
    /// The named app or snapshot does not exist.
    NotFound(String),
    /// The current state does not permit the operation.
    Conflict(String),
    Store(StoreError),
}

impl From<StoreError> for SandboxError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
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

    /// Returns a sandbox whose initial data is the store's present content.
    pub fn new(store: Arc<MemoryStore>) -> Self {
        let initial = store.image(None);
        Self { store, initial, inner: Mutex::default() }
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
    ) -> Result<DataSummary, SandboxError> {
        let (put_back, summary) = {
            let mut inner = self.lock();
            let initial = if let Some(app) = scope {
                let created = inner.throw_away_apps.get(&app).cloned();
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

    fn no_initial_data(&self, app: SdkAppId) -> SandboxError {
        if self.store.image(Some(app)).apps().next().is_none() {
            return SandboxError::NotFound(format!("there is no app {app}"));
        }
        SandboxError::Conflict(format!(
            "app {app} was created through the admin API after the emulator started, so it has no initial data to \
             reset to; use a throw-away app or a snapshot"
        ))
    }

    /// Saves a snapshot of one app, or of everything. It replaces a snapshot of the same name.
    pub(crate) fn save_snapshot(
        &self,
        name: &str,
        scope: Option<SdkAppId>,
    ) -> Result<DataSummary, SandboxError> {
        let mut inner = self.lock();
        if inner.snapshots.len() >= Self::SNAPSHOTS_MAX && !inner.snapshots.contains_key(name) {
            let max = Self::SNAPSHOTS_MAX;
            return Err(SandboxError::Conflict(format!(
                "there are {max} snapshots, the most that are allowed; delete one first"
            )));
        }
        let image = self.store.image(scope);
        if let (Some(app), None) = (scope, image.apps().next()) {
            return Err(SandboxError::NotFound(format!("there is no app {app}")));
        }
        let in_scope =
            inner.throw_away_apps.iter().filter(|(app, _)| scope.is_none_or(|scope| scope == **app));
        let throw_away_apps = in_scope.map(|(app, image)| (*app, image.clone())).collect();
        let summary = summarize(scope, &image);
        inner.snapshots.insert(name.to_owned(), Snapshot { scope, image, throw_away_apps });
        Ok(summary)
    }

    /// Puts back the data of a snapshot: everything, or the one app that it was saved from.
    pub(crate) async fn restore_snapshot(&self, name: &str) -> Result<DataSummary, SandboxError> {
        let (put_back, summary) = {
            let mut inner = self.lock();
            let snapshot =
                inner.snapshots.get(name).cloned().ok_or_else(|| Self::snapshot_not_found(&inner, name))?;
            let Snapshot { scope, image, throw_away_apps } = snapshot;
            inner.throw_away_apps.retain(|app, _| scope.is_some_and(|scope| scope != *app));
            inner.throw_away_apps.extend(throw_away_apps);
            (self.store.put_back(scope, &image), summarize(scope, &image))
        };
        put_back.await?;
        Ok(summary)
    }

    fn snapshot_not_found(inner: &Inner, name: &str) -> SandboxError {
        let names: Vec<_> = inner.snapshots.keys().map(String::as_str).collect();
        let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        SandboxError::NotFound(format!("there is no snapshot `{name}`; there are: {known}"))
    }

    /// Deletes a snapshot.
    pub(crate) fn delete_snapshot(&self, name: &str) -> Result<(), SandboxError> {
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
        list.map(|(name, snapshot)| (name.clone(), summarize(snapshot.scope, &snapshot.image))).collect()
    }

    /// Creates a throw-away app with the initial data of `template` and a key of its own.
    pub(crate) async fn create_app(
        &self,
        template: SdkAppId,
        key: AppKey,
        created: UnixMillis,
        with_accounts: bool,
        webhook: impl Fn(SdkAppId) -> Option<Webhook>,
    ) -> Result<Image, SandboxError> {
        let initial = self.initial.only(template);
        if initial.apps().next().is_none() {
            let known: Vec<_> = self.initial.apps().map(|app| app.id.to_string()).collect();
            let known = known.join(", ");
            return Err(SandboxError::NotFound(format!(
                "there was no app {template} when the emulator started; there are: {known}"
            )));
        }
        let initial = if with_accounts { initial } else { initial.emptied() };
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
                    return Err(SandboxError::Conflict(format!(
                        "there are {max} throw-away apps, the most that are allowed; delete those that are no longer \
                         needed, or reset everything"
                    )));
                }
                let id = SdkAppId(Self::FIRST_APP + inner.created_count);
                inner.created_count += 1;
                let image = image(id);
                inner.throw_away_apps.insert(id, image.clone());
                (self.store.add(&image), id, image)
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
    pub(crate) async fn delete_app(&self, app: SdkAppId) -> Result<(), SandboxError> {
        let put_back = {
            let mut inner = self.lock();
            if inner.throw_away_apps.remove(&app).is_none() {
                return Err(SandboxError::NotFound(format!("{app} is not a throw-away app")));
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

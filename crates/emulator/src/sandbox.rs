//! What only an emulator in memory can do: go back to its start, keep named snapshots, make apps to be thrown away.

use portraitd_model::{AppKey, SdkAppId, Webhook};
use portraitd_store::{Image, MemoryStore, StoreError};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The data of an emulator, and what it can be put back to.
pub struct Sandbox {
    store: Arc<MemoryStore>,
    /// As it was when the emulator started.
    start: Image,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    snapshots: BTreeMap<String, Snapshot>,
    /// Throw-away apps, each as it was made.
    made: BTreeMap<SdkAppId, Image>,
    last_made: u32,
}

#[derive(Clone)]
struct Snapshot {
    scope: Option<SdkAppId>,
    image: Image,
    made: BTreeMap<SdkAppId, Image>,
}

/// What a snapshot or a reset holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Extent {
    /// `None`: all apps.
    pub(crate) scope: Option<SdkAppId>,
    pub(crate) apps: usize,
    pub(crate) accounts: usize,
}

/// Why it can't be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Refused {
    /// What was named does not exist.
    NotFound(String),
    /// It does not fit what is there.
    Conflict(String),
    Store(StoreError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn extent(scope: Option<SdkAppId>, image: &Image) -> Extent {
    Extent { scope, apps: image.apps().count(), accounts: image.accounts() }
}

impl Sandbox {
    /// The most throw-away apps at once.
    pub(crate) const APPS_MAX: usize = 250;
    /// The most snapshots.
    pub(crate) const SNAPSHOTS_MAX: usize = 100;
    /// Throw-away apps are numbered from here on; none twice.
    const FIRST: u32 = 1_600_000_000;

    /// The store as it is now is what a reset goes back to.
    pub fn new(store: Arc<MemoryStore>) -> Self {
        let start = store.image(None);
        Self { store, start, inner: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it holds now, also when the store was closed; throw-away apps left out.
    pub fn kept(&self) -> Image {
        let made = self.made();
        let image = self.store.image(None);
        image.without(&made)
    }

    /// Goes back to the start: one app, or everything, with which throw-away apps are gone. `empty` leaves settings,
    /// and of the accounts only the admins.
    pub(crate) async fn reset(&self, scope: Option<SdkAppId>, empty: bool) -> Result<Extent, Refused> {
        let (put_back, extent) = {
            let mut inner = self.lock();
            let image = match scope {
                None => {
                    inner.made.clear();
                    self.start.clone()
                }
                Some(app) => match inner.made.get(&app).cloned().unwrap_or_else(|| self.start.only(app)) {
                    none if none.apps().next().is_none() => return Err(self.no_start(app)),
                    image => image,
                },
            };
            let image = if empty { image.emptied() } else { image };
            (self.store.put_back(scope, &image), extent(scope, &image))
        };
        put_back.await?;
        Ok(extent)
    }

    fn no_start(&self, app: SdkAppId) -> Refused {
        if self.store.image(Some(app)).apps().next().is_none() {
            return Refused::NotFound(format!("there is no app {app}"));
        }
        Refused::Conflict(format!(
            "app {app} was made through the admin API after the start, so there is nothing to reset it to; \
             use a throw-away app or a snapshot"
        ))
    }

    /// Saves a snapshot; one of the same name is replaced.
    pub(crate) fn save(&self, name: &str, scope: Option<SdkAppId>) -> Result<Extent, Refused> {
        let mut inner = self.lock();
        if inner.snapshots.len() >= Self::SNAPSHOTS_MAX && !inner.snapshots.contains_key(name) {
            let max = Self::SNAPSHOTS_MAX;
            return Err(Refused::Conflict(format!("there are {max} snapshots; delete one first")));
        }
        let image = self.store.image(scope);
        if let (Some(app), None) = (scope, image.apps().next()) {
            return Err(Refused::NotFound(format!("there is no app {app}")));
        }
        let made = inner.made.iter().filter(|(app, _)| scope.is_none_or(|scope| scope == **app));
        let made = made.map(|(app, image)| (*app, image.clone())).collect();
        let extent = extent(scope, &image);
        inner.snapshots.insert(name.to_owned(), Snapshot { scope, image, made });
        Ok(extent)
    }

    /// Goes back to a snapshot: everything, or the one app that it is of.
    pub(crate) async fn restore(&self, name: &str) -> Result<Extent, Refused> {
        let (put_back, extent) = {
            let mut inner = self.lock();
            let snapshot =
                inner.snapshots.get(name).cloned().ok_or_else(|| Self::no_snapshot(&inner, name))?;
            let Snapshot { scope, image, made } = snapshot;
            inner.made.retain(|app, _| scope.is_some_and(|scope| scope != *app));
            inner.made.extend(made);
            (self.store.put_back(scope, &image), extent(scope, &image))
        };
        put_back.await?;
        Ok(extent)
    }

    fn no_snapshot(inner: &Inner, name: &str) -> Refused {
        let names: Vec<_> = inner.snapshots.keys().map(String::as_str).collect();
        let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        Refused::NotFound(format!("there is no snapshot `{name}`; there are: {known}"))
    }

    /// Deletes a snapshot.
    pub(crate) fn forget(&self, name: &str) -> Result<(), Refused> {
        let mut inner = self.lock();
        match inner.snapshots.remove(name) {
            Some(_) => Ok(()),
            None => Err(Self::no_snapshot(&inner, name)),
        }
    }

    /// Every snapshot.
    pub(crate) fn snapshots(&self) -> Vec<(String, Extent)> {
        let inner = self.lock();
        let list = inner.snapshots.iter();
        list.map(|(name, snapshot)| (name.clone(), extent(snapshot.scope, &snapshot.image))).collect()
    }

    /// Makes an app like another one was at the start, with a key of its own.
    pub(crate) async fn make(
        &self,
        like: SdkAppId,
        key: AppKey,
        with_accounts: bool,
        webhook: impl Fn(SdkAppId) -> Option<Webhook>,
    ) -> Result<Image, Refused> {
        let model = self.start.only(like);
        if model.apps().next().is_none() {
            let known: Vec<_> = self.start.apps().map(|app| app.id.to_string()).collect();
            let known = known.join(", ");
            return Err(Refused::NotFound(format!(
                "no app {like} was there at the start; there are: {known}"
            )));
        }
        let model = if with_accounts { model } else { model.emptied() };
        let image = |id: SdkAppId| {
            model.renamed(like, |settings| {
                settings.id = id;
                settings.name = format!("throw-away app like {like}");
                settings.keys.clear();
                settings.add_key(key.clone());
                settings.webhook = webhook(id);
            })
        };
        loop {
            let (add, id, image) = {
                let mut inner = self.lock();
                if inner.made.len() >= Self::APPS_MAX {
                    let max = Self::APPS_MAX;
                    return Err(Refused::Conflict(format!(
                        "there are {max} throw-away apps; delete those that are done with, or reset everything"
                    )));
                }
                let id = SdkAppId(Self::FIRST + inner.last_made);
                inner.last_made += 1;
                let image = image(id);
                inner.made.insert(id, image.clone());
                (self.store.add(&image), id, image)
            };
            match add.await {
                Ok(()) => return Ok(image),
                Err(error) => {
                    self.lock().made.remove(&id);
                    // Somebody has an app of this number already: the next one, then.
                    if error != StoreError::Conflict {
                        return Err(error.into());
                    }
                }
            }
        }
    }

    /// Throws an app away.
    pub(crate) async fn throw_away(&self, app: SdkAppId) -> Result<(), Refused> {
        let put_back = {
            let mut inner = self.lock();
            if inner.made.remove(&app).is_none() {
                return Err(Refused::NotFound(format!("{app} is not a throw-away app")));
            }
            self.store.put_back(Some(app), &Image::default())
        };
        Ok(put_back.await?)
    }

    /// The throw-away apps.
    pub(crate) fn made(&self) -> Vec<SdkAppId> {
        self.lock().made.keys().copied().collect()
    }
}

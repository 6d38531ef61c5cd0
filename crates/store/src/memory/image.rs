//! Images of the reference engine: what it holds at one moment, to be put back later. For emulators; an engine on a
//! disk has backups instead.

use super::{Account, Inner, MemoryStore};
use crate::{Found, Store, StoreError, StoreFuture, StoreId};
use portraitd_model::{AccountState, AppSettings, Profile, SdkAppId, UnixMillis, UserId};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// Apps with their accounts, and what is noted of deleted ones, as they were at one moment. Events that waited are not in it.
#[derive(Clone, Default)]
pub struct Image {
    apps: BTreeMap<SdkAppId, AppImage>,
}

#[derive(Clone)]
struct AppImage {
    settings: AppSettings,
    accounts: BTreeMap<UserId, Account>,
    /// When accounts were deleted, where that was noted.
    deletions: BTreeMap<UserId, UnixMillis>,
}

impl Image {
    /// Everything that another engine holds now.
    pub async fn of(store: &dyn Store) -> Result<Self, StoreError> {
        const PAGE: usize = 1000;
        let mut image = Self::default();
        for record in store.catalog().await? {
            let (id, mut accounts, mut after) = (record.settings.id, BTreeMap::new(), None);
            loop {
                let page = store.accounts_page(id, String::new(), after, PAGE).await?;
                after = page.last().copied();
                if page.is_empty() {
                    break;
                }
                let found = store.profiles(id, page.clone()).await?;
                for (user, found) in page.into_iter().zip(found) {
                    match found {
                        Found::Profile(profile) => {
                            accounts.insert(user, Account { profile, state: AccountState::default() });
                        }
                        Found::Missing => {}
                        Found::Damaged => return Err(StoreError::Corrupt(format!("the profile of {user}"))),
                    }
                }
            }
            image
                .apps
                .insert(id, AppImage { settings: record.settings, accounts, deletions: BTreeMap::new() });
        }
        Ok(image)
    }

    /// The apps in it.
    pub fn apps(&self) -> impl Iterator<Item = &AppSettings> {
        self.apps.values().map(|app| &app.settings)
    }

    /// How many accounts it holds.
    pub fn accounts(&self) -> usize {
        self.apps.values().map(|app| app.accounts.len()).sum()
    }

    /// An app's accounts with their profiles, in the order of the ids.
    pub fn profiles(&self, app: SdkAppId) -> impl Iterator<Item = (UserId, &Profile)> {
        let accounts = self.apps.get(&app).into_iter().flat_map(|app| &app.accounts);
        accounts.map(|(user, account)| (*user, &account.profile))
    }

    /// This app alone; nothing when it is not in it.
    #[must_use]
    pub fn only(&self, app: SdkAppId) -> Self {
        Self { apps: self.apps.get(&app).map(|image| (app, image.clone())).into_iter().collect() }
    }

    /// The same without some apps.
    #[must_use]
    pub fn without(mut self, apps: &[SdkAppId]) -> Self {
        self.apps.retain(|app, _| !apps.contains(app));
        self
    }

    /// The same without accounts but the admins', whose fields are unset.
    #[must_use]
    pub fn emptied(&self) -> Self {
        let emptied = |app: &AppImage| {
            let admins = app.settings.admins.iter().map(|admin| (*admin, Account::default()));
            let (settings, accounts) = (app.settings.clone(), admins.collect());
            AppImage { settings, accounts, deletions: BTreeMap::new() }
        };
        Self { apps: self.apps.iter().map(|(id, app)| (*id, emptied(app))).collect() }
    }

    /// This app as another one, with settings changed on the way; nothing when it is not in it.
    #[must_use]
    pub fn renamed(&self, app: SdkAppId, change: impl FnOnce(&mut AppSettings)) -> Self {
        let Some(mut image) = self.apps.get(&app).cloned() else { return Self::default() };
        change(&mut image.settings);
        Self { apps: BTreeMap::from([(image.settings.id, image)]) }
    }
}

/// An app's number, or every app.
fn in_scope(scope: Option<SdkAppId>) -> RangeInclusive<SdkAppId> {
    scope.map_or(SdkAppId(0)..=SdkAppId(u32::MAX), |app| app..=app)
}

impl MemoryStore {
    /// What it holds of an app, or of all. Also when it was closed.
    pub fn image(&self, scope: Option<SdkAppId>) -> Image {
        let inner = self.lock();
        let mut image = Image::default();
        for (id, (settings, _)) in inner.apps.range(in_scope(scope)) {
            let (accounts, deletions) = (BTreeMap::new(), BTreeMap::new());
            image.apps.insert(*id, AppImage { settings: settings.clone(), accounts, deletions });
        }
        for ((app, user), at) in &inner.deletions {
            if let Some(app) = image.apps.get_mut(app) {
                app.deletions.insert(*user, *at);
            }
        }
        for ((app, user), account) in &inner.accounts {
            if let Some(app) = image.apps.get_mut(app) {
                app.accounts.insert(*user, account.clone());
            }
        }
        image
    }

    /// Makes an app, or all, exactly what the image shows, in one atomic unit: what is not in it is gone, and so are
    /// events that waited. An app in the image that is out of the scope is left alone. The store has another
    /// [`Store::id`] then: an import that was interrupted before can't continue over what is gone.
    pub fn put_back(&self, scope: Option<SdkAppId>, image: &Image) -> StoreFuture<'_, ()> {
        let chosen = in_scope(scope);
        self.commit(|inner, delta| {
            inner.id = StoreId::random();
            inner.outbox.clear(|app| chosen.contains(&app), delta);
            inner.accounts.retain(|(app, _), _| !chosen.contains(app));
            inner.deletions.retain(|(app, _), _| !chosen.contains(app));
            inner.apps.retain(|app, _| !chosen.contains(app));
            for (id, app) in image.apps.range(chosen.clone()) {
                inner.place(*id, app);
            }
            Ok(())
        })
    }

    /// Adds an image's apps, or none of them: [`StoreError::Conflict`] when one is there already.
    pub fn add(&self, image: &Image) -> StoreFuture<'_, ()> {
        self.commit(|inner, _| {
            if image.apps.keys().any(|id| inner.apps.contains_key(id)) {
                return Err(StoreError::Conflict);
            }
            for (id, app) in &image.apps {
                inner.place(*id, app);
            }
            Ok(())
        })
    }
}

impl Inner {
    /// Puts an app where none is, with a revision that was never given before: changes count by one from the last.
    fn place(&mut self, id: SdkAppId, app: &AppImage) {
        self.placed += 1;
        self.apps.insert(id, (app.settings.clone(), self.placed << 32));
        self.deletions.extend(app.deletions.iter().map(|(user, at)| ((id, *user), *at)));
        self.accounts.extend(app.accounts.iter().map(|(user, account)| ((id, *user), account.clone())));
    }
}

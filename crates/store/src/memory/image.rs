//! Images of the engine in memory: its contents at one moment, to be restored later. For the emulator; an engine on a disk has
//! backups instead.

use super::{Account, Inner, MemoryStore};
use crate::{Found, Store, StoreError, StoreFuture, StoreId};
use portraitd_model::{
    AccountState, AppSettings, FieldValue, Profile, ProfileItem, SdkAppId, UnixMillis, UserId, Words,
    bilingual,
};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// Apps with their accounts and the notes of deleted ones at one moment. Without the outbox.
#[derive(Clone, Default)]
pub struct Image {
    apps: BTreeMap<SdkAppId, AppImage>,
}

#[derive(Clone)]
struct AppImage {
    settings: AppSettings,
    accounts: BTreeMap<UserId, Account>,
    /// The times of deletions that were noted.
    deletions: BTreeMap<UserId, UnixMillis>,
}

impl Image {
    /// The contents of another engine.
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
                        Found::Damaged => {
                            return Err(StoreError::Corrupt(bilingual!(
                                "the profile of {user}",
                                "{user} 的资料"
                            )));
                        }
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

    /// The number of accounts in it.
    pub fn accounts(&self) -> usize {
        self.apps.values().map(|app| app.accounts.len()).sum()
    }

    /// About how many bytes it takes in memory. Words that it shares with `other` are not counted.
    pub fn bytes_beside(&self, other: &Self) -> usize {
        let of_words = |words: &Words| {
            let is_shared = other.apps.values().any(|app| app.settings.words.is_shared_with(words));
            if is_shared { 0 } else { words.lines().len() + words.normalised_bytes() }
        };
        let of_app = |app: &AppImage| {
            let accounts: usize = app.accounts.values().map(Account::bytes).sum();
            APP_BYTES + accounts + app.deletions.len() * ENTRY_BYTES + of_words(&app.settings.words)
        };
        self.apps.values().map(of_app).sum()
    }

    /// An app's accounts with their profiles, in the order of the ids.
    pub fn profiles(&self, app: SdkAppId) -> impl Iterator<Item = (UserId, &Profile)> {
        let accounts = self.apps.get(&app).into_iter().flat_map(|app| &app.accounts);
        accounts.map(|(user, account)| (*user, &account.profile))
    }

    /// An image of this app alone; empty when it has no such app.
    #[must_use]
    pub fn only(&self, app: SdkAppId) -> Self {
        Self { apps: self.apps.get(&app).map(|image| (app, image.clone())).into_iter().collect() }
    }

    /// The image without some apps.
    #[must_use]
    pub fn without(mut self, apps: &[SdkAppId]) -> Self {
        self.apps.retain(|app, _| !apps.contains(app));
        self
    }

    /// The image with the admins' accounts only, their fields unset.
    #[must_use]
    pub fn emptied(&self) -> Self {
        let emptied = |app: &AppImage| {
            let admins = app.settings.admins.iter().map(|admin| (*admin, Account::default()));
            let (settings, accounts) = (app.settings.clone(), admins.collect());
            AppImage { settings, accounts, deletions: BTreeMap::new() }
        };
        Self { apps: self.apps.iter().map(|(id, app)| (*id, emptied(app))).collect() }
    }

    /// An image of this app with its settings changed, its number among them; empty when it has no such app.
    #[must_use]
    pub fn renamed(&self, app: SdkAppId, change: impl FnOnce(&mut AppSettings)) -> Self {
        let Some(mut image) = self.apps.get(&app).cloned() else { return Self::default() };
        change(&mut image.settings);
        Self { apps: BTreeMap::from([(image.settings.id, image)]) }
    }
}

/// About the bytes of an app's settings without its words.
const APP_BYTES: usize = 16 << 10;
/// About the bytes of an account's entry: its id, its state, and what the map adds.
const ENTRY_BYTES: usize = 160;

impl Account {
    fn bytes(&self) -> usize {
        let of_item = |item: &ProfileItem| {
            let text = if let FieldValue::Text(text) = &item.value { text.len() } else { 0 };
            size_of::<ProfileItem>() + text
        };
        ENTRY_BYTES + self.profile.items().iter().map(of_item).sum::<usize>()
    }
}

/// An app's number, or every app.
fn in_scope(scope: Option<SdkAppId>) -> RangeInclusive<SdkAppId> {
    scope.map_or(SdkAppId(0)..=SdkAppId(u32::MAX), |app| app..=app)
}

impl MemoryStore {
    /// About how many bytes the accounts in an image of one app, or of all, would take.
    pub fn image_bytes(&self, scope: Option<SdkAppId>) -> usize {
        let chosen = in_scope(scope);
        let inner = self.lock();
        let accounts = inner.accounts.iter().filter(|((app, _), _)| chosen.contains(app));
        accounts.map(|(_, account)| account.bytes()).sum()
    }

    /// An image of one app, or of all. Works on a closed store, too.
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

    /// Replaces an app, or all, by the image, in one atomic unit: what is not in the image is removed, and so are waiting
    /// events. Apps of the image outside the scope are ignored. The store gets a new [`Store::id`], so that an import
    /// that was interrupted before can't continue.
    pub fn put_back(&self, scope: Option<SdkAppId>, image: &Image) -> StoreFuture<'_, ()> {
        let chosen = in_scope(scope);
        self.commit(|inner, delta| {
            inner.id = StoreId::random();
            inner.outbox.clear(|app| chosen.contains(&app), delta);
            inner.accounts.retain(|(app, _), _| !chosen.contains(app));
            inner.deletions.retain(|(app, _), _| !chosen.contains(app));
            inner.apps.retain(|app, _| !chosen.contains(app));
            for (id, app) in image.apps.range(chosen.clone()) {
                inner.insert_app(*id, app);
            }
            Ok(())
        })
    }

    /// Adds an image's apps; [`StoreError::Conflict`] when one of them exists already, and none is added.
    pub fn add(&self, image: &Image) -> StoreFuture<'_, ()> {
        self.commit(|inner, _| {
            if image.apps.keys().any(|id| inner.apps.contains_key(id)) {
                return Err(StoreError::Conflict);
            }
            for (id, app) in &image.apps {
                inner.insert_app(*id, app);
            }
            Ok(())
        })
    }
}

impl Inner {
    /// Inserts an app, with a revision that was never used: changes add one to the last revision.
    fn insert_app(&mut self, id: SdkAppId, app: &AppImage) {
        self.images_inserted += 1;
        self.apps.insert(id, (app.settings.clone(), self.images_inserted << 32));
        self.deletions.extend(app.deletions.iter().map(|(user, at)| ((id, *user), *at)));
        self.accounts.extend(app.accounts.iter().map(|(user, account)| ((id, *user), account.clone())));
    }
}

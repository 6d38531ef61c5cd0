//! The registry of apps: one immutable snapshot, replaced as a whole. A call loads it once, so it never sees half a change.

use crate::call_counts::Usage;
use crate::key_uses::KeyUses;
use crate::primitives::{ArcSwap, AsyncMutex, Mutex, block_on, spawn_blocking};
use crate::rate_limit::AppCells;
use crate::sig_cache::VerifiedSigs;
use portraitd_model::{
    AppKey, AppRecord, AppSettings, FieldSchema, SdkAppId, UnixSeconds, UserId, WordFilter, Words, bilingual,
};
use portraitd_store::{Store, StoreError};
use portraitd_webhook::status::Delivery;
use portraitd_webhook::target::{WebhookTarget, WebhookTargets};
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, PoisonError, Weak};
use tokio::sync::watch;

/// One app with everything derived from its settings.
#[derive(Debug)]
pub struct App {
    /// Its settings, as they are stored.
    pub settings: AppSettings,
    /// The revision of the settings; every stored change raises it.
    pub revision: u64,
    /// Its fields and the rules for their values.
    pub schema: FieldSchema,
    /// Its sensitive words, and where they are searched.
    pub word_filter: WordFilter,
    pub(crate) kicked_admins: BTreeMap<UserId, UnixSeconds>,
    pub(crate) cells: Arc<AppCells>,
    /// The cache of UserSigs that were verified with these settings.
    pub verified: VerifiedSigs,
    /// The status of its webhook, and the signals to its worker. Kept when the settings change.
    pub delivery: Arc<Delivery>,
    /// The counters of its calls. Kept when the settings change.
    pub usage: Arc<Usage>,
    /// The last use of each key. Kept when the settings change.
    pub key_uses: KeyUses,
}

impl App {
    /// Builds an app; counters, frequency cells and webhook status are taken over from the app before the change.
    fn new(record: AppRecord, previous: Option<&Self>) -> Self {
        let AppRecord { mut settings, revision, kicked_admins } = record;
        if let Some(previous) = previous
            && previous.settings.words == settings.words
        {
            settings.words = previous.settings.words.clone();
        }
        let word_filter = WordFilter::new(settings.words.clone(), settings.screened_tags.clone());
        let (schema, verified) = (FieldSchema::of(&settings), VerifiedSigs::default());
        let cells = previous.map(|app| Arc::clone(&app.cells)).unwrap_or_default();
        let delivery = previous.map(|app| Arc::clone(&app.delivery)).unwrap_or_default();
        let usage = previous.map(|app| Arc::clone(&app.usage)).unwrap_or_default();
        let known_keys = previous.map(|app| (app.settings.keys.as_slice(), &app.key_uses));
        let key_uses = KeyUses::new(&settings.keys, known_keys);
        Self {
            settings,
            revision,
            schema,
            word_filter,
            kicked_admins,
            cells,
            verified,
            delivery,
            usage,
            key_uses,
        }
    }

    fn webhook_target(&self) -> WebhookTarget {
        WebhookTarget { webhook: self.settings.webhook.clone(), delivery: Arc::clone(&self.delivery) }
    }

    /// Whether the app's `allow_ips` allows an address.
    pub(crate) fn allows_ip(&self, address: IpAddr) -> bool {
        let allow_ips = &self.settings.allow_ips;
        allow_ips.is_empty() || allow_ips.iter().any(|network| network.contains(&address.to_canonical()))
    }
}

type Apps = HashMap<SdkAppId, Arc<App>>;

/// All apps of the server.
pub struct Registry {
    store: Arc<dyn Store>,
    apps: ArcSwap<Apps>,
    /// Held by a reload, so that an older catalog never replaces a newer one.
    reloading: AsyncMutex<()>,
    /// The apps' webhooks, for the deliverer.
    webhook_targets: watch::Sender<WebhookTargets>,
    /// Earlier settings; those that no call uses any more are removed at the next reload.
    superseded: Mutex<Vec<Weak<App>>>,
    /// The counters of calls without an app.
    pub appless_usage: Usage,
    /// How many processes share the store; each allows its part of the frequency limits.
    pub nodes: AtomicU32,
}

impl Registry {
    /// Returns a registry with the store's catalog.
    pub async fn load(store: Arc<dyn Store>) -> Result<Self, StoreError> {
        let registry = Self {
            store,
            apps: ArcSwap::default(),
            reloading: AsyncMutex::default(),
            webhook_targets: watch::Sender::default(),
            superseded: Mutex::default(),
            appless_usage: Usage::default(),
            nodes: AtomicU32::new(1),
        };
        registry.read(false).await?;
        Ok(registry)
    }

    /// Makes what is searched for the words of every app; blocks for some 0.1 s for each full list. Until then, the first call
    /// that needs it does so.
    pub fn prepare_words(&self) {
        for app in self.all() {
            app.settings.words.prepare();
        }
    }

    /// Returns the bytes after normalisation of the words of all other apps, those that several apps share once.
    pub fn words_bytes_without(&self, id: SdkAppId) -> usize {
        let apps = self.all();
        let mut lists: Vec<_> = Vec::new();
        for app in apps.iter().filter(|app| app.settings.id != id && !app.settings.words.is_empty()) {
            let words = &app.settings.words;
            if !lists.iter().any(|list: &&Words| list.is_shared_with(words)) {
                lists.push(words);
            }
        }
        lists.into_iter().map(Words::normalised_bytes).sum()
    }

    /// Returns the app with this SDKAppID.
    pub fn app(&self, id: SdkAppId) -> Option<Arc<App>> {
        self.apps.load().get(&id).cloned()
    }

    /// Returns every app by SDKAppID.
    pub fn all(&self) -> Vec<Arc<App>> {
        let mut apps: Vec<_> = self.apps.load().values().cloned().collect();
        apps.sort_by_key(|app| app.settings.id);
        apps
    }

    /// Returns the keys of every app, for the diagnosis of a UserSig.
    pub fn keys(&self) -> Vec<(SdkAppId, AppKey)> {
        let of_app = |app: &Arc<App>| {
            let keys = app.settings.keys.iter();
            keys.map(|record| (app.settings.id, record.key.clone())).collect::<Vec<_>>()
        };
        self.all().iter().flat_map(of_app).collect()
    }

    /// Returns the apps' webhooks, which change with every reload.
    pub fn webhook_targets(&self) -> watch::Receiver<WebhookTargets> {
        self.webhook_targets.subscribe()
    }

    /// Returns the app's earlier settings that calls still use.
    pub fn superseded(&self, id: SdkAppId) -> Vec<Weak<App>> {
        let superseded = self.superseded.lock().unwrap_or_else(PoisonError::into_inner);
        let of_app = |app: &&Weak<App>| app.upgrade().is_some_and(|app| app.settings.id == id);
        superseded.iter().filter(of_app).cloned().collect()
    }

    /// Returns whether calls still use earlier settings of any app.
    pub fn is_draining(&self) -> bool {
        let superseded = self.superseded.lock().unwrap_or_else(PoisonError::into_inner);
        superseded.iter().any(|app| app.strong_count() > 0)
    }

    /// Puts a stored kick into effect if the account is an admin, whose kicks are read from the snapshot alone.
    pub(crate) async fn apply_kick(&self, id: SdkAppId, user: UserId) -> Result<(), StoreError> {
        // A reload in progress may have read the catalog before the kick, and may be about to make the account an admin.
        drop(self.reloading.lock().await);
        match self.app(id) {
            Some(app) if app.settings.is_admin(user.as_str()) => self.reload().await,
            _ => Ok(()),
        }
    }

    /// Reads the catalog again. An app whose settings did not change is kept as it is.
    pub async fn reload(&self) -> Result<(), StoreError> {
        self.read(true).await
    }

    /// `prepared`: whether what is searched for changed words is made before they are in force.
    async fn read(&self, prepared: bool) -> Result<(), StoreError> {
        let _one_at_a_time = self.reloading.lock().await;
        let (store, old) = (Arc::clone(&self.store), self.apps.load_full());
        let previous = Arc::clone(&old);
        // Reading and sorting 100,000 words takes long, so it must not run on a thread that answers calls.
        let reading = spawn_blocking(move || {
            let records = block_on(store.catalog())?;
            let apps: Apps = records.into_iter().map(|record| app_from_record(&previous, record)).collect();
            if prepared {
                for app in apps.values() {
                    app.settings.words.prepare();
                }
            }
            Ok::<_, StoreError>(apps)
        });
        let apps = reading.await.map_err(|error| {
            StoreError::Unavailable(bilingual!("the reload failed: {error}", "重新加载失败：{error}"))
        })??;
        let replaced =
            old.values().filter(|app| apps.get(&app.settings.id).is_none_or(|new| !Arc::ptr_eq(app, new)));
        let replaced: Vec<Weak<App>> = replaced.map(Arc::downgrade).collect();
        let targets = apps.iter().map(|(id, app)| (*id, app.webhook_target())).collect();
        self.apps.store(Arc::new(apps));
        drop(old);
        let mut superseded = self.superseded.lock().unwrap_or_else(PoisonError::into_inner);
        superseded.retain(|app| app.strong_count() > 0);
        superseded.extend(replaced);
        drop(superseded);
        self.webhook_targets.send_replace(Arc::new(targets));
        Ok(())
    }
}

/// Returns the stored app; the previous one when nothing changed.
fn app_from_record(previous: &Apps, record: AppRecord) -> (SdkAppId, Arc<App>) {
    let id = record.settings.id;
    let previous = previous.get(&id);
    let unchanged =
        |app: &&Arc<App>| app.revision == record.revision && app.kicked_admins == record.kicked_admins;
    if let Some(app) = previous.filter(unchanged) {
        return (id, Arc::clone(app));
    }
    (id, Arc::new(App::new(record, previous.map(Arc::as_ref))))
}

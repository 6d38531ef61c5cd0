//! The apps, ready for use: one snapshot that changes as a whole. A call loads it once and sees no half change.

use crate::call_counts::Usage;
use crate::rate_limit::AppCells;
use crate::sig_cache::VerifiedSigs;
use crate::sync::{ArcSwap, AsyncMutex, Mutex, block_on, spawn_blocking};
use portraitd_model::{
    AppError, AppRecord, AppSettings, FieldSchema, SdkAppId, UnixSeconds, UserId, WordFilter,
};
use portraitd_store::{Store, StoreError};
use portraitd_webhook::status::Delivery;
use portraitd_webhook::target::{WebhookTarget, WebhookTargets};
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, Weak};
use tokio::sync::watch;

/// One app, with everything derived from its settings.
#[derive(Debug)]
pub struct App {
    /// Its settings, as they are stored.
    pub settings: AppSettings,
    /// The revision of the settings; every change that is stored raises it.
    pub revision: u64,
    /// Its fields, and what their values must be like.
    pub schema: FieldSchema,
    /// Its forbidden words, prepared for searching.
    pub word_filter: WordFilter,
    pub(crate) kicked_admins: BTreeMap<UserId, UnixSeconds>,
    pub(crate) cells: Arc<AppCells>,
    /// UserSigs that were verified with these settings.
    pub verified: VerifiedSigs,
    /// What is counted of its webhook, and what wakes the webhook's worker. Lives on when the settings change.
    pub delivery: Arc<Delivery>,
    /// Its calls. Lives on when the settings change.
    pub usage: Arc<Usage>,
}

impl App {
    /// What is counted and remembered of an app lives on when its settings change.
    fn new(record: AppRecord, known: Option<&Self>) -> Result<Self, AppError> {
        let AppRecord { settings, revision, kicked_admins } = record;
        let screened = settings.screened_tags.clone();
        let word_filter = match known {
            Some(known) if known.settings.words == settings.words => known.word_filter.with_fields(screened),
            _ => WordFilter::new(&settings.words, screened)?,
        };
        let (schema, verified) = (FieldSchema::of(&settings), VerifiedSigs::default());
        let cells = known.map(|app| Arc::clone(&app.cells)).unwrap_or_default();
        let delivery = known.map(|app| Arc::clone(&app.delivery)).unwrap_or_default();
        let usage = known.map(|app| Arc::clone(&app.usage)).unwrap_or_default();
        Ok(Self { settings, revision, schema, word_filter, kicked_admins, cells, verified, delivery, usage })
    }

    fn webhook_target(&self) -> WebhookTarget {
        WebhookTarget { webhook: self.settings.webhook.clone(), delivery: Arc::clone(&self.delivery) }
    }

    /// Whether the app takes calls from an address.
    pub(crate) fn allows_ip(&self, address: IpAddr) -> bool {
        let allow_ips = &self.settings.allow_ips;
        allow_ips.is_empty() || allow_ips.iter().any(|network| network.contains(&address.to_canonical()))
    }
}

type Apps = HashMap<SdkAppId, Arc<App>>;

/// Every app of the server.
pub struct Registry {
    store: Arc<dyn Store>,
    apps: ArcSwap<Apps>,
    /// One reload at a time, so that an older catalogue never replaces a newer one.
    reloading: AsyncMutex<()>,
    /// What webhooks are told of the apps.
    webhook_targets: watch::Sender<WebhookTargets>,
    /// Earlier settings; those that nobody works with any more are let go at the next reload.
    superseded: Mutex<Vec<Weak<App>>>,
    /// Calls that belong to no app.
    pub unclaimed: Usage,
}

impl Registry {
    /// Reads the store's catalogue.
    pub async fn load(store: Arc<dyn Store>) -> Result<Self, StoreError> {
        let registry = Self {
            store,
            apps: ArcSwap::default(),
            reloading: AsyncMutex::default(),
            webhook_targets: watch::Sender::default(),
            superseded: Mutex::default(),
            unclaimed: Usage::default(),
        };
        registry.reload().await?;
        Ok(registry)
    }

    /// The app with this number.
    pub fn app(&self, id: SdkAppId) -> Option<Arc<App>> {
        self.apps.load().get(&id).cloned()
    }

    /// Every app, in the order of their numbers.
    pub fn all(&self) -> Vec<Arc<App>> {
        let mut apps: Vec<_> = self.apps.load().values().cloned().collect();
        apps.sort_by_key(|app| app.settings.id);
        apps
    }

    /// What webhooks are told of the apps; new after every reload.
    pub fn webhook_targets(&self) -> watch::Receiver<WebhookTargets> {
        self.webhook_targets.subscribe()
    }

    /// The app's earlier settings that some call still works with.
    pub fn superseded(&self, id: SdkAppId) -> Vec<Weak<App>> {
        let superseded = self.superseded.lock().unwrap_or_else(PoisonError::into_inner);
        let of_app = |app: &&Weak<App>| app.upgrade().is_some_and(|app| app.settings.id == id);
        superseded.iter().filter(of_app).cloned().collect()
    }

    /// After a kick was stored: puts it into force when the account is an admin's, which the snapshot alone answers for.
    pub(crate) async fn kicked(&self, id: SdkAppId, user: UserId) -> Result<(), StoreError> {
        // A reload under way may have read the catalogue before the kick, and may be about to make the account an admin's.
        drop(self.reloading.lock().await);
        match self.app(id) {
            Some(app) if app.settings.is_admin(user.as_str()) => self.reload().await,
            _ => Ok(()),
        }
    }

    /// Reads the catalogue again. An app whose settings did not change is kept as it is.
    pub async fn reload(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.reloading.lock().await;
        let (store, old) = (Arc::clone(&self.store), self.apps.load_full());
        let known = Arc::clone(&old);
        // Reading and preparing 100,000 words takes its time: not on a thread that answers calls.
        let reading = spawn_blocking(move || {
            let records = block_on(store.catalog())?;
            records.into_iter().map(|record| renewed(&known, record)).collect::<Result<Apps, _>>()
        });
        let apps = reading
            .await
            .map_err(|error| StoreError::Unavailable(format!("the reload ended badly: {error}")))??;
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

/// An app as it is stored now; the one that is known, when nothing changed.
fn renewed(known: &Apps, record: AppRecord) -> Result<(SdkAppId, Arc<App>), StoreError> {
    let id = record.settings.id;
    let known = known.get(&id);
    let unchanged =
        |app: &&Arc<App>| app.revision == record.revision && app.kicked_admins == record.kicked_admins;
    if let Some(app) = known.filter(unchanged) {
        return Ok((id, Arc::clone(app)));
    }
    let app = App::new(record, known.map(Arc::as_ref));
    Ok((id, Arc::new(app.map_err(|why| StoreError::Corrupt(format!("app {id}: {why}")))?)))
}

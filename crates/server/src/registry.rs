//! The apps, ready for use: one snapshot that changes as a whole. A call loads it once and sees no half change.

use crate::limit::AppCells;
use crate::usage::Usage;
use crate::verified::VerifiedSigs;
use crate::webhook::Delivery;
use arc_swap::ArcSwap;
use portrait_model::{AppError, AppRecord, AppSettings, FieldSchema, Lexicon, SdkAppId, UnixSeconds, UserId};
use portrait_store::{Store, StoreError};
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::watch;

/// One app, with everything derived from its settings.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) settings: AppSettings,
    pub(crate) revision: u64,
    pub(crate) schema: FieldSchema,
    pub(crate) lexicon: Lexicon,
    pub(crate) kicked_admins: BTreeMap<UserId, UnixSeconds>,
    pub(crate) cells: Arc<AppCells>,
    pub(crate) verified: VerifiedSigs,
    pub(crate) delivery: Arc<Delivery>,
    pub(crate) usage: Arc<Usage>,
}

impl App {
    /// What is counted and remembered of an app lives on when its settings change.
    fn new(record: AppRecord, known: Option<&Self>) -> Result<Self, AppError> {
        let AppRecord { settings, revision, kicked_admins } = record;
        let lexicon = Lexicon::new(&settings.words, settings.screened_tags.clone())?;
        let (schema, verified) = (FieldSchema::of(&settings), VerifiedSigs::default());
        let cells = known.map(|app| Arc::clone(&app.cells)).unwrap_or_default();
        let delivery = known.map(|app| Arc::clone(&app.delivery)).unwrap_or_default();
        let usage = known.map(|app| Arc::clone(&app.usage)).unwrap_or_default();
        Ok(Self { settings, revision, schema, lexicon, kicked_admins, cells, verified, delivery, usage })
    }

    /// Whether the app takes calls from an address.
    pub(crate) fn allows_ip(&self, address: IpAddr) -> bool {
        let allow_ips = &self.settings.allow_ips;
        allow_ips.is_empty() || allow_ips.iter().any(|network| network.contains(&address.to_canonical()))
    }
}

type Apps = HashMap<SdkAppId, Arc<App>>;

/// Every app of the server.
pub(crate) struct Registry {
    store: Arc<dyn Store>,
    apps: ArcSwap<Apps>,
    /// One reload at a time, so that an older catalogue never replaces a newer one.
    reloading: tokio::sync::Mutex<()>,
    changes: watch::Sender<()>,
    /// Calls that belong to no app.
    pub(crate) unclaimed: Usage,
}

impl Registry {
    /// Reads the store's catalogue.
    pub(crate) async fn load(store: Arc<dyn Store>) -> Result<Self, StoreError> {
        let registry = Self {
            store,
            apps: ArcSwap::default(),
            reloading: tokio::sync::Mutex::default(),
            changes: watch::Sender::default(),
            unclaimed: Usage::default(),
        };
        registry.reload().await?;
        Ok(registry)
    }

    /// The app with this number.
    pub(crate) fn app(&self, id: SdkAppId) -> Option<Arc<App>> {
        self.apps.load().get(&id).cloned()
    }

    /// Every app, in the order of their numbers.
    pub(crate) fn all(&self) -> Vec<Arc<App>> {
        let mut apps: Vec<_> = self.apps.load().values().cloned().collect();
        apps.sort_by_key(|app| app.settings.id);
        apps
    }

    /// Tells of every reload.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Reads the catalogue again. An app whose settings did not change is kept as it is.
    pub(crate) async fn reload(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.reloading.lock().await;
        let records = self.store.catalog().await?;
        let old = self.apps.load_full();
        let mut apps = Apps::with_capacity(records.len());
        for record in records {
            let id = record.settings.id;
            let app = match old.get(&id) {
                Some(app) if app.revision == record.revision && app.kicked_admins == record.kicked_admins => {
                    Arc::clone(app)
                }
                known => {
                    let app = App::new(record, known.map(Arc::as_ref))
                        .map_err(|why| StoreError::Corrupt(format!("app {id}: {why}")))?;
                    Arc::new(app)
                }
            };
            apps.insert(id, app);
        }
        self.apps.store(Arc::new(apps));
        self.changes.send_replace(());
        Ok(())
    }
}

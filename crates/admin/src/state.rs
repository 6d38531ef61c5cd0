//! The state that the handlers of the admin API share. Every change is made through it: validated, stored in one commit
//! with its audit log entry, and effective before the response.

use crate::audit_log::{AuditChange, AuditContext, OUTCOME_DONE};
use crate::auth::Authenticator;
use crate::call_target::CallTarget;
use crate::error::AdminError;
use crate::error_code::AdminCode;
use crate::jobs::{Jobs, RunningJob};
use crate::log_control::LogControl;
use crate::parse_problem;
use crate::readiness::Readiness;
use crate::series::{MetricsPage, Series};
use crate::settings_diff;
use crate::trial_store::TrialStore;
use axum::Json;
use axum::http::StatusCode;
use portraitd_api::registry::{App, Registry};
use portraitd_model::{AppSettings, Bilingual, Clock, Origin, SdkAppId, UnixMillis, bilingual};
use portraitd_store::{AuditNote, BackupReport, NoteOnly, PutApp, Store, StoreError, StoreId, TypedWrite};
use portraitd_webhook::deliverer::Webhooks;
use portraitd_webhook::event_ids::EventIds;
use serde::de::DeserializeOwned;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::Mutex;

/// The author of an operator's change in webhook events.
const OPERATOR: &str = "operator";

/// The parts of a running server that the admin API uses.
#[derive(Clone)]
pub struct RunningServer {
    /// The deliverer of every app's webhook.
    pub webhooks: Arc<Webhooks>,
    /// Renders the response of `/metrics`.
    pub metrics: MetricsPage,
    /// The past of the metrics.
    pub series: Arc<Series>,
    /// What is logged.
    pub log: Arc<dyn LogControl>,
    /// A URL of the public API.
    pub public_url: Option<String>,
    /// Where the console's tried calls go.
    pub calls: CallTarget,
    /// When it started, since when calls and the uses of keys and tokens are counted.
    pub started: UnixMillis,
}

/// The state that the handlers of the admin API share.
#[derive(Clone)]
pub struct State {
    pub(super) store: Arc<dyn Store>,
    /// The apps with their current settings.
    pub registry: Arc<Registry>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) event_ids: Arc<EventIds>,
    /// `None` at the command line of a stopped server.
    pub(super) running: Option<RunningServer>,
    pub(super) authenticator: Authenticator,
    pub(super) readiness: Arc<Readiness>,
    pub(super) jobs: Arc<Jobs>,
    /// Whether changes are tried and not made.
    is_trial: bool,
    /// Whether a new key may be short.
    pub(super) takes_weak_keys: bool,
    /// Held while sensitive words change, so that two changes can't exceed the limit of all lists together.
    pub(super) changing_words: Arc<Mutex<()>>,
}

impl State {
    /// Returns the state of a router. `running` is `None` at the command line of a stopped server.
    pub fn new(
        store: Arc<dyn Store>,
        registry: Arc<Registry>,
        clock: Arc<dyn Clock>,
        event_ids: Arc<EventIds>,
        running: Option<RunningServer>,
        authenticator: Authenticator,
    ) -> Self {
        let (readiness, jobs, changing_words) = (Arc::default(), Arc::default(), Arc::default());
        let (is_trial, takes_weak_keys) = (false, false);
        Self {
            store,
            registry,
            clock,
            event_ids,
            running,
            authenticator,
            readiness,
            jobs,
            is_trial,
            takes_weak_keys,
            changing_words,
        }
    }

    /// Returns the state of an emulator, which protects nothing: tests give it short keys.
    #[must_use]
    pub fn with_weak_keys(self) -> Self {
        Self { takes_weak_keys: true, ..self }
    }

    /// Returns a state of its own, with the apps as they are now: what is changed through it is forgotten when it is dropped.
    pub(super) async fn trial(&self) -> Result<Self, AdminError> {
        let trial = TrialStore::of(Arc::clone(&self.store), &self.registry).await?;
        let store: Arc<dyn Store> = Arc::new(trial);
        let registry = Arc::new(Registry::load(Arc::clone(&store)).await?);
        let changing_words = Arc::default();
        Ok(Self { store, registry, changing_words, is_trial: true, ..self.clone() })
    }

    /// Begins the job of a backup that is taken on a schedule, and returns what reports its progress. `place` is where it will
    /// stand, as `portraitd restore` takes it; 409 while another one runs. It is no call of an operator, so the audit log does not
    /// have it.
    pub fn begin_backup(&self, place: &Path) -> Result<(RunningJob, BackupReport), AdminError> {
        self.jobs.begin(place, &self.clock)
    }

    /// Returns when the server started, in Unix milliseconds; `None` at the command line of a stopped server.
    pub(super) fn started_ms(&self) -> Option<u64> {
        self.running.as_ref().map(|running| running.started.0)
    }

    /// Returns the origin of an operator's change, for the webhook events of this number of accounts; `None` when the app
    /// has no webhook.
    pub(super) fn origin(&self, app: &App, context: &AuditContext, accounts: usize) -> Option<Origin> {
        self.event_ids.origin(&app.settings, OPERATOR, context.client_address(), accounts)
    }

    /// Returns the app with this SDKAppID; 400 when it is not a number, 404 when there is no such app.
    pub(super) fn app(&self, id: &str) -> Result<Arc<App>, AdminError> {
        let id: u32 = id.parse().map_err(|_| AdminError::no_sdkappid(id))?;
        self.registry.app(SdkAppId(id)).ok_or_else(|| AdminError::no_such_app(id))
    }

    /// Refuses a call that is meant for another store (409). Between the calls of one import, another server may have
    /// started at the same address.
    pub(super) fn ensure_store(&self, expected: Option<&str>) -> Result<(), AdminError> {
        let Some(expected) = expected else { return Ok(()) };
        let actual = self.store.id();
        let expected: StoreId = expected.parse().map_err(|_| {
            AdminError::invalid(bilingual!(
                "store: `{expected}` is not a store's id, which has 32 hexadecimal digits",
                "store：`{expected}` 不是存储的 ID，应为 32 位十六进制字符"
            ))
        })?;
        if expected == actual {
            return Ok(());
        }
        Err(AdminError::new(
            AdminCode::OtherStore,
            bilingual!(
                "the call names the store {expected}, but this server's store is {actual}; nothing was done",
                "请求指明的存储为 {expected}，而此服务的存储为 {actual}；未作任何更改"
            ),
        ))
    }

    /// Changes an app's settings: validates the result, stores it with its audit log entry, and makes it effective before
    /// it returns. After a concurrent change, the edit is applied again to the newer settings.
    pub(super) async fn change_settings<T: Send + 'static>(
        &self,
        id: &str,
        context: &AuditContext,
        edit: impl Fn(&mut AppSettings) -> Result<T, AdminError> + Send + Sync + 'static,
    ) -> Result<T, AdminError> {
        const ATTEMPTS: usize = 5;
        let edit = Arc::new(edit);
        for _ in 0..ATTEMPTS {
            let (app, edit) = (self.app(id)?, Arc::clone(&edit));
            let (id, expected) = (app.settings.id, Some(app.revision));
            // Comparing 100,000 words takes milliseconds, which must not delay other calls on this thread.
            let (settings, output, change) = run_blocking(move || {
                let mut settings = app.settings.clone();
                let output = edit(&mut settings)?;
                settings.validate()?;
                let change = settings_diff::diff(Some(&app.settings), &settings);
                Ok((Box::new(settings), output, change))
            })
            .await?;
            match self.write_audited(context, Some(id), PutApp { settings, expected }, change).await {
                Err(StoreError::Conflict) => self.registry.reload().await?,
                stored => {
                    stored?;
                    self.reload_settings(id).await?;
                    return Ok(output);
                }
            }
        }
        Err(AdminError::new(
            AdminCode::ChangedMeanwhile,
            bilingual!(
                "other calls changed this app's settings at the same time, five times in a row; try again",
                "其他请求同时修改了此应用的设置（连续五次），请重试"
            ),
        ))
    }

    /// Stores a new app; [`StoreError::Conflict`] when its SDKAppID is taken.
    pub(super) async fn create_app(
        &self,
        settings: AppSettings,
        context: &AuditContext,
    ) -> Result<(), StoreError> {
        let (id, change) = (settings.id, settings_diff::diff(None, &settings));
        let write = PutApp { settings: Box::new(settings), expected: None };
        self.write_audited(context, Some(id), write, change).await?;
        self.reload_settings(id).await
    }

    async fn reload_settings(&self, id: SdkAppId) -> Result<(), StoreError> {
        self.registry.reload().await?;
        if !self.is_trial {
            tracing::info!(sdkappid = id.0, "app settings changed");
        }
        Ok(())
    }

    /// Performs a write and records it in the audit log, in one commit.
    pub(super) async fn write_audited<W: TypedWrite>(
        &self,
        context: &AuditContext,
        app: Option<SdkAppId>,
        write: W,
        change: AuditChange,
    ) -> Result<W::Output, StoreError> {
        let text = serde_json::to_string(&context.entry(OUTCOME_DONE.to_owned(), change));
        let text = text.map_err(|error| StoreError::Corrupt(Bilingual::quoted(error)))?;
        self.store.perform(write, Some(AuditNote { app, at: self.clock.now(), text })).await
    }

    /// Records an action that writes nothing else to the store, such as a backup.
    pub(super) async fn write_audit_entry(
        &self,
        context: &AuditContext,
        app: Option<SdkAppId>,
        change: AuditChange,
    ) -> Result<(), AdminError> {
        Ok(self.write_audited(context, app, NoteOnly, change).await?)
    }

    /// Records that a change was refused: its HTTP status alone, since the body may hold secrets.
    pub(super) async fn audit_refusal(&self, context: &AuditContext, status: StatusCode) {
        if context.is_read_only() || !(status.is_client_error() || status.is_server_error()) {
            return;
        }
        let entry = context.entry(format!("refused: {}", status.as_u16()), AuditChange::default());
        let Ok(text) = serde_json::to_string(&entry) else { return };
        let note = AuditNote { app: context.app_in_path(), at: self.clock.now(), text };
        if let Err(error) = self.store.perform(NoteOnly, Some(note)).await {
            tracing::warn!(%error, "a refused admin call could not be recorded in the audit log");
        }
    }
}

/// Runs CPU-bound work on a thread that answers no calls.
pub(super) async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AdminError> + Send + 'static,
) -> Result<T, AdminError> {
    let joined = tokio::task::spawn_blocking(work).await;
    joined.map_err(|error| {
        StoreError::Unavailable(bilingual!("a background task failed: {error}", "后台任务出错：{error}"))
    })?
}

/// A handler's result: the JSON of its response, or an error.
pub type AdminResult<T> = Result<Json<T>, AdminError>;

/// Parses a JSON body; an empty one counts as `{}`. An unknown member is an error that names it.
pub fn parse_body<T: DeserializeOwned>(body: &[u8]) -> Result<T, AdminError> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| {
        AdminError::invalid(
            parse_problem::of_json(&error).after("the body can't be used: ", "包体无法使用："),
        )
    })
}

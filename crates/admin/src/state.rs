//! What every handler of the admin API works on. A change goes through here alone: validated whole, stored with its
//! entry of the audit log in one commit, and in force before the answer.

use crate::audit_log::{AuditContext, Changed, DONE};
use crate::auth::Authenticator;
use crate::error::AdminError;
use crate::readiness::Readiness;
use crate::settings_diff;
use axum::Json;
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use portraitd_api::registry::{App, Registry};
use portraitd_model::{AppSettings, Clock, Origin, SdkAppId};
use portraitd_store::{AuditNote, NoteOnly, PutApp, Store, StoreError, StoreId, TypedWrite};
use portraitd_webhook::deliverer::Webhooks;
use portraitd_webhook::event_ids::EventIds;
use serde::de::DeserializeOwned;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// The author of an operator's change, as webhooks tell it.
const OPERATOR: &str = "operator";

/// From where an admin call comes.
#[derive(Clone, Copy)]
pub struct Peer(pub IpAddr);

/// Makes the metrics page, in the `OpenMetrics` text format.
pub(crate) type MetricsPage = Arc<dyn Fn() -> BoxFuture<'static, Result<String, fmt::Error>> + Send + Sync>;

/// What there is only where a server runs.
#[derive(Clone)]
pub struct Running {
    /// The deliverer of every app's webhook.
    pub webhooks: Arc<Webhooks>,
    /// Makes the page that `/metrics` answers.
    pub metrics: MetricsPage,
}

/// What the admin API works on.
#[derive(Clone)]
pub struct State {
    pub(super) store: Arc<dyn Store>,
    /// The settings in force.
    pub registry: Arc<Registry>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) event_ids: Arc<EventIds>,
    /// `None` at the command line of a stopped server.
    pub(super) running: Option<Running>,
    pub(super) authenticator: Authenticator,
    pub(super) readiness: Arc<Readiness>,
}

impl State {
    /// Puts together what handlers need. `running` is `None` at the command line of a stopped server.
    pub fn new(
        store: Arc<dyn Store>,
        registry: Arc<Registry>,
        clock: Arc<dyn Clock>,
        event_ids: Arc<EventIds>,
        running: Option<Running>,
        authenticator: Authenticator,
    ) -> Self {
        Self { store, registry, clock, event_ids, running, authenticator, readiness: Arc::default() }
    }

    /// Where an operator's change of so many accounts comes from; `None` when the app has no webhook to tell.
    pub(super) fn origin(&self, app: &App, context: &AuditContext, accounts: usize) -> Option<Origin> {
        self.event_ids.origin(&app.settings, OPERATOR, context.address(), accounts)
    }

    pub(super) fn app(&self, id: &str) -> Result<Arc<App>, AdminError> {
        let id: u32 = id
            .parse()
            .map_err(|_| AdminError::bad(format!("`{id}` is not an SDKAppID: it must be a number")))?;
        self.registry.app(SdkAppId(id)).ok_or_else(|| AdminError::not_found(format!("there is no app {id}")))
    }

    /// Refuses a call that is meant for another store: behind the same address may be another server since the call
    /// before.
    pub(super) fn ensure_store(&self, meant: Option<&str>) -> Result<(), AdminError> {
        let Some(meant) = meant else { return Ok(()) };
        let here = self.store.id();
        let meant: StoreId = meant
            .parse()
            .map_err(|_| AdminError::bad(format!("`{meant}` is no store's id: write 32 hex digits")))?;
        if meant == here {
            return Ok(());
        }
        Err(AdminError::conflict(format!(
            "the call is for the store {meant}, and this server's store is {here}: nothing was done"
        )))
    }

    /// Changes an app's settings: validated whole, stored with who did it, and in force before this returns. When
    /// someone else changes them at the same time, the change is made again on the newer ones.
    pub(super) async fn change<T: Send + 'static>(
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
            // With 100,000 words even a comparison takes its time: not on a thread that answers calls.
            let (settings, outcome, changed) = blocking(move || {
                let mut settings = app.settings.clone();
                let outcome = edit(&mut settings)?;
                settings.validate()?;
                let changed = settings_diff::settings(Some(&app.settings), &settings);
                Ok((Box::new(settings), outcome, changed))
            })
            .await?;
            match self.write_audited(context, Some(id), PutApp { settings, expected }, changed).await {
                Err(StoreError::Conflict) => self.registry.reload().await?,
                stored => {
                    stored?;
                    self.in_force(id).await?;
                    return Ok(outcome);
                }
            }
        }
        Err(AdminError::conflict("the settings keep changing; try again"))
    }

    /// Stores the settings of a new app.
    pub(super) async fn create(
        &self,
        settings: AppSettings,
        context: &AuditContext,
    ) -> Result<(), StoreError> {
        let (id, changed) = (settings.id, settings_diff::settings(None, &settings));
        let write = PutApp { settings: Box::new(settings), expected: None };
        self.write_audited(context, Some(id), write, changed).await?;
        self.in_force(id).await
    }

    async fn in_force(&self, id: SdkAppId) -> Result<(), StoreError> {
        self.registry.reload().await?;
        tracing::info!(sdkappid = id.0, "app settings changed");
        Ok(())
    }

    /// Writes, and writes it down in the same unit.
    pub(super) async fn write_audited<W: TypedWrite>(
        &self,
        context: &AuditContext,
        app: Option<SdkAppId>,
        write: W,
        changed: Changed,
    ) -> Result<W::Output, StoreError> {
        let text = serde_json::to_string(&context.entry(DONE.to_owned(), changed));
        let text = text.map_err(|error| StoreError::Corrupt(error.to_string()))?;
        self.store.perform(write, Some(AuditNote { app, at: self.clock.now(), text })).await
    }

    /// Writes down what is no change of the store.
    pub(super) async fn audit(
        &self,
        context: &AuditContext,
        app: Option<SdkAppId>,
        changed: Changed,
    ) -> Result<(), AdminError> {
        Ok(self.write_audited(context, app, NoteOnly, changed).await?)
    }

    /// Writes down that a change was refused; nothing but the status, since a body may hold secrets.
    pub(super) async fn audit_refusal(&self, context: &AuditContext, status: StatusCode) {
        if context.reads() || !(status.is_client_error() || status.is_server_error()) {
            return;
        }
        let entry = context.entry(format!("refused: {}", status.as_u16()), Changed::default());
        let Ok(text) = serde_json::to_string(&entry) else { return };
        let note = AuditNote { app: context.app(), at: self.clock.now(), text };
        if let Err(error) = self.store.perform(NoteOnly, Some(note)).await {
            tracing::warn!(%error, "a refused admin call could not be written down");
        }
    }
}

/// Works where it keeps no call waiting.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AdminError> + Send + 'static,
) -> Result<T, AdminError> {
    let worked = tokio::task::spawn_blocking(work).await;
    worked.map_err(|error| StoreError::Unavailable(format!("the work ended badly: {error}")))?
}

/// What a handler answers: JSON, or an error.
pub type Answer<T> = Result<Json<T>, AdminError>;

/// Reads a JSON body; a member that does not exist is an error that names it.
pub fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, AdminError> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| AdminError::bad(format!("the body can't be used: {error}")))
}

//! The calls of the protocol, one file each: [`execute`] answers one, [`describe`] says what its documentation says.

mod account_check;
mod account_delete;
mod account_import;
mod kick;
mod multiaccount_import;
mod portrait_get;
mod portrait_set;
mod user_list;

use crate::envelope::{Answer, ApiError};
use crate::large_reads::Beside;
use crate::openapi::operation::Describe;
use crate::registry::{App, Registry};
use portraitd_model::{AccountSeed, Clock, Command, ErrorCode, Origin, Role, Service, UserId};
use portraitd_store::{Store, StoreError};
use portraitd_webhook::deliverer::EventIds;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Answers a call whose caller was let in.
pub async fn execute(command: Command, context: CallContext<'_>, body: &[u8]) -> Result<Answer, ApiError> {
    match command {
        Command::PortraitSet => crate::endpoints::portrait_set::run(context, body).await,
        Command::PortraitGet => crate::endpoints::portrait_get::run(context, body).await,
        Command::AccountImport => crate::endpoints::account_import::run(context, body).await,
        Command::MultiaccountImport => crate::endpoints::multiaccount_import::run(context, body).await,
        Command::AccountCheck => crate::endpoints::account_check::run(context, body).await,
        Command::AccountDelete => crate::endpoints::account_delete::run(context, body).await,
        Command::Kick => crate::endpoints::kick::run(context, body).await,
    }
}

/// What the OpenAPI document says of a call.
pub(crate) fn describe(command: Command) -> Describe {
    match command {
        Command::PortraitSet => crate::endpoints::portrait_set::describe,
        Command::PortraitGet => crate::endpoints::portrait_get::describe,
        Command::AccountImport => crate::endpoints::account_import::describe,
        Command::MultiaccountImport => crate::endpoints::multiaccount_import::describe,
        Command::AccountCheck => crate::endpoints::account_check::describe,
        Command::AccountDelete => crate::endpoints::account_delete::describe,
        Command::Kick => crate::endpoints::kick::describe,
    }
}

/// Who calls. Only authentication makes one.
#[derive(Clone, Debug)]
pub struct Caller {
    pub identifier: String,
    pub role: Role,
    pub address: IpAddr,
}

/// What every call works with.
pub struct Services {
    pub store: Arc<dyn Store>,
    pub registry: Arc<Registry>,
    pub clock: Arc<dyn Clock>,
    pub event_ids: Arc<EventIds>,
    pub beside: Beside,
}

/// What one call works with.
pub struct CallContext<'a> {
    pub services: &'a Services,
    pub app: Arc<App>,
    pub caller: Caller,
    pub service: Service,
    /// Microseconds that the call spent on the store.
    pub store_micros: &'a AtomicU64,
}

/// How long the store may take. Below the answer's own limit, so that a slow store shows as what it is.
const STORE_TIMEOUT: Duration = Duration::from_millis(2500);

/// Waits for the store, not for ever; gives how many microseconds that took, too.
async fn timed<T>(work: impl Future<Output = Result<T, StoreError>>) -> (Result<T, StoreError>, u64) {
    let began = Instant::now();
    let outcome = within(work).await;
    (outcome, u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX))
}

/// Waits for the store, not for ever.
pub(crate) async fn within<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let late = |_| StoreError::Unavailable("it did not answer in time".into());
    tokio::time::timeout(STORE_TIMEOUT, work).await.map_err(late)?
}

impl CallContext<'_> {
    pub(crate) fn store(&self) -> &dyn Store {
        self.services.store.as_ref()
    }

    /// Waits for the store, not for ever, and measures how long.
    pub(crate) async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let (outcome, micros) = timed(work).await;
        self.waited(micros);
        outcome
    }

    /// So long the call spent on the store.
    fn waited(&self, micros: u64) {
        self.store_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Where a change of so many accounts comes from, when it is to be told to the app's webhook.
    pub(crate) fn origin(&self, accounts: usize) -> Option<Origin> {
        let Caller { identifier, address, .. } = &self.caller;
        self.services.event_ids.origin(&self.app.settings, identifier, *address, accounts)
    }

    /// Imports, and gives who is left out because of a deletion that the app's `reimport_after` still reaches.
    pub(crate) async fn import(&self, seeds: Vec<AccountSeed>) -> Result<Vec<UserId>, StoreError> {
        let (settings, at) = (&self.app.settings, self.services.clock.now());
        let (origin, after) = (self.origin(seeds.len()), settings.refused_if_deleted_after(at));
        let left_out = self.store().import_unless_deleted(settings.id, seeds, at, origin, after);
        let left_out = self.within(left_out).await?;
        self.tell();
        Ok(left_out)
    }

    /// There may be new events.
    pub(crate) fn tell(&self) {
        if self.app.settings.webhook.is_some() {
            self.app.delivery.news.notify_one();
        }
    }

    /// A store failure under the service's code.
    pub(crate) fn failed(&self, error: StoreError) -> ApiError {
        ApiError::store(self.service.internal(), error)
    }

    /// A user may only write what is their own.
    pub(crate) fn may_write_to(&self, user: &UserId) -> Result<(), ApiError> {
        match self.caller.role {
            Role::Admin | Role::Operator => Ok(()),
            Role::User if user.as_str() == self.caller.identifier => Ok(()),
            Role::User => Err(ApiError::new(self.service.admin_required())),
        }
    }
}

/// The most accounts in one call (contract, sections 5 and 7).
const ACCOUNTS_MAX: usize = 100;

/// A list of accounts for an account API: 70402 when it is absent, empty or too long.
fn bounded<T>(list: Option<Vec<T>>) -> Result<Vec<T>, ApiError> {
    let list = list.unwrap_or_default();
    if list.is_empty() || list.len() > ACCOUNTS_MAX {
        let (count, code) = (list.len(), ErrorCode::LoginBadParameter);
        let english = format!("the list of accounts holds {count} entries; 1 to {ACCOUNTS_MAX} are allowed");
        return Err(ApiError::said(
            code,
            english,
            format!("帐号列表含 {count} 项，允许 1 至 {ACCOUNTS_MAX} 项"),
        ));
    }
    Ok(list)
}

//! What a call works with: the services that all share, its app, its caller.

use crate::envelope::ApiError;
use crate::large_reads::LargeReads;
use crate::registry::{App, Registry};
use portraitd_model::{AccountSeed, Clock, ErrorCode, Origin, Role, Service, UserId};
use portraitd_store::{Store, StoreError};
use portraitd_webhook::event_ids::EventIds;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The caller of a command. Only authentication makes one.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The account that the UserSig was made for.
    pub identifier: String,
    /// What the caller may do.
    pub role: Role,
    /// Where the call comes from: behind a trusted proxy, the address that the proxy saw.
    pub address: IpAddr,
}

/// What every call works with.
pub struct Services {
    /// Accounts, profiles and apps.
    pub store: Arc<dyn Store>,
    /// The apps, ready for use.
    pub registry: Arc<Registry>,
    /// Says until when UserSigs count, when events happened and how often a call may come.
    pub clock: Arc<dyn Clock>,
    /// Names the events of changes.
    pub event_ids: Arc<EventIds>,
    /// The thread for large answers.
    pub large_reads: LargeReads,
}

/// What one call works with.
pub struct CallContext<'a> {
    /// What it shares with every other call.
    pub services: &'a Services,
    /// The app that is called, as it was when the call came.
    pub app: Arc<App>,
    /// The caller, who was let in.
    pub caller: Caller,
    /// The service that the command belongs to; it decides on the error codes.
    pub service: Service,
    /// Microseconds that the call spent on the store.
    pub store_micros: &'a AtomicU64,
}

/// How long the store may take. Below the answer's own limit, so that a slow store shows as what it is.
pub(crate) const STORE_TIMEOUT: Duration = Duration::from_millis(2500);

/// Waits for the store, not for ever; gives how many microseconds that took, too.
pub(crate) async fn timed<T>(
    work: impl Future<Output = Result<T, StoreError>>,
) -> (Result<T, StoreError>, u64) {
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
    pub(crate) fn waited(&self, micros: u64) {
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
            self.app.delivery.wake.notify_one();
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
pub(crate) const ACCOUNTS_MAX: usize = 100;

/// A list of accounts for an account API: 70402 when it is absent, empty or too long.
pub(crate) fn bounded<T>(list: Option<Vec<T>>) -> Result<Vec<T>, ApiError> {
    let list = list.unwrap_or_default();
    if list.is_empty() || list.len() > ACCOUNTS_MAX {
        let (count, code) = (list.len(), ErrorCode::LoginBadParameter);
        let english = format!("the list of accounts holds {count} entries; 1 to {ACCOUNTS_MAX} are allowed");
        return Err(ApiError::with_detail(
            code,
            english,
            format!("账号列表含 {count} 项，允许 1 至 {ACCOUNTS_MAX} 项"),
        ));
    }
    Ok(list)
}

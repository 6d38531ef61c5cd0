//! The context of a call: the services shared by all calls, its app and its caller.

use crate::envelope::ApiError;
use crate::json::missing;
use crate::large_reads::LargeReads;
use crate::registry::{App, Registry};
use crate::time_limit::within;
use portraitd_model::{AccountSeed, Clock, ErrorCode, Origin, Role, Service, UserId, bilingual};
use portraitd_store::{Store, StoreError};
use portraitd_webhook::event_ids::EventIds;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The authenticated caller of a command.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The account that the UserSig was issued to.
    pub identifier: String,
    /// What the caller may do.
    pub role: Role,
    /// The client's address; behind a trusted proxy, the one that the proxy reports.
    pub address: IpAddr,
}

/// The services shared by all calls.
pub struct Services {
    /// Accounts, profiles and apps.
    pub store: Arc<dyn Store>,
    /// The apps and what is derived from their settings.
    pub registry: Arc<Registry>,
    /// The time for the expiry of UserSigs, the time of events and frequency limits.
    pub clock: Arc<dyn Clock>,
    /// Generates the ids of events.
    pub event_ids: Arc<EventIds>,
    /// The thread for large reads.
    pub large_reads: LargeReads,
}

/// The context of one call.
pub struct CallContext<'a> {
    /// The services shared by all calls.
    pub services: &'a Services,
    /// The app that is called, with its settings at the start of the call.
    pub app: Arc<App>,
    /// The authenticated caller.
    pub caller: Caller,
    /// The service of the command; it determines the error codes.
    pub service: Service,
    /// The microseconds that the call has waited for the store.
    pub store_micros: &'a AtomicU64,
}

/// The longest store operation. Shorter than the answer's timeout, so that a slow store has its own error.
pub(crate) const STORE_TIMEOUT: Duration = Duration::from_millis(2500);

/// Runs a store operation with [`STORE_TIMEOUT`]; also returns how many microseconds it took.
pub(crate) async fn timed_store_call<T>(
    operation: impl Future<Output = Result<T, StoreError>>,
) -> (Result<T, StoreError>, u64) {
    let began = Instant::now();
    let result = with_store_timeout(operation).await;
    (result, u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX))
}

/// Runs a store operation with [`STORE_TIMEOUT`].
pub(crate) async fn with_store_timeout<T>(
    operation: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let late = |_| StoreError::Unavailable(bilingual!("it did not answer in time", "未能及时应答"));
    within(STORE_TIMEOUT, operation).await.map_err(late)?
}

impl CallContext<'_> {
    pub(crate) fn store(&self) -> &dyn Store {
        self.services.store.as_ref()
    }

    /// Runs a store operation with [`STORE_TIMEOUT`] and adds its time to `store_micros`.
    pub(crate) async fn store_call<T>(
        &self,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let (result, micros) = timed_store_call(operation).await;
        self.add_store_time(micros);
        result
    }

    /// Adds to the time that the call has waited for the store.
    pub(crate) fn add_store_time(&self, micros: u64) {
        self.store_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Returns the origin of a change to this many accounts; `None` when the app has no webhook.
    pub(crate) fn origin(&self, accounts: usize) -> Option<Origin> {
        let Caller { identifier, address, .. } = &self.caller;
        self.services.event_ids.origin(&self.app.settings, identifier, *address, accounts)
    }

    /// Imports accounts. Returns those that were left out because they were deleted less than the app's `reimport_after` ago.
    pub(crate) async fn import(&self, seeds: Vec<AccountSeed>) -> Result<Vec<UserId>, StoreError> {
        let (settings, at) = (&self.app.settings, self.services.clock.now());
        let (origin, after) = (self.origin(seeds.len()), settings.refused_if_deleted_after(at));
        let left_out = self.store().import_unless_deleted(settings.id, seeds, at, origin, after);
        let left_out = self.store_call(left_out).await?;
        self.wake_webhook();
        Ok(left_out)
    }

    /// Wakes the app's webhook worker: there may be new events.
    pub(crate) fn wake_webhook(&self) {
        if self.app.settings.webhook.is_some() {
            self.app.delivery.wake.notify_one();
        }
    }

    /// Returns the API error of a store error, with the service's code.
    pub(crate) fn store_error(&self, error: StoreError) -> ApiError {
        ApiError::store(self.service.internal(), error)
    }

    /// Refuses a user's call that writes another account's profile.
    pub(crate) fn check_may_write(&self, user: &UserId) -> Result<(), ApiError> {
        match self.caller.role {
            Role::Admin | Role::Operator => Ok(()),
            Role::User if user.as_str() == self.caller.identifier => Ok(()),
            Role::User => Err(ApiError::new(self.service.admin_required())),
        }
    }
}

/// The most accounts in one call (contract, sections 5 and 7).
pub(crate) const ACCOUNTS_MAX: usize = 100;

/// Checks the list of accounts of an account API: 70402 when it is absent, empty or too long. It is this member of the body.
pub(crate) fn check_account_count<T>(
    (member, body): (&str, &[u8]),
    list: Option<Vec<T>>,
) -> Result<Vec<T>, ApiError> {
    let (list, code) = (list.unwrap_or_default(), ErrorCode::LoginBadParameter);
    if list.is_empty() {
        return Err(missing(body, member, code));
    }
    if list.len() > ACCOUNTS_MAX {
        let count = list.len();
        let english = format!("{member} holds {count} accounts; at most {ACCOUNTS_MAX} are allowed");
        return Err(ApiError::with_detail(
            code,
            english,
            format!("{member} 含 {count} 个账号，最多允许 {ACCOUNTS_MAX} 个"),
        ));
    }
    Ok(list)
}

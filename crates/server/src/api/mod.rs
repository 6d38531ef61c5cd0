//! `ENDPOINTS`: every call of the protocol, one row and one file each.

mod account_check;
mod account_delete;
mod account_import;
mod decode;
mod envelope;
mod kick;
mod multiaccount_import;
mod portrait_get;
mod portrait_set;
mod told;
mod user_list;

pub(crate) use envelope::{Answer, ApiError, BROKEN_HTTP, Style, respond, tls_only, told as envelope_told};

use crate::gateway::Gateway;
use crate::openapi::Describe;
use crate::registry::App;
use futures_util::future::BoxFuture;
use portrait_model::{AccountSeed, ErrorCode, Origin, Role, UserId};
use portrait_store::{Store, StoreError};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The two families of calls; they differ in codes and in `ErrorDisplay`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Service {
    /// `v4/profile`
    Profile,
    /// `v4/im_open_login_svc`
    Account,
}

impl Service {
    /// A member that is missing, too long or of the wrong type.
    pub(crate) fn bad_parameter(self) -> ErrorCode {
        match self {
            Self::Profile => ErrorCode::BadParameter,
            Self::Account => ErrorCode::LoginBadParameter,
        }
    }

    /// A failure of ours.
    pub(crate) fn internal(self) -> ErrorCode {
        match self {
            Self::Profile => ErrorCode::Internal,
            Self::Account => ErrorCode::LoginInternal,
        }
    }

    /// The caller is no App admin.
    pub(crate) fn admin_required(self) -> ErrorCode {
        match self {
            Self::Profile => ErrorCode::ProfileAdminRequired,
            Self::Account => ErrorCode::LoginAdminRequired,
        }
    }
}

type Run = for<'a> fn(Ctx<'a>, &'a [u8]) -> BoxFuture<'a, Result<Answer, ApiError>>;

/// One call of the protocol.
pub(crate) struct Endpoint {
    /// Its path.
    pub(crate) path: &'static str,
    /// Its name in limits, metrics and logs.
    pub(crate) command: &'static str,
    /// Its family.
    pub(crate) service: Service,
    /// Calls a second for each app, unless the app says otherwise (contract, section 3).
    pub(crate) per_second: u32,
    /// Body to answer.
    run: Run,
    /// What the OpenAPI document tells of it.
    pub(crate) describe: Describe,
}

macro_rules! endpoints {
    ($($service:ident $path:literal $command:ident $per_second:literal;)*) => {
        /// Every call of the protocol.
        pub(crate) const ENDPOINTS: &[Endpoint] = &[
            $(Endpoint {
                path: concat!($path, stringify!($command)),
                command: stringify!($command),
                service: Service::$service,
                per_second: $per_second,
                run: |ctx, body| Box::pin($command::run(ctx, body)),
                describe: $command::describe,
            },)*
        ];
    };
}

endpoints! {
    Profile "/v4/profile/"            portrait_set        200;
    Profile "/v4/profile/"            portrait_get        200;
    Account "/v4/im_open_login_svc/"  account_import      200;
    Account "/v4/im_open_login_svc/"  multiaccount_import 100;
    Account "/v4/im_open_login_svc/"  account_check       100;
    Account "/v4/im_open_login_svc/"  account_delete      100;
    Account "/v4/im_open_login_svc/"  kick                200;
}

/// Finds an endpoint and its place in the table. Base URLs that end in `/` make paths that start with `//`.
pub(crate) fn find(path: &str) -> Option<(usize, &'static Endpoint)> {
    let path = path.trim_start_matches('/');
    ENDPOINTS.iter().enumerate().find(|(_, endpoint)| endpoint.path.trim_start_matches('/') == path)
}

impl Endpoint {
    /// Answers a call whose caller was let in.
    pub(crate) async fn answer(&self, ctx: Ctx<'_>, body: &[u8]) -> Result<Answer, ApiError> {
        (self.run)(ctx, body).await
    }
}

/// Who calls. Only authentication makes one.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) identifier: String,
    pub(crate) role: Role,
    pub(crate) address: IpAddr,
}

/// What a call has at hand.
pub(crate) struct Ctx<'a> {
    pub(crate) gateway: &'a Gateway,
    pub(crate) app: Arc<App>,
    pub(crate) caller: Caller,
    pub(crate) service: Service,
    /// Microseconds that the call spent on the store.
    pub(crate) store_micros: &'a AtomicU64,
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

impl Ctx<'_> {
    pub(crate) fn store(&self) -> &dyn Store {
        self.gateway.store.as_ref()
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
        self.gateway.event_ids.origin(&self.app, &self.caller.identifier, self.caller.address, accounts)
    }

    /// Imports, and gives who is left out because of a deletion that the app's `reimport_after` still reaches.
    pub(crate) async fn import(&self, seeds: Vec<AccountSeed>) -> Result<Vec<UserId>, StoreError> {
        let (settings, at) = (&self.app.settings, self.gateway.clock.now());
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

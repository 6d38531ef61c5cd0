//! Authentication: checks the query of a call to a known app and returns its caller. The checks and their order are those
//! of the contract's section 2.

use crate::call_context;
use crate::call_context::{Caller, Services};
use crate::envelope::ApiError;
use crate::query::Query;
use crate::rate_limit::FailureLimit;
use crate::registry::App;
use crate::sig_cache::VerifiedSig;
use crate::telemetry::Telemetry;
use portraitd_model::{
    AppSettings, ErrorCode, Role, SdkAppId, Service, SigError, UnixSeconds, UserId, UserSig,
};
use std::net::IpAddr;
use std::sync::Arc;

/// Authenticates calls, and limits failed checks by client address.
pub(crate) struct Authenticator {
    failures: FailureLimit,
}

impl Authenticator {
    /// Allows this many failed checks a second from one address, then answers 70050; 0 = no limit.
    pub(crate) fn new(failures_per_second: u32) -> Self {
        Self { failures: FailureLimit::new(failures_per_second) }
    }

    /// Authenticates a call of a command of `service` (`None` = another of the cloud's) from the address `client`.
    pub(crate) async fn authenticate(
        &self,
        services: &Services,
        telemetry: &Telemetry,
        app: &App,
        service: Option<Service>,
        query: &Query<'_>,
        client: IpAddr,
    ) -> Result<Caller, ApiError> {
        if !app.settings.enabled {
            return Err(ApiError::new(ErrorCode::AppDisabled));
        }
        if !app.allows_ip(client) {
            return Err(ApiError::new(ErrorCode::SourceIp));
        }
        let clock = &*services.clock;
        let cached = app.verified.get(&query.usersig);
        telemetry.record_sig_lookup(cached.is_some());
        // A cached UserSig costs no work, so failures of others behind the same address do not lock its caller out.
        if cached.is_none() && !self.failures.allows(client, clock) {
            return Err(ApiError::new(ErrorCode::SigTooOften));
        }
        let now = clock.now();
        let verified = verify(app, query, cached, now.seconds());
        let VerifiedSig { sig, key } = &*verified.inspect_err(|_| self.failures.record(client, clock))?;
        app.key_uses.record(*key, now);
        let is_admin = app.settings.is_admin(&query.identifier);
        // An account that was never kicked is `None`, which is less than any time.
        if kicked_at(services, app, service, &query.identifier, is_admin).await? >= Some(sig.issued_at()) {
            self.failures.record(client, clock);
            return Err(SigError::Kicked.into());
        }
        let role = if is_admin {
            Role::Admin
        } else if app.settings.self_service && service == Some(Service::Profile) {
            Role::User
        } else {
            let code = service.map_or(ErrorCode::AdminRequired, Service::admin_required);
            return Err(not_an_admin(code, app.settings.id, &query.identifier));
        };
        Ok(Caller { identifier: query.identifier.clone().into_owned(), role, address: client })
    }
}

fn not_an_admin(code: ErrorCode, app: SdkAppId, identifier: &str) -> ApiError {
    ApiError::with_detail(
        code,
        format!(
            "identifier {identifier:?} is not an App admin of app {app}: sign the request as one, such as {:?}",
            AppSettings::ADMINISTRATOR
        ),
        format!(
            "identifier {identifier:?} 不是应用 {app} 的管理员：请以管理员身份签名，例如 {:?}",
            AppSettings::ADMINISTRATOR
        ),
    )
}

/// Returns when the caller was last kicked. Costs no I/O for admins.
async fn kicked_at(
    services: &Services,
    app: &App,
    service: Option<Service>,
    identifier: &str,
    is_admin: bool,
) -> Result<Option<UnixSeconds>, ApiError> {
    let Ok(user) = UserId::parse(identifier) else { return Ok(None) };
    if is_admin {
        return Ok(app.kicked_admins.get(&user).copied());
    }
    let states = call_context::with_store_timeout(services.store.states(app.settings.id, vec![user])).await;
    let code = service.map_or(ErrorCode::Timeout, Service::internal);
    let states = states.map_err(|error| ApiError::store(code, error))?;
    Ok(states.first().copied().flatten().and_then(|state| state.kicked_at))
}

/// Checks a UserSig as far as the store is not needed. `cached` is the UserSig if it was verified before.
pub fn verify(
    app: &App,
    query: &Query<'_>,
    cached: Option<Arc<VerifiedSig>>,
    now: UnixSeconds,
) -> Result<Arc<VerifiedSig>, SigError> {
    if let Some(verified) = cached {
        verified.sig.check(app.settings.id, &query.identifier, now)?;
        return Ok(verified);
    }
    let sig = UserSig::decode(&query.usersig)?;
    sig.check(app.settings.id, &query.identifier, now)?;
    // Every key is tried, so that the time taken does not reveal which key matches.
    let signer = app.settings.keys.iter().fold(None, |found, record| {
        let matches = sig.is_signed_with(&record.key);
        if matches { Some(record.id) } else { found }
    });
    let key = signer.ok_or(SigError::WrongKey)?;
    let verified = Arc::new(VerifiedSig { sig, key });
    app.verified.insert(&query.usersig, Arc::clone(&verified));
    Ok(verified)
}

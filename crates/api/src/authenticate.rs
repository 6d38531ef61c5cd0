//! From a query to a caller: the checks of the contract's section 2, in its order, once the app is known.

use crate::call_context;
use crate::call_context::{Caller, Services};
use crate::envelope::ApiError;
use crate::query::Query;
use crate::rate_limit::FailureLimit;
use crate::registry::App;
use crate::telemetry::Telemetry;
use portraitd_model::{ErrorCode, Role, Service, SigError, UnixSeconds, UserId, UserSig};
use std::net::IpAddr;
use std::sync::Arc;

/// Lets callers in.
pub(crate) struct Authenticator {
    failures: FailureLimit,
}

impl Authenticator {
    /// At most so many failed checks a second from one address, then 70050; 0 = no limit.
    pub(crate) fn new(failures_per_second: u32) -> Self {
        Self { failures: FailureLimit::new(failures_per_second) }
    }

    /// The caller of a command of `service`, who calls from `peer`.
    pub(crate) async fn authenticate(
        &self,
        (services, telemetry): (&Services, &Telemetry),
        app: &App,
        service: Service,
        query: &Query<'_>,
        peer: IpAddr,
    ) -> Result<Caller, ApiError> {
        if !app.settings.enabled {
            return Err(ApiError::new(ErrorCode::AppDisabled));
        }
        if !app.allows_ip(peer) {
            return Err(ApiError::new(ErrorCode::SourceIp));
        }
        let clock = &*services.clock;
        let known = app.verified.get(&query.usersig);
        telemetry.verified(known.is_some());
        // A UserSig that was verified before costs no work: a neighbour's failures do not shut its caller out.
        if known.is_none() && !self.failures.allows(peer, clock) {
            return Err(ApiError::new(ErrorCode::SigTooOften));
        }
        let now = clock.now().seconds();
        let sig = verify(app, query, known, now).inspect_err(|_| self.failures.record(peer, clock))?;
        let is_admin = app.settings.is_admin(&query.identifier);
        if kicked_at(services, app, service, &query.identifier, is_admin).await? >= Some(sig.issued_at()) {
            self.failures.record(peer, clock);
            return Err(SigError::Kicked.into());
        }
        let role = if is_admin {
            Role::Admin
        } else if app.settings.self_service && service == Service::Profile {
            Role::User
        } else {
            return Err(ApiError::new(service.admin_required()));
        };
        Ok(Caller { identifier: query.identifier.clone().into_owned(), role, address: peer })
    }
}

/// When the caller was last kicked. Admins cost no I/O.
async fn kicked_at(
    services: &Services,
    app: &App,
    service: Service,
    identifier: &str,
    is_admin: bool,
) -> Result<Option<UnixSeconds>, ApiError> {
    let Ok(user) = UserId::parse(identifier) else { return Ok(None) };
    if is_admin {
        return Ok(app.kicked_admins.get(&user).copied());
    }
    let states = call_context::within(services.store.states(app.settings.id, vec![user])).await;
    let states = states.map_err(|error| ApiError::store(service.internal(), error))?;
    Ok(states.first().copied().flatten().and_then(|state| state.kicked_at))
}

/// Everything about a UserSig that needs no store.
pub fn verify(
    app: &App,
    query: &Query<'_>,
    known: Option<Arc<UserSig>>,
    now: UnixSeconds,
) -> Result<Arc<UserSig>, SigError> {
    if let Some(sig) = known {
        sig.check(app.settings.id, &query.identifier, now)?;
        return Ok(sig);
    }
    let sig = Arc::new(UserSig::decode(&query.usersig)?);
    sig.check(app.settings.id, &query.identifier, now)?;
    // Every key is tried, so that the time taken does not tell which one fits.
    let fits = app.settings.keys.iter().fold(false, |fits, record| sig.is_signed_with(&record.key) | fits);
    if !fits {
        return Err(SigError::WrongKey);
    }
    app.verified.remember(&query.usersig, Arc::clone(&sig));
    Ok(sig)
}

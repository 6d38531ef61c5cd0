//! Calls without a connection: a body in, an answer out, and the single steps between them for `benches/steps.rs`.

use crate::environment::FuzzEnvironment;
use crate::fixtures::{APP, valid};
use bytes::Bytes;
use portraitd_api::authenticate::verify;
use portraitd_api::call_context::{CallContext, Caller};
use portraitd_api::endpoints;
use portraitd_api::envelope::{Answer, ApiError, Explained, Style, respond};
use portraitd_api::query::Query;
use portraitd_model::{
    AppSettings, Command, Language, Role, Service, SignRequest, UncheckedItem, UserId, sign,
};
use serde::de::IgnoredAny;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::AtomicU64;

impl FuzzEnvironment {
    /// Asserts that the answer to a body is one well-formed envelope. Returns whether the call succeeded.
    pub(crate) fn answers_json(&self, command: &str, body: &[u8]) -> bool {
        let Some((mut outcome, service)) = self.execute(command, body) else { return false };
        let style = Style { language: Language::Chinese, explained: Explained::WhereTheCloudDoes };
        let answer = respond(&mut outcome, Some(service), style);
        assert!(serde_json::from_slice::<IgnoredAny>(answer.body()).is_ok(), "an answer that is no JSON");
        outcome.is_ok()
    }

    /// Executes a call of the administrator; `None` for a command that does not exist.
    fn execute(&self, command: &str, body: &[u8]) -> Option<(Result<Answer, ApiError>, Service)> {
        let command = Command::named(command)?;
        let caller = Caller {
            identifier: AppSettings::ADMINISTRATOR.into(),
            role: Role::Admin,
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        let app = valid(self.gateway.services.registry.app(APP));
        let store_micros = &AtomicU64::new(0);
        let service = command.service();
        let context = CallContext { services: &self.gateway.services, app, caller, service, store_micros };
        Some((self.runtime.block_on(endpoints::execute(command, context, body)), service))
    }

    /// A query string with a valid `UserSig` of the administrator.
    pub fn query(&self) -> String {
        let identifier = valid(UserId::parse(AppSettings::ADMINISTRATOR).ok());
        let time = self.gateway.services.clock.now().seconds();
        let sig = sign(&self.key, SignRequest { app: APP, identifier, time, expire: 86_400, userbuf: None });
        format!("sdkappid={APP}&identifier={identifier}&usersig={sig}&random=99999999&contenttype=json")
    }

    /// Parses a query string and checks its `UserSig`: from the cache of verified ones if `verified_before`, in full
    /// otherwise. Returns whether the call is authenticated.
    pub fn authenticate(&self, query: &str, verified_before: bool) -> bool {
        let app = valid(self.gateway.services.registry.app(APP));
        let Ok(query) = Query::parse(query) else { return false };
        let known = verified_before.then(|| app.verified.get(&query.usersig)).flatten();
        verify(&app, &query, known, self.gateway.services.clock.now().seconds()).is_ok()
    }

    /// The body of the answer to a call: all that is done between the two bodies, on a store in memory.
    pub fn answer(&self, command: &str, body: &[u8]) -> Bytes {
        let style = Style { language: Language::Chinese, explained: Explained::Nowhere };
        let (mut outcome, service) = valid(self.execute(command, body));
        respond(&mut outcome, Some(service), style).into_body()
    }

    /// Checks items against the schema and the word list. Returns whether they may be written.
    pub fn validates(&self, items: &[UncheckedItem<'_>]) -> bool {
        let app = valid(self.gateway.services.registry.app(APP));
        app.schema.check(&app.word_filter, Role::Admin, items).is_ok()
    }
}

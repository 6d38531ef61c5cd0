//! The steps of a call one by one, for `benches/steps.rs`.

use super::fuzz::{APP, World, sure};
use bytes::Bytes;
use portraitd_api::authenticate::verify;
use portraitd_api::envelope::{Style, respond};
use portraitd_api::query::Query;
use portraitd_model::{AppSettings, Language, Role, SignRequest, UncheckedItem, UserId, sign};

impl World {
    /// A query string that the world's app lets in.
    pub fn query(&self) -> String {
        let identifier = sure(UserId::parse(AppSettings::ADMINISTRATOR).ok());
        let time = self.gateway.services.clock.now().seconds();
        let sig = sign(&self.key, SignRequest { app: APP, identifier, time, expire: 86_400, userbuf: None });
        format!("sdkappid={APP}&identifier={identifier}&usersig={sig}&random=99999999&contenttype=json")
    }

    /// Reads a query string and checks its UserSig: one that was verified before, or one that nobody knows. Says whether
    /// it is let in.
    pub fn gate(&self, query: &str, verified_before: bool) -> bool {
        let app = sure(self.gateway.services.registry.app(APP));
        let Ok(query) = Query::parse(query) else { return false };
        let known = verified_before.then(|| app.verified.get(&query.usersig)).flatten();
        verify(&app, &query, known, self.gateway.services.clock.now().seconds()).is_ok()
    }

    /// All that a call does between its body and its answer's, on a store in memory.
    pub fn answer(&self, command: &str, body: &[u8]) -> Bytes {
        let style = Style { language: Language::Chinese, error_detail: false };
        let (outcome, service) = sure(self.outcome(command, body));
        respond(&outcome, Some(service), style).into_body()
    }

    /// The checks of the schema and the word list alone.
    pub fn validates(&self, items: &[UncheckedItem<'_>]) -> bool {
        let app = sure(self.gateway.services.registry.app(APP));
        app.schema.check(&app.word_filter, Role::Admin, items).is_ok()
    }
}

//! What the targets work on: an app with accounts and custom fields of every type, in a store in memory.

use crate::fixtures::{self, valid};
use crate::{admin, files, journal, shadow, stored, text};
use hyper::StatusCode;
use portraitd_admin::jsonl;
use portraitd_admin::types::AppView;
use portraitd_api::call_context::Services;
use portraitd_api::clock::SystemClock;
use portraitd_api::gateway::Gateway;
use portraitd_api::large_reads::LargeReads;
use portraitd_api::query::Query;
use portraitd_api::registry::Registry;
use portraitd_api::telemetry::Telemetry;
use portraitd_model::{AppKey, FieldSchema, UserId, UserSig};
use portraitd_store::{MemoryStore, Store};
use portraitd_webhook::event_ids::EventIds;
use portraitd_webhook::request::check_response;
use std::sync::Arc;
use tokio::runtime::Runtime;

/// The app, its accounts and the services that answer its calls.
pub struct FuzzEnvironment {
    pub(crate) runtime: Runtime,
    pub(crate) gateway: Gateway,
    pub(crate) key: AppKey,
    schema: FieldSchema,
    view: AppView,
    runs: u64,
}

impl Default for FuzzEnvironment {
    fn default() -> Self {
        Self::new()
    }
}

impl FuzzEnvironment {
    /// Makes an environment with the accounts `u`, `v` and `alice`.
    ///
    /// # Panics
    ///
    /// If the runtime or the app can't be made.
    #[expect(clippy::expect_used, reason = "a fuzz target that can't start has nothing else to do")]
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let settings = fixtures::settings();
        let (schema, view) = (FieldSchema::of(&settings), AppView::from(&settings));
        let registry = runtime.block_on(async {
            store.put_app(settings, None).await.expect("an app");
            Registry::load(Arc::clone(&store)).await.expect("a registry")
        });
        let services = Services {
            store,
            registry: Arc::new(registry),
            clock: Arc::new(SystemClock),
            event_ids: Arc::new(EventIds::new(1)),
            large_reads: LargeReads::new(),
        };
        let telemetry = Arc::new(Telemetry::new(Vec::new()));
        let gateway = Gateway::new(services, portraitd::reference::gateway_defaults(), telemetry, None, 1);
        let key = valid(AppKey::parse("key"));
        let environment = Self { runtime, gateway, key, schema, view, runs: 0 };
        for name in ["u", "v", "alice"] {
            environment.answers_json("account_import", format!("{{\"UserID\":\"{name}\"}}").as_bytes());
        }
        environment
    }

    /// Runs one target on one input. Returns whether the input was of the kind that the target reads.
    pub fn run(&mut self, target: &str, bytes: &[u8]) -> bool {
        // What inputs store must not pile up.
        const RUNS_PER_ENVIRONMENT: u64 = 20_000;
        self.runs += 1;
        if self.runs.is_multiple_of(RUNS_PER_ENVIRONMENT) {
            *self = Self::new();
        }
        match target {
            "profile_record" => return stored::profile_record(bytes, valid(UserId::parse("alice").ok())),
            "journal_file" => return journal::journal_file(bytes),
            "event_record" => return stored::event_record(bytes),
            "usersig_document" => return text::is_not_signed(UserSig::from_document(bytes).ok(), &self.key),
            "import_line" => return jsonl::read(&self.schema, bytes).is_ok(),
            "import_lines" => return files::json_lines(bytes),
            "import_csv" => return files::csv(bytes, &self.view),
            "webhook_answer" => return check_response(StatusCode::OK, bytes).is_ok(),
            "admin_json" => return admin::is_read(bytes),
            "named_users" => return text::named_users(bytes),
            "shadow_answers" => return shadow::answers(bytes),
            _ => {}
        }
        match (target, std::str::from_utf8(bytes)) {
            ("query", Ok(text)) => Query::parse(text).is_ok(),
            ("usersig", Ok(text)) => text::is_not_signed(UserSig::decode(text).ok(), &self.key),
            ("number", Ok(text)) => text::number(text),
            ("words", Ok(text)) => text::words(text),
            ("settings", Ok(text)) => {
                let (json, words) = text.split_once('\0').unwrap_or((text, ""));
                stored::settings_record(json, words)
            }
            ("config", Ok(text)) => portraitd::parsers::configuration(text).is_ok(),
            ("app_file", Ok(text)) => files::apps(text),
            ("server_url", Ok(text)) => shadow::server_url(text),
            _ => self.answers_json(target, bytes),
        }
    }
}

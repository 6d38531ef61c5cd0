//! Fuzz targets: everything that reads bytes from outside, each as a function of bytes. They are driven by libFuzzer
//! (`fuzz/`) and, on a stable compiler, by `tests/fuzz.rs`. Besides not panicking, what is read must hold what is
//! asserted here.

use crate::cli::data::transfer::csv::Spreadsheet;
use crate::cli::data::transfer::jsonl::Lines;
use crate::cli::data::transfer::row::Source;
use crate::config::Config;
use crate::config::load::{Flags, Loaded};
use hyper::StatusCode;
use portraitd_admin::jsonl;
use portraitd_admin::state::parse_body;
use portraitd_admin::types::webhook::{EventChoice, WebhookPut};
use portraitd_admin::types::{AppPatch, AppView, FieldDefinition, NewApp, NewKey, NewToken};
use portraitd_api::call_context::{CallContext, Caller, Services};
use portraitd_api::clock::SystemClock;
use portraitd_api::endpoints;
use portraitd_api::envelope::{Answer, ApiError, Style, respond};
use portraitd_api::gateway::Gateway;
use portraitd_api::large_reads::LargeReads;
use portraitd_api::query::Query;
use portraitd_api::registry::Registry;
use portraitd_model::{
    AppKey, AppSettings, Command, CustomField, CustomKeyword, FieldSchema, FieldValue, Language, NumberText,
    Permission, Role, SdkAppId, Service, StandardTag, Tag, UncheckedValue, UnixSeconds, UserId, UserSig,
    ValueRule, ValueType, WordFilter,
};
use portraitd_store::codec::{self, with_checksum};
use portraitd_store::{MemoryStore, Store};
use portraitd_webhook::event_ids::EventIds;
use portraitd_webhook::request::check_response;
use serde::de::IgnoredAny;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use tokio::runtime::Runtime;

/// Every target. The names of the calls come first: their input is a body.
pub const TARGETS: &[&str] = &[
    "portrait_set",
    "portrait_get",
    "account_import",
    "multiaccount_import",
    "account_check",
    "account_delete",
    "kick",
    "query",
    "usersig",
    "usersig_document",
    "number",
    "words",
    "profile_record",
    "event_record",
    "settings",
    "config",
    "import_line",
    "import_lines",
    "import_csv",
    "webhook_answer",
    "admin_json",
];

/// What the targets work on: an app with accounts and fields of every type, in memory.
pub struct World {
    runtime: Runtime,
    pub(super) gateway: Gateway,
    schema: FieldSchema,
    view: AppView,
    pub(super) key: AppKey,
    runs: u64,
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

pub(super) const APP: SdkAppId = SdkAppId(1_400_000_000);

/// A fixture can't be made.
#[expect(clippy::expect_used, reason = "fixed texts that are known to be good")]
pub(super) fn sure<T>(fixture: Option<T>) -> T {
    fixture.expect("a fixture of the fuzz targets is wrong")
}

fn user(name: &str) -> UserId {
    sure(UserId::parse(name).ok())
}

fn settings() -> AppSettings {
    let mut settings = AppSettings::new(APP);
    settings.add_key(sure(AppKey::parse("key")));
    let types = [("Str", ValueType::String), ("Byt", ValueType::Bytes), ("Num", ValueType::Uint64)];
    settings.custom_fields.extend(types.map(|(name, value_type)| CustomField {
        keyword: sure(CustomKeyword::parse(name)),
        value_type,
        read: Permission::EVERYONE,
        write: Permission::EVERYONE,
        retired: false,
    }));
    settings.words = vec!["bad".into(), "敏感".into(), "ﬁne".into()];
    settings
}

impl World {
    /// A new world.
    #[expect(clippy::expect_used, reason = "a fuzz target that can't start has nothing else to do")]
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let settings = settings();
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
        let telemetry = Arc::new(portraitd_api::telemetry::Telemetry::new(Vec::new()));
        let gateway = Gateway::new(services, Config::default().gateway(), telemetry, None, 1);
        let world = Self { runtime, gateway, schema, view, key: sure(AppKey::parse("key")), runs: 0 };
        for name in ["u", "v", "alice"] {
            world.endpoint("account_import", format!("{{\"UserID\":\"{name}\"}}").as_bytes());
        }
        world
    }

    /// Runs one target on one input. Says whether the input was of the kind that the target wants.
    pub fn run(&mut self, target: &str, bytes: &[u8]) -> bool {
        // What inputs store must not pile up.
        const RUNS_A_WORLD: u64 = 20_000;
        self.runs += 1;
        if self.runs.is_multiple_of(RUNS_A_WORLD) {
            *self = Self::new();
        }
        let text = std::str::from_utf8(bytes);
        match target {
            "profile_record" => return profile_record(bytes, user("alice")),
            "event_record" => return event_record(bytes),
            "usersig_document" => return self.signed(UserSig::from_document(bytes).ok()),
            "import_line" => return jsonl::read(&self.schema, bytes).is_ok(),
            "import_lines" => return rows(&mut Lines::new(bytes)),
            "import_csv" => {
                return Spreadsheet::new(bytes, &self.view).is_ok_and(|mut sheet| rows(&mut sheet));
            }
            "webhook_answer" => return check_response(StatusCode::OK, bytes).is_ok(),
            "admin_json" => return admin_json(bytes),
            _ => {}
        }
        match (target, text) {
            ("query", Ok(text)) => Query::parse(text).is_ok(),
            ("usersig", Ok(text)) => self.signed(UserSig::decode(text).ok()),
            ("number", Ok(text)) => number(text),
            ("words", Ok(text)) => words(text),
            ("settings", Ok(text)) => {
                let (json, words) = text.split_once('\0').unwrap_or((text, ""));
                settings_record(json, words)
            }
            ("config", Ok(text)) => {
                let file = Some((Path::new("f"), text));
                Loaded::from_layers(file, std::iter::empty(), &[], &Flags::default()).is_ok()
            }
            _ => self.endpoint(target, bytes),
        }
    }

    /// Nothing that a fuzzer finds is signed, and no field holds what ends a field of the signed text.
    fn signed(&self, sig: Option<UserSig>) -> bool {
        let Some(sig) = sig else { return false };
        let fields = [sig.identifier(), sig.userbuf().unwrap_or_default()];
        assert!(!fields.iter().any(|field| field.contains(char::is_control)), "the signed text is ambiguous");
        let now = UnixSeconds(1_800_000_000);
        let let_in = sig.check(APP, "administrator", now).is_ok() && sig.is_signed_with(&self.key);
        assert!(!let_in || sig.issued_at().0 > 0, "the fuzzer signs");
        true
    }

    /// The answer to any body is one well-formed envelope.
    fn endpoint(&self, command: &str, body: &[u8]) -> bool {
        let Some((outcome, service)) = self.outcome(command, body) else { return false };
        let style = Style { language: Language::Chinese, error_detail: true };
        let answer = respond(&outcome, Some(service), style);
        assert!(serde_json::from_slice::<IgnoredAny>(answer.body()).is_ok(), "an answer that is no JSON");
        outcome.is_ok()
    }

    /// What an admin's call comes to; `None` for a command that there is not.
    pub(super) fn outcome(&self, command: &str, body: &[u8]) -> Option<(Result<Answer, ApiError>, Service)> {
        let command = Command::named(command)?;
        let caller = Caller {
            identifier: AppSettings::ADMINISTRATOR.into(),
            role: Role::Admin,
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        let app = sure(self.gateway.services.registry.app(APP));
        let store_micros = &std::sync::atomic::AtomicU64::new(0);
        let service = command.service();
        let context = CallContext { services: &self.gateway.services, app, caller, service, store_micros };
        Some((self.runtime.block_on(endpoints::execute(command, context, body)), service))
    }
}

/// Reads a stored profile, with the checksum that it needs, so that what is behind it is reached; what reads back must be
/// written and read the same.
fn profile_record(body: &[u8], user: UserId) -> bool {
    // Some records of the corpus carry this app in their checksum.
    let app = SdkAppId(1);
    let raw = codec::decode_profile(app, user, body).is_ok();
    let Ok(profile) = codec::decode_profile(app, user, &with_checksum(body.to_vec())) else { return raw };
    let written = codec::encode_profile(app, user, &profile);
    assert!(codec::decode_profile(app, user, &written).is_ok_and(|again| again == profile));
    true
}

/// Reads a stored event, as above.
fn event_record(body: &[u8]) -> bool {
    let Ok(event) = codec::decode_event(&with_checksum(body.to_vec())) else { return false };
    assert!(codec::decode_event(&codec::encode_event(&event)).is_ok_and(|again| again == event));
    true
}

/// Reads stored settings; what reads back must be written and read the same.
fn settings_record(json: &str, words: &str) -> bool {
    // As the admin API cleans them.
    let words: Vec<&str> = words.lines().map(str::trim).filter(|word| !word.is_empty()).collect();
    let Ok(settings) = codec::decode_settings(APP, json, &words.join("\n")) else { return false };
    let Ok((json, words)) = codec::encode_settings(&settings) else { return false };
    assert!(codec::decode_settings(APP, &json, &words).is_ok_and(|again| again == settings));
    true
}

fn rows(source: &mut dyn Source) -> bool {
    let mut lines = 0;
    while let Ok(Some(row)) = source.row() {
        assert!(row.number >= lines, "rows go on");
        lines = row.number;
    }
    lines > 0
}

/// A JSON number means what `serde_json` says it means.
fn number(text: &str) -> bool {
    let Ok(raw) = serde_json::from_str::<&serde_json::value::RawValue>(text) else { return false };
    let raw = raw.get();
    if !raw.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        return false;
    }
    let ours = ValueRule::Any.check(ValueType::Uint64, &UncheckedValue::Number(NumberText(raw)));
    let theirs = serde_json::from_str::<serde_json::Number>(raw).ok();
    if raw.bytes().all(|byte| byte.is_ascii_digit()) {
        let theirs = theirs.and_then(|number| number.as_u64());
        assert_eq!(ours.ok(), theirs.map(FieldValue::Uint), "{raw}");
    } else if let (Ok(FieldValue::Uint(ours)), Some(theirs)) =
        (ours, theirs.and_then(|number| number.as_f64()))
    {
        #[expect(clippy::cast_precision_loss, reason = "compared as far as a float can tell")]
        let ours = ours as f64;
        assert!((ours - theirs).abs() <= theirs.abs() * 1e-15, "{raw}: {ours} {theirs}");
    }
    true
}

/// Words and a value, a NUL between them: a value that contains a word as it stands is refused.
fn words(text: &str) -> bool {
    let Some((words, value)) = text.split_once('\0') else { return false };
    let nick = Tag::Standard(StandardTag::Nick);
    let words: Vec<String> = words.lines().map(str::to_owned).collect();
    let Ok(word_filter) = WordFilter::new(&words, vec![nick]) else { return false };
    let found = word_filter.check(nick, value).is_err();
    let plain = |word: &&String| !word.trim().is_empty() && value.is_ascii() && value.contains(word.trim());
    assert!(found || !words.iter().any(|word| plain(&word)), "a word got through");
    true
}

fn admin_json(bytes: &[u8]) -> bool {
    let taken = [
        parse_body::<NewApp>(bytes).is_ok(),
        parse_body::<AppPatch>(bytes).is_ok(),
        parse_body::<NewKey>(bytes).is_ok(),
        parse_body::<NewToken>(bytes).is_ok(),
        parse_body::<FieldDefinition>(bytes).is_ok(),
        parse_body::<WebhookPut>(bytes).is_ok(),
        parse_body::<EventChoice>(bytes).is_ok(),
    ];
    taken.contains(&true)
}

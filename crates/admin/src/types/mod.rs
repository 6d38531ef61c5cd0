//! The JSON of the admin API: what it shows and takes. The command line reads and writes the same structs.

mod examples;
pub mod webhook;

use portraitd_model::{AppSettings, COMMANDS, CustomField, FieldValue, KeyRecord, Permission, Profile};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::num::NonZeroU32;

/// An app as it is shown. A key is shown whole only in the answer that created it.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct AppView {
    pub sdkappid: u32,
    pub name: String,
    pub enabled: bool,
    pub self_service: bool,
    pub error_detail: Option<bool>,
    pub allow_ips: Vec<String>,
    pub location_bytes_max: usize,
    pub custom_fields_max: usize,
    pub limits: BTreeMap<String, u32>,
    pub keys: Vec<KeyView>,
    pub admins: Vec<String>,
    pub fields: Vec<FieldView>,
    pub words: usize,
    pub screened_tags: Vec<String>,
    /// The code that a sensitive word is answered with: 40005 or 80001.
    pub sensitive_code: u32,
    /// Whether `portrait_get` names an unknown account by its id instead of `@TLS#NOT_FOUND`.
    pub echo_unknown: bool,
    /// Whether `account_delete` is refused (71000).
    pub deletion_forbidden: bool,
    /// For so many seconds a deleted account can't be imported over /v4 (70399); 0 = it can at once.
    pub reimport_after: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// A key, without the secret.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct KeyView {
    pub id: u32,
    pub last4: String,
}

/// A custom field.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct FieldView {
    pub keyword: String,
    #[serde(rename = "type")]
    pub value_type: String,
    /// `app` (users) and `admin`, as in the cloud's console.
    pub read: Vec<String>,
    pub write: Vec<String>,
    /// Taken out of use; its values stay.
    pub retired: bool,
}

/// What defines a custom field beside its keyword.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldDefinition {
    #[serde(rename = "type")]
    pub value_type: String,
    /// `app` and `admin`, as in the cloud's console.
    pub read: Vec<String>,
    pub write: Vec<String>,
}

/// A new app.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewApp {
    pub sdkappid: u32,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub key: Option<String>,
}

/// A new key; a random one is made when none is given.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    #[serde(default)]
    pub key: Option<String>,
}

/// A key just made, with its secret.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct CreatedKey {
    pub id: u32,
    pub key: String,
}

/// Settings to change; what is absent stays.
#[derive(Debug, Default, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppPatch {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_service: Option<bool>,
    /// `null` = as the server is configured; hence the double option.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[expect(clippy::option_option, reason = "absent, null and a value are three things")]
    pub error_detail: Option<Option<bool>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_ips: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location_bytes_max: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_fields_max: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<BTreeMap<String, u32>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screened_tags: Option<Vec<String>>,
    /// 40005 or 80001.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitive_code: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo_unknown: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_forbidden: Option<bool>,
    /// In seconds; 0 = at once. Set to 0, what is noted of deleted accounts is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reimport_after: Option<u32>,
}

#[expect(clippy::option_option, reason = "absent, null and a value are three things")]
fn present<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// What became of a list of sensitive words.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct WordsView {
    /// The words that are looked for now.
    pub words: usize,
    /// Lines without a word, passed over.
    pub blank: usize,
    /// Lines that said a word once more, passed over.
    pub duplicate: usize,
    /// The fields in which the words are looked for.
    pub screened_tags: Vec<String>,
}

/// A new admin token.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// Who or what will use it: 1 to 64 letters, digits, dots, hyphens and underscores.
    pub name: String,
}

/// A token just made. It is shown this once.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct CreatedToken {
    pub name: String,
    pub token: String,
}

/// An admin token, without the secret.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct TokenView {
    pub name: String,
    /// When it was made, in Unix milliseconds; `null` for `local`, the one in the file admin.token.
    pub created_ms: Option<u64>,
}

/// A page of the audit log, newest first.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct AuditPage {
    pub entries: Vec<AuditEntryView>,
    /// Give this as `before` to get the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// Who did what, and when.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct AuditEntryView {
    /// Its place in the log.
    pub place: u64,
    /// When, in Unix milliseconds.
    pub at_ms: u64,
    /// Whose settings or accounts; `null`: the whole server's.
    pub(crate) sdkappid: Option<u32>,
    /// The name of the token, or `os:` and the system's user at the command line of a stopped server.
    pub who: String,
    /// From which address; `null` at the command line of a stopped server.
    pub from: Option<String>,
    pub method: String,
    /// The path below `/admin/v1`.
    pub resource: String,
    /// `done`, or `refused:` and the HTTP status.
    pub outcome: String,
    /// What it changed, as it was; secrets are left out.
    pub before: serde_json::Value,
    /// What it changed, as it is since.
    pub after: serde_json::Value,
}

/// A page of accounts.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct AccountsView {
    pub accounts: Vec<String>,
    /// Give this as `after` to get the next page; absent on the last.
    pub next: Option<String>,
}

/// A field's value: a text or a number, after the field's type.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "told, never made")]
pub(crate) enum Field {
    Text(String),
    Uint(u64),
}

/// Fields to set, tag to value.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "told, never made")]
pub(crate) struct ProfilePatch(BTreeMap<String, Field>);

/// A document in the OpenAPI format.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "told, never made")]
pub(crate) struct Document(BTreeMap<String, serde_json::Value>);

/// One account with its profile.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct AccountView {
    pub user: String,
    pub(crate) kicked_at: Option<u64>,
    /// Tag to value.
    #[schemars(with = "BTreeMap<String, Field>")]
    pub profile: BTreeMap<String, serde_json::Value>,
}

/// How an app is used, counted since the server started.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct UsageView {
    /// How many accounts there are.
    pub(crate) accounts: u64,
    /// When its last call came, in Unix milliseconds; `null` before the first.
    pub(crate) last_call_ms: Option<u64>,
    /// Command to error code to how many calls; 0 = OK.
    pub calls: BTreeMap<String, BTreeMap<u32, u64>>,
}

/// Which store it is, and what it has done since it was opened.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct StoreView {
    /// 32 hexadecimal digits, made with the store; a restored backup and a copy have another.
    pub id: String,
    /// Operations written.
    pub(crate) changes: u64,
    /// Commits, each with one sync of the disk, that carried them.
    pub(crate) commits: u64,
}

impl From<&AppSettings> for AppView {
    fn from(settings: &AppSettings) -> Self {
        Self {
            sdkappid: settings.id.0,
            name: settings.name.clone(),
            enabled: settings.enabled,
            self_service: settings.self_service,
            error_detail: settings.error_detail,
            allow_ips: settings.allow_ips.iter().map(ToString::to_string).collect(),
            location_bytes_max: settings.location_bytes_max,
            custom_fields_max: settings.custom_fields_max,
            limits: effective_limits(settings),
            keys: settings.keys.iter().map(KeyView::from).collect(),
            admins: settings.admins.iter().map(ToString::to_string).collect(),
            fields: settings.custom_fields.iter().map(FieldView::from).collect(),
            words: settings.words.len(),
            screened_tags: settings.screened_tags.iter().map(ToString::to_string).collect(),
            sensitive_code: settings.sensitive_code.code().number(),
            echo_unknown: settings.echo_unknown,
            deletion_forbidden: settings.deletion_forbidden,
            reimport_after: settings.reimport_after.map_or(0, NonZeroU32::get),
            key: None,
        }
    }
}

/// Every limit that is in force, also those never set.
fn effective_limits(settings: &AppSettings) -> BTreeMap<String, u32> {
    let defaults = COMMANDS.iter().map(|row| (row.name.to_owned(), row.per_second));
    let mut limits: BTreeMap<String, u32> = defaults.chain([("total".to_owned(), 0)]).collect();
    limits.extend(settings.limits.clone());
    limits
}

impl From<&KeyRecord> for KeyView {
    fn from(record: &KeyRecord) -> Self {
        Self { id: record.id.0, last4: record.key.last4() }
    }
}

impl From<&CustomField> for FieldView {
    fn from(field: &CustomField) -> Self {
        Self {
            keyword: field.keyword.to_string(),
            value_type: field.value_type.as_str().to_owned(),
            read: who(field.read),
            write: who(field.write),
            retired: field.retired,
        }
    }
}

pub fn who(permission: Permission) -> Vec<String> {
    let named = [(permission.user, "app"), (permission.admin, "admin")];
    named.into_iter().filter(|(may, _)| *may).map(|(_, name)| name.to_owned()).collect()
}

/// A profile as a JSON object, tag to value.
pub(crate) fn profile(profile: &Profile) -> BTreeMap<String, serde_json::Value> {
    profile.items().iter().map(|item| (item.tag.to_string(), value(&item.value))).collect()
}

/// A field's value as JSON.
pub(crate) fn value(value: &FieldValue) -> serde_json::Value {
    match value {
        FieldValue::Uint(number) => (*number).into(),
        FieldValue::Text(text) => serde_json::Value::String(text.to_string()),
    }
}

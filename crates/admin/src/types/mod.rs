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
    /// The SDKAppID.
    pub sdkappid: u32,
    /// The name that operators gave it, at most 100 bytes; empty when there is none.
    pub name: String,
    /// Whether its calls are served; if not, each answers 60016.
    pub enabled: bool,
    /// Whether users may set their own profile with their own UserSig.
    pub self_service: bool,
    /// Whether `ErrorDisplay` holds the sentence that explains an error; `null` = as the server is configured.
    pub error_detail: Option<bool>,
    /// Networks that may call, such as `10.0.0.0/8`; empty = all.
    pub allow_ips: Vec<String>,
    /// The most bytes of UTF-8 in `Tag_Profile_IM_Location`: 1 to 500.
    pub location_bytes_max: usize,
    /// The most custom fields in use.
    pub custom_fields_max: usize,
    /// Calls per second by command, and `total` for all together; 0 = no limit.
    pub limits: BTreeMap<String, u32>,
    /// The active keys, without their secrets.
    pub keys: Vec<KeyView>,
    /// The UserIDs of the App admins.
    pub admins: Vec<String>,
    /// The custom fields, also retired ones.
    pub fields: Vec<FieldView>,
    /// How many sensitive words there are.
    pub words: usize,
    /// The fields in which sensitive words are looked for.
    pub screened_tags: Vec<String>,
    /// The code that a sensitive word is answered with: 40005 or 80001.
    pub sensitive_code: u32,
    /// Whether `portrait_get` names an unknown account by its id instead of `@TLS#NOT_FOUND`.
    pub echo_unknown: bool,
    /// Whether `account_delete` is refused (71000).
    pub deletion_forbidden: bool,
    /// For so many seconds a deleted account can't be imported over /v4 (70399); 0 = it can at once.
    pub reimport_after: u32,
    /// The secret of the first key; only in the answer that created the app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// A key, without the secret.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct KeyView {
    /// The number by which it is revoked.
    pub id: u32,
    /// The last four characters of the secret; empty when it is shorter than 16.
    pub last4: String,
}

/// A custom field.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct FieldView {
    /// Its name: 1 to 8 ASCII letters.
    pub keyword: String,
    /// `string`, `bytes` or `uint64`.
    #[serde(rename = "type")]
    pub value_type: String,
    /// `app` (users) and `admin`, as in the cloud's console.
    pub read: Vec<String>,
    /// Which callers may write it, in the same form.
    pub write: Vec<String>,
    /// Taken out of use; its values stay.
    pub retired: bool,
}

/// What defines a custom field beside its keyword.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldDefinition {
    /// `string`, `bytes` or `uint64`.
    #[serde(rename = "type")]
    pub value_type: String,
    /// `app` and `admin`, as in the cloud's console.
    pub read: Vec<String>,
    /// Which callers may write it, in the same form.
    pub write: Vec<String>,
}

/// A new app.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewApp {
    /// The SDKAppID: 1 to 4294967295.
    pub sdkappid: u32,
    /// A name for operators, at most 100 bytes.
    #[serde(default)]
    pub name: Option<String>,
    /// Its first key, 1 to 256 bytes without control characters; a random one is made when none is given.
    #[serde(default)]
    pub key: Option<String>,
}

/// A new key; a random one is made when none is given.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// The key: 1 to 256 bytes without control characters; a random one is made when none is given.
    #[serde(default)]
    pub key: Option<String>,
}

/// A key just made, with its secret.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct CreatedKey {
    /// The number by which it is revoked.
    pub id: u32,
    /// The secret; it is shown this once.
    pub key: String,
}

/// Settings to change; what is absent stays.
#[derive(Debug, Default, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppPatch {
    /// A name for operators, at most 100 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether its calls are served; if not, each answers 60016.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Whether users may set their own profile with their own UserSig.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_service: Option<bool>,
    /// Whether `ErrorDisplay` holds the sentence that explains an error; `null` = as the server is configured.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub error_detail: Option<Option<bool>>,
    /// Networks that may call, such as `10.0.0.0/8`, or single addresses; at most 1000; empty = all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_ips: Option<Vec<String>>,
    /// The most bytes of UTF-8 in `Tag_Profile_IM_Location`: 1 to 500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location_bytes_max: Option<usize>,
    /// The most custom fields in use: at most 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_fields_max: Option<usize>,
    /// Calls per second by command, and `total` for all together; 0 = no limit. Names that are absent stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<BTreeMap<String, u32>>,
    /// The fields in which sensitive words are looked for; at most 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screened_tags: Option<Vec<String>>,
    /// 40005 or 80001.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitive_code: Option<u32>,
    /// Whether `portrait_get` names an unknown account by its id instead of `@TLS#NOT_FOUND`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo_unknown: Option<bool>,
    /// Whether `account_delete` is refused (71000).
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
    /// A name for what will use it: 1 to 64 letters, digits, dots, hyphens and underscores.
    pub name: String,
}

/// A token just made. It is shown this once.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct CreatedToken {
    /// The name by which it is listed and revoked.
    pub name: String,
    /// The secret, to be sent as `Authorization: Bearer TOKEN`.
    pub token: String,
}

/// An admin token, without the secret.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct TokenView {
    /// The name by which it is revoked.
    pub name: String,
    /// When it was made, in Unix milliseconds; `null` for `local`, the one in the file admin.token.
    pub created_ms: Option<u64>,
}

/// A page of the audit log, newest first.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct AuditPage {
    /// The entries, newest first.
    pub entries: Vec<AuditEntryView>,
    /// Give this as `before` to get the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// An entry of the audit log: one change, or one that was refused.
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
    /// The HTTP method.
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
    /// The UserIDs, in their order.
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
    /// The UserID.
    pub user: String,
    /// UserSigs issued at or before this time no longer work, in Unix seconds; `null` when it was never kicked.
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

/// Returns the names of those who have a permission: `app` for users, `admin` for App admins.
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

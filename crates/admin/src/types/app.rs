//! The JSON of apps in the admin API: their settings, keys and custom fields.

use super::value::present;
use portraitd_model::{AppSettings, COMMANDS, CustomField, KeyRecord, Permission};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::num::NonZeroU32;

/// An app with its settings. The secret of a key is shown only in the response that created it.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent setting")]
pub struct AppView {
    /// The SDKAppID.
    pub sdkappid: u32,
    /// The operators' name for it, at most 100 bytes; empty when it has none.
    pub name: String,
    /// Whether its calls are served; otherwise each is answered with 60016.
    pub enabled: bool,
    /// Whether users may set their own profile with their own UserSig.
    pub self_service: bool,
    /// Whether `ErrorDisplay` explains errors in a sentence; `null` = as `server.error_detail` says.
    pub error_detail: Option<bool>,
    /// The networks that may call, such as `10.0.0.0/8`; empty = all.
    pub allow_ips: Vec<String>,
    /// The most UTF-8 bytes in `Tag_Profile_IM_Location`: 1 to 500.
    pub location_bytes_max: usize,
    /// The most custom fields that may be in use.
    pub custom_fields_max: usize,
    /// The most calls per second of each command, and `total` of all commands together; 0 = no limit.
    pub limits: BTreeMap<String, u32>,
    /// The active keys, without their secrets.
    pub keys: Vec<KeyView>,
    /// The UserIDs of the App admins.
    pub admins: Vec<String>,
    /// The custom fields, including retired ones.
    pub fields: Vec<FieldView>,
    /// The number of sensitive words.
    pub words: usize,
    /// The fields that are checked for sensitive words.
    pub screened_tags: Vec<String>,
    /// The error code for a sensitive word: 40005 or 80001.
    pub sensitive_code: u32,
    /// Whether `portrait_get` names an unknown account by its UserID instead of `@TLS#NOT_FOUND`.
    pub echo_unknown: bool,
    /// Whether `account_delete` is refused (71000).
    pub deletion_forbidden: bool,
    /// For how many seconds a deleted account can't be imported over `/v4` (70399); 0 = it can be imported at once.
    pub reimport_after: u32,
    /// The secret of the first key; only in the response that created the app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// A key without its secret.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct KeyView {
    /// Its number, by which it is revoked.
    pub id: u32,
    /// The last four characters of the secret; empty when it is shorter than 16.
    pub last4: String,
    /// When it was added, in Unix milliseconds; `null` when that was not noted. `usage` of the app has its last use.
    pub created_ms: Option<u64>,
}

/// A custom field.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct FieldView {
    /// Its keyword: 1 to 8 ASCII letters.
    pub keyword: String,
    /// `string`, `bytes` or `uint64`.
    #[serde(rename = "type")]
    pub value_type: String,
    /// Who may read it: `app` (users) and `admin` (App admins), as in the cloud's console.
    pub read: Vec<String>,
    /// Who may write it, in the same form.
    pub write: Vec<String>,
    /// Whether it is retired: calls can't use it, but its values stay stored.
    pub retired: bool,
}

/// The definition of a custom field; its keyword is in the path.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldDefinition {
    /// `string`, `bytes` or `uint64`.
    #[serde(rename = "type")]
    pub value_type: String,
    /// Who may read it: `app` (users) and `admin` (App admins), as in the cloud's console.
    pub read: Vec<String>,
    /// Who may write it, in the same form.
    pub write: Vec<String>,
}

/// A new app.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewApp {
    /// The SDKAppID: 1 to 4294967295.
    pub sdkappid: u32,
    /// The operators' name for it, at most 100 bytes.
    #[serde(default)]
    pub name: Option<String>,
    /// Its first key, 1 to 256 bytes without control characters; absent: a random one is generated.
    #[serde(default)]
    pub key: Option<String>,
}

/// An app that was removed.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct RemovedApp {
    /// The number of its accounts, which were removed with it.
    pub accounts: u64,
}

/// A new key.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// The secret, 1 to 256 bytes without control characters; absent: a random one is generated.
    #[serde(default)]
    pub key: Option<String>,
}

/// A key that was just created, with its secret.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct CreatedKey {
    /// Its number, by which it is revoked.
    pub id: u32,
    /// The secret; no later response shows it.
    pub key: String,
}

/// Settings to change. Absent members stay unchanged, lists are replaced.
#[derive(Debug, Default, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppPatch {
    /// The operators' name for it, at most 100 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether its calls are served; otherwise each is answered with 60016.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Whether users may set their own profile with their own UserSig.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_service: Option<bool>,
    /// Whether `ErrorDisplay` explains errors in a sentence; `null` = as `server.error_detail` says.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub error_detail: Option<Option<bool>>,
    /// The networks, such as `10.0.0.0/8`, or addresses that may call; at most 1000; empty = all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_ips: Option<Vec<String>>,
    /// The most UTF-8 bytes in `Tag_Profile_IM_Location`: 1 to 500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location_bytes_max: Option<usize>,
    /// The most custom fields that may be in use: at most 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_fields_max: Option<usize>,
    /// Calls per second of each command, and `total` of all together; 0 = no limit. Absent names keep their limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<BTreeMap<String, u32>>,
    /// The fields that are checked for sensitive words; at most 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screened_tags: Option<Vec<String>>,
    /// The error code for a sensitive word: 40005 or 80001.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitive_code: Option<u32>,
    /// Whether `portrait_get` names an unknown account by its UserID instead of `@TLS#NOT_FOUND`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo_unknown: Option<bool>,
    /// Whether `account_delete` is refused (71000).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_forbidden: Option<bool>,
    /// For how many seconds a deleted account can't be imported over `/v4`; 0 also removes the stored deletion times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reimport_after: Option<u32>,
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

/// Returns the limit of every command, including those with the default.
fn effective_limits(settings: &AppSettings) -> BTreeMap<String, u32> {
    let defaults = COMMANDS.iter().map(|row| (row.name.to_owned(), row.per_second));
    let mut limits: BTreeMap<String, u32> = defaults.chain([("total".to_owned(), 0)]).collect();
    limits.extend(settings.limits.clone());
    limits
}

impl From<&KeyRecord> for KeyView {
    fn from(record: &KeyRecord) -> Self {
        Self { id: record.id.0, last4: record.key.last4(), created_ms: record.created.map(|at| at.0) }
    }
}

impl From<&CustomField> for FieldView {
    fn from(field: &CustomField) -> Self {
        Self {
            keyword: field.keyword.to_string(),
            value_type: field.value_type.as_str().to_owned(),
            read: permission_names(field.read),
            write: permission_names(field.write),
            retired: field.retired,
        }
    }
}

/// Returns the names of a permission's holders: `app` for users, `admin` for App admins.
pub fn permission_names(permission: Permission) -> Vec<String> {
    let holders = [(permission.user, "app"), (permission.admin, "admin")];
    holders.into_iter().filter(|(permitted, _)| *permitted).map(|(_, name)| name.to_owned()).collect()
}

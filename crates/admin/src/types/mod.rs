//! The JSON of the admin API. The handlers and the command line read and write the same structs.

mod app;
pub mod check;
pub mod console;
mod examples;
pub mod log;
mod value;
pub mod webhook;

pub use app::{
    AppPatch, AppView, CreatedKey, FieldDefinition, FieldView, KeyView, NewApp, NewKey, RemovedApp,
    permission_names,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
pub(crate) use value::{FieldJson, profile_json, value_json};

/// The result of replacing the sensitive words.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct WordsView {
    /// The number of words now in use.
    pub words: usize,
    /// The number of blank lines, which were skipped.
    pub blank: usize,
    /// The number of lines that repeat a word, which were skipped.
    pub duplicate: usize,
    /// The fields that are checked for the words.
    pub screened_tags: Vec<String>,
}

/// Sensitive words to add and to remove.
#[derive(Debug, Default, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WordsPatch {
    /// Words to add; those that are there already stay where they are.
    #[serde(default)]
    pub add: Vec<String>,
    /// Words to remove; those that are not there are left out.
    #[serde(default)]
    pub remove: Vec<String>,
}

/// The result of adding and removing sensitive words.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct WordsChanged {
    /// The number of words now in use.
    pub words: usize,
    /// The number of words that were added.
    pub added: usize,
    /// The number of words that were removed.
    pub removed: usize,
    /// The words to remove that the list does not have, at most 100. Words are compared as values are with them: without case
    /// and width.
    pub not_found: Vec<String>,
    /// The fields that are checked for the words.
    pub screened_tags: Vec<String>,
}

/// A text to look for sensitive words in.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WordsTest {
    /// The text, at most 4096 bytes.
    pub(crate) text: String,
}

/// The sensitive words in a text.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct WordsFound {
    /// The words as the list has them, each once, at most 100.
    pub(crate) words: Vec<String>,
}

/// A new admin token.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// Its name: 1 to 64 letters, digits, dots, hyphens and underscores, the first a letter or a digit.
    pub name: String,
    /// What it may do: `viewer`, `operator` or `admin`; absent: `admin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// An admin token that was just created.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct CreatedToken {
    /// The name by which it is listed and revoked.
    pub name: String,
    /// The secret, to be sent as `Authorization: Bearer TOKEN`; no later response shows it.
    pub token: String,
}

/// An admin token without its secret.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct TokenView {
    /// The name by which it is revoked.
    pub name: String,
    /// When it was created, in Unix milliseconds; `null` for `local`, the token in the file admin.token.
    pub created_ms: Option<u64>,
    /// What it may do: `viewer`, `operator` or `admin`.
    pub role: String,
    /// When it was last used, itself or a session of it, in Unix milliseconds; `null` = not since `since_ms`.
    pub last_used_ms: Option<u64>,
    /// Since when uses are noted: the start of the server, in Unix milliseconds; `null` on a stopped server's data.
    pub since_ms: Option<u64>,
}

/// A page of the audit log, newest first.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct AuditPage {
    /// The entries, newest first.
    pub entries: Vec<AuditEntryView>,
    /// How many entries were read for this page; with `who` or `user` those that do not match too.
    pub scanned: usize,
    /// The `before` of the next page; absent when the whole log was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// An entry of the audit log: one change that was made or refused.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct AuditEntryView {
    /// Its position in the log.
    pub place: u64,
    /// When the call was made, in Unix milliseconds.
    pub at_ms: u64,
    /// The app whose settings or accounts changed; `null` when the change concerns the whole server.
    pub(crate) sdkappid: Option<u32>,
    /// The name of the caller's token, or `os:` and the system's user when the command line changed a stopped server's data.
    pub who: String,
    /// What the caller's token may do: `viewer`, `operator` or `admin`; `null` in entries that were written before tokens had roles in the log.
    pub role: Option<String>,
    /// The caller's address; `null` when the command line changed a stopped server's data.
    pub from: Option<String>,
    /// The HTTP method.
    pub method: String,
    /// The path below `/admin/v1`.
    pub resource: String,
    /// `done`, or `refused: ` and the HTTP status.
    pub outcome: String,
    /// The values that it replaced; secrets are left out.
    pub before: serde_json::Value,
    /// The new values; secrets are left out.
    pub after: serde_json::Value,
}

/// A page of accounts.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct AccountsView {
    /// The UserIDs, in ascending order.
    pub accounts: Vec<String>,
    /// The `after` of the next page; `null` on the last page.
    pub next: Option<String>,
    /// With `profile`: the values that are set, by tag, of each of these accounts whose profile can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "BTreeMap<String, BTreeMap<String, FieldJson>>")]
    pub(crate) profiles: Option<BTreeMap<String, ProfileJson>>,
}

/// The values of a profile that are set, by tag.
pub(crate) type ProfileJson = BTreeMap<String, serde_json::Value>;

/// Fields to set: values by their tags.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct ProfilePatch(BTreeMap<String, FieldJson>);

/// A document in the OpenAPI format.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct Document(BTreeMap<String, serde_json::Value>);

/// One account with its profile.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct AccountView {
    /// The UserID.
    pub user: String,
    /// UserSigs issued at or before this time are refused, in Unix seconds; `null` when the account was never kicked.
    pub(crate) kicked_at: Option<u64>,
    /// The values that are set, by tag.
    #[schemars(with = "BTreeMap<String, FieldJson>")]
    pub profile: BTreeMap<String, serde_json::Value>,
}

/// The usage of an app. Calls and uses of keys are counted since the server started; by several servers on one database, the
/// calls of all together, since its tables were made, each call within about 5 seconds.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct UsageView {
    /// The number of accounts.
    pub accounts: u64,
    /// Since when calls and uses of keys are counted: the start of the server, in Unix milliseconds; `null` on a stopped
    /// server's data.
    pub since_ms: Option<u64>,
    /// When the last call was received, in Unix milliseconds; `null` before the first.
    pub last_call_ms: Option<u64>,
    /// The active keys.
    pub keys: Vec<KeyUse>,
    /// The number of calls, by command and error code; code 0 is success.
    pub calls: BTreeMap<String, BTreeMap<u32, u64>>,
    /// How many servers live whose calls these are; absent for a server on a store of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) nodes: Option<usize>,
}

/// The last use of a key.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct KeyUse {
    /// Its number.
    pub id: u32,
    /// When the last call came with a valid UserSig of this key, in Unix milliseconds; `null` = none since `since_ms`.
    pub last_used_ms: Option<u64>,
}

/// The store's id, and its counts since it was opened.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct StoreView {
    /// 32 hexadecimal digits, generated when the store is created. A restored backup and a copy get another id.
    pub id: String,
    /// The number of writes.
    pub(crate) changes: u64,
    /// The number of commits that these writes took, each with one sync to disk.
    pub(crate) commits: u64,
}

//! The tables of a seed in TOML, and their members.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use toml::Spanned;

/// A document, as it is read: with the positions of its tables.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadDocument {
    #[serde(default)]
    pub(super) app: Vec<Spanned<AppTable<Spanned<FieldTable>, Spanned<AccountTable>>>>,
}

/// A document, as it is written.
#[derive(Serialize)]
pub(super) struct WrittenDocument {
    pub(super) app: Vec<AppTable<FieldTable, AccountTable>>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AppTable<F, A> {
    pub(super) sdkappid: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) keys: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) admins: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) words: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) self_service: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error_detail: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) allow_ips: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) location_bytes_max: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) custom_fields_max: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) screened_tags: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sensitive_code: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) echo_unknown: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) deletion_forbidden: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reimport_after: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) limits: Option<BTreeMap<String, u32>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) webhook: Option<WebhookTable>,
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub(super) field: Vec<F>,
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub(super) account: Vec<A>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WebhookTable {
    pub(super) url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) token: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FieldTable {
    pub(super) keyword: String,
    #[serde(rename = "type")]
    pub(super) value_type: String,
    #[serde(default = "everyone")]
    pub(super) read: Vec<String>,
    #[serde(default = "everyone")]
    pub(super) write: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) retired: bool,
}

fn everyone() -> Vec<String> {
    vec!["app".into(), "admin".into()]
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountTable {
    #[serde(rename = "UserID")]
    pub(super) user: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) profile: BTreeMap<String, ProfileValue>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "a text or a whole number that is not negative")]
pub(super) enum ProfileValue {
    Number(u64),
    Text(String),
    /// A number above TOML's largest, 2^63 - 1.
    Large {
        number: String,
    },
}

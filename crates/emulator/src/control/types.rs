//! The JSON of the control API. The handlers and the command line read and write the same structs.

use crate::sandbox::DataSummary;
use serde::{Deserialize, Serialize};

/// A reset.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reset {
    /// This app alone; absent: everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<u32>,
    /// The state to reset to.
    pub to: ResetTo,
}

/// The state to reset to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum ResetTo {
    /// The data when the emulator started, or when the throw-away app was created
    #[default]
    Seed,
    /// The settings of that time, and no accounts but the admins'
    Empty,
}

/// The number of apps and accounts in a snapshot, or after a reset.
#[derive(Debug, Serialize, Deserialize)]
pub struct DataSummaryView {
    /// The name of the snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// The only app; `null` for all apps.
    pub(crate) app: Option<u32>,
    pub(crate) apps: usize,
    pub(crate) accounts: usize,
}

impl DataSummaryView {
    pub(super) fn new(name: Option<&str>, summary: DataSummary) -> Self {
        let DataSummary { scope, apps, accounts } = summary;
        Self { name: name.map(str::to_owned), app: scope.map(|app| app.0), apps, accounts }
    }
}

/// A snapshot to save.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SaveSnapshot {
    /// This app alone; absent: everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<u32>,
}

/// A throw-away app to create.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CreateApp {
    /// The app whose initial data it gets; absent: the app that `dev` printed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub like: Option<u32>,
    /// Leaves out that app's accounts.
    pub empty: bool,
    /// Sends its profile changes to the emulator's own webhook receiver.
    pub webhook: bool,
}

/// A throw-away app, with the credentials that a test needs to call it.
#[derive(Debug, Serialize, Deserialize)]
pub struct CreatedApp {
    pub(crate) url: String,
    pub(crate) sdkappid: u32,
    pub(crate) key: String,
    pub(crate) admin: String,
    /// The admin's UserSig, valid for 180 days.
    pub(crate) usersig: String,
    pub(crate) accounts: usize,
    /// The URL that its profile changes are sent to; `null` when it has no webhook.
    pub(crate) webhook: Option<String>,
}

/// The number of removed entries or rules.
#[derive(Debug, Serialize, Deserialize)]
pub struct Removed {
    /// The number.
    pub removed: usize,
}

/// The time on the clock.
#[derive(Debug, Serialize, Deserialize)]
pub struct ClockView {
    pub(crate) now: String,
    pub(crate) now_ms: u64,
    pub(crate) frozen: bool,
    /// How far it is ahead of the machine's clock, in milliseconds; negative when it is behind.
    pub(crate) ahead_ms: i64,
}

/// A change of the clock. Its members are applied in this order.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClockChange {
    /// `2027-01-31T08:00:00Z`, or Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<TextOrNumber>,
    /// `90d`, `12h`, `15m`, `30s`, `500ms`, or milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advance: Option<TextOrNumber>,
    /// Whether the clock is stopped; absent: unchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frozen: Option<bool>,
}

/// A time or a duration, in one of its forms.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged, expecting = "a text or a whole number that is not negative")]
pub enum TextOrNumber {
    /// Milliseconds: a duration, or since the Unix epoch.
    Number(u64),
    /// An RFC 3339 time in UTC, or a number with a unit such as `90d`.
    Text(String),
}

/// A filter of recorded calls.
#[derive(Clone, Debug, Default, Serialize, Deserialize, clap::Args)]
#[serde(default, deny_unknown_fields)]
pub struct CallFilter {
    /// Only those of this app
    #[arg(long, value_name = "SDKAPPID")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<u32>,
    /// Only those of this command, for example portrait_set or `sns/friend_add`
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) command: Option<String>,
    /// Only those that name this account in their body
    #[arg(long, value_name = "USERID")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    /// Only those that were answered with this code
    #[arg(long, value_name = "CODE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<u32>,
    /// Only those with a higher number
    #[arg(long, value_name = "NUMBER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// Only the last N
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Wait until there are N of them
    #[arg(long, value_name = "N", requires = "wait_ms")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<usize>,
    /// Wait no longer than this many milliseconds
    #[arg(long, value_name = "MS", requires = "count")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
}

/// A filter of recorded webhook calls.
#[derive(Debug, Default, Serialize, Deserialize, clap::Args)]
#[serde(default, deny_unknown_fields)]
pub struct InboxFilter {
    /// Only those of this app
    #[arg(long, value_name = "SDKAPPID")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<u32>,
    /// Only those to /_portraitd/webhooks/NAME
    #[arg(long = "box", value_name = "NAME")]
    #[serde(rename = "box", skip_serializing_if = "Option::is_none")]
    pub(crate) box_name: Option<String>,
    /// Only those about this account
    #[arg(long, value_name = "USERID")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    /// Only those with a higher number
    #[arg(long, value_name = "NUMBER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<u64>,
    /// Only the last N
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<usize>,
    /// Wait until there are N of them
    #[arg(long, value_name = "N", requires = "wait_ms")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) count: Option<usize>,
    /// Wait no longer than this many milliseconds
    #[arg(long, value_name = "MS", requires = "count")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) wait_ms: Option<u64>,
}

/// The app whose entries are meant; absent: all apps.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AppFilter {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) app: Option<u32>,
}

//! The JSON of the control API: what it shows and takes. The command line reads and writes the same structs.

use crate::sandbox::Extent;
use serde::{Deserialize, Serialize};

/// What to reset.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reset {
    /// This app alone; absent: everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<u32>,
    /// What to go back to.
    pub to: ResetTo,
}

/// What to reset to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum ResetTo {
    /// As it was when the emulator started, or the throw-away app was made
    #[default]
    Seed,
    /// The settings of then, and no accounts but the admins'
    Empty,
}

/// What a reset or a snapshot holds.
#[derive(Debug, Serialize, Deserialize)]
pub struct ExtentView {
    /// Of a snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// `None`: all apps.
    pub(crate) app: Option<u32>,
    pub(crate) apps: usize,
    pub(crate) accounts: usize,
}

impl ExtentView {
    pub(super) fn of(name: Option<&str>, extent: Extent) -> Self {
        let Extent { scope, apps, accounts } = extent;
        Self { name: name.map(str::to_owned), app: scope.map(|app| app.0), apps, accounts }
    }
}

/// What to save as a snapshot.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Save {
    /// This app alone; absent: everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<u32>,
}

/// A throw-away app to make.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CreateApp {
    /// The app it is to be like, as that was at the start; absent: the one that `dev` made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub like: Option<u32>,
    /// Without that app's accounts.
    pub empty: bool,
    /// Tell its changes to the emulator's own receiver.
    pub webhook: bool,
}

/// A throw-away app, with all that a test needs to call it.
#[derive(Debug, Serialize, Deserialize)]
pub struct CreatedApp {
    pub(crate) url: String,
    pub(crate) sdkappid: u32,
    pub(crate) key: String,
    pub(crate) admin: String,
    /// Of the admin, for 180 days.
    pub(crate) usersig: String,
    pub(crate) accounts: usize,
    /// Where its changes are told, if they are.
    pub(crate) webhook: Option<String>,
}

/// How many were removed.
#[derive(Debug, Serialize, Deserialize)]
pub struct Removed {
    /// The number.
    pub removed: usize,
}

/// What the clock shows.
#[derive(Debug, Serialize, Deserialize)]
pub struct ClockView {
    pub(crate) now: String,
    pub(crate) now_ms: u64,
    pub(crate) frozen: bool,
    /// Ahead of the machine's clock, in milliseconds; negative when behind.
    pub(crate) ahead_ms: i64,
}

/// A change of the clock; in this order.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClockChange {
    /// `2027-01-31T08:00:00Z`, or Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<TextOrNumber>,
    /// `90d`, `12h`, `15m`, `30s`, `500ms`, or milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advance: Option<TextOrNumber>,
    /// Whether the clock stands still; absent: as before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frozen: Option<bool>,
}

/// A time or a span as it may be written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged, expecting = "a text or a whole number that is not negative")]
pub enum TextOrNumber {
    /// Milliseconds: of a span, or since the Unix epoch.
    Number(u64),
    /// An RFC 3339 time in UTC, or a number with a unit such as `90d`.
    Text(String),
}

/// Which requests.
#[derive(Debug, Default, Serialize, Deserialize, clap::Args)]
#[serde(default, deny_unknown_fields)]
pub struct CallFilter {
    /// Those of this app
    #[arg(long, value_name = "SDKAPPID")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<u32>,
    /// Those of this command
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) command: Option<String>,
    /// Those that name this account in their body
    #[arg(long, value_name = "USERID")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    /// Those that were answered with this code
    #[arg(long, value_name = "CODE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<u32>,
    /// Those after this number
    #[arg(long, value_name = "NUMBER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<u64>,
    /// The newest so many
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<usize>,
}

/// Which webhook calls.
#[derive(Debug, Default, Serialize, Deserialize, clap::Args)]
#[serde(default, deny_unknown_fields)]
pub struct InboxFilter {
    /// Those of this app
    #[arg(long, value_name = "SDKAPPID")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<u32>,
    /// Those to /_portraitd/webhooks/NAME
    #[arg(long = "box", value_name = "NAME")]
    #[serde(rename = "box", skip_serializing_if = "Option::is_none")]
    pub(crate) box_name: Option<String>,
    /// Those about this account
    #[arg(long, value_name = "USERID")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    /// Those after this number
    #[arg(long, value_name = "NUMBER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<u64>,
    /// The newest so many
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<usize>,
    /// Wait until there are so many
    #[arg(long, value_name = "N", requires = "wait_ms")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) count: Option<usize>,
    /// Wait no longer than this, in milliseconds
    #[arg(long, value_name = "MS", requires = "count")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) wait_ms: Option<u64>,
}

/// Of which app; absent: all.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OfApp {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) app: Option<u32>,
}

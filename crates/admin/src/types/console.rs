//! The JSON of what the console needs besides the operator's calls: sessions, tried calls, UserSigs, the reference.

use crate::series::SeriesPoint;
use portraitd_store::NodesStatus;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The caller of this request, and the server that it talks to.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct SessionView {
    /// The name of the caller's token; `local` is the token of the file admin.token, or a caller that needs none.
    pub(crate) who: String,
    /// What the caller may do: `viewer`, `operator` or `admin`.
    pub(crate) role: String,
    /// `dev` or `serve`.
    pub(crate) mode: String,
    /// A URL of the public API; absent when it listens on Unix sockets alone.
    pub(crate) public_url: Option<String>,
    /// The server's version.
    pub(crate) version: String,
    /// Whether the caller sent no token and needs none, so that there is nothing to sign out of.
    pub(crate) without_token: bool,
    /// Which of several servers on one database answered; absent for a server on a store of its own. Its jobs, its log of calls
    /// and the past of its figures are its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) node: Option<NodeView>,
}

/// One of several servers on one database.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct NodeView {
    /// Its number, from 0.
    pub(crate) number: u32,
    /// The machine that it runs on, and where it listens.
    pub(crate) name: String,
    /// How many servers live, this one among them.
    pub(crate) live: usize,
    /// The host of the database that it uses.
    pub(crate) database_host: String,
}

impl From<NodesStatus> for NodeView {
    fn from(nodes: NodesStatus) -> Self {
        Self { number: nodes.node, name: nodes.name, live: nodes.live, database_host: nodes.host }
    }
}

/// A session that was just begun.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct CreatedSession {
    /// Its secret, to be sent as `Authorization: Bearer SECRET`. It lives 12 hours, 30 minutes unused, and not longer than its
    /// token.
    pub session: String,
    /// The name of its token.
    pub(crate) who: String,
}

/// A ticket that was just made.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct CreatedTicket {
    /// The ticket: good for one call. One for signing in is sent as a bearer token, one for an export in the URL.
    pub ticket: String,
    /// How long it can be used, in seconds.
    pub expires_s: u64,
}

/// A download to make a ticket for.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewExportTicket {
    /// The only account of the export; absent: all of them.
    #[serde(default)]
    pub(crate) user: Option<String>,
}

/// A call of `/v4` to try.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TryCall {
    /// The path, such as `/v4/profile/portrait_set`.
    pub(crate) path: String,
    /// `identifier` of the query.
    pub(crate) identifier: String,
    /// The UserSig of the query.
    #[serde(default)]
    pub(crate) usersig: TriedSig,
    /// The body, byte for byte.
    pub(crate) body: String,
}

/// The UserSig of a tried call.
#[derive(Debug, Default, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriedSig {
    /// One that is good.
    #[default]
    Valid,
    /// One that expired an hour ago (70001).
    Expired,
    /// One that is signed with a key of no app (70009).
    WrongKey,
    /// None (60025).
    None,
    /// A good one of another user (70013).
    OtherUser,
    /// This text.
    Given(String),
}

/// What became of a tried call.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct TriedCall {
    /// The request as it was sent, its UserSig left out.
    pub(crate) request: String,
    /// How the answer ended.
    pub(crate) outcome: TryOutcome,
    /// The HTTP status; absent when the connection was closed before.
    pub(crate) status: Option<u16>,
    /// The headers of the answer, in their order.
    pub(crate) headers: Vec<(String, String)>,
    /// The body of the answer, as far as it came.
    pub(crate) body: String,
    /// The explanation of the error, decoded from `X-Error-Detail`.
    pub(crate) detail: Option<String>,
    /// The time from the first byte sent to the end of the answer, in microseconds.
    pub(crate) micros: u64,
}

/// How an answer ended.
#[derive(Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TryOutcome {
    /// It came whole.
    Answered,
    /// The connection was closed in the middle of it.
    Cut,
    /// The connection was closed without an answer.
    Closed,
}

/// A UserSig to make.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewUserSig {
    /// The UserID that it is for.
    pub(crate) identifier: String,
    /// How many seconds it is valid.
    pub(crate) expire: u64,
    /// A user buffer.
    #[serde(default)]
    pub(crate) userbuf: Option<String>,
}

/// A UserSig that was just made.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct CreatedUserSig {
    /// The UserSig.
    pub(crate) usersig: String,
    /// When it expires, in Unix seconds.
    pub(crate) expires: u64,
}

/// A UserSig to check.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenSig {
    /// The UserSig, also percent-encoded, or a URL, a query or a line of a log with it.
    pub(crate) usersig: String,
    /// The UserID that it should be for; absent: the URL's, or its own.
    #[serde(default)]
    pub(crate) identifier: Option<String>,
}

/// What a UserSig holds, and what is wrong with it.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct CheckedSig {
    /// The code that a call with it is answered; 0 when it is good.
    pub(crate) code: u32,
    /// What refuses it, and the remedy; absent when it is good.
    pub(crate) reason: Option<String>,
    /// What is odd about it although it may verify.
    pub(crate) warnings: Vec<String>,
    /// Its fields; absent when it can't be read.
    pub(crate) fields: Option<SigFields>,
}

/// The fields of a UserSig.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct SigFields {
    pub(crate) sdkappid: u64,
    pub(crate) identifier: String,
    /// When it was issued, in Unix seconds.
    pub(crate) issued: u64,
    /// When it expires, in Unix seconds.
    pub(crate) expires: u64,
    /// The user buffer, in base64.
    pub(crate) userbuf: Option<String>,
    /// The number of the app's key that it is signed with; absent when it is none of them.
    pub(crate) key: Option<u32>,
}

/// The protocol, as the console shows it.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct Reference {
    /// The commands of `/v4`.
    pub(crate) commands: Vec<CommandView>,
    /// The standard fields.
    pub(crate) fields: Vec<StandardFieldView>,
    /// The error codes that have a page.
    pub(crate) codes: BTreeMap<u32, CodeView>,
}

/// An error code of the protocol.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct CodeView {
    /// `ErrorInfo` on the wire; empty for a code that only the cloud answers.
    pub(crate) info: String,
    /// What it means.
    pub(crate) meaning: String,
}

/// A command of `/v4`.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct CommandView {
    pub(crate) name: String,
    pub(crate) path: String,
    /// What it does.
    pub(crate) title: String,
    /// Calls a second for each app, unless the app's settings say otherwise.
    pub(crate) per_second: u32,
}

/// A standard field.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct StandardFieldView {
    pub(crate) tag: String,
    /// `string` or `uint32`.
    #[serde(rename = "type")]
    pub(crate) value_type: String,
    /// What it holds.
    pub(crate) title: String,
    /// The longest value in bytes of UTF-8; absent for a number and for a field with a list of values.
    pub(crate) bytes_max: Option<usize>,
    /// The only values that it takes; empty for any.
    pub(crate) values: Vec<String>,
    /// Whether users may write it; App admins always may.
    pub(crate) user_may_write: bool,
}

/// The page of an error code.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct CodePage {
    /// The page, in Markdown.
    pub(crate) markdown: String,
}

/// A job: long work that goes on in the background.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct JobView {
    /// Its number.
    pub(crate) id: u64,
    /// What is done.
    pub(crate) kind: JobKind,
    /// How it stands.
    pub(crate) state: JobState,
    /// Why it failed, in a sentence; `null` otherwise.
    pub(crate) reason: Option<String>,
    /// When it began, in Unix milliseconds.
    pub(crate) started_ms: u64,
    /// When it ended, in Unix milliseconds; `null` while it runs.
    pub(crate) ended_ms: Option<u64>,
    /// The bytes that are copied.
    pub(crate) bytes: u64,
    /// The bytes that there are to copy: an estimate until all are copied.
    pub(crate) bytes_total: u64,
    /// The directory of the backup; `s3://…` for one that is taken on a schedule into a storage.
    pub(crate) directory: String,
    /// The command that makes a data directory of it, for a shell.
    pub(crate) restore: String,
}

/// What a job does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// It copies the whole store.
    Backup,
}

/// How a job stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// It goes on.
    Running,
    /// It is complete: the backup is on the disk.
    Done,
    /// It ended without a result.
    Failed,
}

/// The past of some figures.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct SeriesView {
    /// The name of the server that took the readings, one of several on one database; absent for a server on a store of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) node: Option<String>,
    /// The last 15 minutes, every 5 seconds; oldest first.
    pub(crate) fine: Vec<SeriesPoint>,
    /// The last day, every minute; oldest first.
    pub(crate) coarse: Vec<SeriesPoint>,
}

//! The report as JSON: what `GET /report` answers and `--report` writes. `docs/SHADOW.md` describes it.

use crate::compare::Kind;
use crate::side::{Side, Sides};
use serde::Serialize;
use std::collections::BTreeMap;

/// The whole report.
#[derive(Clone, Debug, Serialize)]
pub struct ReportView {
    /// When counting began: at the start, or at the last `DELETE /report`.
    pub since: String,
    /// When it was made.
    pub at: String,
    /// The side whose answers callers get.
    pub answers_from: Side,
    /// Whether calls were compared, none differed, and no account is unsettled.
    pub is_clean: bool,
    /// All calls of portraitd's commands.
    pub total: CallCounts,
    /// The same for each command.
    pub commands: BTreeMap<&'static str, CallCounts>,
    /// Calls of commands that portraitd does not have, by path: forwarded to the cloud, and not compared.
    pub forwarded: BTreeMap<String, u64>,
    /// Requests that were not forwarded: too large, incomplete, too late, or in a loop.
    pub not_forwarded: u64,
    /// Every kind of difference, by command and member.
    pub differences: Vec<DifferenceView>,
    /// Differences of state that was not known to be the same on both sides.
    pub unsettled_differences: Vec<DifferenceView>,
    /// How many accounts have such state now.
    pub unsettled_accounts: usize,
    /// Whether more accounts have than can be remembered, so that all count as unsettled.
    pub unsettled_accounts_exceeded: bool,
}

/// How many calls there were.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CallCounts {
    /// Forwarded calls.
    pub calls: u64,
    /// Those whose two answers were compared.
    pub compared: u64,
    /// Those of them whose answers differed; differences of unsettled state not counted.
    pub different: u64,
    /// Those that were not compared, by reason.
    pub not_compared: BTreeMap<NotCompared, u64>,
}

/// Why a call was not compared.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NotCompared {
    /// The cloud gave no answer of the protocol, or one that leaves open whether the call was executed.
    CloudUnknown,
    /// The cloud did not execute it, for a limit of its own.
    CloudLimit,
    /// portraitd gave no answer of the protocol, or one that leaves open whether the call was executed.
    HereUnknown,
    /// portraitd answers, and did not execute it for a limit.
    HereLimit,
    /// portraitd answers, and refused a write: the cloud is not told.
    HereRefused,
    /// Other calls held its accounts for too long.
    Busy,
}

/// Differences of one kind, command and member.
#[derive(Clone, Debug, Serialize)]
pub struct DifferenceView {
    /// What differs.
    pub kind: Kind,
    /// The command.
    pub command: &'static str,
    /// The member's path in the answer.
    pub path: String,
    /// How many there were.
    pub count: u64,
    /// When the first was seen.
    pub first: String,
    /// When the last was seen.
    pub last: String,
    /// Some of them, the first ones.
    pub samples: Vec<SampleView>,
}

/// One difference.
#[derive(Clone, Debug, Serialize)]
pub struct SampleView {
    /// When it was seen.
    pub at: String,
    /// `ErrorCode` of both answers.
    pub codes: CodesView,
    /// The digest of the UserID that it is of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// A code, a JSON type, or the digest of a value.
    pub cloud: String,
    /// The same of portraitd's answer.
    pub here: String,
}

/// `ErrorCode` of both answers.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CodesView {
    /// The cloud's.
    pub cloud: u64,
    /// portraitd's.
    pub here: u64,
}

impl From<Sides<u64>> for CodesView {
    fn from(Sides { cloud, here }: Sides<u64>) -> Self {
        Self { cloud, here }
    }
}

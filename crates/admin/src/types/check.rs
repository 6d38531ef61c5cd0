//! The JSON of changes that are checked and not made.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Changes of apps to check, each on top of those before it.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangesToCheck {
    /// The changes, at most 10,000.
    pub changes: Vec<ChangeToCheck>,
}

/// One change: a call of the admin API that changes an app's settings, its fields, words, keys, admins or webhook.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeToCheck {
    /// The HTTP method.
    pub method: String,
    /// The path below `/admin/v1`.
    pub path: String,
    /// The body, as the call would have it.
    #[serde(default)]
    pub body: String,
}

/// What became of the check.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct CheckedChanges {
    /// How many changes would be made before one is refused, or all.
    pub accepted: usize,
    /// The first change that would be refused; `null` when each would be made.
    pub refused: Option<RefusedChange>,
}

/// A change that would be refused.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct RefusedChange {
    /// Which one, counted from 1.
    pub change: usize,
    /// The code of the error.
    pub code: String,
    /// Why, in the language of `Accept-Language`.
    pub error: String,
}

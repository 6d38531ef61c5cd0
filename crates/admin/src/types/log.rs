//! The JSON of the log's settings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the server that answers logs.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize, Deserialize)]
pub struct LogView {
    /// What is logged: a level for everything, and levels for parts of the program, between commas.
    pub filter: String,
    /// Whether each request to the public API is a line of the log.
    pub access: bool,
}

/// What to change of the log; absent members stay as they are.
#[derive(Clone, Default, PartialEq, Eq, Debug, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogPatch {
    /// What is logged: `off`, `error`, `warn`, `info`, `debug` or `trace`, alone or with levels for parts of the program, such as
    /// `info,portraitd_http::tls=debug`; at most 1000 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Whether each request to the public API is a line of the log, whatever `filter` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<bool>,
}

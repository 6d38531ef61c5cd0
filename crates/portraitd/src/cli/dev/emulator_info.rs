//! The addresses and credentials of a running emulator. `portraitd dev` prints them, and `portraitd env` asks for them.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// For how long the printed UserSig is valid: 180 days, like those of the cloud's console.
pub(super) const USERSIG_SECONDS: u64 = 180 * 24 * 3600;

/// The default URL of `portraitd dev`.
pub(super) const DEFAULT_URL: &str = "http://127.0.0.1:8080";

/// The addresses and credentials of a running emulator.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct EmulatorInfo {
    pub(super) url: String,
    /// Set with `--tls` or `--proxy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tls_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) proxy_url: Option<String>,
    /// The directory of the certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) certificates: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) admin_url: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) admin_token: String,
    pub(super) sdkappid: u32,
    pub(super) key: String,
    pub(super) admin: String,
    pub(super) usersig: String,
}

impl EmulatorInfo {
    /// Returns this as JSON without the admin URL and token, for callers on this machine.
    pub(super) fn environment(&self) -> serde_json::Result<serde_json::Value> {
        serde_json::to_value(Self { admin_url: String::new(), admin_token: String::new(), ..self.clone() })
    }
}

//! The state that the handlers of the control API share.

use crate::emulator::Emulator;
use crate::sandbox::{Sandbox, SandboxError};
use portraitd_admin::error::AdminError;
use portraitd_api::registry::Registry;
use portraitd_model::SdkAppId;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The prefix of every path.
pub const PREFIX: &str = "/_portraitd";

/// What the control API works on.
#[derive(Clone)]
pub struct ControlState {
    /// The emulator.
    pub emulator: Arc<Emulator>,
    /// The apps with their current settings.
    pub registry: Arc<Registry>,
    /// The URL at which this machine reaches the public listener.
    pub url: Arc<str>,
    /// Another one for each start of an emulator, by which clients notice that it was restarted.
    pub start_id: Arc<str>,
    /// Ends the live streams when the server stops.
    pub stop: CancellationToken,
}

impl ControlState {
    /// Returns the sandbox; 409 when the data is kept on disk.
    pub(super) fn sandbox(&self) -> Result<&Sandbox, AdminError> {
        self.emulator.sandbox.as_ref().ok_or_else(|| {
            AdminError::conflict(
                "resets, snapshots and throw-away apps would overwrite the data in --data DIR; \
                 start portraitd dev without --data to use them",
            )
        })
    }

    /// Returns an SDKAppID; 404 when there is no such app.
    pub(super) fn app(&self, app: u32) -> Result<SdkAppId, AdminError> {
        let app = SdkAppId(app);
        let known = self.registry.app(app).is_some();
        known.then_some(app).ok_or_else(|| AdminError::not_found(format!("there is no app {app}")))
    }

    /// Removes the recorded calls and webhook calls of an app, or of all apps.
    pub(super) fn clear_records(&self, app: Option<SdkAppId>) {
        let matches = |recorded: Option<u32>| app.is_none_or(|app| recorded == Some(app.0));
        self.emulator.calls.remove(|call| matches(call.app));
        self.emulator.inbox.remove(|entry| matches(entry.app));
    }
}

impl From<SandboxError> for AdminError {
    fn from(error: SandboxError) -> Self {
        match error {
            SandboxError::NotFound(message) => Self::not_found(message),
            SandboxError::Conflict(message) => Self::conflict(message),
            SandboxError::Store(error) => error.into(),
        }
    }
}

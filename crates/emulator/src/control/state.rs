//! The state that the handlers of the control API share.

use crate::emulator::Emulator;
use crate::sandbox::Sandbox;
use portraitd_admin::error::AdminError;
use portraitd_admin::error_code::AdminCode;
use portraitd_api::registry::Registry;
use portraitd_model::{SdkAppId, bilingual};
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
            AdminError::new(
                AdminCode::NotPossible,
                bilingual!(
                    "resets, snapshots and throw-away apps would overwrite the data in --data DIR; \
                     start portraitd dev without --data to use them",
                    "重置、快照与临时应用会覆盖 --data DIR 中的数据；如需使用，请不带 --data 启动 portraitd dev"
                ),
            )
        })
    }

    /// Returns an SDKAppID; 404 when there is no such app.
    pub(super) fn app(&self, app: u32) -> Result<SdkAppId, AdminError> {
        let app = SdkAppId(app);
        let known = self.registry.app(app).is_some();
        known.then_some(app).ok_or_else(|| AdminError::no_such_app(app))
    }

    /// Removes the recorded calls and webhook calls of an app, or of all apps.
    pub(super) fn clear_records(&self, app: Option<SdkAppId>) {
        let matches = |recorded: Option<u32>| app.is_none_or(|app| recorded == Some(app.0));
        self.emulator.calls.remove(|call| matches(call.app));
        self.emulator.inbox.remove(|entry| matches(entry.app));
    }
}

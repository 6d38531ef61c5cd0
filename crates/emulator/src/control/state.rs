//! What the control API works on.

use crate::emulator::Emulator;
use crate::sandbox::{Refused, Sandbox};
use portraitd_admin::error::AdminError;
use portraitd_api::registry::Registry;
use portraitd_model::SdkAppId;
use std::sync::Arc;

/// Where it is.
pub const PREFIX: &str = "/_portraitd";

/// What the control API works on.
#[derive(Clone)]
pub struct State {
    /// What tests set and look at.
    pub emulator: Arc<Emulator>,
    /// The settings in force.
    pub registry: Arc<Registry>,
    /// The public listener's address, as this machine reaches it.
    pub url: Arc<str>,
}

impl State {
    /// The sandbox, where there is one.
    pub(super) fn sandbox(&self) -> Result<&Sandbox, AdminError> {
        self.emulator.sandbox.as_ref().ok_or_else(|| {
            AdminError::conflict(
                "this emulator keeps its data on the disk (--data), and this would overwrite it; \
                 start portraitd dev without --data",
            )
        })
    }

    pub(super) fn app(&self, app: u32) -> Result<SdkAppId, AdminError> {
        let app = SdkAppId(app);
        let known = self.registry.app(app).is_some();
        known.then_some(app).ok_or_else(|| AdminError::not_found(format!("there is no app {app}")))
    }

    /// Forgets what was called and told of an app, or of all.
    pub(super) fn forget(&self, app: Option<SdkAppId>) {
        let fits = |of: Option<u32>| app.is_none_or(|app| of == Some(app.0));
        self.emulator.calls.remove(|call| fits(call.app));
        self.emulator.inbox.remove(|told| fits(told.app));
    }
}

impl From<Refused> for AdminError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NotFound(why) => Self::not_found(why),
            Refused::Conflict(why) => Self::conflict(why),
            Refused::Store(error) => error.into(),
        }
    }
}

//! The part of an app's settings that webhook delivery needs, independent of the registry of apps.

use crate::status::Delivery;
use portraitd_model::{SdkAppId, Webhook};
use std::collections::HashMap;
use std::sync::Arc;

/// Every app by its SDKAppID.
pub type WebhookTargets = Arc<HashMap<SdkAppId, WebhookTarget>>;

/// Where an app's events are sent, and its delivery status.
#[derive(Clone, Debug)]
pub struct WebhookTarget {
    /// `None`: the app has no webhook; events left in its outbox stay there.
    pub webhook: Option<Webhook>,
    /// Kept when the app's settings change.
    pub delivery: Arc<Delivery>,
}

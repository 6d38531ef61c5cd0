//! An app as webhooks know it: all that they are told of it, whoever keeps the apps.

use crate::status::Delivery;
use portraitd_model::{SdkAppId, Webhook};
use std::collections::HashMap;
use std::sync::Arc;

/// Every app by its number.
pub type WebhookTargets = Arc<HashMap<SdkAppId, WebhookTarget>>;

/// Where an app's events go, and what is counted of them.
#[derive(Clone, Debug)]
pub struct WebhookTarget {
    /// `None`: the app has no webhook, and what is left in its outbox stays there.
    pub webhook: Option<Webhook>,
    /// Lives on when the app's settings change.
    pub delivery: Arc<Delivery>,
}

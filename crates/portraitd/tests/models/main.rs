//! Settings that change under calls, in every order that a model checker can think of: the snapshot of the apps, the UserSigs that it
//! remembers, and kicks.
//!
//! What runs is the product's own `registry.rs` and `verified.rs`, compiled once more with shuttle's locks and threads and with
//! scheduling points around the snapshot's exchange; the store is the one in memory. What stands in for something: `authenticate`
//! (`story.rs`) takes the gateway's steps one by one, since the gateway itself needs sockets; what hangs on an app without a part in this (counts,
//! limits, webhooks) is empty. arc-swap and tokio's lock are whole operations here, and atomics are sequentially consistent.
//!
//! `SCALE=n` looks at n times as many orders. `scripts/mutants` breaks the product on purpose and shows that these tests notice.

#![expect(dead_code, reason = "only some of the product's code is called here")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod primitives;
#[path = "../../src/registry.rs"]
mod registry;
mod story;
#[path = "../../src/verified.rs"]
mod verified;

/// What hangs on an app and has no part in this.
mod limit {
    #[derive(Debug, Default)]
    pub(crate) struct AppCells;
}
mod usage {
    #[derive(Debug, Default)]
    pub(crate) struct Usage(());
}
mod webhook {
    use portrait_model::{SdkAppId, Webhook};
    use std::collections::HashMap;
    use std::sync::Arc;

    #[derive(Debug, Default)]
    pub(crate) struct Delivery;

    pub(crate) type WebhookTargets = Arc<HashMap<SdkAppId, WebhookTarget>>;

    pub(crate) struct WebhookTarget {
        pub(crate) webhook: Option<Webhook>,
        pub(crate) delivery: Arc<Delivery>,
    }
}

/// Of a call's query, what is looked at.
mod query {
    use std::borrow::Cow;

    pub(crate) struct Query<'a> {
        pub(crate) identifier: Cow<'a, str>,
        pub(crate) usersig: Cow<'a, str>,
    }
}

//! `CLOSED` and `OPEN`: every route of the admin listener, one row each. A test tries each row without a token.

use super::{State, accounts, apps, audit, fields, tokens, transfer, usage, webhook, words};
use axum::Router;
use axum::routing::{self, MethodRouter};

/// One route of the admin listener.
pub(crate) struct Route {
    /// Its method, in lower case.
    #[cfg_attr(not(feature = "internals"), expect(dead_code, reason = "for the inventory alone"))]
    pub(crate) method: &'static str,
    /// Its path; `{…}` stands for one part of it.
    pub(crate) path: &'static str,
    build: fn() -> MethodRouter<State>,
}

macro_rules! routes {
    ($($method:ident $path:literal $handler:expr;)*) => {
        &[$(Route { method: stringify!($method), path: $path, build: || routing::$method($handler) },)*]
    };
}

/// What every path of [`CLOSED`] starts with.
pub(crate) const PREFIX: &str = "/admin/v1";

/// Every route that wants a token.
pub(crate) const CLOSED: &[Route] = routes! {
    get    "/apps"                           apps::list;
    post   "/apps"                           apps::create;
    get    "/apps/{app}"                     apps::show;
    patch  "/apps/{app}"                     apps::patch;
    get    "/apps/{app}/usage"               usage::show;
    post   "/apps/{app}/keys"                apps::add_key;
    delete "/apps/{app}/keys/{key}"          apps::revoke_key;
    put    "/apps/{app}/admins/{user}"       apps::add_admin;
    delete "/apps/{app}/admins/{user}"       apps::remove_admin;
    put    "/apps/{app}/fields/{keyword}"    fields::define;
    delete "/apps/{app}/fields/{keyword}"    fields::retire;
    get    "/apps/{app}/words"               words::list;
    put    "/apps/{app}/words"               words::set;
    get    "/apps/{app}/accounts"            accounts::page;
    get    "/apps/{app}/accounts/{user}"     accounts::show;
    put    "/apps/{app}/accounts/{user}"     accounts::create;
    delete "/apps/{app}/accounts/{user}"     accounts::delete;
    patch  "/apps/{app}/accounts/{user}/profile" accounts::set;
    get    "/apps/{app}/export"              transfer::export;
    post   "/apps/{app}/import"              transfer::import;
    post   "/backup"                         transfer::backup;
    get    "/apps/{app}/webhook"             webhook::show;
    put    "/apps/{app}/webhook"             webhook::set;
    delete "/apps/{app}/webhook"             webhook::remove;
    get    "/apps/{app}/webhook/events"      webhook::events;
    post   "/apps/{app}/webhook/replay"      webhook::replay;
    post   "/apps/{app}/webhook/drop"        webhook::drop;
    post   "/apps/{app}/webhook/test"        webhook::test;
    get    "/store"                          super::store_stats;
    get    "/tokens"                         tokens::list;
    post   "/tokens"                         tokens::create;
    delete "/tokens/{name}"                  tokens::revoke;
    get    "/audit"                          audit::page;
};

/// The routes that are open to everyone who reaches the listener: they name no user and hold no secret.
pub(crate) const OPEN: &[Route] = routes! {
    get "/healthz" async || "ok\n";
    get "/readyz"  super::ready;
    get "/metrics" super::metrics;
};

/// A router of a table's routes.
pub(super) fn router(table: &[Route]) -> Router<State> {
    table.iter().fold(Router::new(), |router, route| router.route(route.path, (route.build)()))
}

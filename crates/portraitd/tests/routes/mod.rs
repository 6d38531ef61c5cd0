//! Every route of every listener, from the tables of the crates that answer them.

use portraitd_admin::route::Route as AdminRoute;
use portraitd_admin::routes::{OPEN_ROUTES, PREFIX, TOKEN_ROUTES};
use portraitd_api::openapi::endpoint;
use portraitd_emulator::control;
use portraitd_model::COMMANDS;
use portraitd_shadow::control as shadow_control;
use portraitd_store::TokenRole;

/// One route.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) listener: Listener,
    /// In capitals.
    pub(crate) method: String,
    /// `{…}` stands for one part of the path.
    pub(crate) path: String,
    /// Whether it answers without a UserSig or token.
    pub(crate) open: bool,
    /// The least role of a token that may call it.
    pub(crate) role: Option<TokenRole>,
}

/// Where a route is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listener {
    Public,
    Admin,
    /// On both listeners, by `portraitd dev` alone.
    Emulator,
    /// On the control address of `portraitd shadow`.
    Shadow,
}

/// Every route that there is.
pub(crate) fn routes() -> Vec<Route> {
    let commands = COMMANDS.iter().map(|row| Route {
        listener: Listener::Public,
        method: "POST".into(),
        path: row.path.into(),
        open: false,
        role: None,
    });
    let document = Route {
        listener: Listener::Public,
        method: "GET".into(),
        path: endpoint::PATH.into(),
        open: true,
        role: None,
    };
    let admin = |route: &AdminRoute, prefix: &str| Route {
        listener: Listener::Admin,
        method: route.method.to_uppercase(),
        path: format!("{prefix}{}", route.path),
        open: route.role.is_none(),
        role: route.role,
    };
    let emulator = control::routes::ROUTES.iter().map(|route| Route {
        listener: Listener::Emulator,
        method: route.method.to_uppercase(),
        path: format!("{}{}", control::state::PREFIX, route.path),
        open: route.role().is_none(),
        role: route.role(),
    });
    let shadow = shadow_control::ROUTES.iter().map(|route| Route {
        listener: Listener::Shadow,
        method: route.method.into(),
        path: route.path.into(),
        open: true,
        role: None,
    });
    let closed = TOKEN_ROUTES.iter().map(|route| admin(route, PREFIX));
    let open = OPEN_ROUTES.iter().map(|route| admin(route, ""));
    commands.chain([document]).chain(closed).chain(open).chain(emulator).chain(shadow).collect()
}

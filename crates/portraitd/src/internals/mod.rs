//! The parts that tests and fuzz targets reach from outside; only there with the feature `internals`, and no promise to
//! anybody.

pub mod fuzz;
mod steps;

use portraitd_admin::routes;
use portraitd_api::openapi;
use portraitd_emulator::control;
use portraitd_model::COMMANDS;

/// One route, as its router knows it.
#[derive(Clone, Debug)]
pub struct Route {
    /// `public`, `admin` or `emulator`, whose routes `dev` answers on both listeners.
    pub listener: &'static str,
    /// In capitals.
    pub method: String,
    /// `{…}` stands for one part of the path.
    pub path: String,
    /// Whether it answers without a UserSig or token.
    pub open: bool,
}

/// The table of settings in OPERATIONS.
pub fn settings(language: portraitd_model::Language) -> String {
    crate::config::reference::table(language)
}

/// Every route that there is.
pub fn routes() -> Vec<Route> {
    let endpoints = COMMANDS.iter().map(|row| Route {
        listener: "public",
        method: "POST".into(),
        path: row.path.into(),
        open: false,
    });
    let admin = |routes: &'static [portraitd_admin::route::Route], prefix: &'static str, open: bool| {
        routes.iter().map(move |route| Route {
            listener: "admin",
            method: route.method.to_uppercase(),
            path: format!("{prefix}{}", route.path),
            open,
        })
    };
    let document =
        Route { listener: "public", method: "GET".into(), path: openapi::endpoint::PATH.into(), open: true };
    let emulator = control::routes::ROUTES.iter().map(|route| Route {
        listener: "emulator",
        method: route.method.to_uppercase(),
        path: format!("{}{}", control::state::PREFIX, route.path),
        open: false,
    });
    let (closed, open) =
        (admin(routes::TOKEN_ROUTES, routes::PREFIX, false), admin(routes::OPEN_ROUTES, "", true));
    endpoints.chain([document]).chain(closed).chain(open).chain(emulator).collect()
}

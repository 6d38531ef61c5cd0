//! The parts that tests and fuzz targets reach from outside; only there with the feature `internals`, and no promise to
//! anybody.

pub mod fuzz;
mod steps;

use crate::admin::routes as admin;
use crate::api;
use crate::emulator::control;
use crate::openapi;

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
pub fn settings(language: portrait_model::Language) -> String {
    crate::config::table(language)
}

/// Every route that there is.
pub fn routes() -> Vec<Route> {
    let endpoints = api::ENDPOINTS.iter().map(|endpoint| Route {
        listener: "public",
        method: "POST".into(),
        path: endpoint.path.into(),
        open: false,
    });
    let admin = |routes: &'static [admin::Route], prefix: &'static str, open: bool| {
        routes.iter().map(move |route| Route {
            listener: "admin",
            method: route.method.to_uppercase(),
            path: format!("{prefix}{}", route.path),
            open,
        })
    };
    let document = Route { listener: "public", method: "GET".into(), path: openapi::PATH.into(), open: true };
    let emulator = control::ROUTES.iter().map(|route| Route {
        listener: "emulator",
        method: route.method.to_uppercase(),
        path: format!("{}{}", control::PREFIX, route.path),
        open: false,
    });
    let (closed, open) = (admin(admin::CLOSED, admin::PREFIX, false), admin(admin::OPEN, "", true));
    endpoints.chain([document]).chain(closed).chain(open).chain(emulator).collect()
}

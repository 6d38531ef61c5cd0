//! The parts that tests and fuzz targets reach from outside; only there with the feature `internals`, and no promise to
//! anybody.

pub mod fuzz;

use crate::admin::routes as admin;
use crate::api;

/// One route, as its router knows it.
#[derive(Clone, Debug)]
pub struct Route {
    /// `public` or `admin`.
    pub listener: &'static str,
    /// In capitals.
    pub method: String,
    /// `{…}` stands for one part of the path.
    pub path: String,
    /// Whether it answers without a UserSig or token.
    pub open: bool,
}

/// Every route that this server has.
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
    let (closed, open) = (admin(admin::CLOSED, admin::PREFIX, false), admin(admin::OPEN, "", true));
    endpoints.chain(closed).chain(open).collect()
}

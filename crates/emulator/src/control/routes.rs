//! What there is, one row for each resource: what the router is made of, what `GET /_portraitd/` shows, and what a test
//! tries each row of.

use super::state::{PREFIX, State};
use super::{apps, calls, clock, data, environment, faults, inbox};
use axum::Json;
use axum::extract::State as Extract;
use axum::routing::{self, MethodRouter};
use serde_json::{Value, json};
use std::future::{Ready, ready};

/// One resource of the control API.
pub struct Route {
    /// Its method, in lower case.
    pub method: &'static str,
    /// Its path, below the prefix; `{…}` stands for one part of it.
    pub path: &'static str,
    pub(super) build: fn() -> MethodRouter<State>,
    does: &'static str,
    /// Of its body or query.
    example: &'static str,
}

macro_rules! routes {
    ($($method:ident $path:literal $handler:expr, $does:literal, $example:literal;)*) => {
        &[$(Route {
            method: stringify!($method),
            path: $path,
            build: || routing::$method($handler),
            does: $does,
            example: $example,
        },)*]
    };
}

/// Every resource.
pub const ROUTES: &[Route] = routes! {
    get "" show, "this page", "";
    get "/" show, "this page", "";
    post "/reset" data::reset, "back to the start: one app or everything, also faults, clock and what was noted",
        r#"{"app":1600000000,"to":"seed"}"#;
    get "/snapshots" data::list, "the snapshots that were saved", "";
    put "/snapshots/{name}" data::save, "save everything, or one app, under a name",
        r#"{"app":1600000000}"#;
    post "/snapshots/{name}/restore" data::restore, "go back to a snapshot", "";
    delete "/snapshots/{name}" data::forget, "delete a snapshot", "";
    post "/apps" apps::make, "make a throw-away app: number, key, admin and UserSig, ready to be called",
        r#"{"like":1400000000,"empty":false,"webhook":true}"#;
    get "/apps" apps::list, "the throw-away apps", "";
    delete "/apps/{app}" apps::throw_away, "throw an app away", "";
    get "/requests" calls::list, "what was called, oldest first",
        "?app=1600000000&command=portrait_set&user=alice&code=0&after=17&limit=10";
    delete "/requests" calls::clear, "forget what was called",
        "?app=1600000000";
    post "/webhooks/{box}" inbox::take, "a receiver for webhooks that says yes and keeps what comes", "";
    get "/webhooks" inbox::list, "what receivers were told; with count and wait_ms, once so much has come",
        "?box=1600000000&app=1600000000&user=alice&count=1&wait_ms=5000";
    delete "/webhooks" inbox::clear, "forget what receivers were told",
        "?app=1600000000";
    post "/faults" faults::add, "make calls go wrong: code, close (before, after), malformed (cut-json, cut-body, empty, html), drip_ms, delay_ms",
        r#"{"command":"portrait_set","app":1600000000,"user":"alice","next":1,"close":"after"}"#;
    get "/faults" faults::list, "the rules, and how often each matched and fired", "";
    delete "/faults" faults::clear, "remove all rules, or those of one app",
        "?app=1600000000";
    delete "/faults/{id}" faults::remove, "remove one rule", "";
    get "/clock" clock::show, "the time that UserSigs, limits and webhooks go by", "";
    put "/clock" clock::change, "set, advance, freeze the clock, or let it go on",
        r#"{"now":"2027-01-31T08:00:00Z","advance":"90d","frozen":true}"#;
    get "/environment" environment::show, "where the ports are and who may call, as `portraitd env` asks it", "";
    delete "/clock" clock::release, "back to the machine's time", "";
};

/// Not an `async fn`: the table, which it shows, names it.
fn show(Extract(state): Extract<State>) -> Ready<Json<Value>> {
    let route = |Route { method, path, does, example, .. }: &Route| {
        let method = method.to_uppercase();
        let mut route = json!({ "method": method, "path": format!("{PREFIX}{path}"), "does": does });
        if let Value::Object(members) = &mut route
            && !example.is_empty()
        {
            members
                .insert("example".into(), serde_json::from_str(example).unwrap_or_else(|_| json!(example)));
        }
        route
    };
    ready(Json(json!({
        "what": "the control API of this portraitd emulator; docs/EMULATOR.md explains it",
        "url": &*state.url,
        "try": format!("curl -X POST {}{PREFIX}/apps", state.url),
        "resources": ROUTES.iter().filter(|route| !matches!(route.path, "" | "/")).map(route).collect::<Vec<_>>(),
    })))
}

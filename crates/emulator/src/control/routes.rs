//! Every resource of the control API, one row each. The router and `GET /_portraitd/` are built from this table, and a test
//! calls each row.

use super::state::{ControlState, PREFIX};
use super::{apps, calls, clock, data, environment, faults, health, inbox, live};
use axum::Json;
use axum::extract::State as Extract;
use axum::routing::{self, MethodRouter};
use portraitd_store::TokenRole;
use serde_json::{Value, json};
use std::future::{Ready, ready};

/// One resource of the control API.
pub struct Route {
    /// The HTTP method, in lower case.
    pub method: &'static str,
    /// The path below the prefix; `{…}` stands for one segment.
    pub path: &'static str,
    pub(super) build: fn() -> MethodRouter<ControlState>,
    summary: &'static str,
    /// An example of the body or the query.
    example: &'static str,
}

impl Route {
    /// The least role of a token that may call it; `None`: it needs no token.
    pub fn role(&self) -> Option<TokenRole> {
        match (self.method, self.path) {
            ("get", "/health") => None,
            // They show keys, with which everything can be called.
            ("get", "/apps" | "/environment") => Some(TokenRole::Operator),
            ("get", _) => Some(TokenRole::Viewer),
            _ => Some(TokenRole::Operator),
        }
    }
}

macro_rules! routes {
    ($($method:ident $path:literal $handler:expr, $summary:literal, $example:literal;)*) => {
        &[$(Route {
            method: stringify!($method),
            path: $path,
            build: || routing::$method($handler),
            summary: $summary,
            example: $example,
        },)*]
    };
}

/// Every resource.
pub const ROUTES: &[Route] = routes! {
    get "" show, "this page", "";
    get "/" show, "this page", "";
    post "/reset" data::reset, "reset the data of one app, or everything with faults, clock and records, to the start",
        r#"{"app":1600000000,"to":"seed"}"#;
    get "/snapshots" data::list, "the saved snapshots", "";
    put "/snapshots/{name}" data::save, "save everything, or one app, as a snapshot",
        r#"{"app":1600000000}"#;
    post "/snapshots/{name}/restore" data::restore, "restore a snapshot", "";
    delete "/snapshots/{name}" data::delete, "delete a snapshot", "";
    post "/apps" apps::create, "create a throw-away app with SDKAppID, key, admin and UserSig",
        r#"{"like":1400000000,"empty":false,"webhook":true}"#;
    get "/apps" apps::list, "the throw-away apps", "";
    delete "/apps/{app}" apps::delete, "delete a throw-away app", "";
    get "/requests" calls::list, "the recorded calls, oldest first; with count and wait_ms, waits until there are that many",
        "?app=1600000000&command=portrait_set&user=alice&code=0&after=17&limit=10&count=1&wait_ms=5000";
    delete "/requests" calls::clear, "delete the recorded calls",
        "?app=1600000000";
    get "/live" live::stream, "a stream of server-sent events: calls, webhook calls, changes of faults, clock and data",
        "?start=9f86d081884c7d65&after=17&after_webhook=0";
    post "/webhooks/{box}" inbox::receive, "a webhook receiver that accepts and records every call", "";
    get "/webhooks" inbox::list, "the recorded webhook calls; with count and wait_ms, waits until there are that many",
        "?box=1600000000&app=1600000000&user=alice&count=1&wait_ms=5000";
    delete "/webhooks" inbox::clear, "delete the recorded webhook calls",
        "?app=1600000000";
    post "/faults" faults::add, "add a fault rule: code, close (before, after), malformed (cut-json, cut-body, empty, html, no-action-status, string-code), drip_ms, delay_ms",
        r#"{"command":"portrait_set","app":1600000000,"user":"alice","next":1,"close":"after"}"#;
    get "/faults" faults::list, "the fault rules, and how often each matched and fired", "";
    delete "/faults" faults::clear, "remove all fault rules, or those of one app",
        "?app=1600000000";
    delete "/faults/{id}" faults::remove, "remove one fault rule", "";
    get "/clock" clock::show, "the time that UserSigs, limits and webhooks use", "";
    put "/clock" clock::change, "set, advance, freeze or resume the clock",
        r#"{"now":"2027-01-31T08:00:00Z","advance":"90d","frozen":true}"#;
    get "/health" health::show, "whether every port listens: 200, or 503 while the emulator starts; needs no token", "";
    get "/environment" environment::show, "addresses and credentials, for `portraitd env`", "";
    delete "/clock" clock::release, "return to the machine's time", "";
};

/// Shows the table. It is no `async fn`, because a future's type can't depend on the table that contains it.
fn show(Extract(state): Extract<ControlState>) -> Ready<Json<Value>> {
    let route = |Route { method, path, summary, example, .. }: &Route| {
        let method = method.to_uppercase();
        let mut route = json!({ "method": method, "path": format!("{PREFIX}{path}"), "does": summary });
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

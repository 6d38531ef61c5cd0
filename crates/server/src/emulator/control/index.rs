//! What there is, with examples: the page that `GET /_portraitd/` shows.

use super::{PREFIX, State};
use axum::Json;
use axum::extract::State as Extract;
use serde_json::{Value, json};

/// Method, path, what it does, an example of its body or query.
pub(super) const ROUTES: &[(&str, &str, &str, &str)] = &[
    (
        "POST",
        "/reset",
        "back to the start: one app or everything, also faults, clock and what was noted",
        r#"{"app":1600000000,"to":"seed"}"#,
    ),
    ("GET", "/snapshots", "the snapshots that were saved", ""),
    ("PUT", "/snapshots/{name}", "save everything, or one app, under a name", r#"{"app":1600000000}"#),
    ("POST", "/snapshots/{name}/restore", "go back to a snapshot", ""),
    ("DELETE", "/snapshots/{name}", "delete a snapshot", ""),
    (
        "POST",
        "/apps",
        "make a throw-away app: number, key, admin and UserSig, ready to be called",
        r#"{"like":1400000000,"empty":false,"webhook":true}"#,
    ),
    ("GET", "/apps", "the throw-away apps", ""),
    ("DELETE", "/apps/{app}", "throw an app away", ""),
    (
        "GET",
        "/requests",
        "what was called, oldest first",
        "?app=1600000000&command=portrait_set&user=alice&code=0&after=17&limit=10",
    ),
    ("DELETE", "/requests", "forget what was called", "?app=1600000000"),
    ("POST", "/webhooks/{box}", "a receiver for webhooks that says yes and keeps what comes", ""),
    (
        "GET",
        "/webhooks",
        "what receivers were told; with count and wait_ms, once so much has come",
        "?box=1600000000&app=1600000000&user=alice&count=1&wait_ms=5000",
    ),
    ("DELETE", "/webhooks", "forget what receivers were told", "?app=1600000000"),
    (
        "POST",
        "/faults",
        "make calls go wrong: code, close (before, after), malformed (cut-json, cut-body, empty, html), drip_ms, delay_ms",
        r#"{"command":"portrait_set","app":1600000000,"user":"alice","next":1,"close":"after"}"#,
    ),
    ("GET", "/faults", "the rules, and how often each matched and fired", ""),
    ("DELETE", "/faults", "remove all rules, or those of one app", "?app=1600000000"),
    ("DELETE", "/faults/{id}", "remove one rule", ""),
    ("GET", "/clock", "the time that UserSigs, limits and webhooks go by", ""),
    (
        "PUT",
        "/clock",
        "set, advance, freeze the clock, or let it go on",
        r#"{"now":"2027-01-31T08:00:00Z","advance":"90d","frozen":true}"#,
    ),
    ("GET", "/environment", "where the ports are and who may call, as `portraitd env` asks it", ""),
    ("DELETE", "/clock", "back to the machine's time", ""),
];

pub(super) async fn show(Extract(state): Extract<State>) -> Json<Value> {
    let route = |(method, path, what, example): &(&str, &str, &str, &str)| {
        let mut route = json!({ "method": method, "path": format!("{PREFIX}{path}"), "does": what });
        if let Value::Object(members) = &mut route
            && !example.is_empty()
        {
            members
                .insert("example".into(), serde_json::from_str(example).unwrap_or_else(|_| json!(example)));
        }
        route
    };
    Json(json!({
        "what": "the control API of this portraitd emulator; docs/EMULATOR.md explains it",
        "url": &*state.url,
        "try": format!("curl -X POST {}{PREFIX}/apps", state.url),
        "resources": ROUTES.iter().map(route).collect::<Vec<_>>(),
    }))
}

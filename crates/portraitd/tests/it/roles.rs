//! The roles of admin tokens: every route with a token of each role, the calls that a viewer may try, and sessions, which have
//! the role of their token.

use crate::authorization::{
    CANARY, body, call_with, command, create_token, create_token_with, endpoints, fill, furnish, picture,
    with_token,
};
use crate::harness::TestServer;
use crate::routes::routes;
use portraitd_store::TokenRole;
use serde_json::{Value, json};

/// A token with each role.
fn tokens_by_role(server: &TestServer) -> Vec<(TokenRole, String)> {
    let token = |role: TokenRole| {
        create_token_with(server, &json!({"name": format!("of-{}", role.as_str()), "role": role.as_str()}))
    };
    TokenRole::ALL.map(|role| (role, token(role))).to_vec()
}

/// The body is none that a route can use, so that the allowed get 400 at most.
#[test]
fn a_route_opens_to_its_role_and_to_no_lesser_one() {
    let server = TestServer::dev();
    let app = server.app();
    furnish(&app);
    let before = picture(&server, &[app.id]);
    let (mut allowed, mut refused) = (0, 0);
    for (role, token) in tokens_by_role(&server) {
        // The answer of `/live` has no end.
        for route in routes().into_iter().filter(|route| !route.path.ends_with("/live")) {
            let (Some(wanted), path) = (route.role, fill(&route, app.id)) else { continue };
            let (status, answer) = call_with(&server, &token, &route.method, &path, "[");
            if role >= wanted {
                assert!(![401, 403].contains(&status), "{} {path} by {role:?}: {answer}", route.method);
                allowed += 1;
                continue;
            }
            let (role, wanted) = (role.as_str(), wanted.as_str());
            assert_eq!(status, 403, "{} {path} by {role}: {answer}", route.method);
            let sentence =
                format!("the token `of-{role}` has the role {role}, and this call wants {wanted}: ");
            assert!(answer.contains(&sentence) && !answer.contains(CANARY), "{answer}");
            if route.method == "GET" {
                assert_eq!(call_with(&server, &token, "HEAD", &path, "").0, 403, "{path}");
            }
            refused += 1;
        }
        if role == TokenRole::Viewer {
            // The tokens were made, and the refusals recorded.
            let after = picture(&server, &[app.id]);
            assert_eq!(after[..after.len() - 1], before[..before.len() - 1], "a viewer changed something");
        }
    }
    assert!(allowed > 100 && refused > 40, "{allowed} {refused}");
}

#[test]
fn a_viewer_tries_only_calls_that_read() {
    let server = TestServer::dev();
    let app = server.app();
    furnish(&app);
    let before = picture(&server, &[app.id]);
    let attempt = |token: &str, path: &str| {
        let call = json!({"path": path, "identifier": "administrator", "body": body(command(path))});
        let target = format!("/admin/v1/apps/{}/try", app.id);
        call_with(&server, token, "POST", &target, &call.to_string())
    };
    for (role, token) in tokens_by_role(&server) {
        for endpoint in endpoints() {
            let (status, answer) = attempt(&token, &endpoint.path);
            let reads = ["portrait_get", "account_check"].contains(&command(&endpoint.path));
            let expected = if reads || role > TokenRole::Viewer { 200 } else { 403 };
            assert_eq!(status, expected, "{} by {role:?}: {answer}", endpoint.path);
            assert!(status != 200 || answer.contains(r#"\"ErrorCode\":0"#), "{answer}");
        }
        if role == TokenRole::Viewer {
            let after = picture(&server, &[app.id]);
            assert_eq!(after[..after.len() - 1], before[..before.len() - 1], "a viewer changed something");
        }
    }
}

#[test]
fn a_session_has_the_role_of_its_token_and_ends_with_it() {
    let server = TestServer::dev();
    let viewer = json!({"name": "ci", "role": "viewer"});
    let token = create_token_with(&server, &viewer);
    let made = |secret: &str, path: &str, member: &str| {
        let (status, answer) = call_with(&server, secret, "POST", &format!("/admin/v1/{path}"), "");
        assert!(status < 300, "{answer}");
        serde_json::from_str::<Value>(&answer).unwrap()[member].as_str().unwrap().to_owned()
    };
    let session = made(&token, "session", "session");
    let by_link = made(&made(&session, "login-link", "ticket"), "session", "session");
    let unused = made(&by_link, "login-link", "ticket");
    for secret in [&token, &session, &by_link] {
        let (_, shown) = call_with(&server, secret, "GET", "/admin/v1/session", "");
        let shown: Value = serde_json::from_str(&shown).unwrap();
        assert_eq!((&shown["who"], &shown["role"]), (&json!("ci"), &json!("viewer")));
        assert_eq!(call_with(&server, secret, "POST", "/admin/v1/tokens", &viewer.to_string()).0, 403);
    }
    let (_, log) = server.admin("GET", "/audit", "");
    let log: Value = serde_json::from_str(&log).unwrap();
    let said = |member: &str| -> Vec<&Value> {
        log["entries"].as_array().unwrap().iter().map(|entry| &entry[member]).collect()
    };
    assert_eq!(said("outcome"), ["refused: 403", "refused: 403", "refused: 403", "done"]);
    assert_eq!(said("who"), ["ci", "ci", "ci", "local"]);
    assert_eq!(said("after")[3], &json!({"token": "ci", "role": "viewer"}));
    assert_eq!(server.admin("DELETE", "/tokens/ci", "").0, 204);
    // Nor are they taken for sessions of the next token of this name.
    for again in [false, true] {
        for secret in [&token, &session, &by_link, &unused] {
            assert_eq!(with_token(&server, secret), 401, "{again}");
        }
        if !again {
            create_token(&server, "ci");
        }
    }
}

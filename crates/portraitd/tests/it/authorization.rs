//! Authorization: a caller without the right to a call changes nothing and learns nothing. Routes are read from the
//! tables of the routers, so that a new route is tested too.

use crate::harness::{App, Connection, KEY, TestServer, encode, post};
use crate::routes::{Listener, Route, routes};
use crate::usersig::{Sign, enclose, now};
use serde_json::{Value, json};
use std::net::Ipv4Addr;

const OTHER_KEY: &str = "00000000000000000000000000000000000000000000000000000000000000ff";
const OLD_KEY: &str = "11111111111111111111111111111111111111111111111111111111111111ee";
/// In every field that could be shown; in no answer to a stranger.
pub(crate) const CANARY: &str = "canary-4f1c";

/// A body for each call that works when an admin sends it.
pub(crate) fn body(command: &str) -> String {
    match command {
        "portrait_set" => {
            json!({"From_Account": "u", "ProfileItem": [{"Tag": "Tag_Profile_IM_Nick", "Value": "changed"}]})
        }
        "portrait_get" => json!({"To_Account": ["u"], "TagList": ["Tag_Profile_IM_Nick"]}),
        "account_import" => json!({"UserID": "u", "Nick": "changed"}),
        "multiaccount_import" => {
            json!({"AccountList": [{"UserID": "u", "Nick": "changed"}, {"UserID": "new"}]})
        }
        "account_check" => json!({"CheckItem": [{"UserID": "u"}]}),
        "account_delete" => json!({"DeleteItem": [{"UserID": "v"}]}),
        "kick" => json!({"UserID": "u"}),
        other => panic!("{other} is new: give it a body that works"),
    }
    .to_string()
}

pub(crate) fn endpoints() -> Vec<Route> {
    routes().into_iter().filter(|route| route.listener == Listener::Public && !route.open).collect()
}

pub(crate) fn command(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

/// Everything an operator can see of the apps, and how often anything was ever changed.
pub(crate) fn picture(server: &TestServer, apps: &[u32]) -> Vec<String> {
    let pages = ["", "/export", "/words", "/accounts", "/webhook", "/webhook/events"];
    let of_app = apps.iter().flat_map(|app| pages.map(|page| format!("/apps/{app}{page}")));
    let all = of_app.chain(["/apps".into(), "/store".into()]);
    let seen = all.map(|path| {
        let (status, body) = server.admin("GET", &path, "");
        assert!(status == 200 || (status == 404 && path.contains("/webhook")), "{path}: {status} {body}");
        // An export's first line says when it was made.
        body.lines().filter(|line| !line.contains("exported_at")).collect::<Vec<_>>().join("\n")
    });
    seen.collect()
}

/// An app with the accounts `u` and `v`, whose profiles hold the canary.
pub(crate) fn furnish(app: &App<'_>) {
    for user in ["u", "v"] {
        app.import(user);
        let items = json!([{"Tag": "Tag_Profile_IM_Nick", "Value": CANARY}, {"Tag": "Tag_Profile_IM_Level", "Value": 7}]);
        let set = json!({"From_Account": user, "ProfileItem": items});
        assert_eq!(app.code("portrait_set", &set.to_string()), 0);
    }
}

fn query(app: u32, identifier: &str, sig: &str) -> String {
    format!("sdkappid={app}&identifier={}&usersig={sig}&random=1&contenttype=json", encode(identifier))
}

/// A UserSig whose signature has one bit flipped.
fn flipped(sign: &Sign<'_>) -> String {
    let signature = sign.signature();
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    let Sign { sdkappid, identifier, time, expire, .. } = sign;
    enclose(&format!(
        r#"{{"TLS.ver":"2.0","TLS.identifier":"{identifier}","TLS.sdkappid":{sdkappid},"TLS.expire":{expire},"TLS.time":{time},"TLS.sig":"{first}{}"}}"#,
        &signature[1..]
    ))
}

struct Stranger {
    who: &'static str,
    query: String,
    /// The answer of the profile service, and of the account APIs.
    codes: (u64, u64),
}

/// Callers that must be refused.
fn strangers(app: &App<'_>, other: u32) -> Vec<Stranger> {
    let good =
        Sign { key: KEY, sdkappid: app.id.into(), identifier: "administrator", time: now(), expire: 600 };
    let sig = good.usersig();
    let by = |key, identifier: &'static str| Sign { key, identifier, ..good.clone() }.usersig();
    let admin = |sig: &str| query(app.id, "administrator", sig);
    let same = |who, query, code| Stranger { who, query, codes: (code, code) };
    let not_admin = |who, identifier: &'static str| Stranger {
        who,
        query: query(app.id, identifier, &by(KEY, identifier)),
        codes: (40004, 70403),
    };
    vec![
        same("nobody", String::new(), 60012),
        same("no UserSig", format!("sdkappid={}&identifier=administrator", app.id), 60025),
        same("an empty UserSig", admin(""), 60025),
        same("rubbish", admin("eJyrVkrOyKyA"), 70003),
        same("a truncated UserSig", admin(&sig[..sig.len() / 2]), 70003),
        same(
            "a UserSig decoded twice",
            admin(&sig.replace(['*', '-'], "+")),
            // A space counts as `+`, which `*` stands for; `-` stands for another letter.
            if sig.contains('-') { 70003 } else { 0 },
        ),
        same("a flipped bit", admin(&flipped(&good)), 70009),
        same("another key", admin(&by("guessed", "administrator")), 70009),
        same("the other app's key", admin(&by(OTHER_KEY, "administrator")), 70009),
        same("a key rotated out", admin(&by(OLD_KEY, "administrator")), 70009),
        same("an expired UserSig", admin(&Sign { time: now() - 1000, ..good.clone() }.usersig()), 70001),
        same(
            "the other app's admin",
            admin(&Sign { key: OTHER_KEY, sdkappid: other.into(), ..good.clone() }.usersig()),
            70014,
        ),
        same("this app's UserSig at the other", query(other, "administrator", &sig), 70014),
        same("a user as admin", admin(&by(KEY, "u")), 70013),
        same("an app that is not there", query(77, "administrator", &sig), 70020),
        same("a kicked admin", query(app.id, "kicked", &by(KEY, "kicked")), 70052),
        not_admin("a user", "u"),
        not_admin("one who never was", "nobody"),
        not_admin("a former admin", "former"),
        not_admin("an admin's name in another case", "Administrator"),
    ]
    .into_iter()
    .filter(|stranger| stranger.codes.0 != 0)
    .collect()
}

/// Two furnished apps; the first with a past: a key that is gone, an admin that is none any more, a kicked one. All
/// of them were good once, and known to the server as good.
fn stage(server: &TestServer) -> (App<'_>, App<'_>) {
    let (app, other) = (server.app(), server.app());
    other.put("/admins/second", "");
    let (status, keys) =
        server.admin("POST", &format!("/apps/{}/keys", other.id), &json!({"key": OTHER_KEY}).to_string());
    assert!(status < 300, "{keys}");
    furnish(&app);
    furnish(&other);
    let (status, _) = server.admin("DELETE", &format!("/apps/{}/keys/1", other.id), "");
    assert!(status < 300);
    let (status, answer) =
        server.admin("POST", &format!("/apps/{}/keys", app.id), &json!({"key": OLD_KEY}).to_string());
    assert!(status < 300, "{answer}");
    for admin in ["kicked", "former"] {
        app.put(&format!("/admins/{admin}"), "");
        assert_eq!(app.call_as(admin, "portrait_get", &body("portrait_get"))["ErrorCode"], 0);
    }
    let old =
        Sign { key: OLD_KEY, sdkappid: app.id.into(), identifier: "administrator", time: now(), expire: 600 };
    let target = format!("/v4/profile/portrait_get?{}", query(app.id, "administrator", &old.usersig()));
    assert_eq!(server.connect().exchange(&post(&target, &body("portrait_get"))).unwrap().code(), 0);
    assert!(server.admin("DELETE", &format!("/apps/{}/keys/2", app.id), "").0 < 300);
    assert!(server.admin("DELETE", &format!("/apps/{}/admins/former", app.id), "").0 < 300);
    assert_eq!(app.code("kick", r#"{"UserID":"kicked"}"#), 0);
    (app, other)
}

#[test]
fn no_call_of_a_stranger_changes_or_reveals_anything() {
    let server = TestServer::dev_with(&["--no-error-detail"]);
    let (app, other) = stage(&server);
    let (known, strangers) = ([app.id, other.id], strangers(&app, other.id));
    let before = picture(&server, &known);
    let mut tried = 0;
    for endpoint in endpoints() {
        let command = command(&endpoint.path);
        for Stranger { who, query, codes } in &strangers {
            let expected = if endpoint.path.contains("/profile/") { codes.0 } else { codes.1 };
            let request = post(&format!("{}?{query}", endpoint.path), &body(command));
            let answer = server.connect().exchange(&request).unwrap();
            let json = answer.json();
            assert_eq!(json["ErrorCode"], expected, "{command} by {who}: {answer:?}");
            let members = ["ActionStatus", "ErrorCode", "ErrorDisplay", "ErrorInfo"];
            assert!(
                json.as_object().unwrap().keys().all(|key| members.contains(&key.as_str())),
                "{answer:?}"
            );
            let shown = format!("{answer:?}");
            assert!(!shown.contains(CANARY) && !shown.contains(KEY) && !shown.contains(OTHER_KEY), "{shown}");
            tried += 1;
        }
    }
    assert_eq!(picture(&server, &known), before, "a stranger changed something");
    assert!(tried >= 7 * 18, "{tried}");
    // The same bodies do work for an admin: what was refused was the caller.
    for endpoint in endpoints() {
        let command = command(&endpoint.path);
        assert_eq!(app.code(command, &body(command)), 0, "{command}");
    }
    assert_ne!(picture(&server, &known), before, "the picture would show a change");
}

#[test]
fn other_methods_and_other_paths_lead_nowhere() {
    let server = TestServer::dev();
    let app = server.app();
    furnish(&app);
    let before = picture(&server, &[app.id]);
    let exchange = |address: &str, method: &str, target: &str, body: &str| {
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut connection = Connection::open(address);
        connection.send(request.as_bytes());
        connection.read_to_end()
    };
    for endpoint in endpoints() {
        let target = format!("{}?{}", endpoint.path, app.query("administrator"));
        for method in
            ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "post", "get", "HEAD", "CONNECT"]
        {
            let answer = exchange(&server.address, method, &target, &body(command(&endpoint.path)));
            assert!(
                !answer.contains(CANARY) && !answer.contains("\"OK\""),
                "{method} {}: {answer}",
                endpoint.path
            );
        }
        // The admin's listener knows nothing of the protocol.
        let answer = exchange(&server.admin_address, "POST", &target, &body(command(&endpoint.path)));
        assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    }
    // And the protocol's listener nothing of the admin's, not even with the token; only an emulator's has both.
    let dir = tempfile::tempdir().unwrap();
    let served = TestServer::serve(&dir.path().join("data"), "");
    let both = |route: &Route| route.path == "/openapi.json";
    for route in routes().into_iter().filter(|route| route.listener == Listener::Admin && !both(route)) {
        let target = fill(&route, app.id);
        let token = format!("Authorization: Bearer {}\r\n", served.admin_token);
        let request = format!(
            "{} {target} HTTP/1.1\r\nHost: localhost\r\n{token}Content-Length: 2\r\n\r\n{{}}",
            route.method
        );
        let answer = served.connect().exchange(request.as_bytes()).unwrap();
        assert!([60002, 60009].contains(&answer.code()), "{target}: {answer:?}");
    }
    assert_eq!(picture(&server, &[app.id]), before);
}

pub(crate) fn fill(route: &Route, app: u32) -> String {
    let parts = [
        ("{app}", app.to_string()),
        ("{key}", "1".into()),
        ("{user}", "u".into()),
        ("{keyword}", "Str".into()),
        ("{name}", "ci".into()),
        ("{id}", "1".into()),
        ("{box}", "b".into()),
        ("{code}", "40003".into()),
    ];
    let path = parts.iter().fold(route.path.clone(), |path, (name, value)| path.replace(name, value));
    assert!(!path.contains('{'), "{path}: give its part a value");
    path
}

pub(crate) fn create_token(server: &TestServer, name: &str) -> String {
    create_token_with(server, &json!({"name": name}))
}

pub(crate) fn create_token_with(server: &TestServer, token: &Value) -> String {
    let (status, answer) = server.admin("POST", "/tokens", &token.to_string());
    assert_eq!(status, 201, "{answer}");
    serde_json::from_str::<Value>(&answer).unwrap()["token"].as_str().unwrap().to_owned()
}

/// The status of a call that only tokens open.
pub(crate) fn with_token(server: &TestServer, token: &str) -> u16 {
    call_with(server, token, "GET", "/admin/v1/apps", "").0
}

/// The status and body of a call on the admin listener.
pub(crate) fn call_with(
    server: &TestServer,
    token: &str,
    method: &str,
    path: &str,
    body: &str,
) -> (u16, String) {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut connection = Connection::open(&server.admin_address);
    connection.send(request.as_bytes());
    let answer = connection.read_to_end();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    (status.unwrap_or_default(), body.unwrap_or_default())
}

/// An address that sent no wrong token yet: of ten, the limit has the server look at no more of them.
fn stranger(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(Ipv4Addr::new(127, 1, 0, 1).to_bits() + number)
}

/// A token that was revoked. Another one has its name now.
fn revoked_token(server: &TestServer) -> String {
    let token = create_token(server, "ci");
    assert_eq!(with_token(server, &token), 200);
    assert_eq!(server.admin("DELETE", "/tokens/ci", "").0, 204);
    let next = create_token(server, "ci");
    assert_eq!((with_token(server, &token), with_token(server, &next)), (401, 200));
    token
}

#[test]
fn a_revoked_token_stays_out_through_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut server = TestServer::serve(&data, "");
    let (revoked, kept) = (revoked_token(&server), create_token(&server, "kept"));
    server.kill();
    let server = TestServer::serve(&data, "");
    assert_eq!((with_token(&server, &revoked), with_token(&server, &kept)), (401, 200));
}

#[test]
fn no_admin_route_opens_without_its_token() {
    let server = TestServer::dev();
    let app = server.app();
    furnish(&app);
    let before = picture(&server, &[app.id]);
    let (token, revoked) = (&server.admin_token, revoked_token(&server));
    let authorizations = [
        String::new(),
        format!("Authorization: Bearer {revoked}\r\n"),
        "Authorization: \r\n".into(),
        "Authorization: Bearer\r\n".into(),
        "Authorization: Bearer \r\n".into(),
        "Authorization: Bearer 000000000000000000000000000000000000000000000000\r\n".into(),
        format!("Authorization: Bearer {}\r\n", &token[..token.len() - 1]),
        format!("Authorization: Bearer {token}0\r\n"),
        format!("Authorization: Bearer {}\r\n", token.to_uppercase() + "A"),
        format!("Authorization: Basic {token}\r\n"),
        format!("Authorization: {token}\r\n"),
        format!("Authorization: Bearer {}\r\n", app.sign("administrator")),
        format!("Cookie: token={token}\r\nX-Auth-Token: {token}\r\n"),
        format!("Authorization: Bearer wrong\r\nAuthorization: Bearer {token}\r\n"),
    ];
    let mut tried = 0;
    for route in routes().into_iter().filter(|route| route.listener == Listener::Admin) {
        let path = fill(&route, app.id);
        for authorization in &authorizations {
            for method in [route.method.as_str(), "HEAD", "OPTIONS"] {
                let request = format!(
                    "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}Connection: close\r\nContent-Length: 2\r\n\r\n{{}}"
                );
                let mut connection = Connection::open_from(stranger(tried), &server.admin_address);
                connection.send(request.as_bytes());
                let answer = connection.read_to_end();
                let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
                assert!(!answer.contains(CANARY) && !answer.contains(KEY), "{method} {path}: {answer}");
                if !route.open {
                    assert_eq!(status, "401", "{method} {path} with `{authorization}`: {answer}");
                }
                tried += 1;
            }
        }
    }
    // Attempts to get around the check.
    for path in [
        "/admin/v1/apps/",
        "//admin/v1/apps",
        "/admin/v1/../v1/apps",
        "/ADMIN/V1/apps",
        "/admin/v1/%61pps",
        "/healthz/../admin/v1/apps",
        "/admin/v1",
        "/admin",
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let answer = Connection::open(&server.admin_address).exchange(request.as_bytes()).unwrap();
        assert!([401, 404].contains(&answer.status), "{path}: {answer:?}");
    }
    // /readyz, which is open, writes: the store's counters tell nothing here.
    let after = picture(&server, &[app.id]);
    assert_eq!(after[..after.len() - 1], before[..before.len() - 1]);
    assert!(tried > 1000, "{tried}");
}

/// On the admin listener the emulator's routes want its token; on the public one they want a caller who is here, and not a
/// web page that is from elsewhere.
#[test]
fn no_route_of_the_emulator_opens_to_strangers() {
    let server = TestServer::dev();
    let app = server.dev_app();
    furnish(&app);
    let before = picture(&server, &[app.id]);
    let revoked = revoked_token(&server);
    let (mut tried, mut opened) = (0, 0);
    for route in routes().into_iter().filter(|route| route.listener == Listener::Emulator) {
        let path = fill(&route, app.id);
        let ask = |source: Ipv4Addr, address: &str, headers: &str| {
            let request = format!(
                "{} {path} HTTP/1.1\r\n{headers}Connection: close\r\nContent-Length: 2\r\n\r\n{{}}",
                route.method
            );
            let mut connection = Connection::open_from(source, address);
            connection.send(request.as_bytes());
            let answer = connection.read_to_end();
            let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
            let told = answer.contains(CANARY) || answer.contains(KEY);
            assert!(status == "200" || !told, "{} {path}: {answer}", route.method);
            status
        };
        for token in
            ["", "Authorization: Bearer guessed\r\n", &format!("Authorization: Bearer {revoked}\r\n")]
        {
            let status = ask(stranger(tried), &server.admin_address, &format!("Host: localhost\r\n{token}"));
            let expected = if route.open { "200" } else { "401" };
            assert_eq!(status, expected, "{} {path} with `{token}`", route.method);
            tried += 1;
        }
        for elsewhere in ["Host: evil.example\r\n", "Host: localhost\r\nOrigin: https://evil.example\r\n"] {
            assert_eq!(
                ask(Ipv4Addr::LOCALHOST, &server.address, elsewhere),
                "403",
                "{} {path} with `{elsewhere}`",
                route.method
            );
            tried += 1;
        }
        // The answer of `/live` has no end.
        let ends = route.method == "GET" && !route.path.ends_with("/live");
        opened +=
            usize::from(ends && ask(Ipv4Addr::LOCALHOST, &server.address, "Host: localhost\r\n") == "200");
    }
    // The tokens were changed here, and nothing else.
    let after = picture(&server, &[app.id]);
    assert_eq!(after[..after.len() - 1], before[..before.len() - 1]);
    assert!(tried > 100 && opened > 5, "{tried} {opened}");
}

/// Open routes reveal nothing about apps or users.
#[test]
fn the_public_document_tells_nothing_of_the_apps() {
    let server = TestServer::dev();
    furnish(&server.dev_app());
    for route in routes().into_iter().filter(|route| route.listener == Listener::Public && route.open) {
        let ask = |method: &str| {
            let request = format!(
                "{method} {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{{}}",
                route.path
            );
            server.connect().exchange(request.as_bytes()).unwrap()
        };
        let document = ask(&route.method);
        assert!(document.status == 200 && document.body.len() > 1000, "{document:?}");
        assert!(!document.body.contains(CANARY) && !document.body.contains(KEY));
        for method in ["POST", "PUT", "DELETE"] {
            assert!([60002, 60009].contains(&ask(method).code()), "{method} {}", route.path);
        }
    }
}

/// The emulator's own routes make states that no client can make: nothing of them may be in a production service.
#[test]
fn serve_has_none_of_the_emulators_routes() {
    let dir = tempfile::tempdir().unwrap();
    let server = TestServer::serve(&dir.path().join("data"), "");
    let emulators: Vec<Route> =
        routes().into_iter().filter(|route| route.listener == Listener::Emulator).collect();
    assert!(emulators.len() > 20);
    let paths = emulators.iter().map(|route| fill(route, 1_400_000_000));
    for path in paths.chain(["/_portraitd/state".into()]) {
        for method in ["GET", "POST", "PUT", "DELETE"] {
            let request =
                format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{{}}");
            let answer = server.connect().exchange(request.as_bytes()).unwrap();
            assert!([60002, 60009].contains(&answer.code()), "{method} {path}: {answer:?}");
            let admin = Connection::open(&server.admin_address).exchange(request.as_bytes()).unwrap();
            assert_eq!(admin.status, 404, "{method} {path}: {admin:?}");
        }
    }
}

#[test]
fn apps_never_touch_each_other() {
    let server = TestServer::dev();
    let (one, two) = (server.app(), server.app());
    furnish(&one);
    furnish(&two);
    two.import("only-two");
    for app in [&one, &two] {
        app.put("/fields/Own", r#"{"type":"string","read":["app","admin"],"write":["app","admin"]}"#);
    }
    let before = picture(&server, &[two.id]);
    let before = &before[..before.len() - 2]; // all but the list of apps and the store's counters
    for endpoint in endpoints() {
        let command = command(&endpoint.path);
        assert_eq!(one.code(command, &body(command)), 0, "{command}");
    }
    let ghost = one.call("portrait_get", r#"{"To_Account":["only-two"],"TagList":["Tag_Profile_IM_Nick"]}"#);
    assert_eq!(ghost["UserProfileItem"][0]["ResultCode"], 40003, "{ghost}");
    let check = one.call("account_check", r#"{"CheckItem":[{"UserID":"only-two"}]}"#);
    assert_eq!(check["ResultItem"][0]["AccountStatus"], "NotImported", "{check}");
    assert_eq!(one.code("kick", r#"{"UserID":"only-two"}"#), 70107);
    let set = json!({"From_Account": "u", "ProfileItem": [{"Tag": format!("Tag_Profile_Custom_{}_Own", two.id), "Value": "x"}]});
    assert_eq!(one.code("portrait_set", &set.to_string()), 40009, "a tag of the other app");
    // In the body, the app is no one's business.
    let sly = json!({"SdkAppid": two.id, "sdkappid": two.id, "From_Account": "v", "ProfileItem": [{"Tag": "Tag_Profile_IM_Nick", "Value": "sly"}]});
    assert_eq!(one.code("account_import", r#"{"UserID":"v"}"#), 0);
    assert_eq!(one.code("portrait_set", &sly.to_string()), 0);
    // Nor does a second sdkappid in the URL count: it is the first that was authenticated.
    let target = format!("/v4/profile/portrait_set?{}&sdkappid={}", one.query("administrator"), two.id);
    assert_eq!(server.connect().exchange(&post(&target, &body("portrait_set"))).unwrap().code(), 0);
    let target = format!("/v4/profile/portrait_set?sdkappid={}&{}", two.id, one.query("administrator"));
    assert_eq!(server.connect().exchange(&post(&target, &body("portrait_set"))).unwrap().code(), 70014);
    let after = picture(&server, &[two.id]);
    assert_eq!(&after[..after.len() - 2], before);
    let nick: Value = two.call("portrait_get", &body("portrait_get"));
    assert_eq!(nick["UserProfileItem"][0]["ProfileItem"][0]["Value"], CANARY);
}

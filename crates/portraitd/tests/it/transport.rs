//! How HTTP clients use connections, and the headers of every answer.

use crate::harness::{App, KEY, TestServer, encode, path_of, post};
use crate::usersig::{Sign, enclose, enclose_at, now};
use flate2::Compression;
use serde_json::{Value, json};

const GET: &str = r#"{"To_Account":["alice"],"TagList":["Tag_Profile_IM_Nick"]}"#;

fn alice() -> Value {
    json!([{"To_Account": "alice", "ProfileItem": [{"Tag": "Tag_Profile_IM_Nick", "Value": "Alice"}], "ResultCode": 0, "ResultInfo": ""}])
}

fn target(app: &App<'_>) -> String {
    format!("{}?{}", path_of("portrait_get"), app.query("administrator"))
}

#[test]
fn answers_carry_what_clients_look_for() {
    let server = TestServer::dev();
    let answer = server.connect().exchange(&server.dev_app().request("portrait_get", GET)).unwrap();
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("access-control-allow-methods"), Some("POST"));
    assert_eq!(answer.header("access-control-allow-headers"), Some("X-Requested-With"));
    let first = answer.header("x-request-id").unwrap().to_owned();
    assert!(answer.header("x-error-detail").is_none());
    let refused = server.connect().exchange(&post("/v4/profile/portrait_get", GET)).unwrap();
    assert_eq!(refused.code(), 60012);
    assert_ne!(refused.header("x-request-id").unwrap(), first);
    assert!(refused.header("x-error-detail").unwrap().is_ascii());
}

#[test]
fn one_connection_serves_a_thousand_requests() {
    let server = TestServer::dev();
    let app = server.dev_app();
    let mut connection = server.connect();
    let good = app.request("portrait_get", GET);
    for n in 0..1000 {
        // Refusals in between, with bodies that nobody looks at, must not end the connection.
        if n % 10 == 0 {
            assert_eq!(connection.exchange(&post("/v4/profile/nope", GET)).unwrap().code(), 60009);
        }
        assert_eq!(connection.exchange(&good).unwrap().json()["UserProfileItem"], alice(), "{n}");
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = TestServer::dev();
    let app = server.dev_app();
    let mut connection = server.connect();
    let both =
        [app.request("portrait_get", GET), post("/v4/profile/nope", "{}"), app.request("portrait_get", GET)]
            .concat();
    connection.send(&both);
    let codes: Vec<u64> = (0..3).map(|_| connection.answer().unwrap().code()).collect();
    assert_eq!(codes, [0, 60009, 0]);
}

#[test]
fn bodies_come_in_chunks_and_in_pieces() {
    let server = TestServer::dev();
    let target = target(&server.dev_app());
    let mut connection = server.connect();
    let (one, two) = GET.split_at(20);
    let chunked = format!(
        "POST {target} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{one}\r\n{:x};ext=1\r\n{two}\r\n0\r\n\r\n",
        one.len(),
        two.len()
    );
    assert_eq!(connection.exchange(chunked.as_bytes()).unwrap().json()["UserProfileItem"], alice());
    for byte in post(&target, GET).chunks(7) {
        connection.send(byte);
    }
    assert_eq!(connection.answer().unwrap().json()["UserProfileItem"], alice());
}

#[test]
fn who_waits_for_continue_is_told_to() {
    let server = TestServer::dev();
    let target = target(&server.dev_app());
    let mut connection = server.connect();
    let length = GET.len();
    connection.send(format!("POST {target} HTTP/1.1\r\nHost: localhost\r\nExpect: 100-Continue\r\nContent-Length: {length}\r\n\r\n").as_bytes());
    // The body follows only after the interim answer; `answer` passes over it.
    let mut interim = [0; 12];
    connection.read_raw(&mut interim);
    assert_eq!(&interim, b"HTTP/1.1 100");
    connection.skip_line();
    connection.skip_line();
    assert_eq!(connection.exchange(GET.as_bytes()).unwrap().json()["UserProfileItem"], alice());
    // Refused at once, without the body.
    let mut connection = server.connect();
    let refused = connection.exchange(b"POST /v4/profile/nope HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n");
    assert_eq!(refused.unwrap().code(), 60009);
    assert!(connection.is_closed());
}

#[test]
fn http_1_0_and_connection_close_end_the_connection() {
    let server = TestServer::dev();
    let target = target(&server.dev_app());
    let length = GET.len();
    for head in [
        format!("POST {target} HTTP/1.0\r\n"),
        format!("POST {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"),
    ] {
        let mut connection = server.connect();
        let answer =
            connection.exchange(format!("{head}content-length: {length}\r\n\r\n{GET}").as_bytes()).unwrap();
        assert_eq!(answer.json()["UserProfileItem"], alice());
        assert!(connection.is_closed(), "{head}");
    }
}

#[test]
fn head_has_no_body_and_no_error() {
    let server = TestServer::dev();
    let mut connection = server.connect();
    connection.send(b"HEAD /v4/profile/portrait_get HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let head = connection.raw_head().unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
}

#[test]
fn usersigs_are_taken_in_every_coding_and_form() {
    let server = TestServer::dev();
    let app = server.dev_app();
    let sign =
        Sign { key: KEY, sdkappid: app.id.into(), identifier: "administrator", time: now(), expire: 600 };
    let signature = sign.signature();
    let (id, time) = (app.id, sign.time);
    let stored = enclose_at(
        &format!(
            "{{\"TLS.ver\":\"2.0\",\"TLS.identifier\":\"administrator\",\"TLS.sdkappid\":{id},\"TLS.expire\":600,\"TLS.time\":{time},\"TLS.sig\":\"{signature}\"}}\n"
        ),
        Compression::none(),
    );
    let java = enclose(&format!(
        "{{\"TLS.expire\":600,\"TLS.ver\":\"2.0\",\"TLS.sdkappid\":{id},\"TLS.identifier\":\"administrator\",\"TLS.sig\":\"{signature}\",\"TLS.time\":{time}}}"
    ));
    let php = enclose(&format!(
        "{{\"TLS.ver\":\"2.0\",\"TLS.identifier\":\"administrator\",\"TLS.sdkappid\":\"{id}\",\"TLS.expire\":\"600\",\"TLS.time\":\"{time}\",\"TLS.sig\":\"{}\"}}",
        signature.replace('/', "\\/")
    ));
    let go = enclose(&format!(
        "{{\"TLS.expire\": 600,\"TLS.identifier\": \"administrator\", \"TLS.sdkappid\": {id}, \"TLS.sig\": \"{signature}\", \"TLS.time\": {time}, \"TLS.ver\": \"2.0\", \"extra\": [1]}}"
    ));
    for plain in [sign.usersig(), stored, java, php, go] {
        let starred = plain.replace('*', "%2A");
        let unpadded = plain.trim_end_matches('_').to_owned();
        for written in [plain.clone(), starred, encode(&plain), unpadded] {
            let target = format!(
                "{}?contenttype=json&identifier=administrator&sdkappid={id}&usersig={written}",
                path_of("portrait_get")
            );
            let answer = server.connect().exchange(&post(&target, GET)).unwrap();
            assert_eq!(answer.code(), 0, "{written}: {answer:?}");
        }
    }
}

/// The vectors of the official libraries are past or future: each must get as far as its time.
#[test]
fn official_vectors_are_verified_by_the_running_server() {
    let server = TestServer::dev();
    let vectors: Value = serde_json::from_str(include_str!("../../../../conformance/usersig.json")).unwrap();
    for vector in vectors.as_array().unwrap() {
        let (app, key) = (vector["sdkappid"].as_u64().unwrap(), vector["key"].as_str().unwrap());
        let (status, answer) =
            server.admin("POST", "/apps", &json!({"sdkappid": app, "key": key}).to_string());
        assert!(status == 201 || answer.contains("exists already"), "{answer}");
        if status != 201 {
            server.admin("POST", &format!("/apps/{app}/keys"), &json!({ "key": key }).to_string());
        }
        let identifier = vector["identifier"].as_str().unwrap();
        let sig = encode(vector["usersig"].as_str().unwrap());
        let target = format!(
            "{}?sdkappid={app}&identifier={}&usersig={sig}",
            path_of("portrait_get"),
            encode(identifier)
        );
        let code = server.connect().exchange(&post(&target, GET)).unwrap().code();
        let expires = vector["time"].as_u64().unwrap() + vector["expire"].as_u64().unwrap();
        let valid = if identifier == "administrator" { 0 } else { 40004 };
        let in_time = if expires < now() { 70001 } else { valid };
        assert_eq!(code, vector["code"].as_u64().unwrap_or(in_time), "{vector}");
    }
}

#[test]
fn dev_lets_in_only_local_names() {
    let server = TestServer::dev_with(&["--allow-host", "im.example.com"]);
    let app = server.dev_app();
    let code = |headers: &str| {
        let (target, length) = (target(&app), GET.len());
        let request = format!("POST {target} HTTP/1.1\r\n{headers}Content-Length: {length}\r\n\r\n{GET}");
        let answer = server.connect().exchange(request.as_bytes()).unwrap();
        (answer.code(), answer.header("x-error-detail").unwrap_or_default().to_owned())
    };
    for good in [
        "Host: localhost:8080",
        "Host: 127.0.0.1",
        "Host: [::1]:1",
        "Host: console.tim.qq.com",
        "Host: im.example.com",
        "Host: localhost\r\nOrigin: http://localhost:3000",
    ] {
        assert_eq!(code(&format!("{good}\r\n")).0, 0, "{good}");
    }
    for bad in [
        "Host: evil.example",
        "Host: localhost\r\nOrigin: https://evil.example",
        "Host: localhost\r\nOrigin: null",
    ] {
        let (code, detail) = code(&format!("{bad}\r\n"));
        assert_eq!(code, 60002, "{bad}");
        assert!(detail.contains("--allow-host"), "{detail}");
    }
}

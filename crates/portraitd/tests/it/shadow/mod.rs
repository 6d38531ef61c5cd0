//! Shadow mode, with a second portraitd as the cloud: planted differences are found and none is invented, also when the cloud
//! fails; callers get what the cloud gave; the side that answers is changed under load.

mod calls;
mod process;
mod start_and_end;

use self::calls::{Client, Counts, Plan};
use self::process::{Shadow, http};
use crate::harness::{App, Connection, KEY, TestServer, binary, post};
use crate::torture::{Random, number, seed};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

const CLIENTS: usize = 8;

/// Like the cloud: errors are not explained in the body.
fn cloud_server(args: &[&str]) -> TestServer {
    TestServer::dev_with(&[&["--no-error-detail"], args].concat())
}

fn here_server(data: &Path) -> TestServer {
    TestServer::serve(data, "[limits]\nenabled = false\nusersig_failures_per_ip = 0\n")
}

/// The app of the cloud, on the other side.
fn same_app(server: &TestServer, id: u32) -> App<'_> {
    let (status, answer) = server.admin("POST", "/apps", &json!({"sdkappid": id, "key": KEY}).to_string());
    assert_eq!(status, 201, "{answer}");
    App { server, id }
}

fn define_field(app: &App<'_>) {
    app.put("/fields/Test", r#"{"type":"string","read":["admin"],"write":["admin"]}"#);
}

fn set(user: &str, tag: &str, value: &str) -> String {
    json!({"From_Account": user, "ProfileItem": [{"Tag": tag, "Value": value}]}).to_string()
}

fn export(app: &App<'_>) -> BTreeMap<String, String> {
    let (status, page) = app.server.admin("GET", &format!("/apps/{}/export?limit=1000", app.id), "");
    let page: Value = serde_json::from_str(&page).unwrap();
    assert!(status == 200 && page["next"].is_null(), "{page}");
    let accounts = page["accounts"].as_array().unwrap().iter();
    accounts
        .map(|account| (account["UserID"].as_str().unwrap().to_owned(), account["ProfileItem"].to_string()))
        .collect()
}

/// `kind command path`, with counts.
fn rows(report: &Value, list: &str) -> BTreeMap<String, u64> {
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    let row = |row: &Value| {
        (["kind", "command", "path"].map(|name| text(row, name)).join(" "), row["count"].as_u64().unwrap())
    };
    report[list].as_array().unwrap().iter().map(row).collect()
}

/// Issue 22: 10,000 mixed calls of 8 clients over shared accounts, with planted differences. Every one is counted, none is
/// invented, and both sides end with the same profiles, since each account's calls were made in one order on both.
#[test]
fn planted_differences_are_found_and_none_is_invented() {
    let calls = number("SHADOW_CALLS").and_then(|calls| usize::try_from(calls).ok()).unwrap_or(10_000);
    let dir = tempfile::tempdir().unwrap();
    let (cloud_server, here_server) = (cloud_server(&[]), here_server(&dir.path().join("data")));
    let cloud = cloud_server.app();
    let here = same_app(&here_server, cloud.id);
    let both = [&cloud, &here];
    let shadow = Shadow::start(&cloud_server.address, &here_server.address, &[]);
    both.into_iter().for_each(define_field);
    let plan = Plan::new(&cloud);
    plan.prepare(&shadow.address);
    // What shadow mode can't see: a value changed, a field set, and an account deleted, each on one side alone.
    assert_eq!(here.code("portrait_set", &set("changed", "Tag_Profile_IM_Nick", "another")), 0);
    assert_eq!(cloud.code("portrait_set", &set("lacking", "Tag_Profile_Custom_Test", "there alone")), 0);
    assert_eq!(here.code("account_delete", r#"{"DeleteItem":[{"UserID":"gone"}]}"#), 0);
    // And another limit, a word list, and another form of unknown accounts.
    here.patch(&json!({"location_bytes_max": 16, "echo_unknown": true}));
    here.put("/words", "badword\n");
    let seed = seed();
    let counts = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|n| {
                let mut client = Client::new(&plan, &shadow.address, Random(seed.wrapping_add(n as u64)));
                scope.spawn(move || {
                    (0..calls / CLIENTS).for_each(|_| client.any_call());
                    client.counts
                })
            })
            .collect();
        clients.into_iter().map(|client| client.join().unwrap()).fold(Counts::default(), Counts::plus)
    });
    let (code, output) = shadow.stop();
    let report = &output.report;
    let prepared = Plan::prepared_calls();
    let expected = counts.planted.iter().map(|(row, count)| ((*row).to_owned(), *count)).collect();
    assert_eq!(rows(report, "differences"), expected, "{report:#}");
    assert_eq!(report["total"]["calls"], json!(counts.calls + prepared));
    assert_eq!(report["total"]["compared"], json!(counts.calls + prepared));
    assert_eq!(report["total"]["different"], json!(counts.different));
    assert!(
        counts.planted.len() == 5
            && counts.calls == (calls / CLIENTS * CLIENTS) as u64
            && counts.planted.values().all(|count| *count > 0),
        "{:?}",
        counts.planted
    );
    // The location that one side refused differs afterwards; that is told apart.
    let unsettled = rows(report, "unsettled_differences");
    let location = "portrait_get UserProfileItem[].ProfileItem[Tag_Profile_IM_Location]";
    assert!(!unsettled.is_empty() && unsettled.keys().all(|row| row.contains(location)), "{unsettled:?}");
    assert_eq!((code, output.firsts.len()), (3, counts.planted.len() + unsettled.len()));
    // Everything else is the same on both sides.
    let shared = |app: &App<'_>| {
        let all = export(app).into_iter();
        all.filter(|(user, _)| user.starts_with("user")).collect::<BTreeMap<_, _>>()
    };
    assert!(!shared(&cloud).is_empty());
    assert_eq!(shared(&cloud), shared(&here));
    plan.assert_no_secrets(&output);
}

/// The cloud fails in every way that the emulator knows. Nothing is planted, so every difference would be invented.
#[test]
fn a_failing_cloud_invents_no_difference() {
    let dir = tempfile::tempdir().unwrap();
    let (cloud_server, here_server) = (cloud_server(&[]), here_server(&dir.path().join("data")));
    let cloud = cloud_server.app();
    let here = same_app(&here_server, cloud.id);
    [&cloud, &here].into_iter().for_each(define_field);
    let shadow = Shadow::start(&cloud_server.address, &here_server.address, &["--timeout-ms", "700"]);
    let plan = Plan::new(&cloud);
    plan.prepare(&shadow.address);
    let seed = seed();
    for (place, mut rule) in [
        json!({"code": 60008}),
        json!({"code": 60007}),
        json!({"malformed": "html"}),
        json!({"malformed": "cut-json"}),
        json!({"malformed": "cut-body"}),
        json!({"malformed": "empty"}),
        json!({"malformed": "string-code"}),
        json!({"close": "before"}),
        json!({"close": "after"}),
        json!({"delay_ms": 1500}),
    ]
    .into_iter()
    .enumerate()
    {
        rule["app"] = json!(cloud.id);
        rule["probability"] = json!(0.02);
        rule["seed"] = json!(seed.wrapping_add(place as u64) >> 12);
        crate::emulator::done(&cloud_server, "POST", "/faults", &rule.to_string());
    }
    let answered: BTreeMap<String, u64> = thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|n| {
                let mut client = Client::new(&plan, &shadow.address, Random(seed.wrapping_add(n)));
                scope.spawn(move || {
                    (0..400).for_each(|_| client.ordinary_call());
                    client.counts.answers
                })
            })
            .collect();
        let each = clients.into_iter().flat_map(|client| client.join().unwrap());
        each.fold(BTreeMap::new(), |mut all, (answer, count)| {
            *all.entry(answer).or_default() += count;
            all
        })
    });
    let (code, output) = shadow.stop();
    let report = &output.report;
    assert_eq!((code, rows(report, "differences")), (0, BTreeMap::new()), "{report:#}");
    let total = &report["total"];
    let not_compared = &total["not_compared"];
    for reason in ["cloud_unknown", "cloud_limit"] {
        assert!(not_compared[reason].as_u64().unwrap() > 5, "{report:#}");
    }
    assert!(total["compared"].as_u64().unwrap() > 800, "{report:#}");
    // What the cloud gave came through: its own codes, its broken answers, and 502 where it gave nothing.
    for kind in ["502 60008", "200 60008", "200 60007", "502 html", "200 broken"] {
        assert!(answered.get(kind).is_some_and(|count| *count > 0), "{kind}: {answered:?}");
    }
    plan.assert_no_secrets(&output);
}

/// Callers notice neither the switch to portraitd nor that the cloud is gone afterwards.
#[test]
fn the_side_that_answers_is_changed_under_load() {
    let dir = tempfile::tempdir().unwrap();
    let (mut cloud_server, here_server) = (cloud_server(&[]), here_server(&dir.path().join("data")));
    let id = cloud_server.app().id;
    same_app(&here_server, id);
    let shadow = Shadow::start(&cloud_server.address, &here_server.address, &["--timeout-ms", "3000"]);
    let plan = Plan::new(&App { server: &cloud_server, id });
    // Nothing was compared yet.
    let (status, why) = shadow.control("PUT", "/answer", r#"{"from":"here"}"#);
    assert!(status == 409 && why["error"].as_str().unwrap().contains("\"force\":true"), "{status} {why}");
    let (enough, made) = (AtomicBool::new(false), AtomicU64::new(0));
    let wait_for_calls = |more: u64| {
        let until = made.load(Ordering::SeqCst) + more;
        while made.load(Ordering::SeqCst) < until {
            thread::sleep(Duration::from_millis(5));
        }
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|n: u64| {
                let (plan, enough, made, address) = (&plan, &enough, &made, &shadow.address);
                scope.spawn(move || {
                    let user = format!("switch{n}");
                    let mut client = Client::new(plan, address, Random(n));
                    client.ok("account_import", &json!({"UserID": user}).to_string());
                    for round in 0.. {
                        let nick = format!("nick {round}");
                        client.ok("portrait_set", &set(&user, "Tag_Profile_IM_Nick", &nick));
                        let read = client.ok(
                            "portrait_get",
                            &json!({"To_Account": [user], "TagList": ["Tag_Profile_IM_Nick"]}).to_string(),
                        );
                        // Whoever answers knows the last change.
                        assert_eq!(read["UserProfileItem"][0]["ProfileItem"][0]["Value"], json!(nick));
                        made.fetch_add(1, Ordering::SeqCst);
                        if enough.load(Ordering::SeqCst) {
                            return client.counts.calls;
                        }
                    }
                    unreachable!("it returns above")
                })
            })
            .collect();
        for from in ["here", "cloud", "here"] {
            wait_for_calls(30);
            let (status, answer) = shadow.control("PUT", "/answer", &json!({"from": from}).to_string());
            assert_eq!((status, &answer["answers_from"]), (200, &json!(from)), "{answer}");
        }
        wait_for_calls(30);
        let compared = shadow.report();
        assert!(
            compared["is_clean"] == true && compared["total"]["not_compared"] == json!({}),
            "{compared:#}"
        );
        // Both were told everything: without the cloud, portraitd goes on.
        let cloud_profiles = export(&App { server: &cloud_server, id });
        assert!((0..4).all(|n| cloud_profiles.contains_key(&format!("switch{n}"))), "{cloud_profiles:?}");
        cloud_server.kill();
        wait_for_calls(30);
        enough.store(true, Ordering::SeqCst);
        let calls: u64 = clients.into_iter().map(|client| client.join().unwrap()).sum();
        let report = shadow.report_when(|report| report["total"]["calls"] == json!(calls));
        assert!(report["total"]["not_compared"]["cloud_unknown"].as_u64().unwrap() > 0, "{report:#}");
        assert_eq!(rows(&report, "differences"), BTreeMap::new());
    });
    let (code, output) = shadow.stop();
    assert_eq!(code, 0, "{}", output.report);
}

/// A call that waits too long for earlier ones of its account is made on the side that answers alone; what it changes is
/// unsettled.
#[test]
fn a_busy_account_does_not_stop_its_callers() {
    let dir = tempfile::tempdir().unwrap();
    let (cloud_server, here_server) = (cloud_server(&[]), here_server(&dir.path().join("data")));
    let cloud = cloud_server.app();
    let here = same_app(&here_server, cloud.id);
    for app in [&cloud, &here] {
        app.import("busy");
    }
    let shadow = Shadow::start(&cloud_server.address, &here_server.address, &[]);
    let slow = json!({"app": cloud.id, "command": "portrait_set", "next": 1, "delay_ms": 5000});
    crate::emulator::done(&cloud_server, "POST", "/faults", &slow.to_string());
    let nick = |nick: &str| cloud.request("portrait_set", &set("busy", "Tag_Profile_IM_Nick", nick));
    let answers = thread::scope(|scope| {
        let calls = ["first", "second"].map(|name| {
            let request = nick(name);
            let address = &shadow.address;
            let call = scope.spawn(move || Connection::open(address).exchange(&request).unwrap().code());
            thread::sleep(Duration::from_millis(300));
            call
        });
        calls.map(|call| call.join().unwrap())
    });
    assert_eq!(answers, [0, 0]);
    let report = shadow.report_when(|report| report["total"]["calls"] == 2);
    assert_eq!(report["total"]["not_compared"], json!({"busy": 1}), "{report:#}");
    assert_eq!((&report["total"]["compared"], &report["unsettled_accounts"]), (&json!(1), &json!(1)));
    assert_eq!(shadow.stop().0, 0);
}

#[test]
fn callers_get_the_cloud_s_answer_byte_for_byte() {
    let dir = tempfile::tempdir().unwrap();
    let (cloud_server, here_server) =
        (cloud_server(&["--others", "ok"]), here_server(&dir.path().join("data")));
    let cloud = cloud_server.dev_app();
    same_app(&here_server, cloud.id);
    let shadow = Shadow::start(&cloud_server.address, &here_server.address, &[]);
    let ask = |address: &str, request: &[u8]| Connection::open(address).exchange(request).unwrap();
    let get = json!({"To_Account": ["alice", "ghost"], "TagList": ["Tag_Profile_IM_Nick"]}).to_string();
    let mut requests: Vec<Vec<u8>> = [
        ("portrait_get", get.as_str()),
        ("portrait_get", "{}"),
        ("portrait_set", "not json"),
        ("account_check", r#"{"CheckItem":[{"UserID":"alice"}]}"#),
    ]
    .map(|(command, body)| cloud.request(command, body))
    .into();
    let query = cloud.query("administrator");
    requests.push(post(&format!("/v4/openim/sendmsg?{query}"), r#"{"To_Account":"alice"}"#));
    requests.push(post("/v4/profile/portrait_get?sdkappid=1&identifier=%zz", "{}"));
    requests.push(b"GET /v4/profile/portrait_get HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec());
    for request in &requests {
        let (direct, shadowed) = (ask(&cloud_server.address, request), ask(&shadow.address, request));
        assert_eq!((direct.status, &direct.body), (shadowed.status, &shadowed.body));
        // Of each answer its own.
        let kept = |answer: &crate::harness::Answer| -> BTreeSet<(String, String)> {
            let own = ["connection", "date", "x-request-id"];
            let headers = answer.headers.iter().filter(|(name, _)| !own.contains(&name.as_str()));
            headers.cloned().collect()
        };
        assert_eq!(kept(&direct), kept(&shadowed));
    }
    let report = shadow.report_when(|report| report["total"]["calls"] == json!(requests.len() - 1));
    assert_eq!(report["forwarded"], json!({"v4/openim/sendmsg": 1}));
    // alice is one of the emulator's samples, and was never imported here.
    let found = rows(&report, "differences");
    assert_eq!(found["code portrait_get UserProfileItem[].ResultCode"], 1, "{found:?}");
    assert_eq!(found["value account_check ResultItem[].AccountStatus"], 1, "{found:?}");
    // After a repair the report begins from zero.
    assert_eq!(shadow.control("DELETE", "/report", "").0, 204);
    assert_eq!(shadow.report()["total"]["calls"], 0);
    // Nothing was compared since.
    assert_eq!(shadow.stop().0, 4);
}

/// Over TLS, as the real cloud; and without portraitd, calls are answered all the same.
#[test]
fn the_cloud_answers_over_tls_and_without_portraitd() {
    let dir = tempfile::tempdir().unwrap();
    let certificates = dir.path().to_str().unwrap();
    let cloud_server = cloud_server(&["--tls", "127.0.0.1:0", "--certificates", certificates]);
    let cloud = cloud_server.dev_app();
    let nothing_there = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let url = cloud_server.ready["tls_url"].as_str().unwrap().to_owned();
    let ca = dir.path().join("ca.pem");
    let shadow = Shadow::start_at(&url, &format!("http://{nothing_there}"), &["--ca", ca.to_str().unwrap()]);
    let set = cloud.request("portrait_set", &set("alice", "Tag_Profile_IM_Nick", "by shadow"));
    assert_eq!(Connection::open(&shadow.address).exchange(&set).unwrap().code(), 0);
    let get = json!({"To_Account": ["alice"], "TagList": ["Tag_Profile_IM_Nick"]}).to_string();
    let read =
        Connection::open(&shadow.address).exchange(&cloud.request("portrait_get", &get)).unwrap().json();
    assert_eq!(read["UserProfileItem"][0]["ProfileItem"][0]["Value"], "by shadow");
    let report = shadow.report_when(|report| report["total"]["not_compared"]["here_unknown"] == 2);
    assert_eq!((&report["unsettled_accounts"], &report["is_clean"]), (&json!(1), &json!(false)));
    let (code, output) = shadow.stop();
    assert!(
        code == 4
            && output.log.contains("--here http://127.0.0.1:")
            && output.log.contains("does not answer"),
        "{}",
        output.log
    );
    assert!(!output.log.contains("--cloud"), "{}", output.log);
}

/// A cloud that answers without end, slowly, or what would steer a terminal.
#[test]
fn a_hostile_cloud_does_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let here_server = here_server(&dir.path().join("data"));
    let hostile = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = hostile.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in hostile.incoming() {
            thread::spawn(move || {
                let Ok(mut stream) = stream else { return };
                let mut request = vec![0; 65536];
                let read = stream.read(&mut request).unwrap_or_default();
                let request = String::from_utf8_lossy(&request[..read]).into_owned();
                let start = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
                if request.contains("\"huge\"") {
                    let _ = write!(stream, "{start}\r\n");
                    while stream.write_all(&[b' '; 8192]).is_ok() {}
                } else if request.contains("\"steer\"") {
                    let body =
                        "{\"ActionStatus\":\"OK\",\"ErrorCode\":0,\"\\u001b[2Jname\":\"\\u001b]0;x\\u0007\"}";
                    let _ = write!(
                        stream,
                        "{start}x-steer: a\tb\r\ncontent-length: {}\r\n\r\n{body}",
                        body.len()
                    );
                } else {
                    thread::sleep(Duration::from_mins(1));
                }
            });
        }
    });
    let app = here_server.app();
    app.import("steer");
    let shadow = Shadow::start(&address, &here_server.address, &["--timeout-ms", "2000"]);
    let ask = |user: &str| {
        let body = json!({"To_Account": [user], "TagList": ["Tag_Profile_IM_Nick"]}).to_string();
        Connection::open(&shadow.address).exchange(&app.request("portrait_get", &body)).unwrap()
    };
    for user in ["huge", "silent"] {
        let answer = ask(user);
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!((answer.status, &body["ErrorCode"]), (502, &json!(60008)), "{user}");
        assert!(answer.header("x-error-detail").unwrap().contains("portraitd shadow"));
    }
    assert_eq!(ask("steer").status, 200);
    let report = shadow.report_when(|report| report["total"]["compared"] == 1);
    assert_eq!(report["total"]["not_compared"]["cloud_unknown"], 2);
    let (code, output) = shadow.stop();
    assert!(code == 3 && !output.everything().contains('\u{1b}'), "{}", output.everything());
}

#[test]
fn bad_requests_and_web_pages_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (cloud_server, here_server) = (cloud_server(&[]), here_server(&dir.path().join("data")));
    let shadow = Shadow::start(&cloud_server.address, &here_server.address, &[]);
    let app = cloud_server.dev_app();
    // Too large, announced or not.
    let target = format!("/v4/profile/portrait_set?{}", app.query("administrator"));
    for head in ["Content-Length: 2000000", "Transfer-Encoding: chunked"] {
        let mut connection = shadow.connect();
        connection
            .try_send(format!("POST {target} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n\r\n").as_bytes());
        for _ in 0..20 {
            connection.try_send(format!("10000\r\n{}\r\n", "x".repeat(65536)).as_bytes());
        }
        let answer = connection.answer().unwrap();
        assert_eq!((answer.status, answer.header("connection")), (502, Some("close")));
        assert!(answer.header("x-error-detail").unwrap().contains("larger than 1048576 bytes"));
    }
    assert_eq!(shadow.report()["not_forwarded"], 2);
    for (method, path, body, extra, expected) in [
        ("GET", "/report", "", "Origin: http://localhost:3000\r\n", 403),
        ("PUT", "/answer", r#"{"from":"here","force":true}"#, "Sec-Fetch-Site: cross-site\r\n", 403),
        ("PUT", "/answer", r#"{"from":"nowhere"}"#, "", 400),
        ("PUT", "/answer", "", "", 400),
        ("POST", "/report", "", "", 405),
        ("GET", "/other", "", "", 404),
        ("PUT", "/answer", r#"{"from":"here","force":true}"#, "", 200),
    ] {
        let (status, answer) = http(&shadow.control_address, "localhost", method, path, extra, body);
        assert_eq!(status, expected, "{method} {path} {extra} {answer}");
    }
    assert_eq!(http(&shadow.control_address, "evil.example", "GET", "/report", "", "").0, 403);
    shadow.stop();
}

/// A relay that no address shows to be one leads the cloud's calls back.
#[test]
fn a_loop_ends_with_its_first_round() {
    let here_server = cloud_server(&[]);
    let relay = TcpListener::bind("127.0.0.1:0").unwrap();
    let shadow = Shadow::start(&relay.local_addr().unwrap().to_string(), &here_server.address, &[]);
    let address = shadow.address.clone();
    thread::spawn(move || {
        for stream in relay.incoming() {
            let (Ok(near), Ok(far)) = (stream, TcpStream::connect(&address)) else { continue };
            for (mut from, mut to) in [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)] {
                thread::spawn(move || std::io::copy(&mut from, &mut to));
            }
        }
    });
    let app = here_server.dev_app();
    let request = app.request("account_check", r#"{"CheckItem":[{"UserID":"alice"}]}"#);
    let answer = shadow.connect().exchange(&request).unwrap();
    assert_eq!(answer.status, 502);
    assert!(
        answer.header("x-error-detail").unwrap().contains("has come back to portraitd shadow"),
        "{answer:?}"
    );
    // The probe at the start came back too.
    let report = shadow.report_when(|report| report["total"]["calls"] == 1);
    assert_eq!(report["total"]["not_compared"]["cloud_unknown"], 1);
    shadow.stop();
}

#[test]
fn addresses_that_can_not_be_right_are_refused() {
    let server = cloud_server(&[]);
    let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (here, other, cloud) = (free(), free(), format!("http://{}", server.address));
    let refused = |args: &[&str], code: i32, why: &str| {
        let output = binary().args(["shadow", "--control", "127.0.0.1:0"]).args(args).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.code() == Some(code) && text.contains(why),
            "{args:?}: {:?} {text}",
            output.status
        );
        assert!(!text.contains("secret"), "{text}");
    };
    let [listen, here_url] = [here.to_string(), format!("http://{other}")];
    let loops = format!("http://{here}/");
    let good = ["--cloud", &cloud, "--here", &here_url, "--listen", &listen];
    refused(&["--cloud", &loops, "--here", &here_url, "--listen", &listen], 1, "every call would come back");
    refused(&["--cloud", &cloud, "--here", &loops, "--listen", &listen], 1, "every call would come back");
    refused(&["--cloud", &cloud, "--here", &cloud, "--listen", "127.0.0.1:0"], 1, "the same server");
    refused(
        &["--cloud", "console.tim.qq.com", "--here", &cloud],
        1,
        "must start with http://, https:// or unix:",
    );
    refused(&["--cloud", "https://a:secret@b", "--here", &cloud], 1, "has no user name");
    refused(&["--cloud", &cloud], 2, "--here");
    let with = |more: &[&'static str]| [good.as_slice(), more].concat();
    refused(&with(&["--certificate", "/a.pem"]), 2, "--certificate-key");
    refused(&with(&["--timeout-ms", "0"]), 2, "0 is not in");
    refused(&with(&["--report", "/nowhere/report.json"]), 1, "can't write /nowhere/report.json");
    refused(
        &[
            "--cloud",
            "https://127.0.0.1:1",
            "--here",
            &here_url,
            "--listen",
            "127.0.0.1:0",
            "--ca",
            "/nowhere.pem",
        ],
        1,
        "can't read the certificates in /nowhere.pem",
    );
    let output = binary().args(["shadow", "--control", "0.0.0.0:0"]).args(good).output().unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("for this machine alone"));
}

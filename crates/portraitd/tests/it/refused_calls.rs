//! Where refused calls are shown: on standard error of `portraitd dev`, and of `portraitd run` when its command failed.

use crate::harness::{Connection, KEY, TestServer, binary, encode, post};
use crate::usersig::{Sign, now};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// `portraitd dev` as a person starts it, without `--json`.
struct Terminal {
    child: Child,
    banner: String,
    errors: tempfile::NamedTempFile,
}

impl Terminal {
    fn start(args: &[&str]) -> Self {
        let errors = tempfile::NamedTempFile::new().unwrap();
        let mut command = binary();
        command.args(["dev", "--key", KEY, "--listen", "127.0.0.1:0"]).args(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors.reopen().unwrap());
        let mut child = command.spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut banner = String::new();
        while !banner.contains("portraitd explain") || !banner.ends_with("\n\n") {
            assert!(out.read_line(&mut banner).unwrap() > 0, "{banner}");
        }
        Self { child, banner, errors }
    }

    fn address(&self, name: &str) -> String {
        let is_named = |line: &&str| line.trim_start().starts_with(name) || line.contains("地址  ");
        let line = self.banner.lines().find(is_named).unwrap();
        line.split("://").nth(1).unwrap().split_whitespace().next().unwrap().to_owned()
    }

    fn errors(&self) -> String {
        std::fs::read_to_string(self.errors.path()).unwrap()
    }

    /// Waits until standard error has this text.
    fn wait_for(&self, text: &str) -> String {
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            let errors = self.errors();
            if errors.contains(text) {
                return errors;
            }
            assert!(Instant::now() < until, "`{text}` is not in:\n{errors}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops it gracefully, and returns all of standard error.
    fn stop(mut self) -> String {
        let sent = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        assert!(self.child.wait().unwrap().success());
        self.errors()
    }

    fn send(&self, bytes: &[u8]) {
        drop(Connection::open(&self.address("URL")).exchange(bytes));
    }

    fn set(&self, user: &str) {
        let sig =
            Sign { key: KEY, sdkappid: 1_400_000_000, identifier: "administrator", time: now(), expire: 600 };
        let query =
            format!("sdkappid=1400000000&identifier=administrator&usersig={}&random=1", sig.usersig());
        let body = serde_json::json!({"From_Account": user, "ProfileItem": [{"Tag": "Tag_Profile_IM_Nick", "Value": "N"}]});
        self.send(&post(&format!("/v4/profile/portrait_set?{query}&contenttype=json"), &body.to_string()));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn each_refused_call_is_one_decoded_line_and_equal_ones_are_counted() {
    let terminal = Terminal::start(&[]);
    let requests = format!("portraitd emulator requests --url http://{}  ", terminal.address("URL"));
    assert!(terminal.banner.contains(&requests), "{}", terminal.banner);
    assert!(terminal.banner.contains("portraitd explain 40003 ") && terminal.banner.contains("shown here"));
    terminal.set("alice");
    for _ in 0..4 {
        terminal.set("nobody");
    }
    let errors = terminal.wait_for("nobody");
    let lines: Vec<&str> = errors.lines().filter(|line| line.contains("portrait_set")).collect();
    assert_eq!(lines.len(), 1, "{errors}");
    let columns: Vec<&str> = lines[0].split("  ").collect();
    assert_eq!(columns[1..5], ["portrait_set", "1400000000", "nobody", "40003"], "{errors}");
    assert!(columns[0].len() == 12 && !columns[5].is_empty(), "{errors}");
    terminal.send(&post("/v4/profile/portrait_get?sdkappid=1400000000&identifier=a&userSig=s3cret", "{}"));
    terminal.wait_for("found `userSig`, but the parameter is `usersig`; names are case-sensitive");
    let errors = terminal.stop();
    assert!(!errors.contains("s3cret"), "{errors}");
    assert!(errors.contains("… 3 more like this: portrait_set  40003"), "{errors}");
    assert!(!errors.contains("alice"), "a call that succeeds is not shown: {errors}");
}

#[test]
fn what_never_became_a_call_is_shown() {
    let terminal = Terminal::start(&["--tls", "127.0.0.1:0"]);
    terminal.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS handshake");
    terminal.wait_for("sent a TLS handshake to the plain port");
    terminal.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    terminal.wait_for("HTTP/2; configure the client for HTTP/1.1");
    terminal.send("GET /v4/profile/portrait_get?a=b c HTTP/1.1\r\nHost: localhost\r\n\r\n".as_bytes());
    terminal.wait_for("must be percent-encoded");
    drop(Connection::open(&terminal.address("HTTPS")).exchange(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    terminal.wait_for("sent plain HTTP to the HTTPS port");
    terminal.send(b"GET /_portraitd/requests HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    terminal
        .wait_for("/_portraitd/requests  -  -  60002  the host `evil.example` is neither local nor allowed");
    terminal.send(b"GET /v4/x HTTP/1.1\r\nHost: evil2.example\r\n\r\n");
    terminal.wait_for("`evil2.example` is neither");
    // The admin port asks for the token also in the control API.
    let admin = terminal.address("Admin API").split('/').next().unwrap().to_owned();
    drop(Connection::open(&admin).exchange(b"GET /_portraitd/requests HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    terminal.wait_for("/_portraitd/requests  -  -  401  send `Authorization: Bearer TOKEN`");
    // A port check that connects and leaves is nothing to report.
    let before = terminal.errors();
    drop(std::net::TcpStream::connect(terminal.address("URL")).unwrap());
    assert_eq!(terminal.stop(), before);
}

/// The cloud takes it, and it is good for 19,000 years.
#[test]
fn a_good_usersig_with_times_in_milliseconds_is_warned_of_once() {
    let terminal = Terminal::start(&[]);
    let call = |sign: Sign<'_>| {
        let query = format!("sdkappid=1400000000&identifier=administrator&usersig={}", sign.usersig());
        terminal.send(&post(
            &format!("/v4/profile/portrait_get?{query}"),
            r#"{"To_Account":["alice"],"TagList":["Tag_Profile_IM_Nick"]}"#,
        ));
    };
    let good =
        || Sign { key: KEY, sdkappid: 1_400_000_000, identifier: "administrator", time: now(), expire: 600 };
    call(good());
    let time = now() * 1000;
    for _ in 0..3 {
        call(Sign { time, ..good() });
    }
    call(Sign { expire: now() + 600, ..good() });
    let errors = terminal.wait_for("TLS.expire");
    let lines: Vec<&str> =
        errors.lines().filter(|line| line.contains("(usersig)  1400000000  administrator  -  ")).collect();
    assert!(
        lines.len() == 2 && lines[0].contains("TLS.time") && lines[0].contains("millisecond"),
        "{errors}"
    );
}

/// A client that counts characters: the rest of its body arrives as the next request.
#[test]
fn a_body_that_is_longer_than_its_content_length_is_connected_to_what_follows() {
    let terminal = Terminal::start(&[]);
    let sig =
        Sign { key: KEY, sdkappid: 1_400_000_000, identifier: "administrator", time: now(), expire: 600 };
    let query = format!("sdkappid=1400000000&identifier=administrator&usersig={}", sig.usersig());
    let body =
        r#"{"From_Account":"alice","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"爱丽丝漫游奇境"}]}"#;
    let head = format!(
        "POST /v4/profile/portrait_set?{query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
        body.chars().count()
    );
    let mut connection = Connection::open(&terminal.address("URL"));
    let answer = connection.exchange(format!("{head}{body}").as_bytes()).unwrap();
    let display = answer.json()["ErrorDisplay"].as_str().unwrap().to_owned();
    let bytes = body.chars().count();
    assert!(display.contains(&format!("it ends after {bytes} bytes, inside a ")), "{display}");
    assert!(display.contains("Content-Length is too small: it counts bytes, not characters"), "{display}");
    assert_eq!(connection.answer().unwrap().code(), 60002, "the rest is no request");
    let errors = terminal.wait_for("(connection)");
    assert!(errors.contains("after a request, 127.0.0.1 sent on the same connection what is no request"));
    assert!(
        errors.contains("the rest of the body, if that request's Content-Length was too small"),
        "{errors}"
    );
}

#[test]
fn handshakes_that_fail_are_shown_with_the_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let terminal = Terminal::start(&["--tls", "127.0.0.1:0", "--certificates", dir.path().to_str().unwrap()]);
    let address = terminal.address("HTTPS");
    for _ in 0..2 {
        let url = format!("https://localhost:{}/v4/x", address.rsplit(':').next().unwrap());
        let output = Command::new("curl").args(["-sS", "--noproxy", "*", &url]).output().unwrap();
        assert!(!output.status.success());
    }
    terminal.wait_for("does not trust the certificate of the HTTPS port (TLS alert ");
    terminal.wait_for("`portraitd cert` shows how");
    let send = |bytes: &[u8]| std::net::TcpStream::connect(&address).unwrap().write_all(bytes).unwrap();
    // The hello of TLS 1.1 with one cipher.
    let mut hello = vec![22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0, 0x2f, 1, 0]);
    send(&hello);
    terminal.wait_for("no TLS version or cipher in common");
    // A client that leaves after its first bytes.
    send(b"\x16\x03\x01\x02\x00");
    terminal.wait_for("closed the connection in the middle of the TLS handshake");
    send(&[22, 3, 1, 0, 5, 9, 9, 9, 9, 9]);
    terminal.wait_for("the TLS handshake of 127.0.0.1 failed: ");
    let errors = terminal.stop();
    assert!(
        errors.contains("… 1 more like this: (connection)  -  127.0.0.1 does not trust the certificate"),
        "{errors}"
    );
}

#[test]
fn what_the_proxy_refuses_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let certificates = dir.path().to_str().unwrap();
    let terminal = Terminal::start(&[
        "--tls",
        "127.0.0.1:0",
        "--proxy",
        "127.0.0.1:0",
        "--certificates",
        certificates,
        "--language",
        "zh",
    ]);
    let proxy = terminal.banner.lines().find(|line| line.contains("代理  ")).unwrap();
    let proxy = proxy.split("://").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let refused = |target: &str| {
        let request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n");
        drop(Connection::open(&proxy).exchange(request.as_bytes()));
    };
    refused("example.com:443");
    refused("example.com:443");
    terminal.wait_for("(proxy)  -  -  403  example.com 不是云端域名，此代理拒绝其他域名");
    refused("console.tim.qq.com:8443");
    terminal.wait_for("(proxy)  -  -  403  console.tim.qq.com 由 portraitd 应答，仅限 443 与 80 端口");
    drop(Connection::open(&proxy).exchange(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    terminal.wait_for("(proxy)  -  -  400  这里是 portraitd 的代理");
    let errors = terminal.stop();
    assert!(errors.contains("… 另有 1 次相同：(proxy)  403  example.com 不是云端域名"), "{errors}");
}

#[test]
fn lines_are_escaped_and_hold_no_usersig() {
    let terminal = Terminal::start(&["--language", "zh"]);
    let user = "x\u{202e}\u{1b}[2J\u{2028}y";
    let sig =
        Sign { key: KEY, sdkappid: 1_400_000_000, identifier: "administrator", time: now(), expire: 600 };
    let sig = sig.usersig();
    terminal.set(user);
    terminal.send(&post(&format!("/v4/{KEY}"), "{}"));
    // `&` in place of `?`: the whole query is in the path.
    terminal.send(&post(&format!("/v4/profile/portrait_set&usersig={sig}&x=1"), "{}"));
    terminal
        .send(&post(&format!("/v4/x?sdkappid=1400000000&identifier={}", encode("a?usersig=") + &sig), "{}"));
    let errors = terminal.wait_for("usersig=…");
    assert!(errors.contains("x\\u{202e}\\u{1b}[2J\\u{2028}y"), "{errors}");
    assert!(!errors.contains(['\u{202e}', '\u{1b}', '\u{2028}']) && !errors.contains(&sig), "{errors}");
    assert!(!errors.contains(KEY), "{errors}");
    assert!(errors.contains("没有该路径"), "in the chosen language: {errors}");
    let requests = "GET /_portraitd/requests HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let recorded = Connection::open(&terminal.address("URL")).exchange(requests.as_bytes()).unwrap();
    assert!(recorded.body.contains("usersig=…") && !recorded.body.contains(&sig), "{}", recorded.body);
}

#[test]
fn a_flood_prints_a_bounded_number_of_lines() {
    let terminal = Terminal::start(&[]);
    let mut connection = Connection::open(&terminal.address("URL"));
    for number in 0..2000 {
        let request = post(&format!("/v4/flood/{number}"), "");
        if connection.exchange(&request).is_none_or(|answer| answer.header("connection") == Some("close")) {
            connection = Connection::open(&terminal.address("URL"));
        }
    }
    let errors = terminal.stop();
    assert!(errors.lines().count() < 400, "{}", errors.lines().count());
    assert!(errors.contains("other refused requests; `portraitd emulator requests` shows"), "{errors}");
}

#[test]
fn a_standard_error_that_is_not_read_blocks_nothing() {
    let mut command = binary();
    command.args(["dev", "--key", KEY, "--listen", "127.0.0.1:0"]).stdin(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut banner = String::new();
    while !banner.contains("  URL ") {
        assert!(out.read_line(&mut banner).unwrap() > 0, "{banner}");
    }
    let address = banner.rsplit("://").next().unwrap().split_whitespace().next().unwrap().to_owned();
    for number in 0..1500 {
        let request = post(&format!("/v4/{number}/{}", "x".repeat(180)), "");
        assert!(Connection::open(&address).exchange(&request).is_some(), "{number}");
    }
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success() && child.wait().unwrap().success());
    let mut errors = Vec::new();
    child.stderr.take().unwrap().read_to_end(&mut errors).unwrap();
    assert!(!errors.is_empty());
}

#[test]
fn run_shows_them_when_its_command_failed() {
    let dir = tempfile::tempdir().unwrap();
    let run = |script: &str| {
        let mut command = binary();
        command.args(["run", "--certificates"]).arg(dir.path()).args(["--", "sh", "-c", script]);
        let output = command.stdin(Stdio::null()).output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    let call = r#"curl -sS -o /dev/null "$PORTRAITD_URL/v4/nothing" -d '{}'; curl -sS -o /dev/null "$PORTRAITD_URL/v4/nothing" -d '{}';"#;
    let errors = run(&format!("{call} exit 3"));
    assert!(errors.contains("The emulator refused 2 requests:\n  "), "{errors}");
    assert!(errors.contains("/v4/nothing  -  -  60009  ") && errors.contains("  (2 times)"), "{errors}");
    assert!(!run(&format!("{call} exit 0")).contains("refused"), "the command succeeded");
    assert!(!run("exit 3").contains("refused"), "nothing was refused");
}

/// Lone surrogates, NUL, numbers beyond IEEE 754 and deep nesting: every parser reads the list, and `--user` finds them.
#[test]
fn an_odd_request_does_not_spoil_the_list() {
    const PYTHON: &str = "import json, sys; print(len(json.load(sys.stdin)))";
    const NODE: &str = "console.log(JSON.parse(require('fs').readFileSync(0, 'utf8')).length)";
    let server = TestServer::dev();
    let deep = "[".repeat(3000) + &"]".repeat(3000);
    let huge = "1".to_owned() + &"0".repeat(5000);
    let odd =
        [r#""\ud800""#, r#""\u0000\u202e\u2028""#, "1e400", "-1E999", &huge, &deep, "\"\u{feff}\u{2029}\""];
    for value in odd {
        let body = format!(
            r#"{{"From_Account":"odd","ProfileItem":[{{"Tag":"Tag_Profile_IM_Nick","Value":{value}}}]}}"#
        );
        drop(server.connect().exchange(&server.dev_app().request("portrait_set", &body)));
    }
    for body in [&b"\xff\xfe\0"[..], b"{\"From_Account\":\"odd\",\"x\":\"\xff\"}"] {
        let mut request = server.dev_app().request("portrait_set", &"_".repeat(body.len()));
        let head = request.len() - body.len();
        request.splice(head.., body.iter().copied());
        drop(server.connect().exchange(&request));
    }
    let requests = |args: &[&str]| {
        let url = format!("http://{}", server.address);
        let mut command = binary();
        let output = command.args(["emulator", "requests", "--url", &url]).args(args).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let get = "GET /_portraitd/requests HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let listed = server.connect().exchange(get.as_bytes()).unwrap().body.into_bytes();
    for json in [requests(&["--json"]), listed] {
        for [program, option, script] in [["python3", "-c", PYTHON], ["node", "-e", NODE]] {
            assert_eq!(piped(program, &[option, script], &json).trim(), "9", "{program}");
        }
    }
    let found = String::from_utf8(requests(&["--user", "odd"])).unwrap();
    assert_eq!(found.lines().count(), 8, "{found}");
    assert!(!found.contains(|c: char| c != '\n' && (c.is_control() || c == '\u{202e}')), "{found}");
}

/// Runs a program with this input, and returns what it printed.
fn piped(program: &str, args: &[&str], input: &[u8]) -> String {
    let mut child =
        Command::new(program).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program}");
    String::from_utf8(output.stdout).unwrap()
}

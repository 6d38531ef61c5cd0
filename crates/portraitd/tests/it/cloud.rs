//! `dev --tls` and `--proxy` in place of the cloud, for a client that checks certificates and trusts only the emulator's
//! own authority.

use crate::emulator::done;
use crate::harness::{Answer, Connection, TestServer, binary, post};
use crate::namespaces::{can_isolate, in_namespaces};
use crate::receiver::{Receiver, Reply};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// An emulator with HTTPS and a proxy.
struct Cloud {
    server: TestServer,
    tls: String,
    proxy: String,
    certificates: tempfile::TempDir,
}

impl Cloud {
    fn start(args: &[&str]) -> Self {
        let certificates = tempfile::tempdir().unwrap();
        let mut command = binary();
        command.args(["dev", "--key", crate::harness::KEY, "--tls", "127.0.0.1:0", "--proxy", "127.0.0.1:0"]);
        command.arg("--certificates").arg(certificates.path()).args(args);
        let server = TestServer::start_with(&mut command);
        let address =
            |name: &str| server.ready[name].as_str().unwrap().split_once("://").unwrap().1.to_owned();
        Self { tls: address("tls_url"), proxy: address("proxy_url"), server, certificates }
    }

    /// A call as an App admin, with whatever `Host`.
    fn call(&self, host: &str) -> Vec<u8> {
        let app = self.server.dev_app();
        let body = r#"{"To_Account":["alice"],"TagList":["Tag_Profile_IM_Nick"]}"#;
        let request = app.request("portrait_get", body);
        String::from_utf8(request)
            .unwrap()
            .replace("Host: localhost", &format!("Host: {host}\r\nConnection: close"))
            .into()
    }

    /// What the proxy says to one request.
    fn ask(&self, request: &[u8]) -> Option<Answer> {
        Connection::open(&self.proxy).exchange(request)
    }

    /// A tunnel, or the proxy's refusal.
    fn tunnel(&self, target: &str) -> Result<TcpStream, String> {
        let mut stream = TcpStream::connect(&self.proxy).unwrap();
        write!(stream, "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n").unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        let head = String::from_utf8(head).unwrap();
        if head.starts_with("HTTP/1.1 200") { Ok(stream) } else { Err(head) }
    }
}

/// Speaks TLS as a client that trusts one authority, and reads everything.
fn exchange(stream: TcpStream, authority: &Path, name: &str, request: &[u8]) -> Result<String, String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, stream);
    stream.write_all(request).map_err(|error| error.to_string())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(|error| error.to_string())?;
    Ok(answer)
}

fn names() -> Vec<String> {
    let regions = ["sgp", "kr", "jpn", "ger", "ind", "usa", "idn"];
    let regional = regions.iter().flat_map(|region| {
        [format!("adminapi{region}.im.qcloud.com"), format!("adminapi{region}.my-imcloud.com")]
    });
    ["console.tim.qq.com", "adminapi.my-imcloud.com"].map(str::to_owned).into_iter().chain(regional).collect()
}

#[test]
fn every_name_of_the_cloud_is_served_over_tls() {
    let cloud = Cloud::start(&[]);
    let authority = cloud.certificates.path().join("ca.pem");
    for name in names().iter().map(String::as_str).chain(["localhost", "127.0.0.1", "::1"]) {
        let host = if name.contains("::") { "[::1]" } else { name };
        let direct = TcpStream::connect(&cloud.tls).unwrap();
        let answer = exchange(direct, &authority, name, &cloud.call(host)).unwrap();
        assert!(answer.contains(r#""Value":"Alice""#), "{name}: {answer}");
    }
    for name in names() {
        let answer =
            exchange(cloud.tunnel(&format!("{name}:443")).unwrap(), &authority, &name, &cloud.call(&name))
                .unwrap();
        assert!(answer.contains(r#""Value":"Alice""#), "{name}: {answer}");
    }
}

/// Failover between regions, as a client with `HTTPS_PROXY` meets it.
#[test]
fn a_fault_of_one_name_leaves_the_others() {
    let cloud = Cloud::start(&[]);
    let authority = cloud.certificates.path().join("ca.pem");
    let (failing, other) = ("console.tim.qq.com", "adminapisgp.im.qcloud.com");
    done(&cloud.server, "POST", "/faults", &format!(r#"{{"host":"{failing}","malformed":"html"}}"#));
    let call = |name: &str| {
        let tunnel = cloud.tunnel(&format!("{name}:443")).unwrap();
        exchange(tunnel, &authority, name, &cloud.call(name)).unwrap()
    };
    assert!(call(failing).starts_with("HTTP/1.1 502 "));
    assert!(call(other).contains(r#""Value":"Alice""#));
}

#[test]
fn a_name_that_the_certificate_lacks_is_explained_and_can_be_added() {
    let cloud = Cloud::start(&[]);
    let authority = cloud.certificates.path().join("ca.pem");
    for _ in 0..20 {
        let direct = TcpStream::connect(&cloud.tls).unwrap();
        let refused = exchange(direct, &authority, "portraitd.test", b"x").unwrap_err();
        assert!(refused.contains("certificate"), "{refused}");
    }
    let log = cloud.server.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("asked for `portraitd.test`")).collect();
    assert!(lines.len() == 1 && lines[0].contains("--allow-host portraitd.test"), "{log}");
    let cloud = Cloud::start(&["--allow-host", "portraitd.test"]);
    let authority = cloud.certificates.path().join("ca.pem");
    let tunnel = cloud.tunnel("portraitd.test:443").unwrap();
    let answer = exchange(tunnel, &authority, "portraitd.test", &cloud.call("portraitd.test")).unwrap();
    assert!(answer.contains(r#""Value":"Alice""#), "{answer}");
}

/// Without a free file descriptor they try ten times a second to accept the connection that waits.
#[test]
fn connections_that_can_not_be_accepted_do_not_fill_the_log() {
    let cloud = Cloud::start(&[]);
    let pid = cloud.server.child.id().to_string();
    let limit = |files: &str| {
        let limited = Command::new("prlimit").args(["--pid", &pid, &format!("--nofile={files}:")]).status();
        assert!(limited.unwrap().success());
    };
    limit("3");
    let waiting = [&cloud.server.address, &cloud.tls, &cloud.proxy].map(|to| TcpStream::connect(to).unwrap());
    // For several attempts of each.
    std::thread::sleep(Duration::from_secs(1));
    limit("20000");
    drop(waiting);
    let log = cloud.server.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("can't accept a connection")).collect();
    assert!(lines.len() == 3 && lines.iter().all(|line| line.contains("failed=1")), "{log}");
    assert!(cloud.tunnel("console.tim.qq.com:443").is_ok());
}

#[test]
fn a_client_that_does_not_trust_the_authority_is_in_the_log() {
    let (cloud, other) = (Cloud::start(&[]), Cloud::start(&[]));
    let authority = other.certificates.path().join("ca.pem");
    let refused =
        exchange(cloud.tunnel("console.tim.qq.com:443").unwrap(), &authority, "console.tim.qq.com", b"x");
    assert!(refused.unwrap_err().contains("UnknownIssuer"));
    // The client's word comes to the server after it came to its own end of the tunnel.
    let until = Instant::now() + Duration::from_secs(10);
    while !cloud.server.log().contains("UnknownCA") {
        assert!(Instant::now() < until, "{}", cloud.server.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_proxy_serves_whole_urls_of_the_cloud() {
    let cloud = Cloud::start(&[]);
    let call = String::from_utf8(cloud.call("somebody.else")).unwrap();
    for start in
        ["http://console.tim.qq.com", "HTTP://CONSOLE.TIM.QQ.COM:80", "https://adminapisgp.im.qcloud.com"]
    {
        let answer = cloud.ask(call.replacen("POST /", &format!("POST {start}/"), 1).as_bytes()).unwrap();
        assert_eq!(answer.code(), 0, "{start}: {answer:?}");
    }
    let mut plain = Connection::over(cloud.tunnel("console.tim.qq.com:80").unwrap());
    assert_eq!(plain.exchange(&cloud.call("console.tim.qq.com")).unwrap().code(), 0);
}

#[test]
fn what_the_proxy_refuses_it_explains_and_logs() {
    let cloud = Cloud::start(&[]);
    for (target, status, part) in [
        ("example.com:443", "403", "--proxy-others pass"),
        ("203.0.113.7:443", "403", "--proxy-others pass"),
        ("console.tim.qq.com:8443", "403", "443 and 80"),
        ("console.tim.qq.com", "400", "invalid proxy request"),
    ] {
        let head = cloud.tunnel(target).unwrap_err();
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")) && head.contains(part), "{target}: {head}");
    }
    for (target, status, part) in [
        ("http://example.com/", 403, "--proxy-others pass"),
        ("http://console.tim.qq.com:8080/", 403, "Port 8080 is not forwarded"),
        ("ftp://console.tim.qq.com/", 400, "the scheme ftp"),
        ("/v4/profile/portrait_get", 400, "HTTPS_PROXY"),
    ] {
        let answer = cloud.ask(&post(target, "{}")).unwrap();
        assert_eq!(answer.status, status, "{target}: {answer:?}");
        assert!(answer.body.contains(part), "{target}: {answer:?}");
    }
    let log = cloud.server.log();
    assert!(log.contains("example.com is not a name of the cloud"), "{log}");
    // Whatever comes, it goes on.
    let long = format!("CONNECT {}:443 HTTP/1.1\r\n\r\n", "x".repeat(40_000));
    for garbage in [long.as_bytes(), b"\x16\x03\x01\x00", b"GET\r\n\r\n", b"CONNECT : HTTP/1.1\r\n\r\n"] {
        let mut stream = TcpStream::connect(&cloud.proxy).unwrap();
        // It may be refused before all of it is sent.
        let _ = stream.write_all(garbage).and_then(|()| stream.shutdown(std::net::Shutdown::Write));
        let _ = stream.read_to_end(&mut Vec::new());
    }
    assert!(cloud.tunnel("console.tim.qq.com:443").is_ok());
}

#[test]
fn others_are_passed_on_where_that_was_asked_for_and_the_cloud_never() {
    let cloud = Cloud::start(&["--proxy-others", "pass"]);
    let other = Receiver::start(|_| Reply::Http(200, "another server".into()));
    let target = other.address.clone();
    let answer = cloud.ask(&post(&format!("http://{target}/path?x=1"), "{}")).unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "another server"));
    let call = other.calls().pop().unwrap();
    assert_eq!((call.target.as_str(), call.header("host")), ("/path?x=1", Some(target.as_str())));
    let mut tunnel = Connection::over(cloud.tunnel(&target).unwrap());
    assert_eq!(tunnel.exchange(&post("/", "{}")).unwrap().body, "another server");
    assert!(cloud.tunnel("console.tim.qq.com:8443").unwrap_err().contains("403"));
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refusal = cloud.tunnel(&closed.to_string()).unwrap_err();
    assert!(refusal.starts_with("HTTP/1.1 502 portraitd can't reach"), "{refusal}");
}

#[test]
fn emulators_that_start_at_once_share_their_certificates() {
    let certificates = tempfile::tempdir().unwrap();
    let start = || {
        let mut command = binary();
        command.args(["dev", "--json", "--listen", "127.0.0.1:0", "--tls", "127.0.0.1:0", "--certificates"]);
        command.arg(certificates.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        command.spawn().unwrap()
    };
    let children = [start(), start(), start()];
    for mut child in children {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line)
            .unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let address = ready["tls_url"].as_str().unwrap().trim_start_matches("https://").to_owned();
        let stream = TcpStream::connect(address).unwrap();
        let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        let answer = exchange(stream, &certificates.path().join("ca.pem"), "console.tim.qq.com", request);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(answer.unwrap().contains("60002"));
    }
}

#[test]
fn a_shell_takes_in_the_environment() {
    let cloud = Cloud::start(&[]);
    let url = format!("http://{}", cloud.server.address);
    let env = |args: &[&str]| binary().args(["env", "--url", &url]).args(args).output().unwrap();
    let bash = String::from_utf8(env(&["--shell", "bash"]).stdout).unwrap();
    let script = format!(
        r#"{bash}
        curl -sS "https://console.tim.qq.com/v4/im_open_login_svc/account_check?sdkappid=$PORTRAITD_SDKAPPID&identifier=$PORTRAITD_ADMIN&usersig=$PORTRAITD_USERSIG" -d '{{"CheckItem":[{{"UserID":"bob"}}]}}'"#
    );
    let output = Command::new("sh").args(["-ec", &script]).output().unwrap();
    let answer = String::from_utf8_lossy(&output.stdout);
    assert!(answer.contains(r#""AccountStatus":"Imported""#), "{answer}{output:?}");
    let json: Value = serde_json::from_slice(&env(&["--json"]).stdout).unwrap();
    assert_eq!(json["HTTPS_PROXY"], cloud.server.ready["proxy_url"]);
    assert!(!json.to_string().contains(&cloud.server.admin_token), "callers need not administer it");
    let nobody =
        binary().args(["env", "--url", &format!("http://{}", cloud.server.admin_address)]).output().unwrap();
    assert!(!nobody.status.success() && String::from_utf8_lossy(&nobody.stderr).contains("portraitd dev"));
    drop(cloud);
    let gone = binary().args(["env", "--url", &url]).output().unwrap();
    assert_eq!(gone.status.code(), Some(1));
}

/// The proxy's own connections come from this machine; its callers may not.
#[test]
fn a_caller_from_elsewhere_is_no_local_one_behind_the_proxy() {
    if !can_isolate() {
        return;
    }
    let script = r#"
        ip address add 192.0.2.2/32 dev lo
        "$PORTRAITD" dev --listen 127.0.0.1:8080 --proxy 0.0.0.0:8888 --proxy-others pass \
            --certificates "$DIR/certificates" --json > "$DIR/dev" 2>&1 & dev=$!
        until curl -s -o /dev/null http://127.0.0.1:8080/_portraitd/health; do sleep 0.05; done
        for caller in 127.0.0.1 192.0.2.2; do
            for url in http://console.tim.qq.com https://console.tim.qq.com http://127.0.0.1:8080; do
                for path in _portraitd/environment admin/v1/apps; do
                    for tunnel in "" --proxytunnel; do
                        status=$(curl -s -k $tunnel -o /dev/null -w '%{http_code}' -x http://$caller:8888 $url/$path)
                        echo "$caller $status"
                    done
                done
            done
        done
        for caller in 192.0.2.2 192.0.2.2 192.0.2.2 192.0.2.2 192.0.2.2 192.0.2.2 192.0.2.2 192.0.2.2 192.0.2.2 192.0.2.2 192.0.2.2 127.0.0.1; do
            echo "guess by $caller" $(curl -s -o /dev/null -w '%{http_code}' -H 'Authorization: Bearer wrong' -x http://$caller:8888 \
                http://console.tim.qq.com/admin/v1/apps)
        done
        kill $dev; wait $dev
    "#;
    let printed = in_namespaces(binary().get_program(), script, &[]);
    let count = |line: &str| printed.lines().filter(|printed| *printed == line).count();
    assert_eq!((count("127.0.0.1 200"), count("192.0.2.2 401")), (12, 12), "{printed}");
    let guesses = ["guess by 192.0.2.2 401", "guess by 192.0.2.2 429", "guess by 127.0.0.1 200"].map(count);
    assert_eq!(guesses, [10, 1, 1], "each caller is judged by its own address: {printed}");
}

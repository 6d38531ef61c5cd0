//! TLS on the listeners: both HTTP versions, bad handshakes, certificates that change while the server runs.

use crate::harness::{App, Connection, KEY, TestServer, binary, post};
use crate::tls::Authority;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

const GET: &str = r#"{"To_Account":["alice"],"TagList":["Tag_Profile_IM_Nick"]}"#;

/// A server with TLS on both listeners, and who signed its certificates.
struct Secure {
    folder: tempfile::TempDir,
    authority: Authority,
    server: TestServer,
}

impl Secure {
    fn start(further: &str) -> Self {
        let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new("test"));
        authority.certificate("localhost").write(folder.path(), "a");
        let at = folder.path().display();
        let config = format!(
            "[tls]\ncertificate = \"{at}/a.pem\"\nkey = \"{at}/a.key\"\nadmin_certificate = \"{at}/a.pem\"\nadmin_key = \"{at}/a.key\"\n{further}"
        );
        let server = TestServer::serve(&folder.path().join("data"), &config);
        Self { folder, authority, server }
    }

    fn client(&self, alpn: &str) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority.pem().as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut config = config.unwrap().with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        Arc::new(config)
    }

    fn stream(&self, address: &str) -> std::io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(self.client("http/1.1"), name).unwrap();
        let socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(Duration::from_secs(30)))?;
        let mut stream = StreamOwned::new(connection, socket);
        stream.conn.complete_io(&mut stream.sock)?;
        Ok(stream)
    }

    fn connect(&self) -> Connection {
        Connection::over(self.stream(&self.server.address).unwrap())
    }

    /// The certificate that a new connection is shown.
    fn shown(&self) -> Vec<u8> {
        let stream = self.stream(&self.server.address).unwrap();
        stream.conn.peer_certificates().unwrap().first().unwrap().to_vec()
    }

    fn create_app(&self) -> App<'_> {
        let token = &self.server.admin_token;
        let body = format!("{{\"sdkappid\":1400000000,\"key\":\"{KEY}\"}}");
        let length = body.len();
        let request = format!(
            "POST /admin/v1/apps HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        let mut admin = Connection::over(self.stream(&self.server.admin_address).unwrap());
        assert_eq!(admin.exchange(request.as_bytes()).unwrap().status, 201);
        App { server: &self.server, id: 1_400_000_000 }
    }

    /// An HTTP/2 connection; ends with the runtime that it runs on.
    async fn http2(&self) -> SendRequest<Full<Bytes>> {
        let socket = tokio::net::TcpStream::connect(&self.server.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let tls = tokio_rustls::TlsConnector::from(self.client("h2")).connect(name, socket).await.unwrap();
        assert_eq!(tls.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(tls));
        let (sender, connection) = handshake.await.unwrap();
        tokio::spawn(connection);
        sender
    }
}

/// Waits for what must come to pass.
fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < give_up, "{what} did not come to pass");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn http_1_1_over_tls_keeps_the_contract() {
    let secure = Secure::start("");
    let app = secure.create_app();
    let mut connection = secure.connect();
    for _ in 0..3 {
        let answer = connection.exchange(&app.request("account_import", r#"{"UserID":"alice"}"#)).unwrap();
        assert_eq!(answer.code(), 0);
    }
    assert_eq!(connection.exchange(&app.request("portrait_get", GET)).unwrap().code(), 0);
    let large = format!(r#"{{"Pad":"{}"}}"#, "x".repeat(1 << 20));
    assert_eq!(connection.exchange(&app.request("portrait_get", &large)).unwrap().code(), 60002);
    assert!(connection.is_closed());
    // HTTP that is broken is answered with the envelope too.
    for broken in ["NO HTTP AT ALL\r\n\r\n", "GET / HTTP/1.1\r\nbad header\r\n\r\n"] {
        let mut connection = secure.connect();
        assert_eq!(connection.exchange(broken.as_bytes()).unwrap().code(), 60002, "{broken}");
        assert!(connection.is_closed());
    }
}

#[test]
fn http_2_answers_many_requests_at_once() {
    let secure = Secure::start("[limits]\nenabled = false");
    let app = secure.create_app();
    runtime().block_on(async {
        let mut sender = secure.http2().await;
        let mut answers = Vec::new();
        for n in 0..500_u32 {
            let path = if n % 5 == 0 { "/v4/profile/nope" } else { "/v4/im_open_login_svc/account_import" };
            let uri = format!("https://localhost{path}?{}", app.query("administrator"));
            let body = Full::from(format!("{{\"UserID\":\"user{n}\"}}"));
            let request = hyper::Request::post(uri).body(body).unwrap();
            sender.ready().await.unwrap();
            answers.push((n, sender.send_request(request)));
        }
        for (n, answer) in answers {
            let answer = answer.await.unwrap();
            assert_eq!(answer.status(), 200);
            assert!(answer.headers().contains_key("x-request-id"));
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["ErrorCode"], if n % 5 == 0 { 60009 } else { 0 }, "{n}: {body}");
        }
        // A body that is too large ends its request and not the connection.
        let uri = format!("https://localhost/v4/profile/portrait_get?{}", app.query("administrator"));
        for (bytes, code) in [(2 << 20, 60002), (0, 60003)] {
            let request = hyper::Request::post(&uri).body(Full::from("x".repeat(bytes))).unwrap();
            let answer = sender.send_request(request).await.unwrap();
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["ErrorCode"], code, "{body}");
        }
    });
}

#[test]
fn http_2_connections_that_stand_idle_are_closed_with_a_word() {
    let secure = Secure::start("[server]\nidle_timeout_ms = 300\nheader_timeout_ms = 300");
    runtime().block_on(async {
        for requests in 0..2 {
            let mut sender = secure.http2().await;
            for _ in 0..requests {
                let request = hyper::Request::post("https://localhost/v4/nope").body(Full::from("{}"));
                assert_eq!(sender.send_request(request.unwrap()).await.unwrap().status(), 200);
            }
            while !sender.is_closed() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    });
}

#[test]
fn http_2_finishes_what_is_in_flight_when_the_server_stops() {
    let mut secure = Secure::start("");
    let app = secure.create_app();
    let request = |n: u32| {
        let uri =
            format!("https://localhost/v4/im_open_login_svc/account_import?{}", app.query("administrator"));
        hyper::Request::post(uri).body(Full::from(format!("{{\"UserID\":\"user{n}\"}}"))).unwrap()
    };
    runtime().block_on(async {
        let mut sender = secure.http2().await;
        assert_eq!(sender.send_request(request(0)).await.unwrap().status(), 200);
        secure.server.signal("-TERM");
        while !sender.is_closed() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(secure.server.child.wait().unwrap().success());
}

#[test]
fn bad_handshakes_are_closed_and_harm_nobody() {
    let secure = Secure::start("handshake_timeout_ms = 500");
    let address = &secure.server.address;
    // Garbage.
    let mut socket = TcpStream::connect(address).unwrap();
    socket.write_all(&[22, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]).unwrap();
    assert!(Connection::over(socket).read_to_end().len() < 64);
    let mut socket = TcpStream::connect(address).unwrap();
    socket.write_all(&[0; 4096]).unwrap();
    assert!(Connection::over(socket).read_to_end().len() < 64);
    // Somebody who says nothing, and somebody who begins and never ends.
    for begin in [&[][..], &[22, 3, 1, 2, 0, 1, 0, 1, 0xfc]] {
        let mut socket = TcpStream::connect(address).unwrap();
        socket.write_all(begin).unwrap();
        assert_eq!(socket.read(&mut [0; 16]).unwrap_or(0), 0);
    }
    // A client that does not trust the certificate.
    let stranger = Secure { authority: Authority::new("stranger"), ..secure };
    assert!(stranger.stream(&stranger.server.address).is_err());
    // Plain HTTP is told what is wrong, on both listeners.
    let mut plain = Connection::open(&stranger.server.address);
    let answer = plain.exchange(&post("/v4/profile/portrait_get", GET)).unwrap();
    assert_eq!(answer.code(), 60002);
    assert!(answer.header("x-error-detail").unwrap().contains("https://"));
    assert!(plain.is_closed());
    let mut plain = Connection::open(&stranger.server.admin_address);
    let answer = plain.exchange(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("https://"), "{answer:?}");
}

#[test]
fn certificates_are_read_again_and_bad_ones_are_not_used() {
    let secure = Secure::start("");
    let folder = secure.folder.path();
    let first = secure.shown();
    // A changed pair is taken up by itself.
    let next = secure.authority.certificate("localhost");
    next.write(folder, "a");
    eventually("the new certificate", || secure.shown() == next.certificate.to_vec());
    assert_ne!(first, next.certificate.to_vec());
    // One that can't be read, is missing, or whose key is another's, is not; the one before stays.
    let refused = |sentence: &str| {
        secure.server.signal("-HUP");
        eventually(sentence, || secure.server.log().contains(sentence));
        assert_eq!(secure.shown(), next.certificate.to_vec());
    };
    fs::write(folder.join("a.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .unwrap();
    refused("can't be read");
    fs::write(folder.join("a.pem"), "no PEM").unwrap();
    refused("there is no certificate in");
    fs::write(folder.join("a.pem"), vec![b'x'; 2 << 20]).unwrap();
    refused("larger than a certificate can be");
    fs::remove_file(folder.join("a.pem")).unwrap();
    refused("can't read");
    next.write(folder, "a");
    secure.authority.certificate("localhost").write(folder, "b");
    fs::copy(folder.join("b.key"), folder.join("a.key")).unwrap();
    refused("does not fit the certificate");
    // Set right, it is used at once.
    fs::copy(folder.join("b.pem"), folder.join("a.pem")).unwrap();
    secure.server.signal("-HUP");
    eventually("the right pair", || secure.shown() != next.certificate.to_vec());
}

#[test]
fn the_command_line_speaks_tls_too() {
    let secure = Secure::start("");
    let app = secure.create_app();
    let (folder, server) = (secure.folder.path(), &secure.server);
    let authority = folder.join("authority.pem");
    fs::write(&authority, secure.authority.pem()).unwrap();
    let run = |trusted: bool, args: &[&str]| {
        let mut command = binary();
        if trusted {
            command.env("SSL_CERT_FILE", &authority);
        }
        let output = command.args(args).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    // By the data directory the server is known by its certificate, whose name is another.
    let data = folder.join("data");
    let (id, data) = (app.id.to_string(), data.to_str().unwrap());
    assert_eq!(run(false, &["app", "admin", "add", &id, "carol", "--data", data]), (true, String::new()));
    // By a URL its certificate must be good for the name in it.
    let port = server.address.rsplit(':').next().unwrap();
    let import = |url: &str, trusted: bool| {
        run(trusted, &["account", "import", "alice", "--url", url, "--sdkappid", &id, "--key", KEY])
    };
    let good = format!("https://localhost:{port}");
    assert_eq!(import(&good, true), (true, String::new()));
    assert!(import(&good, false).1.contains("UnknownIssuer"), "{:?}", import(&good, false));
    assert!(import(&format!("https://127.0.0.1:{port}"), true).1.contains("not valid for name"));
}

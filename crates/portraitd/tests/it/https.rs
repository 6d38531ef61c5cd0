//! TLS on the listeners: which HTTP it carries, bad handshakes, certificates that change while the server runs.

use crate::harness::{App, Connection, KEY, TestServer, binary, post};
use crate::tls::Authority;
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
pub(crate) struct Secure {
    folder: tempfile::TempDir,
    authority: Authority,
    pub(crate) server: TestServer,
}

impl Secure {
    pub(crate) fn start(further: &str) -> Self {
        let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new("test"));
        authority.certificate("localhost").write(folder.path(), "a");
        let at = folder.path().display();
        let config = format!(
            "[tls]\ncertificate = \"{at}/a.pem\"\nkey = \"{at}/a.key\"\nadmin_certificate = \"{at}/a.pem\"\nadmin_key = \"{at}/a.key\"\n{further}"
        );
        let server = TestServer::serve(&folder.path().join("data"), &config);
        Self { folder, authority, server }
    }

    fn client(&self, alpn: &[&str]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority.pem().as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut config = config.unwrap().with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }

    fn stream(&self, address: &str) -> std::io::Result<StreamOwned<ClientConnection, TcpStream>> {
        self.stream_offering(address, &["http/1.1"])
    }

    /// A connection of a client that offers these protocols by ALPN.
    fn stream_offering(
        &self,
        address: &str,
        alpn: &[&str],
    ) -> std::io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(self.client(alpn), name).unwrap();
        let socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(Duration::from_secs(30)))?;
        let mut stream = StreamOwned::new(connection, socket);
        stream.conn.complete_io(&mut stream.sock)?;
        Ok(stream)
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::over(self.stream(&self.server.address).unwrap())
    }

    /// The certificate that a new connection is shown.
    fn shown(&self) -> Vec<u8> {
        let stream = self.stream(&self.server.address).unwrap();
        stream.conn.peer_certificates().unwrap().first().unwrap().to_vec()
    }

    pub(crate) fn create_app(&self) -> App<'_> {
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
}

/// Waits for what must come to pass.
fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < give_up, "{what} did not come to pass");
        std::thread::sleep(Duration::from_millis(50));
    }
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

/// A client that offers both versions gets HTTP/1.1 without asking again; one that offers HTTP/2 alone is told in the
/// handshake that there is no such protocol.
#[test]
fn http_1_1_is_the_only_version_offered() {
    let secure = Secure::start("");
    let app = secure.create_app();
    let import = app.request("account_import", r#"{"UserID":"alice"}"#);
    for (offered, agreed) in
        [(&["h2", "http/1.1"][..], Some(&b"http/1.1"[..])), (&["http/1.1"], Some(b"http/1.1")), (&[], None)]
    {
        let stream = secure.stream_offering(&secure.server.address, offered).unwrap();
        assert_eq!(stream.conn.alpn_protocol(), agreed, "{offered:?}");
        assert_eq!(Connection::over(stream).exchange(&import).unwrap().code(), 0, "{offered:?}");
    }
    for address in [&secure.server.address, &secure.server.admin_address] {
        let refused = secure.stream_offering(address, &["h2"]).unwrap_err();
        let alert = refused.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
        let expected = rustls::Error::AlertReceived(rustls::AlertDescription::NoApplicationProtocol);
        assert_eq!(alert, Some(&expected), "{refused}");
    }
    assert_eq!(secure.connect().exchange(&import).unwrap().code(), 0);
}

/// A client that speaks HTTP/2 without asking first is cut off: what it understands isn't spoken here, and nothing may
/// be taken for a request.
#[test]
fn the_http_2_preface_is_no_request() {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let (plain, secure) = (TestServer::dev(), Secure::start(""));
    let address = &secure.server.address;
    for (name, mut connection) in [
        ("plain HTTP", plain.connect()),
        ("inside TLS", secure.connect()),
        ("TLS without ALPN", Connection::over(secure.stream_offering(address, &[]).unwrap())),
        ("without TLS on a TLS port", Connection::open(address)),
    ] {
        connection.send(preface);
        assert!(connection.is_closed(), "{name}");
    }
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
    refused("contains no certificate");
    fs::write(folder.join("a.pem"), vec![b'x'; 2 << 20]).unwrap();
    refused("so it is no certificate or key");
    fs::remove_file(folder.join("a.pem")).unwrap();
    refused("can't read");
    next.write(folder, "a");
    secure.authority.certificate("localhost").write(folder, "b");
    fs::copy(folder.join("b.key"), folder.join("a.key")).unwrap();
    refused("does not match the certificate");
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

//! The real binary under test: started, spoken to over plain sockets, killed by its own process number.

use crate::usersig::{Sign, now};
use rustix::net;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

pub(crate) const KEY: &str = "8c1e5b9d77a04f3e92d6b0c8f41a35e7d2086f9b4c7e1a3d5f60b8e2947ca1d3";

/// A server that runs. Dropped, it is killed, and a panic in its log fails the test.
pub(crate) struct TestServer {
    pub child: Child,
    pub address: String,
    pub admin_address: String,
    pub admin_token: String,
    /// What it said when it was ready.
    pub ready: Value,
    log: tempfile::NamedTempFile,
}

/// One HTTP answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// An app of a running server, and who calls it.
pub(crate) struct App<'a> {
    pub server: &'a TestServer,
    pub id: u32,
}

/// The program under test; `PORTRAIT_BINARY` names another build of it.
pub(crate) fn binary() -> Command {
    let path = std::env::var_os("PORTRAIT_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_portraitd").into());
    let mut command = Command::new(path);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PORTRAITD_")) {
        command.env_remove(name);
    }
    // Tests expect English, whatever the language of the machine.
    for name in ["LC_ALL", "LC_MESSAGES", "LANG"] {
        command.env_remove(name);
    }
    command
}

impl TestServer {
    /// `portraitd dev` in memory.
    pub(crate) fn dev() -> Self {
        Self::start(binary().args(["dev", "--key", KEY]), None)
    }

    pub(crate) fn dev_with(args: &[&str]) -> Self {
        Self::start(binary().args(["dev", "--key", KEY]).args(args), None)
    }

    /// `portraitd serve` on a data directory, with further lines of configuration.
    pub(crate) fn serve(data: &Path, config: &str) -> Self {
        Self::serve_altered(data, config, |_| {})
    }

    /// The same, with something else about the process.
    pub(crate) fn serve_altered(data: &Path, config: &str, alter: impl FnOnce(&mut Command)) -> Self {
        let file = data.with_extension("toml");
        std::fs::write(&file, config).unwrap();
        let mut command = binary();
        command.arg("serve").arg("--config").arg(file).arg("--data").arg(data);
        alter(&mut command);
        Self::start(&mut command, Some(data))
    }

    /// The same, listening where the configuration says.
    pub(crate) fn serve_where_configured(data: &Path, config: &str) -> Self {
        let file = data.with_extension("toml");
        std::fs::write(&file, config).unwrap();
        let mut command = binary();
        command.arg("serve").arg("--config").arg(file).arg("--data").arg(data);
        Self::start_there(&mut command, Some(data))
    }

    /// Any command that starts a server without a data directory of `serve`.
    pub(crate) fn start_with(command: &mut Command) -> Self {
        Self::start(command, None)
    }

    fn start(command: &mut Command, data: Option<&Path>) -> Self {
        command.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
        Self::start_there(command, data)
    }

    fn start_there(command: &mut Command, data: Option<&Path>) -> Self {
        let log = tempfile::NamedTempFile::new().unwrap();
        command.arg("--json").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log.reopen().unwrap());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let Ok(ready) = serde_json::from_str::<Value>(&line) else {
            let log = std::fs::read_to_string(log.path()).unwrap();
            panic!("the server did not start: {line} {log}");
        };
        let address = |name: &str| ready[name].as_str().unwrap().rsplit("://").next().unwrap().to_owned();
        let admin_token = match data {
            Some(data) => std::fs::read_to_string(data.join("admin.token")).unwrap().trim().to_owned(),
            None => ready["admin_token"].as_str().unwrap().to_owned(),
        };
        Self { child, address: address("url"), admin_address: address("admin_url"), admin_token, ready, log }
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap()
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::open(&self.address)
    }

    /// Calls the admin API.
    pub(crate) fn admin(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let (token, length) = (&self.admin_token, body.len());
        let head = format!(
            "{method} /admin/v1{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        let answer = Connection::open(&self.admin_address).exchange(head.as_bytes()).unwrap();
        (answer.status, answer.body)
    }

    /// An app that no other test uses.
    pub(crate) fn app(&self) -> App<'_> {
        static NEXT: AtomicU32 = AtomicU32::new(1_500_000_000);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let (status, answer) = self.admin("POST", "/apps", &json!({"sdkappid": id, "key": KEY}).to_string());
        assert_eq!(status, 201, "{answer}");
        App { server: self, id }
    }

    /// The app that `portraitd dev` made.
    pub(crate) fn dev_app(&self) -> App<'_> {
        App { server: self, id: 1_400_000_000 }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !std::thread::panicking() {
            let log = self.log();
            assert!(!log.contains("panicked"), "the server panicked:\n{log}");
        }
    }
}

pub(crate) fn path_of(command: &str) -> String {
    let service = if command.starts_with("portrait_") { "profile" } else { "im_open_login_svc" };
    format!("/v4/{service}/{command}")
}

impl App<'_> {
    pub(crate) fn sign(&self, identifier: &str) -> String {
        Sign { key: KEY, sdkappid: self.id.into(), identifier, time: now(), expire: 600 }.usersig()
    }

    pub(crate) fn query(&self, identifier: &str) -> String {
        let (id, sig) = (self.id, self.sign(identifier));
        format!("sdkappid={id}&identifier={}&usersig={sig}&random=1&contenttype=json", encode(identifier))
    }

    /// The bytes of a call as an App admin.
    pub(crate) fn request(&self, command: &str, body: &str) -> Vec<u8> {
        post(&format!("{}?{}", path_of(command), self.query("administrator")), body)
    }

    /// Calls as an App admin and reads the answer's JSON.
    pub(crate) fn call(&self, command: &str, body: &str) -> Value {
        self.call_as("administrator", command, body)
    }

    pub(crate) fn call_as(&self, identifier: &str, command: &str, body: &str) -> Value {
        let request = post(&format!("{}?{}", path_of(command), self.query(identifier)), body);
        self.server.connect().exchange(&request).unwrap().json()
    }

    pub(crate) fn code(&self, command: &str, body: &str) -> u64 {
        self.call(command, body)["ErrorCode"].as_u64().unwrap()
    }

    pub(crate) fn import(&self, user: &str) {
        assert_eq!(self.code("account_import", &json!({"UserID": user}).to_string()), 0);
    }

    /// Changes settings through the admin API.
    pub(crate) fn patch(&self, settings: &Value) {
        let (status, answer) =
            self.server.admin("PATCH", &format!("/apps/{}", self.id), &settings.to_string());
        assert_eq!(status, 200, "{answer}");
    }

    pub(crate) fn put(&self, path: &str, body: &str) {
        let (status, answer) = self.server.admin("PUT", &format!("/apps/{}{path}", self.id), body);
        assert_eq!(status, 200, "{answer}");
    }
}

pub(crate) fn post(target: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// Damages the stored profile of the sample account `carol` in the data of a stopped emulator.
pub(crate) fn flip_a_bit_of_carol(data: &Path) {
    let path = data.join("portraitd.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let place = bytes.windows(6).position(|window| window == "卡萝".as_bytes()).unwrap();
    bytes[place] ^= 4;
    std::fs::write(&path, &bytes).unwrap();
}

/// Percent-encodes everything that is not a letter or a digit.
pub(crate) fn encode(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02x}")
                }
            },
        )
        .collect()
}

/// A connection that may carry several requests.
pub(crate) struct Connection(BufReader<Box<dyn Duplex>>);

/// Bytes in and out.
pub(crate) trait Duplex: Read + Write + Send {}
impl<T: Read + Write + Send> Duplex for T {}

impl Connection {
    pub(crate) fn open(address: &str) -> Self {
        Self::try_open(address).unwrap()
    }

    /// For servers that may be gone.
    pub(crate) fn try_open(address: &str) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        stream.set_nodelay(true)?;
        Ok(Self::over(stream))
    }

    /// From another address of this machine, which is any in 127.0.0.0/8: limits count each on its own.
    pub(crate) fn open_from(source: Ipv4Addr, address: &str) -> Self {
        let socket = net::socket(net::AddressFamily::INET, net::SocketType::STREAM, None).unwrap();
        net::bind(&socket, &SocketAddrV4::new(source, 0)).unwrap();
        net::connect(&socket, &address.parse::<SocketAddrV4>().unwrap()).unwrap();
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self::over(stream)
    }

    /// Over TLS, a Unix socket and the like.
    pub(crate) fn over(stream: impl Duplex + 'static) -> Self {
        Self(BufReader::new(Box::new(stream)))
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
        self.0.get_mut().flush().unwrap();
    }

    /// For servers that may close before they have read everything.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) {
        let _ = self.0.get_mut().write_all(bytes);
    }

    /// Sends a request and reads one answer; `None` when the server closed the connection instead.
    pub(crate) fn exchange(&mut self, request: &[u8]) -> Option<Answer> {
        // The server may answer and close before it has read everything.
        let _ = self.0.get_mut().write_all(request).and_then(|()| self.0.get_mut().flush());
        self.answer()
    }

    /// Reads one answer, interim ones passed over.
    pub(crate) fn answer(&mut self) -> Option<Answer> {
        loop {
            let head = self.head()?;
            let mut lines = head.split("\r\n");
            let status: u16 = lines.next()?.split(' ').nth(1)?.parse().ok()?;
            let headers = lines.filter_map(|line| line.split_once(": "));
            let headers: Vec<_> =
                headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
            if status == 100 {
                continue;
            }
            let mut answer = Answer { status, headers, body: String::new() };
            let length =
                answer.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0_usize);
            let mut body = vec![0; length];
            self.0.read_exact(&mut body).ok()?;
            answer.body = String::from_utf8(body).unwrap();
            return Some(answer);
        }
    }

    fn head(&mut self) -> Option<String> {
        let mut head = String::new();
        loop {
            let read = self.0.read_line(&mut head).ok()?;
            if read == 0 {
                return None;
            }
            if head.ends_with("\r\n\r\n") {
                return Some(head);
            }
        }
    }

    /// Whether the server has closed the connection; waits for it.
    pub(crate) fn is_closed(&mut self) -> bool {
        match self.0.read(&mut [0]) {
            Ok(read) => read == 0,
            Err(error) => matches!(
                error.kind(),
                std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::UnexpectedEof
            ),
        }
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn code(&self) -> u64 {
        self.json()["ErrorCode"].as_u64().unwrap()
    }
}

/// For tests that look at the bytes.
impl Connection {
    pub(crate) fn read_raw(&mut self, bytes: &mut [u8]) {
        self.0.read_exact(bytes).unwrap();
    }

    pub(crate) fn skip_line(&mut self) {
        self.0.read_line(&mut String::new()).unwrap();
    }

    pub(crate) fn raw_head(&mut self) -> Option<String> {
        self.head()
    }

    pub(crate) fn read_to_end(&mut self) -> String {
        let mut bytes = Vec::new();
        // A reset after some bytes is as good as an end.
        let _ = self.0.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

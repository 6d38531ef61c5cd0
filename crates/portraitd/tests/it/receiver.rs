//! A webhook receiver whose behaviour a test chooses for each call.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// What came in one call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub target: String,
    pub headers: Vec<(String, String)>,
    /// `null` if it is not JSON, but protobuf.
    pub body: Value,
    pub raw_body: String,
    /// What came as protobuf.
    pub bytes: Vec<u8>,
}

/// How a call is answered.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// 200 and `ErrorCode` 0.
    Yes,
    /// A status and a body.
    Http(u16, String),
    /// These bytes, then the connection is closed.
    Raw(Vec<u8>),
    /// Nothing, until the caller gives up.
    Hang,
}

type Manners = dyn Fn(&Call) -> Reply + Send + Sync;

#[derive(Default)]
struct State {
    /// Whether `calls` is left empty.
    forgetful: bool,
    calls: Mutex<Vec<Call>>,
    wake: Condvar,
}

/// A receiver that runs until the test ends.
pub(crate) struct Receiver {
    pub address: String,
    state: Arc<State>,
}

impl Call {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn event_id(&self) -> &str {
        self.header("x-portraitd-event-id").unwrap()
    }

    pub(crate) fn user(&self) -> &str {
        self.body["From_Account"].as_str().unwrap()
    }

    /// The value of the first item.
    pub(crate) fn value(&self) -> &Value {
        &self.body["ProfileItem"][0]["Value"]
    }
}

impl Receiver {
    pub(crate) fn start(manners: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_with(manners, Ok)
    }

    /// Keeps no calls: for tests that make millions of them.
    pub(crate) fn forgetful(manners: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen(manners, Ok, State { forgetful: true, ..State::default() })
    }

    /// Says yes to everything.
    pub(crate) fn polite() -> Self {
        Self::start(|_| Reply::Yes)
    }

    /// `wrap` makes a stream of a connection, for example a TLS stream.
    pub(crate) fn start_with<S: Read + Write + 'static>(
        manners: impl Fn(&Call) -> Reply + Send + Sync + 'static,
        wrap: impl Fn(TcpStream) -> std::io::Result<S> + Clone + Send + 'static,
    ) -> Self {
        Self::listen(manners, wrap, State::default())
    }

    fn listen<S: Read + Write + 'static>(
        manners: impl Fn(&Call) -> Reply + Send + Sync + 'static,
        wrap: impl Fn(TcpStream) -> std::io::Result<S> + Clone + Send + 'static,
        state: State,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (state, manners): (Arc<State>, Arc<Manners>) = (Arc::new(state), Arc::new(manners));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (state, manners, wrap) = (Arc::clone(&shared), Arc::clone(&manners), wrap.clone());
                // A caller that breaks off is part of the test.
                std::thread::spawn(move || wrap(stream).and_then(|stream| serve(stream, &state, &*manners)));
            }
        });
        Self { address, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.state.calls.lock().unwrap().clone()
    }

    /// Waits until something is true of the calls, and gives them.
    pub(crate) fn wait_until(&self, what: &str, is_true: impl Fn(&[Call]) -> bool) -> Vec<Call> {
        let calls = self.state.calls.lock().unwrap();
        let patience = Duration::from_mins(1);
        let (calls, late) =
            self.state.wake.wait_timeout_while(calls, patience, |calls| !is_true(calls)).unwrap();
        assert!(!late.timed_out(), "waited in vain for {what}; {} calls came", calls.len());
        calls.clone()
    }

    pub(crate) fn wait_for(&self, count: usize) -> Vec<Call> {
        self.wait_until(&format!("{count} calls"), |calls| calls.len() >= count)
    }
}

fn serve(stream: impl Read + Write, state: &State, manners: &Manners) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(call) = read(&mut stream)? {
        let reply = manners(&call);
        if !state.forgetful {
            state.calls.lock().unwrap().push(call);
            state.wake.notify_all();
        }
        let (status, body) = match reply {
            Reply::Yes => (200, r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#.to_owned()),
            Reply::Http(status, body) => (status, body),
            Reply::Raw(bytes) => return stream.get_mut().write_all(&bytes),
            Reply::Hang => {
                // Until the other side closes.
                let _ = stream.read(&mut [0]);
                return Ok(());
            }
        };
        let length = body.len();
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n{body}");
        stream.get_mut().write_all(answer.as_bytes())?;
        stream.get_mut().flush()?;
    }
    Ok(())
}

fn read(stream: &mut impl BufRead) -> std::io::Result<Option<Call>> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head)? == 0 {
            return Ok(None);
        }
    }
    let mut lines = head.split("\r\n");
    let target = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers: Vec<_> = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let mut call = Call { target, headers, body: Value::Null, raw_body: String::new(), bytes: Vec::new() };
    let mut body = vec![0; call.header("content-length").unwrap().parse().unwrap()];
    stream.read_exact(&mut body)?;
    if call.header("content-type") == Some("application/x-protobuf") {
        call.bytes = body;
        return Ok(Some(call));
    }
    call.raw_body = String::from_utf8(body).unwrap();
    call.body = serde_json::from_str(&call.raw_body).unwrap();
    Ok(Some(call))
}

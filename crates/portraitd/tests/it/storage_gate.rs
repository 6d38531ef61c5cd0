//! Stands before a storage: notes the requests, and lets an upload in parts be completed, refuses that, or holds it up.

use crate::backup_s3::Storage;
use crate::faults::until;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What happens to the request that would complete an upload.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Completion {
    Pass,
    Refuse,
    Hold,
}

/// Passes requests on to a storage. It lives as long as the process.
pub(crate) struct Gate {
    pub(crate) address: String,
    state: Arc<Mutex<State>>,
}

struct State {
    completion: Completion,
    /// Whether a request was held up.
    has_held: bool,
    /// The heads of all requests.
    heads: Vec<String>,
}

impl Gate {
    pub(crate) fn before(storage: &Storage, completion: Completion) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = State { completion, has_held: false, heads: Vec::new() };
        let gate = Self { address, state: Arc::new(Mutex::new(state)) };
        let (storage, shared) = (storage.address.clone(), Arc::clone(&gate.state));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (storage, state) = (storage.clone(), Arc::clone(&shared));
                // A client that goes away ends its thread.
                std::thread::spawn(move || pass(client.unwrap(), &storage, &state));
            }
        });
        gate
    }

    pub(crate) fn set(&self, completion: Completion) {
        self.state.lock().unwrap().completion = completion;
    }

    pub(crate) fn wait_until_it_holds(&self) {
        until("the upload is about to be completed", || self.state.lock().unwrap().has_held);
    }

    /// The heads of all requests.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.state.lock().unwrap().heads.clone()
    }
}

/// Passes one request on, and its answer back.
fn pass(mut client: TcpStream, storage: &str, state: &Mutex<State>) -> std::io::Result<()> {
    let (head, body) = read_request(&mut client)?;
    let completion = || state.lock().unwrap().completion;
    state.lock().unwrap().heads.push(head.clone());
    if head.starts_with("POST") && head.contains("uploadId=") {
        if completion() == Completion::Refuse {
            // As storages do, it repeats what was signed.
            let answer = format!(
                "<Error><Code>AccessDenied</Code><Message>no</Message><StringToSign>{head}</StringToSign></Error>"
            );
            let length = answer.len();
            return write!(
                client,
                "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{answer}"
            );
        }
        while completion() == Completion::Hold {
            state.lock().unwrap().has_held = true;
            std::thread::sleep(Duration::from_millis(10));
        }
        client.set_nonblocking(true)?;
        let is_there = client.peek(&mut [0; 1]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
        if !is_there {
            return Ok(());
        }
        client.set_nonblocking(false)?;
    }
    let mut to = TcpStream::connect(storage)?;
    to.write_all(head.replacen("\r\n", "\r\nConnection: close\r\n", 1).as_bytes())?;
    to.write_all(&body)?;
    std::io::copy(&mut to, &mut client).map(drop)
}

/// The head of a request with its empty line, and its body.
fn read_request(client: &mut TcpStream) -> std::io::Result<(String, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0; 1];
        client.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| {
        line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
    });
    let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
    client.read_exact(&mut body)?;
    Ok((head, body))
}

//! A server that does nothing but answer: what the generator reaches against it is the generator's own limit, and as a
//! webhook's receiver it takes as little as can be from the cores that it shares with what is measured.

use crate::connection::content_length;
use anyhow::Context;
use memchr::memmem;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};
use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 68\r\n\r\n\
    {\"ActionStatus\":\"OK\",\"ErrorCode\":0,\"ErrorInfo\":\"\",\"ErrorDisplay\":\"\"}";
/// Longer calls are nobody's of ours.
const CALL_BYTES_MAX: usize = 1 << 20;

/// Starts it on a thread that ends with the process.
pub(crate) fn start() -> anyhow::Result<SocketAddr> {
    let poll = Poll::new()?;
    let answering = Answering::bind(0, poll.registry(), Token(0))?;
    let address = answering.listener.local_addr()?;
    std::thread::spawn(move || {
        if let Err(error) = serve(poll, answering) {
            eprintln!("the answering thread ended: {error}");
        }
    });
    Ok(address)
}

fn serve(mut poll: Poll, mut answering: Answering) -> std::io::Result<()> {
    let mut events = Events::with_capacity(256);
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            answering.take_in(event.token(), poll.registry())?;
        }
    }
}

/// Answers everything that comes to a port of 127.0.0.1.
pub(crate) struct Answering {
    listener: TcpListener,
    /// The listener's; those of its connections come behind it.
    token: Token,
    peers: HashMap<Token, Peer>,
    /// Connections, those that are gone too.
    accepted: usize,
}

struct Peer {
    stream: TcpStream,
    /// Of a call that is not whole yet.
    received: Vec<u8>,
}

impl Answering {
    /// Tokens from this one on are its own.
    pub(crate) fn bind(port: u16, registry: &Registry, token: Token) -> anyhow::Result<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut listener =
            TcpListener::bind(address).with_context(|| format!("can't listen on {address}"))?;
        registry.register(&mut listener, token, Interest::READABLE)?;
        Ok(Self { listener, token, peers: HashMap::new(), accepted: 0 })
    }

    /// Something has come for one of its tokens.
    pub(crate) fn take_in(&mut self, token: Token, registry: &Registry) -> std::io::Result<()> {
        if token == self.token {
            self.accept(registry)?;
        } else if let Some(peer) = self.peers.get_mut(&token)
            && peer.answer().is_err()
        {
            self.peers.remove(&token);
        }
        Ok(())
    }

    fn accept(&mut self, registry: &Registry) -> std::io::Result<()> {
        loop {
            let (mut stream, _) = match self.listener.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            stream.set_nodelay(true)?;
            self.accepted += 1;
            let token = Token(self.token.0 + self.accepted);
            registry.register(&mut stream, token, Interest::READABLE)?;
            self.peers.insert(token, Peer { stream, received: Vec::new() });
        }
    }
}

impl Peer {
    /// Reads what has come, and answers when that is a whole call. An error ends the connection.
    fn answer(&mut self) -> std::io::Result<()> {
        let mut piece = [0; 8192];
        loop {
            let count = match self.stream.read(&mut piece) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            self.received.extend_from_slice(piece.get(..count).unwrap_or_default());
            if is_whole(&self.received) {
                self.received.clear();
                // One call at a time: nothing else is under way, and the socket has room.
                return self.stream.write_all(ANSWER);
            }
            if self.received.len() > CALL_BYTES_MAX {
                return Err(ErrorKind::InvalidData.into());
            }
        }
    }
}

fn is_whole(call: &[u8]) -> bool {
    memmem::find(call, b"\r\n\r\n").is_some_and(|end| {
        let head = call.get(..end).unwrap_or_default();
        call.len() >= end + 4 + content_length(head).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_answered_once_it_is_whole() {
        for piece in
            ["POST / HTTP/1.1\r\nContent-Length: 3\r\n", "POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nab"]
        {
            assert!(!is_whole(piece.as_bytes()), "{piece}");
        }
        for call in ["POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc", "GET / HTTP/1.1\r\n\r\n"] {
            assert!(is_whole(call.as_bytes()), "{call}");
        }
        let mut asking = std::net::TcpStream::connect(start().unwrap()).unwrap();
        for _ in 0..2 {
            for piece in ["POST / HTTP/1.1\r\nContent-Le", "ngth: 3\r\n\r\na", "bc"] {
                asking.write_all(piece.as_bytes()).unwrap();
            }
            let mut answer = vec![0; ANSWER.len()];
            asking.read_exact(&mut answer).unwrap();
            assert_eq!(answer, ANSWER);
        }
    }
}

//! An HTTP server with one fixed answer. Against it the generator reaches its own limit; as a webhook's receiver it takes little of
//! the cores that it shares with the measured server.

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
/// The longest request; the generator sends none as long.
const REQUEST_BYTES_MAX: usize = 1 << 20;

/// Starts a server on a thread that ends with the process.
pub(crate) fn start() -> anyhow::Result<SocketAddr> {
    let poll = Poll::new()?;
    let server = FixedServer::bind(0, poll.registry(), Token(0))?;
    let address = server.listener.local_addr()?;
    std::thread::spawn(move || {
        if let Err(error) = serve(poll, server) {
            eprintln!("the thread of the fixed server ended: {error}");
        }
    });
    Ok(address)
}

fn serve(mut poll: Poll, mut server: FixedServer) -> std::io::Result<()> {
    let mut events = Events::with_capacity(256);
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            server.handle_event(event.token(), poll.registry())?;
        }
    }
}

/// Answers every request to a port of 127.0.0.1.
pub(crate) struct FixedServer {
    listener: TcpListener,
    /// The listener's token; those of its connections follow it.
    token: Token,
    clients: HashMap<Token, Client>,
    /// Connections accepted by now, closed ones included.
    accepted: usize,
}

struct Client {
    stream: TcpStream,
    /// The received part of a request that is not complete yet.
    received: Vec<u8>,
}

impl FixedServer {
    /// Listens on a port. Uses this token and all later ones.
    pub(crate) fn bind(port: u16, registry: &Registry, token: Token) -> anyhow::Result<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut listener =
            TcpListener::bind(address).with_context(|| format!("can't listen on {address}"))?;
        registry.register(&mut listener, token, Interest::READABLE)?;
        Ok(Self { listener, token, clients: HashMap::new(), accepted: 0 })
    }

    /// Handles an event for one of its tokens.
    pub(crate) fn handle_event(&mut self, token: Token, registry: &Registry) -> std::io::Result<()> {
        if token == self.token {
            self.accept(registry)?;
        } else if let Some(client) = self.clients.get_mut(&token)
            && client.answer().is_err()
        {
            self.clients.remove(&token);
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
            self.clients.insert(token, Client { stream, received: Vec::new() });
        }
    }
}

impl Client {
    /// Reads what has arrived, and answers once the request is complete. An error ends the connection.
    fn answer(&mut self) -> std::io::Result<()> {
        let mut chunk = [0; 8192];
        loop {
            let count = match self.stream.read(&mut chunk) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            self.received.extend_from_slice(chunk.get(..count).unwrap_or_default());
            if is_complete(&self.received) {
                self.received.clear();
                // One request at a time, so the socket's buffer is empty.
                return self.stream.write_all(ANSWER);
            }
            if self.received.len() > REQUEST_BYTES_MAX {
                return Err(ErrorKind::InvalidData.into());
            }
        }
    }
}

fn is_complete(request: &[u8]) -> bool {
    memmem::find(request, b"\r\n\r\n").is_some_and(|end| {
        let head = request.get(..end).unwrap_or_default();
        request.len() >= end + 4 + content_length(head).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_answered_once_it_is_complete() {
        for piece in
            ["POST / HTTP/1.1\r\nContent-Length: 3\r\n", "POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nab"]
        {
            assert!(!is_complete(piece.as_bytes()), "{piece}");
        }
        for call in ["POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc", "GET / HTTP/1.1\r\n\r\n"] {
            assert!(is_complete(call.as_bytes()), "{call}");
        }
        let mut client = std::net::TcpStream::connect(start().unwrap()).unwrap();
        for _ in 0..2 {
            for piece in ["POST / HTTP/1.1\r\nContent-Le", "ngth: 3\r\n\r\na", "bc"] {
                client.write_all(piece.as_bytes()).unwrap();
            }
            let mut answer = vec![0; ANSWER.len()];
            client.read_exact(&mut answer).unwrap();
            assert_eq!(answer, ANSWER);
        }
    }
}

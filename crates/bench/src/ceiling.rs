//! A server that does nothing but answer: what the generator reaches against it is the generator's own limit.

use memchr::memmem;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 68\r\n\r\n\
    {\"ActionStatus\":\"OK\",\"ErrorCode\":0,\"ErrorInfo\":\"\",\"ErrorDisplay\":\"\"}";
const LISTENER: Token = Token(usize::MAX);

/// Starts it on a thread that ends with the process.
pub(crate) fn start() -> anyhow::Result<SocketAddr> {
    let mut listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let address = listener.local_addr()?;
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    std::thread::spawn(move || {
        if let Err(error) = serve(&mut poll, &listener) {
            eprintln!("the answering thread ended: {error}");
        }
    });
    Ok(address)
}

fn serve(poll: &mut Poll, listener: &TcpListener) -> std::io::Result<()> {
    let (mut events, mut streams) = (Events::with_capacity(256), HashMap::<Token, TcpStream>::new());
    let mut scrap = [0; 8192];
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                accept(poll, listener, &mut streams)?;
            } else if let Some(stream) = streams.get_mut(&event.token()) {
                match stream.read(&mut scrap) {
                    // A call is small and comes in one piece.
                    Ok(count)
                        if memmem::find(scrap.get(..count).unwrap_or_default(), b"\r\n\r\n").is_some() =>
                    {
                        stream.write_all(ANSWER)?;
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Ok(_) | Err(_) => drop(streams.remove(&event.token())),
                }
            }
        }
    }
}

fn accept(
    poll: &Poll,
    listener: &TcpListener,
    streams: &mut HashMap<Token, TcpStream>,
) -> std::io::Result<()> {
    loop {
        let (mut stream, _) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        stream.set_nodelay(true)?;
        let token = Token(streams.len());
        poll.registry().register(&mut stream, token, Interest::READABLE)?;
        streams.insert(token, stream);
    }
}

//! A keep-alive connection: sends a request, receives and checks the answer.

use crate::workload::Expected;
use anyhow::{Context, bail};
use memchr::memmem;
use mio::net::TcpStream;
use std::io::{ErrorKind, Read, Write};
use std::time::Instant;

/// The longest answer: 100 accounts with long values.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// A connection with at most one request in flight.
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    /// The request; `sent` bytes of it were sent.
    pub(crate) call: Vec<u8>,
    sent: usize,
    answer: Vec<u8>,
    filled: usize,
    /// The lengths of the head, and of head and body, once the head is complete.
    expected_len: Option<(usize, usize)>,
    expected: Expected,
    /// When the request in flight was started, or was due.
    pub(crate) started: Option<Instant>,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            call: Vec::with_capacity(1024),
            sent: 0,
            answer: vec![0; 16 << 10],
            filled: 0,
            expected_len: None,
            expected: Expected::Fixed,
            started: None,
        }
    }

    /// Frees the buffers of an idle connection.
    pub(crate) fn free_buffers(&mut self) {
        (self.call, self.answer) = (Vec::new(), Vec::new());
    }

    /// Starts the request in `self.call`.
    pub(crate) fn start(&mut self, expected: Expected, started: Instant) -> anyhow::Result<()> {
        (self.sent, self.filled, self.expected_len) = (0, 0, None);
        (self.expected, self.started) = (expected, Some(started));
        self.send()
    }

    /// Sends as much as the socket accepts.
    pub(crate) fn send(&mut self) -> anyhow::Result<()> {
        while let Some(rest) = self.call.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("can't send"),
            }
        }
        Ok(())
    }

    /// Reads what has arrived; returns whether the answer is complete. An unexpected answer is an error.
    pub(crate) fn receive(&mut self) -> anyhow::Result<bool> {
        loop {
            if self.filled == self.answer.len() {
                if self.filled >= ANSWER_BYTES_MAX {
                    bail!("the answer is longer than {ANSWER_BYTES_MAX} bytes");
                }
                self.answer.resize(self.filled * 2, 0);
            }
            let free = self.answer.get_mut(self.filled..).unwrap_or_default();
            match self.stream.read(free) {
                Ok(0) => bail!("the server closed a connection"),
                Ok(count) => self.filled += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error).context("can't receive"),
            }
            if self.is_complete()? {
                return Ok(true);
            }
        }
    }

    fn is_complete(&mut self) -> anyhow::Result<bool> {
        let received = self.answer.get(..self.filled).unwrap_or_default();
        let (head, len) = match self.expected_len {
            Some(known) => known,
            None => match lengths(received)? {
                Some(known) => *self.expected_len.insert(known),
                None => return Ok(false),
            },
        };
        if received.len() < len {
            return Ok(false);
        }
        let body = received.get(head..).unwrap_or_default();
        if received.len() > len || !self.expected.accepts(body) {
            let shown: String = String::from_utf8_lossy(received).chars().take(600).collect();
            bail!("unexpected answer:\n{shown}");
        }
        Ok(true)
    }
}

/// The lengths of an answer's head, and of head and body; `None` until the head is complete.
fn lengths(received: &[u8]) -> anyhow::Result<Option<(usize, usize)>> {
    let Some(end) = memmem::find(received, b"\r\n\r\n") else { return Ok(None) };
    let head = received.get(..end).unwrap_or_default();
    if !head.starts_with(b"HTTP/1.1 200") {
        bail!("not a 200: {}", String::from_utf8_lossy(head));
    }
    let length = content_length(head).context("an answer without Content-Length")?;
    Ok(Some((end + 4, end + 4 + length)))
}

/// The value of `Content-Length` in a head.
pub(crate) fn content_length(head: &[u8]) -> Option<usize> {
    head.split(|byte| *byte == b'\n').find_map(|line| {
        let (name, value) = line.split_at_checked(b"content-length:".len())?;
        name.eq_ignore_ascii_case(b"content-length:")
            .then(|| std::str::from_utf8(value).ok()?.trim().parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_from_the_head() {
        let answer = b"HTTP/1.1 200 OK\r\nServer: x\r\ncontent-LENGTH: 12\r\n\r\nbody";
        assert_eq!(lengths(answer).unwrap(), Some((answer.len() - 4, answer.len() + 8)));
        assert_eq!(lengths(&answer[..30]).unwrap(), None);
        assert!(lengths(b"HTTP/1.1 500 no\r\n\r\n").is_err());
        assert!(lengths(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}

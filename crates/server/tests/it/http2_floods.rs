//! HTTP/2 as bytes: floods that a well-behaved library can't send, over TLS against the real binary. Each is told to go
//! or runs out of patience, and an honest client beside them is served as always.

use crate::harness::App;
use crate::honest::{Target, withstands};
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GO_AWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

// What a GOAWAY says.
const NO_ERROR: u32 = 0;
const PROTOCOL_ERROR: u32 = 1;
const FLOW_CONTROL_ERROR: u32 = 3;
const CALM: u32 = 11;

const PATH: &str = "/v4/profile/portrait_get";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A string of HPACK, not Huffman-coded.
fn text(value: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = value.len();
    if rest < 0x7f {
        bytes.push(u8::try_from(rest).unwrap());
    } else {
        bytes.push(0x7f);
        rest -= 0x7f;
        while rest >= 0x80 {
            bytes.push(u8::try_from(rest % 0x80).unwrap() | 0x80);
            rest /= 0x80;
        }
        bytes.push(u8::try_from(rest).unwrap());
    }
    [bytes.as_slice(), value.as_bytes()].concat()
}

/// The headers that every request has.
fn request(path: &str) -> Vec<u8> {
    // POST, https, :authority, :path
    [&[0x83, 0x87, 0x01][..], &text("localhost"), &[0x04], &text(path)].concat()
}

/// A header that is not to be remembered.
fn header(name: &str, value: &str) -> Vec<u8> {
    [&[0][..], &text(name), &text(value)].concat()
}

/// A header block in frames of at most 16 KiB.
fn headers(stream: u32, flags: u8, block: &[u8]) -> Vec<u8> {
    let pieces: Vec<&[u8]> = block.chunks(16_384).collect();
    let frames = pieces.iter().enumerate().map(|(n, piece)| {
        let kind = if n == 0 { HEADERS } else { CONTINUATION };
        let end = if n + 1 == pieces.len() { END_HEADERS } else { 0 };
        frame(kind, end | if n == 0 { flags } else { 0 }, stream, piece)
    });
    frames.collect::<Vec<_>>().concat()
}

/// A hostile connection.
struct Raw {
    stream: StreamOwned<ClientConnection, TcpStream>,
    received: Vec<u8>,
    ended: bool,
}

impl Raw {
    /// With the client's preface sent, and these settings.
    fn open(target: &Target, client: &Arc<ClientConfig>, settings: &[u8]) -> Option<Self> {
        let stream = target.shake_hands(client).ok()?;
        stream.sock.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
        let mut raw = Self { stream, received: Vec::new(), ended: false };
        let preface = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(SETTINGS, 0, 0, settings)].concat();
        raw.send(&preface).then_some(raw)
    }

    /// Says whether the other side still takes something.
    fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).and_then(|()| self.stream.flush()).is_ok()
    }

    /// Takes what has come, without waiting for more.
    fn take(&mut self) {
        self.stream.sock.set_nonblocking(true).unwrap();
        self.read();
        self.stream.sock.set_nonblocking(false).unwrap();
    }

    fn read(&mut self) {
        let mut piece = [0; 16_384];
        loop {
            match self.stream.read(&mut piece) {
                Ok(0) => break self.ended = true,
                Ok(length) => self.received.extend_from_slice(&piece[..length]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                Err(_) => break self.ended = true,
            }
            if self.received.len() > 1 << 20 {
                // Of a flood of answers the end is enough.
                self.goaway();
            }
        }
    }

    /// Reads to the end, which has to come.
    fn read_to_end(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(25);
        self.stream.sock.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        while !self.ended {
            self.read();
            assert!(Instant::now() < deadline, "a hostile connection is still open");
        }
    }

    /// Why the server said that it is over, when it did. What was read is forgotten, but for this and what is not whole.
    fn goaway(&mut self) -> Option<u32> {
        let (mut at, mut reason) = (0, None);
        while let Some(head) = self.received.get(at..at + 9) {
            let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
            let Some(payload) = self.received.get(at + 9..at + 9 + length) else { break };
            if head[3] == GO_AWAY {
                reason = Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
                break;
            }
            at += 9 + length;
        }
        self.received.drain(..at);
        reason
    }
}

/// A flood.
struct Flood {
    name: &'static str,
    settings: &'static [u8],
    /// What is sent again and again: the n-th piece.
    piece: fn(u32) -> Vec<u8>,
    /// Whether answers are taken.
    reads: bool,
    /// What the server may say; nothing, when it just closes on who does not read.
    says: &'static [u32],
}

/// The n-th stream of a client.
fn stream(n: u32) -> u32 {
    (2 * n + 1) & 0x7fff_ffff
}

fn rapid_resets(n: u32) -> Vec<u8> {
    let pair = |n| {
        let open = headers(stream(n), END_STREAM, &request(PATH));
        [open, frame(RST_STREAM, 0, stream(n), &8_u32.to_be_bytes())].concat()
    };
    (n * 100..(n + 1) * 100).flat_map(pair).collect()
}

fn endless_headers(n: u32, piece: &[u8]) -> Vec<u8> {
    if n == 0 {
        frame(HEADERS, END_STREAM, 1, &request(PATH))
    } else {
        frame(CONTINUATION, 0, 1, piece).repeat(50)
    }
}

fn cut_up_headers(n: u32) -> Vec<u8> {
    let block = request(PATH);
    let pieces = block.chunks(1).map(|byte| frame(CONTINUATION, 0, stream(n), byte));
    let end = frame(CONTINUATION, END_HEADERS, stream(n), &[]);
    [frame(HEADERS, END_STREAM, stream(n), &[]), pieces.collect::<Vec<_>>().concat(), end].concat()
}

/// One long header that is remembered, then named by one byte each: 48 MB of headers in 16 KB.
fn bomb(n: u32) -> Vec<u8> {
    let seed = [&[0x40][..], &text("x"), &text(&"y".repeat(4000))].concat();
    headers(stream(n), END_STREAM, &[request(PATH), seed, vec![0xbe; 12_000]].concat())
}

/// The same, below what ends the connection: refused one by one.
fn small_bomb(n: u32) -> Vec<u8> {
    let seed = if n == 0 { [&[0x40][..], &text("x"), &text(&"y".repeat(4000))].concat() } else { Vec::new() };
    headers(stream(n), END_STREAM, &[request(PATH), seed, vec![0xbe; 20]].concat())
}

fn large_list(n: u32, bytes: usize) -> Vec<u8> {
    let long = (0..bytes / 1000).map(|_| header("x-long", &"y".repeat(968))).collect::<Vec<_>>().concat();
    headers(stream(n), END_STREAM, &[request(PATH), long].concat())
}

const FLOODS: &[Flood] = &[
    Flood { name: "rapid reset", settings: &[], piece: rapid_resets, reads: true, says: &[CALM] },
    Flood { name: "rapid reset, unread", settings: &[], piece: rapid_resets, reads: false, says: &[CALM] },
    Flood {
        name: "CONTINUATION without end",
        settings: &[],
        piece: |n| endless_headers(n, &header("x", "y")),
        reads: true,
        says: &[CALM],
    },
    Flood {
        name: "empty CONTINUATION without end",
        settings: &[],
        piece: |n| endless_headers(n, &[]),
        reads: true,
        says: &[CALM],
    },
    Flood {
        name: "headers in pieces of one byte",
        settings: &[],
        piece: cut_up_headers,
        reads: true,
        says: &[CALM],
    },
    Flood {
        name: "SETTINGS",
        settings: &[],
        piece: |_| frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0xff, 0xff]).repeat(100),
        reads: true,
        says: &[NO_ERROR, CALM],
    },
    Flood {
        name: "SETTINGS, unread",
        settings: &[],
        piece: |_| frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0xff, 0xff]).repeat(100),
        reads: false,
        says: &[NO_ERROR, CALM],
    },
    Flood {
        name: "SETTINGS acknowledged unasked",
        settings: &[],
        piece: |_| frame(SETTINGS, 1, 0, &[]).repeat(100),
        reads: true,
        says: &[PROTOCOL_ERROR],
    },
    Flood {
        name: "PING",
        settings: &[],
        piece: |_| frame(PING, 0, 0, &[7; 8]).repeat(100),
        reads: true,
        says: &[NO_ERROR, CALM],
    },
    Flood {
        name: "PING, unread",
        settings: &[],
        piece: |_| frame(PING, 0, 0, &[7; 8]).repeat(100),
        reads: false,
        says: &[NO_ERROR, CALM],
    },
    Flood {
        name: "header lists of 60 KB",
        settings: &[],
        piece: |n| large_list(n, 60_000),
        reads: true,
        says: &[NO_ERROR, CALM],
    },
    Flood {
        name: "header lists of 1 MB",
        settings: &[],
        piece: |n| large_list(n, 1_000_000),
        reads: true,
        says: &[PROTOCOL_ERROR, CALM],
    },
    Flood { name: "HPACK bombs", settings: &[], piece: bomb, reads: true, says: &[PROTOCOL_ERROR, CALM] },
    Flood {
        name: "small HPACK bombs",
        settings: &[],
        piece: small_bomb,
        reads: true,
        says: &[NO_ERROR, CALM],
    },
    Flood {
        name: "requests to streams without a window",
        // INITIAL_WINDOW_SIZE 0
        settings: &[0, 4, 0, 0, 0, 0],
        piece: |n| headers(stream(n), END_STREAM, &request(PATH)),
        reads: true,
        says: &[NO_ERROR, CALM],
    },
    Flood {
        name: "requests whose answers nobody reads",
        settings: &[],
        piece: |n| headers(stream(n), END_STREAM, &request(PATH)),
        reads: false,
        says: &[NO_ERROR, CALM],
    },
    Flood {
        name: "WINDOW_UPDATE",
        settings: &[],
        piece: |_| frame(WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes()).repeat(100),
        reads: true,
        says: &[NO_ERROR, CALM],
    },
    Flood {
        name: "WINDOW_UPDATE beyond the largest window",
        settings: &[],
        piece: |_| frame(WINDOW_UPDATE, 0, 0, &0x7fff_ffff_u32.to_be_bytes()).repeat(2),
        reads: true,
        says: &[FLOW_CONTROL_ERROR],
    },
    Flood {
        name: "WINDOW_UPDATE by nothing",
        settings: &[],
        piece: |_| frame(WINDOW_UPDATE, 0, 0, &[0; 4]),
        reads: true,
        says: &[PROTOCOL_ERROR],
    },
    Flood {
        name: "streams that never end",
        settings: &[],
        piece: |n| headers(stream(n), 0, &request(PATH)),
        reads: true,
        says: &[NO_ERROR, CALM],
    },
    Flood {
        name: "empty DATA",
        settings: &[],
        piece: |n| if n == 0 { headers(1, 0, &request(PATH)) } else { frame(DATA, 0, 1, &[]).repeat(100) },
        reads: true,
        says: &[PROTOCOL_ERROR, CALM, NO_ERROR],
    },
    Flood {
        name: "PRIORITY",
        settings: &[],
        piece: |n| frame(PRIORITY, 0, stream(n), &[0, 0, 0, 0, 7]).repeat(100),
        reads: true,
        says: &[NO_ERROR, CALM],
    },
    Flood {
        name: "frames of no known kind",
        settings: &[],
        piece: |n| frame(0xbb, 0, n, &[7; 1000]).repeat(20),
        reads: true,
        says: &[NO_ERROR, CALM],
    },
];

impl Flood {
    /// One connection, to its end or until `stop`; says what the server said at the end.
    fn run(&self, target: &Target, client: &Arc<ClientConfig>, stop: &AtomicBool) -> Option<u32> {
        let mut raw = Raw::open(target, client, self.settings)?;
        let (mut n, mut said) = (0, None);
        while !stop.load(Ordering::Relaxed) && !raw.ended && said.is_none() {
            if !raw.send(&(self.piece)(n)) {
                break;
            }
            n += 1;
            if self.reads {
                raw.take();
                said = raw.goaway();
            }
        }
        if !stop.load(Ordering::Relaxed) && said.is_none() {
            raw.read_to_end();
            said = raw.goaway();
        }
        said
    }
}

/// Each flood once, to the bitter end.
#[test]
fn every_flood_ends_its_connection() {
    // Those that have to be found out have all the time that a server grants; the others run out of a short one.
    let (patient, hasty) = (Target::secure_with(""), Target::secure());
    let stop = AtomicBool::new(false);
    let at_first = [&patient, &hasty].map(Target::sockets);
    std::thread::scope(|scope| {
        let ends: Vec<_> = FLOODS
            .iter()
            .map(|flood| {
                (
                    flood,
                    scope.spawn(|| {
                        let began = Instant::now();
                        let target = if flood.says.contains(&NO_ERROR) { &hasty } else { &patient };
                        (flood.run(target, &target.client("h2"), &stop), began.elapsed())
                    }),
                )
            })
            .collect();
        let wrong: Vec<_> = ends
            .into_iter()
            .filter_map(|(flood, end)| {
                let (said, after) = end.join().unwrap();
                eprintln!("{}: {said:?} after {after:?}", flood.name);
                let right = said.map_or(!flood.reads, |said| flood.says.contains(&said));
                (!right).then_some((flood.name, said))
            })
            .collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    });
    for (target, at_first) in [&patient, &hasty].into_iter().zip(at_first) {
        target.wait_for_sockets(at_first);
        assert!(target.peak_rss() < crate::honest::RSS_MAX_KIB, "{} KiB", target.peak_rss());
    }
}

#[test]
fn floods_beside_an_honest_client() {
    let target = Target::secure();
    let client = target.client("h2");
    for flood in FLOODS {
        withstands(flood.name, &target, 2, |_, stop| {
            while !stop.load(Ordering::Relaxed) {
                flood.run(&target, &client, stop);
            }
        });
    }
}

/// Many large answers asked for by who is allowed to, and never taken.
#[test]
fn windows_that_stay_shut() {
    let target = Target::secure();
    let client = target.client("h2");
    withstands("large answers for streams without a window", &target, 1, |app, _| {
        let mut honest = target.connect();
        let users: Vec<String> = (0..100).map(|n| format!("user{n}")).collect();
        for user in &users {
            let import = json!({"UserID": user, "Nick": "x".repeat(500), "FaceUrl": "x".repeat(500)});
            assert_eq!(
                honest.exchange(&app.request("account_import", &import.to_string())).unwrap().code(),
                0
            );
        }
        drop(honest);
        let body = json!({"To_Account": users, "TagList": ["Tag_Profile_IM_Nick", "Tag_Profile_IM_Image"]});
        let ask = |n| ask(app, stream(n), &body.to_string());
        let mut all: Vec<Raw> = (0..8)
            .filter_map(|_| {
                let mut raw = Raw::open(&target, &client, &[0, 4, 0, 0, 0, 0])?;
                assert!((0..100).all(|n| raw.send(&ask(n))));
                Some(raw)
            })
            .collect();
        // As long as they like, they stay: the server must not wait for them.
        all.iter_mut().for_each(Raw::read_to_end);
    });
}

/// One large answer that is never taken, on a connection that is kept busy by small ones that are.
#[test]
fn an_answer_that_is_not_taken_ends_a_busy_connection() {
    let target = Target::secure();
    let app = target.app();
    let nick = json!({"UserID": "alice", "Nick": "x".repeat(500)});
    assert_eq!(
        target.connect().exchange(&app.request("account_import", &nick.to_string())).unwrap().code(),
        0
    );
    let large = json!({"To_Account": vec!["alice"; 100], "TagList": ["Tag_Profile_IM_Nick"]});
    let mut raw = Raw::open(&target, &target.client("h2"), &[0, 4, 0, 0, 0, 0]).unwrap();
    raw.stream.sock.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    assert!(raw.send(&ask(&app, 1, &large.to_string())));
    let (mut n, deadline) = (1, Instant::now() + Duration::from_secs(25));
    let said = loop {
        assert!(Instant::now() < deadline, "the connection goes on after {n} requests");
        // Both of the connection's windows are kept open.
        let windows = [0, stream(n)].map(|of| frame(WINDOW_UPDATE, 0, of, &1000_u32.to_be_bytes())).concat();
        let asked = raw.send(&[headers(stream(n), END_STREAM, &request(PATH)), windows].concat());
        n += 1;
        raw.read();
        match raw.goaway() {
            None if asked && !raw.ended => {}
            said => break said,
        }
    };
    assert_eq!(said, Some(NO_ERROR));
    raw.read_to_end();
    assert!(n > 100, "it was busy: {n}");
}

fn ask(app: &App<'_>, stream: u32, body: &str) -> Vec<u8> {
    let path = format!("{PATH}?{}", app.query("administrator"));
    [headers(stream, 0, &request(&path)), frame(DATA, END_STREAM, stream, body.as_bytes())].concat()
}

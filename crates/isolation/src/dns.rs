//! A DNS server for one command: the chosen names are at one address, every other question goes to the system's resolvers
//! as it came.
//!
//! An `AAAA` question about a chosen name is answered with the IPv4 address in its IPv6 form (`::ffff:a.b.c.d`), so that
//! lookups for IPv6 alone arrive too; every other type has no records (RFC 2308, NODATA).

use crate::names::Names;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// The longest message over UDP; EDNS clients rarely ask for more.
const UDP_BYTES_MAX: usize = 4096;
/// Questions that are forwarded at one time; a question beyond is dropped, and its client asks again.
const FORWARDED_MAX: usize = 256;
/// For a resolver's answer. Stub resolvers wait for 5 s.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(4);
/// For one question on a TCP connection.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// After a connection that could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const TTL_SECONDS: u32 = 5;
const TYPE_A: u16 = 1;
const TYPE_AAAA: u16 = 28;
const CLASS_IN: u16 = 1;

/// What questions are answered with.
#[derive(Clone, Debug)]
pub struct Zone {
    /// The names that this server answers for.
    pub names: Names,
    /// Where these names are.
    pub address: Ipv4Addr,
    /// The file that names the resolvers for all other names, `/etc/resolv.conf`; it is read for each question, since
    /// a network manager may change it while the command runs.
    pub resolvers: PathBuf,
}

/// Answers questions on both sockets until the future is dropped.
pub async fn serve(udp: UdpSocket, tcp: TcpListener, zone: Zone) {
    let (udp, zone) = (Arc::new(udp), Arc::new(zone));
    tokio::join!(serve_udp(udp, Arc::clone(&zone)), serve_tcp(tcp, zone));
}

async fn serve_udp(socket: Arc<UdpSocket>, zone: Arc<Zone>) {
    let (mut tasks, permits) = (JoinSet::new(), Arc::new(Semaphore::new(FORWARDED_MAX)));
    let mut buffer = vec![0; UDP_BYTES_MAX];
    loop {
        let received = socket.recv_from(&mut buffer).await;
        // An ICMP error of an earlier answer is no end of the service.
        let Ok((length, client)) = received else { continue };
        let question = buffer.get(..length).unwrap_or_default().to_vec();
        while tasks.try_join_next().is_some() {}
        if let Some(answer) = zone.answer(&question) {
            // A client that is gone needs no answer.
            let _ = socket.send_to(&answer, client).await;
            continue;
        }
        let Ok(permit) = Arc::clone(&permits).try_acquire_owned() else { continue };
        let (socket, zone) = (Arc::clone(&socket), Arc::clone(&zone));
        tasks.spawn(async move {
            if let Some(answer) = zone.forward_udp(&question).await {
                let _ = socket.send_to(&answer, client).await;
            }
            drop(permit);
        });
    }
}

async fn serve_tcp(listener: TcpListener, zone: Arc<Zone>) {
    let mut tasks = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Most likely out of file descriptors: some are free again soon.
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        while tasks.try_join_next().is_some() {}
        if tasks.len() >= FORWARDED_MAX {
            continue;
        }
        let zone = Arc::clone(&zone);
        tasks.spawn(async move {
            // The client sees a closed connection, and asks again.
            let _ = answer_stream(stream, &zone).await;
        });
    }
}

async fn answer_stream(mut stream: TcpStream, zone: &Zone) -> io::Result<()> {
    while let Ok(question) = tokio::time::timeout(IDLE_TIMEOUT, read_message(&mut stream)).await? {
        let answer = match zone.answer(&question) {
            Some(answer) => answer,
            None => zone.forward_tcp(&question).await?,
        };
        write_message(&mut stream, &answer).await?;
    }
    Ok(())
}

/// Over TCP a message follows its length (RFC 1035, 4.2.2).
async fn read_message(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut message = vec![0; stream.read_u16().await?.into()];
    stream.read_exact(&mut message).await?;
    Ok(message)
}

async fn write_message(stream: &mut TcpStream, message: &[u8]) -> io::Result<()> {
    let length = u16::try_from(message.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), message].concat()).await
}

impl Zone {
    /// Returns the answer to a question about one of the names; `None` when the question is for others to answer.
    pub fn answer(&self, message: &[u8]) -> Option<Vec<u8>> {
        let question = Question::parse(message)?;
        self.names.contains(&question.name).then(|| question.answer(self.address))
    }

    fn resolvers(&self) -> Vec<SocketAddr> {
        let text = std::fs::read_to_string(&self.resolvers).unwrap_or_default();
        let listed = resolvers(&text);
        // Without a line a stub resolver asks this machine (resolv.conf(5)).
        if listed.is_empty() { vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 53))] } else { listed }
    }

    /// The first answer of the resolvers, asked one after the other; `None` when none answers in time.
    async fn forward_udp(&self, question: &[u8]) -> Option<Vec<u8>> {
        for resolver in self.resolvers() {
            let ask = async {
                let any = if resolver.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                let socket = UdpSocket::bind(any).await?;
                // Connected: an answer of anybody else is not received.
                socket.connect(resolver).await?;
                socket.send(question).await?;
                let mut answer = vec![0; UDP_BYTES_MAX];
                let length = socket.recv(&mut answer).await?;
                answer.truncate(length);
                io::Result::Ok(answer)
            };
            if let Ok(Ok(answer)) = tokio::time::timeout(ANSWER_TIMEOUT, ask).await {
                return Some(answer);
            }
        }
        None
    }

    async fn forward_tcp(&self, question: &[u8]) -> io::Result<Vec<u8>> {
        let mut last = io::Error::other("no resolver is known");
        for resolver in self.resolvers() {
            let ask = async {
                let mut stream = TcpStream::connect(resolver).await?;
                write_message(&mut stream, question).await?;
                read_message(&mut stream).await
            };
            match tokio::time::timeout(ANSWER_TIMEOUT, ask).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => last = error,
                Err(late) => last = late.into(),
            }
        }
        Err(last)
    }
}

/// Returns the resolvers that a `resolv.conf` names; an IPv6 address may carry a scope, which is left out.
pub fn resolvers(text: &str) -> Vec<SocketAddr> {
    let server = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let address = words.next().filter(|word| *word == "nameserver").and_then(|_| words.next())?;
        let address = address.split('%').next()?.parse().ok()?;
        Some(SocketAddr::new(address, 53))
    };
    text.lines().filter_map(server).collect()
}

/// The one question of a query.
struct Question<'a> {
    message: &'a [u8],
    /// Where the question ends in the message.
    end: usize,
    name: String,
    kind: u16,
    class: u16,
}

impl<'a> Question<'a> {
    const HEADER: usize = 12;

    /// `None` for what is no plain query with one question.
    fn parse(message: &'a [u8]) -> Option<Self> {
        let header = message.get(..Self::HEADER)?;
        let is_query = header.get(2)? & 0xf8 == 0;
        if !is_query || header.get(4..6)? != [0, 1] {
            return None;
        }
        let (mut at, mut name) = (Self::HEADER, String::new());
        loop {
            let length = usize::from(*message.get(at)?);
            at += 1;
            if length == 0 {
                break;
            }
            // A question has no compressed names: these bits mean a pointer.
            if length > 63 || name.len() > 255 {
                return None;
            }
            let label = message.get(at..at + length)?;
            name.extend(label.iter().map(|byte| char::from(*byte)));
            name.push('.');
            at += length;
        }
        let number = |from: usize| Some(u16::from_be_bytes(message.get(from..from + 2)?.try_into().ok()?));
        Some(Self { message, end: at + 4, name, kind: number(at)?, class: number(at + 2)? })
    }

    /// One record of the address, or none.
    fn answer(&self, address: Ipv4Addr) -> Vec<u8> {
        let data = match (self.class, self.kind) {
            (CLASS_IN, TYPE_A) => Some(address.octets().to_vec()),
            (CLASS_IN, TYPE_AAAA) => Some(address.to_ipv6_mapped().octets().to_vec()),
            _ => None,
        };
        let id = self.message.get(..2).unwrap_or_default();
        // Recursion desired is repeated (RFC 1035, 4.1.1); an answer with authority and recursion, no error.
        let desired = self.message.get(2).map_or(0, |flags| flags & 1);
        let mut answer = id.to_vec();
        answer.extend([0x84 | desired, 0x80, 0, 1, 0, u8::from(data.is_some()), 0, 0, 0, 0]);
        answer.extend(self.message.get(Self::HEADER..self.end).unwrap_or_default());
        if let Some(data) = data {
            // The name is that of the question, at byte 12.
            answer.extend([0xc0, 12]);
            answer.extend(self.kind.to_be_bytes());
            answer.extend(CLASS_IN.to_be_bytes());
            answer.extend(TTL_SECONDS.to_be_bytes());
            answer.extend(u16::try_from(data.len()).unwrap_or_default().to_be_bytes());
            answer.extend(data);
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 77, 3, 4);

    fn zone() -> Zone {
        let names = Names { listed: &["console.cloud.test"], domains: &[".im.test"] };
        Zone { names, address: ADDRESS, resolvers: "/none".into() }
    }

    fn query(name: &str, kind: u16) -> Vec<u8> {
        let mut message = vec![7, 8, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.').filter(|label| !label.is_empty()) {
            message.push(u8::try_from(label.len()).unwrap());
            message.extend(label.bytes());
        }
        message.push(0);
        message.extend(kind.to_be_bytes());
        message.extend(CLASS_IN.to_be_bytes());
        message
    }

    #[test]
    fn chosen_names_have_the_address_in_both_forms_and_no_other_record() {
        let answer = zone().answer(&query("Console.Cloud.test", TYPE_A)).unwrap();
        assert_eq!(answer[..8], [7, 8, 0x85, 0x80, 0, 1, 0, 1]);
        assert_eq!(answer[answer.len() - 4..], ADDRESS.octets());
        let answer = zone().answer(&query("new-region.im.test", TYPE_AAAA)).unwrap();
        assert_eq!(answer[answer.len() - 16..], ADDRESS.to_ipv6_mapped().octets());
        for kind in [16, 65, 255] {
            let answer = zone().answer(&query("console.cloud.test", kind)).unwrap();
            assert_eq!(answer[..8], [7, 8, 0x85, 0x80, 0, 1, 0, 0], "type {kind}: no error and no record");
        }
        assert!(zone().answer(&query("example.test", TYPE_A)).is_none());
    }

    #[test]
    fn what_is_no_question_is_forwarded_and_nothing_panics() {
        let whole = query("console.cloud.test", TYPE_A);
        for length in 0..whole.len() {
            assert!(zone().answer(&whole[..length]).is_none(), "{length} bytes");
        }
        for at in 0..whole.len() {
            for byte in [0, 63, 64, 0xc0, 255] {
                let mut bent = whole.clone();
                bent[at] = byte;
                let _ = zone().answer(&bent);
            }
        }
    }

    #[test]
    fn resolvers_are_read_as_stub_resolvers_do() {
        let text = "# nameserver 9.9.9.9\nsearch a\nnameserver 192.0.2.1\n nameserver fe80::1%eth0 \nnameserver bad\n";
        let expected: Vec<SocketAddr> =
            vec!["192.0.2.1:53".parse().unwrap(), "[fe80::1]:53".parse().unwrap()];
        assert_eq!(resolvers(text), expected);
    }

    #[tokio::test]
    async fn a_connection_that_can_not_be_accepted_is_accepted_later() {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut stream = TcpStream::connect(tcp.local_addr().unwrap()).await.unwrap();
        write_message(&mut stream, &query("a.im.test", TYPE_A)).await.unwrap();
        let limit = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(0), ..limit }).unwrap();
        let mut serving = Box::pin(serve(udp, tcp, zone()));
        let refused = tokio::time::timeout(ACCEPT_PAUSE / 2, &mut serving).await;
        setrlimit(Resource::Nofile, limit).unwrap();
        refused.expect_err("the server ended");
        let answered = tokio::select! {
            () = serving => panic!("the server ended"),
            answered = read_message(&mut stream) => answered.unwrap(),
        };
        assert_eq!(answered[answered.len() - 4..], ADDRESS.octets());
    }

    #[tokio::test]
    async fn other_names_go_to_the_resolvers_over_both_transports() {
        // No resolver can listen on port 53 here: the file is empty of lines that parse, and nothing answers.
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (ask, stream) = (udp.local_addr().unwrap(), tcp.local_addr().unwrap());
        let serving = tokio::spawn(serve(udp, tcp, zone()));
        let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        client.send_to(&query("a.im.test", TYPE_A), ask).await.unwrap();
        let mut answer = [0; 512];
        let length = client.recv(&mut answer).await.unwrap();
        assert_eq!(answer[length - 4..length], ADDRESS.octets());
        let mut stream = TcpStream::connect(stream).await.unwrap();
        for _ in 0..2 {
            write_message(&mut stream, &query("a.im.test", TYPE_A)).await.unwrap();
            let answer = read_message(&mut stream).await.unwrap();
            assert_eq!(answer[answer.len() - 4..], ADDRESS.octets());
        }
        serving.abort();
    }
}

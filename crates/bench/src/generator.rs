//! The load generator: closed loop or open loop, on one thread.

use crate::connection::Connection;
use crate::fixed_server::FixedServer;
use crate::options::RunOptions;
use crate::report::{Recorder, Summary};
use crate::workload::Workload;
use anyhow::Context;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long the open loop sleeps when nothing is due; the system's timer slack is added.
const IDLE_SLEEP: Duration = Duration::from_micros(50);
/// How long the generator waits for an answer before it ends the run with an error.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Opens connections, makes one call on each, and leaves them idle.
pub(crate) fn open_idle(
    address: SocketAddr,
    count: usize,
    workload: &mut Workload,
) -> anyhow::Result<Vec<Connection>> {
    let mut connections = Vec::with_capacity(count);
    for _ in 0..count {
        let stream = std::net::TcpStream::connect(address)
            .context("can't open an idle connection; is the limit of open files (ulimit -n) reached?")?;
        // Blocking, because speed does not matter here.
        let mut connection = Connection::new(TcpStream::from_std(stream));
        let expected = workload.next(&mut connection.call);
        connection.start(expected, Instant::now())?;
        anyhow::ensure!(connection.receive()?, "an idle connection got no answer");
        connection.free_buffers();
        connections.push(connection);
    }
    Ok(connections)
}

/// Runs the load; returns the measurements.
pub(crate) fn run(address: SocketAddr, options: &RunOptions, workload: Workload) -> anyhow::Result<Summary> {
    let poll = Poll::new()?;
    let mut connections = Vec::with_capacity(options.connections);
    for index in 0..options.connections {
        let stream =
            std::net::TcpStream::connect(address).with_context(|| format!("can't connect to {address}"))?;
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let mut stream = TcpStream::from_std(stream);
        poll.registry().register(&mut stream, Token(index), Interest::READABLE | Interest::WRITABLE)?;
        connections.push(Connection::new(stream));
    }
    let receiver_token = Token(options.connections);
    let receiver =
        options.receiver.map(|port| FixedServer::bind(port, poll.registry(), receiver_token)).transpose()?;
    let free = (0..options.connections).rev().collect();
    let start = Instant::now();
    let recorder = Recorder::new(options, start);
    let generator = Generator { poll, connections, receiver, free, workload, recorder, started_calls: 0 };
    match options.rate {
        None => generator.closed_loop(start, options),
        Some(rate) => generator.open_loop(start, options, rate),
    }
}

struct Generator {
    poll: Poll,
    connections: Vec<Connection>,
    receiver: Option<FixedServer>,
    /// Connections without a request in flight.
    free: Vec<usize>,
    workload: Workload,
    recorder: Recorder,
    started_calls: u64,
}

impl Generator {
    fn closed_loop(mut self, start: Instant, options: &RunOptions) -> anyhow::Result<Summary> {
        let end = start + options.warm_up + options.measured;
        let mut events = Events::with_capacity(1024);
        let mut now = start;
        while now < end {
            while let Some(index) = self.free.pop() {
                self.begin(index, now)?;
            }
            self.poll(&mut events, ANSWER_TIMEOUT)?;
            now = Instant::now();
            anyhow::ensure!(!events.is_empty(), "no answer for {ANSWER_TIMEOUT:?}");
            self.handle_events(&events, now)?;
            self.recorder.tick(now);
        }
        self.finish(events)
    }

    fn open_loop(mut self, start: Instant, options: &RunOptions, rate: f64) -> anyhow::Result<Summary> {
        let end = start + options.warm_up + options.measured;
        let mut events = Events::with_capacity(1024);
        let mut now = start;
        while now < end {
            let mut all_begun = false;
            while let Some(index) = self.free.pop() {
                #[expect(clippy::cast_precision_loss, reason = "fewer than 2^52 calls")]
                let due = start + Duration::from_secs_f64(self.started_calls as f64 / rate);
                if due > now {
                    self.free.push(index);
                    all_begun = true;
                    break;
                }
                self.begin(index, due)?;
            }
            // With every connection busy, wait for an answer: polling without a pause would take a core from the server.
            self.poll(&mut events, if all_begun { Duration::ZERO } else { ANSWER_TIMEOUT })?;
            if events.is_empty() {
                anyhow::ensure!(all_begun, "no answer for {ANSWER_TIMEOUT:?}");
                std::thread::sleep(IDLE_SLEEP);
            }
            now = Instant::now();
            self.handle_events(&events, now)?;
            self.recorder.tick(now);
        }
        self.finish(events)
    }

    fn begin(&mut self, index: usize, due: Instant) -> anyhow::Result<()> {
        let connection = self.connections.get_mut(index).context("no such connection")?;
        let expected = self.workload.next(&mut connection.call);
        self.started_calls += 1;
        connection.start(expected, due)
    }

    fn poll(&mut self, events: &mut Events, patience: Duration) -> anyhow::Result<()> {
        match self.poll.poll(events, Some(patience)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            other => other.context("can't wait for answers"),
        }
    }

    fn handle_events(&mut self, events: &Events, now: Instant) -> anyhow::Result<()> {
        for event in events {
            let index = event.token().0;
            let Some(connection) = self.connections.get_mut(index) else {
                if let Some(receiver) = &mut self.receiver {
                    receiver.handle_event(event.token(), self.poll.registry())?;
                }
                continue;
            };
            let Some(started) = connection.started else { continue };
            if event.is_writable() {
                connection.send()?;
            }
            if event.is_readable() && connection.receive()? {
                connection.started = None;
                self.recorder.answered(started, now);
                self.free.push(index);
            }
        }
        Ok(())
    }

    /// Waits for the answers in flight, so that the server does not see aborted requests at the end.
    fn finish(mut self, mut events: Events) -> anyhow::Result<Summary> {
        let outcome = self.recorder.summary();
        while self.free.len() < self.connections.len() {
            self.poll(&mut events, ANSWER_TIMEOUT)?;
            anyhow::ensure!(!events.is_empty(), "no answer for {ANSWER_TIMEOUT:?}");
            self.handle_events(&events, Instant::now())?;
        }
        Ok(outcome)
    }
}

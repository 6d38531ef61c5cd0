//! Sends the calls: closed loop or open loop, on one thread.

use crate::answering::Answering;
use crate::connection::Connection;
use crate::plan::Plan;
use crate::report::{Outcome, Progress};
use crate::workload::Workload;
use anyhow::Context;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long the open loop sleeps when nothing is due; a timer's slack comes on top.
const NAP: Duration = Duration::from_micros(50);
/// How long an answer may take before the run is given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// Opens connections, has one call answered on each, and leaves them alone.
pub(crate) fn open_idle(
    address: SocketAddr,
    count: usize,
    workload: &mut Workload,
) -> anyhow::Result<Vec<Connection>> {
    let mut connections = Vec::with_capacity(count);
    for _ in 0..count {
        let stream = std::net::TcpStream::connect(address)
            .context("can't open an idle connection; is the limit of open files (ulimit -n) reached?")?;
        // Blocking: one answer at a time is soon enough.
        let mut connection = Connection::new(TcpStream::from_std(stream));
        let expected = workload.next(&mut connection.call);
        connection.start(expected, Instant::now())?;
        anyhow::ensure!(connection.receive()?, "an idle connection got no answer");
        connection.forget_buffers();
        connections.push(connection);
    }
    Ok(connections)
}

/// Runs to the end.
pub(crate) fn run(address: SocketAddr, plan: &Plan, workload: Workload) -> anyhow::Result<Outcome> {
    let poll = Poll::new()?;
    let mut connections = Vec::with_capacity(plan.connections);
    for index in 0..plan.connections {
        let stream =
            std::net::TcpStream::connect(address).with_context(|| format!("can't connect to {address}"))?;
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let mut stream = TcpStream::from_std(stream);
        poll.registry().register(&mut stream, Token(index), Interest::READABLE | Interest::WRITABLE)?;
        connections.push(Connection::new(stream));
    }
    let behind = Token(plan.connections);
    let receiver = plan.receiver.map(|port| Answering::bind(port, poll.registry(), behind)).transpose()?;
    let free = (0..plan.connections).rev().collect();
    let start = Instant::now();
    let progress = Progress::new(plan, start);
    let driver = Driver { poll, connections, receiver, free, workload, progress, begun: 0 };
    match plan.rate {
        None => driver.closed(start, plan),
        Some(rate) => driver.open(start, plan, rate),
    }
}

struct Driver {
    poll: Poll,
    connections: Vec<Connection>,
    receiver: Option<Answering>,
    /// Those without a call under way.
    free: Vec<usize>,
    workload: Workload,
    progress: Progress,
    begun: u64,
}

impl Driver {
    fn closed(mut self, start: Instant, plan: &Plan) -> anyhow::Result<Outcome> {
        let end = start + plan.warm_up + plan.measured;
        let mut events = Events::with_capacity(1024);
        let mut now = start;
        while now < end {
            while let Some(index) = self.free.pop() {
                self.begin(index, now)?;
            }
            self.poll(&mut events, PATIENCE)?;
            now = Instant::now();
            anyhow::ensure!(!events.is_empty(), "no answer for {PATIENCE:?}");
            self.take_in(&events, now)?;
            self.progress.tick(now);
        }
        self.finish(events)
    }

    fn open(mut self, start: Instant, plan: &Plan, rate: f64) -> anyhow::Result<Outcome> {
        let end = start + plan.warm_up + plan.measured;
        let mut events = Events::with_capacity(1024);
        let mut now = start;
        while now < end {
            let mut all_begun = false;
            while let Some(index) = self.free.pop() {
                #[expect(clippy::cast_precision_loss, reason = "fewer than 2^52 calls")]
                let due = start + Duration::from_secs_f64(self.begun as f64 / rate);
                if due > now {
                    self.free.push(index);
                    all_begun = true;
                    break;
                }
                self.begin(index, due)?;
            }
            // With every connection busy only an answer helps: whoever looked for it without a pause would take a whole
            // core from the server that is to give it.
            self.poll(&mut events, if all_begun { Duration::ZERO } else { PATIENCE })?;
            if events.is_empty() {
                anyhow::ensure!(all_begun, "no answer for {PATIENCE:?}");
                std::thread::sleep(NAP);
            }
            now = Instant::now();
            self.take_in(&events, now)?;
            self.progress.tick(now);
        }
        self.finish(events)
    }

    fn begin(&mut self, index: usize, due: Instant) -> anyhow::Result<()> {
        let connection = self.connections.get_mut(index).context("a connection that is none")?;
        let expected = self.workload.next(&mut connection.call);
        self.begun += 1;
        connection.start(expected, due)
    }

    fn poll(&mut self, events: &mut Events, patience: Duration) -> anyhow::Result<()> {
        match self.poll.poll(events, Some(patience)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            other => other.context("can't wait for answers"),
        }
    }

    fn take_in(&mut self, events: &Events, now: Instant) -> anyhow::Result<()> {
        for event in events {
            let index = event.token().0;
            let Some(connection) = self.connections.get_mut(index) else {
                if let Some(receiver) = &mut self.receiver {
                    receiver.take_in(event.token(), self.poll.registry())?;
                }
                continue;
            };
            let Some(started) = connection.started else { continue };
            if event.is_writable() {
                connection.send()?;
            }
            if event.is_readable() && connection.receive()? {
                connection.started = None;
                self.progress.answered(started, now);
                self.free.push(index);
            }
        }
        Ok(())
    }

    /// Waits for the answers that are under way: a server that is stopped next should not find them broken off.
    fn finish(mut self, mut events: Events) -> anyhow::Result<Outcome> {
        let outcome = self.progress.outcome();
        while self.free.len() < self.connections.len() {
            self.poll(&mut events, PATIENCE)?;
            anyhow::ensure!(!events.is_empty(), "no answer for {PATIENCE:?}");
            self.take_in(&events, Instant::now())?;
        }
        Ok(outcome)
    }
}

//! Which host is used: the first of the URL that works, the same for all connections. Writes of one process, and by the same
//! order those of all nodes, so meet on one host: writes to several hosts of a Galera cluster conflict at COMMIT.

use crate::connection::{Connection, Purpose};
use crate::fault::{Fault, FaultKind};
use crate::url::{Host, MysqlUrl};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The hosts of the URL, and the one in use.
pub(crate) struct Hosts {
    url: MysqlUrl,
    current: AtomicUsize,
    /// How often another host was taken.
    pub(crate) failovers: AtomicU64,
}

/// A connection with the host that it goes to.
pub(crate) struct HostConnection {
    pub(crate) connection: Connection,
    index: usize,
}

impl Hosts {
    pub(crate) fn new(url: MysqlUrl) -> Self {
        Self { url, current: AtomicUsize::new(0), failovers: AtomicU64::new(0) }
    }

    pub(crate) fn url(&self) -> &MysqlUrl {
        &self.url
    }

    /// The name of the host in use.
    pub(crate) fn current(&self) -> String {
        self.host(self.current.load(Ordering::Relaxed)).map(Host::to_string).unwrap_or_default()
    }

    /// Connects to the host in use; when it can't serve, the next connection goes to the next host.
    pub(crate) async fn connect(&self, purpose: Purpose) -> Result<HostConnection, Fault> {
        let index = self.current.load(Ordering::Relaxed);
        let host = self.host(index).ok_or_else(|| Fault::host("the URL names no host"))?;
        match Connection::open(&self.url, host, purpose).await {
            Ok(connection) => Ok(HostConnection { connection, index }),
            Err(fault) => {
                self.leave(index);
                // A connection that can't be made has done nothing.
                let kind = if fault.kind == FaultKind::Lost { FaultKind::Host } else { fault.kind };
                Err(Fault { kind, ..fault })
            }
        }
    }

    /// Whether a connection goes to the host in use.
    pub(crate) fn is_current(&self, connection: &HostConnection) -> bool {
        connection.index == self.current.load(Ordering::Relaxed)
    }

    /// A connection failed: the next host is used, unless another task has changed it already.
    pub(crate) fn failed(&self, connection: &HostConnection) {
        self.leave(connection.index);
    }

    fn leave(&self, index: usize) {
        let next = (index + 1) % self.url.hosts.len().max(1);
        if self.current.compare_exchange(index, next, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.failovers.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Goes back to an earlier host of the URL when one works again.
    pub(crate) async fn prefer_earlier(&self) {
        let current = self.current.load(Ordering::Relaxed);
        for (index, host) in self.url.hosts.iter().enumerate().take(current) {
            if let Ok(connection) = Connection::open(&self.url, host, Purpose::Writing).await {
                connection.close().await;
                let back =
                    self.current.compare_exchange(current, index, Ordering::Relaxed, Ordering::Relaxed);
                if back.is_ok() {
                    tracing::info!(%host, "the database's host is in use again");
                }
                return;
            }
        }
    }

    fn host(&self, index: usize) -> Option<&Host> {
        self.url.hosts.get(index)
    }
}

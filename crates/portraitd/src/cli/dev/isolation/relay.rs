//! Passes connections to the low ports of the command's address on to the emulator's own ports.

use portraitd_http::log_throttle::LogThrottle;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Connections that are passed on at one time; one more waits in the kernel's queue.
const CONNECTIONS_MAX: usize = 4_096;
/// After a failed accept: out of file descriptors, mostly.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Passes connections on until it is dropped, which ends them.
pub(super) async fn serve(listener: TcpListener, to: SocketAddr) {
    let (mut connections, failures) = (JoinSet::new(), LogThrottle::default());
    loop {
        while connections.len() >= CONNECTIONS_MAX {
            connections.join_next().await;
        }
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => drop(connections.spawn(pass_on(stream, to))),
            Err(error) => {
                if let Some(failed) = failures.count((), Instant::now()) {
                    tracing::warn!(%error, failed, "can't accept a connection for the command");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn pass_on(mut from: TcpStream, to: SocketAddr) {
    let Ok(mut emulator) = TcpStream::connect(to).await else { return };
    // Answers are small and wanted at once; without it they are only slower.
    let _ = (from.set_nodelay(true), emulator.set_nodelay(true));
    // A side that breaks off ends the other; both clients see a closed connection.
    let _ = copy_bidirectional(&mut from, &mut emulator).await;
}

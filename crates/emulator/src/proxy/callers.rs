//! The real callers on the connections that the proxy makes. They come from this machine, whoever sent the request: without
//! this, a caller from elsewhere would count as one on this machine, who needs no token.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::{TcpSocket, TcpStream};

/// The callers from elsewhere, by the local ports of the proxy's connections.
#[derive(Debug, Default)]
pub(crate) struct ProxiedCallers(Mutex<HashMap<u16, IpAddr>>);

/// A connection for a caller; while this lives, its port stands for the caller.
#[derive(Debug)]
pub(super) struct Noted {
    callers: Arc<ProxiedCallers>,
    port: Option<u16>,
}

impl ProxiedCallers {
    fn lock(&self) -> MutexGuard<'_, HashMap<u16, IpAddr>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connects for a caller. Its port is noted before the connection is there, so that no request is judged without it.
    pub(super) async fn connect(
        self: &Arc<Self>,
        to: SocketAddr,
        caller: IpAddr,
    ) -> io::Result<(TcpStream, Noted)> {
        let mut noted = Noted { callers: Arc::clone(self), port: None };
        if caller.to_canonical().is_loopback() {
            return Ok((TcpStream::connect(to).await?, noted));
        }
        let (socket, any) = match to {
            SocketAddr::V4(_) => (TcpSocket::new_v4()?, IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            SocketAddr::V6(_) => (TcpSocket::new_v6()?, IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        };
        socket.bind(SocketAddr::from((any, 0)))?;
        let port = socket.local_addr()?.port();
        self.lock().insert(port, caller);
        noted.port = Some(port);
        Ok((socket.connect(to).await?, noted))
    }

    /// Returns who calls on a connection from this address.
    pub(crate) fn caller(&self, peer: SocketAddr) -> IpAddr {
        let own = peer.ip().to_canonical();
        if own.is_loopback() { self.lock().get(&peer.port()).copied().unwrap_or(own) } else { own }
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        if let Some(port) = self.port {
            self.callers.lock().remove(&port);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_caller_from_elsewhere_stays_one() {
        let callers = Arc::new(ProxiedCallers::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = listener.local_addr().unwrap();
        for caller in ["192.0.2.7", "2001:db8::7"] {
            let caller: IpAddr = caller.parse().unwrap();
            let (_stream, noted) = callers.connect(to, caller).await.unwrap();
            let (_accepted, peer) = listener.accept().await.unwrap();
            assert_eq!(callers.caller(peer), caller);
            drop(noted);
            assert!(callers.caller(peer).is_loopback());
        }
        let (_stream, _noted) = callers.connect(to, Ipv4Addr::LOCALHOST.into()).await.unwrap();
        let (_accepted, peer) = listener.accept().await.unwrap();
        assert!(callers.caller(peer).is_loopback());
    }
}

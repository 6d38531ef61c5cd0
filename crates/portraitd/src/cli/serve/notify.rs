//! Tells systemd how the service is (`sd_notify(3)`): a datagram to the socket that `NOTIFY_SOCKET` names. Without the variable
//! nothing is sent, and a manager that does not listen is no reason to stop.

use rustix::time::{ClockId, clock_gettime};
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// A state of the service.
#[derive(Clone, Copy, Debug)]
pub(super) enum ServiceState {
    /// It listens, or has read its files again.
    Ready,
    /// It reads its files again.
    Reloading,
    /// It finishes the requests in flight.
    Stopping,
}

impl ServiceState {
    /// Tells the service manager, if there is one.
    pub(super) fn tell(self) {
        if let Some(socket) = std::env::var_os("NOTIFY_SOCKET")
            && let Err(error) = send(&socket, &self.message())
        {
            tracing::warn!(%error, socket = %socket.display(), "can't tell the service manager: {self:?}");
        }
    }

    fn message(self) -> String {
        match self {
            Self::Ready => "READY=1\n".into(),
            // Without the time, Type=notify-reload would not know which of two reloads this is.
            Self::Reloading => {
                let now = clock_gettime(ClockId::Monotonic);
                let micros = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1_000;
                format!("RELOADING=1\nMONOTONIC_USEC={micros}\n")
            }
            Self::Stopping => "STOPPING=1\n".into(),
        }
    }
}

/// A name that begins with `@` is an abstract one.
fn send(socket: &OsStr, message: &str) -> io::Result<()> {
    let address = match socket.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(message.as_bytes(), &address).map(drop)
}

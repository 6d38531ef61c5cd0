//! Errors for a listen address that can't be bound: the cause, the next free port, and how to find the process that uses
//! this one.

use std::fmt;
use std::io::{Error, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

/// How many ports after the one in use are tried.
const PORTS_TRIED: u16 = 100;

/// Why an address could not be bound.
#[derive(Debug)]
pub struct BindError {
    /// The address.
    pub address: SocketAddr,
    /// The cause, with what helps against it.
    pub cause: BindCause,
    error: Error,
}

/// The causes that have a remedy.
#[derive(PartialEq, Eq, Debug)]
pub enum BindCause {
    /// Another process uses the port.
    InUse {
        /// Shows that process.
        command: String,
        /// The next free address.
        free: Option<SocketAddr>,
    },
    /// A port below 1024 needs a right that this program lacks.
    Privileged {
        /// This program.
        program: PathBuf,
    },
    /// The address is not one of this machine.
    Elsewhere,
    /// Another one, which the source of the error names.
    Other,
}

impl BindError {
    /// Finds the cause, and a free port instead of one that is in use.
    pub fn new(address: SocketAddr, error: Error) -> Self {
        let port = address.port();
        let cause = match error.kind() {
            ErrorKind::AddrInUse => BindCause::InUse {
                command: if cfg!(target_os = "linux") {
                    format!("ss -ltnp 'sport = :{port}'")
                } else {
                    format!("lsof -nP -iTCP:{port} -sTCP:LISTEN")
                },
                free: next_free_port(address),
            },
            ErrorKind::PermissionDenied if port < 1024 => BindCause::Privileged {
                program: std::env::current_exe().unwrap_or_else(|_| PathBuf::from("portraitd")),
            },
            ErrorKind::AddrNotAvailable => BindCause::Elsewhere,
            _ => BindCause::Other,
        };
        Self { address, cause, error }
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "can't listen on {}", self.address)?;
        match &self.cause {
            BindCause::InUse { command, free } => {
                write!(f, ": the port is in use (`{command}` shows the process); ")?;
                match free {
                    Some(free) => write!(f, "{free} is free, and port 0 takes any free port"),
                    None => f.write_str("choose another port, or 0 for any free one"),
                }
            }
            BindCause::Privileged { program } => write!(
                f,
                ": ports below 1024 need root, or once: sudo setcap cap_net_bind_service=+ep {}; --proxy needs no such port",
                program.display()
            ),
            BindCause::Elsewhere => f.write_str(
                ": this machine does not have this address; 0.0.0.0 listens on all of its addresses",
            ),
            BindCause::Other => Ok(()),
        }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// Returns the next free port on the same IP address.
fn next_free_port(address: SocketAddr) -> Option<SocketAddr> {
    let ports = (1..=PORTS_TRIED).map_while(|step| address.port().checked_add(step));
    ports.map(|port| SocketAddr::new(address.ip(), port)).find(|free| TcpListener::bind(free).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_for_a_port_in_use_names_a_command_and_a_free_port() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let error = TcpListener::bind(address).unwrap_err();
        let message = BindError::new(address, error).to_string();
        let port = address.port();
        assert!(
            message.starts_with(&format!("can't listen on {address}: the port is in use (`")),
            "{message}"
        );
        assert!(message.contains(&format!(":{port}")) && message.contains("shows the process"), "{message}");
        let free = message.split("; ").nth(1).and_then(|rest| rest.split(" is free").next()).unwrap();
        assert!(TcpListener::bind(free).is_ok(), "{message}");
    }
}

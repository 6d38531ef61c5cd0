//! Error messages for a listen address that can't be bound: the cause, the next free port, and how to find the process that
//! uses this one.

use std::io::{Error, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

/// How many ports after the one in use are tried.
const PORTS_TRIED: u16 = 100;

/// Returns the message for an address that could not be bound.
pub fn explain(address: SocketAddr, error: &Error) -> String {
    match error.kind() {
        ErrorKind::AddrInUse => {
            let port = address.port();
            let command = if cfg!(target_os = "linux") {
                format!("ss -ltnp 'sport = :{port}'")
            } else {
                format!("lsof -nP -iTCP:{port} -sTCP:LISTEN")
            };
            let remedy = next_free_port(address).map_or_else(
                || "choose another port, or 0 for any free one".to_owned(),
                |free| format!("{free} is free, and port 0 takes any free port"),
            );
            format!("can't listen on {address}: the port is in use (`{command}` shows the process); {remedy}")
        }
        ErrorKind::PermissionDenied if address.port() < 1024 => format!(
            "can't listen on {address}: ports below 1024 need root, or once: sudo setcap cap_net_bind_service=+ep {}; \
             --proxy needs no such port",
            std::env::current_exe().unwrap_or_else(|_| PathBuf::from("portraitd")).display()
        ),
        ErrorKind::AddrNotAvailable => {
            format!(
                "can't listen on {address}: this machine does not have this address; 0.0.0.0 listens on all of its addresses"
            )
        }
        _ => format!("can't listen on {address}"),
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
        let message = explain(address, &error);
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

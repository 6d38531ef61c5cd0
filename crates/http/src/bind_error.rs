//! What to do when an address can't be listened on: which port is free, and how to find what has this one.

use std::io::{Error, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

/// How far a free port is looked for.
const PORTS_TRIED: u16 = 100;

/// What to tell somebody whose address could not be listened on.
pub fn explain(address: SocketAddr, error: &Error) -> String {
    match error.kind() {
        ErrorKind::AddrInUse => {
            let port = address.port();
            let look = if cfg!(target_os = "linux") {
                format!("ss -ltnp 'sport = :{port}'")
            } else {
                format!("lsof -nP -iTCP:{port} -sTCP:LISTEN")
            };
            let offer = next_free(address).map_or_else(
                || "choose another, or port 0 for a free one".to_owned(),
                |free| format!("{free} is free, and port 0 takes any free one"),
            );
            format!("can't listen on {address}: the port is in use (`{look}` shows by what); {offer}")
        }
        ErrorKind::PermissionDenied if address.port() < 1024 => format!(
            "can't listen on {address}: ports below 1024 need root, or once: sudo setcap cap_net_bind_service=+ep {}; \
             --proxy needs no such port",
            std::env::current_exe().unwrap_or_else(|_| PathBuf::from("portraitd")).display()
        ),
        ErrorKind::AddrNotAvailable => {
            format!(
                "can't listen on {address}: this machine has no such address; 0.0.0.0 stands for all it has"
            )
        }
        _ => format!("can't listen on {address}"),
    }
}

/// The next port that is free now, on the same address.
fn next_free(address: SocketAddr) -> Option<SocketAddr> {
    let ports = (1..=PORTS_TRIED).map_while(|step| address.port().checked_add(step));
    ports.map(|port| SocketAddr::new(address.ip(), port)).find(|free| TcpListener::bind(free).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_named_with_the_remedy() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let error = TcpListener::bind(address).unwrap_err();
        let sentence = explain(address, &error);
        let port = address.port();
        assert!(
            sentence.starts_with(&format!("can't listen on {address}: the port is in use (`")),
            "{sentence}"
        );
        assert!(sentence.contains(&format!(":{port}")) && sentence.contains("shows by what"), "{sentence}");
        let free = sentence.split("; ").nth(1).and_then(|rest| rest.split(" is free").next()).unwrap();
        assert!(TcpListener::bind(free).is_ok(), "{sentence}");
    }
}

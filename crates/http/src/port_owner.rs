//! Who has a port that is wanted, and which one is free: so that "address in use" is an answer and not a riddle.

use std::fs;
use std::io::{Error, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

/// How far a free port is looked for.
const PORTS_TRIED: u16 = 100;
/// `st` of a listening socket in /proc/net/tcp.
const LISTENING: &str = "0A";

/// What to tell somebody whose address could not be listened on.
pub fn explain(address: SocketAddr, error: &Error) -> String {
    match error.kind() {
        ErrorKind::AddrInUse => {
            let owner = owner(address.port()).map_or_else(
                || "another program".to_owned(),
                |(pid, name)| format!("{name} (process {pid})"),
            );
            let offer = next_free(address).map_or_else(
                || "choose another, or port 0 for a free one".to_owned(),
                |free| format!("{free} is free, and port 0 takes any free one"),
            );
            format!("can't listen on {address}: the port is in use by {owner}; {offer}")
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

/// The process that listens on a port, as far as Linux tells us: other users' processes stay unknown.
fn owner(port: u16) -> Option<(u32, String)> {
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listening_inodes(&table, port))
        .collect();
    let sockets: Vec<PathBuf> = inodes.iter().map(|inode| format!("socket:[{inode}]").into()).collect();
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        descriptors.filter_map(|entry| fs::read_link(entry.path()).ok()).any(|link| sockets.contains(&link))
    })
    .find_map(|pid| Some((pid, fs::read_to_string(format!("/proc/{pid}/comm")).ok()?.trim().to_owned())))
}

/// The inodes of sockets that listen on a port, from the kernel's table.
fn listening_inodes(table: &str, port: u16) -> Vec<String> {
    let wanted = format!(":{port:04X}");
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter_map(|row| match row.as_slice() {
        [_, local, _, state, _, _, _, _, _, inode, ..] if local.ends_with(&wanted) && *state == LISTENING => {
            Some((*inode).to_owned())
        }
        _ => None,
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_table_is_read() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F90 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000000000000000 100 0 0 10 0
   2: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0000000000000000 100 0 0 10 0";
        assert_eq!(listening_inodes(table, 8080), ["4711"]);
        assert_eq!(listening_inodes(table, 80), Vec::<String>::new());
        assert_eq!(listening_inodes("", 8080), Vec::<String>::new());
    }

    #[test]
    fn a_port_of_our_own_is_ours() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let error = TcpListener::bind(address).unwrap_err();
        let sentence = explain(address, &error);
        if cfg!(target_os = "linux") {
            assert!(sentence.contains(&format!("(process {})", std::process::id())), "{sentence}");
        }
        assert!(sentence.contains("is free"), "{sentence}");
    }
}

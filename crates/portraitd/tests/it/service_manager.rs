//! What a service manager is told (`sd_notify(3)`): on a real socket that `NOTIFY_SOCKET` names.

use crate::harness::TestServer;
use rustix::net::{self, AddressFamily, SocketAddrUnix, SocketType};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

/// Reads one message, within a time that no working server takes.
fn next(socket: &UnixDatagram) -> String {
    socket.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let mut message = [0; 1024];
    let length = socket.recv(&mut message).unwrap();
    String::from_utf8(message[..length].to_vec()).unwrap()
}

fn is_told(socket: &UnixDatagram, name: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut server = TestServer::serve_altered(&folder.path().join("data"), "", |command| {
        command.env("NOTIFY_SOCKET", name);
    });
    assert_eq!(next(socket), "READY=1\n");
    // It listens by then.
    assert_eq!(server.admin("GET", "/apps", "").0, 200);
    let mut before = 0;
    for _ in 0..2 {
        server.signal("-HUP");
        let reloading = next(socket);
        let micros =
            reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap_or_else(|| panic!("{reloading}"));
        let micros: u64 = micros.trim_end().parse().unwrap();
        assert!(micros > before, "{micros} {before}");
        before = micros;
        assert_eq!(next(socket), "READY=1\n");
    }
    server.signal("-TERM");
    assert_eq!(next(socket), "STOPPING=1\n");
    assert_eq!(server.child.wait().unwrap().code(), Some(0), "{}", server.log());
    socket.set_nonblocking(true).unwrap();
    assert!(socket.recv(&mut [0; 64]).is_err(), "nothing else is said");
}

#[test]
fn a_socket_in_the_file_system_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    is_told(&socket, path.to_str().unwrap());
}

#[test]
fn an_abstract_socket_is_told() {
    let name = format!("portraitd-test-{}", std::process::id());
    let socket = net::socket(AddressFamily::UNIX, SocketType::DGRAM, None).unwrap();
    net::bind(&socket, &SocketAddrUnix::new_abstract_name(name.as_bytes()).unwrap()).unwrap();
    is_told(&UnixDatagram::from(socket), &format!("@{name}"));
}

#[test]
fn a_manager_that_is_gone_is_no_reason_to_stop() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let server = TestServer::serve_altered(&folder.path().join("data"), "", |command| {
        command.env("NOTIFY_SOCKET", &missing);
    });
    assert_eq!(server.admin("GET", "/apps", "").0, 200);
    // It was told before the line that says that it listens, or is told after: both are in the log in the end.
    let warned = || server.log().contains("can't tell the service manager");
    while !warned() {
        std::thread::yield_now();
    }
}

#[test]
fn the_unit_is_of_the_type_that_waits() {
    let unit = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/portraitd.service");
    let unit = std::fs::read_to_string(unit).unwrap();
    for line in ["Type=notify", "ExecReload=/bin/kill -HUP $MAINPID"] {
        assert!(unit.lines().any(|found| found == line), "{line}");
    }
    // Without this family it could tell nothing.
    let families = unit.lines().find(|line| line.starts_with("RestrictAddressFamilies=")).unwrap();
    assert!(families.contains("AF_UNIX"), "{families}");
}

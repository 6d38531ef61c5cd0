//! Where a server listens: several addresses, Unix sockets, and what must not be listened on.

use crate::harness::{App, Connection, KEY, TestServer, binary};
use serde_json::json;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

const GET: &str = r#"{"To_Account":["alice"],"TagList":["Tag_Profile_IM_Nick"]}"#;

/// A server on a TCP port and two Unix sockets, with an app made through the second one.
fn start(folder: &Path, listen: &str) -> TestServer {
    let at = folder.display();
    let config = format!(
        "[server]\nlisten = [{listen}, \"unix:{at}/public.sock\"]\nadmin_listen = \"unix:{at}/admin.sock\"\nunix_mode = \"0600\"\n"
    );
    TestServer::serve_where_configured(&folder.join("data"), &config)
}

fn create_app(folder: &Path) -> u32 {
    let data = folder.join("data");
    let created =
        binary().args(["app", "create", "1400000000", "--key", KEY, "--data"]).arg(data).output().unwrap();
    assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
    1_400_000_000
}

fn over_unix(path: &Path, request: &[u8]) -> u64 {
    Connection::over(UnixStream::connect(path).unwrap()).exchange(request).unwrap().code()
}

/// Why `serve` does not start.
fn refused(folder: &Path, config: &str) -> String {
    let file = folder.join("refused.toml");
    fs::write(&file, config).unwrap();
    let mut command = binary();
    command.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(file);
    let output = command.arg("--data").arg(folder.join("other")).output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn several_addresses_and_unix_sockets_serve_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (public, admin) = (folder.path().join("public.sock"), folder.path().join("admin.sock"));
    let mut server = start(folder.path(), "\"127.0.0.1:0\", \"http://127.0.0.1:0\"");
    let app = App { server: &server, id: create_app(folder.path()) };
    app.import("alice");
    assert_eq!(over_unix(&public, &app.request("portrait_get", GET)), 0);
    assert_eq!(over_unix(&public, b"NO HTTP\r\n\r\n"), 60002);
    for file in [&public, &admin] {
        let file = fs::metadata(file).unwrap();
        assert!(file.file_type().is_socket());
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
    }
    // Left behind by a process that was killed, they are taken over; left by one that ended, they are gone.
    server.kill();
    assert!(public.exists() && admin.exists());
    let mut server = start(folder.path(), "\"127.0.0.1:0\"");
    let app = App { server: &server, id: 1_400_000_000 };
    assert_eq!(over_unix(&public, &app.request("portrait_get", GET)), 0);
    server.signal("-TERM");
    assert!(server.child.wait().unwrap().success());
    assert!(!public.exists() && !admin.exists());
}

#[test]
fn allow_lists_know_callers_by_one_address() {
    let folder = tempfile::tempdir().unwrap();
    // Where a machine has no IPv6 there are no mapped addresses either.
    let listen = if TcpListener::bind("[::]:0").is_ok() { "\"[::]:0\"" } else { "\"0.0.0.0:0\"" };
    let mut server = start(folder.path(), listen);
    let port = server.address.rsplit(':').next().unwrap().to_owned();
    server.address = format!("127.0.0.1:{port}");
    let app = App { server: &server, id: create_app(folder.path()) };
    app.import("alice");
    let allow = |network: &str| {
        let body = json!({ "allow_ips": [network] }).to_string();
        let (token, length) = (&server.admin_token, body.len());
        let request = format!(
            "PATCH /admin/v1/apps/1400000000 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        let admin = UnixStream::connect(folder.path().join("admin.sock")).unwrap();
        assert_eq!(Connection::over(admin).exchange(request.as_bytes()).unwrap().status, 200);
    };
    for (network, code) in [("127.0.0.1/32", 0), ("10.0.0.0/8", 60021), ("127.0.0.0/8", 0)] {
        allow(network);
        assert_eq!(app.code("portrait_get", GET), code, "{network}");
        let request = app.request("portrait_get", GET);
        assert_eq!(over_unix(&folder.path().join("public.sock"), &request), code, "{network}");
    }
}

#[test]
fn what_must_not_be_listened_on_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().display().to_string();
    let check = |admin_listen: &str, part: &str| {
        let sentence = refused(folder.path(), &format!("[server]\nadmin_listen = \"{admin_listen}\"\n"));
        assert!(sentence.contains(part), "{admin_listen}: {sentence}");
    };
    check("0.0.0.0:0", "server.accept = [\"plain-admin\"]");
    check("[::]:0", "server.accept = [\"plain-admin\"]");
    check(&format!("unix:/{}", "x".repeat(200)), "at most");
    check("unix:/nowhere/at/all.sock", "does its directory exist");
    // Something else is there.
    fs::write(folder.path().join("file"), "precious").unwrap();
    check(&format!("unix:{at}/file"), "is left unchanged");
    assert_eq!(fs::read_to_string(folder.path().join("file")).unwrap(), "precious");
    // Somebody listens there.
    let _taken = UnixListener::bind(folder.path().join("taken")).unwrap();
    check(&format!("unix:{at}/taken"), "another process listens on it");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    check(&taken.local_addr().unwrap().to_string(), "can't listen on");
}

//! nginx before the nodes, as docs/SCALING.md says: it goes to the next node when one can't be reached.

use super::nodes::free_port;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;
use tempfile::TempDir;

/// A running nginx. Dropped, it ends.
pub(crate) struct Nginx {
    pub address: String,
    child: Child,
    dir: TempDir,
}

impl Nginx {
    /// Starts it before nodes on these ports.
    pub(crate) fn start(ports: &[u16]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = free_port();
        let file = dir.path().join("nginx.conf");
        std::fs::write(&file, configuration(dir.path(), port, ports)).unwrap();
        let mut command = Command::new("nginx");
        command.arg("-p").arg(dir.path()).arg("-c").arg(&file).arg("-e").arg(dir.path().join("error.log"));
        let child = command.spawn().unwrap();
        let address = format!("127.0.0.1:{port}");
        let listens = || std::net::TcpStream::connect(&address).is_ok();
        super::nodes::wait_for("nginx listens", Duration::from_secs(30), listens);
        Self { address, child, dir }
    }

    /// Its last complaints.
    pub(crate) fn errors(&self) -> String {
        let log = std::fs::read_to_string(self.dir.path().join("error.log")).unwrap_or_default();
        log.lines().rev().take(40).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // SIGTERM: its workers end with it.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

/// A change is not sent to a second node when the first may have done it: it could be done again after a later one.
fn configuration(dir: &Path, port: u16, nodes: &[u16]) -> String {
    let servers: Vec<String> =
        nodes.iter().map(|node| format!("server 127.0.0.1:{node} max_fails=1 fail_timeout=5s;")).collect();
    let (servers, dir) = (servers.join("\n        "), dir.display());
    format!(
        "daemon off;
worker_processes 1;
pid {dir}/pid;
error_log {dir}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    upstream portraitd {{
        {servers}
    }}
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        keepalive_requests 1000000;
        client_max_body_size 1m;
        location / {{
            proxy_pass http://portraitd;
            proxy_connect_timeout 1s;
            proxy_read_timeout 4s;
            proxy_next_upstream error timeout;
        }}
    }}
}}
"
    )
}

//! How other commands find a running server: the admin token and the address in its data directory. And the signals that
//! stop a server.

use crate::cli::language::chosen::localized;
use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// `admin.json`, which a running server writes to its data directory so that other commands find its admin API.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AdminFile {
    pub(crate) url: String,
    /// The file of its certificate, if it listens on `https`. The certificate may be for another name than the URL's.
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) pid: u32,
}

/// The URL by which this machine reaches a listener, without TLS if possible. `0.0.0.0` and `[::]` stand for every
/// address, so they are replaced by one that can be connected to.
pub(crate) fn url_here(urls: &[String]) -> String {
    let best = urls.iter().find(|url| !url.starts_with("https:")).or(urls.first());
    let url = best.map(String::as_str).unwrap_or_default();
    url.replacen("://0.0.0.0:", "://127.0.0.1:", 1).replacen("://[::]:", "://127.0.0.1:", 1)
}

impl AdminFile {
    fn path(data: &Path) -> PathBuf {
        data.join("admin.json")
    }

    /// Writes the file, with the address of the admin API.
    pub(crate) fn write(data: &Path, urls: &[String], certificate: Option<&Path>) -> anyhow::Result<()> {
        let certificate = certificate.map(std::path::absolute).transpose()?;
        let file = Self { url: url_here(urls), certificate, pid: std::process::id() };
        let path = Self::path(data);
        fs::write(&path, serde_json::to_vec(&file)?)
            .with_context(|| localized!("can't write {}", "无法写入 {}", path.display()))
    }

    /// Reads the file of the server that runs on a data directory.
    pub(crate) fn read(data: &Path) -> anyhow::Result<Self> {
        let path = Self::path(data);
        let text =
            fs::read(&path).with_context(|| localized!("can't read {}", "无法读取 {}", path.display()))?;
        serde_json::from_slice(&text)
            .with_context(|| localized!("{} is damaged", "{} 已损坏", path.display()))
    }

    /// Removes the file when the server ends. One that a crash left behind is overwritten by the next start.
    pub(crate) fn remove(data: &Path) {
        if let Err(error) = fs::remove_file(Self::path(data)) {
            tracing::debug!(%error, "can't remove admin.json");
        }
    }
}

/// The admin token of a data directory: made on first start, readable by its owner alone.
pub(crate) fn admin_token(data: &Path) -> anyhow::Result<String> {
    let path = data.join("admin.token");
    match fs::read_to_string(&path) {
        Ok(token) if !token.trim().is_empty() => return Ok(token.trim().to_owned()),
        Ok(_) => {
            anyhow::bail!(localized!(
                "{} is empty; delete it, and the next start makes a new token",
                "{} 为空；删除后，下次启动会生成新的 token",
                path.display()
            ))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => {
            return Err(error).with_context(|| localized!("can't read {}", "无法读取 {}", path.display()));
        }
    }
    let token = portraitd_admin::secret::random_token()?;
    let created = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    let mut file = created.with_context(|| localized!("can't create {}", "无法创建 {}", path.display()))?;
    writeln!(file, "{token}")
        .and_then(|()| file.sync_all())
        .with_context(|| localized!("can't write {}", "无法写入 {}", path.display()))?;
    Ok(token)
}

/// The signals that ask the process to stop. Made before the server announces itself, so that a program that reads the
/// announcement can already stop it gracefully.
pub(crate) struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    /// Takes over SIGINT and SIGTERM.
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits until the process is asked to stop. Asked a second time, it stops at once.
    pub(crate) async fn asked_to_stop(mut self) {
        /// 128 + SIGINT, as shells expect of a process that a signal ended.
        const AT_ONCE: i32 = 130;
        self.next().await;
        tracing::info!("stopping: finishing requests in flight; a second signal stops at once");
        tokio::spawn(async move {
            self.next().await;
            std::process::exit(AT_ONCE);
        });
    }

    /// Waits for the next of them.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

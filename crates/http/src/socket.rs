//! Open listening sockets: TCP with or without TLS, and Unix.

use crate::address::Address;
use crate::bind_error::BindError;
use crate::tls::Tls;
use anyhow::Context;
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream as Probe;
use std::path::{Path, PathBuf};
use tokio::net::{TcpListener, UnixListener};

/// An open listening socket.
pub enum Socket {
    /// A TCP socket.
    Tcp {
        /// The socket.
        listener: TcpListener,
        /// How it accepts TLS; `None`: it is a plain HTTP port.
        tls: Option<Tls>,
    },
    /// A Unix socket, never with TLS.
    Unix {
        /// The socket.
        listener: UnixListener,
        /// Its file, removed when this is dropped.
        file: SocketFile,
    },
}

/// The file of a Unix socket. It is removed on drop, unless another process has replaced it.
pub struct SocketFile {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

impl Socket {
    /// Opens a socket for every address; `unix_mode` is the mode of Unix sockets' files.
    pub async fn open(
        addresses: impl Iterator<Item = &Address>,
        tls: Option<&Tls>,
        unix_mode: u32,
    ) -> anyhow::Result<Vec<Self>> {
        let mut sockets = Vec::new();
        for address in addresses {
            sockets.push(match address {
                Address::Tcp { socket, tls: wants_tls } => {
                    let tls = tls.filter(|_| *wants_tls != Some(false)).cloned();
                    Self::Tcp { listener: bind(*socket).await?, tls }
                }
                Address::Unix(path) => {
                    Self::unix(path, unix_mode).with_context(|| format!("can't listen on {address}"))?
                }
            });
        }
        Ok(sockets)
    }

    fn unix(path: &Path, mode: u32) -> anyhow::Result<Self> {
        match fs::symlink_metadata(path) {
            Ok(file) if !file.file_type().is_socket() => {
                anyhow::bail!(
                    "the file exists and is not a socket, and is left unchanged; choose another path"
                )
            }
            Ok(_) => ensure_unused(path)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        // The file gets its final name once its mode is set; the file of a process that has ended is replaced.
        let mut staging = path.as_os_str().to_owned();
        staging.push(Address::STAGING_SUFFIX);
        let staging = PathBuf::from(staging);
        let _ = fs::remove_file(&staging);
        let listener =
            UnixListener::bind(&staging).context("does its directory exist, and may you write there?")?;
        fs::set_permissions(&staging, Permissions::from_mode(mode))?;
        fs::rename(&staging, path)?;
        let file = SocketFile { path: path.to_owned(), identity: identity(path)? };
        Ok(Self::Unix { listener, file })
    }

    /// Returns the URL that clients connect to.
    pub fn url(&self) -> io::Result<String> {
        Ok(match self {
            Self::Tcp { listener, tls } => {
                let scheme = if tls.is_some() { "https" } else { "http" };
                format!("{scheme}://{}", listener.local_addr()?)
            }
            Self::Unix { file, .. } => format!("unix:{}", file.path.display()),
        })
    }
}

/// Opens a TCP socket. The error says why it can't be opened and what to do.
pub async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| BindError::new(address, error).into())
}

/// Fails when a process listens on the socket's file.
fn ensure_unused(path: &Path) -> anyhow::Result<()> {
    match Probe::connect(path) {
        Ok(_) => anyhow::bail!("another process listens on it"),
        Err(error) if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound) => Ok(()),
        Err(error) => Err(error).context("can't tell whether another process listens on it"),
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|identity| identity == self.identity)
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(%error, file = %self.path.display(), "can't remove the socket's file");
        }
    }
}

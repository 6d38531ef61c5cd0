//! Sockets that are open for connections: TCP, with TLS or without, and Unix.

use crate::address::{Address, Addresses};
use crate::bind_error;
use crate::tls::Tls;
use anyhow::Context;
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream as Probe;
use std::path::{Path, PathBuf};
use tokio::net::{TcpListener, UnixListener};

/// An open socket that connections come from.
pub enum Socket {
    /// A TCP port.
    Tcp {
        /// The port, open.
        listener: TcpListener,
        /// How TLS is spoken there; `None`: it is not.
        tls: Option<Tls>,
    },
    /// A Unix socket, always without TLS.
    Unix {
        /// The socket, open.
        listener: UnixListener,
        /// Its file, removed together with this value.
        file: SocketFile,
    },
}

/// The file of a Unix socket; dropped, it is removed, unless it is somebody else's by then.
pub struct SocketFile {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

impl Socket {
    /// Opens every address.
    pub async fn open(addresses: &Addresses, tls: Option<&Tls>, unix_mode: u32) -> anyhow::Result<Vec<Self>> {
        let mut sockets = Vec::new();
        for address in addresses.iter() {
            sockets.push(match address {
                Address::Tcp { socket, tls: spoken } => {
                    let tls = tls.filter(|_| *spoken != Some(false)).cloned();
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
                anyhow::bail!("something else than a socket is there, and is left alone; choose another path")
            }
            Ok(_) => is_stale(path)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        // Under its name only once nobody but those meant can open it; the file of a process that is gone is replaced.
        let mut provisional = path.as_os_str().to_owned();
        provisional.push(Address::PROVISIONAL);
        let provisional = PathBuf::from(provisional);
        let _ = fs::remove_file(&provisional);
        let listener =
            UnixListener::bind(&provisional).context("does its directory exist, and may you write there?")?;
        fs::set_permissions(&provisional, Permissions::from_mode(mode))?;
        fs::rename(&provisional, path)?;
        let file = SocketFile { path: path.to_owned(), identity: identity(path)? };
        Ok(Self::Unix { listener, file })
    }

    /// Where it is, for those who connect.
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

/// Opens a TCP port, or says who has it.
pub async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let sentence = bind_error::explain(address, &error);
        anyhow::Error::new(error).context(sentence)
    })
}

/// Fails when somebody answers at a socket's file.
fn is_stale(path: &Path) -> anyhow::Result<()> {
    match Probe::connect(path) {
        Ok(_) => anyhow::bail!("another process listens there"),
        Err(error) if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound) => Ok(()),
        Err(error) => Err(error).context("can't tell whether another process listens there"),
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

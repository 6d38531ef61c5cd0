//! The three low ports of one loopback address, and the helper process that binds them for users without that right.
//!
//! The helper binds nothing but 443, 80 and 53 of an address in 127.77.0.0/16, and hands the sockets over through its
//! standard input, a Unix socket. A capability on `portraitd` itself would make the C library remove `TMPDIR`,
//! `LD_LIBRARY_PATH` and others from the command's environment; on the helper it does no harm.

use crate::control::{receive, send};
use anyhow::{Context, bail};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, ExitCode, Stdio};

const HTTPS: u16 = 443;
const HTTP: u16 = 80;
const DNS: u16 = 53;

/// The sockets of one address.
#[derive(Debug)]
pub struct LowPorts {
    /// The address that they are bound to.
    pub address: Ipv4Addr,
    /// Port 443.
    pub https: TcpListener,
    /// Port 80.
    pub http: TcpListener,
    /// Port 53; `None` when another process holds it on every address.
    pub dns: Option<(UdpSocket, TcpListener)>,
}

/// Returns whether an address is one that isolation uses: 127.77.0.0/16.
pub fn is_ours(address: Ipv4Addr) -> bool {
    matches!(address.octets(), [127, 77, ..])
}

impl LowPorts {
    /// Binds the ports.
    ///
    /// # Errors
    /// Those of binding 443 or 80. That 53 is in use is none.
    pub fn bind(address: Ipv4Addr) -> io::Result<Self> {
        let tcp = |port| TcpListener::bind(SocketAddr::from((address, port)));
        let (https, http) = (tcp(HTTPS)?, tcp(HTTP)?);
        let dns = UdpSocket::bind(SocketAddr::from((address, DNS))).and_then(|udp| Ok((udp, tcp(DNS)?)));
        let dns = match dns {
            Err(error) if error.kind() != ErrorKind::AddrInUse => return Err(error),
            dns => dns.ok(),
        };
        Ok(Self { address, https, http, dns })
    }

    /// Has another process bind the ports: `portraitd-port ADDRESS`, or `sudo -n` in front of it.
    ///
    /// # Errors
    /// When it does not start or binds nothing; the message is the helper's own.
    pub(crate) fn ask(helper: &[OsString], address: Ipv4Addr) -> anyhow::Result<Self> {
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        let (program, words) = helper.split_first().context("no helper is known")?;
        let child = Command::new(program)
            .args(words)
            .arg(address.to_string())
            .stdin(theirs)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("can't start {}", program.display()))?;
        // The command held the other end, and dropped it: the read below ends when the helper does.
        let received = receive(&ours);
        let said = last_words(child)?;
        let (_, sockets) = received?;
        Self::from_sockets(address, sockets).context(said)
    }

    /// The sockets in the order in which they are sent.
    pub(crate) fn sockets(&self) -> Vec<rustix::fd::BorrowedFd<'_>> {
        let mut sockets = vec![self.https.as_fd(), self.http.as_fd()];
        sockets.extend(self.dns.iter().flat_map(|(udp, tcp)| [udp.as_fd(), tcp.as_fd()]));
        sockets
    }

    /// Takes sockets that another process sent.
    pub(crate) fn from_sockets(address: Ipv4Addr, sockets: Vec<OwnedFd>) -> anyhow::Result<Self> {
        let mut sockets = sockets.into_iter();
        let (Some(https), Some(http)) = (sockets.next(), sockets.next()) else {
            bail!("no sockets were handed over");
        };
        let dns = sockets.next().zip(sockets.next());
        let dns = dns.map(|(udp, tcp)| (UdpSocket::from(udp), TcpListener::from(tcp)));
        Ok(Self { address, https: https.into(), http: http.into(), dns })
    }
}

/// Waits for the end of a child, and returns what it printed on standard error.
pub(crate) fn last_words(child: Child) -> io::Result<String> {
    let output = child.wait_with_output()?;
    Ok(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

/// The helper's whole work: binds the ports of the address in its one argument and sends them through its standard
/// input. Exit code 1 with a sentence when it can't, 2 when it was called in another way.
pub fn helper(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let address = arguments.next().and_then(|text| text.to_str()?.parse().ok());
    let Some(address) = address.filter(|address| is_ours(*address)).filter(|_| arguments.next().is_none())
    else {
        eprintln!(
            "usage: portraitd-port ADDRESS\n\
             Binds the ports 443, 80 and 53 of an address in 127.77.0.0/16 and hands them over through standard input, \
             a Unix socket. `portraitd run` calls it."
        );
        return ExitCode::from(2);
    };
    let handed = LowPorts::bind(address)
        .with_context(|| format!("can't bind the ports 443, 80 and 53 of {address}"))
        .and_then(|ports| send(io::stdin(), *b"P", &ports.sockets()));
    match handed {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_helper_binds_addresses_of_isolation_alone() {
        for [a, b] in [[127, 0], [0, 0], [192, 77], [127, 78]] {
            assert!(!is_ours(Ipv4Addr::new(a, b, 0, 1)));
        }
        assert!(is_ours(Ipv4Addr::new(127, 77, 255, 254)));
    }
}

//! The loopback address of one command, with its low ports: bound by this process, by the helper, or through `sudo`.

use crate::low_ports::LowPorts;
use anyhow::{Context, bail};
use std::env;
use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The helper's file name; it lies beside this program, or in one of the folders of packages.
pub const HELPER: &str = "portraitd-port";
/// The first argument that makes `portraitd` itself the helper, for `sudo`.
pub const HELPER_COMMAND: &str = "__port";
const HELPER_FOLDERS: [&str; 2] = ["/usr/lib/portraitd", "/usr/libexec/portraitd"];
/// Addresses that are tried when others use theirs.
const ATTEMPTS: u64 = 8;

/// Returns the addresses to try, of 127.77.0.0/16: another order for each seed.
pub(crate) fn candidates(seed: u64) -> impl Iterator<Item = Ipv4Addr> {
    (0..ATTEMPTS).map(move |attempt| {
        // An odd step visits every number of the 16 bits once; the last byte is neither 0 nor 255.
        let number = seed.wrapping_add(attempt.wrapping_mul(0x9e37)).to_le_bytes();
        let [third, fourth, ..] = number;
        Ipv4Addr::new(127, 77, third, fourth % 254 + 1)
    })
}

/// Binds the low ports of a free address.
///
/// # Errors
/// Why none could be bound, with what to do about it.
pub(crate) fn bind(seed: u64, sudo: bool) -> anyhow::Result<LowPorts> {
    let mut taken = false;
    for address in candidates(seed) {
        match bind_at(address, sudo) {
            Ok(ports) => return Ok(ports),
            Err(error) if is_in_use(&error) => taken = true,
            Err(error) => return Err(error),
        }
    }
    if taken {
        bail!(
            "another process listens on port 443 or 80 of every address (ss -ltnp 'sport = :443' names it)"
        );
    }
    bail!("no address was tried")
}

/// Binds the low ports of this address, by whatever may.
pub(crate) fn bind_at(address: Ipv4Addr, sudo: bool) -> anyhow::Result<LowPorts> {
    let denied = match LowPorts::bind(address) {
        Ok(ports) => return Ok(ports),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => error,
        Err(error) => return Err(error.into()),
    };
    let mut reason = anyhow::Error::from(denied).context("this user may not bind port 443");
    let helpers = helper().into_iter().map(|path| vec![path.into_os_string()]);
    let by_sudo = if sudo { Some(sudo_helper()?) } else { None };
    for helper in helpers.chain(by_sudo) {
        match LowPorts::ask(&helper, address) {
            Ok(ports) => return Ok(ports),
            Err(error) => reason = error,
        }
    }
    Err(reason)
}

/// The helper where one is installed.
fn helper() -> Option<PathBuf> {
    let beside = env::current_exe().ok().and_then(|path| Some(path.parent()?.join(HELPER)));
    let installed = HELPER_FOLDERS.iter().map(|folder| PathBuf::from(folder).join(HELPER));
    beside.into_iter().chain(installed).find(|path| path.is_file())
}

fn sudo_helper() -> anyhow::Result<Vec<OsString>> {
    let program = env::current_exe().context("this program's file is not known")?;
    Ok(vec!["sudo".into(), "-n".into(), "--".into(), program.into_os_string(), HELPER_COMMAND.into()])
}

/// Returns whether `sudo` asks for no password.
pub(crate) fn has_sudo() -> bool {
    let ask = Command::new("sudo").args(["-n", "true"]).stdin(Stdio::null()).output();
    ask.is_ok_and(|output| output.status.success())
}

fn is_in_use(error: &anyhow::Error) -> bool {
    let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
    // The helper's error is a sentence.
    kind == Some(ErrorKind::AddrInUse) || format!("{error:#}").contains("Address already in use")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::low_ports::is_ours;

    #[test]
    fn candidates_differ_and_are_of_isolation() {
        for seed in [0, 1, 0xffff, u64::MAX] {
            let all: Vec<_> = candidates(seed).collect();
            assert!(
                all.iter().all(|address| is_ours(*address) && !matches!(address.octets(), [.., 0 | 255]))
            );
            let different: std::collections::HashSet<_> = all.iter().collect();
            assert_eq!(different.len(), all.len(), "{seed}");
        }
    }
}

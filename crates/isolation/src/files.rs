//! The private files that a command sees instead of the system's: `/etc/hosts`, `/etc/resolv.conf`, and
//! `/etc/nsswitch.conf` where the system asks others before its hosts file.

use crate::names::Names;
use anyhow::Context;
use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The system's files.
pub(crate) const HOSTS: &str = "/etc/hosts";
pub(crate) const RESOLV: &str = "/etc/resolv.conf";
pub(crate) const NSSWITCH: &str = "/etc/nsswitch.conf";

/// Private files, removed when dropped.
#[derive(Debug)]
pub(crate) struct PrivateFiles {
    /// Holds them, and the control socket. Others may enter, since the command may run as several users.
    pub(crate) directory: PrivateDirectory,
    pub(crate) hosts: PathBuf,
    /// `None` without a DNS server.
    pub(crate) resolv: Option<PathBuf>,
    /// `None` where the system asks its hosts file first.
    pub(crate) nsswitch: Option<PathBuf>,
}

/// A directory that is removed when dropped.
#[derive(Debug)]
pub(crate) struct PrivateDirectory(PathBuf);

impl PrivateDirectory {
    /// Creates one whose name is like no other.
    fn create(seed: u64) -> anyhow::Result<Self> {
        // The command's TMPDIR may be one that it has yet to make.
        let folder =
            Some(std::env::temp_dir()).filter(|folder| folder.is_dir()).unwrap_or_else(|| "/tmp".into());
        let path = folder.join(format!("portraitd-run-{}-{seed:016x}", std::process::id()));
        let failed = || format!("can't create {}", path.display());
        // One that is there already is somebody else's.
        fs::create_dir(&path).with_context(failed)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).with_context(failed)?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for PrivateDirectory {
    fn drop(&mut self) {
        // What can't be removed is some small files in the directory for temporary ones.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl PrivateFiles {
    /// Writes the files for names that are at this address.
    ///
    /// # Errors
    /// When the directory for temporary files can't be written.
    pub(crate) fn write(names: Names, address: Ipv4Addr, has_dns: bool, seed: u64) -> anyhow::Result<Self> {
        let directory = PrivateDirectory::create(seed)?;
        let write = |name: &str, text: String| -> anyhow::Result<PathBuf> {
            let path = directory.path().join(name);
            fs::write(&path, text).with_context(|| format!("can't write {}", path.display()))?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644))?;
            Ok(path)
        };
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let hosts = write("hosts", hosts(&read(HOSTS), names, address, has_dns))?;
        let resolv = if has_dns { Some(write("resolv.conf", resolv(&read(RESOLV), address))?) } else { None };
        let own = nsswitch(&read(NSSWITCH));
        let nsswitch = own.map(|text| write("nsswitch.conf", text)).transpose()?;
        Ok(Self { directory, hosts, resolv, nsswitch })
    }
}

/// The lines that lead names to an address. Without a DNS server the IPv6 form is there too: a lookup for IPv6 alone
/// would go to the real one otherwise. With one it must be absent: the C library would find no address for lookups that
/// want IPv4 mapped into IPv6.
pub(crate) fn hosts_lines(names: Names, address: Ipv4Addr, has_dns: bool) -> String {
    let listed = names.listed.join(" ");
    let mapped = if has_dns { String::new() } else { format!("::ffff:{address} {listed}\n") };
    format!("{address} {listed}\n{mapped}")
}

fn hosts(system: &str, names: Names, address: Ipv4Addr, has_dns: bool) -> String {
    let mut text = String::new();
    for line in system.lines() {
        let entry = line.split('#').next().unwrap_or_default();
        let mut words = entry.split_ascii_whitespace().skip(1);
        if !words.any(|name| names.contains(name)) {
            text.push_str(line);
            text.push('\n');
        }
    }
    text.push_str(&hosts_lines(names, address, has_dns));
    text
}

/// One server, and the system's own search list and options.
fn resolv(system: &str, address: Ipv4Addr) -> String {
    let kept = system.lines().filter(|line| {
        let word = line.split_ascii_whitespace().next();
        matches!(word, Some("search" | "domain" | "options" | "sortlist"))
    });
    kept.fold(format!("nameserver {address}\n"), |text, line| text + line + "\n")
}

/// Returns a `nsswitch.conf` that asks the hosts file and then DNS; `None` where the system does so already.
fn nsswitch(system: &str) -> Option<String> {
    let is_hosts = |line: &&str| line.trim_start().starts_with("hosts:");
    let line = system.lines().find(is_hosts)?;
    let mut sources = line.split_ascii_whitespace().skip(1);
    if sources.next() == Some("files") && sources.next() == Some("dns") {
        return None;
    }
    let changed = |line: &str| if is_hosts(&line) { "hosts: files dns".to_owned() } else { line.to_owned() };
    Some(system.lines().map(changed).fold(String::new(), |text, line| text + &line + "\n"))
}

/// Returns whether a hosts file leads every listed name to this machine's loopback, and where; the first line that holds a
/// name counts.
pub(crate) fn loopback_address(hosts: &str, names: Names) -> Option<Ipv4Addr> {
    let address_of = |name: &str| {
        hosts.lines().find_map(|line| {
            let mut words = line.split('#').next()?.split_ascii_whitespace();
            let address: Ipv4Addr = words.next()?.parse().ok()?;
            words.any(|word| word.eq_ignore_ascii_case(name)).then_some(address)
        })
    };
    let first = address_of(names.listed.first()?)?;
    let all = names.listed.iter().all(|name| address_of(name) == Some(first));
    (first.is_loopback() && all).then_some(first)
}

/// Returns whether a path is there to be mounted over.
pub(crate) fn exists(path: &str) -> bool {
    Path::new(path).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: Names = Names { listed: &["a.cloud.test", "b.cloud.test"], domains: &[".cloud.test"] };
    const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 77, 1, 2);

    #[test]
    fn a_private_hosts_file_leads_the_names_and_keeps_the_rest() {
        let system = "127.0.0.1 localhost\n192.0.2.1 db A.CLOUD.test\n192.0.2.2 other # a.cloud.test";
        let with_dns =
            "127.0.0.1 localhost\n192.0.2.2 other # a.cloud.test\n127.77.1.2 a.cloud.test b.cloud.test\n";
        assert_eq!(hosts(system, NAMES, ADDRESS, true), with_dns);
        let without = format!("{with_dns}::ffff:127.77.1.2 a.cloud.test b.cloud.test\n");
        assert_eq!(hosts(system, NAMES, ADDRESS, false), without);
    }

    #[test]
    fn a_private_resolver_keeps_search_and_options() {
        let system = "nameserver 192.0.2.1\nsearch corp.test\noptions ndots:5\n";
        assert_eq!(resolv(system, ADDRESS), "nameserver 127.77.1.2\nsearch corp.test\noptions ndots:5\n");
    }

    #[test]
    fn other_sources_before_files_and_dns_are_taken_out() {
        assert_eq!(nsswitch("passwd: files\nhosts: files dns myhostname\n"), None);
        assert_eq!(nsswitch("passwd: files\n"), None, "the C library's own order is files, dns");
        for order in ["dns files", "mymachines resolve [!UNAVAIL=return] files dns", "files resolve dns"] {
            let text = format!("passwd: files\nhosts: {order}\n");
            assert_eq!(nsswitch(&text).as_deref(), Some("passwd: files\nhosts: files dns\n"), "{order}");
        }
    }

    #[test]
    fn names_that_are_at_loopback_already_are_found() {
        let both = "127.0.0.1 localhost\n127.77.0.1 a.cloud.test\n127.77.0.1 b.cloud.test";
        assert_eq!(loopback_address(both, NAMES), Some(Ipv4Addr::new(127, 77, 0, 1)));
        for other in ["127.77.0.1 a.cloud.test", "192.0.2.1 a.cloud.test b.cloud.test", ""] {
            assert_eq!(loopback_address(other, NAMES), None, "{other}");
        }
    }
}

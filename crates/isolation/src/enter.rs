//! The child's half: a process that goes into its namespaces and becomes the command. It keeps its process id, so that its
//! group, terminal, signals and exit code are the command's.
//!
//! It must run before any thread is started: a process with threads can't enter a user namespace.

use crate::control::{receive, send};
use crate::files::{HOSTS, NSSWITCH, RESOLV, exists};
use crate::landlock::forbid_web_ports;
use crate::low_ports::LowPorts;
use crate::netlink::loopback_up;
use anyhow::{Context, bail, ensure};
use rustix::fs::Mode;
use rustix::mount::{MountPropagationFlags, mount_bind, mount_change};
use rustix::process::{
    DumpableBehavior, Gid, Signal, Uid, getgid, getuid, set_dumpable_behavior,
    set_parent_process_death_signal, umask,
};
use rustix::thread::{UnshareFlags, set_thread_gid, set_thread_groups, set_thread_uid};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// The first argument of a process that is to enter.
pub const COMMAND: &str = "__enter";
/// The command was not started: `timeout` and `docker run` say it so.
pub const NOT_STARTED: u8 = 125;
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;

/// Answers from outside the namespace, where it runs: nscd's socket.
const NSCD_SOCKETS: [&str; 2] = ["/run/nscd/socket", "/var/run/nscd/socket"];

/// Namespaces of a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Namespaces {
    /// Those that it is started in.
    #[default]
    Inherited,
    /// A mount namespace, so that files can be mounted.
    Mounts,
    /// A user namespace, and a mount namespace in it.
    UserMounts,
    /// The same with a network namespace, whose low ports of this address are bound and sent to the parent.
    UserMountsNetwork(Ipv4Addr),
}

/// What to enter, in the order of the arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The namespaces to make.
    pub namespaces: Namespaces,
    /// Where the parent waits: after the namespaces were made it is told, and answers once it has done its part.
    pub control: Option<PathBuf>,
    /// Whether the parent writes the maps of ids.
    pub mapped_by_parent: bool,
    /// Mounted over `/etc/hosts`.
    pub hosts: Option<PathBuf>,
    /// Mounted over `/etc/resolv.conf`.
    pub resolv: Option<PathBuf>,
    /// Mounted over `/etc/nsswitch.conf`.
    pub nsswitch: Option<PathBuf>,
    /// Forbids connections to the ports 443 and 80.
    pub landlock: bool,
    /// Whether the command ends with the process that started it, however that ends.
    pub ends_with_parent: bool,
    /// Whom to become, after what only root may do; the file holds the rest.
    pub identity: Option<PathBuf>,
    /// The arguments behind `--`: the command. Empty for a probe, which ends with success instead.
    pub command: Vec<OsString>,
}

/// The user that called `sudo`, as a file: ids, umask and environment, none of which `sudo` hands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
    /// The mask of file modes.
    pub umask: u32,
    /// Every variable.
    pub environment: Vec<(OsString, OsString)>,
}

impl Identity {
    /// Returns the file's bytes: numbers, then `name=value`, each ended by a NUL.
    pub fn to_bytes(&self) -> Vec<u8> {
        let groups: Vec<String> = self.groups.iter().map(u32::to_string).collect();
        let Self { uid, gid, umask, .. } = self;
        let mut bytes = format!("{uid}\0{gid}\0{umask}\0{}\0", groups.join(",")).into_bytes();
        for (name, value) in &self.environment {
            bytes.extend([name.as_bytes(), b"=", value.as_bytes(), b"\0"].concat());
        }
        bytes
    }

    /// Reads the file's bytes.
    ///
    /// # Errors
    /// When a number is missing.
    pub fn from_bytes(bytes: &[u8]) -> anyhow::Result<Self> {
        let mut parts = bytes.split(|byte| *byte == 0);
        let mut text =
            || parts.next().and_then(|part| std::str::from_utf8(part).ok()).context("the file is cut");
        let (uid, gid, umask, groups) = (text()?.parse()?, text()?.parse()?, text()?.parse()?, text()?);
        let groups = groups.split(',').filter(|group| !group.is_empty()).map(str::parse);
        let groups = groups.collect::<Result<_, _>>()?;
        let pair = |part: &[u8]| {
            // A name may begin with the sign.
            let at = part.iter().skip(1).position(|byte| *byte == b'=')? + 1;
            let (name, value) = part.split_at_checked(at)?;
            Some((OsString::from_vec(name.to_vec()), OsString::from_vec(value.get(1..)?.to_vec())))
        };
        Ok(Self { uid, gid, groups, umask, environment: parts.filter_map(pair).collect() })
    }
}

impl Entry {
    /// Returns the arguments that [`Entry::parse`] reads, [`COMMAND`] first.
    pub fn arguments(&self) -> Vec<OsString> {
        let mut words = vec![OsString::from(COMMAND)];
        match self.namespaces {
            Namespaces::Inherited => {}
            Namespaces::Mounts => words.push("--mounts".into()),
            Namespaces::UserMounts => words.push("--user".into()),
            Namespaces::UserMountsNetwork(address) => {
                words.extend(["--network".into(), address.to_string().into()]);
            }
        }
        let flags = [
            ("--mapped-by-parent", self.mapped_by_parent),
            ("--landlock", self.landlock),
            ("--ends-with-parent", self.ends_with_parent),
        ];
        words.extend(flags.iter().filter(|(_, is_set)| *is_set).map(|(flag, _)| (*flag).into()));
        let paths = [
            ("--control", &self.control),
            ("--hosts", &self.hosts),
            ("--resolv", &self.resolv),
            ("--nsswitch", &self.nsswitch),
            ("--identity", &self.identity),
        ];
        for (flag, path) in paths {
            words.extend(path.iter().flat_map(|path| [flag.into(), path.clone().into_os_string()]));
        }
        words.push("--".into());
        words.extend(self.command.iter().cloned());
        words
    }

    /// Reads the arguments behind [`COMMAND`].
    ///
    /// # Errors
    /// When one is not known: only a parent of the same version calls this.
    pub fn parse(mut words: impl Iterator<Item = OsString>) -> anyhow::Result<Self> {
        let mut entry = Self::default();
        while let Some(word) = words.next() {
            let mut path = || words.next().map(PathBuf::from).context("a path is missing");
            match word.to_str() {
                Some("--mounts") => entry.namespaces = Namespaces::Mounts,
                Some("--user") => entry.namespaces = Namespaces::UserMounts,
                Some("--mapped-by-parent") => entry.mapped_by_parent = true,
                Some("--landlock") => entry.landlock = true,
                Some("--ends-with-parent") => entry.ends_with_parent = true,
                Some("--network") => {
                    let address = path()?.to_string_lossy().parse()?;
                    entry.namespaces = Namespaces::UserMountsNetwork(address);
                }
                Some("--control") => entry.control = Some(path()?),
                Some("--hosts") => entry.hosts = Some(path()?),
                Some("--resolv") => entry.resolv = Some(path()?),
                Some("--nsswitch") => entry.nsswitch = Some(path()?),
                Some("--identity") => entry.identity = Some(path()?),
                Some("--") => {
                    entry.command = words.collect();
                    return Ok(entry);
                }
                _ => bail!("`{}` is an inner part of `portraitd run`", word.display()),
            }
        }
        bail!("`--` is missing")
    }

    /// Enters, in the one thread of this process.
    fn enter(&self) -> anyhow::Result<Option<Identity>> {
        if self.namespaces != Namespaces::Inherited {
            self.unshare()?;
            let ports = match self.namespaces {
                Namespaces::UserMountsNetwork(address) => Some(bind_inside(address)?),
                _ => None,
            };
            self.meet_parent(ports.as_ref())?;
            mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)
                .context("can't keep mounts to the namespace")?;
            self.mount()?;
        }
        if self.landlock {
            forbid_web_ports()?;
        }
        if self.ends_with_parent {
            set_parent_process_death_signal(Some(Signal::TERM))?;
        }
        self.identity.as_deref().map(become_user).transpose()
    }

    fn unshare(&self) -> anyhow::Result<()> {
        let (uid, gid) = (getuid().as_raw(), getgid().as_raw());
        let mut flags = UnshareFlags::NEWNS;
        let makes_user = self.namespaces != Namespaces::Mounts;
        flags.set(UnshareFlags::NEWUSER, makes_user);
        flags.set(UnshareFlags::NEWNET, matches!(self.namespaces, Namespaces::UserMountsNetwork(_)));
        #[expect(deprecated, reason = "unsafe only with FILES, and in a process with threads")]
        let unshared = rustix::thread::unshare(flags);
        unshared.context(if makes_user { "no user namespace" } else { "no mount namespace" })?;
        if makes_user && !self.mapped_by_parent {
            // The files below belong to root while a process can't be dumped, as one with file capabilities can't.
            set_dumpable_behavior(DumpableBehavior::Dumpable).context("can't be made dumpable")?;
            let write = |file: &str, text: &str| {
                fs::write(format!("/proc/self/{file}"), text).with_context(|| format!("can't write {file}"))
            };
            write("setgroups", "deny")?;
            write("uid_map", &format!("{uid} {uid} 1"))?;
            write("gid_map", &format!("{gid} {gid} 1"))?;
        }
        Ok(())
    }

    /// Tells the parent that the namespaces are there, and waits until it has done its part.
    fn meet_parent(&self, ports: Option<&LowPorts>) -> anyhow::Result<()> {
        let Some(control) = &self.control else { return Ok(()) };
        let parent = UnixStream::connect(control).context("the parent is gone")?;
        send(&parent, *b"U", &ports.map(LowPorts::sockets).unwrap_or_default())?;
        receive(&parent).map(drop).context("the parent could not do its part")
    }

    fn mount(&self) -> anyhow::Result<()> {
        let files = [(&self.hosts, HOSTS), (&self.resolv, RESOLV), (&self.nsswitch, NSSWITCH)];
        for (file, target) in files {
            let Some(file) = file else { continue };
            mount_bind(file, target).with_context(|| format!("can't mount over {target}"))?;
        }
        for socket in NSCD_SOCKETS.into_iter().filter(|socket| exists(socket)) {
            // The second is often the first behind a link.
            mount_bind("/dev/null", socket).with_context(|| format!("can't mount over {socket}"))?;
        }
        self.hosts.as_deref().map_or(Ok(()), |file| {
            let is_there = fs::read(HOSTS).ok() == fs::read(file).ok();
            ensure!(is_there, "{HOSTS} shows something else after the mount");
            Ok(())
        })
    }
}

/// Binds the low ports in the network namespace that this process has just made.
fn bind_inside(address: Ipv4Addr) -> anyhow::Result<LowPorts> {
    loopback_up()?;
    LowPorts::bind(address).context("can't bind the ports in the network namespace")
}

/// Becomes the user in the file, which is removed: it holds an environment.
fn become_user(file: &Path) -> anyhow::Result<Identity> {
    let bytes = fs::read(file).with_context(|| format!("can't read {}", file.display()))?;
    fs::remove_file(file)?;
    let identity = Identity::from_bytes(&bytes)?;
    let groups: Vec<Gid> = identity.groups.iter().map(|group| Gid::from_raw(*group)).collect();
    // The groups first: without root's rights they can't be set.
    set_thread_groups(&groups).context("can't set the groups")?;
    set_thread_gid(Gid::from_raw(identity.gid)).context("can't set the group")?;
    set_thread_uid(Uid::from_raw(identity.uid)).context("can't set the user")?;
    umask(Mode::from_raw_mode(identity.umask));
    Ok(identity)
}

/// Enters and becomes the command; returns only when that failed: 125 when it could not enter, 126 and 127 when the
/// command could not be started.
pub fn run(words: impl Iterator<Item = OsString>) -> ExitCode {
    let entered = Entry::parse(words).and_then(|entry| Ok((entry.enter()?, entry.command)));
    let (identity, command) = match entered {
        Ok(entered) => entered,
        Err(error) => {
            eprintln!("{error:#}");
            return ExitCode::from(NOT_STARTED);
        }
    };
    let Some((program, arguments)) = command.split_first() else { return ExitCode::SUCCESS };
    let mut command = Command::new(program);
    command.args(arguments);
    if let Some(identity) = identity {
        command.env_clear().envs(identity.environment);
    }
    let error = command.exec();
    eprintln!("error: can't run {}: {error}", OsStr::new(program).display());
    ExitCode::from(if error.kind() == ErrorKind::NotFound { NOT_FOUND } else { NOT_EXECUTABLE })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_read_back() {
        let entry = Entry {
            namespaces: Namespaces::UserMountsNetwork(Ipv4Addr::new(127, 77, 1, 2)),
            control: Some("/c".into()),
            mapped_by_parent: true,
            hosts: Some("/h".into()),
            resolv: Some("/r".into()),
            nsswitch: Some("/n".into()),
            landlock: true,
            ends_with_parent: true,
            identity: Some("/i".into()),
            command: vec!["sh".into(), "-c".into(), "--".into()],
        };
        let mut words = entry.arguments().into_iter();
        assert_eq!(words.next().unwrap(), COMMAND);
        assert_eq!(Entry::parse(words).unwrap(), entry);
        for namespaces in [Namespaces::Inherited, Namespaces::Mounts, Namespaces::UserMounts] {
            let entry = Entry { namespaces, ..Entry::default() };
            assert_eq!(Entry::parse(entry.arguments().into_iter().skip(1)).unwrap(), entry);
        }
        for bad in [vec![], vec!["--mounts"], vec!["--what", "--"], vec!["--hosts"]] {
            assert!(Entry::parse(bad.into_iter().map(OsString::from)).is_err());
        }
    }

    #[test]
    fn an_identity_reads_back() {
        let environment = vec![("A".into(), "b=c\nd".into()), ("=odd".into(), OsString::new())];
        let identity = Identity { uid: 1000, gid: 100, groups: vec![4, 27], umask: 0o027, environment };
        assert_eq!(Identity::from_bytes(&identity.to_bytes()).unwrap(), identity);
        assert!(Identity::from_bytes(b"1000\0").is_err());
    }
}

//! The parent's half: chooses a method by trying each in a process of its own, and prepares the command.

use crate::address::{self, candidates, has_sudo};
use crate::control::{receive, send};
use crate::enter::{Entry, Identity, Namespaces};
use crate::files::{HOSTS, PrivateFiles, RESOLV, loopback_address};
use crate::hosts_edit::{HostsEdit, is_container, without_blocks};
use crate::low_ports::{LowPorts, last_words};
pub use crate::method::Method;
use crate::names::Names;
use crate::pasta::{self, Pasta};
use crate::watch::{Layer, Watch};
use anyhow::{Context, bail, ensure};
use rustix::net::sockopt::socket_peercred;
use rustix::process::{getegid, geteuid, getgroups, umask};
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::Ipv4Addr;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// For a child to make its namespaces.
const CHILD_TIMEOUT: Duration = Duration::from_secs(10);
const ACCEPT_PERIOD: Duration = Duration::from_millis(2);

/// How much isolation is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Wish {
    /// The best that there is, down to Landlock.
    #[default]
    Auto,
    /// Names are led by hosts file and DNS, or nothing runs.
    Require,
    /// Nothing but this machine can be reached.
    Offline,
}

/// What to isolate from, and what may be used for it.
#[derive(Clone, Debug)]
pub struct Options {
    /// The names to lead away.
    pub names: Names,
    /// How much isolation is asked for.
    pub wish: Wish,
    /// Picks the address.
    pub seed: u64,
    /// Whether `sudo -n` may be used.
    pub sudo: bool,
    /// Whether `sudo -n` is used before user namespaces: in CI, where the command's own `sudo` must go on working.
    pub sudo_first: bool,
    /// Whether the hosts file of a machine that is no container may be edited.
    pub edit_hosts: bool,
}

/// A method that works, with what it needs.
#[derive(Debug)]
pub struct Isolation {
    /// How the command is isolated.
    pub method: Method,
    /// Where the names are for the command; `None` when no lookup leads anywhere.
    pub address: Option<Ipv4Addr>,
    /// Whether a DNS server answers for the names that no hosts file can list.
    pub has_dns: bool,
    /// Better methods, each with the reason why it does not work here.
    pub rejected: Vec<(Method, String)>,
    ports: Option<LowPorts>,
    files: Option<PrivateFiles>,
    control: Option<UnixListener>,
    pasta: Option<Pasta>,
    edit: Option<HostsEdit>,
}

/// No method works.
#[derive(Debug)]
pub struct Refused {
    /// Each method that was tried, with its reason.
    pub reasons: Vec<(Method, String)>,
}

impl Isolation {
    /// Chooses the best method that works. It tries each in a process of its own, since the kernel may refuse half-way.
    ///
    /// # Errors
    /// When none works, with the reason for each.
    pub fn choose(options: &Options) -> Result<Self, Refused> {
        let sudo = options.sudo && has_sudo();
        let methods = methods(options, sudo);
        let ports = if methods.iter().any(|method| method.binds_outside()) {
            address::bind(options.seed, sudo).map_err(|error| format!("{error:#}"))
        } else {
            Err("no method needs them".to_owned())
        };
        let (mut rejected, mut seed) = (Vec::new(), options.seed);
        let chosen = methods.into_iter().find_map(|method| {
            // Each has a directory of its own.
            seed = seed.wrapping_add(1);
            let attempt = Self::attempt(method, options, seed, &ports);
            match attempt.and_then(|isolation| isolation.probe().map(|()| isolation)) {
                Ok(isolation) => Some(isolation),
                Err(error) => {
                    rejected.push((method, format!("{error:#}")));
                    None
                }
            }
        });
        let Some(mut isolation) = chosen else { return Err(Refused { reasons: rejected }) };
        if isolation.ports.is_none() && isolation.method.binds_outside() {
            isolation.ports = ports.ok();
        }
        isolation.rejected = rejected;
        Ok(isolation)
    }

    /// Prepares a method; what it needs of the machine is not tried yet.
    fn attempt(
        method: Method,
        options: &Options,
        seed: u64,
        ports: &Result<LowPorts, String>,
    ) -> anyhow::Result<Self> {
        let mut isolation = Self {
            method,
            address: None,
            has_dns: false,
            rejected: Vec::new(),
            ports: None,
            files: None,
            control: None,
            pasta: None,
            edit: None,
        };
        let outside = || ports.as_ref().map_err(|reason| anyhow::Error::msg(reason.clone()));
        let (address, has_dns) = match method {
            Method::Landlock => return Ok(isolation),
            Method::KnownHosts => {
                let hosts = without_blocks(&fs::read_to_string(HOSTS)?);
                let known = loopback_address(&hosts, options.names);
                let known = known.context("/etc/hosts has none of the names, or not all")?;
                isolation.ports = Some(address::bind_at(known, options.sudo)?);
                (known, false)
            }
            Method::EditedHosts => {
                let address = outside()?.address;
                isolation.edit = Some(HostsEdit::make(options.names, address)?);
                (address, false)
            }
            Method::Pasta { .. } => {
                ensure!(pasta::is_installed(), "pasta is not installed (package passt)");
                (candidates(options.seed).next().context("no address")?, true)
            }
            Method::Mounts | Method::UserMounts { .. } | Method::Sudo => {
                let ports = outside()?;
                (ports.address, ports.dns.is_some())
            }
        };
        if options.wish == Wish::Require {
            ensure!(has_dns, "it has no DNS layer, and names that no hosts file lists would leave");
        }
        (isolation.address, isolation.has_dns) = (Some(address), has_dns);
        if method.mounts_files() {
            let files = PrivateFiles::write(options.names, address, has_dns, seed)?;
            if method.needs_parent() {
                let control = UnixListener::bind(files.directory.path().join(CONTROL));
                let control = control.context("can't listen for the child")?;
                control.set_nonblocking(true)?;
                isolation.control = Some(control);
            }
            isolation.files = Some(files);
        }
        Ok(isolation)
    }

    /// Tries the method on a process that ends once it has entered.
    fn probe(&self) -> anyhow::Result<()> {
        if !self.method.mounts_files() && self.method != Method::Landlock {
            return Ok(());
        }
        self.hand_over(std::iter::empty())?;
        let mut command = self.command(&[])?;
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        if let Err(error) = self.meet(child.id(), None, &mut || Ok(child.try_wait()?.is_some())) {
            // A child that has ended said why; one that waits is not needed any more.
            let _ = child.kill();
            let said = last_words(child)?;
            return Err(error.context(said));
        }
        let output = child.wait_with_output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}", said.trim());
        Ok(())
    }

    /// Returns the process that enters and becomes the command; its environment, directory and streams are the caller's to
    /// set. Without words it ends once it has entered.
    ///
    /// # Errors
    /// When this program's own file is not known, or a file for `sudo` can't be written.
    pub fn command(&self, words: &[OsString]) -> anyhow::Result<Command> {
        let path = |name: &str| self.files.as_ref().map(|files| files.directory.path().join(name));
        let files = self.files.as_ref();
        let is_sudo = self.method == Method::Sudo;
        let entry = Entry {
            namespaces: self.namespaces(),
            control: path(CONTROL).filter(|_| self.method.needs_parent()),
            mapped_by_parent: self.method == Method::UserMounts { all_ids: true },
            hosts: files.map(|files| files.hosts.clone()),
            resolv: files.and_then(|files| files.resolv.clone()),
            nsswitch: files.and_then(|files| files.nsswitch.clone()),
            landlock: self.method == Method::Landlock,
            ends_with_parent: false,
            identity: path(IDENTITY).filter(|_| is_sudo),
            command: words.to_vec(),
        };
        let enters = self.method.mounts_files() || self.method == Method::Landlock;
        if let (false, Some((program, arguments))) = (enters, words.split_first()) {
            let mut command = Command::new(program);
            command.args(arguments);
            return Ok(command);
        }
        let program = std::env::current_exe().context("this program's file is not known")?;
        let mut command = Command::new(if is_sudo { Path::new("sudo") } else { &program });
        if is_sudo {
            command.args(["-n", "--"]).arg(&program);
        }
        command.args(entry.arguments());
        Ok(command)
    }

    fn namespaces(&self) -> Namespaces {
        match (self.method, self.address) {
            (Method::Mounts | Method::Sudo, _) => Namespaces::Mounts,
            (Method::UserMounts { .. }, _) => Namespaces::UserMounts,
            (Method::Pasta { .. }, Some(address)) => Namespaces::UserMountsNetwork(address),
            _ => Namespaces::Inherited,
        }
    }

    /// Writes what `sudo` does not hand on: this user and the command's environment. Call it right before the command is
    /// started; the command's process removes the file. Does nothing for other methods.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn hand_over(&self, environment: impl Iterator<Item = (OsString, OsString)>) -> anyhow::Result<()> {
        let Some(files) = self.files.as_ref().filter(|_| self.method == Method::Sudo) else { return Ok(()) };
        let mask = umask(rustix::fs::Mode::empty());
        umask(mask);
        let identity = Identity {
            uid: geteuid().as_raw(),
            gid: getegid().as_raw(),
            groups: getgroups()?.iter().map(|group| group.as_raw()).collect(),
            umask: mask.as_raw_mode(),
            environment: environment.collect(),
        };
        let path = files.directory.path().join(IDENTITY);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let mut file = file.with_context(|| format!("can't write {}", path.display()))?;
        Ok(file.write_all(&identity.to_bytes())?)
    }

    /// Does the parent's part in the namespaces of a child that was started, and takes the ports: those of this process, or
    /// those that the child bound in its own network. `start` is called before the child goes on, with the ports. Returns the
    /// process that becomes the command: the child, or the one that `sudo` started.
    ///
    /// # Errors
    /// When the child ended, or did not come within 10 s.
    pub fn attach(
        &mut self,
        child: u32,
        has_ended: &mut dyn FnMut() -> anyhow::Result<bool>,
        start: &mut dyn FnMut(LowPorts) -> anyhow::Result<()>,
    ) -> anyhow::Result<u32> {
        if let Some(ports) = self.ports.take() {
            start(ports)?;
        }
        let (process, pasta) = self.meet(child, Some(start), has_ended)?;
        self.pasta = pasta;
        Ok(process)
    }

    fn meet(
        &self,
        child: u32,
        start: Option<&mut dyn FnMut(LowPorts) -> anyhow::Result<()>>,
        has_ended: &mut dyn FnMut() -> anyhow::Result<bool>,
    ) -> anyhow::Result<(u32, Option<Pasta>)> {
        let Some(control) = &self.control else { return Ok((child, None)) };
        let began = Instant::now();
        let stream = loop {
            match control.accept() {
                Ok((stream, _)) => break stream,
                Err(_) if has_ended()? => bail!("the command's process ended before it had entered"),
                Err(_) if began.elapsed() > CHILD_TIMEOUT => {
                    bail!("the command's process did not enter within 10 s")
                }
                Err(_) => sleep(ACCEPT_PERIOD),
            }
        };
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(CHILD_TIMEOUT))?;
        let (_, sockets) = receive(&stream)?;
        let process = socket_peercred(&stream)?.pid.as_raw_nonzero().get().cast_unsigned();
        let mut pasta = None;
        if self.method == (Method::UserMounts { all_ids: true }) {
            for map in ["uid_map", "gid_map"] {
                let path = format!("/proc/{child}/{map}");
                fs::write(path, format!("0 0 {}", u32::MAX)).with_context(|| format!("can't write {map}"))?;
            }
        }
        if let Method::Pasta { offline } = self.method {
            let directory = self.files.as_ref().context("no files")?.directory.path();
            pasta = Some(Pasta::attach(child, offline, directory)?);
            let ports = LowPorts::from_sockets(self.address.context("no address")?, sockets)?;
            // A probe has no use for them.
            start.map_or(Ok(()), |start| start(ports))?;
        }
        send(&stream, *b"G", &[])?;
        Ok((process, pasta))
    }

    /// Watches the private files of the process that becomes the command; `None` when there are none.
    pub fn watch(&self, process: u32) -> Option<Watch> {
        let files = self.files.as_ref()?;
        let hosts = Layer { target: HOSTS, file: files.hosts.clone() };
        let dns = files.resolv.clone().map(|file| Layer { target: RESOLV, file });
        Some(Watch::start(process, [hosts].into_iter().chain(dns).collect()))
    }
}

/// The names of files in the private directory.
const CONTROL: &str = "control";
const IDENTITY: &str = "identity";

/// The methods to try, best first.
fn methods(options: &Options, sudo: bool) -> Vec<Method> {
    if options.wish == Wish::Offline {
        return vec![Method::Pasta { offline: true }];
    }
    let mut methods = vec![Method::Mounts];
    if sudo && options.sudo_first {
        methods.push(Method::Sudo);
    }
    if geteuid().is_root() {
        methods.push(Method::UserMounts { all_ids: true });
    }
    methods.push(Method::UserMounts { all_ids: false });
    if sudo && !options.sudo_first {
        methods.push(Method::Sudo);
    }
    // After those with a DNS server: names that no file lists would leave.
    methods.push(Method::KnownHosts);
    if options.edit_hosts || is_container() {
        methods.push(Method::EditedHosts);
    }
    methods.push(Method::Pasta { offline: false });
    if options.wish == Wish::Auto {
        methods.push(Method::Landlock);
    }
    methods
}

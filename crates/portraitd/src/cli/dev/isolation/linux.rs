//! Isolation on Linux, as the crate `isolation` does it.

use super::args::{Args, EditHosts, Isolate};
use super::relay;
use super::remedy;
use crate::cli::output::note;
use portraitd_api::cloud_names::{CLOUD_DOMAINS, CLOUD_NAMES};
use portraitd_isolation::dns::{self, Zone};
use portraitd_isolation::isolate::{Isolation, Options, Refused, Wish};
use portraitd_isolation::low_ports::LowPorts;
use portraitd_isolation::names::Names;
use portraitd_model::Language;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;

const NAMES: Names = Names { listed: &CLOUD_NAMES, domains: &CLOUD_DOMAINS };

/// A method that was chosen, while its command runs.
pub(crate) struct Isolated {
    isolation: Isolation,
    require: bool,
    language: Language,
    /// Relays and the DNS server; they end when this is dropped.
    servers: JoinSet<()>,
}

/// Chooses a method, and says which on standard error; `None` when proxy variables are enough. To be called before any
/// thread runs calls: the methods are tried one after the other, each in a process of its own.
pub(crate) fn choose(args: &Args, seed: u64, language: Language) -> anyhow::Result<Option<Isolated>> {
    let wish = match args.isolate {
        Isolate::Proxy => return Ok(None),
        Isolate::Auto => Wish::Auto,
        Isolate::Require => Wish::Require,
        Isolate::Offline => Wish::Offline,
    };
    let in_ci = std::env::var_os("CI").is_some_and(|value| value == "true" || value == "1");
    let options = Options {
        names: NAMES,
        wish,
        seed,
        sudo: args.sudo || in_ci,
        sudo_first: in_ci,
        edit_hosts: args.isolate_hosts == Some(EditHosts::Edit),
    };
    let isolation = Isolation::choose(&options).map_err(|Refused { reasons }| {
        let reasons: Vec<_> = reasons.into_iter().map(|(method, why)| (method.to_string(), why)).collect();
        anyhow::Error::msg(remedy::refusal(&reasons, args.isolate, language))
    })?;
    for (method, why) in &isolation.rejected {
        tracing::debug!(%method, why, "a better isolation does not work here");
    }
    let address = isolation.address.map(|address| address.to_string());
    let line =
        remedy::announcement(address.as_deref(), &isolation.method.to_string(), isolation.has_dns, language);
    note(format_args!("portraitd: {line}"));
    let require = args.isolate == Isolate::Require;
    Ok(Some(Isolated { isolation, require, language, servers: JoinSet::new() }))
}

impl Isolated {
    /// Returns whether the command's lookups lead to the emulator, so that it needs no proxy.
    pub(crate) fn leads_names(&self) -> bool {
        self.isolation.method.leads_names()
    }

    /// Returns the process that becomes the command, with these variables added to its environment.
    pub(crate) fn command(
        &self,
        words: &[OsString],
        variables: &[(&'static str, String)],
    ) -> anyhow::Result<Command> {
        let mut command = self.isolation.command(words)?;
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        let added = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let is_added = |name: &OsString| variables.iter().any(|(added, _)| name == *added);
        let inherited = std::env::vars_os().filter(|(name, _)| !is_added(name));
        self.isolation.hand_over(inherited.chain(added))?;
        Ok(command)
    }

    /// Does the parent's part for a child that was started, and serves the address: its port 80 is the emulator's first
    /// address, its port 443 the second. Returns the process that becomes the command, which under `sudo` is another one.
    pub(crate) fn attach(
        &mut self,
        child: u32,
        has_ended: &mut dyn FnMut() -> anyhow::Result<bool>,
        emulator: (SocketAddr, SocketAddr),
    ) -> anyhow::Result<u32> {
        let servers = &mut self.servers;
        self.isolation.attach(child, has_ended, &mut |ports| serve(servers, ports, emulator))
    }

    /// Waits until the isolation of a command does not hold any more; a layer that is lost while another holds is said on
    /// standard error. Waits for ever where it can't be watched.
    pub(crate) async fn lost(&self, process: u32) {
        let Some(mut watch) = self.isolation.watch(process) else {
            return std::future::pending::<()>().await;
        };
        let mut left = 1 + usize::from(self.isolation.has_dns);
        while let Some(layer) = watch.lost.recv().await {
            left -= 1;
            note(format_args!("portraitd: {}", remedy::lost(layer.target, left > 0, self.language)));
            if left == 0 || self.require {
                return;
            }
        }
        std::future::pending::<()>().await;
    }
}

fn serve(
    servers: &mut JoinSet<()>,
    ports: LowPorts,
    (http, https): (SocketAddr, SocketAddr),
) -> anyhow::Result<()> {
    for (listener, to) in [(ports.https, https), (ports.http, http)] {
        listener.set_nonblocking(true)?;
        servers.spawn(relay::serve(TcpListener::from_std(listener)?, to));
    }
    let Some((udp, tcp)) = ports.dns else { return Ok(()) };
    udp.set_nonblocking(true)?;
    tcp.set_nonblocking(true)?;
    let (udp, tcp) = (UdpSocket::from_std(udp)?, TcpListener::from_std(tcp)?);
    let zone = Zone { names: NAMES, address: ports.address, resolvers: PathBuf::from("/etc/resolv.conf") };
    servers.spawn(dns::serve(udp, tcp, zone));
    Ok(())
}

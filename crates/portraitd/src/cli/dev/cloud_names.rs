//! HTTPS and the proxy of an emulator, with which clients reach it under the cloud's host names: the options of `dev` and
//! `run`, the certificates and the running proxy.

use super::listen_address::listen_address;
use crate::server::{Server, ServerTls};
use anyhow::Context;
use portraitd_emulator::certificates::directory::Directory;
use portraitd_emulator::certificates::parse_name;
use portraitd_emulator::certificates::resolver::CertificateResolver;
use portraitd_emulator::emulator::Emulator;
use portraitd_emulator::proxy;
use portraitd_emulator::proxy::ProxyConfig;
use portraitd_emulator::proxy::target::OtherHosts;
use portraitd_http::address::{Address, Addresses};
use portraitd_http::socket::bind;
use portraitd_http::tls::Tls;
use portraitd_model::Language;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "The cloud's host names")]
#[group(skip)]
pub(super) struct CloudArgs {
    /// Also serve HTTPS, for the cloud's names and this machine's (portraitd cert shows how to trust it);
    /// without ADDRESS at 127.0.0.1:8443
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "127.0.0.1:8443", value_parser = listen_address)]
    tls: Option<SocketAddr>,
    /// Also serve an HTTP proxy that answers the cloud's names itself; without ADDRESS at 127.0.0.1:8888
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "127.0.0.1:8888", value_parser = listen_address)]
    pub(super) proxy: Option<SocketAddr>,
    /// What the proxy does with other hosts than the cloud's
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    proxy_others: OtherHosts,
    #[command(flatten)]
    certificates: CertificateArgs,
}

/// The option for the directory of certificates.
#[derive(Debug, clap::Args)]
pub(super) struct CertificateArgs {
    /// The directory of the authority and the certificate [default: ~/.local/share/portraitd]
    #[arg(long, value_name = "DIR", env = "PORTRAITD_CERTIFICATES")]
    certificates: Option<PathBuf>,
}

impl CertificateArgs {
    /// Returns the directory; nothing is read yet.
    pub(super) fn directory(&self) -> anyhow::Result<Directory> {
        let path = self.certificates.clone().map_or_else(Directory::default_path, Ok)?;
        // The printed paths are used from other directories too.
        Ok(Directory::new(std::path::absolute(path)?))
    }
}

/// The emulator's certificates, when a port needs them, and the names in them other than the cloud's.
pub(super) struct EmulatorCertificates {
    certificates: Option<Directory>,
    names: Vec<String>,
}

/// A running proxy.
pub(super) struct RunningProxy {
    address: SocketAddr,
    /// Cancels the proxy when dropped.
    stop: DropGuard,
    serving: JoinHandle<()>,
}

impl CloudArgs {
    /// Creates missing certificates, when a port needs them. Each name of `--allow-host` is in the certificate.
    pub(super) fn prepare(&self, allow_host: &[String]) -> anyhow::Result<EmulatorCertificates> {
        if self.tls.is_none() && self.proxy.is_none() {
            return Ok(EmulatorCertificates { certificates: None, names: Vec::new() });
        }
        let names = allow_host.iter().map(|name| parse_name(name)).collect::<anyhow::Result<Vec<_>>>()?;
        let directory = self.certificates.directory()?;
        directory.prepare(&names, crate::cli::runtime::now())?;
        Ok(EmulatorCertificates { certificates: Some(directory), names })
    }

    /// Returns the addresses of the public API: HTTP, and HTTPS when `--tls` or `--proxy` is set. Without `--tls`, the
    /// proxy's HTTPS port is a free one.
    pub(super) fn listen(&self, plain: SocketAddr) -> Addresses {
        let any_port = self.proxy.map(|_| SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let secure = self.tls.or(any_port).map(|socket| Address::Tcp { socket, tls: Some(true) });
        let plain = Address::Tcp { socket: plain, tls: Some(false) };
        Addresses::new([plain].into_iter().chain(secure).collect())
    }

    /// Starts the proxy of a server that listens already.
    pub(super) async fn open_proxy(
        &self,
        prepared: &EmulatorCertificates,
        server: &Server,
        emulator: Arc<Emulator>,
        language: Language,
    ) -> anyhow::Result<Option<RunningProxy>> {
        let Some(address) = self.proxy else { return Ok(None) };
        let (plain, tls) = server
            .socket("http")
            .zip(server.socket("https"))
            .context("the server has no HTTP or HTTPS port for the proxy")?;
        let listener = bind(address).await?;
        let address = listener.local_addr()?;
        if self.proxy_others == OtherHosts::Pass && !address.ip().is_loopback() {
            tracing::warn!(
                "every client that can reach {address} can connect to any host through this machine, because of --proxy-others pass"
            );
        }
        let config = ProxyConfig {
            plain: reachable(plain),
            tls: reachable(tls),
            names: prepared.names.clone(),
            others: self.proxy_others,
            language,
            emulator,
        };
        let stop = CancellationToken::new();
        let serving = tokio::spawn(proxy::serve(listener, config, stop.clone()));
        Ok(Some(RunningProxy { address, stop: stop.drop_guard(), serving }))
    }
}

impl EmulatorCertificates {
    /// Returns the TLS settings of the HTTPS port.
    pub(super) fn server_tls(&self) -> anyhow::Result<ServerTls> {
        let Some(directory) = &self.certificates else { return Ok(ServerTls::default()) };
        let tls = Tls::new(Arc::new(CertificateResolver::load(directory)?))?;
        Ok(ServerTls { public: Some(tls), ..ServerTls::default() })
    }

    pub(super) fn directory(&self) -> Option<PathBuf> {
        self.certificates.as_ref().map(|directory| directory.path().to_owned())
    }
}

impl RunningProxy {
    pub(super) fn url(&self) -> String {
        format!("http://{}", reachable(self.address))
    }

    /// Stops the proxy and closes its tunnels.
    pub(super) async fn stop(self) {
        drop(self.stop);
        if let Err(error) = self.serving.await {
            tracing::error!(%error, "the proxy's task failed");
        }
    }
}

/// Returns the address at which this machine reaches a listener. No client can connect to `0.0.0.0` or `[::]`.
pub(super) fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    address
}

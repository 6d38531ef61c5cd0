//! Being the cloud: the options of `dev` and `run` that serve its names, and what comes of them.

use crate::server::{Server, ServerTls};
use anyhow::Context;
use portraitd_emulator::certificates::directory::Directory;
use portraitd_emulator::certificates::parse_name;
use portraitd_emulator::certificates::resolver::ShownCertificate;
use portraitd_emulator::proxy;
use portraitd_emulator::proxy::ProxyConfig;
use portraitd_emulator::proxy::target::Others;
use portraitd_http::address::{Address, Addresses};
use portraitd_http::socket::bind;
use portraitd_http::tls::Tls;
use portraitd_model::Language;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinHandle;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Be the cloud")]
#[group(skip)]
pub(super) struct Args {
    /// Serve HTTPS as well, for the cloud's names and this machine's (portraitd cert says how to trust it);
    /// 127.0.0.1:8443 unless said otherwise
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "127.0.0.1:8443")]
    tls: Option<SocketAddr>,
    /// Be an HTTP proxy that answers the cloud's names itself; 127.0.0.1:8888 unless said otherwise
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "127.0.0.1:8888")]
    proxy: Option<SocketAddr>,
    /// What the proxy does with names that are not the cloud's
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    proxy_others: Others,
    #[command(flatten)]
    certificates: CertificateArgs,
}

/// Where certificates are kept.
#[derive(Debug, clap::Args)]
pub(super) struct CertificateArgs {
    /// Keep the authority and the certificate here [default: ~/.local/share/portraitd]
    #[arg(long, value_name = "DIR", env = "PORTRAITD_CERTIFICATES")]
    certificates: Option<PathBuf>,
}

impl CertificateArgs {
    /// The directory, not yet looked into.
    pub(super) fn directory(&self) -> anyhow::Result<Directory> {
        let path = self.certificates.clone().map_or_else(Directory::default_path, Ok)?;
        // What is printed is used from other directories too.
        Ok(Directory::new(std::path::absolute(path)?))
    }
}

/// The emulator's certificates, where its ports need any, and the names in them besides the cloud's.
pub(super) struct Prepared {
    certificates: Option<Directory>,
    names: Vec<String>,
}

/// The proxy while it serves.
pub(super) struct Proxy {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Args {
    /// Makes the certificates where they are needed and missing. Each name that is let in (`--allow-host`) is in the
    /// certificate.
    pub(super) fn prepare(&self, allow_host: &[String]) -> anyhow::Result<Prepared> {
        if self.tls.is_none() && self.proxy.is_none() {
            return Ok(Prepared { certificates: None, names: Vec::new() });
        }
        let names = allow_host.iter().map(|name| parse_name(name)).collect::<anyhow::Result<Vec<_>>>()?;
        let directory = self.certificates.directory()?;
        directory.prepare(&names, crate::cli::runtime::now())?;
        Ok(Prepared { certificates: Some(directory), names })
    }

    /// Where the public API listens: plain, and beside it with TLS. The proxy needs TLS too, on a free port unless one
    /// was asked for.
    pub(super) fn listen(&self, plain: SocketAddr) -> Addresses {
        let any_port = self.proxy.map(|_| SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let secure = self.tls.or(any_port).map(|socket| Address::Tcp { socket, tls: Some(true) });
        let plain = Address::Tcp { socket: plain, tls: Some(false) };
        Addresses::new([plain].into_iter().chain(secure).collect())
    }

    /// The proxy in front of a server that listens.
    pub(super) async fn open_proxy(
        &self,
        prepared: &Prepared,
        server: &Server,
        language: Language,
    ) -> anyhow::Result<Option<Proxy>> {
        let Some(address) = self.proxy else { return Ok(None) };
        let (plain, tls) =
            server.socket("http").zip(server.socket("https")).context("no ports for the proxy")?;
        let listener = bind(address).await?;
        let address = listener.local_addr()?;
        if self.proxy_others == Others::Pass && !address.ip().is_loopback() {
            tracing::warn!(
                "whoever reaches {address} can go anywhere from this machine: --proxy-others pass"
            );
        }
        let config = ProxyConfig {
            plain: here(plain),
            tls: here(tls),
            names: prepared.names.clone(),
            others: self.proxy_others,
            language,
        };
        let (stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(proxy::serve(listener, config, stopped));
        Ok(Some(Proxy { address, stop, serving }))
    }
}

impl Prepared {
    /// How the HTTPS port speaks TLS.
    pub(super) fn server_tls(&self) -> anyhow::Result<ServerTls> {
        let Some(directory) = &self.certificates else { return Ok(ServerTls::default()) };
        let tls = Tls::new(Arc::new(ShownCertificate::load(directory)?))?;
        Ok(ServerTls { public: Some(tls), ..ServerTls::default() })
    }

    pub(super) fn directory(&self) -> Option<PathBuf> {
        self.certificates.as_ref().map(|directory| directory.path().to_owned())
    }
}

impl Proxy {
    pub(super) fn url(&self) -> String {
        format!("http://{}", here(self.address))
    }

    /// Ends it, tunnels and all.
    pub(super) async fn stop(self) {
        // Without a receiver it has ended already.
        let _ = self.stop.send(true);
        if let Err(error) = self.serving.await {
            tracing::error!(%error, "the proxy ended badly");
        }
    }
}

/// How this machine reaches an address; `0.0.0.0` and `[::]` stand for every address, and are none to connect to.
pub(super) fn here(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    address
}

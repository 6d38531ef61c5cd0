//! The open sockets of a server's listeners.

use crate::config::Config;
use portraitd_http::socket::Socket;
use portraitd_http::tls::Tls;

/// The sockets of each listener.
pub(crate) struct Sockets {
    pub(crate) public: Vec<Socket>,
    pub(crate) admin: Vec<Socket>,
    /// None without `server.metrics_listen`.
    pub(crate) metrics: Vec<Socket>,
}

impl Sockets {
    /// Opens every address, with the certificates of the public and of the admin API. Metrics have that of the admin API.
    pub(crate) async fn open(
        config: &Config,
        public: Option<&Tls>,
        admin: Option<&Tls>,
    ) -> anyhow::Result<Self> {
        let ([on_public, on_admin, on_metrics], mode) = (config.listeners(), config.server.unix_mode.0);
        Ok(Self {
            public: Socket::open(on_public.addresses(), public, mode).await?,
            admin: Socket::open(on_admin.addresses(), admin, mode).await?,
            metrics: Socket::open(on_metrics.addresses(), admin, mode).await?,
        })
    }

    /// The URLs of the public, the admin and the metrics listener.
    pub(crate) fn urls(&self) -> std::io::Result<[Vec<String>; 3]> {
        let of = |sockets: &[Socket]| sockets.iter().map(Socket::url).collect::<Result<_, _>>();
        Ok([of(&self.public)?, of(&self.admin)?, of(&self.metrics)?])
    }
}

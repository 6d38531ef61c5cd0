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
        let (server, mode) = (&config.server, config.server.unix_mode.0);
        let metrics = match &server.metrics_listen {
            Some(addresses) => Socket::open(addresses, admin, mode).await?,
            None => Vec::new(),
        };
        Ok(Self {
            public: Socket::open(&server.listen, public, mode).await?,
            admin: Socket::open(&server.admin_listen, admin, mode).await?,
            metrics,
        })
    }

    /// The URLs of the public, the admin and the metrics listener.
    pub(crate) fn urls(&self) -> std::io::Result<[Vec<String>; 3]> {
        let of = |sockets: &[Socket]| sockets.iter().map(Socket::url).collect::<Result<_, _>>();
        Ok([of(&self.public)?, of(&self.admin)?, of(&self.metrics)?])
    }
}

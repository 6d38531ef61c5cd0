//! The open sockets of a server's listeners.

use crate::config::Config;
use crate::server::ServerTls;
use portraitd_http::socket::Socket;

/// The sockets of each listener.
pub(crate) struct Sockets {
    pub(crate) public: Vec<Socket>,
    pub(crate) admin: Vec<Socket>,
    /// None without `server.metrics_listen`.
    pub(crate) metrics: Vec<Socket>,
}

impl Sockets {
    /// Opens every address.
    pub(crate) async fn open(config: &Config, tls: &ServerTls) -> anyhow::Result<Self> {
        let (server, mode) = (&config.server, config.server.unix_mode.0);
        let metrics = match &server.metrics_listen {
            Some(addresses) => Socket::open(addresses, tls.admin.as_ref(), mode).await?,
            None => Vec::new(),
        };
        Ok(Self {
            public: Socket::open(&server.listen, tls.public.as_ref(), mode).await?,
            admin: Socket::open(&server.admin_listen, tls.admin.as_ref(), mode).await?,
            metrics,
        })
    }

    /// The URLs of the public, the admin and the metrics listener.
    pub(crate) fn urls(&self) -> std::io::Result<[Vec<String>; 3]> {
        let of = |sockets: &[Socket]| sockets.iter().map(Socket::url).collect::<Result<_, _>>();
        Ok([of(&self.public)?, of(&self.admin)?, of(&self.metrics)?])
    }
}

//! The certificates of the listeners, reloaded when their files change.

use crate::config::Config;
use crate::server::ServerTls;
use portraitd_http::certificate::Certificate;
use portraitd_http::tls::Tls;
use std::path::Path;
use std::sync::Arc;
use tokio::task::JoinSet;

/// A certificate for each listener that has one.
pub(super) struct Certificates {
    public: Option<Arc<Certificate>>,
    admin: Option<Arc<Certificate>>,
}

impl Certificates {
    pub(super) fn load(config: &Config) -> anyhow::Result<Self> {
        let load = |pair: Option<(&Path, &Path)>| {
            pair.map(|(chain, key)| Certificate::load(chain, key).map(Arc::new)).transpose()
        };
        Ok(Self { public: load(config.tls.public())?, admin: load(config.tls.admin())? })
    }

    pub(super) fn server_tls(&self) -> anyhow::Result<ServerTls> {
        let speak = |certificate: &Option<Arc<Certificate>>| {
            certificate.clone().map(|certificate| Tls::new(certificate)).transpose()
        };
        let named = [("public", &self.public), ("admin", &self.admin)];
        let watched = named.into_iter().filter_map(|(name, certificate)| Some((name, certificate.clone()?)));
        let watched = watched.collect();
        Ok(ServerTls { public: speak(&self.public)?, admin: speak(&self.admin)?, watched })
    }

    /// Reloads each when its files change, until the set is dropped.
    pub(super) fn watch_files(&self, watching: &mut JoinSet<()>) {
        for certificate in self.all() {
            let certificate = Arc::clone(certificate);
            watching.spawn(async move { certificate.watch().await });
        }
    }

    /// Reads all files again.
    pub(super) fn reload(&self) {
        self.all().for_each(|certificate| certificate.reload());
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Certificate>> {
        [&self.public, &self.admin].into_iter().flatten()
    }
}

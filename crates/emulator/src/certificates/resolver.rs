//! The certificate as the emulator's HTTPS port shows it: to everybody, with a word in the log for who asks for a name
//! that it does not hold.

use super::directory::Directory;
use anyhow::Context;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::sync::Arc;

/// The server's certificate, shown for every name; rustls asks it at each handshake.
#[derive(Debug)]
pub struct ShownCertificate {
    names: Vec<String>,
    pair: Arc<CertifiedKey>,
}

impl ShownCertificate {
    /// Reads the certificate and its key; fails when they can't be read or do not belong together.
    pub fn load(directory: &Directory) -> anyhow::Result<Self> {
        let (chain, key) = directory.server()?;
        let provider = rustls::crypto::ring::default_provider();
        let pair = CertifiedKey::from_der(chain, key, &provider)
            .with_context(|| format!("the certificate in {} can't be used", directory.path().display()))?;
        Ok(Self { names: directory.names(), pair: Arc::new(pair) })
    }
}

impl ResolvesServerCert for ShownCertificate {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if let Some(name) = hello.server_name()
            && !self.names.iter().any(|known| known == name)
        {
            tracing::warn!(
                "a client asked for `{name}`, which the certificate does not hold, and will refuse it; \
                 start with --allow-host {name} to add it"
            );
        }
        Some(Arc::clone(&self.pair))
    }
}

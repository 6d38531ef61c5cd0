//! The certificate resolver of the emulator's HTTPS port. It sends the same certificate to every client, and logs a
//! warning when a client asks for a name that is not in it.

use super::directory::Directory;
use anyhow::Context;
use portraitd_http::log_throttle::LogThrottle;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::sync::Arc;
use std::time::Instant;

/// Resolves every server name to the emulator's certificate.
#[derive(Debug)]
pub struct CertificateResolver {
    names: Vec<String>,
    pair: Arc<CertifiedKey>,
    /// The names that clients asked for in vain.
    unknown: LogThrottle<String>,
}

impl CertificateResolver {
    /// Reads the certificate and its key; fails when they can't be read or do not belong together.
    pub fn load(directory: &Directory) -> anyhow::Result<Self> {
        let (chain, key) = directory.server()?;
        let provider = rustls::crypto::ring::default_provider();
        let pair = CertifiedKey::from_der(chain, key, &provider)
            .with_context(|| format!("the certificate in {} can't be used", directory.path().display()))?;
        Ok(Self { names: directory.names(), pair: Arc::new(pair), unknown: LogThrottle::default() })
    }
}

/// Returns whether a certificate with this name is good for a host: a wildcard stands for one label (RFC 6125, 6.4.3).
fn covers(certified: &str, host: &str) -> bool {
    let wildcard = certified.strip_prefix("*.").zip(host.split_once('.'));
    certified == host || wildcard.is_some_and(|(domain, (_, rest))| rest == domain)
}

impl ResolvesServerCert for CertificateResolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if let Some(name) = hello.server_name()
            && !self.names.iter().any(|known| covers(known, name))
            && let Some(asked) = self.unknown.count(name.to_owned(), Instant::now())
        {
            tracing::warn!(
                asked,
                "a client asked for `{name}`, which is not in the certificate, so it will reject the certificate; \
                 start with --allow-host {name} to add the name"
            );
        }
        Some(Arc::clone(&self.pair))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_for_one_label() {
        assert!(
            covers("console.tim.qq.com", "console.tim.qq.com") && covers("*.tim.qq.com", "new.tim.qq.com")
        );
        for other in ["tim.qq.com", "a.b.tim.qq.com", "console.qq.com", "tim"] {
            assert!(!covers("*.tim.qq.com", other), "{other}");
        }
    }
}

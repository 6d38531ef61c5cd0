//! `[tls]`: certificates of the listeners.

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// `[tls]`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TlsSection {
    /// `None`: plain HTTP.
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    /// `None`: plain HTTP.
    pub(crate) admin_certificate: Option<PathBuf>,
    pub(crate) admin_key: Option<PathBuf>,
    pub(crate) handshake_timeout_ms: u64,
}

impl Default for TlsSection {
    fn default() -> Self {
        Self {
            certificate: None,
            key: None,
            admin_certificate: None,
            admin_key: None,
            handshake_timeout_ms: 10_000,
        }
    }
}

impl TlsSection {
    /// With every key that has no default, so that all of them are known by name.
    pub(super) fn whole() -> Self {
        let path = Some(PathBuf::new());
        Self {
            certificate: path.clone(),
            key: path.clone(),
            admin_certificate: path.clone(),
            admin_key: path,
            ..Self::default()
        }
    }

    pub(super) fn validate(&self) -> anyhow::Result<()> {
        for (name, certificate, key) in
            [("", &self.certificate, &self.key), ("admin_", &self.admin_certificate, &self.admin_key)]
        {
            anyhow::ensure!(
                certificate.is_some() == key.is_some(),
                "tls.{name}certificate and tls.{name}key belong together: set both or none"
            );
        }
        Ok(())
    }

    /// The public listener's certificate and key.
    pub(crate) fn public(&self) -> Option<(&Path, &Path)> {
        self.certificate.as_deref().zip(self.key.as_deref())
    }

    /// The admin listener's certificate and key.
    pub(crate) fn admin(&self) -> Option<(&Path, &Path)> {
        self.admin_certificate.as_deref().zip(self.admin_key.as_deref())
    }
}

//! Being the cloud: where certificates are kept.

use crate::certificate::Directory;
use std::path::PathBuf;

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

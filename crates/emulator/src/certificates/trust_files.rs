//! The contents of the files that clients are configured to trust: the emulator's authority together with the system's roots,
//! because the settings that name these files replace the system's.

use super::{issue, jks};
use base64::Engine;
use portraitd_model::UnixSeconds;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::path::Path;

/// Returns the system's root certificates without authorities of an emulator: `SSL_CERT_FILE` may name an earlier bundle.
pub(super) fn system_roots() -> Vec<CertificateDer<'static>> {
    let is_emulator = |certificate: &CertificateDer<'_>| {
        certificate.windows(issue::AUTHORITY.len()).any(|part| part == issue::AUTHORITY.as_bytes())
    };
    let mut roots = rustls_native_certs::load_native_certs().certs;
    roots.retain(|certificate| !is_emulator(certificate));
    roots
}

/// Returns the authority (PEM) and the system's roots as one PEM file.
pub(super) fn pem_bundle(authority: &str, system: &[CertificateDer<'_>]) -> String {
    let mut bundle = format!("# portraitd's own authority, then the system's roots.\n{authority}");
    for certificate in system {
        bundle.push_str(&pem(certificate));
    }
    bundle
}

/// Returns PHP settings that name the bundle. PHP reads them from `directory` after its own.
pub(super) fn php_settings(directory: &Path, bundle: &Path) -> String {
    format!(
        "; Read after PHP's own settings: PHP_INI_SCAN_DIR=:{}\ncurl.cainfo=\"{}\"\nopenssl.cafile=\"{}\"\n",
        directory.display(),
        bundle.display(),
        bundle.display()
    )
}

/// Returns the authority (PEM) and the system's roots as a Java trust store.
pub(super) fn java_trust_store(
    authority: &str,
    system: &[CertificateDer<'_>],
    now: UnixSeconds,
) -> anyhow::Result<Vec<u8>> {
    let authority = CertificateDer::from_pem_slice(authority.as_bytes())?;
    let mut trusted = vec![("portraitd".to_owned(), authority.as_ref())];
    trusted.extend(system.iter().enumerate().map(|(index, root)| (jks::alias(index), root.as_ref())));
    Ok(jks::trust_store(&trusted, now.0 * 1000))
}

fn pem(certificate: &CertificateDer<'_>) -> String {
    const LINE: usize = 64;
    let text = base64::engine::general_purpose::STANDARD.encode(certificate);
    let lines: Vec<&str> =
        text.as_bytes().chunks(LINE).filter_map(|line| str::from_utf8(line).ok()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

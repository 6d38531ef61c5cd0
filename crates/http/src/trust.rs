//! The TLS servers that a client trusts: those with a certificate valid for their name, or the one with a given certificate.

use anyhow::Context;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::path::Path;
use std::sync::Arc;

/// The certificates that a client trusts.
#[derive(Clone, Copy, Debug)]
pub enum Trust<'a> {
    /// None: for plain HTTP, without the time to load the system's roots.
    Nothing,
    /// Those valid for the server's name by the system's roots (`SSL_CERT_FILE` names others) or by the roots in a PEM file.
    Roots(Option<&'a Path>),
    /// The one in this PEM file alone, for any name.
    Certificate(&'a Path),
}

impl Trust<'_> {
    /// Returns the TLS configuration. Fails when a file can't be read.
    pub(crate) fn config(self) -> anyhow::Result<ClientConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions()?;
        let roots = match self {
            Self::Nothing => RootCertStore::empty(),
            Self::Roots(ca_file) => roots(ca_file)?,
            Self::Certificate(file) => {
                let expected = CertificateDer::from_pem_file(file)
                    .with_context(|| format!("can't read the server's certificate in {}", file.display()))?;
                let verifier = Arc::new(PinnedCertificate { expected, provider });
                let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
                return Ok(builder.with_no_client_auth());
            }
        };
        Ok(builder.with_root_certificates(roots).with_no_client_auth())
    }
}

fn roots(ca_file: Option<&Path>) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    // Without system roots only plain HTTP and the file's roots are left; a call that needs more fails with a message.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca_file {
        let unreadable = || format!("can't read the certificates in {}", path.display());
        let certificates: Vec<_> = CertificateDer::pem_file_iter(path).with_context(unreadable)?.collect();
        anyhow::ensure!(!certificates.is_empty(), "{} contains no PEM certificate", path.display());
        for certificate in certificates {
            roots.add(certificate.with_context(unreadable)?).with_context(unreadable)?;
        }
    }
    Ok(roots)
}

/// Trusts one certificate and no other, for any name. The signatures that prove possession of its key are checked.
#[derive(Debug)]
struct PinnedCertificate {
    expected: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinnedCertificate {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if *end_entity == self.expected {
            return Ok(ServerCertVerified::assertion());
        }
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

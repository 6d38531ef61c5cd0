//! Certificates that tests make.

use crate::receiver::{Receiver, Reply};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::fs;
use std::path::Path;
use std::sync::Arc;

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

/// Who signs certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key.
pub(crate) struct Certificate {
    pub certificate: CertificateDer<'static>,
    pub key: PrivateKeyDer<'static>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn certificate(&self, name: &str) -> Certificate {
        self.sign(&CertificateParams::new(vec![name.to_owned()]).unwrap())
    }

    pub(crate) fn expired(&self, name: &str) -> Certificate {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
        self.sign(&params)
    }

    fn sign(&self, params: &CertificateParams) -> Certificate {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Certificate { certificate: certificate.der().clone(), key }
    }
}

impl Certificate {
    /// Writes both as PEM: `name.pem` and `name.key`.
    pub(crate) fn write(&self, folder: &Path, name: &str) {
        fs::write(folder.join(format!("{name}.pem")), pem("CERTIFICATE", &self.certificate)).unwrap();
        fs::write(folder.join(format!("{name}.key")), pem("PRIVATE KEY", self.key.secret_der())).unwrap();
    }

    /// A polite receiver that shows this certificate.
    pub(crate) fn receiver(self) -> Receiver {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![self.certificate], self.key).unwrap();
        let config = Arc::new(config);
        Receiver::start_with(
            |_| Reply::Yes,
            move |stream| {
                let connection = ServerConnection::new(Arc::clone(&config)).map_err(std::io::Error::other)?;
                Ok(StreamOwned::new(connection, stream))
            },
        )
    }
}

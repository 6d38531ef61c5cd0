//! A TLS certificate and its key, read from two files and reloaded when they change. A pair that can't be used is
//! reported, and the previous one stays in use.

use anyhow::Context;
use arc_swap::ArcSwap;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};
use yasna::{ASN1Result, BERReader, BERReaderSeq, Tag};

/// How often the files are checked for changes.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// The largest file that is read; no certificate or key is as large.
const BYTES_MAX: u64 = 1 << 20;

/// A certificate that listeners present.
#[derive(Debug)]
pub struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    current: ArcSwap<CertifiedKey>,
    /// In seconds since 1970.
    not_after: AtomicI64,
    reload_errors: AtomicU64,
}

/// Modification time and length of both files; `None` for a file that can't be read.
type FileVersions = [Option<(SystemTime, u64)>; 2];

impl Certificate {
    /// Reads the pair for the first time.
    pub fn load(chain: &Path, key: &Path) -> anyhow::Result<Self> {
        let (pair, not_after) = read(chain, key)?;
        Ok(Self {
            chain: chain.to_owned(),
            key: key.to_owned(),
            current: ArcSwap::from_pointee(pair),
            not_after: AtomicI64::new(not_after),
            reload_errors: AtomicU64::new(0),
        })
    }

    /// Returns when the certificate in use expires, in seconds since 1970.
    pub fn not_after(&self) -> i64 {
        self.not_after.load(Ordering::Relaxed)
    }

    /// Returns how many changed pairs could not be used.
    pub fn reload_errors(&self) -> u64 {
        self.reload_errors.load(Ordering::Relaxed)
    }

    /// Reads the files again.
    pub fn reload(&self) {
        let file = self.chain.display();
        match read(&self.chain, &self.key) {
            Ok((pair, not_after)) => {
                let is_new = pair.cert != self.current.load().cert;
                self.current.store(Arc::new(pair));
                self.not_after.store(not_after, Ordering::Relaxed);
                if is_new {
                    tracing::info!(%file, "new TLS certificate in use");
                }
            }
            Err(error) => {
                self.reload_errors.fetch_add(1, Ordering::Relaxed);
                tracing::error!(%file, "can't use the new TLS certificate; the previous one stays in use: {error:#}");
            }
        }
    }

    /// Reloads the files whenever they have changed and are the same at two checks in a row, so that a certificate whose
    /// key is still being written is not read. Never returns.
    pub async fn watch(&self) {
        let (mut in_use, mut previous) = (self.file_versions(), self.file_versions());
        loop {
            tokio::time::sleep(POLL_INTERVAL).await;
            let now = self.file_versions();
            if now != in_use && now == previous {
                self.reload();
                in_use = now;
            }
            previous = now;
        }
    }

    fn file_versions(&self) -> FileVersions {
        [&self.chain, &self.key].map(|path| {
            let file = fs::metadata(path).ok()?;
            Some((file.modified().ok()?, file.len()))
        })
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

/// Reads and checks a pair; returns it with the time its certificate expires, in seconds since 1970.
fn read(chain: &Path, key: &Path) -> anyhow::Result<(CertifiedKey, i64)> {
    let certificates = CertificateDer::pem_slice_iter(&read_file(chain)?)
        .collect::<Result<Vec<_>, _>>()
        .with_context(|| format!("{} is not a PEM file", chain.display()))?;
    let first = certificates.first();
    let first = first.with_context(|| format!("{} contains no certificate", chain.display()))?;
    let unreadable = || format!("the certificate in {} can't be read", chain.display());
    let not_after = not_after_of(first).with_context(unreadable)?;
    let private = PrivateKeyDer::from_pem_slice(&read_file(key)?).with_context(|| {
        format!("{} contains no private key (PEM: PKCS #8, PKCS #1 or SEC 1)", key.display())
    })?;
    let provider = rustls::crypto::ring::default_provider();
    let pair = CertifiedKey::from_der(certificates.clone(), private, &provider).with_context(|| {
        format!("the key in {} does not match the certificate in {}", key.display(), chain.display())
    })?;
    Ok((pair, not_after))
}

/// Returns when a certificate expires, in seconds since 1970 (<https://www.rfc-editor.org/rfc/rfc5280#section-4.1>). rustls
/// parses certificates too, but does not expose their dates.
#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the methods themselves are not general enough"
)]
fn not_after_of(certificate: &[u8]) -> ASN1Result<i64> {
    fn validity(reader: BERReader<'_, '_>) -> ASN1Result<i64> {
        reader.read_sequence(|dates| {
            dates.next().read_der()?; // not before
            let short = dates.read_optional(|date| date.read_utctime())?;
            match short {
                Some(time) => Ok(time.datetime().unix_timestamp()),
                None => Ok(dates.next().read_generalized_time()?.datetime().unix_timestamp()),
            }
        })
    }
    let rest = |reader: &mut BERReaderSeq<'_, '_>| -> ASN1Result<()> {
        while reader.read_optional(|value| value.read_der())?.is_some() {}
        Ok(())
    };
    yasna::parse_der(certificate, |reader| {
        reader.read_sequence(|signed| {
            let not_after = signed.next().read_sequence(|fields| {
                let version = Tag::context(0);
                fields.read_optional(|reader| reader.read_tagged(version, |value| value.read_der()))?;
                for _ in ["serial number", "algorithm", "issuer"] {
                    fields.next().read_der()?;
                }
                let not_after = validity(fields.next())?;
                rest(fields)?;
                Ok(not_after)
            })?;
            rest(signed)?;
            Ok(not_after)
        })
    })
}

fn read_file(path: &Path) -> anyhow::Result<Vec<u8>> {
    let unreadable = || format!("can't read {}", path.display());
    let length = fs::metadata(path).with_context(unreadable)?.len();
    anyhow::ensure!(
        length <= BYTES_MAX,
        "{} is larger than {BYTES_MAX} bytes, so it is no certificate or key",
        path.display()
    );
    fs::read(path).with_context(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    fn certificate(year: i32) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(year, 12, 31);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    /// Dates up to 2049 have a year of two digits, later ones of four.
    #[test]
    fn the_expiry_of_a_certificate_is_read() {
        assert_eq!(not_after_of(&certificate(2021)), Ok(1_640_908_800));
        assert_eq!(not_after_of(&certificate(2049)), Ok(2_524_521_600));
        assert_eq!(not_after_of(&certificate(2050)), Ok(2_556_057_600));
    }

    #[test]
    fn a_truncated_or_longer_certificate_is_refused() {
        let whole = certificate(2030);
        for length in 0..whole.len() {
            assert!(not_after_of(whole.get(..length).unwrap()).is_err(), "{length} bytes");
        }
        let longer = [whole.as_slice(), b"x"].concat();
        assert!(not_after_of(&longer).is_err());
    }
}

//! A certificate and its key, read from files and read again when they change. A pair that can't be used changes
//! nothing: the one before it stays.

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

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Larger files are no certificates.
const BYTES_MAX: u64 = 1 << 20;

/// A certificate that listeners show.
#[derive(Debug)]
pub struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    current: ArcSwap<CertifiedKey>,
    /// Seconds since 1970.
    ends_at: AtomicI64,
    reload_errors: AtomicU64,
}

/// What tells that a file is another one than before.
type Stamp = [Option<(SystemTime, u64)>; 2];

impl Certificate {
    /// Reads the pair for the first time.
    pub fn load(chain: &Path, key: &Path) -> anyhow::Result<Self> {
        let (pair, ends_at) = read(chain, key)?;
        Ok(Self {
            chain: chain.to_owned(),
            key: key.to_owned(),
            current: ArcSwap::from_pointee(pair),
            ends_at: AtomicI64::new(ends_at),
            reload_errors: AtomicU64::new(0),
        })
    }

    /// When the certificate in use ends, in seconds since 1970.
    pub fn ends_at(&self) -> i64 {
        self.ends_at.load(Ordering::Relaxed)
    }

    /// How often a changed pair could not be used.
    pub fn reload_errors(&self) -> u64 {
        self.reload_errors.load(Ordering::Relaxed)
    }

    /// Reads the files again.
    pub fn reload(&self) {
        let file = self.chain.display();
        match read(&self.chain, &self.key) {
            Ok((pair, ends_at)) => {
                let is_new = pair.cert != self.current.load().cert;
                self.current.store(Arc::new(pair));
                self.ends_at.store(ends_at, Ordering::Relaxed);
                if is_new {
                    tracing::info!(%file, "new TLS certificate in use");
                }
            }
            Err(error) => {
                self.reload_errors.fetch_add(1, Ordering::Relaxed);
                tracing::error!(%file, "the TLS certificate before stays in use: {error:#}");
            }
        }
    }

    /// Reads the files again whenever they have changed and then stood still from one look to the next, so that
    /// a certificate whose key is still being written is let be.
    pub async fn watch(&self) {
        let (mut in_use, mut before) = (self.stamp(), self.stamp());
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = self.stamp();
            if now != in_use && now == before {
                self.reload();
                in_use = now;
            }
            before = now;
        }
    }

    fn stamp(&self) -> Stamp {
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

/// Reads and checks a pair; also gives when its certificate ends.
fn read(chain: &Path, key: &Path) -> anyhow::Result<(CertifiedKey, i64)> {
    let certificates = CertificateDer::pem_slice_iter(&contents(chain)?)
        .collect::<Result<Vec<_>, _>>()
        .with_context(|| format!("{} is not a PEM file", chain.display()))?;
    let first = certificates.first();
    let first = first.with_context(|| format!("there is no certificate in {}", chain.display()))?;
    let unreadable = || format!("the certificate in {} can't be read", chain.display());
    let ends_at = end_of(first).with_context(unreadable)?;
    let private = PrivateKeyDer::from_pem_slice(&contents(key)?).with_context(|| {
        format!("there is no private key in {} (PEM: PKCS #8, PKCS #1 or SEC 1)", key.display())
    })?;
    let provider = rustls::crypto::ring::default_provider();
    let pair = CertifiedKey::from_der(certificates.clone(), private, &provider).with_context(|| {
        format!("the key in {} does not fit the certificate in {}", key.display(), chain.display())
    })?;
    Ok((pair, ends_at))
}

/// When a certificate ends, in seconds since 1970 (<https://www.rfc-editor.org/rfc/rfc5280#section-4.1>). rustls reads the
/// rest, but tells no one the dates.
#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the methods themselves are not general enough"
)]
fn end_of(certificate: &[u8]) -> ASN1Result<i64> {
    fn validity(reader: BERReader<'_, '_>) -> ASN1Result<i64> {
        reader.read_sequence(|dates| {
            dates.next().read_der()?; // from when on
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
            let ends_at = signed.next().read_sequence(|fields| {
                let version = Tag::context(0);
                fields.read_optional(|reader| reader.read_tagged(version, |value| value.read_der()))?;
                for _ in ["serial number", "algorithm", "issuer"] {
                    fields.next().read_der()?;
                }
                let ends_at = validity(fields.next())?;
                rest(fields)?;
                Ok(ends_at)
            })?;
            rest(signed)?;
            Ok(ends_at)
        })
    })
}

fn contents(path: &Path) -> anyhow::Result<Vec<u8>> {
    let unreadable = || format!("can't read {}", path.display());
    let length = fs::metadata(path).with_context(unreadable)?.len();
    anyhow::ensure!(length <= BYTES_MAX, "{} is larger than a certificate can be", path.display());
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
    fn the_end_of_a_certificate_is_read() {
        assert_eq!(end_of(&certificate(2021)), Ok(1_640_908_800));
        assert_eq!(end_of(&certificate(2049)), Ok(2_524_521_600));
        assert_eq!(end_of(&certificate(2050)), Ok(2_556_057_600));
    }

    #[test]
    fn what_is_no_certificate_has_no_end() {
        let whole = certificate(2030);
        for length in 0..whole.len() {
            assert!(end_of(whole.get(..length).unwrap()).is_err(), "{length} bytes");
        }
        let longer = [whole.as_slice(), b"x"].concat();
        assert!(end_of(&longer).is_err());
    }
}

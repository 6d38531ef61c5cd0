//! The directory of the emulator's certificates. Valid files are used again; missing, damaged or expiring ones are
//! replaced.

use super::{issue, trust_files};
use anyhow::Context;
use portraitd_model::UnixSeconds;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A certificate that expires in fewer days is renewed.
const DAYS_LEFT_MIN: u64 = 30;
const DAY: u64 = 24 * 3600;

/// A directory of certificates.
#[derive(Clone, Debug)]
pub struct Directory {
    path: PathBuf,
}

/// The result of [`Directory::prepare`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateOutcome {
    /// The existing certificates are valid.
    Unchanged,
    /// The server certificate was renewed by the same authority; clients need no change.
    Renewed,
    /// A new authority was created, which clients must be configured to trust.
    New,
}

/// The file `certificates.json`: the user's own names in the certificate, and when the authority expires.
#[derive(Serialize, Deserialize)]
struct CertificateRecord {
    names: Vec<String>,
    authority_until: u64,
}

impl Directory {
    /// Returns the directory with this path; nothing is read or created before [`Self::prepare`].
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Returns `$XDG_DATA_HOME/portraitd`, or `~/.local/share/portraitd` when that is not set.
    pub fn default_path() -> anyhow::Result<PathBuf> {
        let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let data = variable("XDG_DATA_HOME").or_else(|| Some(variable("HOME")?.join(".local/share")));
        let data = data.context("there is no home directory; choose a directory with --certificates DIR")?;
        Ok(data.join("portraitd"))
    }

    /// Returns the directory's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of the authority alone, for clients that add it to the roots they trust.
    pub fn authority(&self) -> PathBuf {
        self.path.join("ca.pem")
    }

    /// Returns the path of the authority with the system's roots, for clients that trust the roots of one file only.
    pub fn bundle(&self) -> PathBuf {
        self.path.join("bundle.pem")
    }

    /// Returns the path of the same roots as a Java trust store.
    pub fn java_trust_store(&self) -> PathBuf {
        self.path.join("truststore.jks")
    }

    /// Returns the path of a directory with PHP settings that name the bundle.
    pub fn php_settings(&self) -> PathBuf {
        self.path.join("php")
    }

    /// Reads the server's certificate and key.
    pub(crate) fn server(&self) -> anyhow::Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
        let (certificate, key) = (self.path.join("server.pem"), self.path.join("server.key"));
        let chain = CertificateDer::pem_file_iter(&certificate).and_then(Iterator::collect);
        let chain = chain.with_context(|| format!("can't read {}", certificate.display()))?;
        let key = PrivateKeyDer::from_pem_file(&key);
        Ok((chain, key.with_context(|| format!("can't read {}", self.path.join("server.key").display()))?))
    }

    /// Returns every name in the certificate.
    pub(super) fn names(&self) -> Vec<String> {
        issue::all_names(&self.record().map(|record| record.names).unwrap_or_default())
    }

    /// Ensures that there are certificates for the fixed names and these, valid for at least 30 more days.
    pub fn prepare(&self, extra: &[String], now: UnixSeconds) -> anyhow::Result<CertificateOutcome> {
        let failed = || {
            format!(
                "can't write certificates to {}; choose another directory with --certificates DIR",
                self.path.display()
            )
        };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.path).with_context(failed)?;
        // Held while the files are written, so that two emulators that start at once do not mix them.
        let lock = File::create(self.path.join("lock")).with_context(failed)?;
        lock.lock().with_context(failed)?;
        let record = self.record();
        let mut names: Vec<String> = record.iter().flat_map(|record| record.names.clone()).collect();
        names.extend_from_slice(extra);
        names.sort();
        names.dedup();
        let outcome = self.renew_if_needed(record.as_ref(), &names, now).with_context(failed)?;
        if outcome == CertificateOutcome::New || !self.java_trust_store().exists() {
            self.write_trust_files(now).with_context(failed)?;
        }
        Ok(outcome)
    }

    fn renew_if_needed(
        &self,
        record: Option<&CertificateRecord>,
        extra: &[String],
        now: UnixSeconds,
    ) -> anyhow::Result<CertificateOutcome> {
        let names = issue::all_names(extra);
        let authority_is_valid =
            record.is_some_and(|record| record.authority_until > now.0 + (DAYS_LEFT_MIN * DAY));
        if authority_is_valid && self.server_certificate_is_valid(&names, now) {
            return Ok(CertificateOutcome::Unchanged);
        }
        if authority_is_valid
            && let Ok(key) = fs::read_to_string(self.path.join("ca.key"))
            && let Ok(server) = issue::server(&names, &key, now)
        {
            self.write_server(&server)?;
            // The check fails when the authority's constraints exclude a new name, or the key is another authority's.
            if self.server_certificate_is_valid(&names, now) {
                return Ok(CertificateOutcome::Renewed);
            }
        }
        let authority = issue::authority(&names, now)?;
        let server = issue::server(&names, &authority.key, now)?;
        self.write("ca.key", 0o600, authority.key.as_bytes())?;
        self.write("ca.pem", 0o644, authority.certificate.as_bytes())?;
        self.write_server(&server)?;
        let record =
            CertificateRecord { names: extra.to_vec(), authority_until: issue::authority_until(now) };
        self.write("certificates.json", 0o644, &serde_json::to_vec_pretty(&record)?)?;
        Ok(CertificateOutcome::New)
    }

    fn record(&self) -> Option<CertificateRecord> {
        serde_json::from_slice(&fs::read(self.path.join("certificates.json")).ok()?).ok()
    }

    /// Returns whether a client that trusts the authority accepts the server certificate for each name, now and in 30 days.
    fn server_certificate_is_valid(&self, names: &[String], now: UnixSeconds) -> bool {
        let valid = || {
            let authority = CertificateDer::from_pem_file(self.authority()).ok()?;
            let (chain, key) = self.server().ok()?;
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            rustls::sign::CertifiedKey::from_der(chain.clone(), key, &provider).ok()?.keys_match().ok()?;
            let mut roots = RootCertStore::empty();
            roots.add(authority).ok()?;
            let verifier =
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().ok()?;
            let (leaf, rest) = chain.split_first()?;
            names
                .iter()
                .all(|name| {
                    // A client asks for a name that the wildcard stands for.
                    let asked_for = name.replacen('*', "any", 1);
                    let Ok(name) = ServerName::try_from(asked_for) else { return false };
                    [now.0, now.0 + DAYS_LEFT_MIN * DAY].into_iter().all(|at| {
                        let at = UnixTime::since_unix_epoch(Duration::from_secs(at));
                        verifier.verify_server_cert(leaf, rest, &name, &[], at).is_ok()
                    })
                })
                .then_some(())
        };
        valid().is_some()
    }

    fn write_server(&self, server: &issue::CertificateAndKey) -> anyhow::Result<()> {
        self.write("server.key", 0o600, server.key.as_bytes())?;
        self.write("server.pem", 0o644, server.certificate.as_bytes())
    }

    /// Writes the files that clients are configured to trust: the authority with the system's roots, in every format.
    pub fn write_trust_files(&self, now: UnixSeconds) -> anyhow::Result<()> {
        let authority = fs::read_to_string(self.authority())?;
        let system = trust_files::system_roots();
        self.write("bundle.pem", 0o644, trust_files::pem_bundle(&authority, &system).as_bytes())?;
        fs::create_dir_all(self.php_settings())?;
        let php = trust_files::php_settings(&self.php_settings(), &self.bundle());
        self.write("php/portraitd.ini", 0o644, php.as_bytes())?;
        let java = trust_files::java_trust_store(&authority, &system, now)?;
        self.write("truststore.jks", 0o644, &java)
    }

    /// Writes a file atomically.
    fn write(&self, name: &str, mode: u32, bytes: &[u8]) -> anyhow::Result<()> {
        let path = self.path.join(name);
        let unfinished = self.path.join("unfinished");
        // An earlier process may have been killed before the rename.
        let _ = fs::remove_file(&unfinished);
        let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&unfinished);
        file.and_then(|mut file| file.write_all(bytes))
            .and_then(|()| fs::rename(&unfinished, &path))
            .with_context(|| format!("can't write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const NOW: UnixSeconds = UnixSeconds(1_700_000_000);

    fn later(days: u64) -> UnixSeconds {
        UnixSeconds(NOW.0 + days * DAY)
    }

    #[test]
    fn valid_certificates_are_unchanged_and_expiring_ones_renewed() {
        let dir = tempfile::tempdir().unwrap();
        let directory = Directory::new(dir.path().join("certificates"));
        assert_eq!(directory.prepare(&[], NOW).unwrap(), CertificateOutcome::New);
        let authority = fs::read(directory.authority()).unwrap();
        assert_eq!(directory.prepare(&[], NOW).unwrap(), CertificateOutcome::Unchanged);
        assert_eq!(directory.prepare(&[], later(365)).unwrap(), CertificateOutcome::Unchanged);
        assert_eq!(
            directory.prepare(&[], later(367)).unwrap(),
            CertificateOutcome::Renewed,
            "29 days are left"
        );
        assert_eq!(directory.prepare(&[], later(367)).unwrap(), CertificateOutcome::Unchanged);
        assert_eq!(fs::read(directory.authority()).unwrap(), authority, "clients need no change");
        assert_eq!(
            directory.prepare(&[], later(3630)).unwrap(),
            CertificateOutcome::New,
            "the authority itself expires"
        );
        for name in ["ca.key", "server.key"] {
            let mode = fs::metadata(directory.path().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn a_new_name_needs_a_new_authority_and_is_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let directory = Directory::new(dir.path().to_owned());
        let names = ["portraitd.test".to_owned(), "10.1.2.3".to_owned()];
        assert_eq!(directory.prepare(&[], NOW).unwrap(), CertificateOutcome::New);
        assert_eq!(directory.prepare(&names, NOW).unwrap(), CertificateOutcome::New);
        assert_eq!(directory.prepare(&names[..1], NOW).unwrap(), CertificateOutcome::Unchanged);
        assert_eq!(directory.prepare(&[], NOW).unwrap(), CertificateOutcome::Unchanged);
        assert!(directory.server_certificate_is_valid(&issue::all_names(&names), NOW));
        assert!(!directory.server_certificate_is_valid(&["example.com".to_owned()], NOW));
    }

    #[test]
    fn damaged_and_mixed_files_are_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let directory = Directory::new(dir.path().to_owned());
        let other = tempfile::tempdir().unwrap();
        Directory::new(other.path().to_owned()).prepare(&[], NOW).unwrap();
        let mix = |name: &str| fs::copy(other.path().join(name), dir.path().join(name)).unwrap();
        let spoil = |name: &str| fs::write(dir.path().join(name), "x").unwrap();
        directory.prepare(&[], NOW).unwrap();
        mix("server.pem");
        assert_eq!(
            directory.prepare(&[], NOW).unwrap(),
            CertificateOutcome::Renewed,
            "a certificate of another key"
        );
        spoil("server.key");
        assert_eq!(directory.prepare(&[], NOW).unwrap(), CertificateOutcome::Renewed);
        mix("ca.key");
        spoil("server.pem");
        assert_eq!(
            directory.prepare(&[], NOW).unwrap(),
            CertificateOutcome::New,
            "a key of another authority"
        );
        for name in ["certificates.json", "ca.pem"] {
            spoil(name);
            assert_eq!(directory.prepare(&[], NOW).unwrap(), CertificateOutcome::New, "{name}");
        }
        fs::remove_file(directory.java_trust_store()).unwrap();
        assert_eq!(directory.prepare(&[], NOW).unwrap(), CertificateOutcome::Unchanged);
        assert!(directory.java_trust_store().exists());
    }

    #[test]
    fn an_authority_can_sign_for_its_names_only() {
        let authority = issue::authority(&issue::all_names(&[]), NOW).unwrap();
        let server = issue::server(&["example.com".to_owned()], &authority.key, NOW).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let directory = Directory::new(dir.path().to_owned());
        directory.write("ca.pem", 0o644, authority.certificate.as_bytes()).unwrap();
        directory.write_server(&server).unwrap();
        assert!(!directory.server_certificate_is_valid(&["example.com".to_owned()], NOW));
    }

    #[test]
    fn an_impossible_directory_is_explained() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let error = Directory::new(file.join("below")).prepare(&[], NOW).unwrap_err();
        assert!(format!("{error:#}").contains("--certificates DIR"), "{error:#}");
    }
}

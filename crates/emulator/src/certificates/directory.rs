//! The directory that certificates are kept in: what is good is used again, what is not is replaced.

use super::{issue, jks};
use anyhow::Context;
use base64::Engine;
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

/// A certificate with fewer days left is renewed.
const DAYS_LEFT_MIN: u64 = 30;
const DAY: u64 = 24 * 3600;

/// Where certificates are kept, and under which names.
#[derive(Clone, Debug)]
pub struct Directory {
    path: PathBuf,
}

/// What [`Directory::prepare`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything was there and good.
    Kept,
    /// A new server certificate of the same authority: clients need not be told.
    Renewed,
    /// A new authority, which clients must be told to trust.
    New,
}

/// What the certificates themselves would tell, if they were read: which names were asked for, until when the
/// authority is good.
#[derive(Serialize, Deserialize)]
struct Record {
    names: Vec<String>,
    authority_until: u64,
}

impl Directory {
    /// Names a directory; nothing is read or made before [`Self::prepare`].
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// `$XDG_DATA_HOME/portraitd`, `~/.local/share/portraitd`.
    pub fn default_path() -> anyhow::Result<PathBuf> {
        let set = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let data = set("XDG_DATA_HOME").or_else(|| Some(set("HOME")?.join(".local/share")));
        let data = data.context("there is no home directory; say where with --certificates DIR")?;
        Ok(data.join("portraitd"))
    }

    /// Returns where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The authority alone: for what adds it to what it trusts already.
    pub fn authority(&self) -> PathBuf {
        self.path.join("ca.pem")
    }

    /// The system's roots and the authority: for what trusts one file and nothing else.
    pub fn bundle(&self) -> PathBuf {
        self.path.join("bundle.pem")
    }

    /// The same, as Java wants it.
    pub fn java_trust_store(&self) -> PathBuf {
        self.path.join("truststore.jks")
    }

    /// A folder of PHP settings that name the bundle.
    pub fn php_settings(&self) -> PathBuf {
        self.path.join("php")
    }

    /// The server's certificate and key, read for rustls.
    pub(crate) fn server(&self) -> anyhow::Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
        let (certificate, key) = (self.path.join("server.pem"), self.path.join("server.key"));
        let chain = CertificateDer::pem_file_iter(&certificate).and_then(Iterator::collect);
        let chain = chain.with_context(|| format!("can't read {}", certificate.display()))?;
        let key = PrivateKeyDer::from_pem_file(&key);
        Ok((chain, key.with_context(|| format!("can't read {}", self.path.join("server.key").display()))?))
    }

    /// Every name in the certificate.
    pub(super) fn names(&self) -> Vec<String> {
        issue::all_names(&self.record().map(|record| record.names).unwrap_or_default())
    }

    /// Sees to it that there are certificates for every name of ours and these, good for some weeks more.
    pub fn prepare(&self, extra: &[String], now: UnixSeconds) -> anyhow::Result<Outcome> {
        let failed =
            || format!("can't keep certificates in {}; choose --certificates DIR", self.path.display());
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.path).with_context(failed)?;
        // Two emulators that start at once must not mix their files.
        let lock = File::create(self.path.join("lock")).with_context(failed)?;
        lock.lock().with_context(failed)?;
        let record = self.record();
        let mut names: Vec<String> = record.iter().flat_map(|record| record.names.clone()).collect();
        names.extend_from_slice(extra);
        names.sort();
        names.dedup();
        let outcome = self.settle(record.as_ref(), &names, now).with_context(failed)?;
        if outcome == Outcome::New || !self.java_trust_store().exists() {
            self.write_trust(now).with_context(failed)?;
        }
        Ok(outcome)
    }

    fn settle(&self, record: Option<&Record>, extra: &[String], now: UnixSeconds) -> anyhow::Result<Outcome> {
        let names = issue::all_names(extra);
        let lasting = record.is_some_and(|record| record.authority_until > now.0 + (DAYS_LEFT_MIN * DAY));
        if lasting && self.server_is_good(&names, now) {
            return Ok(Outcome::Kept);
        }
        if lasting
            && let Ok(key) = fs::read_to_string(self.path.join("ca.key"))
            && let Ok(server) = issue::server(&names, &key, now)
        {
            self.write_server(&server)?;
            // An authority that may not vouch for a new name, or another's key, shows only now.
            if self.server_is_good(&names, now) {
                return Ok(Outcome::Renewed);
            }
        }
        let authority = issue::authority(&names, now)?;
        let server = issue::server(&names, &authority.key, now)?;
        self.write("ca.key", 0o600, authority.key.as_bytes())?;
        self.write("ca.pem", 0o644, authority.certificate.as_bytes())?;
        self.write_server(&server)?;
        let record = Record { names: extra.to_vec(), authority_until: issue::authority_until(now) };
        self.write("certificates.json", 0o644, &serde_json::to_vec_pretty(&record)?)?;
        Ok(Outcome::New)
    }

    fn record(&self) -> Option<Record> {
        serde_json::from_slice(&fs::read(self.path.join("certificates.json")).ok()?).ok()
    }

    /// Asks as a client would: is it signed by our authority, for each name, now and in some weeks?
    fn server_is_good(&self, names: &[String], now: UnixSeconds) -> bool {
        let good = || {
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
                    let Ok(name) = ServerName::try_from(name.as_str()) else { return false };
                    [now.0, now.0 + DAYS_LEFT_MIN * DAY].into_iter().all(|at| {
                        let at = UnixTime::since_unix_epoch(Duration::from_secs(at));
                        verifier.verify_server_cert(leaf, rest, &name, &[], at).is_ok()
                    })
                })
                .then_some(())
        };
        good().is_some()
    }

    fn write_server(&self, server: &issue::Pair) -> anyhow::Result<()> {
        self.write("server.key", 0o600, server.key.as_bytes())?;
        self.write("server.pem", 0o644, server.certificate.as_bytes())
    }

    /// Writes what clients are told to trust.
    pub fn write_trust(&self, now: UnixSeconds) -> anyhow::Result<()> {
        let authority = fs::read_to_string(self.authority())?;
        let authority_der = CertificateDer::from_pem_slice(authority.as_bytes())?;
        // SSL_CERT_FILE may name an earlier bundle of ours.
        let ours = |certificate: &CertificateDer<'_>| {
            certificate.windows(issue::AUTHORITY.len()).any(|part| part == issue::AUTHORITY.as_bytes())
        };
        let mut system = rustls_native_certs::load_native_certs().certs;
        system.retain(|certificate| !ours(certificate));
        let mut bundle = format!("# portraitd's own authority, then the system's roots.\n{authority}");
        for certificate in &system {
            bundle.push_str(&pem(certificate));
        }
        let mut trusted = vec![("portraitd".to_owned(), authority_der.as_ref())];
        trusted.extend(system.iter().enumerate().map(|(index, root)| (jks::alias(index), root.as_ref())));
        self.write("bundle.pem", 0o644, bundle.as_bytes())?;
        fs::create_dir_all(self.php_settings())?;
        let bundle = self.bundle();
        let php = format!(
            "; Read after PHP's own settings: PHP_INI_SCAN_DIR=:{}\ncurl.cainfo=\"{}\"\nopenssl.cafile=\"{}\"\n",
            self.php_settings().display(),
            bundle.display(),
            bundle.display()
        );
        self.write("php/portraitd.ini", 0o644, php.as_bytes())?;
        self.write("truststore.jks", 0o644, &jks::trust_store(&trusted, now.0 * 1000))
    }

    /// Writes a whole file or none.
    fn write(&self, name: &str, mode: u32, bytes: &[u8]) -> anyhow::Result<()> {
        let path = self.path.join(name);
        let unfinished = self.path.join("unfinished");
        // Left by a process that was killed.
        let _ = fs::remove_file(&unfinished);
        let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&unfinished);
        file.and_then(|mut file| file.write_all(bytes))
            .and_then(|()| fs::rename(&unfinished, &path))
            .with_context(|| format!("can't write {}", path.display()))
    }
}

fn pem(certificate: &CertificateDer<'_>) -> String {
    const LINE: usize = 64;
    let text = base64::engine::general_purpose::STANDARD.encode(certificate);
    let lines: Vec<&str> =
        text.as_bytes().chunks(LINE).filter_map(|line| str::from_utf8(line).ok()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
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
    fn what_is_good_is_kept_and_what_ends_is_renewed() {
        let dir = tempfile::tempdir().unwrap();
        let directory = Directory::new(dir.path().join("certificates"));
        assert_eq!(directory.prepare(&[], NOW).unwrap(), Outcome::New);
        let authority = fs::read(directory.authority()).unwrap();
        assert_eq!(directory.prepare(&[], NOW).unwrap(), Outcome::Kept);
        assert_eq!(directory.prepare(&[], later(365)).unwrap(), Outcome::Kept);
        assert_eq!(directory.prepare(&[], later(367)).unwrap(), Outcome::Renewed, "29 days are left");
        assert_eq!(directory.prepare(&[], later(367)).unwrap(), Outcome::Kept);
        assert_eq!(fs::read(directory.authority()).unwrap(), authority, "clients need not be told");
        assert_eq!(directory.prepare(&[], later(3630)).unwrap(), Outcome::New, "the authority itself ends");
        for name in ["ca.key", "server.key"] {
            let mode = fs::metadata(directory.path().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn a_new_name_needs_a_new_authority_and_stays() {
        let dir = tempfile::tempdir().unwrap();
        let directory = Directory::new(dir.path().to_owned());
        let names = ["portraitd.test".to_owned(), "10.1.2.3".to_owned()];
        assert_eq!(directory.prepare(&[], NOW).unwrap(), Outcome::New);
        assert_eq!(directory.prepare(&names, NOW).unwrap(), Outcome::New);
        assert_eq!(directory.prepare(&names[..1], NOW).unwrap(), Outcome::Kept);
        assert_eq!(directory.prepare(&[], NOW).unwrap(), Outcome::Kept);
        assert!(directory.server_is_good(&issue::all_names(&names), NOW));
        assert!(!directory.server_is_good(&["example.com".to_owned()], NOW));
    }

    #[test]
    fn damaged_and_mixed_files_are_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let directory = Directory::new(dir.path().to_owned());
        let other = tempfile::tempdir().unwrap();
        Directory::new(other.path().to_owned()).prepare(&[], NOW).unwrap();
        let mix = |name: &str| fs::copy(other.path().join(name), dir.path().join(name)).unwrap();
        let spoil = |name: &str| fs::write(dir.path().join(name), "x").unwrap();
        directory.prepare(&[], NOW).unwrap();
        mix("server.pem");
        assert_eq!(directory.prepare(&[], NOW).unwrap(), Outcome::Renewed, "a certificate of another key");
        spoil("server.key");
        assert_eq!(directory.prepare(&[], NOW).unwrap(), Outcome::Renewed);
        mix("ca.key");
        spoil("server.pem");
        assert_eq!(directory.prepare(&[], NOW).unwrap(), Outcome::New, "a key of another authority");
        for name in ["certificates.json", "ca.pem"] {
            spoil(name);
            assert_eq!(directory.prepare(&[], NOW).unwrap(), Outcome::New, "{name}");
        }
        fs::remove_file(directory.java_trust_store()).unwrap();
        assert_eq!(directory.prepare(&[], NOW).unwrap(), Outcome::Kept);
        assert!(directory.java_trust_store().exists());
    }

    #[test]
    fn an_authority_can_vouch_for_its_names_alone() {
        let authority = issue::authority(&issue::all_names(&[]), NOW).unwrap();
        let server = issue::server(&["example.com".to_owned()], &authority.key, NOW).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let directory = Directory::new(dir.path().to_owned());
        directory.write("ca.pem", 0o644, authority.certificate.as_bytes()).unwrap();
        directory.write_server(&server).unwrap();
        assert!(!directory.server_is_good(&["example.com".to_owned()], NOW));
    }

    #[test]
    fn a_directory_that_cannot_be_is_explained() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let error = Directory::new(file.join("below")).prepare(&[], NOW).unwrap_err();
        assert!(format!("{error:#}").contains("--certificates DIR"), "{error:#}");
    }
}

//! Creation of the emulator's certificate authority and of the server certificates that it signs.

use anyhow::Context;
use portraitd_api::cloud_names::{CLOUD_DOMAINS, CLOUD_NAMES};
use portraitd_model::UnixSeconds;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType, date_time_ymd,
};
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use std::time::Duration;

/// The start of every authority's name, by which an authority in another bundle is recognised.
pub(super) const AUTHORITY: &str = "portraitd development CA";

const DAY: u64 = 24 * 3600;
/// How far validity starts in the past: a client whose clock is slow must accept a new certificate.
const BACKDATED: u64 = DAY;
/// The validity of an authority: ten years.
const AUTHORITY_VALIDITY: u64 = 3650 * DAY;
/// The validity of a server certificate. Apple and the browsers accept at most 398 days, including the days in the past.
const SERVER_VALIDITY: u64 = 396 * DAY;

/// A certificate and its private key, as PEM.
pub(super) struct CertificateAndKey {
    pub(super) certificate: String,
    pub(super) key: String,
}

/// Returns every name of a server certificate: the cloud's with those of regions to come, this machine's, and the user's
/// own.
pub(super) fn all_names(extra: &[String]) -> Vec<String> {
    let fixed = CLOUD_NAMES.into_iter().chain(["localhost", "127.0.0.1", "::1"]).map(str::to_owned);
    let any_region = CLOUD_DOMAINS.iter().map(|domain| format!("*{domain}"));
    fixed.chain(any_region).chain(extra.iter().cloned()).collect()
}

/// Returns when an authority that is created now expires.
pub(super) fn authority_until(now: UnixSeconds) -> u64 {
    now.0 + AUTHORITY_VALIDITY
}

/// Creates an authority that can sign for these names only, so that a stolen key is of no use for any other name.
pub(super) fn authority(names: &[String], now: UnixSeconds) -> anyhow::Result<CertificateAndKey> {
    let key = KeyPair::generate()?;
    let mut params = authority_params(&key);
    set_validity(&mut params, now, AUTHORITY_VALIDITY);
    let permitted_subtrees = names.iter().map(|name| subtree(name)).collect();
    params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
    let certificate = params.self_signed(&key)?;
    Ok(CertificateAndKey { certificate: certificate.pem(), key: key.serialize_pem() })
}

/// Creates a server certificate for these names, signed by the authority with this key.
pub(super) fn server(
    names: &[String],
    authority_key: &str,
    now: UnixSeconds,
) -> anyhow::Result<CertificateAndKey> {
    let authority_key = KeyPair::from_pem(authority_key).context("the authority's key can't be read")?;
    let issuer = Issuer::new(authority_params(&authority_key), authority_key);
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "portraitd");
    set_validity(&mut params, now, SERVER_VALIDITY);
    params.subject_alt_names =
        names.iter().map(|name| alternative_name(name)).collect::<anyhow::Result<_>>()?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, &issuer)?;
    Ok(CertificateAndKey { certificate: certificate.pem(), key: key.serialize_pem() })
}

/// Returns the parameters of an authority that its signatures depend on. All are derived from its key, so that a later
/// run can sign with the stored key alone.
fn authority_params(key: &KeyPair) -> CertificateParams {
    // The name contains a hash of the key: clients that look up issuers by name could confuse two authorities.
    let digest = Sha256::digest(key.public_key_raw());
    let short = digest.iter().take(4).fold(0_u32, |short, byte| (short << 8) | u32::from(*byte));
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, format!("{AUTHORITY} {short:08x}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn subtree(name: &str) -> GeneralSubtree {
    match name.parse::<IpAddr>() {
        Ok(address @ IpAddr::V4(_)) => GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(address, 32)),
        Ok(address @ IpAddr::V6(_)) => GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(address, 128)),
        // A subtree has every name below it.
        Err(_) => GeneralSubtree::DnsName(name.trim_start_matches("*.").to_owned()),
    }
}

fn alternative_name(name: &str) -> anyhow::Result<SanType> {
    Ok(match name.parse::<IpAddr>() {
        Ok(address) => SanType::IpAddress(address),
        Err(_) => {
            SanType::DnsName(name.try_into().with_context(|| format!("`{name}` is not a valid DNS name"))?)
        }
    })
}

fn set_validity(params: &mut CertificateParams, now: UnixSeconds, validity: u64) {
    let epoch = date_time_ymd(1970, 1, 1);
    params.not_before = epoch + Duration::from_secs(now.0.saturating_sub(BACKDATED));
    params.not_after = epoch + Duration::from_secs(now.0 + validity);
}

//! Generated secrets: app keys and admin tokens. All random bytes that the process uses are requested here.

use portraitd_model::AppKey;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use subtle::ConstantTimeEq;

/// A bearer token of the admin API, kept as its SHA-256; the token itself stays in no struct.
#[derive(Clone, Copy)]
pub struct AdminToken([u8; 32]);

impl AdminToken {
    /// Hashes a token.
    pub fn new(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// Returns the token with this stored hash.
    pub(crate) fn from_hash(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    /// Returns the SHA-256 that is stored.
    pub(crate) fn hash(self) -> [u8; 32] {
        self.0
    }

    /// Returns whether both are the same token, in constant time.
    pub(crate) fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// Returns a random app key in the cloud's form: 64 hexadecimal characters.
pub fn random_key() -> anyhow::Result<AppKey> {
    AppKey::parse(&random_hex::<32>()?)
        .ok_or_else(|| anyhow::anyhow!("the generated app key is not valid (a bug in portraitd)"))
}

/// Returns a random admin token: 48 hexadecimal characters.
pub fn random_token() -> anyhow::Result<String> {
    random_hex::<24>()
}

/// Returns a random number.
pub fn random_u64() -> anyhow::Result<u64> {
    let mut bytes = [0; 8];
    fill_random(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

fn random_hex<const BYTES: usize>() -> anyhow::Result<String> {
    let mut bytes = [0; BYTES];
    fill_random(&mut bytes)?;
    Ok(bytes.iter().fold(String::with_capacity(BYTES * 2), |mut hex, byte| {
        // Writing into a String can't fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}

fn fill_random(bytes: &mut [u8]) -> anyhow::Result<()> {
    getrandom::fill(bytes)
        .map_err(|error| anyhow::anyhow!("the operating system returned no random bytes: {error}"))
}

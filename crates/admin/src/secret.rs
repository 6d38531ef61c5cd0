//! Secrets made here: app keys, the admin token. All randomness of the process comes through this file.

use portraitd_model::AppKey;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use subtle::ConstantTimeEq;

/// A bearer token of the admin API, kept as its SHA-256: the token itself is nowhere in memory.
#[derive(Clone, Copy)]
pub struct AdminToken([u8; 32]);

impl AdminToken {
    /// Keeps a token's hash.
    pub fn new(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// A token whose hash was kept.
    pub(crate) fn of_hash(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    /// What is kept of it.
    pub(crate) fn hash(self) -> [u8; 32] {
        self.0
    }

    /// Whether both are the same, in constant time.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// A random app key like the cloud's: 64 hexadecimal characters.
pub fn random_key() -> anyhow::Result<AppKey> {
    AppKey::parse(&random_hex::<32>()?).ok_or_else(|| anyhow::anyhow!("a random key was refused"))
}

/// A random admin token.
pub fn random_token() -> anyhow::Result<String> {
    random_hex::<24>()
}

/// A random number that tells processes apart.
pub fn random_u64() -> anyhow::Result<u64> {
    let mut bytes = [0; 8];
    fill(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

fn random_hex<const BYTES: usize>() -> anyhow::Result<String> {
    let mut bytes = [0; BYTES];
    fill(&mut bytes)?;
    Ok(bytes.iter().fold(String::with_capacity(BYTES * 2), |mut hex, byte| {
        // Writing into a String can't fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}

fn fill(bytes: &mut [u8]) -> anyhow::Result<()> {
    getrandom::fill(bytes).map_err(|error| anyhow::anyhow!("the system gives no random bytes: {error}"))
}

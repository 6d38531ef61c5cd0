//! Trust stores in JKS, Java's own format. Every JDK reads it, whatever its default format is.

use std::fmt::Write as _;

const MAGIC: u32 = 0xfeed_feed;
const VERSION: u32 = 2;
const TRUSTED_CERTIFICATE: u32 = 2;
/// The constant that the format hashes after the password.
const WHITENER: &[u8] = b"Mighty Aphrodite";

/// The password, which is Java's default: the store contains no secret.
pub(super) const PASSWORD: &str = "changeit";

/// Returns a store of trusted certificates, each with its alias.
pub(super) fn trust_store(certificates: &[(String, &[u8])], created_at_millis: u64) -> Vec<u8> {
    let mut store = Vec::new();
    put_number(&mut store, MAGIC);
    put_number(&mut store, VERSION);
    put_length(&mut store, certificates.len());
    for (alias, certificate) in certificates {
        put_number(&mut store, TRUSTED_CERTIFICATE);
        put_text(&mut store, alias);
        store.extend_from_slice(&created_at_millis.to_be_bytes());
        put_text(&mut store, "X.509");
        put_length(&mut store, certificate.len());
        store.extend_from_slice(certificate);
    }
    let mut hash = ring::digest::Context::new(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY);
    let password: Vec<u8> = PASSWORD.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for part in [password.as_slice(), WHITENER, &store] {
        hash.update(part);
    }
    store.extend_from_slice(hash.finish().as_ref());
    store
}

/// Returns the alias of the system's certificate with this index.
pub(super) fn alias(index: usize) -> String {
    let mut alias = String::from("system-");
    // Writing into a String can't fail.
    let _ = write!(alias, "{index:04}");
    alias
}

fn put_number(store: &mut Vec<u8>, number: u32) {
    store.extend_from_slice(&number.to_be_bytes());
}

/// Writes a length as 32 bits. Certificates have a few kilobytes, and there are a few hundred of them.
fn put_length(store: &mut Vec<u8>, length: usize) {
    put_number(store, u32::try_from(length).unwrap_or(u32::MAX));
}

/// Writes a text, which must be ASCII: that is the same in Java's modified UTF-8.
fn put_text(store: &mut Vec<u8>, text: &str) {
    store.extend_from_slice(&u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    store.extend_from_slice(text.as_bytes());
}

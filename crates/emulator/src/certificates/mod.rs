//! The emulator's certificates: an authority of this user's own, which can vouch for the cloud's names and this
//! machine's alone, and a server certificate that it signed. Kept in a directory, used again, renewed in time.

pub mod directory;
mod issue;
mod jks;
pub mod resolver;

use anyhow::Context;
use std::net::IpAddr;

/// Checks a name that is to be added to the certificate: a DNS name or an address, no wildcard.
pub fn parse_name(text: &str) -> anyhow::Result<String> {
    let name = text.to_ascii_lowercase();
    if name.parse::<IpAddr>().is_ok() {
        return Ok(name);
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
    };
    let fits = name.len() <= 253 && name.split('.').all(is_label);
    fits.then_some(name).with_context(|| {
        format!("`{text}` can't be in a certificate: give a DNS name such as portraitd.test, or an address")
    })
}

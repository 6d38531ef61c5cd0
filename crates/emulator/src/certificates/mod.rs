//! The emulator's certificates: a certificate authority of the user's own, and a server certificate that it signed. Name
//! constraints limit the authority to the cloud's names, this machine's, and those that the user adds.

pub mod directory;
mod issue;
mod jks;
pub mod resolver;
mod trust_files;

use anyhow::Context;
use std::net::IpAddr;

/// Checks a name that is added to the certificate: a DNS name or an IP address, no wildcard.
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
        format!(
            "`{text}` can't be in a certificate: give a DNS name such as portraitd.test, or an IP address"
        )
    })
}

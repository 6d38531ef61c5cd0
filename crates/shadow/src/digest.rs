//! Digests that stand for values and UserIDs in reports: equal ones can be recognised, none can be read.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// How many hexadecimal digits of a SHA-256 are shown.
const DIGITS: usize = 12;

/// Makes digests. The salt is random, of one run, and never shown: without it, short values could be found by trying.
pub(crate) struct Digests {
    salt: [u8; 32],
}

impl Digests {
    pub(crate) fn new(salt: [u8; 32]) -> Self {
        Self { salt }
    }

    /// Returns the digest of a UserID or of another text.
    pub(crate) fn text(&self, text: &str) -> String {
        self.bytes(b"text", text.as_bytes())
    }

    /// Returns the digest of a value.
    pub(crate) fn value(&self, value: &Value) -> String {
        self.bytes(b"json", value.to_string().as_bytes())
    }

    fn bytes(&self, kind: &[u8], bytes: &[u8]) -> String {
        let hash = Sha256::new().chain_update(self.salt).chain_update(kind).chain_update(bytes).finalize();
        let mut hex = String::with_capacity(DIGITS);
        for byte in hash.iter().take(DIGITS / 2) {
            for half in [byte >> 4, byte & 15] {
                hex.extend(char::from_digit(half.into(), 16));
            }
        }
        hex
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn equal_values_are_recognised_within_a_run_alone() {
        let (one, other) = (Digests::new([1; 32]), Digests::new([2; 32]));
        assert_eq!(one.value(&json!("a")), one.value(&json!("a")));
        assert_ne!(one.value(&json!(1)), one.value(&json!("1")));
        assert_ne!(one.value(&json!("a")), other.value(&json!("a")));
        assert_ne!(one.text("a"), one.value(&json!("a")));
        assert_eq!(one.text("a").len(), DIGITS);
        assert!(one.text("a").bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}

//! The identity of a store, independent of the name of its directory.

use std::fmt;
use std::str::FromStr;

/// Identifies a store: 128 random bits, drawn when the store is created and again for each copy of it (backup, restore, an
/// emulator's reset). Written as 32 lower-case hexadecimal digits.
///
/// An import, an export or a migration that continues after a stop remembers it, and refuses to continue on another store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StoreId([u8; Self::BYTES]);

/// The text is not a [`StoreId`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a store's id is 32 lower-case hexadecimal digits")]
pub struct StoreIdError;

impl StoreId {
    /// The length of its stored form.
    pub const BYTES: usize = 16;

    /// A new identity.
    ///
    /// # Panics
    /// When the system gives no random bytes; it then makes no keys either.
    #[expect(clippy::expect_used, reason = "without random bytes from the system nothing here works")]
    pub fn random() -> Self {
        let mut bytes = [0; Self::BYTES];
        getrandom::fill(&mut bytes).expect("the system gives random bytes");
        Self(bytes)
    }

    /// An identity that an engine has stored.
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// The form that an engine stores.
    pub const fn to_bytes(self) -> [u8; Self::BYTES] {
        self.0
    }
}

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreId({self})")
    }
}

impl FromStr for StoreId {
    type Err = StoreIdError;

    fn from_str(text: &str) -> Result<Self, StoreIdError> {
        let digits = text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        if text.len() != 2 * Self::BYTES || !digits {
            return Err(StoreIdError);
        }
        u128::from_str_radix(text, 16).map(|number| Self(number.to_be_bytes())).map_err(|_| StoreIdError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_nothing_else_does() {
        let id = StoreId::from_bytes([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]);
        assert_eq!(id.to_string(), "000102030405060708090a0b0c0d0eff");
        assert_eq!(id.to_string().parse(), Ok(id));
        let upper = id.to_string().to_uppercase();
        for wrong in
            ["", "00", "+0102030405060708090a0b0c0d0eff1", &upper, &format!("{id}0"), &format!(" {id}")]
        {
            assert_eq!(wrong.parse::<StoreId>(), Err(StoreIdError), "{wrong}");
        }
        assert_ne!(StoreId::random(), StoreId::random());
    }
}

//! A cache of verified UserSigs. Clients use a UserSig for minutes or months; inflating and verifying it each time would be
//! the most expensive step of a small call.

use crate::primitives::{Mutex, MutexGuard};
use portraitd_model::{KeyId, UserSig};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError};

/// A UserSig that is signed with a key of an app.
#[derive(Debug)]
pub struct VerifiedSig {
    /// The UserSig. Its account and expiry must still be checked.
    pub sig: UserSig,
    /// The number of the key.
    pub key: KeyId,
}

/// The verified UserSigs of one app, by their whole text. A change of the app's settings (a key revoked, an admin kicked)
/// makes a new [`App`](crate::registry::App) with an empty cache.
#[derive(Default)]
pub struct VerifiedSigs(Mutex<HashMap<Box<str>, Arc<VerifiedSig>>>);

impl VerifiedSigs {
    /// The most entries; at about 700 bytes each, less than 1 MB an app.
    const MAX: usize = 1024;

    /// Returns a UserSig that was verified before. Its account and expiry must still be checked.
    pub fn get(&self, text: &str) -> Option<Arc<VerifiedSig>> {
        self.lock().get(text).cloned()
    }

    /// Adds a UserSig that is signed with a key of this app.
    pub(crate) fn insert(&self, text: &str, sig: Arc<VerifiedSig>) {
        let mut sigs = self.lock();
        // Clients that sign every call fill the cache with UserSigs that are not used again: clear it.
        if sigs.len() >= Self::MAX {
            sigs.clear();
        }
        sigs.insert(text.into(), sig);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Arc<VerifiedSig>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Without the UserSigs, which are secrets.
impl fmt::Debug for VerifiedSigs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifiedSigs({})", self.lock().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portraitd_model::{AppKey, SdkAppId, SignRequest, UnixSeconds, UserId, sign};

    #[test]
    fn the_cache_is_bounded_and_its_debug_output_has_no_usersig() {
        crate::primitives::run(fill);
    }

    fn fill() {
        let key = AppKey::parse("key").unwrap();
        let (app, identifier) = (SdkAppId(1), UserId::parse("a").unwrap());
        let request = SignRequest { app, identifier, time: UnixSeconds(1), expire: 1, userbuf: None };
        let text = sign(&key, request);
        let sig = Arc::new(VerifiedSig { sig: UserSig::decode(&text).unwrap(), key: KeyId(1) });
        let sigs = VerifiedSigs::default();
        assert!(sigs.get(&text).is_none());
        sigs.insert(&text, Arc::clone(&sig));
        assert!(sigs.get(&text).is_some_and(|known| Arc::ptr_eq(&known, &sig)));
        for n in 0..VerifiedSigs::MAX * 3 {
            sigs.insert(&n.to_string(), Arc::clone(&sig));
            assert!(sigs.lock().len() <= VerifiedSigs::MAX);
        }
        assert!(!format!("{sigs:?}").contains(&text));
    }
}

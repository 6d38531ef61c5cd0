//! UserSigs that were verified. Callers use one for minutes or months; inflating and checking it each time would be
//! the dearest step of a small call.

use crate::sync::{Mutex, MutexGuard};
use portraitd_model::UserSig;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError};

/// The verified UserSigs of one app's snapshot, by their whole text. A change of the app's settings (a key revoked, an
/// admin kicked) makes a new snapshot, and with it an empty memory.
#[derive(Default)]
pub struct VerifiedSigs(Mutex<HashMap<Box<str>, Arc<UserSig>>>);

impl VerifiedSigs {
    /// The most that are remembered; at some 700 bytes each, under a megabyte an app.
    const MAX: usize = 1024;

    /// One that was verified before. Whom it is for and when it expires must still be checked.
    pub fn get(&self, text: &str) -> Option<Arc<UserSig>> {
        self.lock().get(text).cloned()
    }

    /// Remembers one that was signed with a key of this snapshot.
    pub(crate) fn remember(&self, text: &str, sig: Arc<UserSig>) {
        let mut sigs = self.lock();
        // Callers that sign anew for every call fill the memory with what never comes back: start over.
        if sigs.len() >= Self::MAX {
            sigs.clear();
        }
        sigs.insert(text.into(), sig);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Arc<UserSig>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// By hand: a UserSig is a secret.
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
    fn the_memory_is_bounded_and_shows_nothing() {
        crate::sync::run(fill);
    }

    fn fill() {
        let key = AppKey::parse("key").unwrap();
        let (app, identifier) = (SdkAppId(1), UserId::parse("a").unwrap());
        let request = SignRequest { app, identifier, time: UnixSeconds(1), expire: 1, userbuf: None };
        let text = sign(&key, request);
        let sig = Arc::new(UserSig::decode(&text).unwrap());
        let sigs = VerifiedSigs::default();
        assert!(sigs.get(&text).is_none());
        sigs.remember(&text, Arc::clone(&sig));
        assert!(sigs.get(&text).is_some_and(|known| Arc::ptr_eq(&known, &sig)));
        for n in 0..VerifiedSigs::MAX * 3 {
            sigs.remember(&n.to_string(), Arc::clone(&sig));
            assert!(sigs.lock().len() <= VerifiedSigs::MAX);
        }
        assert!(!format!("{sigs:?}").contains(&text));
    }
}

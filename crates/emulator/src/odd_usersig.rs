//! UserSigs that are good, but hardly as their signer meant them: times in milliseconds, an expiry that is a point in time.
//! The cloud takes them without a word, and they are good for longer or shorter than meant.

use crate::refused::RefusedRequest;
use portraitd_api::query::Query;
use portraitd_model::{SdkAppId, UnixMillis, UserSig, sig_warnings};
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

/// As many UserSigs are remembered as seen.
const SEEN_MAX: usize = 256;

/// Warns of each UserSig once.
#[derive(Debug, Default)]
pub(crate) struct OddUserSigs {
    /// Hashes of the last ones, oldest first.
    seen: Mutex<VecDeque<u64>>,
}

impl OddUserSigs {
    /// Returns a warning of the UserSig in the query of a call that succeeded; `None` when nothing is odd about it, or when it
    /// was seen before.
    pub(crate) fn warning(
        &self,
        query: &str,
        app: Option<SdkAppId>,
        now: UnixMillis,
    ) -> Option<RefusedRequest> {
        let query = Query::parse(query).ok()?;
        if !self.is_new(&query.usersig) {
            return None;
        }
        let warnings = sig_warnings(&UserSig::decode(&query.usersig).ok()?, now.seconds());
        (!warnings.is_empty()).then(|| {
            let sentence = |language| {
                let sentences: Vec<String> =
                    warnings.iter().map(|warning| warning.explain(language)).collect();
                sentences.join("; ")
            };
            RefusedRequest::of_usersig(now, app, &query.identifier, sentence)
        })
    }

    fn is_new(&self, usersig: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        usersig.hash(&mut hasher);
        let hash = hasher.finish();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.contains(&hash) {
            return false;
        }
        if seen.len() == SEEN_MAX {
            seen.pop_front();
        }
        seen.push_back(hash);
        true
    }
}

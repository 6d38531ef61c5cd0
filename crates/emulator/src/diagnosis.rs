//! Why a UserSig was refused: found on a blocking thread, a few at a time, and kept for a client that tries again.

use portraitd_api::hook::RefusedSig;
use portraitd_model::{Diagnosis, SdkAppId, UnixSeconds, diagnose};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// How many UserSigs are diagnosed at once: each takes some milliseconds of a processor.
const AT_ONCE_MAX: usize = 2;

/// The longest wait for a diagnosis; after that the answer has the code's meaning alone.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Diagnoses UserSigs with the keys of every app.
pub(crate) struct Diagnoses {
    permits: Semaphore,
    /// A client that retries sends the same UserSig again and again.
    last: Mutex<Option<(Question, Diagnosis)>>,
}

/// All that a diagnosis follows from; the revisions stand for the keys.
#[derive(Clone, PartialEq, Eq)]
struct Question {
    usersig: String,
    app: SdkAppId,
    identifier: String,
    now: UnixSeconds,
    revisions: Vec<(SdkAppId, u64)>,
}

impl Default for Diagnoses {
    fn default() -> Self {
        Self { permits: Semaphore::new(AT_ONCE_MAX), last: Mutex::default() }
    }
}

impl Diagnoses {
    /// Says why a UserSig was refused; `None` when that is not found in time.
    pub(crate) async fn find(&self, refused: RefusedSig<'_>) -> Option<Diagnosis> {
        let RefusedSig { app, usersig, identifier, now, registry } = refused;
        let apps = registry.all();
        let question = Question {
            usersig: usersig.to_owned(),
            app,
            identifier: identifier.to_owned(),
            now,
            revisions: apps.iter().map(|app| (app.settings.id, app.revision)).collect(),
        };
        if let Some(known) = self.known(&question) {
            return Some(known);
        }
        let keys = registry.keys();
        let diagnosing = async {
            let _permit = self.permits.acquire().await.ok()?;
            if let Some(known) = self.known(&question) {
                return Some(known);
            }
            let asked = question.clone();
            let work = move || diagnose(&asked.usersig, asked.app, &keys, &asked.identifier, asked.now);
            let found = tokio::task::spawn_blocking(work).await.ok()??;
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((question, found.clone()));
            Some(found)
        };
        tokio::time::timeout(TIMEOUT, diagnosing).await.ok().flatten()
    }

    fn known(&self, question: &Question) -> Option<Diagnosis> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().filter(|(known, _)| known == question).map(|(_, found)| found.clone())
    }
}

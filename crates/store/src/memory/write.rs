//! What each write does to the engine in memory.

use super::{Account, Inner};
use crate::engine::OutboxDelta;
use crate::{
    Change, DELETIONS_UNIT_MAX, Delete, Discard, ForgetDeletions, Import, Kick, NoteOnly, Probe, PutApp,
    PutToken, RecordDeliveries, RemoveApp, RemoveToken, Replay, StoreError, Write, WriteOutcome,
};
use portraitd_model::{ProfileEvent, SdkAppId, UserId};

impl Inner {
    pub(super) fn run(&mut self, write: Write, delta: &mut OutboxDelta) -> Result<WriteOutcome, StoreError> {
        Ok(match write {
            Write::Change(change) => {
                self.apply(change, delta)?;
                WriteOutcome::Done
            }
            Write::Import(import) => WriteOutcome::LeftOut(self.import(&import, delta)),
            Write::Delete(delete) => WriteOutcome::Deleted(self.delete(&delete)),
            Write::ForgetDeletions(forget) => WriteOutcome::Counted(self.forget_deletions(&forget)),
            Write::Kick(Kick { app, user, at }) => {
                let state = &mut self.account(app, user)?.state;
                state.kicked_at = state.kicked_at.max(Some(at));
                WriteOutcome::Done
            }
            Write::PutApp(put) => WriteOutcome::Revision(self.put_app(put)?),
            Write::RemoveApp(RemoveApp(app)) => {
                WriteOutcome::Counted(usize::from(self.apps.remove(&app).is_some()))
            }
            Write::RecordDeliveries(RecordDeliveries { app, outcomes }) => {
                for (seq, outcome) in outcomes {
                    self.outbox.record_delivery(app, seq, outcome, delta);
                }
                WriteOutcome::Done
            }
            Write::Discard(Discard { app, state, selection }) => {
                WriteOutcome::Counted(self.outbox.discard(app, state, selection, delta))
            }
            Write::Replay(Replay { app, selection }) => {
                WriteOutcome::Counted(self.outbox.replay(app, selection, delta))
            }
            Write::PutToken(PutToken(token)) => {
                self.admin.put_token(token)?;
                WriteOutcome::Done
            }
            Write::RemoveToken(RemoveToken(name)) => WriteOutcome::Counted(self.admin.remove_token(&name)),
            Write::Probe(Probe) | Write::NoteOnly(NoteOnly) => WriteOutcome::Done,
        })
    }

    fn account(&mut self, app: SdkAppId, user: UserId) -> Result<&mut Account, StoreError> {
        self.accounts.get_mut(&(app, user)).ok_or(StoreError::NoSuchAccount)
    }

    fn apply(&mut self, change: Change, delta: &mut OutboxDelta) -> Result<(), StoreError> {
        let Change { app, user, patch, at, origin } = change;
        let changed = self.account(app, user)?.profile.merge(&patch);
        if let Some(origin) = origin.filter(|_| changed) {
            let event = ProfileEvent::of(&origin, 0, user, at, patch.items());
            self.outbox.append(app, event.into(), delta);
        }
        Ok(())
    }

    fn import(&mut self, import: &Import, delta: &mut OutboxDelta) -> Vec<UserId> {
        let mut left_out = Vec::new();
        for (index, seed) in import.seeds.iter().enumerate() {
            let key = (import.app, seed.user.id());
            let deleted_at = self.deletions.get(&key);
            let deleted = deleted_at.is_some_and(|at| import.deleted_after.is_some_and(|after| *at > after));
            if deleted && !self.accounts.contains_key(&key) {
                left_out.push(key.1);
                continue;
            }
            let changed = self.create(key).profile.merge(&seed.patch);
            if let Some(origin) = import.origin.as_ref().filter(|_| changed) {
                let event = ProfileEvent::of(origin, index, key.1, import.at, seed.patch.items());
                self.outbox.append(import.app, event.into(), delta);
            }
        }
        left_out
    }

    /// The account, created if need be.
    fn create(&mut self, key: (SdkAppId, UserId)) -> &mut Account {
        self.deletions.remove(&key);
        self.accounts.entry(key).or_default()
    }

    fn delete(&mut self, delete: &Delete) -> Vec<bool> {
        let app = delete.app;
        let mut remove = |user: &UserId| {
            let existed = self.accounts.remove(&(app, *user)).is_some();
            if let Some(at) = delete.noted_at.filter(|_| existed) {
                self.deletions.insert((app, *user), at);
            }
            existed
        };
        delete.users.iter().map(&mut remove).collect()
    }

    fn forget_deletions(&mut self, forget: &ForgetDeletions) -> usize {
        let due = self.deletions.iter().filter(|((app, _), at)| *app == forget.app && **at <= forget.until);
        let due: Vec<_> = due.map(|(key, _)| *key).take(DELETIONS_UNIT_MAX).collect();
        for key in &due {
            self.deletions.remove(key);
        }
        due.len()
    }

    fn put_app(&mut self, put: PutApp) -> Result<u64, StoreError> {
        let PutApp { settings, expected } = put;
        if self.apps.get(&settings.id).map(|(_, revision)| *revision) != expected {
            return Err(StoreError::Conflict);
        }
        let revision = expected.unwrap_or(0) + 1;
        for admin in &settings.admins {
            self.create((settings.id, *admin));
        }
        self.apps.insert(settings.id, (*settings, revision));
        Ok(revision)
    }
}

//! The operator's side of the engine in memory.

use super::{Inner, MemoryStore};
use crate::operator::{
    AUDIT_ENTRIES_MAX, AuditEntry, AuditSeq, Note, OperatorStore, OperatorWrite, TOKENS_MAX, TokenRecord,
    Written,
};
use crate::outbox::Effects;
use crate::{StoreError, StoreFuture};
use portrait_model::{SdkAppId, Tag};
use std::collections::{BTreeMap, VecDeque};

/// Tokens and the audit log.
#[derive(Default)]
pub(super) struct Office {
    tokens: BTreeMap<String, TokenRecord>,
    entries: VecDeque<AuditEntry>,
    last: u64,
}

impl Office {
    fn append(&mut self, note: Note) {
        self.last += 1;
        self.entries.push_back(AuditEntry { seq: AuditSeq(self.last), note });
        if self.entries.len() as u64 > AUDIT_ENTRIES_MAX {
            self.entries.pop_front();
        }
    }

    fn put_token(&mut self, token: TokenRecord) -> Result<(), StoreError> {
        if self.tokens.len() >= TOKENS_MAX {
            let why =
                format!("there are {TOKENS_MAX} tokens already, the most there can be; revoke one first");
            return Err(StoreError::Refused(why));
        }
        if self.tokens.contains_key(&token.name) {
            return Err(StoreError::Conflict);
        }
        self.tokens.insert(token.name.clone(), token);
        Ok(())
    }
}

impl OperatorStore for MemoryStore {
    fn operate(&self, write: OperatorWrite, note: Note) -> StoreFuture<'_, Written> {
        self.write(|inner, effects| {
            let written = operate(inner, effects, write)?;
            if written.changed() {
                inner.office.append(note);
            }
            Ok(written)
        })
    }

    fn audit(
        &self,
        app: Option<SdkAppId>,
        before: Option<AuditSeq>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<AuditEntry>> {
        self.read(|inner| {
            let newest_first = inner.office.entries.iter().rev();
            let older = newest_first.filter(|entry| before.is_none_or(|before| entry.seq < before));
            older.filter(|entry| app.is_none() || entry.note.app == app).take(limit).cloned().collect()
        })
    }

    fn tokens(&self) -> StoreFuture<'_, Vec<TokenRecord>> {
        self.read(|inner| inner.office.tokens.values().cloned().collect())
    }

    fn accounts_count(&self, app: SdkAppId) -> StoreFuture<'_, u64> {
        self.read(|inner| inner.accounts.keys().filter(|(other, _)| *other == app).count() as u64)
    }

    fn holders_count(&self, app: SdkAppId, tag: Tag) -> StoreFuture<'_, u64> {
        self.read(|inner| {
            let of_app = inner.accounts.iter().filter(|((other, _), _)| *other == app);
            of_app.filter(|(_, account)| account.profile.get(tag).is_some()).count() as u64
        })
    }
}

fn operate(inner: &mut Inner, effects: &mut Effects, write: OperatorWrite) -> Result<Written, StoreError> {
    Ok(match write {
        OperatorWrite::PutApp { settings, expected } => {
            Written::Revision(inner.put_app(*settings, expected)?)
        }
        OperatorWrite::Apply(change) => {
            inner.apply(change, effects)?;
            Written::Done
        }
        OperatorWrite::Import { app, seeds, at, origin } => {
            inner.import(app, &seeds, at, origin.as_ref(), None, effects);
            Written::Done
        }
        OperatorWrite::Delete { app, users, noted_at } => {
            Written::Deleted(inner.delete(app, &users, noted_at))
        }
        OperatorWrite::Discard { app, state, selection } => {
            Written::Counted(inner.outbox.discard(app, state, selection, effects))
        }
        OperatorWrite::Replay { app, selection } => {
            Written::Counted(inner.outbox.replay(app, selection, effects))
        }
        OperatorWrite::PutToken(token) => {
            inner.office.put_token(token)?;
            Written::Done
        }
        OperatorWrite::RemoveToken(name) => {
            Written::Counted(usize::from(inner.office.tokens.remove(&name).is_some()))
        }
        OperatorWrite::Nothing => Written::Done,
    })
}

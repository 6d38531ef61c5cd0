//! Tokens and the audit log of the engine in memory.

use crate::{AUDIT_ENTRIES_MAX, AuditEntry, AuditNote, AuditSeq, StoreError, TOKENS_MAX, TokenRecord};
use portraitd_model::SdkAppId;
use std::collections::{BTreeMap, VecDeque};

/// Tokens and the audit log.
#[derive(Default)]
pub(super) struct AdminTables {
    tokens: BTreeMap<String, TokenRecord>,
    entries: VecDeque<AuditEntry>,
    last: u64,
}

impl AdminTables {
    /// Appends a note; removes the oldest beyond the limit.
    pub(super) fn append(&mut self, note: AuditNote) {
        self.last += 1;
        self.entries.push_back(AuditEntry { seq: AuditSeq(self.last), note });
        if self.entries.len() as u64 > AUDIT_ENTRIES_MAX {
            self.entries.pop_front();
        }
    }

    pub(super) fn put_token(&mut self, token: TokenRecord) -> Result<(), StoreError> {
        if self.tokens.len() >= TOKENS_MAX {
            return Err(StoreError::too_many_tokens(TOKENS_MAX));
        }
        if self.tokens.contains_key(&token.name) {
            return Err(StoreError::Conflict);
        }
        self.tokens.insert(token.name.clone(), token);
        Ok(())
    }

    pub(super) fn remove_token(&mut self, name: &str) -> usize {
        usize::from(self.tokens.remove(name).is_some())
    }

    pub(super) fn tokens(&self) -> Vec<TokenRecord> {
        self.tokens.values().cloned().collect()
    }

    pub(super) fn audit(
        &self,
        app: Option<SdkAppId>,
        before: Option<AuditSeq>,
        limit: usize,
    ) -> Vec<AuditEntry> {
        let newest_first = self.entries.iter().rev();
        let older = newest_first.filter(|entry| before.is_none_or(|before| entry.seq < before));
        older.filter(|entry| app.is_none() || entry.note.app == app).take(limit).cloned().collect()
    }
}

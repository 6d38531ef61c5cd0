//! The whole content of a store in its stored form, to copy it from one engine to another while no server uses either.

use crate::admin::{AuditEntry, TokenRecord};
use crate::future::StoreFuture;
use crate::identity::StoreId;
use crate::outbox::OutboxSeq;
use portraitd_model::{SdkAppId, UnixMillis, UserId};

/// One part of a store's content; its rows have an order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Section {
    /// The apps with their settings and words, by number.
    Apps,
    /// The admin tokens, by name.
    Tokens,
    /// The audit log, oldest first.
    Audit,
    /// An app's accounts, by the bytes of their ids.
    Accounts(SdkAppId),
    /// An app's notes of deletions, by the bytes of the ids.
    Deletions(SdkAppId),
    /// An app's events, waiting and parked, by place.
    Events(SdkAppId),
}

/// Where a row stands in its section.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum RowKey {
    /// An app's number, an entry's or an event's place.
    Number(u64),
    /// A UserID, or a token's name.
    Name(String),
}

/// A row in its stored form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StoredRow {
    /// An app; settings and words as [`codec`](crate::codec) encodes them.
    App {
        /// Its number.
        id: SdkAppId,
        /// The revision of its settings.
        revision: u64,
        /// Its settings.
        settings: Vec<u8>,
        /// Its words.
        words: Vec<u8>,
    },
    /// A token.
    Token(TokenRecord),
    /// An entry of the audit log.
    Audit(AuditEntry),
    /// An account.
    Account {
        /// Its id.
        user: UserId,
        /// When it was created.
        created: UnixMillis,
        /// The second of its last kick; 0 = never.
        kicked_at: u64,
        /// Its profile as [`codec`](crate::codec) encodes it, also when it is damaged.
        profile: Vec<u8>,
    },
    /// The note of a deletion.
    Deletion {
        /// The account that was deleted.
        user: UserId,
        /// When.
        at: UnixMillis,
    },
    /// An event.
    Event {
        /// Its place, which a copy need not keep.
        seq: OutboxSeq,
        /// Whether it is parked.
        parked: bool,
        /// The failed attempts.
        attempts: u32,
        /// The time of the next attempt.
        due: UnixMillis,
        /// Why the last attempt failed; empty = none has.
        failure: Vec<u8>,
        /// The event as [`codec`](crate::codec) encodes it, also when it is damaged.
        event: Vec<u8>,
    },
}

impl StoredRow {
    /// Where it stands in its section.
    pub fn key(&self) -> RowKey {
        match self {
            Self::App { id, .. } => RowKey::Number(id.0.into()),
            Self::Token(token) => RowKey::Name(token.name.clone()),
            Self::Audit(entry) => RowKey::Number(entry.seq.0),
            Self::Account { user, .. } | Self::Deletion { user, .. } => {
                RowKey::Name(user.as_str().to_owned())
            }
            Self::Event { seq, .. } => RowKey::Number(seq.0),
        }
    }

    /// Everything that a copy keeps, as one sequence of bytes that no other row has.
    pub fn image(&self) -> Vec<u8> {
        let mut image = Image(Vec::new());
        match self {
            Self::App { id, revision, settings, words } => {
                image.number(id.0.into()).number(*revision).bytes(settings).bytes(words);
            }
            Self::Token(token) => {
                let (name, role) = (token.name.as_bytes(), token.role.as_str().as_bytes());
                image.bytes(name).bytes(&token.hash).number(token.created.0).bytes(role);
            }
            Self::Audit(entry) => {
                let app = entry.note.app.map_or(0, |app| app.0);
                image.number(entry.seq.0).number(app.into()).number(entry.note.at.0);
                image.bytes(entry.note.text.as_bytes());
            }
            Self::Account { user, created, kicked_at, profile } => {
                image.bytes(user.as_str().as_bytes()).number(created.0).number(*kicked_at).bytes(profile);
            }
            Self::Deletion { user, at } => {
                image.bytes(user.as_str().as_bytes()).number(at.0);
            }
            Self::Event { parked, attempts, due, failure, event, .. } => {
                image.number(u64::from(*parked)).number((*attempts).into()).number(due.0);
                image.bytes(failure).bytes(event);
            }
        }
        image.0
    }
}

struct Image(Vec<u8>);

impl Image {
    fn number(&mut self, number: u64) -> &mut Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    /// With their length in front, so that no two sequences of parts look the same.
    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.number(bytes.len() as u64);
        self.0.extend(bytes);
        self
    }
}

/// A store that no server uses.
pub trait Contents: Send {
    /// The identity of the store.
    fn id(&self) -> StoreId;

    /// Reads rows of a section in their order, those after a key; at most `limit`.
    fn read(
        &mut self,
        section: Section,
        after: Option<RowKey>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<StoredRow>>;

    /// How many accounts each app has; an app without is absent. Reads no account.
    fn populations(&mut self) -> StoreFuture<'_, Vec<(SdkAppId, u64)>>;

    /// Fails when a server has used the store since it was opened.
    fn ensure_unused(&mut self) -> StoreFuture<'_, ()>;
}

/// What is in a store that is to become a copy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CopyStart {
    /// Nothing.
    New,
    /// Part of a copy of the same store.
    Continued,
    /// Part of a copy of another store.
    OfAnother(StoreId),
    /// A store of its own.
    NotEmpty,
}

/// A store that becomes the copy of another. Until it is finished no server starts on it.
pub trait CopyTarget: Contents {
    /// Begins or continues a copy of a store; [`CopyStart::OfAnother`] and [`CopyStart::NotEmpty`] change nothing.
    fn begin(&mut self, source: StoreId) -> StoreFuture<'_, CopyStart>;

    /// The key, in the source, of the last row of a section that was written.
    fn written_to(&mut self, section: Section) -> StoreFuture<'_, Option<RowKey>>;

    /// Writes the next rows of a section, all or none. After [`StoreError::Unavailable`](crate::StoreError) either may be the
    /// case: [`CopyTarget::written_to`] tells.
    fn write(&mut self, section: Section, rows: Vec<StoredRow>) -> StoreFuture<'_, ()>;

    /// Makes it a store that servers use, durably. Nothing can be written after that.
    fn finish(&mut self) -> StoreFuture<'_, ()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_tell_rows_apart_and_leave_out_an_events_place() {
        let event = |seq: u64, failure: &[u8], event: &[u8]| StoredRow::Event {
            seq: OutboxSeq(seq),
            parked: false,
            attempts: 1,
            due: UnixMillis(2),
            failure: failure.to_vec(),
            event: event.to_vec(),
        };
        assert_eq!(event(1, b"a", b"b").image(), event(2, b"a", b"b").image());
        assert_ne!(event(1, b"a", b"b").image(), event(1, b"", b"ab").image());
        assert_ne!(event(1, b"a", b"b").key(), event(2, b"a", b"b").key());
    }
}

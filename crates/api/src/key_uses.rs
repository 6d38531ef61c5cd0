//! When each key of an app was last used: a note in memory, so that an operator who replaces a key sees whether a back end
//! still signs with the old one. Noting a use takes a relaxed load, and a relaxed store once a millisecond at most.

use portraitd_model::{KeyId, KeyRecord, UnixMillis};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The last use of each key of one app since the server started. Kept for the keys that stay when the settings change.
#[derive(Debug, Default)]
pub struct KeyUses(Vec<(KeyId, Arc<AtomicU64>)>);

impl KeyUses {
    /// Returns the uses of these keys. `previous`: the keys before a change of the settings, with their uses. A key that has
    /// the number of an earlier one, as after a reset of an emulator, is not taken for it.
    pub(crate) fn new(keys: &[KeyRecord], previous: Option<(&[KeyRecord], &Self)>) -> Self {
        let known = |record: &KeyRecord| {
            let (_, uses) = previous.filter(|(records, _)| records.contains(record))?;
            uses.of(record.id).cloned()
        };
        Self(keys.iter().map(|record| (record.id, known(record).unwrap_or_default())).collect())
    }

    fn of(&self, key: KeyId) -> Option<&Arc<AtomicU64>> {
        self.0.iter().find(|(id, _)| *id == key).map(|(_, last)| last)
    }

    /// Notes that a call came whose UserSig is signed with this key.
    pub(crate) fn record(&self, key: KeyId, at: UnixMillis) {
        if let Some(last) = self.of(key)
            && last.load(Ordering::Relaxed) != at.0
        {
            last.store(at.0, Ordering::Relaxed);
        }
    }

    /// Returns every key with the time of its last use; `None` = not used since the server started.
    pub fn all(&self) -> impl Iterator<Item = (KeyId, Option<UnixMillis>)> {
        let last = |last: &AtomicU64| Some(last.load(Ordering::Relaxed)).filter(|at| *at > 0);
        self.0.iter().map(move |(id, noted)| (*id, last(noted).map(UnixMillis)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portraitd_model::AppKey;

    fn key(id: u32, text: &str) -> KeyRecord {
        KeyRecord { id: KeyId(id), key: AppKey::parse(text).unwrap(), created: None }
    }

    #[test]
    fn uses_stay_with_their_key() {
        let before = [key(1, "one"), key(2, "two")];
        let uses = KeyUses::new(&before, None);
        uses.record(KeyId(2), UnixMillis(7));
        uses.record(KeyId(1), UnixMillis(5));
        uses.record(KeyId(9), UnixMillis(9));
        assert_eq!(
            uses.all().collect::<Vec<_>>(),
            [(KeyId(1), Some(UnixMillis(5))), (KeyId(2), Some(UnixMillis(7)))]
        );
        // One is revoked, one is added, and one has the number but not the secret of an earlier one.
        let later = KeyUses::new(&[key(2, "two"), key(3, "three"), key(1, "other")], Some((&before, &uses)));
        uses.record(KeyId(2), UnixMillis(8));
        assert_eq!(
            later.all().collect::<Vec<_>>(),
            [(KeyId(2), Some(UnixMillis(8))), (KeyId(3), None), (KeyId(1), None)],
            "a call that began before the change counts too"
        );
    }
}

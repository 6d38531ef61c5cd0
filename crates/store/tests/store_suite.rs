//! The engine in memory: the suite of every engine, and tests of its own.

use portraitd_model::UnixMillis;
use portraitd_store::{AUDIT_ENTRIES_MAX, AuditNote, AuditSeq, MemoryStore, NoteOnly, Store};
use portraitd_test_support::fixtures::block_on;

portraitd_test_support::store_suite!(|_| MemoryStore::new());

fn note(number: u64) -> AuditNote {
    AuditNote { app: None, at: UnixMillis(5), text: number.to_string() }
}

#[test]
fn the_oldest_entries_are_removed() {
    // In memory only: on a disk each entry would be a commit.
    let store = MemoryStore::new();
    block_on(async {
        for number in 0..AUDIT_ENTRIES_MAX + 2 {
            store.write(NoteOnly.into(), Some(note(number))).await.unwrap();
        }
        let oldest = store.audit(None, Some(AuditSeq(4)), 9).await.unwrap();
        assert_eq!(oldest.iter().map(|entry| &*entry.note.text).collect::<Vec<_>>(), ["2"]);
    });
}

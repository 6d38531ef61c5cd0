//! Tools of a stopped store: they refuse what a start refuses, and a repair can be done again.

use crate::{BLOCK, DATABASE, Dirs, JOURNAL, LOG, create, repaired, set};
use portraitd_model::UnixMillis;
use portraitd_sqlite::{OpenError, Repaired, SqliteStore, check, compact};
use portraitd_store::{PutToken, Store, TokenRecord, TokenRole};
use portraitd_test_support::fixtures::block_on;
use rusqlite::Connection;
use std::fs;
use std::path::PathBuf;

/// A store that was killed with tokens in SQLite's log, one commit each, and two changes in the journal; the commit of the first token
/// is damaged.
async fn with_a_damaged_log(dirs: &Dirs) -> PathBuf {
    let store = SqliteStore::open(&dirs.data()).unwrap();
    // A view that keeps the log from beginning again.
    let outside = Connection::open(dirs.data().join(DATABASE)).unwrap();
    outside.execute_batch("BEGIN").unwrap();
    outside.query_row("SELECT count(*) FROM tokens", [], |row| row.get::<_, u32>(0)).unwrap();
    for name in ["token-one", "token-two", "token-three"] {
        let (hash, created) = ([7; 32], UnixMillis(1));
        let token = TokenRecord { name: name.into(), hash, created, role: TokenRole::Admin };
        store.write(PutToken(token).into(), None).await.unwrap();
    }
    create(&store, "a", "before").await;
    set(&store, "a", "pending").await.unwrap();
    let image = dirs.kill("killed");
    drop(outside);
    store.close().await;
    let mut log = fs::read(image.join(LOG)).unwrap();
    let place = log.windows(9).position(|window| window == b"token-one").unwrap();
    log[place] ^= 1;
    fs::write(image.join(LOG), log).unwrap();
    image
}

#[test]
fn a_tool_does_not_write_behind_a_damaged_place_of_the_log() {
    let dirs = Dirs::new();
    block_on(async {
        let image = with_a_damaged_log(&dirs).await;
        let files = [DATABASE, LOG, JOURNAL[0], JOURNAL[1]].map(|file| image.join(file));
        let before = files.each_ref().map(|file| fs::read(file).unwrap());
        let mut findings = Vec::new();
        check(&image, &mut |finding| findings.push(format!("{finding:?}"))).unwrap();
        let named = findings.iter().filter(|finding| finding.contains("-wal is damaged"));
        assert_eq!(named.count(), 1, "{findings:?}");
        let Err(error) = compact(&image) else { panic!("compacted") };
        assert!(matches!(error, OpenError::DamagedWal { .. }), "{error}");
        let Err(error) = SqliteStore::open(&image) else { panic!("opened") };
        assert!(matches!(error, OpenError::DamagedWal { .. }), "{error}");
        for (file, before) in files.iter().zip(before) {
            assert!(fs::read(file).unwrap() == before, "{} was changed", file.display());
        }
        assert!(matches!(repaired(&image)[..], [Repaired::DamagedWal { .. }]));
        let store = SqliteStore::open(&image).unwrap();
        assert_eq!(store.tokens().await.unwrap(), []);
        crate::reads(&store, "a", "pending").await;
    });
}

#[test]
fn each_of_two_damages_is_told_of() {
    let dirs = Dirs::new();
    block_on(async {
        let image = with_a_damaged_log(&dirs).await;
        let file =
            JOURNAL.map(|file| image.join(file)).into_iter().find(|file| crate::used(file) > BLOCK).unwrap();
        let mut bytes = fs::read(&file).unwrap();
        bytes[BLOCK + 20] ^= 4;
        fs::write(&file, bytes).unwrap();
        let told = repaired(&image);
        assert!(
            matches!(told[..], [Repaired::DamagedWal { .. }, Repaired::DamagedJournal { .. }]),
            "{told:?}"
        );
        assert_eq!(repaired(&image), []);
    });
}

/// As after a repair that found a full disk, or of another damage.
#[test]
fn a_repair_writes_over_no_file_that_an_earlier_one_kept() {
    let dirs = Dirs::new();
    block_on(async {
        let store = SqliteStore::open(&dirs.data()).unwrap();
        create(&store, "a", "before").await;
        for nick in ["damaged", "behind it"] {
            set(&store, "a", nick).await.unwrap();
        }
        let image = dirs.kill("killed");
        let mut bytes = fs::read(image.join(JOURNAL[0])).unwrap();
        bytes[2 * BLOCK + 20] ^= 4;
        fs::write(image.join(JOURNAL[0]), &bytes).unwrap();
        let earlier = image.join("portraitd.journal-0.damaged");
        fs::write(&earlier, "earlier").unwrap();
        let told = repaired(&image);
        let [Repaired::DamagedJournal { kept, .. }] = &told[..] else { panic!("{told:?}") };
        assert!(fs::read(kept).unwrap() == bytes);
        assert_eq!(fs::read(earlier).unwrap(), b"earlier");
        crate::reads(&SqliteStore::open(&image).unwrap(), "a", "before").await;
    });
}

/// What a deletion left in the journal goes with the tool that brings it into the tables, whatever an earlier one did.
#[test]
fn a_tool_leaves_no_deleted_bytes_in_the_journal_of_a_store_that_was_killed() {
    let dirs = Dirs::new();
    let holds = |dir: &std::path::Path| {
        JOURNAL
            .iter()
            .any(|file| fs::read(dir.join(file)).unwrap().windows(9).any(|bytes| bytes == b"Geheimnis"))
    };
    block_on(async {
        let store = SqliteStore::open(&dirs.data()).unwrap();
        create(&store, "a", "Geheimnis").await;
        store
            .delete(portraitd_test_support::fixtures::APP, vec![portraitd_test_support::fixtures::user("a")])
            .await
            .unwrap();
        let pending = dirs.kill("pending");
        // As an applier leaves it that is killed before it overwrites the file.
        crate::apply_all(&store).await;
        let applied = dirs.kill("applied");
        for file in JOURNAL {
            fs::copy(pending.join(file), applied.join(file)).unwrap();
        }
        for dir in [pending, applied] {
            assert!(holds(&dir));
            assert_eq!(check(&dir, &mut |_| {}).unwrap().damaged, 0);
            assert!(!holds(&dir), "{}", dir.display());
        }
    });
}

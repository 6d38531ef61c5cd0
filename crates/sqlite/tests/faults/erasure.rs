//! A deletion whose bytes can't be overwritten at once, since the disk refuses: they are overwritten later, in both files of the journal,
//! by the same process or by the next.

use crate::child_process::{TestDirs, child_that};
use portraitd_model::UnixMillis;
use portraitd_sqlite::{SqliteSettings, SqliteStore};
use portraitd_store::Store;
use portraitd_test_support::disk::{Action, EIO, Fault, OTHER, WRITE};
use portraitd_test_support::fixtures::{APP, NICK, block_on, seed, user};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

const SECRET: &str = "Geheimnis";

fn holds_secret(dir: &Path) -> bool {
    let files = fs::read_dir(dir).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    files.into_iter().any(|bytes| bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()))
}

/// Waits until the bytes are gone; returns whether they are.
fn is_erased(dir: &Path) -> bool {
    let began = Instant::now();
    while holds_secret(dir) && began.elapsed() < Duration::from_secs(8) {
        std::thread::sleep(Duration::from_millis(50));
    }
    !holds_secret(dir)
}

/// Not a test: the child process runs this. It makes an account in one file of the journal, and deletes it in the other; then it lets
/// the test choose what fails, and stays, or closes its store.
#[test]
#[ignore = "run by the other tests"]
fn deletes_an_account() {
    let Some(data) = std::env::var_os("ERASURE_DATA") else { return };
    let data = Path::new(&data);
    block_on(async {
        let settings = SqliteSettings { journal_bytes_max: 32 << 10, ..SqliteSettings::default() };
        let store = SqliteStore::open_with(data, settings).unwrap();
        store.import(APP, vec![seed("a", &[(NICK, SECRET)])], UnixMillis(1), None).await.unwrap();
        store.accounts_page(APP, String::new(), None, 9).await.unwrap();
        assert!(holds_secret(data), "the journal has it");
        store.delete(APP, vec![user("a")]).await.unwrap();
        fs::write(data.join("../deleted"), "").unwrap();
        while !data.join("../go").exists() {
            std::thread::sleep(Duration::from_millis(1));
        }
        if std::env::var("ERASURE").unwrap() == "close" {
            store.close().await;
        } else {
            assert!(is_erased(data), "the bytes are still there");
        }
    });
}

/// Has one write to the journal fail; returns the directories, and whether the process was content.
fn fail(place: &TestDirs, how: &str, first: u64) -> bool {
    let disk = place.disk();
    let mut child = child_that("erasure::deletes_an_account");
    disk.attach(child.env("ERASURE", how).env("ERASURE_DATA", place.data()));
    let mut child = child.spawn().unwrap();
    while !place.data().join("../deleted").exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended early");
        std::thread::sleep(Duration::from_millis(1));
    }
    disk.spoil(Fault { kinds: WRITE, files: OTHER, first, count: 1, action: Action::Fail, error: EIO });
    fs::write(place.data().join("../go"), "").unwrap();
    let ended = child.wait().unwrap();
    assert_eq!(disk.fired(), 1, "{how} {first}");
    ended.success()
}

#[test]
fn an_erasure_that_fails_is_done_again() {
    std::thread::scope(|scope| {
        // Each file takes four writes.
        for first in 1..=8 {
            scope.spawn(move || assert!(fail(&TestDirs::new(), "stay", first), "write {first}"));
        }
    });
}

#[test]
fn an_erasure_that_fails_at_the_end_is_done_after_the_next_start() {
    std::thread::scope(|scope| {
        for first in 1..=8 {
            scope.spawn(move || {
                let place = TestDirs::new();
                assert!(fail(&place, "close", first), "write {first}");
                let store = SqliteStore::open(&place.data()).unwrap();
                assert!(is_erased(&place.data()), "write {first}");
                block_on(store.close());
                assert!(!holds_secret(&place.data()), "write {first}");
            });
        }
    });
}

/// Not a test: the child process runs this. It makes an account once a file could not be overwritten, and leaves a copy of its files, as
/// a kill would.
#[test]
#[ignore = "run by the other tests"]
fn makes_an_account() {
    let Some(data) = std::env::var_os("ERASURE_DATA") else { return };
    let data = Path::new(&data);
    block_on(async {
        let store = SqliteStore::open(data).unwrap();
        fs::write(data.join("../deleted"), "").unwrap();
        while !data.join("../go").exists() {
            std::thread::sleep(Duration::from_millis(1));
        }
        store.import(APP, vec![seed("b", &[])], UnixMillis(1), None).await.unwrap();
        copy_files(data, &data.join("../../image"));
    });
}

fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in ["db", "db-wal", "journal-0", "journal-1"].map(|end| format!("portraitd.{end}")) {
        fs::copy(from.join(&file), to.join(&file)).unwrap();
    }
}

/// A segment of which only the header is there begins again in the same file, also when that could not be overwritten: with two files of
/// one number no start would go on.
#[test]
fn a_file_that_cannot_be_overwritten_shares_its_number_with_no_other() {
    const BLOCK: usize = 4096;
    let (home, place) = (TestDirs::new(), TestDirs::new());
    block_on(async {
        let store = SqliteStore::open(&home.data()).unwrap();
        store.import(APP, vec![seed("a", &[])], UnixMillis(1), None).await.unwrap();
        copy_files(&home.data(), &place.data());
    });
    let journal = place.data().join("portraitd.journal-0");
    let mut bytes = fs::read(&journal).unwrap();
    bytes[BLOCK..].fill(0);
    fs::write(&journal, bytes).unwrap();
    let disk = place.disk();
    let mut child = child_that("erasure::makes_an_account");
    disk.attach(child.env("ERASURE_DATA", place.data()));
    let mut child = child.spawn().unwrap();
    while !place.data().join("../deleted").exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended early");
        std::thread::sleep(Duration::from_millis(1));
    }
    disk.spoil(Fault { kinds: WRITE, files: OTHER, first: 1, count: 1, action: Action::Fail, error: EIO });
    while disk.fired() == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    fs::write(place.data().join("../go"), "").unwrap();
    assert!(child.wait().unwrap().success());
    let store = SqliteStore::open(&place.image()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(block_on(store.accounts_count(APP)).unwrap(), 1);
}

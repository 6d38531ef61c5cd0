//! A copy of a store whose disk refuses at any operation: one that says it is finished is whole.

use crate::child_process::{TestDirs, child_that};
use portraitd_model::{Profile, SdkAppId, UnixMillis};
use portraitd_sqlite::{SqliteCopy, SqliteStore};
use portraitd_store::{CopyStart, CopyTarget, Section, Store, StoreError, StoreId, StoredRow, codec};
use portraitd_test_support::disk::{Action, ENOSPC, Fault, OTHER, WRITE};
use portraitd_test_support::fixtures::{APP, block_on, user};
use std::path::Path;

const ROWS: usize = 50;

fn rows(app: SdkAppId) -> Vec<StoredRow> {
    let row = |n: usize| {
        let user = user(&format!("user{n:03}"));
        let profile = codec::encode_profile(app, user, &Profile::default());
        StoredRow::Account { user, created: UnixMillis(1), kicked_at: 0, profile }
    };
    (0..ROWS).map(row).collect()
}

async fn copy(data: &Path) -> Result<(), StoreError> {
    let mut target = SqliteCopy::open(data)
        .map_err(|error| StoreError::Refused(portraitd_model::Bilingual::quoted(error)))?;
    assert_eq!(target.begin(StoreId::from_bytes([7; 16])).await?, CopyStart::New);
    for rows in rows(APP).chunks(10) {
        target.write(Section::Accounts(APP), rows.to_vec()).await?;
    }
    target.finish().await
}

/// Not a test: the child process runs this. Leaves a file when the copy says that it is finished.
#[test]
#[ignore = "run by the other tests"]
fn copies() {
    let Some(data) = std::env::var_os("COPY_DATA") else { return };
    let data = Path::new(&data);
    if block_on(copy(data)).is_ok() {
        std::fs::write(data.join("../finished"), "").unwrap();
    }
}

#[test]
fn a_copy_on_a_full_disk_is_whole_or_not_finished() {
    let (mut finished, mut refused) = (0, 0);
    for first in 1.. {
        let place = TestDirs::new();
        let disk = place.disk();
        let fault =
            Fault { kinds: WRITE, files: OTHER, first, count: u64::MAX, action: Action::Fail, error: ENOSPC };
        disk.spoil(fault);
        let mut child = child_that("copy::copies");
        disk.attach(child.env("COPY_DATA", place.data()));
        assert!(child.status().unwrap().success(), "write {first}");
        let fired = disk.fired() > 0;
        if place.data().join("../finished").exists() {
            finished += 1;
            let store =
                SqliteStore::open(&place.data()).unwrap_or_else(|error| panic!("write {first}: {error}"));
            let accounts = block_on(store.accounts_page(APP, String::new(), None, 2 * ROWS)).unwrap();
            assert_eq!(accounts.len(), ROWS, "write {first}");
        } else {
            assert!(fired, "write {first}");
            refused += 1;
            assert!(!place.data().join("portraitd.db").exists(), "write {first}");
        }
        if !fired {
            break;
        }
    }
    assert!(finished > 0 && refused > 20, "{finished} finished, {refused} did not");
}

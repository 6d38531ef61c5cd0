//! A fault at the n-th operation on the disk, for every n until a run has no fault: the operation fails once, three times, or until
//! the disk is healed; or the process is killed before, after or in the middle of it.
//!
//! While the process lives: nothing is acknowledged that is not on the disk, failed writes are not read, and writing continues
//! without a restart. Afterwards: the store opens, with all acknowledged changes, each whole.

use crate::child_process::TestDirs;
use crate::random::{Random, scale, seed};
use crate::workload::{Expected, Workload};
use portraitd_sqlite::{Finding, SqliteStore, check};
use portraitd_test_support::disk::{
    Action, CHANGES, EDQUOT, EIO, EMFILE, ENOSPC, EROFS, EVERY_FILE, Fault, MAP, OPEN, READ, SYNC, TRUNCATE,
    WRITE,
};
use portraitd_test_support::fixtures::block_on;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::Duration;

/// How many operations in a row fail.
const ONCE: u64 = 1;
const THRICE: u64 = 3;
/// Until the test heals the disk.
const ALWAYS: u64 = u64::MAX;

const SIGKILL: i32 = 9;

#[derive(Debug, Default)]
struct Tally {
    runs: u64,
    fired: u64,
    steps: u64,
}

/// One run with one fault; returns whether the fault happened before the run ended.
fn run(workload: &Workload, fault: Fault, tally: &mut Tally) -> bool {
    let place = TestDirs::new();
    let disk = place.disk();
    disk.spoil(fault);
    let mut command = place.child(workload);
    disk.attach(&mut command);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    if fault.count == ALWAYS {
        // Until several attempts have failed, or to the end when the fault never happens.
        while disk.fired() < THRICE && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        disk.heal();
    }
    let output = child.wait_with_output().unwrap();
    let said = || format!("{workload:?} {fault:?}\n{}", String::from_utf8_lossy(&output.stderr));
    let killed = output.status.signal() == Some(SIGKILL);
    let kills = matches!(fault.action, Action::KillBefore | Action::KillAfter | Action::KillAmid);
    assert!(output.status.success() || (kills && killed), "{} {}", output.status, said());
    assert_eq!(killed, kills && disk.fired() > 0, "{}", said());
    let known = Expected::from_marks(workload, &place.marks());
    tally.runs += 1;
    tally.fired += u64::from(disk.fired() > 0);
    tally.steps += known.steps();
    let store = SqliteStore::open(&place.data()).unwrap_or_else(|error| panic!("{error}: {}", said()));
    block_on(known.verify(&store)).unwrap_or_else(|why| panic!("{why}: {}", said()));
    drop(store);
    let mut damage = Vec::new();
    let checked = check(&place.data(), &mut |finding| {
        if let Finding::Damage(found) = finding {
            damage.push(found.to_string());
        }
    });
    assert!(checked.is_ok() && damage.is_empty(), "{checked:?} {damage:?} {}", said());
    disk.fired() > 0
}

/// The approximate number of operations of these kinds in a run.
fn count(workload: &Workload, kinds: u64) -> u64 {
    let place = TestDirs::new();
    let disk = place.disk();
    disk.spoil(Fault { kinds, files: EVERY_FILE, first: 0, count: 0, action: Action::Fail, error: EIO });
    let mut child = place.child(workload);
    disk.attach(&mut child);
    assert!(child.stderr(Stdio::null()).status().unwrap().success());
    assert!(disk.seen() > 0, "no operation was seen");
    disk.seen()
}

/// Each kind is counted by itself, so that rare ones are tested too; `each` is the number of runs at `SCALE=1`.
fn every(kinds: &[u64], faults: &[(Action, u64, u64)], each: u64) -> Tally {
    let mut random = Random(seed());
    let mut tally = Tally::default();
    for kinds in kinds {
        let workload = Workload { seed: random.next(), clients: 3, steps: 6, rounds: 3, pauses: false };
        let operations = count(&workload, *kinds);
        for (action, error, count) in faults {
            let wanted = (each * scale()).min(operations);
            for number in 0..wanted {
                // All operations at a large `SCALE`; otherwise spread, and others with each seed.
                let first = number * operations / wanted + random.below(operations / wanted) + 1;
                let fault = Fault {
                    kinds: *kinds,
                    files: EVERY_FILE,
                    first,
                    count: *count,
                    action: *action,
                    error: *error,
                };
                run(&workload, fault, &mut tally);
            }
        }
    }
    eprintln!("{tally:?}");
    assert!(tally.fired * 10 > tally.runs * 7, "the faults hardly fired: {tally:?}");
    tally
}

#[test]
fn any_operation_may_fail() {
    let faults = [
        (Action::Fail, EIO, ONCE),
        (Action::Fail, EIO, THRICE),
        (Action::Fail, EIO, ALWAYS),
        (Action::Fail, ENOSPC, ALWAYS),
        (Action::FailAmid, ENOSPC, ONCE),
        (Action::Fail, EDQUOT, THRICE),
        (Action::Short, 0, THRICE),
    ];
    every(&[WRITE, SYNC, TRUNCATE, CHANGES], &faults, 4);
}

#[test]
fn any_file_may_not_open_or_map_or_be_read() {
    every(&[OPEN, MAP], &[(Action::Fail, EMFILE, ONCE), (Action::Fail, EROFS, THRICE)], 60);
    every(&[READ], &[(Action::Fail, EIO, ONCE), (Action::Fail, EIO, ALWAYS)], 12);
}

#[test]
fn a_process_killed_at_any_operation_loses_nothing() {
    let faults = [(Action::KillBefore, 0, ONCE), (Action::KillAmid, 0, ONCE), (Action::KillAfter, 0, ONCE)];
    every(&[WRITE, SYNC, TRUNCATE, OPEN, CHANGES], &faults, 12);
}

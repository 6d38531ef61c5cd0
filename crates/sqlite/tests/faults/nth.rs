//! The n-th operation on the disk goes wrong, for every n until a run is clean: it fails once, three times, or until the disk is
//! well again; or it is the last one of a process that is killed before, after or in the middle of it.
//!
//! While the process lives: nothing is acknowledged that is not on the disk, what failed is not read, and writing goes on
//! without a restart. Afterwards: the store opens, and holds what was acknowledged, whole.

use crate::random::{Random, scale, seed};
use crate::story::{Known, Story};
use crate::teller::Place;
use portraitd_sqlite::{Finding, SqliteStore, check};
use portraitd_test_support::disk::{
    Action, CHANGES, EDQUOT, EIO, EMFILE, ENOSPC, EROFS, EVERY_FILE, Fault, MAP, OPEN, READ, SYNC, TRUNCATE,
    WRITE,
};
use portraitd_test_support::fixtures::block_on;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::Duration;

/// How often something goes wrong.
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

/// One run with one fault; `false` when the run was over before the fault's turn came.
fn run(story: &Story, fault: Fault, tally: &mut Tally) -> bool {
    let place = Place::new();
    let disk = place.disk();
    disk.spoil(fault);
    let mut command = place.teller(story);
    disk.attach(&mut command);
    let mut teller = command.stderr(Stdio::piped()).spawn().unwrap();
    if fault.count == ALWAYS {
        // So long that several attempts fail; or to the end, when the fault's turn never comes.
        while disk.fired() < THRICE && teller.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        disk.heal();
    }
    let output = teller.wait_with_output().unwrap();
    let said = || format!("{story:?} {fault:?}\n{}", String::from_utf8_lossy(&output.stderr));
    let killed = output.status.signal() == Some(SIGKILL);
    let kills = matches!(fault.action, Action::KillBefore | Action::KillAfter | Action::KillAmid);
    assert!(output.status.success() || (kills && killed), "{} {}", output.status, said());
    assert_eq!(killed, kills && disk.fired() > 0, "{}", said());
    let known = Known::from_marks(story, &place.marks());
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

/// How many operations of these kinds a run has, about.
fn count(story: &Story, kinds: u64) -> u64 {
    let place = Place::new();
    let disk = place.disk();
    disk.spoil(Fault { kinds, files: EVERY_FILE, first: 0, count: 0, action: Action::Fail, error: EIO });
    let mut teller = place.teller(story);
    disk.attach(&mut teller);
    assert!(teller.stderr(Stdio::null()).status().unwrap().success());
    assert!(disk.seen() > 0, "no operation was seen");
    disk.seen()
}

/// Every kind with its own numbers, so that the rare ones have their turn; `each` is the number of runs in the short form.
fn every(kinds: &[u64], faults: &[(Action, u64, u64)], each: u64) -> Tally {
    let mut random = Random(seed());
    let mut tally = Tally::default();
    for kinds in kinds {
        let story = Story { seed: random.next(), clients: 3, steps: 6, chapters: 3, rests: false };
        let operations = count(&story, *kinds);
        for (action, error, count) in faults {
            let wanted = (each * scale()).min(operations);
            for number in 0..wanted {
                // All of them, when that is wanted; else spread, and others each time.
                let first = number * operations / wanted + random.below(operations / wanted) + 1;
                let fault = Fault {
                    kinds: *kinds,
                    files: EVERY_FILE,
                    first,
                    count: *count,
                    action: *action,
                    error: *error,
                };
                run(&story, fault, &mut tally);
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

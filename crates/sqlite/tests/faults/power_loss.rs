//! Power cuts at any moment of a recorded run: bytes that were not synced are new, old, zeros, or a mixture. On every such disk the
//! store opens, with all acknowledged changes, no half change, and nothing that was never written.

use crate::child_process::TestDirs;
use crate::random::{Random, scale, seed};
use crate::recording::{self, Op, Played};
use crate::workload::{Expected, Workload};
use portraitd_sqlite::{Finding, SqliteStore, check};
use portraitd_test_support::disk::{Action, EIO, EVERY_FILE, Fault, SYNC};
use portraitd_test_support::fixtures::block_on;
use std::process::Stdio;

/// Disk images for each recording.
const IMAGES: u64 = 250;

/// The syncs that fail in the run itself: the first one, and how many.
type FailedSyncs = Option<(u64, u64)>;

fn record(place: &TestDirs, workload: &Workload, failing: FailedSyncs) -> Vec<Op> {
    let disk = place.disk();
    if let Some((first, count)) = failing {
        disk.spoil(Fault { kinds: SYNC, files: EVERY_FILE, first, count, action: Action::Fail, error: EIO });
    }
    let mut child = place.child(workload);
    disk.attach(&mut child);
    let output = child.env("DISK_RECORD", place.recording()).stderr(Stdio::piped()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    if let Some((_, count)) = failing {
        assert_eq!(disk.fired(), count, "the fault fired");
    }
    let ops = recording::read(&place.recording());
    assert!(ops.iter().any(|op| matches!(op, Op::Synced { .. })), "nothing was recorded");
    ops
}

#[derive(Default)]
struct Tally {
    images: u64,
    wrong: Vec<String>,
    steps: u64,
}

/// Cuts the power at random moments, and opens each resulting disk.
fn cut(
    place: &TestDirs,
    workload: &Workload,
    ops: &[Op],
    images: u64,
    honours_sync: impl Fn(&Op) -> bool,
    random: &mut Random,
) -> Tally {
    let mut moments: Vec<usize> = (0..images).map(|_| random.below(ops.len() as u64 + 1) as usize).collect();
    moments.sort_unstable();
    let (mut played, mut known, mut done) = (Played::default(), Expected::start(workload), 0);
    let mut tally = Tally::default();
    for moment in moments {
        for op in &ops[done..moment] {
            if let Op::Marked(mark) = op {
                known.take(*mark);
            }
            played.play(op, honours_sync(op));
        }
        done = moment;
        let image = place.image();
        std::fs::create_dir_all(&image).unwrap();
        played.cut(&place.data(), &image, random);
        tally.images += 1;
        if let Err(why) = opens(&image, &known, random.one_in(8)) {
            let pending = played.pending();
            tally.wrong.push(format!("{workload:?}, operation {moment}, {pending} pending: {why}"));
        }
        std::fs::remove_dir_all(&image).unwrap();
    }
    tally.steps = known.steps();
    tally
}

fn opens(image: &std::path::Path, known: &Expected, check_it: bool) -> Result<(), String> {
    let store = SqliteStore::open(image).map_err(|error| error.to_string())?;
    block_on(known.verify(&store))?;
    drop(store);
    if check_it {
        let mut damage = Vec::new();
        check(image, &mut |finding| {
            if let Finding::Damage(found) = finding {
                damage.push(found.to_string());
            }
        })
        .map_err(|error| error.to_string())?;
        if !damage.is_empty() {
            return Err(damage.join("; "));
        }
    }
    Ok(())
}

fn workload(random: &mut Random) -> Workload {
    let clients = 1 + random.below(6) as usize;
    Workload { seed: random.next(), clients, steps: 4 + random.below(30) as usize, rounds: 4, pauses: true }
}

/// Runs in parallel: a run mostly waits for checkpoints.
const AT_ONCE: u64 = 4;

fn cut_all(failing: impl Fn(&Workload, &mut Random) -> FailedSyncs + Sync) {
    let seed = seed();
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let failing = &failing;
        let worker = |n: u64| {
            move || {
                let (mut random, mut sum) = (Random(seed.wrapping_add(n)), Tally::default());
                for _ in 0..scale() {
                    let (place, workload) = (TestDirs::new(), workload(&mut random));
                    let ops = record(&place, &workload, failing(&workload, &mut random));
                    let tally = cut(&place, &workload, &ops, IMAGES, |_| true, &mut random);
                    assert!(tally.wrong.is_empty(), "PORTRAIT_SEED={seed}: {:#?}", tally.wrong);
                    sum.images += tally.images;
                    sum.steps += tally.steps;
                }
                sum
            }
        };
        let workers: Vec<_> = (0..AT_ONCE).map(|n| scope.spawn(worker(n))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let (images, steps): (u64, u64) =
        (tallies.iter().map(|tally| tally.images).sum(), tallies.iter().map(|tally| tally.steps).sum());
    eprintln!("{images} images of {} runs with {steps} steps: all open, nothing lost", AT_ONCE * scale());
}

#[test]
fn after_a_power_cut_everything_acknowledged_is_there() {
    cut_all(|_, _| None);
}

/// After a failed sync the kernel may have dropped the pages, and a later sync that succeeds does not write them.
#[test]
fn a_power_cut_after_failed_syncs_loses_nothing() {
    cut_all(|workload, random| {
        // Any of the early syncs, which even a short run reaches.
        let early = 8 + (workload.clients * workload.steps / 2) as u64;
        Some((1 + random.below(early), 1 + random.below(3)))
    });
}

/// The test can fail: a disk that ignores syncs, of all files or of one, loses something, and this is detected.
#[test]
fn a_disk_that_ignores_syncs_is_detected() {
    let mut random = Random(seed());
    for what in ["", "portraitd.db", "portraitd.db-wal", "portraitd.journal-0", "portraitd.journal-1"] {
        let mut wrong = 0;
        for _ in 0..8 {
            let place = TestDirs::new();
            let workload = Workload { pauses: true, rounds: 4, clients: 3, steps: 20, seed: random.next() };
            let ops = record(&place, &workload, None);
            let named = |file: &u32| {
                ops.iter().any(|op| matches!(op, Op::Opened { file: known, path, .. } if known == file && path.ends_with(what)))
            };
            let honours_sync = |op: &Op| !matches!(op, Op::Synced { file } if named(file));
            wrong += cut(&place, &workload, &ops, 200, honours_sync, &mut random).wrong.len();
            if wrong > 0 {
                break;
            }
        }
        assert!(wrong > 0, "syncs of {what:?} do not matter?");
        eprintln!("without syncs of {what:?}: {wrong} of the images are found wrong");
    }
}

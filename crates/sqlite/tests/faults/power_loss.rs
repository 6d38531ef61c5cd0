//! The power goes: at any moment of a recorded run, whatever was not synced is there, is old, is zeros, or in part each. Every
//! such disk opens by itself, with all that was acknowledged, nothing half, and nothing that was never asked for.

use crate::random::{Random, scale, seed};
use crate::recording::{self, Op, Played};
use crate::story::{Known, Story};
use crate::teller::Place;
use portraitd_sqlite::{Finding, SqliteStore, check};
use portraitd_test_support::disk::{Action, EIO, EVERY_FILE, Fault, SYNC};
use portraitd_test_support::fixtures::block_on;
use std::process::Stdio;

/// Images of each recording.
const IMAGES: u64 = 250;

/// How many syncs a run's own disk fails, from which on.
type FailedSyncs = Option<(u64, u64)>;

fn record(place: &Place, story: &Story, failing: FailedSyncs) -> Vec<Op> {
    let disk = place.disk();
    if let Some((first, count)) = failing {
        disk.spoil(Fault { kinds: SYNC, files: EVERY_FILE, first, count, action: Action::Fail, error: EIO });
    }
    let mut teller = place.teller(story);
    disk.attach(&mut teller);
    let output = teller.env("DISK_RECORD", place.recording()).stderr(Stdio::piped()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    if let Some((_, count)) = failing {
        assert_eq!(disk.fired(), count, "the fault fired");
    }
    let ops = recording::read(&place.recording());
    assert!(ops.iter().any(|op| matches!(op, Op::Synced { .. })), "the recorder heard nothing");
    ops
}

#[derive(Default)]
struct Tally {
    images: u64,
    wrong: Vec<String>,
    steps: u64,
}

/// Cuts the power at random moments and opens what is left.
fn cut(
    place: &Place,
    story: &Story,
    ops: &[Op],
    images: u64,
    honours: impl Fn(&Op) -> bool,
    random: &mut Random,
) -> Tally {
    let mut moments: Vec<usize> = (0..images).map(|_| random.below(ops.len() as u64 + 1) as usize).collect();
    moments.sort_unstable();
    let (mut played, mut known, mut done) = (Played::default(), Known::start(story), 0);
    let mut tally = Tally::default();
    for moment in moments {
        for op in &ops[done..moment] {
            if let Op::Marked(mark) = op {
                known.take(*mark);
            }
            played.play(op, honours(op));
        }
        done = moment;
        let image = place.image();
        std::fs::create_dir_all(&image).unwrap();
        played.cut(&place.data(), &image, random);
        tally.images += 1;
        if let Err(why) = opens(&image, &known, random.one_in(8)) {
            let pending = played.pending();
            tally.wrong.push(format!("{story:?}, operation {moment}, {pending} pending: {why}"));
        }
        std::fs::remove_dir_all(&image).unwrap();
    }
    tally.steps = known.steps();
    tally
}

fn opens(image: &std::path::Path, known: &Known, check_it: bool) -> Result<(), String> {
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

fn story(random: &mut Random) -> Story {
    let clients = 1 + random.below(6) as usize;
    Story { seed: random.next(), clients, steps: 4 + random.below(30) as usize, chapters: 4, rests: true }
}

/// Runs at the same time: most of a run is waiting for the log to be copied.
const AT_ONCE: u64 = 4;

fn cut_all(failing: impl Fn(&Story, &mut Random) -> FailedSyncs + Sync) {
    let seed = seed();
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let failing = &failing;
        let worker = |n: u64| {
            move || {
                let (mut random, mut sum) = (Random(seed.wrapping_add(n)), Tally::default());
                for _ in 0..scale() {
                    let (place, story) = (Place::new(), story(&mut random));
                    let ops = record(&place, &story, failing(&story, &mut random));
                    let tally = cut(&place, &story, &ops, IMAGES, |_| true, &mut random);
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
fn whatever_a_power_cut_leaves_opens_with_all_that_was_acknowledged() {
    cut_all(|_, _| None);
}

/// The page cache forgets what a failed sync was to write: a later success says nothing about it.
#[test]
fn nor_does_a_power_cut_after_failed_syncs_lose_anything() {
    cut_all(|story, random| {
        // From the very first one on, and so early that there are as many, however little is changed.
        let early = 8 + (story.clients * story.steps / 2) as u64;
        Some((1 + random.below(early), 1 + random.below(3)))
    });
}

/// The test itself is tested: a disk that lies about its syncs, of all files or of one, loses something, and that is seen.
#[test]
fn a_disk_that_lies_about_syncs_is_found_out() {
    let mut random = Random(seed());
    for what in ["", "portraitd.db", "portraitd.db-wal"] {
        let mut wrong = 0;
        for _ in 0..8 {
            let place = Place::new();
            let story = Story { rests: true, chapters: 4, clients: 3, steps: 20, seed: random.next() };
            let ops = record(&place, &story, None);
            let named = |file: &u32| {
                ops.iter().any(|op| matches!(op, Op::Opened { file: known, path, .. } if known == file && path.ends_with(what)))
            };
            let honours = |op: &Op| !matches!(op, Op::Synced { file } if named(file));
            wrong += cut(&place, &story, &ops, 200, honours, &mut random).wrong.len();
            if wrong > 0 {
                break;
            }
        }
        assert!(wrong > 0, "syncs of {what:?} do not matter?");
        eprintln!("without syncs of {what:?}: {wrong} of the images are found wrong");
    }
}

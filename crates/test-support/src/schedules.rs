//! Orders of threads: drawn at random from a seed, half of them with few preemptions.

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, FailurePersistence, Runner};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

/// Preemptions of a schedule that has few.
const FEW: usize = 3;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn seed() -> u64 {
    number("PORTRAIT_SEED").unwrap_or_else(|| {
        let file = tempfile::NamedTempFile::new().unwrap();
        let made = file.as_file().metadata().unwrap().modified().unwrap();
        made.duration_since(UNIX_EPOCH).unwrap().subsec_nanos().into()
    })
}

fn run(scheduler: impl Scheduler + 'static, story: &Arc<dyn Fn() + Send + Sync>) {
    let mut config = Config::new();
    // SQLite's parser likes room.
    config.stack_size = 1 << 20;
    config.failure_persistence = FailurePersistence::None;
    config.silence_warnings = true;
    let story = Arc::clone(story);
    Runner::new(scheduler, config).run(move || story());
}

/// Plays a story in so many orders (times `SCALE`). A panic in it, and threads that all wait, end the test.
pub fn check(orders: usize, story: impl Fn() + Send + Sync + 'static) {
    let (seed, story) = (seed(), Arc::new(story) as Arc<dyn Fn() + Send + Sync>);
    let half = orders / 2 * usize::try_from(number("SCALE").unwrap_or(1)).unwrap();
    eprintln!("PORTRAIT_SEED={seed}, {} orders", half * 2);
    run(RandomScheduler::new_from_seed(seed, half), &story);
    run(PctScheduler::new_from_seed(seed, FEW, half), &story);
}

/// Plays a story that is wrong in some order; gives what was found.
pub fn wrong(orders: usize, story: impl Fn() + Send + Sync + 'static) -> String {
    let found = catch_unwind(AssertUnwindSafe(|| check(orders, story)));
    let panic = found.expect_err("the checker does not notice");
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref().copied());
    text.unwrap_or_default().to_owned()
}

//! Thread schedules of the model tests: random from a seed, half of them with few preemptions.

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

fn run(scheduler: impl Scheduler + 'static, scenario: &Arc<dyn Fn() + Send + Sync>) {
    let mut config = Config::new();
    // SQLite's parser needs a large stack.
    config.stack_size = 1 << 20;
    config.failure_persistence = FailurePersistence::None;
    config.silence_warnings = true;
    let scenario = Arc::clone(scenario);
    Runner::new(scheduler, config).run(move || scenario());
}

/// Runs a scenario with `orders` schedules (times `SCALE`). A panic or a deadlock fails the test.
pub fn check(orders: usize, scenario: impl Fn() + Send + Sync + 'static) {
    let (seed, scenario) = (seed(), Arc::new(scenario) as Arc<dyn Fn() + Send + Sync>);
    let half = orders / 2 * usize::try_from(number("SCALE").unwrap_or(1)).unwrap();
    eprintln!("PORTRAIT_SEED={seed}, {} orders", half * 2);
    run(RandomScheduler::new_from_seed(seed, half), &scenario);
    run(PctScheduler::new_from_seed(seed, FEW, half), &scenario);
}

/// Runs a scenario that must fail with some schedule; returns the message of its panic.
pub fn failure_of(orders: usize, scenario: impl Fn() + Send + Sync + 'static) -> String {
    let found = catch_unwind(AssertUnwindSafe(|| check(orders, scenario)));
    let panic = found.expect_err("no schedule made the scenario fail");
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref().copied());
    text.unwrap_or_default().to_owned()
}

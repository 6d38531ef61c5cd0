//! Repeatable random numbers: the seed is printed, and `PORTRAIT_SEED` replays it.

use std::time::UNIX_EPOCH;

/// `SplitMix64`.
#[derive(Clone, Debug)]
pub(crate) struct Random(pub u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    pub(crate) fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// The factor `SCALE` for longer runs; 1 by default.
pub(crate) fn scale() -> u64 {
    number("SCALE").unwrap_or(1)
}

/// The seed of this run; printed, so that a failure can be replayed.
pub(crate) fn seed() -> u64 {
    let seed = number("PORTRAIT_SEED").unwrap_or_else(|| {
        // The age of a file that was just made: nothing else in the tests reads the clock.
        let file = tempfile::NamedTempFile::new().unwrap();
        let made = file.as_file().metadata().unwrap().modified().unwrap();
        made.duration_since(UNIX_EPOCH).unwrap().subsec_nanos().into()
    });
    eprintln!("PORTRAIT_SEED={seed}");
    seed
}

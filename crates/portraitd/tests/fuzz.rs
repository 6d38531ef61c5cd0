//! The fuzz targets on a stable compiler: every kept input, then inputs made of them by a seeded generator. libFuzzer
//! goes further (`fuzz/run`); this sees to it that nothing it found comes back, and that every target still reads what it
//! is for.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portraitd::internals::fuzz::{TARGETS, World};
use std::fs;
use std::path::Path;

/// Made-up inputs for each target; `SCALE` times as many in a long run.
const INPUTS: u64 = 20_000;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../fuzz/corpus/{target}.txt"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| STANDARD.decode(line).unwrap()).collect()
}

/// A small generator (xorshift); the same seed makes the same inputs.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }
}

/// What breaks parsers: signs of every format here, ends of ranges, broken characters.
const MORSELS: [&[u8]; 20] = [
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\\u0000",
    b"\\ud800",
    b"null",
    b"-",
    b"1e999",
    b"18446744073709551616",
    b"\0",
    b"\xff",
    "\u{feff}".as_bytes(),
    "管".as_bytes(),
    b"%",
    b"\r\n",
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
];

/// An input made of kept ones.
fn vary(random: &mut Random, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut input = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(input.len() + 1);
        let to = at + random.below((input.len() - at).min(16) + 1);
        match random.below(6) {
            0 if at < input.len() => input[at] ^= 1 << random.below(8),
            1 => drop(input.splice(at..to, [])),
            2 => drop(input.splice(at..to, MORSELS[random.below(MORSELS.len())].iter().copied())),
            3 => {
                let other = &corpus[random.below(corpus.len())];
                let from = random.below(other.len() + 1);
                drop(input.splice(at.., other[from..].iter().copied()));
            }
            4 => {
                let piece = input[at..to].to_vec();
                drop(input.splice(at..at, piece.repeat(random.below(20))));
            }
            _ => input.truncate(at),
        }
    }
    input.truncate(4096);
    input
}

fn check(target: &str) {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let (scale, seed) = (number("SCALE").unwrap_or(1), number("PORTRAIT_SEED").unwrap_or(0x5eed));
    let (mut world, kept) = (World::new(), corpus(target));
    let read = kept.iter().filter(|input| world.run(target, input)).count();
    assert!(read > 0, "{target}: none of {} kept inputs is read", kept.len());
    let mut random = Random(seed | 1);
    let mut taken = 0;
    for _ in 0..INPUTS * scale {
        let input = vary(&mut random, &kept);
        taken += u64::from(world.run(target, &input));
    }
    eprintln!(
        "{target}: seed {seed}, {} kept inputs, {} made, {taken} of them read",
        kept.len(),
        INPUTS * scale
    );
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(#[test] fn $name() { check(stringify!($name)); })*

        #[test]
        fn every_target_is_driven() {
            assert_eq!(TARGETS, [$(stringify!($name)),*]);
        }
    };
}

targets! {
    portrait_set portrait_get account_import multiaccount_import account_check account_delete kick query usersig
    usersig_document number words profile_record event_record settings config import_line import_lines import_csv
    webhook_answer admin_json
}

//! The fuzz targets on a stable compiler: every input of the corpus, then inputs made of them by a seeded generator.
//! Whatever libFuzzer (`fuzz/run`) once found is tried again, and every target must still read inputs of its kind.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portraitd_fuzz::{FuzzEnvironment, TARGETS};
use std::fs;
use std::path::Path;

/// Generated inputs for each target, times `SCALE`.
const INPUTS: u64 = 20_000;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../fuzz/corpus/{target}.txt"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| STANDARD.decode(line).unwrap()).collect()
}

/// A generator of random numbers (xorshift). The same seed makes the same inputs.
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

/// Bytes that parsers often fail on: delimiters of every format here, ends of ranges, broken characters.
const TOKENS: [&[u8]; 20] = [
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

/// An input made of those in the corpus.
fn mutate(random: &mut Random, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut input = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(input.len() + 1);
        let to = at + random.below((input.len() - at).min(16) + 1);
        match random.below(6) {
            0 if at < input.len() => input[at] ^= 1 << random.below(8),
            1 => drop(input.splice(at..to, [])),
            2 => drop(input.splice(at..to, TOKENS[random.below(TOKENS.len())].iter().copied())),
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
    let (mut environment, kept) = (FuzzEnvironment::new(), corpus(target));
    let read = kept.iter().filter(|input| environment.run(target, input)).count();
    assert!(read > 0, "{target}: reads none of the {} inputs of its corpus", kept.len());
    let mut random = Random(seed | 1);
    let mut read_of_made = 0;
    for _ in 0..INPUTS * scale {
        let input = mutate(&mut random, &kept);
        read_of_made += u64::from(environment.run(target, &input));
    }
    eprintln!(
        "{target}: seed {seed}, {} inputs in the corpus, {} made, {read_of_made} of them read",
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
            for command in portraitd_model::COMMANDS {
                assert!(TARGETS.contains(&command.name), "{} needs a fuzz target: its body is read", command.name);
            }
        }
    };
}

targets! {
    portrait_set portrait_get account_import multiaccount_import account_check account_delete kick query usersig
    usersig_document number words profile_record event_record journal_file settings config import_line import_lines import_csv
    webhook_answer admin_json app_file named_users server_url shadow_answers
}

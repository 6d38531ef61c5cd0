//! What the search for sensitive words costs: lists as large as their bounds allow, in texts as long as a nick may be.
//!
//!     cargo bench -p portraitd-model --bench word_search
//!
//! Each figure is the median of rounds that take turns, so that a busy machine makes all of them slower alike.

#![expect(clippy::print_stdout, clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_precision_loss)]

use portraitd_model::{StandardTag, Tag, WORD_BYTES_MAX, WORDS_MAX, WordFilter, Words};
use std::hint::black_box;
use std::time::Instant;

const NICK: Tag = Tag::Standard(StandardTag::Nick);
const ROUNDS: usize = 101;
const CHECKS: usize = 50;

/// Numbers that look random, the same in each run.
fn random(state: &mut u64, below: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % below
}

fn letters(state: &mut u64, count: u64, alphabet: &[char]) -> String {
    let length = alphabet.len() as u64;
    (0..count).map(|_| alphabet[usize::try_from(random(state, length)).unwrap()]).collect()
}

fn main() {
    let state = &mut 7;
    let latin: Vec<char> = ('a'..='z').collect();
    // The characters of most Chinese texts.
    let chinese: Vec<char> = (0x4e00..0x4e00 + 3000).filter_map(char::from_u32).collect();
    let many = |word: &mut dyn FnMut(usize) -> String| (0..WORDS_MAX).map(word).collect::<Words>();
    let same = "a".repeat(WORD_BYTES_MAX - 6);
    let lists = [
        ("no words", Words::default()),
        ("100,000 words of 6 to 12 letters", many(&mut |n| letters(state, 6 + n as u64 % 7, &latin))),
        (
            "100,000 words of 2 to 5 Chinese characters",
            many(&mut |n| letters(state, 2 + n as u64 % 4, &chinese)),
        ),
        ("100,000 words of 200 random letters", many(&mut |_| letters(state, 200, &latin))),
        ("100,000 words of 200 bytes, the first 194 the same", many(&mut |n| format!("{same}{n:06}"))),
    ];
    let texts = [
        ("13 letters", "Alice Liddell".to_owned()),
        ("500 letters", letters(state, 500, &['x', 'y', 'z', 'k', 'q', 'j'])),
        ("500 letters `a`", "a".repeat(500)),
        ("166 Chinese characters", letters(state, 166, &chinese[..100])),
        ("166 characters that swell to 18 each", "\u{fdfa}".repeat(166)),
    ];
    println!("{:52}{}", "µs for one check", texts.each_ref().map(|(name, _)| format!("{name:>40}")).concat());
    let filters = lists.map(|(name, words)| {
        words.prepare();
        (name, WordFilter::new(words, vec![NICK]))
    });
    let mut times = vec![vec![Vec::new(); texts.len()]; filters.len()];
    for _ in 0..ROUNDS {
        for ((_, filter), times) in filters.iter().zip(&mut times) {
            for ((_, text), times) in texts.iter().zip(times) {
                let started = Instant::now();
                for _ in 0..CHECKS {
                    let _ = black_box(filter.check(NICK, black_box(text)));
                }
                times.push(started.elapsed().as_secs_f64() * 1e6 / CHECKS as f64);
            }
        }
    }
    for ((name, filter), times) in filters.iter().zip(&mut times) {
        let shown = times.iter_mut().zip(&texts).map(|(times, (_, text))| {
            times.sort_by(f64::total_cmp);
            let found = if filter.check(NICK, text).is_err() { " (found)" } else { "" };
            format!("{:>40}", format!("{:.2}{found}", times[times.len() / 2]))
        });
        println!("{name:52}{}", shown.collect::<String>());
    }
}

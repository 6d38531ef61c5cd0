//! Whether the time of comparing a secret tells how much of it was guessed: a million comparisons with guesses that are
//! wrong in their first byte, among as many that are wrong in their last, and Welch's t of their times (the method of
//! dudect). |t| beyond 5 says that the two can be told apart.
//!
//!     cargo bench -p portraitd-model --bench constant_time
//!
//! It begins with a comparison that stops at the first difference, and fails when that one is not detected. portraitd's own
//! comparisons are only reported: on a busy machine a difference may be the machine's.

#![expect(clippy::print_stdout, clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_precision_loss)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portraitd_model::{AppKey, SdkAppId, SignRequest, UnixSeconds, UserId, UserSig, WebhookToken, sign};
use std::hash::{BuildHasher, RandomState};
use std::hint::black_box;
use std::io::Read;
use std::time::Instant;

const SAMPLES: usize = 1_000_000;

/// Guesses of each kind, in many places of the memory: one place may be faster than another.
const GUESSES: usize = 128;

const SECRET: &str = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e";

#[derive(Clone, Copy, PartialEq)]
enum Wrong {
    First,
    Last,
}

/// The same text, but for one byte.
fn guess(secret: &[u8], wrong: Wrong) -> Vec<u8> {
    let mut guess = secret.to_vec();
    let place = if wrong == Wrong::First { 0 } else { guess.len() - 1 };
    guess[place] ^= 1;
    guess
}

/// Compares a million times; the largest |t| of all times, and of the fastest 99, 90, 75 and 50 in a hundred.
fn largest_t<T>(name: &str, make: impl Fn(Wrong) -> T, compare: impl Fn(&T) -> bool) -> f64 {
    let random = RandomState::new();
    let draw = |number: usize| usize::try_from(random.hash_one(number) >> 33).unwrap();
    let kinds =
        (0..2 * GUESSES).map(|at| if draw(at).is_multiple_of(2) { Wrong::First } else { Wrong::Last });
    let guesses: Vec<_> = kinds.map(|wrong| (wrong, make(wrong))).collect();
    let mut times: Vec<(u64, Wrong)> = Vec::with_capacity(SAMPLES);
    for sample in 0..SAMPLES {
        let (wrong, guess) = &guesses[draw(sample + guesses.len()) % guesses.len()];
        let began = Instant::now();
        let same = black_box(compare(black_box(guess)));
        let nanos = u64::try_from(began.elapsed().as_nanos()).unwrap();
        assert!(!same, "a wrong guess was taken");
        times.push((nanos, *wrong));
    }
    times.sort_by_key(|(nanos, _)| *nanos);
    let shares = [100, 99, 90, 75, 50];
    let largest =
        shares.map(|share| welch(&times[..SAMPLES / 100 * share]).abs()).into_iter().fold(0.0, f64::max);
    println!("{name:<40} median {:>5} ns, largest |t| {largest:>8.2}", times[SAMPLES / 2].0);
    largest
}

fn welch(times: &[(u64, Wrong)]) -> f64 {
    let [first, last] = [Wrong::First, Wrong::Last].map(|kind| {
        let of_kind = || times.iter().filter(|(_, wrong)| *wrong == kind).map(|(nanos, _)| *nanos as f64);
        let count = of_kind().count() as f64;
        let mean = of_kind().sum::<f64>() / count;
        let variance = of_kind().map(|nanos| (nanos - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (mean, variance / count)
    });
    (first.0 - last.0) / (first.1 + last.1).sqrt().max(f64::MIN_POSITIVE)
}

/// A UserSig whose signature is right but for one byte.
fn user_sig(key: &AppKey, wrong: Wrong) -> UserSig {
    let request = SignRequest {
        app: SdkAppId(1_400_000_000),
        identifier: UserId::parse("administrator").unwrap(),
        time: UnixSeconds(1_800_000_000),
        expire: 86_400,
        userbuf: None,
    };
    let text: String = sign(key, request)
        .chars()
        .map(|letter| match letter {
            '*' => '+',
            '-' => '/',
            '_' => '=',
            other => other,
        })
        .collect();
    let mut document = Vec::new();
    flate2::read::ZlibDecoder::new(STANDARD.decode(text).unwrap().as_slice())
        .read_to_end(&mut document)
        .unwrap();
    let mut document: serde_json::Value = serde_json::from_slice(&document).unwrap();
    let signature = STANDARD.decode(document["TLS.sig"].as_str().unwrap()).unwrap();
    document["TLS.sig"] = STANDARD.encode(guess(&signature, wrong)).into();
    UserSig::from_document(document.to_string().as_bytes()).unwrap()
}

fn main() {
    let text = |wrong| String::from_utf8(guess(SECRET.as_bytes(), wrong)).unwrap();
    let stops =
        |guess: &String| guess.bytes().zip(SECRET.bytes()).all(|(ours, theirs)| black_box(ours) == theirs);
    let found = largest_t("stops at the first difference (control)", text, stops);
    assert!(found > 5.0, "the control, which is not constant, was not detected: this machine is too noisy");
    let key = AppKey::parse(SECRET).unwrap();
    largest_t("the signature of a UserSig", |wrong| user_sig(&key, wrong), |sig| sig.is_signed_with(&key));
    largest_t("an app's key", |wrong| AppKey::parse(&text(wrong)).unwrap(), |guess| *guess == key);
    let token = WebhookToken::parse(SECRET).unwrap();
    largest_t(
        "a webhook's token",
        |wrong| WebhookToken::parse(&text(wrong)).unwrap(),
        |guess| *guess == token,
    );
}

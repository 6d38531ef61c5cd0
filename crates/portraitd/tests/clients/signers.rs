//! The official signers against ours: their UserSigs are accepted here, and ours are the same as theirs. Random apps, keys,
//! users, lives and user buffers; `PORTRAIT_SEED` replays them, `SCALE` makes them more.

use super::{Run, clients, npm, pip};
use portraitd_model::{AppKey, SdkAppId, SignRequest, UnixSeconds, UserId, UserSig, sign};
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

/// For each signer.
const CASES: u64 = 10_000;

/// A small generator (xorshift); the same seed makes the same cases.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn letter(&mut self, of: &[char]) -> char {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }

    /// 1 to 32 bytes, of plain letters or of everything that JSON, URLs and UTF-8 make difficult.
    fn identifier(&mut self) -> String {
        let plain: Vec<char> = ('a'..='z').chain('A'..='Z').chain('0'..='9').chain(['_', '-']).collect();
        let hard: Vec<char> =
            "\"\\/'<>&%+=*?#@:;,.~ {}[]é管理員🦀\u{e000}\u{10ffff}ﬁ".chars().chain('a'..'e').collect();
        let letters = if self.below(2) == 0 { plain } else { hard };
        let (mut text, bytes) = (String::new(), 1 + usize::try_from(self.below(32)).unwrap());
        loop {
            let letter = self.letter(&letters);
            if !text.is_empty() && text.len() + letter.len_utf8() > bytes {
                return text;
            }
            text.push(letter);
        }
    }

    fn hex(&mut self, bytes: u64) -> String {
        (0..bytes).fold(String::new(), |mut text, _| {
            write!(text, "{:02x}", self.below(256)).unwrap();
            text
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "the signers sign by the machine's clock")]
pub(super) fn now() -> UnixSeconds {
    UnixSeconds(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs())
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn case(random: &mut Random) -> Value {
    let app = u32::try_from(1 + random.below(u64::from(u32::MAX))).unwrap();
    let key = random.hex(32);
    let bits = 6 + random.below(34);
    let expire = 60 + random.below(1 << bits);
    let userbuf = (random.below(2) == 0).then(|| {
        let length = random.below(60);
        random.hex(length)
    });
    let identifier = random.identifier();
    let raw = userbuf.as_deref().map(bytes);
    let request = SignRequest {
        app: SdkAppId(app),
        identifier: UserId::parse(&identifier).unwrap(),
        time: now(),
        expire,
        userbuf: raw.as_deref(),
    };
    let ours = sign(&AppKey::parse(&key).unwrap(), request);
    json!({"app": app, "key": key, "identifier": identifier, "expire": expire, "userbuf": userbuf, "ours": ours})
}

/// Has a signer sign all cases, and looks at what comes.
fn compare(signer: &str, command: impl FnOnce(&OsStr, &OsStr)) {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let seed = number("PORTRAIT_SEED").unwrap_or_else(|| now().0);
    let mut random = Random(seed | 1);
    let cases: Vec<Value> = (0..CASES * number("SCALE").unwrap_or(1)).map(|_| case(&mut random)).collect();
    let folder = tempfile::tempdir().unwrap();
    let (asked, answered) = (folder.path().join("cases"), folder.path().join("answers"));
    let lines: Vec<String> = cases.iter().map(Value::to_string).collect();
    fs::write(&asked, lines.join("\n") + "\n").unwrap();
    command(asked.as_os_str(), answered.as_os_str());
    let answers = fs::read_to_string(&answered).unwrap();
    let answers: Vec<Value> = answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), cases.len());
    for (case, answer) in cases.iter().zip(&answers) {
        let theirs = UserSig::decode(answer["sig"].as_str().unwrap());
        let theirs = theirs.unwrap_or_else(|error| panic!("seed {seed}, {error}: {case} {answer}"));
        let app = SdkAppId(case["app"].as_u64().unwrap().try_into().unwrap());
        let (identifier, key) = (case["identifier"].as_str().unwrap(), case["key"].as_str().unwrap());
        let checked = theirs.check(app, identifier, now());
        assert!(checked.is_ok(), "seed {seed}, {checked:?}: {case} {answer}");
        assert!(theirs.is_signed_with(&AppKey::parse(key).unwrap()), "seed {seed}: {case} {answer}");
        assert!(!theirs.is_signed_with(&AppKey::parse(&key[1..]).unwrap()), "any key fits: {case} {answer}");
        let lives = theirs.expires_at().0 - theirs.issued_at().0;
        assert_eq!(lives, case["expire"].as_u64().unwrap(), "seed {seed}: {case} {answer}");
        assert_eq!(answer["agrees"], true, "seed {seed}: it signs otherwise than we: {case} {answer}");
    }
    eprintln!("{signer}: seed {seed}, {} UserSigs of theirs and as many of ours, all alike", cases.len());
}

#[test]
fn npms_official_signer_and_ours_agree() {
    let Some(packages) = npm("npm", "tls-sig-api-v2") else { return };
    compare("npm tls-sig-api-v2", |cases, answers| {
        Run::of(&["node".as_ref(), "sign.js".as_ref(), cases, answers]).in_folder(&packages);
    });
}

#[test]
fn pypis_official_signer_and_ours_agree() {
    let Some(packages) = pip("pypi", "timsdk") else { return };
    compare("PyPI tls-sig-api-v2", |cases, answers| {
        let mut run = Run::of(&["python3".as_ref(), "-B".as_ref(), "sign.py".as_ref(), cases, answers]);
        run.command.env("PYTHONPATH", &packages);
        run.in_folder(&clients().join("pypi"));
    });
}

//! A diagnosis names exactly what was done wrong: for UserSigs made so, and for arbitrary ones nothing panics.

mod document;
mod encoded;
mod signature;

use super::*;
use crate::usersig::tests::enclose;
use crate::{SignRequest, UserId, sign};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::Sha256;

const APP: SdkAppId = SdkAppId(1_400_000_001);
const NOW: UnixSeconds = UnixSeconds(1_795_953_600);

/// What a signer signs, and with what.
#[derive(Clone, Debug)]
struct Signer {
    app: u32,
    identifier: String,
    time: u64,
    expire: u64,
    /// In base64.
    userbuf: Option<String>,
    key: String,
}

impl Signer {
    /// The right lines, without their ends.
    fn lines(&self) -> Vec<String> {
        let Self { app, identifier, time, expire, .. } = self;
        let mut lines = vec![
            format!("TLS.identifier:{identifier}"),
            format!("TLS.sdkappid:{app}"),
            format!("TLS.time:{time}"),
            format!("TLS.expire:{expire}"),
        ];
        lines.extend(self.userbuf.as_ref().map(|buffer| format!("TLS.userbuf:{buffer}")));
        lines
    }

    fn text(&self) -> String {
        self.lines().join("\n") + "\n"
    }

    fn document(&self, sig: impl Into<Value>) -> Value {
        let mut document = json!({
            "TLS.ver": "2.0", "TLS.identifier": self.identifier, "TLS.sdkappid": self.app,
            "TLS.expire": self.expire, "TLS.time": self.time, "TLS.sig": sig.into(),
        });
        if let Some(buffer) = &self.userbuf {
            document["TLS.userbuf"] = buffer.as_str().into();
        }
        document
    }

    /// A UserSig with this value of `TLS.sig`.
    fn with_sig(&self, sig: impl Into<Value>) -> String {
        enclose(&self.document(sig).to_string())
    }

    /// A UserSig with these bytes as its signature.
    fn with_mac(&self, mac: &[u8]) -> String {
        self.with_sig(STANDARD.encode(mac))
    }

    /// A UserSig of a wrong text, with the right key.
    fn of_text(&self, text: impl AsRef<[u8]>) -> String {
        self.with_mac(&mac(self.key.as_bytes(), text.as_ref()))
    }

    /// A UserSig of the right text, with a wrong key.
    fn of_key(&self, key: impl AsRef<[u8]>) -> String {
        self.with_mac(&mac(key.as_ref(), self.text().as_bytes()))
    }

    fn good(&self) -> String {
        self.of_text(self.text())
    }

    /// The keys of a server with this app and two others.
    fn keys(&self) -> Vec<(SdkAppId, AppKey)> {
        let key = |text: &str| AppKey::parse(text).unwrap();
        vec![
            (SdkAppId(7), key(OTHER_KEY)),
            (SdkAppId(self.app), key("0f0f0f0f0f0f0f0fa0a0a0a0a0a0a0a0")),
            (SdkAppId(self.app), key(&self.key)),
            (SdkAppId(8), key("yet another key")),
        ]
    }

    fn diagnose(&self, sig: &str) -> Option<Diagnosis> {
        diagnose(sig, SdkAppId(self.app), &self.keys(), &self.identifier, NOW)
    }

    /// The cause, after a look at its sentences.
    fn cause(&self, sig: &str) -> Option<Cause> {
        let found = self.diagnose(sig)?;
        for language in [Language::English, Language::Chinese] {
            let sentence = found.explain(language);
            assert!(!sentence.is_empty() && sentence.len() < 1500, "{sentence}");
            assert!(!sentence.contains(&self.key[..16]), "{sentence} shows the key");
            assert!(sig.len() < 60 || !sentence.contains(sig), "{sentence} shows the UserSig");
        }
        Some(found.cause)
    }
}

const OTHER_KEY: &str = "99d5c4b3a29181706f5e4d3c2b1a09f8e7d6c5b4a39281706f5e4d3c2b1a09f8";

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

/// Alice, as a frequent case.
fn alice() -> Signer {
    Signer {
        app: APP.0,
        identifier: "Alice@example 1".into(),
        time: NOW.0 - 60,
        expire: 604_800,
        userbuf: None,
        key: "a6b37767d38bd712197026ef5499cecd1a53280864adaad7c74855ee4dc4d226".into(),
    }
}

/// Any signer whose UserSig has not expired.
fn signers() -> impl Strategy<Value = Signer> {
    let key = "[0-9a-f]{30}a[0-9a-f]{33}";
    let userbuf = proptest::option::of(proptest::collection::vec(any::<u8>(), 1..40));
    (9_u32.., "[A-Za-z0-9_@. é管-]{1,10}", 10_u64..100_000, 100_001_u64..9_000_000, userbuf, key).prop_map(
        |(app, identifier, ago, expire, userbuf, key)| Signer {
            app,
            identifier,
            time: NOW.0 - ago,
            expire,
            userbuf: userbuf.map(|bytes| STANDARD.encode(bytes)),
            key,
        },
    )
}

#[test]
fn the_checks_are_in_the_order_of_the_gateway() {
    let alice = alice();
    let sig = alice.good();
    let (keys, name) = (alice.keys(), alice.identifier.as_str());
    let cause = |app: u32, name: &str, now: u64| {
        diagnose(&sig, SdkAppId(app), &keys, name, UnixSeconds(now)).map(|found| found.cause)
    };
    assert_eq!(cause(APP.0, name, NOW.0), None);
    let other =
        |app, is_known| Cause::OtherApp { requested: SdkAppId(app), signed: u64::from(APP.0), is_known };
    assert_eq!(cause(7, "bob", u64::MAX), Some(other(7, true)));
    let unknown = diagnose(&sig, SdkAppId(7), &keys[..1], name, NOW).unwrap();
    assert_eq!(unknown.cause, other(7, false));
    let user = Cause::OtherUser { requested: "bob".into(), signed: name.into() };
    assert_eq!(cause(APP.0, "bob", u64::MAX), Some(user));
    let (issued, expire) = (UnixSeconds(alice.time), alice.expire);
    let end = alice.time + alice.expire;
    assert_eq!(cause(APP.0, name, end), None);
    assert_eq!(
        cause(APP.0, name, end + 1),
        Some(Cause::Expired { issued, expire, now: UnixSeconds(end + 1) })
    );
    assert_eq!(
        diagnose(&sig, APP, &keys[..1], name, NOW).map(|found| found.cause),
        Some(Cause::UnknownKey),
        "the app has no key"
    );
    assert_eq!(diagnose(&sig, APP, &[], name, NOW).map(|found| found.cause), Some(Cause::UnknownKey));
}

#[test]
fn both_names_both_apps_and_every_time_are_shown() {
    let alice = alice();
    let sig = alice.good();
    let explain = |app, name: &str, now| {
        let found = diagnose(&sig, SdkAppId(app), &alice.keys(), name, UnixSeconds(now)).unwrap();
        (found.explain(Language::English), found.explain(Language::Chinese))
    };
    let (english, chinese) = explain(8, "x", NOW.0);
    for text in [english, chinese] {
        assert!(text.contains("1400000001") && text.contains("sdkappid=8"), "{text}");
    }
    for (name, differs) in [
        ("bob", "sign for the identifier"),
        ("alice@Example 1", "case"),
        ("Alice@example 1 ", "white space"),
        ("Alice%40example%201", "percent-encoded"),
        ("Alice@example+1", "%2B"),
    ] {
        let (english, chinese) = explain(APP.0, name, NOW.0);
        assert!(english.contains(differs), "{english}");
        for text in [english, chinese] {
            assert!(text.contains("\"Alice@example 1\"") && text.contains(&format!("\"{name}\"")), "{text}");
        }
    }
    let long = "界".repeat(500);
    assert!(explain(APP.0, &long, NOW.0).0.len() < 400);
    assert_eq!(
        explain(APP.0, &alice.identifier, NOW.0 + 604_800 + 7_140).0,
        "the UserSig was made at 2026-11-29T11:59:00Z for 604800 s and expired at 2026-12-06T11:59:00Z, 2 h ago by this \
         server's clock (2026-12-06T13:59:00Z): make a new one; if it was made just now, set the signing machine's clock"
    );
}

#[test]
fn odd_times_are_warned_of_also_when_the_signature_is_good() {
    let warnings = |time: u64, expire: u64| {
        let signer = Signer { time, expire, ..alice() };
        let sig = UserSig::decode(&signer.good()).unwrap();
        let all = sig_warnings(&sig, NOW);
        for warning in &all {
            let (english, chinese) = (warning.explain(Language::English), warning.explain(Language::Chinese));
            assert!(english.is_ascii() && !chinese.is_ascii(), "{english} {chinese}");
        }
        all
    };
    let now = NOW.0;
    assert_eq!(warnings(now, 604_800), []);
    assert_eq!(warnings(now + 300, 15_552_000), [], "clocks differ by some minutes");
    assert_eq!(warnings(now, 315_576_000), [], "ten years");
    assert_eq!(warnings(now * 1000, 604_800), [SigWarning::TimeInMilliseconds(now * 1000)]);
    assert_eq!(warnings(u64::MAX, 604_800), [SigWarning::TimeInMilliseconds(u64::MAX)]);
    assert_eq!(
        warnings(12_345, u64::MAX / 2),
        [SigWarning::TimeLongAgo(12_345), SigWarning::ExpireInMilliseconds(u64::MAX / 2)]
    );
    assert_eq!(warnings(now + 28_800, 604_800), [SigWarning::TimeAhead(28_800)]);
    assert_eq!(warnings(now, now + 86_400), [SigWarning::ExpireIsATime(now + 86_400)]);
    assert_eq!(warnings(now, (now + 86_400) * 1000), [SigWarning::ExpireIsATime((now + 86_400) * 1000)]);
    assert_eq!(warnings(now, 604_800_000), [SigWarning::ExpireInMilliseconds(604_800_000)]);
    assert_eq!(warnings(now, 15_552_000_000), [SigWarning::ExpireInMilliseconds(15_552_000_000)]);
    assert_eq!(warnings(now, 180), [SigWarning::ExpireInDays(180)]);
    // They go with a cause, too.
    let signer = Signer { expire: 180, time: now, ..alice() };
    let found = signer.diagnose(&signer.of_key("another")).unwrap();
    assert_eq!(
        (&found.cause, found.warnings.as_slice()),
        (&Cause::UnknownKey, &[SigWarning::ExpireInDays(180)][..])
    );
    assert!(found.explain(Language::English).contains("; also: TLS.expire is 180 seconds"));
}

#[test]
fn a_private_map_key_is_known_by_its_user_buffer() {
    let signer = alice();
    let name = signer.identifier.as_bytes();
    let mut buffer = vec![0_u8];
    buffer.extend(u16::try_from(name.len()).unwrap().to_be_bytes());
    buffer.extend(name);
    for number in [signer.app, 101, 1_795_999_999, 255, 0] {
        buffer.extend(number.to_be_bytes());
    }
    let room = Signer { userbuf: Some(STANDARD.encode(&buffer)), ..signer.clone() };
    let found = sig_warnings(&UserSig::decode(&room.good()).unwrap(), NOW);
    assert_eq!(found, [SigWarning::PrivateMapKey]);
    assert_eq!(room.diagnose(&room.good()), None, "it verifies");
    let other = Signer { userbuf: Some(STANDARD.encode(b"abc")), ..signer };
    assert_eq!(sig_warnings(&UserSig::decode(&other.good()).unwrap(), NOW), []);
}

#[test]
fn the_vectors_of_official_libraries_need_no_diagnosis() {
    let vectors: Vec<Value> =
        serde_json::from_str(include_str!("../../../../../conformance/usersig.json")).unwrap();
    for vector in vectors {
        let app = SdkAppId(u32::try_from(vector["sdkappid"].as_u64().unwrap()).unwrap());
        let key = AppKey::parse(vector["key"].as_str().unwrap()).unwrap();
        let (sig, name) = (vector["usersig"].as_str().unwrap(), vector["identifier"].as_str().unwrap());
        let now = UnixSeconds(vector["time"].as_u64().unwrap());
        let found = diagnose(sig, app, &[(app, key)], name, now);
        assert_eq!(found.is_some(), vector["code"].is_number(), "{found:?} for {vector}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_good_one_needs_none(signer in signers()) {
        prop_assert_eq!(signer.diagnose(&signer.good()), None);
        let request = SignRequest {
            app: SdkAppId(signer.app), identifier: UserId::parse(&signer.identifier).unwrap(),
            time: UnixSeconds(signer.time), expire: signer.expire, userbuf: None,
        };
        prop_assert_eq!(signer.diagnose(&sign(&AppKey::parse(&signer.key).unwrap(), request)), None);
    }

    #[test]
    fn no_text_panics(
        text in "\\PC{0,300}",
        base64 in "[A-Za-z0-9*_+/=%&. -]{0,300}",
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        inner in "\\PC{0,100}",
        members in "(\"TLS[.](ver|identifier|sdkappid|time|expire|sig|userbuf|appid)\":(\"\\PC{0,9}\"|-?[0-9]{1,25}|[0-9]e9|null|\\[1\\]|\\{\\}),?){0,9}",
    ) {
        let encoded = STANDARD.encode(&bytes);
        for text in [text, base64, encoded.clone(), STANDARD.encode(encoded), enclose(&inner), enclose(&format!("{{{members}}}"))] {
            let found = alice().diagnose(&text);
            prop_assert!(found.is_some());
            for language in [Language::English, Language::Chinese] {
                prop_assert!(!found.as_ref().unwrap().explain(language).is_empty());
            }
        }
    }

    #[test]
    fn a_change_anywhere_is_explained(signer in signers(), place in 0_usize..300, letter in "[A-Za-z0-9*_%\\n-]", cut in any::<bool>()) {
        let mut sig = signer.good();
        let place = place % sig.len();
        if cut {
            sig.truncate(place);
        } else {
            sig.replace_range(place..=place, &letter);
        }
        if sig != signer.good() && let Some(cause) = signer.cause(&sig) {
            let is_cut = matches!(&cause, Cause::Encoded(causes) if matches!(causes[..], [EncodedCause::CutShort(_)]));
            prop_assert!(!cut || place < 20 || is_cut, "{:?} after a cut at {}", cause, place);
        }
    }
}

//! Vectors of official libraries, hostile input, and the round trip.

use super::*;
use crate::{ErrorCode, Language};
use proptest::prelude::*;

#[derive(Deserialize)]
struct Vector {
    sdkappid: u32,
    key: String,
    identifier: String,
    time: u64,
    expire: u64,
    userbuf: Option<String>,
    usersig: String,
    /// Of those that are refused.
    code: Option<u32>,
}

fn all_vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("../../../../conformance/usersig.json")).unwrap()
}

fn vectors() -> Vec<Vector> {
    all_vectors().into_iter().filter(|vector| vector.code.is_none()).collect()
}

#[test]
fn usersigs_that_no_signer_should_make_are_refused() {
    let refused: Vec<_> =
        all_vectors().into_iter().filter_map(|vector| Some((vector.code?, vector.usersig))).collect();
    let why: Vec<_> = refused.iter().map(|(_, usersig)| UserSig::decode(usersig).unwrap_err()).collect();
    assert_eq!(why, [SigFormatError::Identifier, SigFormatError::Document, SigFormatError::Base64]);
    for ((code, _), why) in refused.iter().zip(why) {
        assert_eq!(SigError::from(why).code().number(), *code);
    }
}

#[test]
fn official_libraries_are_understood() {
    for vector in vectors() {
        let key = AppKey::parse(&vector.key).unwrap();
        let app = SdkAppId(vector.sdkappid);
        let sig = UserSig::decode(&vector.usersig).unwrap();
        let last_second = UnixSeconds(vector.time + vector.expire);
        assert_eq!(sig.check(app, &vector.identifier, last_second), Ok(()));
        let too_late = UnixSeconds(last_second.0 + 1);
        assert_eq!(sig.check(app, &vector.identifier, too_late), Err(SigError::Expired { seconds: 1 }));
        let of = (sig.identifier(), sig.sdk_app_id(), sig.issued_at());
        assert_eq!(of, (vector.identifier.as_str(), u64::from(app.0), UnixSeconds(vector.time)));
        assert_eq!(format!("{sig:?}"), format!("UserSig({} of {})", vector.identifier, vector.sdkappid));
        assert!(sig.is_signed_with(&key));
        assert!(!sig.is_signed_with(&AppKey::parse("other").unwrap()));
        assert_eq!(sig.userbuf().map(str::to_owned), vector.userbuf.map(|text| STANDARD.encode(text)));
    }
}

/// Deflates a document into a UserSig.
pub(super) fn enclose(document: &str) -> String {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
    zlib.write_all(document.as_bytes()).unwrap();
    STANDARD.encode(zlib.finish().unwrap()).chars().map(from_standard).collect()
}

#[test]
fn unreadable_usersigs_have_a_reason() {
    let check = |text: &str, expected| assert_eq!(UserSig::decode(text).err(), Some(expected), "{text:.60}");
    check("", SigFormatError::Zlib);
    check("a+b/", SigFormatError::Zlib);
    check("a+b/c=", SigFormatError::Base64);
    check("eJyr\nVgrx", SigFormatError::Base64);
    check("eJyr", SigFormatError::Zlib);
    check("管理员", SigFormatError::Base64);
    check(&"e".repeat(4097), SigFormatError::TooLong);
    check(&"e".repeat(4096), SigFormatError::Zlib);
    check(&enclose(&" ".repeat(100_000)), SigFormatError::TooLarge);
    check(&enclose(&" ".repeat(8193)), SigFormatError::TooLarge);
    check(&enclose(&" ".repeat(8192)), SigFormatError::Document);
    check(&enclose("{}"), SigFormatError::Document);
    check(&enclose("[]"), SigFormatError::Document);
    let full = |ver: &str, time: &str| {
        enclose(&format!(
            r#"{{"TLS.ver":{ver},"TLS.identifier":"a","TLS.sdkappid":1,"TLS.time":{time},"TLS.expire":1,"TLS.sig":"AA=="}}"#
        ))
    };
    check(&full("\"2.1\"", "1"), SigFormatError::Version);
    check(&full("2", "1"), SigFormatError::Document);
    check(&full("\"2.0\"", "-1"), SigFormatError::Document);
    check(&full("\"2.0\"", "1.5"), SigFormatError::Document);
    check(&full("\"2.0\"", "\"+1\""), SigFormatError::Document);
    // Version 1 (ECDSA) has the same envelope and other members.
    check(
        &enclose(r#"{"TLS.sdk_appid":"1","TLS.expire_after":"1","TLS.version":"1","TLS.sig":""}"#),
        SigFormatError::Document,
    );
    assert!(UserSig::decode(&full("\"2.0\"", "\"1\"")).is_ok());
}

#[test]
fn refusals_have_the_texts_of_the_contract_and_explanations_in_both_languages() {
    let hint = "You can run a self-checking with the assistant tool on the console.";
    let other_app = SigError::OtherApp { requested: SdkAppId(2), signed: 1 };
    let (requested, signed) = ("bob".to_owned(), "alice".to_owned());
    let other_user = SigError::OtherUser { requested, signed };
    assert_eq!(other_app.info(), format!("The requested SDKAppID(2) does not match the Usersig(1). {hint}"));
    assert_eq!(
        other_user.info(),
        format!("The requested UserID(bob) does not match the Usersig(alice). {hint}")
    );
    assert_eq!(SigError::WrongKey.info(), ErrorCode::SigWrong.info());
    let both =
        |error: &SigError| [Language::English, Language::Chinese].map(|language| error.explain(language));
    let [english, chinese] = both(&SigError::Expired { seconds: 7 });
    assert!(
        english.ends_with("(expired 7 s ago)") && chinese.ends_with("（已过期 7 秒）"),
        "{english} {chinese}"
    );
    let [english, chinese] = both(&SigError::Unreadable(SigFormatError::Zlib));
    assert!(
        english.ends_with("was it cut short?)") && chinese.ends_with("（无法解压，是否被截断？）"),
        "{english} {chinese}"
    );
    for why in [SigFormatError::Identifier, SigFormatError::Userbuf] {
        let [english, chinese] = both(&SigError::Unreadable(why));
        let member = why.to_string().split(' ').nth(1).unwrap().to_owned();
        assert!(english.contains(&member) && chinese.contains(&format!("（{member}")), "{english} {chinese}");
    }
    let meanings = [Language::English, Language::Chinese]
        .map(|language| ErrorCode::SigInvalidated.meaning(language).to_owned());
    assert_eq!(both(&SigError::Kicked), meanings);
}

#[test]
fn time_saturates() {
    let far = enclose(
        r#"{"TLS.ver":"2.0","TLS.identifier":"a","TLS.sdkappid":"1","TLS.time":18446744073709551615,"TLS.expire":"9","TLS.sig":""}"#,
    );
    let sig = UserSig::decode(&far).unwrap();
    assert_eq!(sig.check(SdkAppId(1), "a", UnixSeconds(u64::MAX)), Ok(()));
}

proptest! {
    #[test]
    fn what_is_signed_verifies_and_no_changed_byte_does(
        identifier in "\\PC{1,8}", app: u32, time in 0_u64..1 << 40, expire in 0_u64..1 << 40,
        userbuf in prop::option::of(prop::collection::vec(any::<u8>(), 0..40)), at: prop::sample::Index, to: u8,
    ) {
        let key = AppKey::parse("key").unwrap();
        let (app, time, user) = (SdkAppId(app), UnixSeconds(time), UserId::parse(&identifier).unwrap());
        let request = SignRequest { app, identifier: user, time, expire, userbuf: userbuf.as_deref() };
        let text = sign(&key, request);
        let sig = UserSig::decode(&text).unwrap();
        prop_assert!(sig.check(app, &identifier, time).is_ok() && sig.is_signed_with(&key));
        let mut changed = text.clone().into_bytes();
        let at = at.index(changed.len());
        changed[at] = to;
        // A changed byte is refused, unless it decodes to the very same thing (base64's unused last bits).
        if let Some(other) = String::from_utf8(changed).ok().and_then(|text| UserSig::decode(&text).ok()) {
            prop_assert!(other == sig || !other.is_signed_with(&key));
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = UserSig::decode(&text);
        let base64: String = STANDARD.encode(&bytes).chars().map(from_standard).collect();
        let _ = UserSig::decode(&base64);
        let _ = UserSig::decode(&enclose(&text));
    }
}

/// Whether a text authenticates the vector's user in its app, at the time it was made.
fn authenticates(text: &str, vector: &Vector) -> bool {
    let key = AppKey::parse(&vector.key).unwrap();
    UserSig::decode(text).is_ok_and(|sig| {
        let checked = sig.check(SdkAppId(vector.sdkappid), &vector.identifier, UnixSeconds(vector.time));
        checked.is_ok() && sig.is_signed_with(&key)
    })
}

/// Cut at every byte, flipped at every bit, of the text and of the document inside: whatever still authenticates has the
/// very same content (base64 without its padding, white space in JSON).
#[test]
fn a_damaged_official_usersig_is_refused_or_has_the_same_content() {
    let mut tried = 0;
    for vector in &vectors() {
        let original = UserSig::decode(&vector.usersig).unwrap();
        assert!(authenticates(&vector.usersig, vector));
        let mut check = |text: &str| {
            tried += 1;
            let same = || UserSig::decode(text).unwrap() == original;
            assert!(!authenticates(text, vector) || same(), "{text}");
        };
        let flipped = |bytes: &[u8]| -> Vec<Vec<u8>> {
            let flip = |bit: usize| {
                let mut changed = bytes.to_vec();
                changed[bit / 8] ^= 1 << (bit % 8);
                changed
            };
            (0..bytes.len() * 8).map(flip).collect()
        };
        (0..vector.usersig.len()).for_each(|end| check(&vector.usersig[..end]));
        for changed in flipped(vector.usersig.as_bytes()) {
            if let Ok(text) = std::str::from_utf8(&changed) {
                check(text);
            }
        }
        let base64: Vec<u8> = vector.usersig.bytes().map(to_standard).collect();
        let mut document = Vec::new();
        let zlib = LENIENT.decode(base64).unwrap();
        ZlibDecoder::new(zlib.as_slice()).read_to_end(&mut document).unwrap();
        for changed in flipped(&document) {
            if let Ok(text) = std::str::from_utf8(&changed) {
                check(&enclose(text));
            }
        }
    }
    assert!(tried > 20_000, "{tried}");
}

/// A UserSig works up to and in its last second, whatever the clock and the numbers.
#[test]
fn time_is_judged_to_the_second_and_never_overflows() {
    let key = AppKey::parse("key").unwrap();
    let check = |time: u64, expire: u64, now: u64, expected: Result<(), u64>| {
        let (app, identifier) = (SdkAppId(1), UserId::parse("a").unwrap());
        let request = SignRequest { app, identifier, time: UnixSeconds(time), expire, userbuf: None };
        let sig = UserSig::decode(&sign(&key, request)).unwrap();
        let checked = sig.check(SdkAppId(1), "a", UnixSeconds(now));
        let expected = expected.map_err(|seconds| SigError::Expired { seconds });
        assert_eq!(checked, expected, "{time} + {expire} at {now}");
    };
    let (time, expire) = (1_700_000_000, 600);
    let end = time + expire;
    for early in [61, 60, 59, 1, 0] {
        check(time, expire, end - early, Ok(()));
    }
    for late in [1, 59, 60, 61, 3600, 86_400] {
        check(time, expire, end + late, Err(late));
    }
    // A clock that stands before the UserSig was made: taken, as the official verifiers do.
    check(time, expire, time - 86_400, Ok(()));
    check(time, expire, 0, Ok(()));
    // 32-bit seconds end on 2038-01-19; ours do not.
    let y2038 = u64::from(u32::MAX / 2);
    check(y2038 - 1, 1, y2038, Ok(()));
    check(y2038, 1, y2038 + 1, Ok(()));
    check(y2038, 1, y2038 + 2, Err(1));
    check(time, u64::MAX, u64::MAX, Ok(()));
    check(u64::MAX, u64::MAX, u64::MAX, Ok(()));
    check(u64::MAX, 0, 0, Ok(()));
    check(0, 0, u64::MAX, Err(u64::MAX));
}

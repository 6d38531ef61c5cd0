//! Vectors of official libraries, hostile input, and the round trip.

use super::*;
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
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("../../../../conformance/usersig.json")).unwrap()
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
        assert!(sig.is_signed_with(&key));
        assert!(!sig.is_signed_with(&AppKey::parse("other").unwrap()));
        assert_eq!(sig.userbuf().map(str::to_owned), vector.userbuf.map(|text| STANDARD.encode(text)));
    }
}

/// Deflates a document into a UserSig.
fn enclose(document: &str) -> String {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
    zlib.write_all(document.as_bytes()).unwrap();
    STANDARD.encode(zlib.finish().unwrap()).chars().map(from_standard).collect()
}

#[test]
fn unreadable_ones_say_why() {
    let check = |text: &str, expected| assert_eq!(UserSig::decode(text).err(), Some(expected), "{text:.60}");
    check("", Unreadable::Zlib);
    check("a+b/", Unreadable::Base64);
    check("eJyr", Unreadable::Zlib);
    check("管理员", Unreadable::Base64);
    check(&"e".repeat(4097), Unreadable::TooLong);
    check(&enclose(&" ".repeat(100_000)), Unreadable::TooLarge);
    check(&enclose("{}"), Unreadable::Document);
    check(&enclose("[]"), Unreadable::Document);
    let full = |ver: &str, time: &str| {
        enclose(&format!(
            r#"{{"TLS.ver":{ver},"TLS.identifier":"a","TLS.sdkappid":1,"TLS.time":{time},"TLS.expire":1,"TLS.sig":"AA=="}}"#
        ))
    };
    check(&full("\"2.1\"", "1"), Unreadable::Version);
    check(&full("2", "1"), Unreadable::Document);
    check(&full("\"2.0\"", "-1"), Unreadable::Document);
    check(&full("\"2.0\"", "1.5"), Unreadable::Document);
    check(&full("\"2.0\"", "\"+1\""), Unreadable::Document);
    // Version 1 (ECDSA) has the same envelope and other members.
    check(
        &enclose(r#"{"TLS.sdk_appid":"1","TLS.expire_after":"1","TLS.version":"1","TLS.sig":""}"#),
        Unreadable::Document,
    );
    assert!(UserSig::decode(&full("\"2.0\"", "\"1\"")).is_ok());
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
        identifier in "\\PC{1,10}", app: u32, time in 0_u64..1 << 40, expire in 0_u64..1 << 40,
        userbuf in prop::option::of(prop::collection::vec(any::<u8>(), 0..40)), at: prop::sample::Index, to: u8,
    ) {
        let key = AppKey::parse("key").unwrap();
        let (app, time) = (SdkAppId(app), UnixSeconds(time));
        let request = SignRequest { app, identifier: &identifier, time, expire, userbuf: userbuf.as_deref() };
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

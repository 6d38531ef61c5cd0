//! What is wrong with the document inside.

use super::*;
use crate::JsonType;
use crate::usersig::diagnosis::words::utf16;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::io::Write as _;

fn check_bytes(document: &[u8], expected: DocumentCause) {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(document).unwrap();
    let sig = STANDARD.encode(zlib.finish().unwrap());
    assert_eq!(alice().cause(&sig), Some(Cause::Document(expected)), "{}", String::from_utf8_lossy(document));
}

fn check(document: &str, expected: DocumentCause) {
    check_bytes(document.as_bytes(), expected);
}

fn right() -> String {
    alice().document(STANDARD.encode([7; 32])).to_string()
}

#[test]
fn what_is_no_json_object_is_named_for_what_it_is() {
    let right = right();
    check_bytes(&utf16(&right), DocumentCause::Utf16);
    check_bytes(&[&[0xff, 0xfe][..], &utf16(&right)].concat(), DocumentCause::Utf16);
    check_bytes(&[b"{\"TLS.identifier\":\"", &[0xb9, 0xdc][..], b"\"}"].concat(), DocumentCause::NotUtf8);
    check(&format!("\u{feff}{right}"), DocumentCause::ByteOrderMark);
    check(&serde_json::to_string(&right).unwrap(), DocumentCause::JsonInString);
    check("{'TLS.ver': '2.0', 'TLS.identifier': 'a'}", DocumentCause::PythonDict);
    check(r#"a:6:{s:7:"TLS.ver";s:3:"2.0";}"#, DocumentCause::PhpSerialized);
    check("TLS.ver=2.0&TLS.identifier=a&TLS.sig=x", DocumentCause::Form);
    check(&alice().text(), DocumentCause::SignedText);
    check(&right[..60], DocumentCause::JsonCut);
    for other in ["", "[]", "alice", "null", "7", "{\"a\" 1}"] {
        check(other, DocumentCause::NotJson);
    }
    check(&" ".repeat(9000), DocumentCause::TooLarge);
    let version_1 = r#"{"TLS.account_type":"0","TLS.identifier":"a","TLS.appid_at_3rd":"0","TLS.sdk_appid":"1400000000","TLS.expire_after":"15552000","TLS.version":"201512300000","TLS.time":"1500000000","TLS.sig":"MEUCIQ=="}"#;
    check(version_1, DocumentCause::Version1);
    check("{}", DocumentCause::Member("TLS.ver", MemberProblem::Missing(None)));
}

#[test]
fn the_member_that_is_wrong_is_named() {
    use MemberProblem::{Control, Missing, Number, SigNotBase64, Twice, Type, Version};
    let with = |name: &'static str, value: Value, problem: MemberProblem| {
        let mut document = alice().document(STANDARD.encode([7; 32]));
        document[name] = value;
        check(&document.to_string(), DocumentCause::Member(name, problem));
    };
    for name in ["TLS.sdkappid", "TLS.time", "TLS.expire"] {
        let number = |value: Value, shown: &str| with(name, value, Number(shown.into()));
        number(json!(-1), "-1");
        number(json!(1.5), "1.5");
        number(json!("1.0"), "1.0");
        number(json!(""), "");
        number(json!("14000 "), "14000 ");
        number(json!("2026-11-29"), "2026-11-29");
        number(json!("99999999999999999999"), "99999999999999999999");
        with(name, json!(null), Type(JsonType::Null));
        with(name, json!(true), Type(JsonType::Boolean));
        with(name, json!([1]), Type(JsonType::List));
        with(name, json!({}), Type(JsonType::Object));
    }
    for name in ["TLS.identifier", "TLS.sig", "TLS.userbuf"] {
        with(name, json!(7), Type(JsonType::Number));
        with(name, json!({"type": "Buffer", "data": [1]}), Type(JsonType::Object));
        with(name, json!([1, 2]), Type(JsonType::List));
    }
    with("TLS.identifier", json!(null), Type(JsonType::Null));
    with("TLS.identifier", json!("alice\n"), Control);
    with("TLS.ver", json!("1.0"), Version("1.0".into()));
    with("TLS.ver", json!(2.0), Version("2.0".into()));
    with("TLS.ver", json!(""), Version(String::new()));
    with("TLS.ver", json!(null), Type(JsonType::Null));
    with("TLS.userbuf", json!("-_-_"), MemberProblem::UserbufAlphabet);
    with("TLS.userbuf", json!("*Q__"), MemberProblem::UserbufAlphabet);
    with("TLS.userbuf", json!("AAA"), MemberProblem::Userbuf);
    with("TLS.userbuf", json!("AAAA\n"), MemberProblem::Userbuf);
    with("TLS.userbuf", json!("raw bytes"), MemberProblem::Userbuf);
    let mac = STANDARD.encode(mac(b"k>>>???", b"text 9"));
    assert!(mac.contains(['+', '/']), "{mac}");
    with("TLS.sig", json!(format!("{mac}\n")), MemberProblem::SigLineEnds);
    with("TLS.sig", json!(format!("b'{mac}'")), MemberProblem::SigPythonBytes);
    for letters in [["-", "_", "="], ["*", "-", "_"], ["-", "_", ""]] {
        let written = mac
            .replace('/', "\n")
            .replace('+', letters[0])
            .replace('\n', letters[1])
            .replace('=', letters[2]);
        with("TLS.sig", json!(written), MemberProblem::SigAlphabet);
    }
    with("TLS.sig", json!("signature!"), SigNotBase64);
    for name in ["TLS.ver", "TLS.identifier", "TLS.sdkappid", "TLS.time", "TLS.expire", "TLS.sig"] {
        let mut document = alice().document(STANDARD.encode([7; 32]));
        let value = document.as_object_mut().unwrap().remove(name).unwrap();
        check(&document.to_string(), DocumentCause::Member(name, Missing(None)));
        let twice = right().replacen('{', &format!("{{\"{name}\":{value},"), 1);
        check(&twice, DocumentCause::Member(name, Twice));
    }
}

#[test]
fn a_missing_member_is_found_under_other_names() {
    for (name, written) in [
        ("TLS.sdkappid", "TLS.sdkAppId"),
        ("TLS.sdkappid", "TLS.SDKAppID"),
        ("TLS.sdkappid", "TLS.appid"),
        ("TLS.sdkappid", "sdkappid"),
        ("TLS.identifier", "TLS.identifer"),
        ("TLS.identifier", "TLS.userid"),
        ("TLS.identifier", "TLS_identifier"),
        ("TLS.time", "TLS.timestamp"),
        ("TLS.expire", "TLS.expireTime"),
        ("TLS.sig", "TLS.signature"),
        ("TLS.ver", "TLS.version"),
    ] {
        let document = right().replace(&format!("\"{name}\""), &format!("\"{written}\""));
        // With TLS.version and no TLS.ver it is of version 1.
        let expected = if name == "TLS.ver" {
            DocumentCause::Version1
        } else {
            DocumentCause::Member(name, MemberProblem::Missing(Some(written.into())))
        };
        check(&document, expected);
    }
}

#[test]
fn every_cause_has_its_sentences() {
    use DocumentCause as C;
    use MemberProblem as P;
    let problems = [
        P::Missing(None),
        P::Missing(Some("TLS.x\u{1}".repeat(20))),
        P::Twice,
        P::Type(JsonType::List),
        P::Number("x".repeat(300)),
        P::Version("1.0".into()),
        P::Control,
        P::UserbufAlphabet,
        P::Userbuf,
        P::SigLineEnds,
        P::SigPythonBytes,
        P::SigAlphabet,
        P::SigNotBase64,
    ];
    let causes = [
        C::TooLarge,
        C::Utf16,
        C::NotUtf8,
        C::ByteOrderMark,
        C::JsonInString,
        C::PythonDict,
        C::PhpSerialized,
        C::Form,
        C::SignedText,
        C::JsonCut,
        C::NotJson,
        C::Version1,
    ];
    let members = problems.into_iter().map(|problem| C::Member("TLS.sig", problem));
    let causes: Vec<_> = causes.into_iter().chain(members).collect();
    let english: std::collections::BTreeSet<_> =
        causes.iter().map(|cause| cause.explain(Language::English)).collect();
    assert_eq!(english.len(), causes.len());
    assert!(english.iter().all(|text| text.len() < 300 && !text.contains(char::is_control)), "{english:?}");
    assert!(causes.iter().all(|cause| !cause.explain(Language::Chinese).is_ascii()));
}

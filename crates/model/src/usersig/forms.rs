//! Which forms of a UserSig are read: its letters, its members, their values.

use super::tests::enclose;
use super::*;

/// A document that is good but for what is put in.
fn document(identifier: &str, app: &str, more: &str) -> String {
    format!(
        r#"{{"TLS.ver":"2.0","TLS.identifier":{identifier},"TLS.sdkappid":{app},"TLS.time":1,"TLS.expire":1,"TLS.sig":"AA=="{more}}}"#
    )
}

fn good(identifier: &str, app: &str, more: &str) -> UserSig {
    let json = document(identifier, app, more);
    UserSig::decode(&enclose(&json)).unwrap_or_else(|why| panic!("{why}: {json}"))
}

fn bad(identifier: &str, app: &str, more: &str, expected: SigFormatError) {
    let json = document(identifier, app, more);
    assert_eq!(UserSig::decode(&enclose(&json)), Err(expected), "{json}");
}

#[test]
fn a_name_with_control_characters_is_refused() {
    for name in ["", "a", " a b ", "\"a\\n", "\u{2028}管理员", "x\u{a0}"] {
        let json = serde_json::to_string(name).unwrap();
        assert_eq!(good(&json, "1", "").identifier(), name);
    }
    for control in ('\0'..=' ').chain('\u{7f}'..='\u{a0}').filter(|letter| letter.is_control()) {
        for name in [format!("{control}"), format!("a{control}"), format!("{control}管")] {
            bad(&serde_json::to_string(&name).unwrap(), "1", "", SigFormatError::Identifier);
            assert!(UserId::parse(&name).is_err(), "{name:?} could be signed");
        }
    }
    bad(r#""\u000aa""#, "1", "", SigFormatError::Identifier);
    // JSON itself has neither line feeds nor halves of characters in its strings.
    bad("\"a\nb\"", "1", "", SigFormatError::Document);
    bad(r#""\ud800""#, "1", "", SigFormatError::Document);
}

#[test]
fn a_user_buffer_is_canonical_base64() {
    let good =
        |json: &str| good(r#""a""#, "1", &format!(r#","TLS.userbuf":{json}"#)).userbuf().map(str::to_owned);
    let bad = |json: &str, expected| bad(r#""a""#, "1", &format!(r#","TLS.userbuf":{json}"#), expected);
    // An empty one is what the official signers of npm and PyPI make of an empty buffer.
    for written in ["", "AA==", "AAA=", "AAAA", "+/+/", "YWJj"] {
        assert_eq!(good(&format!("\"{written}\"")).as_deref(), Some(written));
    }
    assert_eq!(good(r#""\u0041AAA""#).as_deref(), Some("AAAA"));
    assert_eq!(good("null"), None);
    for written in [
        "A",
        "AA",
        "AAA",
        "AA=",
        "AB==",
        "AAB=",
        "A===",
        "AAAA=",
        "AAAA====",
        "AA==AA==",
        "*-*-",
        "-_-_",
        "AA__",
        " ",
        "=",
        "AA== ",
        r"AA==\n",
        r"\nAA==",
        r"AA\n==",
        r"AAAA\nAAAA",
        r"AAAA\r\nAAAA",
        r"\u0000",
        "密",
        r"\nTLS.sdkappid:1\nTLS.time:2\nTLS.expire:3",
    ] {
        bad(&format!("\"{written}\""), SigFormatError::Userbuf);
    }
    for other in ["1", "[]", "{}", "true"] {
        bad(other, SigFormatError::Document);
    }
}

/// A number is signed as its digits, whatever it looks like in the document.
#[test]
fn numbers_are_whole_and_fit_64_bits() {
    for number in ["7", r#""7""#, r#""007""#, r#""000000000000000000000000007""#] {
        assert_eq!(good(r#""a""#, number, "").sdk_app_id(), 7, "{number}");
    }
    for number in ["18446744073709551615", r#""18446744073709551615""#] {
        assert_eq!(good(r#""a""#, number, "").sdk_app_id(), u64::MAX);
    }
    for number in ["007", "+7", "-7", "7.0", "7e0", "18446744073709551616", "1e400", "null", "true", "[7]"] {
        bad(r#""a""#, number, "", SigFormatError::Document);
    }
    for number in
        ["", "+7", "-7", " 7", "7 ", r"7\n", "7.0", "0x7", "7e0", "7_0", "７", "18446744073709551616"]
    {
        bad(r#""a""#, &format!("\"{number}\""), "", SigFormatError::Document);
    }
}

/// Signers that do not escape JSON let a user name write members of its own.
#[test]
fn a_member_that_is_there_twice_is_refused() {
    let members = [
        ("ver", r#""2.0""#),
        ("identifier", r#""a""#),
        ("sdkappid", "1"),
        ("time", "1"),
        ("expire", "1"),
        ("sig", r#""AA==""#),
    ];
    for (name, value) in members {
        bad(r#""a""#, "1", &format!(r#","TLS.{name}":{value}"#), SigFormatError::Document);
        bad(r#""a""#, "1", &format!(r#","\u0054LS\u002e{name}":{value}"#), SigFormatError::Document);
    }
    bad(r#""a""#, "1", r#","TLS.userbuf":"","TLS.userbuf":"""#, SigFormatError::Document);
    bad(r#""a""#, "1", r#","TLS.userbuf":null,"TLS.userbuf":"AAAA""#, SigFormatError::Document);
    bad(r#""bob","TLS.identifier":"administrator""#, "1", "", SigFormatError::Document);
    // What is not a member of a UserSig is not looked at.
    good(r#""a""#, "1", r#","TLS.Identifier":"b\n","x":1,"x":2"#);
}

#[test]
fn alphabets_may_be_mixed_and_a_space_is_a_plus() {
    let key = AppKey::parse("key").unwrap();
    let (app, identifier) = (SdkAppId(1), UserId::parse("a").unwrap());
    let text = (0..).find_map(|time| {
        let request = SignRequest { app, identifier, time: UnixSeconds(time), expire: 1, userbuf: None };
        let often = |text: &String| ['*', '-', '_'].iter().all(|letter| text.matches(*letter).count() > 1);
        Some(sign(&key, request)).filter(often)
    });
    let text = text.unwrap();
    let original = UserSig::decode(&text).unwrap();
    for (plus, slash, equals) in
        [("+", "/", "="), (" ", "/", "="), (" ", "-", "_"), ("*", "-", "="), ("+", "-", "_")]
    {
        let all = text.replace('*', plus).replace('-', slash).replace('_', equals);
        let first = text.replacen('*', plus, 1).replacen('-', slash, 1).replacen('_', equals, 1);
        for written in [all.as_str(), &first, all.trim_end_matches(['_', '='])] {
            assert_eq!(UserSig::decode(written).as_ref(), Ok(&original), "{written}");
        }
    }
    for stranger in ['.', '~', '!', '\n', '\r', '\t', '\0', '%', ',', 'é'] {
        let inside = text.replacen('*', &stranger.to_string(), 1);
        for written in [inside, format!("{text}{stranger}"), format!("{stranger}{text}")] {
            assert_eq!(UserSig::decode(&written), Err(SigFormatError::Base64), "{stranger:?}");
        }
    }
    // Not cut into lines, as some base64 encoders do: the line feeds are no letters of either alphabet.
    let lines: Vec<&str> =
        text.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
    assert_eq!(UserSig::decode(&lines.join("\n")), Err(SigFormatError::Base64));
    assert_eq!(UserSig::decode(&lines.join("\r\n")), Err(SigFormatError::Base64));
}

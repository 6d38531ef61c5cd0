//! What is wrong with the signature.

use super::*;
use crate::usersig::diagnosis::words::{from_hex, percent_encoded, to_hex, utf16};
use sha2::{Digest, Sha224, Sha384, Sha512};

/// The right text with one piece of it written otherwise.
fn with(signer: &Signer, from: &str, to: &str) -> Vec<u8> {
    signer.text().replacen(from, to, 1).into_bytes()
}

/// Texts that are wrong, and what is wrong with each.
fn wrong_texts(signer: &Signer) -> Vec<(TextSlip, Vec<u8>)> {
    [
        wrong_lines(signer),
        wrong_values(signer),
        wrong_identifiers(signer),
        wrong_labels(signer),
        wrong_userbuf(signer),
    ]
    .concat()
}

fn wrong_lines(signer: &Signer) -> Vec<(TextSlip, Vec<u8>)> {
    let lines = signer.lines();
    let ends = [
        (LineEnds::CrLf, "\r\n", "\r\n"),
        (LineEnds::Cr, "\r", "\r"),
        (LineEnds::LastMissing, "\n", ""),
        (LineEnds::None, "", ""),
        (LineEnds::Backslash, "\\n", "\\n"),
        (LineEnds::BackslashLastMissing, "\\n", ""),
        (LineEnds::Space, " ", " "),
        (LineEnds::Comma, ",", ","),
        (LineEnds::Ampersand, "&", "&"),
        (LineEnds::AmpersandLastMissing, "&", ""),
        (LineEnds::BlankLine, "\n", "\n\n"),
    ];
    let ended =
        ends.map(|(ends, between, end)| (TextSlip::LineEnds(ends), (lines.join(between) + end).into_bytes()));
    let orders = [[0, 1, 3, 2], [3, 2, 1, 0], [1, 0, 2, 3], [3, 0, 1, 2]].map(|order| {
        let labels = ["TLS.identifier", "TLS.sdkappid", "TLS.time", "TLS.expire"];
        let ordered: Vec<_> =
            order.iter().chain(&[4]).filter_map(|place| lines.get(*place).cloned()).collect();
        (TextSlip::Order(order.map(|place| labels[place]).to_vec()), (ordered.join("\n") + "\n").into_bytes())
    });
    ended.into_iter().chain(orders).collect()
}

fn wrong_values(signer: &Signer) -> Vec<(TextSlip, Vec<u8>)> {
    let Signer { app, time, expire, .. } = signer;
    let text = signer.text();
    let app = |written: &str| with(signer, &format!("sdkappid:{app}"), &format!("sdkappid:{written}"));
    let of_time = |written: String| with(signer, &format!("time:{time}"), &format!("time:{written}"));
    let of_expire = |written: String| with(signer, &format!("expire:{expire}"), &format!("expire:{written}"));
    let mut document = signer.document("");
    document.as_object_mut().unwrap().remove("TLS.sig");
    let swapped = with(
        signer,
        &format!("time:{time}\nTLS.expire:{expire}"),
        &format!("time:{expire}\nTLS.expire:{time}"),
    );
    vec![
        (TextSlip::Json, document.to_string().into_bytes()),
        (TextSlip::OtherApp(7), app("7")),
        (TextSlip::QuotedApp, app(&format!("\"{}\"", signer.app))),
        (TextSlip::Time(1), of_time((time + 1).to_string())),
        (TextSlip::Time(-3), of_time((time - 3).to_string())),
        (TextSlip::TimeUnit, of_time(format!("{time}000"))),
        (TextSlip::Fraction("TLS.time"), of_time(format!("{time}.0"))),
        (TextSlip::Expire(86_400), of_expire("86400".into())),
        (TextSlip::ExpireUnit, of_expire(format!("{expire}000"))),
        (TextSlip::ExpireIsATime, of_expire((time + expire).to_string())),
        (TextSlip::Fraction("TLS.expire"), of_expire(format!("{expire}.0"))),
        (TextSlip::TimeAndExpire, swapped),
        (TextSlip::Version, format!("TLS.ver:2.0\n{text}").into_bytes()),
        (TextSlip::Version, format!("{text}TLS.ver:2.0\n").into_bytes()),
        (TextSlip::Utf16, utf16(&text)),
    ]
}

fn wrong_identifiers(signer: &Signer) -> Vec<(TextSlip, Vec<u8>)> {
    let name = signer.identifier.as_str();
    let forms = [
        (IdentifierForm::Quoted, format!("\"{name}\"")),
        (IdentifierForm::PercentEncoded, percent_encoded(name)),
        (IdentifierForm::LowerCase, name.to_lowercase()),
        (IdentifierForm::UpperCase, name.to_uppercase()),
        (IdentifierForm::Trimmed, name.trim().to_owned()),
        (IdentifierForm::Escaped, name.replace('管', "\\u7ba1").replace('é', "\\u00e9")),
    ];
    let text = |form: &str| with(signer, &format!("identifier:{name}\n"), &format!("identifier:{form}\n"));
    forms.map(|(form, written)| (TextSlip::Identifier(form), text(&written))).to_vec()
}

fn wrong_labels(signer: &Signer) -> Vec<(TextSlip, Vec<u8>)> {
    let (lines, text) = (signer.lines(), signer.text());
    let Signer { app, identifier, time, expire, .. } = signer;
    let values: String = lines.iter().map(|line| line.split_once(':').unwrap().1).collect();
    // The identifiers of this test hold no colon and no `TLS.`.
    let styles = [
        (LabelStyle::WithoutPrefix, text.replace("TLS.", "")),
        (LabelStyle::Equals, text.replace(':', "=")),
        (LabelStyle::Spaced, text.replace(':', ": ")),
        (LabelStyle::Formula, format!("{values}{}", STANDARD.encode(&values))),
        (LabelStyle::Formula, values),
        (LabelStyle::AppId("TLS.sdkAppId"), text.replacen("TLS.sdkappid", "TLS.sdkAppId", 1)),
        (LabelStyle::Identifier("TLS.userid"), text.replacen("TLS.identifier", "TLS.userid", 1)),
        (
            LabelStyle::Version1,
            format!(
                "TLS.appid_at_3rd:0\nTLS.account_type:0\nTLS.identifier:{identifier}\nTLS.sdk_appid:{app}\nTLS.time:{time}\n\
                 TLS.expire_after:{expire}\n"
            ),
        ),
    ];
    styles.map(|(style, text)| (TextSlip::Labels(style), text.into_bytes())).to_vec()
}

fn wrong_userbuf(signer: &Signer) -> Vec<(TextSlip, Vec<u8>)> {
    let slip = TextSlip::Userbuf;
    let Some(buffer) = &signer.userbuf else {
        return vec![(slip(UserbufSlip::Added), format!("{}TLS.userbuf:\n", signer.text()).into_bytes())];
    };
    let without = signer.lines()[..4].join("\n") + "\n";
    let bytes = STANDARD.decode(buffer).unwrap();
    let raw = [format!("{without}TLS.userbuf:").into_bytes(), bytes, b"\n".to_vec()].concat();
    let twice = format!("{without}TLS.userbuf:{}\n", STANDARD.encode(buffer));
    vec![
        (slip(UserbufSlip::Missing), without.into_bytes()),
        (slip(UserbufSlip::Raw), raw),
        (slip(UserbufSlip::Base64Twice), twice.into_bytes()),
    ]
}

/// Keys that are wrong, and what is wrong with each.
fn wrong_keys(signer: &Signer) -> Vec<(KeySlip, Vec<u8>)> {
    let key = signer.key.as_str();
    let bytes = |text: String| text.into_bytes();
    vec![
        (KeySlip::OtherApp(SdkAppId(7)), OTHER_KEY.into()),
        (KeySlip::OtherApp(SdkAppId(8)), "yet another key".into()),
        (KeySlip::LineEnd, bytes(format!("{key}\n"))),
        (KeySlip::LineEnd, bytes(format!("{key}\r\n"))),
        (KeySlip::Space, bytes(format!("{key} "))),
        (KeySlip::Space, bytes(format!(" {key}"))),
        (KeySlip::Space, bytes(format!("\t{key}"))),
        (KeySlip::Invisible, bytes(format!("\u{feff}{key}"))),
        (KeySlip::Invisible, bytes(format!("{key}\0"))),
        (KeySlip::Quoted, bytes(format!("\"{key}\""))),
        (KeySlip::Quoted, bytes(format!("'{key}'"))),
        (KeySlip::UpperCase, bytes(key.to_uppercase())),
        (KeySlip::HexDecoded, from_hex(key).unwrap()),
        (KeySlip::Base64Decoded, STANDARD.decode(key).unwrap()),
        (KeySlip::HexEncoded, bytes(to_hex(key.as_bytes()))),
        (KeySlip::Base64Encoded, bytes(STANDARD.encode(key))),
        (KeySlip::Start(32), key[..32].into()),
        (KeySlip::Start(63), key[..63].into()),
        (KeySlip::End(63), key[1..].into()),
        (KeySlip::End(32), key[32..].into()),
        (KeySlip::Twice, bytes(format!("{key}{key}"))),
        (KeySlip::Utf16, utf16(key)),
        (KeySlip::Empty, Vec::new()),
        (KeySlip::Unset("undefined"), b"undefined".to_vec()),
        (KeySlip::Example, b"5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e".to_vec()),
        (KeySlip::AppId, bytes(signer.app.to_string())),
        (KeySlip::Identifier, signer.identifier.clone().into()),
    ]
}

fn check(signer: &Signer, sig: &str, expected: Vec<Slip>) {
    assert_eq!(signer.cause(sig), Some(Cause::Signature(expected)), "{signer:?}");
}

#[test]
fn two_mistakes_are_named_together() {
    let alice = alice();
    let [name, app, time, expire] = alice.lines().try_into().unwrap();
    let order = TextSlip::Order(vec!["TLS.identifier", "TLS.sdkappid", "TLS.expire", "TLS.time"]);
    // Seen in a public repository: no line feeds, and another order.
    let sig = alice.of_text(format!("{name}{app}{expire}{time}"));
    check(&alice, &sig, vec![Slip::Text(order.clone()), Slip::Text(TextSlip::LineEnds(LineEnds::None))]);
    let sig = alice
        .with_mac(&mac(format!("{}\n", alice.key).as_bytes(), alice.text().replace('\n', "\r\n").as_bytes()));
    check(&alice, &sig, vec![Slip::Key(KeySlip::LineEnd), Slip::Text(TextSlip::LineEnds(LineEnds::CrLf))]);
    let sig = alice.with_mac(&mac(
        &from_hex(&alice.key).unwrap(),
        format!("{name}\n{app}\n{expire}\n{time}\n").as_bytes(),
    ));
    check(&alice, &sig, vec![Slip::Key(KeySlip::HexDecoded), Slip::Text(order)]);
    let hex = to_hex(&mac(alice.key.to_uppercase().as_bytes(), alice.text().as_bytes()));
    check(
        &alice,
        &alice.with_sig(hex),
        vec![Slip::Encoding(EncodingSlip::Hexadecimal), Slip::Key(KeySlip::UpperCase)],
    );
}

#[test]
fn the_servers_own_key_may_have_the_white_space() {
    let alice = alice();
    let keys = [(APP, AppKey::parse(&format!("{} ", alice.key)).unwrap())];
    let found = diagnose(&alice.good(), APP, &keys, &alice.identifier, NOW).unwrap();
    assert_eq!(found.cause, Cause::Signature(vec![Slip::Key(KeySlip::Trimmed)]));
    let capitals = [(APP, AppKey::parse(&alice.key.to_uppercase()).unwrap())];
    let found = diagnose(&alice.good(), APP, &capitals, &alice.identifier, NOW).unwrap();
    assert_eq!(found.cause, Cause::Signature(vec![Slip::Key(KeySlip::LowerCase)]));
}

#[test]
fn digests_of_other_lengths_are_named_by_their_length() {
    let alice = alice();
    for length in [0, 16, 20, 31, 33, 70, 71] {
        let found = alice.cause(&alice.with_mac(&vec![9; length]));
        assert_eq!(found, Some(Cause::SignatureLength(length)));
    }
    assert!(Cause::SignatureLength(20).explain(Language::English).contains("HMAC-SHA1"));
    assert_eq!(alice.cause(&alice.with_mac(&[9; 32])), Some(Cause::UnknownKey));
}

#[test]
fn the_work_is_bounded() {
    let alice = alice();
    let mut keys = alice.keys();
    keys.extend((100..1100).map(|app| (SdkAppId(app), AppKey::parse(&format!("key of app {app}")).unwrap())));
    keys.extend((0..100).map(|number| (APP, AppKey::parse(&format!("key {number}")).unwrap())));
    let cause = |sig: &str| diagnose(sig, APP, &keys, &alice.identifier, NOW).unwrap().cause;
    assert_eq!(cause(&alice.of_key("what nobody knows")), Cause::UnknownKey);
    let other = |app| Cause::Signature(vec![Slip::Key(KeySlip::OtherApp(SdkAppId(app)))]);
    assert_eq!(cause(&alice.of_key("key of app 1050")), other(1050));
    assert_eq!(
        cause(&alice.of_text(alice.text().trim_end())),
        Cause::Signature(vec![Slip::Text(TextSlip::LineEnds(LineEnds::LastMissing))])
    );
}

#[test]
fn each_slip_has_its_sentences() {
    let signers = [alice(), Signer { userbuf: Some("+/+/".into()), ..alice() }];
    let texts = signers.iter().flat_map(wrong_texts).map(|(slip, _)| Slip::Text(slip));
    let keys = signers.iter().flat_map(wrong_keys).map(|(slip, _)| Slip::Key(slip));
    let rest = [
        Slip::Text(TextSlip::Labels(LabelStyle::None)),
        Slip::Text(TextSlip::Labels(LabelStyle::Case)),
        Slip::Text(TextSlip::Userbuf(UserbufSlip::Alphabet)),
        Slip::Key(KeySlip::Trimmed),
        Slip::Key(KeySlip::LowerCase),
    ];
    for slip in texts.chain(keys).chain(rest) {
        let (english, chinese) = (slip.explain(Language::English), slip.explain(Language::Chinese));
        assert!(english.is_ascii() && english.len() > 30, "{slip:?}: {english}");
        assert!(!chinese.is_ascii() && chinese.len() > 30, "{slip:?}: {chinese}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn each_wrong_text_is_named(signer in signers()) {
        for (slip, text) in wrong_texts(&signer) {
            if text != signer.text().as_bytes() {
                check(&signer, &signer.of_text(text), vec![Slip::Text(slip)]);
            }
        }
    }

    #[test]
    fn each_wrong_key_is_named(signer in signers()) {
        for (slip, key) in wrong_keys(&signer) {
            check(&signer, &signer.of_key(key), vec![Slip::Key(slip)]);
        }
    }

    #[test]
    fn each_wrong_digest_and_encoding_is_named(signer in signers()) {
        let (key, text) = (signer.key.as_bytes(), signer.text().into_bytes());
        let right = mac(key, &text);
        macro_rules! hmac { ($digest:ty) => {{
            let mut mac = Hmac::<$digest>::new_from_slice(key).unwrap();
            mac.update(&text);
            mac.finalize().into_bytes().to_vec()
        }}; }
        for (slip, bytes) in [
            (DigestSlip::Swapped, mac(&text, key)),
            (DigestSlip::KeyFirst, Sha256::digest([key, &text].concat()).to_vec()),
            (DigestSlip::KeyLast, Sha256::digest([&text, key].concat()).to_vec()),
            (DigestSlip::NoKey, Sha256::digest(&text).to_vec()),
            (DigestSlip::Sha512, hmac!(Sha512)),
            (DigestSlip::Sha384, hmac!(Sha384)),
            (DigestSlip::Sha224, hmac!(Sha224)),
        ] {
            check(&signer, &signer.with_mac(&bytes), vec![Slip::Digest(slip)]);
        }
        for (slip, text) in [
            (EncodingSlip::Hexadecimal, to_hex(&right)),
            (EncodingSlip::Hexadecimal, to_hex(&right).to_uppercase()),
            (EncodingSlip::Base64OfHexadecimal, STANDARD.encode(to_hex(&right))),
            (EncodingSlip::Base64Twice, STANDARD.encode(STANDARD.encode(&right))),
        ] {
            check(&signer, &signer.with_sig(text), vec![Slip::Encoding(slip)]);
        }
    }
}

//! What is wrong with the text, before the document.

use super::*;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use std::io::Write as _;

fn check(sig: &str, expected: &[EncodedCause]) {
    assert_eq!(alice().cause(sig), Some(Cause::Encoded(expected.to_vec())), "{sig:.80}");
}

fn one(sig: &str, expected: EncodedCause) {
    check(sig, &[expected]);
}

/// A good UserSig in standard base64 that has all of `+`, `/` and `=`.
fn standard() -> String {
    let sigs = (0..).map(|ago| Signer { time: NOW.0 - ago, ..alice() }.good());
    let has_all = |sig: &String| ['*', '-', '_'].iter().all(|letter| sig.contains(*letter));
    sigs.map(|sig| if has_all(&sig) { sig } else { String::new() })
        .find(|sig| !sig.is_empty())
        .unwrap()
        .replace('*', "+")
        .replace('-', "/")
        .replace('_', "=")
}

#[test]
fn what_is_no_user_sig_is_named_for_what_it_is() {
    let alice = alice();
    one("", EncodedCause::Placeholder(""));
    for placeholder in ["undefined", "null", "None", "xxx", "[object Object]", "0"] {
        one(placeholder, EncodedCause::Placeholder(placeholder));
    }
    one("{usersig}", EncodedCause::Placeholder("usersig"));
    one("${userSig}", EncodedCause::Placeholder("userSig"));
    one(&alice.key, EncodedCause::Key);
    one(OTHER_KEY, EncodedCause::Key);
    one(&format!("{}\n", alice.key), EncodedCause::Key);
    one(&"0123456789abcdef".repeat(4), EncodedCause::LikeAKey);
    one("-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n-----END PRIVATE KEY-----", EncodedCause::Pem);
    one("MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg", EncodedCause::Pem);
    one("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl", EncodedCause::Jwt);
    one(&alice.document("x").to_string(), EncodedCause::Json);
    one(&"e".repeat(4097), EncodedCause::TooLong(4097));
}

#[test]
fn wrappings_are_taken_off() {
    let sig = alice().good();
    one(&format!("b'{sig}'"), EncodedCause::PythonBytes);
    one(&format!("b\"{sig}\""), EncodedCause::PythonBytes);
    one(&format!("\"{sig}\""), EncodedCause::Quoted);
    one(&format!("'{sig}'"), EncodedCause::Quoted);
    for end in ["\n", "\r\n", "\\n"] {
        one(&format!("{sig}{end}"), EncodedCause::LineEnds);
        let wrapped: Vec<&str> =
            sig.as_bytes().chunks(60).map(|line| std::str::from_utf8(line).unwrap()).collect();
        one(&wrapped.join(end), EncodedCause::LineEnds);
    }
    one(&format!(" {sig}"), EncodedCause::Spaces);
    one(&format!("\u{feff}{sig}"), EncodedCause::Spaces);
    one(&format!("{sig}\t"), EncodedCause::Spaces);
    let percent =
        |text: &str| text.replace('%', "%25").replace('*', "%2A").replace('-', "%2D").replace('_', "%5F");
    one(&percent(&sig), EncodedCause::PercentEncoded);
    check(&percent(&percent(&sig)), &[EncodedCause::PercentEncoded, EncodedCause::PercentEncoded]);
    one(&words::percent_encoded(&standard()), EncodedCause::PercentEncoded);
    // All that is encoded stands behind the end of zlib, where `+255f` would be ignored.
    let padded = (0..).map(|ago| Signer { time: NOW.0 - ago, ..alice() }.good());
    let padded = padded.filter(|sig| !sig.contains(['*', '-'])).find(|sig| sig.ends_with('_')).unwrap();
    check(&percent(&percent(&padded)), &[EncodedCause::PercentEncoded, EncodedCause::PercentEncoded]);
    check(&format!("{sig}%0A"), &[EncodedCause::PercentEncoded, EncodedCause::LineEnds]);
    check(&format!("\"{sig}\n\""), &[EncodedCause::Quoted, EncodedCause::LineEnds]);
    one(&format!("{sig}&contenttype=json&sdkappid=1400217315&apn=1"), EncodedCause::Query);
    one(
        &format!("https://console.tim.qq.com/v4/profile/portrait_get?identifier=a&usersig={sig}&random=1"),
        EncodedCause::Query,
    );
    one(&format!("usersig={sig}"), EncodedCause::Query);
    one(&STANDARD.encode(&sig), EncodedCause::Base64Twice);
    one(&STANDARD.encode(standard()).replace('=', "_"), EncodedCause::Base64Twice);
    let zlib = STANDARD.decode(standard()).unwrap();
    one(&words::to_hex(&zlib), EncodedCause::Hexadecimal);
    one(&words::to_hex(&zlib).to_uppercase(), EncodedCause::Hexadecimal);
}

#[test]
fn other_letters_are_named() {
    let sig = standard();
    let written = |pairs: [(char, char); 3]| -> String {
        sig.chars()
            .map(|letter| pairs.iter().find(|(from, _)| *from == letter).map_or(letter, |(_, to)| *to))
            .collect()
    };
    let base64url = written([('+', '-'), ('/', '_'), ('=', '=')]);
    let expected = EncodedCause::Alphabet(vec![('-', '+'), ('_', '/')]);
    one(&base64url, expected.clone());
    one(base64url.trim_end_matches('='), expected.clone());
    assert!(expected.explain(Language::English).contains("+ as -, / as _ (base64url of RFC 4648)"));
    // Seen in a public repository.
    one(&written([('+', '!'), ('/', '*'), ('=', '_')]), EncodedCause::Alphabet(vec![('!', '+'), ('*', '/')]));
    // Ruby's tr("+/=", "*-_").
    let ruby = EncodedCause::Alphabet(vec![('+', '/'), (',', '=')]);
    one(&written([('+', '*'), ('/', '+'), ('=', ',')]), ruby.clone());
    assert!(ruby.explain(Language::Chinese).contains("Ruby"));
    one(
        &written([('+', '.'), ('/', '~'), ('=', '!')]),
        EncodedCause::Alphabet(vec![('!', '='), ('.', '+'), ('~', '/')]),
    );
}

/// zlib's checksum is not the end of the bytes for a reader that takes the padding for a letter.
#[test]
fn padding_is_never_taken_for_a_letter() {
    for ago in 0..300 {
        let good = Signer { time: NOW.0 - ago, ..alice() }.good();
        let base64url = good.replace('_', "=").replace('-', "_").replace('*', "-");
        let Some(Cause::Encoded(causes)) = alice().cause(&base64url) else { continue };
        let [EncodedCause::Alphabet(letters)] = causes.as_slice() else { panic!("{causes:?}") };
        let expected = [('-', '+'), ('_', '/')];
        assert!(letters.iter().all(|pair| expected.contains(pair)), "{letters:?} in {base64url}");
    }
}

#[test]
fn what_is_inside_base64_is_named() {
    let document = alice().document(STANDARD.encode([7; 32])).to_string();
    let encode =
        |bytes: Vec<u8>| STANDARD.encode(bytes).replace('+', "*").replace('/', "-").replace('=', "_");
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(document.as_bytes()).unwrap();
    one(&encode(gzip.finish().unwrap()), EncodedCause::Gzip);
    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::default());
    deflate.write_all(document.as_bytes()).unwrap();
    one(&encode(deflate.finish().unwrap()), EncodedCause::RawDeflate);
    one(&encode(document.clone().into_bytes()), EncodedCause::NotCompressed);
    one(&encode(b"alice".to_vec()), EncodedCause::NotZlib);
    let sig = alice().good();
    one(&sig.to_lowercase(), EncodedCause::OneCase);
    one(&sig.to_uppercase(), EncodedCause::OneCase);
    for length in 20..sig.trim_end_matches('_').len() {
        one(&sig[..length], EncodedCause::CutShort(length));
    }
    one(&sig.replacen(&sig[40..44], "", 1), EncodedCause::Damaged);
    one(&format!("{}é{}", &sig[..30], &sig[30..]), EncodedCause::Stranger('é', 31));
    one(&format!("{}<{}", &sig[..30], &sig[30..]), EncodedCause::Stranger('<', 31));
}

#[test]
fn every_cause_has_its_sentences() {
    use EncodedCause as C;
    let causes = [
        C::TooLong(5000),
        C::Placeholder("null"),
        C::Key,
        C::LikeAKey,
        C::Pem,
        C::Jwt,
        C::Json,
        C::PythonBytes,
        C::Quoted,
        C::LineEnds,
        C::Spaces,
        C::PercentEncoded,
        C::Query,
        C::Hexadecimal,
        C::Alphabet(vec![('!', '+')]),
        C::Base64Twice,
        C::Gzip,
        C::RawDeflate,
        C::NotCompressed,
        C::OneCase,
        C::CutShort(200),
        C::Damaged,
        C::Stranger('\n', 7),
        C::NotZlib,
    ];
    let english: std::collections::BTreeSet<_> =
        causes.iter().map(|cause| cause.explain(Language::English)).collect();
    assert_eq!(english.len(), causes.len());
    assert!(english.iter().all(|text| text.is_ascii()), "{english:?}");
    assert!(causes.iter().all(|cause| !cause.explain(Language::Chinese).is_ascii()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn each_wrapping_of_any_signer_is_named(signer in signers()) {
        let sig = signer.good();
        for (text, cause) in [
            (format!("b'{sig}'"), EncodedCause::PythonBytes),
            (format!("\"{sig}\""), EncodedCause::Quoted),
            (format!("{sig}\n"), EncodedCause::LineEnds),
            (format!("\u{200b}{sig}"), EncodedCause::Spaces),
            (format!("{sig}&random=1"), EncodedCause::Query),
            (STANDARD.encode(&sig), EncodedCause::Base64Twice),
            (sig.to_lowercase(), EncodedCause::OneCase),
            (sig[..sig.len() / 2].to_owned(), EncodedCause::CutShort(sig.len() / 2)),
        ] {
            prop_assert_eq!(signer.cause(&text), Some(Cause::Encoded(vec![cause])));
        }
    }
}

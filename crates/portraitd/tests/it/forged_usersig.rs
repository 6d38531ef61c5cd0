//! A UserSig whose signed text was cut at other places. The signer here checks no name, as published signers don't.

use crate::harness::{App, KEY, TestServer, encode, path_of, post};
use crate::usersig::{Sign, enclose, now};

const GET: &str = r#"{"To_Account":["administrator"],"TagList":["Tag_Profile_IM_Nick"]}"#;

fn answer(app: &App<'_>, command: &str, identifier: &str, usersig: &str) -> (u64, String) {
    let target = format!(
        "{}?sdkappid={}&identifier={}&usersig={}",
        path_of(command),
        app.id,
        encode(identifier),
        encode(usersig)
    );
    let body = if command == "portrait_get" { GET } else { r#"{"UserID":"administrator"}"# };
    let answer = app.server.connect().exchange(&post(&target, body)).unwrap();
    (answer.code(), answer.header("x-error-detail").unwrap_or_default().to_owned())
}

#[test]
fn a_name_that_was_signed_unchecked_makes_no_admin() {
    let server = TestServer::dev();
    let app = server.app();
    let (id, time) = (app.id, now());
    let admin = Sign {
        key: KEY,
        sdkappid: id.into(),
        identifier: "administrator",
        time: time - 10,
        expire: 100 * 365 * 86_400,
    };
    // The name that the attacker registers; what its signer adds becomes the forged document's user buffer.
    let name = format!(
        "administrator\nTLS.sdkappid:{id}\nTLS.time:{}\nTLS.expire:{}\nTLS.userbuf:",
        admin.time, admin.expire
    );
    let user = Sign { key: KEY, sdkappid: id.into(), identifier: &name, time, expire: 600 };
    let userbuf = format!("\nTLS.sdkappid:{id}\nTLS.time:{time}\nTLS.expire:600");
    assert_eq!(user.signature(), admin.signature_with(Some(&userbuf)), "both have the same signed text");
    let forged = enclose(&admin.document(Some(&userbuf), &user.signature()));
    for command in ["portrait_get", "kick"] {
        let (code, detail) = answer(&app, command, "administrator", &forged);
        assert_eq!(code, 70003, "an admin of a hundred years: {detail}");
        assert!(detail.contains("TLS.userbuf"), "{detail}");
        let (code, detail) = answer(&app, command, &name, &user.usersig());
        assert_eq!(code, 70003, "{detail}");
        assert!(detail.contains("TLS.identifier"), "{detail}");
        // The same admin's UserSig, signed as it should be.
        assert_eq!(answer(&app, command, "administrator", &admin.usersig()).0, 0);
    }
}

/// The other way round: a user buffer that is signed as it is, not in base64, and a name that takes its place.
#[test]
fn a_user_buffer_that_was_signed_unencoded_makes_nobody_else() {
    let server = TestServer::dev();
    let app = server.app();
    let (id, time) = (app.id, now());
    let user = Sign { key: KEY, sdkappid: id.into(), identifier: "u", time, expire: 600 };
    let userbuf = format!("\nTLS.sdkappid:{id}\nTLS.time:1\nTLS.expire:{}", u64::MAX);
    let name = format!("u\nTLS.sdkappid:{id}\nTLS.time:{time}\nTLS.expire:600\nTLS.userbuf:");
    let endless = Sign { identifier: &name, time: 1, expire: u64::MAX, ..user.clone() };
    assert_eq!(user.signature_with(Some(&userbuf)), endless.signature());
    assert_eq!(answer(&app, "portrait_get", &name, &endless.usersig()).0, 70003);
    assert_eq!(answer(&app, "portrait_get", "u", &user.usersig_with(Some(&userbuf))).0, 70003);
    assert_eq!(answer(&app, "portrait_get", "u", &user.usersig()).0, 40004);
}

/// A signer that writes JSON without escapes, as C#'s does, lets a name write members of the document.
#[test]
fn a_name_that_writes_members_makes_no_admin() {
    let server = TestServer::dev();
    let app = server.app();
    let (id, time) = (app.id, now());
    let name = r#"u","TLS.identifier":"administrator"#;
    let user = Sign { key: KEY, sdkappid: id.into(), identifier: name, time, expire: 600 };
    let written = enclose(&user.document(None, &user.signature()).replace("\\\"", "\""));
    for identifier in ["administrator", "u", name] {
        assert_eq!(answer(&app, "portrait_get", identifier, &written).0, 70003, "{identifier}");
    }
    assert_eq!(
        answer(&app, "portrait_get", name, &user.usersig()).0,
        40004,
        "escaped, it is a name like others"
    );
}

//! Permissions and keys: every cell of the table of field permissions, keys that are rotated under load, and the second
//! in which a UserSig expires.

use crate::harness::{App, KEY, TestServer, path_of, post};
use crate::usersig::{Sign, now};
use portraitd_model::{Role, STANDARD_FIELDS, ValueRule, ValueType};
use serde_json::{Value, json};
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A field as its definition says: tag, a value that fits, who may read it and who may write it.
struct Field {
    tag: String,
    value: Value,
    read: [bool; 2],
    write: [bool; 2],
}

/// User and admin.
const ROLES: [(&str, Role); 2] = [("u", Role::User), ("administrator", Role::Admin)];

/// The standard fields of the model's table, and a custom field for each way to grant permissions.
fn fields(app: &App<'_>) -> Vec<Field> {
    let value = |value_type: ValueType, rule: ValueRule| match (value_type, rule) {
        (ValueType::Uint32 | ValueType::Uint64, _) => json!(7),
        (_, ValueRule::OneOf(words)) => json!(words[0]),
        _ => json!("text"),
    };
    let standard = STANDARD_FIELDS.iter().map(|field| Field {
        tag: field.name.into(),
        value: value(field.value_type, field.rule),
        read: [true, true],
        write: ROLES.map(|(_, role)| field.write.allows(role)),
    });
    let mut fields: Vec<Field> = standard.collect();
    let grants = [[true, true], [true, false], [false, true]];
    for (n, read) in grants.into_iter().enumerate() {
        for (m, write) in grants.into_iter().enumerate() {
            let keyword = format!("F{}{}", "abc".as_bytes()[n] as char, "xyz".as_bytes()[m] as char);
            let names = |grant: [bool; 2]| -> Vec<&str> {
                ["app", "admin"]
                    .into_iter()
                    .zip(grant)
                    .filter(|(_, may)| *may)
                    .map(|(name, _)| name)
                    .collect()
            };
            let definition = json!({"type": "string", "read": names(read), "write": names(write)});
            app.put(&format!("/fields/{keyword}"), &definition.to_string());
            fields.push(Field {
                tag: format!("Tag_Profile_Custom_{keyword}"),
                value: json!("text"),
                read,
                write,
            });
        }
    }
    fields
}

#[test]
fn every_cell_of_the_permission_table_holds() {
    let server = TestServer::dev();
    let app = server.app();
    app.patch(&json!({"self_service": true}));
    app.import("u");
    let mut cells = 0;
    for field in fields(&app) {
        for (index, (caller, _)) in ROLES.into_iter().enumerate() {
            let get = json!({"To_Account": ["u"], "TagList": [field.tag]}).to_string();
            let read = app.call_as(caller, "portrait_get", &get);
            assert_eq!(
                read["ErrorCode"],
                if field.read[index] { 0 } else { 40007 },
                "{} read by {caller}: {read}",
                field.tag
            );
            let set = json!({"From_Account": "u", "ProfileItem": [{"Tag": field.tag, "Value": field.value}]})
                .to_string();
            let written = app.call_as(caller, "portrait_set", &set);
            assert_eq!(
                written["ErrorCode"],
                if field.write[index] { 0 } else { 40008 },
                "{} written by {caller}: {written}",
                field.tag
            );
            cells += 2;
        }
        // What was written is what is read, by whoever may.
        for (caller, _) in
            ROLES.into_iter().enumerate().filter(|(index, _)| field.read[*index]).map(|(_, role)| role)
        {
            let get = json!({"To_Account": ["u"], "TagList": [field.tag]}).to_string();
            let read = app.call_as(caller, "portrait_get", &get);
            assert_eq!(read["UserProfileItem"][0]["ProfileItem"][0]["Value"], field.value, "{read}");
        }
    }
    assert_eq!(cells, (STANDARD_FIELDS.len() + 9) * 4);
}

fn call(app: &App<'_>, key: &str, command: &str, body: &str) -> u64 {
    let sign = Sign { key, sdkappid: app.id.into(), identifier: "administrator", time: now(), expire: 600 };
    let target = format!(
        "{}?sdkappid={}&identifier=administrator&usersig={}",
        path_of(command),
        app.id,
        sign.usersig()
    );
    app.server.connect().exchange(&post(&target, body)).unwrap().code()
}

/// New key in, callers move over, old key out: nobody who signs with a key in force is refused, and nobody gets in
/// with one that is gone.
#[test]
fn keys_change_under_load() {
    const ROUNDS: usize = 20;
    const CHECK: &str = r#"{"CheckItem":[{"UserID":"administrator"}]}"#;
    let rounds = std::env::var("SCALE").ok().and_then(|scale| scale.parse().ok()).unwrap_or(ROUNDS);
    let server = TestServer::dev();
    let app = server.app();
    let key = |round: usize| if round == 0 { KEY.to_owned() } else { format!("{round:064x}") };
    // Held while a call is on its way, so that a key goes only when nobody uses it any more.
    let current = RwLock::new(0);
    let (stop, served) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let round = current.read().unwrap();
                    assert_eq!(call(&app, &key(*round), "account_check", CHECK), 0, "key {round}");
                    served.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for round in 1..=rounds {
            let before = served.load(Ordering::Relaxed);
            let (status, answer) = server.admin(
                "POST",
                &format!("/apps/{}/keys", app.id),
                &json!({"key": key(round)}).to_string(),
            );
            assert!(status < 300, "{answer}");
            assert_eq!(call(&app, &key(round), "account_check", CHECK), 0, "a new key works at once");
            *current.write().unwrap() = round;
            let (status, answer) = server.admin("DELETE", &format!("/apps/{}/keys/{round}", app.id), "");
            assert!(status < 300, "{answer}");
            assert_eq!(
                call(&app, &key(round - 1), "account_check", CHECK),
                70009,
                "a revoked key is refused at once"
            );
            while served.load(Ordering::Relaxed) < before + 4 {
                std::thread::yield_now();
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    eprintln!("{rounds} rotations, {} calls served, 0 refused", served.into_inner());
}

/// Guessing is slowed down; whoever was let in before from the same address (a proxy's, say) is not.
#[test]
fn a_neighbour_who_guesses_does_not_shut_others_out() {
    let server = TestServer::dev_with(&["--limits"]);
    let app = server.app();
    let check = r#"{"CheckItem":[{"UserID":"administrator"}]}"#;
    let good = app.request("account_check", check);
    let mut honest = server.connect();
    assert_eq!(honest.exchange(&good).unwrap().code(), 0);
    let bad = post(
        &format!("{}?sdkappid={}&identifier=administrator&usersig=eJyrVg", path_of("account_check"), app.id),
        check,
    );
    let mut guesser = server.connect();
    let mut refused = 0;
    while refused < 50 {
        refused += usize::from(guesser.exchange(&bad).unwrap().code() == 70050);
        if refused % 10 == 5 {
            assert_eq!(honest.exchange(&good).unwrap().code(), 0);
        }
    }
}

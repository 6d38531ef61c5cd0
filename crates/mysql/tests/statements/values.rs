//! What comes back: bytes, numbers, counts, order, time.

use crate::server::on_a_database;
use crate::sql::Arg;
use crate::statements as sql;

fn account<'a>(user: &'a [u8], rev: u64, profile: &'a [u8]) -> Vec<Arg<'a>> {
    vec![1_u32.into(), user.into(), rev.into(), u64::MAX.into(), 0_u64.into(), 0_u64.into(), profile.into()]
}

/// Users that a collation would take for one, or sort differently.
fn users() -> Vec<Vec<u8>> {
    let mut users: Vec<Vec<u8>> = [
        "a",
        "A",
        "a ",
        "a\0",
        "b",
        "B",
        "é",
        "e\u{301}",
        "ss",
        "ß",
        "名",
        "😀",
        "😀😀😀😀😀😀😀😀",
        "%",
        "_",
        "'",
        "\\",
    ]
    .into_iter()
    .map(|user| user.as_bytes().to_vec())
    .collect();
    users.extend([vec![0xFF], vec![0xFF; 32], vec![0x00]]);
    users
}

#[test]
fn keys_are_bytes_in_their_order() {
    on_a_database(|database| async move {
        let mut session = database.reader(0).await;
        let mut users = users();
        let rows = users.iter().map(|user| account(user, 1, b"")).collect();
        assert_eq!(session.run(sql::ADD_ACCOUNTS, &[Arg::Rows(rows)]).await, Ok(users.len() as u64));
        users.sort();
        let read = [1_u32.into(), Arg::Bytes(b""), 1000_u64.into()];
        let stored: Vec<(Vec<u8>, Vec<u8>)> = session.rows(sql::READ_PROFILES_AFTER, &read).await.unwrap();
        assert_eq!(stored.into_iter().map(|(user, _)| user).collect::<Vec<_>>(), users);
        for user in &users {
            let read = [1_u32.into(), Arg::List(vec![user.as_slice().into()])];
            let found: Vec<(Vec<u8>, Vec<u8>)> = session.rows(sql::READ_PROFILES, &read).await.unwrap();
            assert_eq!(found, [(user.clone(), Vec::new())], "one key finds one row");
        }
    });
}

#[test]
fn values_come_back_as_they_went() {
    on_a_database(|database| async move {
        let mut session = database.reader(0).await;
        let every_byte: Vec<u8> = (0..=255).collect();
        // More than a packet of 64 KiB, and as text twice as long.
        let large = vec![0xA7; 1 << 20];
        for (user, profile) in [("empty", Vec::new()), ("bytes", every_byte), ("large", large)] {
            let row = account(user.as_bytes(), u64::MAX, &profile);
            assert_eq!(session.run(sql::ADD_ACCOUNTS, &[Arg::Rows(vec![row])]).await, Ok(1));
            let read = [1_u32.into(), Arg::List(vec![user.into()])];
            let (_, rev, created, _, _, stored): (Vec<u8>, u64, u64, u64, u8, Vec<u8>) =
                session.row(sql::LOCK_ACCOUNTS, &read).await;
            assert_eq!((rev, created), (u64::MAX, u64::MAX), "BIGINT UNSIGNED");
            assert!(stored == profile, "{user}");
        }
        let least = vec![
            1_u32.into(),
            1_u32.into(),
            Arg::Signed(i64::MIN),
            0_u64.into(),
            0_u64.into(),
            0_u64.into(),
            0_u64.into(),
        ];
        assert_eq!(session.run(sql::ADD_TALLIES, &[Arg::Rows(vec![least])]).await, Ok(1));
        let count: i64 = session.row(sql::READ_ACCOUNTS_COUNT, &[1_u32.into()]).await;
        assert_eq!(count, i64::MIN);
    });
}

#[test]
fn rows_are_counted_as_found() {
    on_a_database(|database| async move {
        let mut session = database.reader(0).await;
        let number = |value: u64| Arg::Rows(vec![vec!["n".into(), value.into()]]);
        assert_eq!(session.run(sql::ADD_META, &[number(1)]).await, Ok(1));
        for (value, name, found) in [(1_u64, "n", 1), (2, "n", 1), (2, "n", 1), (2, "other", 0)] {
            let done = session.run(sql::SET_META, &[value.into(), name.into()]).await;
            assert_eq!(done, Ok(found), "SET value = {value} WHERE name = {name}");
        }
    });
}

#[test]
fn an_upsert_takes_the_values_of_its_own_row() {
    on_a_database(|database| async move {
        let mut session = database.reader(0).await;
        let rows = |profiles: [&'static [u8]; 2]| {
            Arg::Rows(vec![account(b"alice", 1, profiles[0]), account(b"bob", 2, profiles[1])])
        };
        for profiles in [[b"a", b"b"], [b"c", b"d"]] {
            assert!(session.run(sql::PUT_ACCOUNTS, &[rows(profiles.map(<[u8; 1]>::as_slice))]).await.is_ok());
        }
        let read = [1_u32.into(), Arg::List(vec!["alice".into(), "bob".into()])];
        let mut stored: Vec<(Vec<u8>, Vec<u8>)> = session.rows(sql::READ_PROFILES, &read).await.unwrap();
        stored.sort();
        assert_eq!(stored, [(b"alice".to_vec(), b"c".to_vec()), (b"bob".to_vec(), b"d".to_vec())]);
    });
}

/// 00:30 and 01:30 UTC on 25 October 2026: in Berlin both are 02:30, once in summer time and once in winter time. And a moment of
/// summer.
const MOMENTS: [u64; 3] = [1_792_888_200, 1_792_891_800, 1_783_000_000];

#[test]
fn the_time_is_utc_in_every_time_zone() {
    on_a_database(|database| async move {
        let mut session = database.reader(0).await;
        // First the server's own time zone.
        for zone in [None, Some("+00:00"), Some("+08:00"), Some("-03:30"), Some("Europe/Berlin")] {
            if let Some(zone) = zone {
                let known = session.run(&format!("SET time_zone = '{zone}'"), &[]).await;
                if known == Err(1298) && zone.contains('/') {
                    eprintln!("the server has no table of time zones: {zone} is not tried");
                    continue;
                }
                assert_eq!(known, Ok(0), "{zone}");
            }
            for moment in MOMENTS {
                session.run(&format!("SET timestamp = {moment}.123"), &[]).await.unwrap();
                let time: i64 = session.row(sql::TIME, &[]).await;
                assert_eq!(time, i64::try_from(moment * 1000 + 123).unwrap(), "{zone:?}");
            }
        }
    });
}

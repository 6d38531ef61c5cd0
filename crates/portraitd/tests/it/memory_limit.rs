//! A server under a limit of memory that its load exceeds: whatever becomes of it (an answer that refuses, an end without a word),
//! what it acknowledged is there at the next start, and what it did not is there whole or not at all.
//!
//! The limit is on the process's data (`RLIMIT_DATA`), which every Linux has: an allocation beyond it fails. The allocator is told to
//! ask for memory as it is needed, and not for a gigabyte at once.

use crate::harness::{App, Connection, TestServer, path_of, post};
use crate::torture::{Random, number, seed};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

const CLIENTS: usize = 4;
/// Of each client; the accounts of a group are always written together.
const GROUPS: usize = 40;
const GROUP: usize = 100;
/// Calls of each client, when the server lives that long.
const CALLS: usize = 300;
/// Who gets no answer so often calls no more: an answer that does not come is waited for.
const UNANSWERED_MAX: usize = 2;

/// What a client knows of each of its groups: the version that was acknowledged last, and those asked for since.
#[derive(Clone, Default)]
struct Group {
    acknowledged: u64,
    since: Vec<u64>,
}

#[derive(Default, Debug)]
struct Tally {
    acknowledged: u64,
    refused: u64,
    unanswered: u64,
    died: u64,
}

fn names(client: usize, group: usize) -> Vec<String> {
    (0..GROUP).map(|n| format!("user{client}-{group}-{n}")).collect()
}

fn config() -> String {
    // Profiles in memory may take more than there is.
    "[limits]\nenabled = false\n[store]\nprofiles_in_memory_mib = 1024\n".into()
}

pub(crate) fn serve(data: &Path) -> TestServer {
    TestServer::serve_altered(data, &config(), |command| {
        command.env("MIMALLOC_ARENA_RESERVE", "0").env("RUST_BACKTRACE", "0");
    })
}

/// Lets the process have so much more data than it has.
pub(crate) fn limit(server: &TestServer, further_bytes: u64) {
    let pid = server.child.id();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmData:")).unwrap();
    let now = line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024;
    let most = format!("--data={}:", now + further_bytes);
    assert!(Command::new("prlimit").args(["--pid", &pid.to_string(), &most]).status().unwrap().success());
}

/// One client, until the server is gone or enough was asked.
fn work(app: &App<'_>, client: usize, groups: &mut [Group], random: &mut Random, tally: &Mutex<Tally>) {
    let query = app.query("administrator");
    let Ok(mut connection) = Connection::try_open(&app.server.address) else { return };
    let mut exchange = |command: &str, body: &Value| {
        let answer = connection.exchange(&post(&format!("{}?{query}", path_of(command)), &body.to_string()));
        if answer.is_none() {
            // It closes a connection when it can't serve it; gone is who takes no new one.
            connection = Connection::try_open(&app.server.address).ok()?;
        }
        Some(answer)
    };
    let mut unanswered = 0;
    for _ in 0..CALLS {
        let number = usize::try_from(random.below(GROUPS as u64)).unwrap();
        let group = &mut groups[number];
        let version = group.since.last().copied().unwrap_or(group.acknowledged) + 1;
        let text = format!("{version}:{}", "x".repeat(400));
        let entry = |name: &String| json!({"UserID": name, "Nick": text, "FaceUrl": text});
        let list: Vec<Value> = names(client, number).iter().map(entry).collect();
        group.since.push(version);
        let Some(answer) = exchange("multiaccount_import", &json!({ "AccountList": list })) else { return };
        match answer.map(|answer| answer.code()) {
            Some(0) => {
                *group = Group { acknowledged: version, since: Vec::new() };
                tally.lock().unwrap().acknowledged += 1;
            }
            Some(code) => {
                assert!([40006, 60008].contains(&code), "{code}");
                tally.lock().unwrap().refused += 1;
            }
            None => {
                unanswered += 1;
                tally.lock().unwrap().unanswered += 1;
            }
        }
        if unanswered > UNANSWERED_MAX {
            return;
        }
        // So that they are kept in memory.
        let tags = ["Tag_Profile_IM_Nick", "Tag_Profile_IM_Image"];
        let body = json!({"To_Account": names(client, number), "TagList": tags});
        if exchange("portrait_get", &body).is_none() {
            return;
        }
    }
}

/// All accounts of a group, and all that was written to each, carry one version, and one that may be.
fn verify(app: &App<'_>, client: usize, groups: &mut [Group]) {
    for (number, group) in groups.iter_mut().enumerate() {
        let tags = ["Tag_Profile_IM_Nick", "Tag_Profile_IM_Image"];
        let answer = app
            .call("portrait_get", &json!({"To_Account": names(client, number), "TagList": tags}).to_string());
        let version = |entry: &Value| {
            let items = entry["ProfileItem"].as_array().map_or(&[][..], Vec::as_slice);
            let versions =
                items.iter().map(|item| item["Value"].as_str().unwrap().split(':').next().unwrap());
            let versions: Vec<u64> = versions.map(|text| text.parse().unwrap()).collect();
            assert!(versions.is_empty() || versions == [versions[0]; 2], "half: {entry}");
            versions.first().copied().unwrap_or(0)
        };
        let found: Vec<u64> = answer["UserProfileItem"].as_array().unwrap().iter().map(version).collect();
        assert_eq!(found, vec![found[0]; GROUP], "half a group");
        assert!(
            found[0] == group.acknowledged || group.since.contains(&found[0]),
            "group {client}-{number} has version {}, {} was acknowledged, {:?} asked for",
            found[0],
            group.acknowledged,
            group.since
        );
        *group = Group { acknowledged: found[0], since: Vec::new() };
    }
}

#[test]
fn without_memory_nothing_acknowledged_is_lost() {
    let rounds = 4 * number("SCALE").unwrap_or(1);
    let mut random = Random(seed());
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut server = serve(&data);
    let id = server.app().id;
    let mut known = vec![vec![Group::default(); GROUPS]; CLIENTS];
    let tally = Mutex::new(Tally::default());
    for _ in 0..rounds {
        limit(&server, (1 + random.below(24)) << 20);
        std::thread::scope(|scope| {
            for (client, groups) in known.iter_mut().enumerate() {
                let (app, tally, mut random) =
                    (App { server: &server, id }, &tally, Random(random.below(u64::MAX)));
                scope.spawn(move || work(&app, client, groups, &mut random, tally));
            }
        });
        let died = server.child.try_wait().unwrap().is_some();
        tally.lock().unwrap().died += u64::from(died);
        server.kill();
        drop(server);
        server = serve(&data);
        for (client, groups) in known.iter_mut().enumerate() {
            verify(&App { server: &server, id }, client, groups);
        }
    }
    let tally = tally.into_inner().unwrap();
    eprintln!("{rounds} rounds: {tally:?}");
    assert!(tally.died + tally.refused > 0, "the limit was never felt");
}

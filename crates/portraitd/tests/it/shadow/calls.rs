//! Mixed calls, valid and invalid, over accounts that all clients share; and calls that meet a planted difference, counted as
//! they are made.

use super::process::Output;
use super::set;
use crate::harness::{Answer, App, Connection, KEY, path_of, post};
use crate::torture::Random;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Accounts that all clients share.
const USERS: u64 = 24;
/// A value that must appear nowhere but in calls.
const SECRET_VALUE: &str = "a value of an account";

/// The rows of the planted differences.
const CHANGED: &str = "value portrait_get UserProfileItem[].ProfileItem[Tag_Profile_IM_Nick].Value";
const LACKING: &str = "shape portrait_get UserProfileItem[].ProfileItem[Tag_Profile_Custom_Test]";
const GONE: &str = "value account_check ResultItem[].AccountStatus";
/// Of the other limit and of the word.
const REFUSED: &str = "code portrait_set ErrorCode";
const UNKNOWN: &str = "value portrait_get UserProfileItem[].To_Account";

/// What every client knows.
pub(super) struct Plan {
    admin: String,
    /// Callers that are no admins.
    users: Vec<String>,
    wrong: Vec<String>,
    usersig: String,
}

/// What clients did.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) calls: u64,
    /// Calls that met a planted difference.
    pub(super) different: u64,
    /// Planted differences that were met, by row.
    pub(super) planted: BTreeMap<&'static str, u64>,
    /// Answers of a failing cloud, by what they are.
    pub(super) answers: BTreeMap<String, u64>,
}

impl Counts {
    pub(super) fn plus(mut self, other: Self) -> Self {
        self.calls += other.calls;
        self.different += other.different;
        for (row, count) in other.planted {
            *self.planted.entry(row).or_default() += count;
        }
        self
    }
}

pub(super) struct Client<'a> {
    plan: &'a Plan,
    address: &'a str,
    connection: Option<Connection>,
    random: Random,
    pub(super) counts: Counts,
}

impl Plan {
    pub(super) fn new(app: &App<'_>) -> Self {
        let usersig = app.sign("administrator");
        let admin = app.query("administrator");
        let wrong = vec![
            admin.replace(&usersig, "eJw"),
            admin.replace(&format!("sdkappid={}", app.id), &format!("sdkappid={}", app.id + 1_000_000)),
            admin.replace("identifier=administrator", "identifier=user1"),
            "sdkappid=x".to_owned(),
            String::new(),
        ];
        Self { admin, users: (0..4).map(|n| app.query(&format!("user{n}"))).collect(), wrong, usersig }
    }

    /// The state that both sides begin with, made through shadow mode.
    pub(super) fn prepare(&self, address: &str) {
        let mut client = Client::new(self, address, Random(0));
        for body in Self::imports() {
            client.ok("multiaccount_import", &body);
        }
        for user in ["changed", "lacking", "gone", "limited"] {
            client.ok("portrait_set", &set(user, "Tag_Profile_IM_Nick", "first"));
        }
    }

    fn imports() -> Vec<String> {
        let special = ["changed", "lacking", "gone", "limited", "worded"].map(str::to_owned);
        let all: Vec<String> = (0..USERS / 2).map(|n| format!("user{n}")).chain(special).collect();
        all.chunks(8).map(|accounts| json!({"Accounts": accounts}).to_string()).collect()
    }

    pub(super) fn prepared_calls() -> u64 {
        Self::imports().len() as u64 + 4
    }

    /// No UserSig, key, UserID or value in what was printed, logged or written.
    pub(super) fn assert_no_secrets(&self, output: &Output) {
        let all = output.everything();
        for secret in
            [&*self.usersig, KEY, SECRET_VALUE, "user1", "limited", "worded", "administrator", "badword"]
        {
            assert!(!all.contains(secret), "{secret}: {all}");
        }
    }
}

impl<'a> Client<'a> {
    pub(super) fn new(plan: &'a Plan, address: &'a str, random: Random) -> Self {
        Self { plan, address, connection: None, random, counts: Counts::default() }
    }

    /// A call that must succeed.
    pub(super) fn ok(&mut self, command: &str, body: &str) -> Value {
        let answer = self.admin(command, body);
        let json: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!((answer.status, &json["ErrorCode"]), (200, &json!(0)), "{command} {body} {answer:?}");
        json
    }

    fn admin(&mut self, command: &str, body: &str) -> Answer {
        let plan = self.plan;
        self.call(command, &plan.admin, body)
    }

    fn call(&mut self, command: &str, query: &str, body: &str) -> Answer {
        self.send(&post(&format!("{}?{query}", path_of(command)), body))
    }

    /// Sends a request, on the connection of the last one if that is still open.
    fn send(&mut self, request: &[u8]) -> Answer {
        self.counts.calls += 1;
        let mut connection = self.connection.take().unwrap_or_else(|| Connection::open(self.address));
        let answer = connection.exchange(request).unwrap();
        if answer.header("connection") != Some("close") {
            self.connection = Some(connection);
        }
        answer
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random.below(bound)
    }

    fn user(&mut self) -> String {
        format!("user{}", self.below(USERS))
    }

    /// One of all kinds: ordinary, or one that meets a planted difference.
    pub(super) fn any_call(&mut self) {
        match self.below(24) {
            0 => {
                self.ok("portrait_get", &get(&["changed"], &["Tag_Profile_IM_Nick", "Tag_Profile_IM_Level"]));
                self.met(&[(CHANGED, 1)]);
            }
            1 => {
                self.ok(
                    "portrait_get",
                    &get(&["lacking"], &["Tag_Profile_IM_Nick", "Tag_Profile_Custom_Test"]),
                );
                self.met(&[(LACKING, 1)]);
            }
            2 => {
                self.ok("account_check", r#"{"CheckItem":[{"UserID":"gone"},{"UserID":"changed"}]}"#);
                self.met(&[(GONE, 1)]);
            }
            3 => {
                self.ok("portrait_set", &set("limited", "Tag_Profile_IM_Location", "more than 16 bytes"));
                self.met(&[(REFUSED, 1)]);
            }
            4 => {
                self.ok("portrait_set", &set("worded", "Tag_Profile_IM_Nick", "a badword"));
                self.met(&[(REFUSED, 1)]);
            }
            5 => {
                drop(self.ok(
                    "portrait_get",
                    &get(&["limited"], &["Tag_Profile_IM_Location", "Tag_Profile_IM_Nick"]),
                ));
            }
            _ => self.ordinary_call(),
        }
    }

    /// One that no planted difference touches, save the form of accounts that do not exist.
    pub(super) fn ordinary_call(&mut self) {
        let (user, kind, n) = (self.user(), self.below(100), self.below(1_000_000));
        let answer = match kind {
            0..30 => {
                let items = json!([
                    {"Tag": "Tag_Profile_IM_Nick", "Value": format!("{SECRET_VALUE} {n}")},
                    {"Tag": "Tag_Profile_IM_Level", "Value": n},
                    {"Tag": "Tag_Profile_Custom_Test", "Value": n.to_string()},
                ]);
                let count = 1 + usize::try_from(n % 3).unwrap();
                let items = &items.as_array().unwrap()[..count];
                self.admin("portrait_set", &json!({"From_Account": user, "ProfileItem": items}).to_string())
            }
            30..38 => {
                let body = self.bad_set(&user);
                self.admin("portrait_set", &body)
            }
            38..64 => {
                let users: Vec<String> = (0..=n % 5).map(|_| self.user()).chain([user]).collect();
                let tags = ["Tag_Profile_IM_Nick", "Tag_Profile_Custom_Test", "Tag_Profile_IM_Level"];
                let tags = &tags[..=usize::try_from(n % 3).unwrap()];
                self.admin("portrait_get", &json!({"To_Account": users, "TagList": tags}).to_string())
            }
            64..67 => {
                let bodies = [
                    r#"{"To_Account":[]}"#,
                    r#"{"To_Account":["user1"]}"#,
                    r#"{"To_Account":["user1"],"TagList":["x"]}"#,
                ];
                self.admin("portrait_get", bodies[usize::try_from(n % 3).unwrap()])
            }
            67..75 => {
                let nick = if n % 2 == 0 { "imported" } else { "" };
                self.admin("account_import", &json!({"UserID": user, "Nick": nick}).to_string())
            }
            75..79 => {
                let users: Vec<String> = (0..n % 6).map(|_| self.user()).collect();
                self.admin("multiaccount_import", &json!({"Accounts": users}).to_string())
            }
            79..83 => {
                let users = [user, self.user()].map(|user| json!({"UserID": user}));
                self.admin("account_delete", &json!({"DeleteItem": users}).to_string())
            }
            83..91 => {
                let users = [user, self.user(), self.user()].map(|user| json!({"UserID": user}));
                self.admin("account_check", &json!({"CheckItem": users}).to_string())
            }
            91..94 => self.admin("kick", &json!({"UserID": user}).to_string()),
            94..97 => {
                let plan = self.plan;
                let query = &plan.users[usize::try_from(n).unwrap() % plan.users.len()];
                self.call("portrait_set", query, &set(&user, "Tag_Profile_IM_Nick", "by a user"))
            }
            _ => {
                let plan = self.plan;
                let query = &plan.wrong[usize::try_from(n).unwrap() % plan.wrong.len()];
                self.call("account_check", query, r#"{"CheckItem":[{"UserID":"user1"}]}"#)
            }
        };
        self.note(&answer);
    }

    fn bad_set(&mut self, user: &str) -> String {
        match self.below(8) {
            0 => set(user, "Tag_Profile_IM_None", "x"),
            1 => set(user, "Tag_Profile_IM_Level", "a word"),
            2 => set(user, "Tag_Profile_IM_Nick", &"x".repeat(501)),
            3 => set(user, "Tag_Profile_IM_Gender", "Gender_Type_Other"),
            4 => json!({"From_Account": user, "ProfileItem": []}).to_string(),
            5 => json!({"From_Account": 5, "ProfileItem": [{"Tag": "Tag_Profile_IM_Nick", "Value": "x"}]})
                .to_string(),
            6 => set("ghost", "Tag_Profile_IM_Nick", "x"),
            _ => "{\"From_Account\":".to_owned(),
        }
    }

    /// Counts an answer by what it is, and the accounts in it that do not exist: portraitd names them otherwise.
    fn note(&mut self, answer: &Answer) {
        let body: Option<Value> = serde_json::from_str(&answer.body).ok();
        let code = body.as_ref().and_then(|body| body["ErrorCode"].as_u64());
        let kind = match code {
            Some(code) => code.to_string(),
            None if answer.body.contains("<html>") => "html".to_owned(),
            None => "broken".to_owned(),
        };
        *self.counts.answers.entry(format!("{} {kind}", answer.status)).or_default() += 1;
        let entries = body.as_ref().and_then(|body| body["UserProfileItem"].as_array());
        let ghosts =
            entries.into_iter().flatten().filter(|entry| entry["To_Account"] == "@TLS#NOT_FOUND").count();
        self.met(&[(UNKNOWN, ghosts as u64)]);
    }

    fn met(&mut self, rows: &[(&'static str, u64)]) {
        let met = rows.iter().filter(|(_, count)| *count > 0);
        self.counts.different += u64::from(met.clone().next().is_some());
        for (row, count) in met {
            *self.counts.planted.entry(row).or_default() += count;
        }
    }
}

fn get(users: &[&str], tags: &[&str]) -> String {
    json!({"To_Account": users, "TagList": tags}).to_string()
}

//! The requests of a run, and the answers that they must get.

use crate::random::{Random, Zipf};
use anyhow::{Context, bail};
use memchr::memmem;
use portraitd_model::{AppKey, SdkAppId, SignRequest, UnixSeconds, UserId, sign};
use std::io::Write;
use std::net::SocketAddr;
use std::str::FromStr;

/// An app and a key to sign with.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) id: u32,
    pub(crate) key: String,
}

/// Without the key, which is a secret.
impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "App({})", self.id)
    }
}

impl FromStr for App {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (id, key) = text.split_once(':').ok_or("write it as SDKAPPID:KEY")?;
        Ok(Self { id: id.parse().map_err(|_| "the SDKAppID is a number")?, key: key.to_owned() })
    }
}

/// The distribution of the users that are asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Distribution {
    Uniform,
    Zipf,
}

impl FromStr for Distribution {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "uniform" => Ok(Self::Uniform),
            "zipf" => Ok(Self::Zipf),
            _ => Err("uniform or zipf".into()),
        }
    }
}

/// The kind of calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum WorkloadKind {
    Set,
    Get,
    Get100,
    /// This percentage of gets, the rest sets.
    Mix(u8),
    Fixed,
    WebdisSet,
    WebdisGet,
}

impl FromStr for WorkloadKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "set" => Ok(Self::Set),
            "get" => Ok(Self::Get),
            "get100" => Ok(Self::Get100),
            "fixed" => Ok(Self::Fixed),
            "webdis-set" => Ok(Self::WebdisSet),
            "webdis-get" => Ok(Self::WebdisGet),
            _ => {
                let share = text.strip_prefix("mix:").and_then(|share| share.parse().ok());
                share
                    .filter(|share| *share <= 100)
                    .map(Self::Mix)
                    .ok_or("set, get, get100, mix:0 to mix:100, fixed".into())
            }
        }
    }
}

/// The expected answer to a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Expected {
    /// The OK answer of a set.
    Set,
    /// This number of accounts, all of them found.
    Accounts(usize),
    /// Any answer with ErrorCode 0.
    Fixed,
    /// Redis through webdis: an existing field was changed.
    WebdisSet,
    /// Redis through webdis: three values.
    WebdisGet,
}

const OK_SET: &[u8] = br#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","ErrorDisplay":""}"#;
const OK_GET: &[u8] = br#"],"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","ErrorDisplay":""}"#;

const WEBDIS_HEAD: &[u8] = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ";

impl Expected {
    /// Whether a body is that answer.
    pub(crate) fn accepts(self, body: &[u8]) -> bool {
        match self {
            Self::Set => body == OK_SET,
            Self::Accounts(1) => body.ends_with(OK_GET) && memmem::find(body, br#""Fail_Account""#).is_none(),
            Self::Accounts(count) => {
                body.ends_with(OK_GET) && memmem::find_iter(body, br#""ResultCode":0,"#).count() == count
            }
            Self::Fixed => memmem::find(body, br#""ErrorCode":0"#).is_some(),
            Self::WebdisSet => body == br#"{"HSET":0}"#,
            Self::WebdisGet => body.starts_with(br#"{"HMGET":[""#) && memmem::find(body, b"null").is_none(),
        }
    }
}

/// Generates the calls of a run.
pub(crate) struct Workload {
    /// For each app, the heads of a set and a get, up to the value of Content-Length.
    heads: Vec<(Vec<u8>, Vec<u8>)>,
    next_app: usize,
    users: u64,
    zipf: Option<Zipf>,
    kind: WorkloadKind,
    random: Random,
    counter: u64,
    body: Vec<u8>,
}

impl Workload {
    pub(crate) fn new(
        address: SocketAddr,
        apps: &[App],
        admin: &str,
        users: u64,
        distribution: Distribution,
        kind: WorkloadKind,
    ) -> anyhow::Result<Self> {
        if users == 0 {
            bail!("--users must be more than 0");
        }
        let heads = apps.iter().map(|app| heads(address, app, admin)).collect::<anyhow::Result<_>>()?;
        let zipf = (distribution == Distribution::Zipf).then(|| Zipf::new(users));
        Ok(Self {
            heads,
            next_app: 0,
            users,
            zipf,
            kind,
            random: Random::new(1),
            counter: 0,
            body: Vec::new(),
        })
    }

    /// Writes the next call into `out`.
    pub(crate) fn next(&mut self, out: &mut Vec<u8>) -> Expected {
        let expected = match self.kind {
            WorkloadKind::Get => Expected::Accounts(1),
            WorkloadKind::Get100 => Expected::Accounts(100),
            WorkloadKind::Mix(gets) if self.random.below(100) < u64::from(gets) => Expected::Accounts(1),
            WorkloadKind::Set | WorkloadKind::Mix(_) => Expected::Set,
            WorkloadKind::Fixed => Expected::Fixed,
            WorkloadKind::WebdisSet => Expected::WebdisSet,
            WorkloadKind::WebdisGet => Expected::WebdisGet,
        };
        self.body.clear();
        match expected {
            Expected::Accounts(count) => self.write_get(count),
            Expected::Set | Expected::Fixed => self.write_set(),
            Expected::WebdisSet | Expected::WebdisGet => self.write_webdis(expected),
        }
        out.clear();
        if let Some((set, get)) = self.heads.get(self.next_app) {
            out.extend_from_slice(match expected {
                Expected::Accounts(_) => get,
                Expected::Set | Expected::Fixed => set,
                Expected::WebdisSet | Expected::WebdisGet => WEBDIS_HEAD,
            });
        }
        self.next_app = (self.next_app + 1) % self.heads.len();
        push_number(out, self.body.len() as u64);
        out.extend_from_slice(b"\r\n\r\n");
        out.extend_from_slice(&self.body);
        expected
    }

    fn draw(&mut self) -> u64 {
        match &self.zipf {
            Some(zipf) => zipf.draw(&mut self.random),
            None => self.random.below(self.users),
        }
    }

    /// One field with a new value each time, so that the store has to write it.
    fn write_set(&mut self) {
        self.counter += 1;
        let user = self.draw();
        self.body.extend_from_slice(br#"{"From_Account":"user"#);
        push_number(&mut self.body, user);
        self.body.extend_from_slice(br#"","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"Nickname "#);
        push_number(&mut self.body, self.counter);
        self.body.extend_from_slice(br#""}]}"#);
    }

    /// A command in webdis' form: words between slashes.
    fn write_webdis(&mut self, expected: Expected) {
        self.counter += 1;
        let (set, user) = (expected == Expected::WebdisSet, self.draw());
        self.body.extend_from_slice(if set { b"HSET/user".as_slice() } else { b"HMGET/user" });
        push_number(&mut self.body, user);
        if set {
            self.body.extend_from_slice(b"/Tag_Profile_IM_Nick/Nickname%20");
            push_number(&mut self.body, self.counter);
        } else {
            self.body.extend_from_slice(b"/Tag_Profile_IM_Nick/Tag_Profile_IM_Gender/Tag_Profile_IM_Image");
        }
    }

    fn write_get(&mut self, count: usize) {
        self.body.extend_from_slice(br#"{"To_Account":["#);
        for index in 0..count {
            let user = self.draw();
            self.body.extend_from_slice(if index == 0 { br#""user"#.as_slice() } else { br#","user"# });
            push_number(&mut self.body, user);
            self.body.push(b'"');
        }
        self.body.extend_from_slice(
            br#"],"TagList":["Tag_Profile_IM_Nick","Tag_Profile_IM_Gender","Tag_Profile_IM_Image"]}"#,
        );
    }
}

fn heads(address: SocketAddr, app: &App, admin: &str) -> anyhow::Result<(Vec<u8>, Vec<u8>)> {
    const DAY: u64 = 24 * 60 * 60;
    let key = AppKey::parse(&app.key).context("--app: a key is 1 to 256 printable bytes")?;
    #[expect(clippy::disallowed_methods, reason = "a UserSig for a real server is of the real time")]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
    let request = SignRequest {
        app: SdkAppId(app.id),
        identifier: UserId::parse(admin).context("--admin")?,
        time: UnixSeconds(now),
        expire: DAY,
        userbuf: None,
    };
    let usersig = sign(&key, request);
    let head = |command: &str| {
        let mut head = Vec::new();
        write!(
            head,
            "POST /v4/profile/{command}?sdkappid={}&identifier={admin}&usersig={usersig}&random=99999999&contenttype=json HTTP/1.1\r\n\
             Host: {address}\r\nContent-Type: application/json\r\nContent-Length: ",
            app.id
        )?;
        anyhow::Ok(head)
    };
    Ok((head("portrait_set")?, head("portrait_get")?))
}

/// Writes a number in decimal, faster than `format!`.
fn push_number(out: &mut Vec<u8>, mut number: u64) {
    let (mut digits, mut start) = ([0_u8; 20], 20);
    loop {
        start -= 1;
        if let Some(digit) = digits.get_mut(start) {
            *digit = b'0' + u8::try_from(number % 10).unwrap_or_default();
        }
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(start..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_whole_and_answers_are_told_apart() {
        let app: App = "1400000000:0123456789abcdef".parse().unwrap();
        let address = "127.0.0.1:80".parse().unwrap();
        for (kind, expected) in [
            (WorkloadKind::Set, Expected::Set),
            (WorkloadKind::Get, Expected::Accounts(1)),
            (WorkloadKind::Get100, Expected::Accounts(100)),
        ] {
            let apps = [app.clone(), App { id: 7, ..app.clone() }];
            let mut workload = Workload::new(address, &apps, "ops", 10, Distribution::Zipf, kind).unwrap();
            let mut call = Vec::new();
            assert_eq!(workload.next(&mut call), expected);
            let text = String::from_utf8(call.clone()).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.ends_with(&format!("Content-Length: {}", body.len())), "{head}");
            serde_json::from_str::<serde_json::Value>(body).unwrap();
            workload.next(&mut call);
            assert!(String::from_utf8(call).unwrap().contains("sdkappid=7&"));
        }
        assert!(Expected::Set.accepts(OK_SET));
        assert!(!Expected::Set.accepts(br#"{"ActionStatus":"FAIL"}"#));
        let one = br#"{"UserProfileItem":[{"To_Account":"a","ProfileItem":[],"ResultCode":0,"ResultInfo":""}],"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","ErrorDisplay":""}"#;
        assert!(Expected::Accounts(1).accepts(one));
        assert!(!Expected::Accounts(100).accepts(one));
        let mut out = Vec::new();
        push_number(&mut out, 0);
        push_number(&mut out, u64::MAX);
        assert_eq!(out, b"018446744073709551615");
    }
}

//! Every setting of an app, changed on a running server under load: no call fails that the setting does not itself make
//! fail, and the new value is in force with the very next call.

use crate::harness::{App, KEY, TestServer, path_of, post};
use crate::usersig::{Sign, now};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const CALLERS: u64 = 4;
/// Of all callers together.
const CALLS_PER_SECOND: u64 = 200;
const CHECK: &str = r#"{"CheckItem":[{"UserID":"administrator"}]}"#;

fn set(tag: &str, value: &Value) -> String {
    json!({"From_Account": "u", "ProfileItem": [{"Tag": tag, "Value": value}]}).to_string()
}

fn nick(value: &str) -> String {
    set("Tag_Profile_IM_Nick", &json!(value))
}

/// A load that must not fail; gives how many calls there were.
fn load(app: &App<'_>, stop: &AtomicBool, calls: &AtomicU64) {
    let mut connection = app.server.connect();
    let (started, mut made) = (Instant::now(), 0);
    let get = r#"{"To_Account":["u"],"TagList":["Tag_Profile_IM_Nick"]}"#;
    while !stop.load(Ordering::Relaxed) {
        let request = match made % 2 {
            0 => app.request("portrait_set", &nick("n")),
            _ => app.request("portrait_get", get),
        };
        let answer = connection.exchange(&request).unwrap();
        assert_eq!(answer.code(), 0, "{answer:?}");
        made += 1;
        calls.fetch_add(1, Ordering::Relaxed);
        // An even pace; who is late hurries.
        let due = Duration::from_micros(made * 1_000_000 * CALLERS / CALLS_PER_SECOND);
        std::thread::sleep(due.saturating_sub(started.elapsed()));
    }
}

/// An app whose calls are made to fail, and one beside it that is under load.
struct Walk<'a> {
    app: App<'a>,
    loaded: &'a App<'a>,
}

impl Walk<'_> {
    /// The next call answers so.
    fn answers(&self, command: &str, body: &str, code: u64) {
        assert_eq!(self.app.code(command, body), code, "{command} {body}");
    }

    fn set(&self, body: &str, code: u64) {
        self.answers("portrait_set", body, code);
    }

    fn admin(&self, method: &str, below: &str, body: &str) {
        let (status, answer) = self.app.server.admin(method, &format!("/apps/{}{below}", self.app.id), body);
        assert!(status < 300, "{method} {below} {body}: {status} {answer}");
    }

    /// The same change where the load is: it must hurt nobody there.
    fn other_app(&self, method: &str, below: &str, body: &str) {
        let (status, answer) =
            self.app.server.admin(method, &format!("/apps/{}{below}", self.loaded.id), body);
        assert!(status < 300, "{method} {below} {body}: {status} {answer}");
    }

    fn shown(&self) -> Value {
        serde_json::from_str(&self.app.server.admin("GET", &format!("/apps/{}", self.app.id), "").1).unwrap()
    }

    fn who_may_call(&self) {
        self.admin("PATCH", "", r#"{"enabled":false}"#);
        self.set(&nick("n"), 60016);
        self.admin("PATCH", "", r#"{"enabled":true,"allow_ips":["10.0.0.0/8"]}"#);
        self.set(&nick("n"), 60021);
        self.admin("PATCH", "", r#"{"allow_ips":["127.0.0.0/8"]}"#);
        self.set(&nick("n"), 0);
        self.admin("PATCH", "", r#"{"allow_ips":[]}"#);
        self.other_app("PATCH", "", r#"{"name":"loaded","allow_ips":["127.0.0.0/8"]}"#);
        let signed = |key: &str| {
            let sign = Sign {
                key,
                sdkappid: self.app.id.into(),
                identifier: "administrator",
                time: now(),
                expire: 60,
            };
            let (path, id, sig) = (path_of("account_check"), self.app.id, sign.usersig());
            let target = format!("{path}?sdkappid={id}&identifier=administrator&usersig={sig}");
            self.app.server.connect().exchange(&post(&target, CHECK)).unwrap().code()
        };
        assert_eq!(signed("another-key-of-this-app"), 70009);
        self.admin("POST", "/keys", r#"{"key":"another-key-of-this-app"}"#);
        assert_eq!((signed("another-key-of-this-app"), signed(KEY)), (0, 0));
        self.admin("DELETE", "/keys/2", "");
        assert_eq!((signed("another-key-of-this-app"), signed(KEY)), (70009, 0));
        self.other_app("POST", "/keys", "{}");
        self.other_app("DELETE", "/keys/2", "");
        let as_ops = || self.app.call_as("ops", "account_check", CHECK)["ErrorCode"].clone();
        assert_eq!(as_ops(), 70403);
        self.admin("PUT", "/admins/ops", "");
        assert_eq!(as_ops(), 0);
        self.admin("DELETE", "/admins/ops", "");
        assert_eq!(as_ops(), 70403);
        self.other_app("PUT", "/admins/ops", "");
        let own = || self.app.call_as("u", "portrait_set", &nick("own"))["ErrorCode"].clone();
        assert_eq!(own(), 40004);
        self.admin("PATCH", "", r#"{"self_service":true}"#);
        assert_eq!(own(), 0);
        self.admin("PATCH", "", r#"{"self_service":false}"#);
        assert_eq!(own(), 40004);
        self.other_app("PATCH", "", r#"{"self_service":true}"#);
    }

    fn how_often(&self) {
        let codes = |command: &str, body: &str| -> Vec<u64> {
            (0..3).map(|_| self.app.code(command, body)).collect()
        };
        self.admin("PATCH", "", r#"{"limits":{"account_check":1}}"#);
        assert!(codes("account_check", CHECK).contains(&60007));
        self.admin("PATCH", "", r#"{"limits":{"account_check":0}}"#);
        assert_eq!(codes("account_check", CHECK), [0; 3]);
        self.admin("PATCH", "", r#"{"limits":{"total":1}}"#);
        assert!(codes("account_check", CHECK).contains(&60011));
        self.admin("PATCH", "", r#"{"limits":{"total":0}}"#);
        assert_eq!(codes("account_check", CHECK), [0; 3]);
        self.other_app("PATCH", "", r#"{"limits":{"portrait_set":0,"portrait_get":1000,"total":2000}}"#);
    }

    fn which_fields(&self) {
        let number = set("Tag_Profile_Custom_F", &json!(7));
        self.set(&number, 40009);
        self.admin("PUT", "/fields/F", r#"{"type":"string","read":["app","admin"],"write":["app","admin"]}"#);
        self.set(&number, 40610);
        self.admin("PUT", "/fields/F", r#"{"type":"uint64","read":["app","admin"],"write":["app","admin"]}"#);
        self.set(&number, 0);
        self.admin("PUT", "/fields/F", r#"{"type":"uint64","read":["app"],"write":["app"]}"#);
        self.set(&number, 40008);
        self.admin("DELETE", "/fields/F", "");
        self.set(&number, 40009);
        self.admin("PATCH", "", r#"{"custom_fields_max":0}"#);
        let again = r#"{"type":"uint64","read":["app","admin"],"write":["app","admin"]}"#;
        assert_eq!(self.app.server.admin("PUT", &format!("/apps/{}/fields/F", self.app.id), again).0, 400);
        self.admin("PATCH", "", r#"{"custom_fields_max":20}"#);
        self.admin("PUT", "/fields/F", again);
        self.set(&number, 0);
        self.other_app("PUT", "/fields/F", again);
        self.other_app("PUT", "/fields/F", r#"{"type":"bytes","read":["app"],"write":["admin"]}"#);
        let location = set("Tag_Profile_IM_Location", &json!("four"));
        self.admin("PATCH", "", r#"{"location_bytes_max":3}"#);
        self.set(&location, 40601);
        self.admin("PATCH", "", r#"{"location_bytes_max":4}"#);
        self.set(&location, 0);
        self.other_app("PATCH", "", r#"{"location_bytes_max":16,"custom_fields_max":7}"#);
    }

    fn which_words(&self) {
        let location = set("Tag_Profile_IM_Location", &json!("bad"));
        self.set(&nick("bad"), 0);
        self.admin("PUT", "/words", "bad\n");
        self.set(&nick("ＢＡＤ"), 40005);
        self.set(&location, 0);
        self.admin("PATCH", "", r#"{"screened_tags":["Tag_Profile_IM_Location"]}"#);
        self.set(&location, 40005);
        self.set(&nick("bad"), 0);
        self.admin("PUT", "/words", "");
        self.set(&location, 0);
        let many: Vec<String> = (0..100_000).map(|number| format!("word {number} 词")).collect();
        self.other_app("PUT", "/words", &many.join("\n"));
        self.other_app("PATCH", "", r#"{"screened_tags":["Tag_Profile_IM_Nick"]}"#);
        self.other_app("PUT", "/words", "bad\n");
    }

    fn what_is_told(&self) {
        let display = || self.app.call("portrait_set", &set("Nick", &json!("n")))["ErrorDisplay"].clone();
        self.admin("PATCH", "", r#"{"error_detail":true}"#);
        assert_ne!(display(), "");
        self.admin("PATCH", "", r#"{"error_detail":false}"#);
        assert_eq!(display(), "");
        self.admin("PATCH", "", r#"{"name":"another name"}"#);
        assert_eq!(self.shown()["name"], "another name");
        let waiting = || {
            let (_, webhook) = self.app.server.admin("GET", &format!("/apps/{}/webhook", self.app.id), "");
            serde_json::from_str::<Value>(&webhook).unwrap()["waiting"]["events"].clone()
        };
        self.set(&nick("nobody is told"), 0);
        assert_eq!(waiting(), 0);
        // Nobody listens there: what is told waits.
        self.admin("PUT", "/webhook", r#"{"url":"http://127.0.0.1:9/","token":"t"}"#);
        self.set(&nick("somebody is told"), 0);
        assert_eq!(waiting(), 1);
        self.admin("DELETE", "/webhook", "");
        self.set(&nick("nobody is told once more"), 0);
        assert_eq!(waiting(), 1);
        self.admin("POST", "/webhook/drop", r#"{"state":"waiting"}"#);
        assert_eq!(waiting(), 0);
        self.other_app("PUT", "/webhook", r#"{"url":"http://127.0.0.1:9/"}"#);
        self.other_app("DELETE", "/webhook", "");
    }
}

#[test]
fn each_setting_is_changed_under_load_and_in_force_with_the_next_call() {
    let dir = tempfile::tempdir().unwrap();
    let server =
        TestServer::serve(&dir.path().join("data"), "[webhook]\nallow_networks = [\"127.0.0.0/8\"]\n");
    let (loaded, walked) = (server.app(), server.app());
    loaded.import("u");
    walked.import("u");
    let (stop, calls) = (AtomicBool::new(false), AtomicU64::new(0));
    let started = Instant::now();
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(|| load(&loaded, &stop, &calls))).collect();
        let walk = Walk { app: App { server: &server, id: walked.id }, loaded: &loaded };
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            walk.who_may_call();
            walk.how_often();
            walk.which_fields();
            walk.which_words();
            walk.what_is_told();
        }));
        stop.store(true, Ordering::Relaxed);
        for caller in callers {
            caller.join().unwrap();
        }
        outcome.unwrap();
    });
    let (calls, seconds) = (calls.load(Ordering::Relaxed), started.elapsed().as_secs_f64());
    eprintln!("{calls} calls in {seconds:.1} s beside the changes, none failed");
    assert!(calls > 0);
}

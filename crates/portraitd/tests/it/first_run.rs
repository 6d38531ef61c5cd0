//! The first steps of a new user: the commands that `dev` prints, and the receiver that prints events.

use crate::harness::{TestServer, binary};
use crate::webhook::set;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

/// A command that runs until it is dropped, and what it prints.
pub(crate) struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = binary().args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next line.
    pub(crate) fn line(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_calls_that_dev_prints_can_be_pasted() {
    for (language, title) in
        [("en", "portraitd is running: nothing is kept"), ("zh", "portraitd 已启动：退出后不保留任何数据")]
    {
        let ports = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
        let mut dev = Running::start(&[&["dev", "--language", language][..], &ports].concat());
        let first = dev.line();
        assert!(first.starts_with(title), "{first}");
        let mut answers = Vec::new();
        while answers.len() < 2 {
            let line = dev.line();
            if line.starts_with("curl ") {
                let command = format!("{line}\n{}", dev.line());
                let output = Command::new("sh").args(["-c", &command]).output().unwrap();
                answers.push(serde_json::from_slice::<Value>(&output.stdout).unwrap());
            }
        }
        assert_eq!(answers[0]["ErrorCode"], 0, "{answers:?}");
        let item = &answers[1]["UserProfileItem"][0]["ProfileItem"][0];
        assert_eq!(item, &json!({"Tag": "Tag_Profile_IM_Nick", "Value": "Alice Liddell"}));
    }
}

#[test]
fn a_receiver_for_development_prints_events_and_looks_at_their_signatures() {
    let server = TestServer::dev();
    let app = server.app();
    app.import("alice");
    let signed = ["webhook", "listen", "--port", "0", "--json", "--token", "xxxxyyyy"];
    let unsigned = &signed[..5];
    let ways: [(&[&str], Value, &str); 5] = [
        (&signed, json!("xxxxyyyy"), "signature fits"),
        (&signed, json!("another1"), "SIGNATURE DOES NOT FIT"),
        (&signed, json!(null), "NOT SIGNED"),
        (unsigned, json!("xxxxyyyy"), "signed, not checked: give --token"),
        (unsigned, json!(null), "unsigned"),
    ];
    for (arguments, token, verdict) in ways {
        let mut receiver = Running::start(arguments);
        let ready: Value = serde_json::from_str(&receiver.line()).unwrap();
        app.put("/webhook", &json!({"url": ready["url"], "token": token}).to_string());
        // A set that changes nothing is not told.
        set(&app, "alice", verdict);
        let event: Value = serde_json::from_str(&receiver.line()).unwrap();
        assert_eq!(
            (&event["signature"], &event["body"]["From_Account"]),
            (&json!(verdict), &json!("alice")),
            "{event}"
        );
        assert!(
            event["event"].is_string() && event["query"].as_str().unwrap().contains("SdkAppid="),
            "{event}"
        );
    }
}

#[test]
fn a_receiver_for_people_says_how_to_use_it() {
    let server = TestServer::dev();
    let app = server.app();
    app.import("alice");
    let mut receiver = Running::start(&["webhook", "listen", "--port", "0"]);
    let hello = receiver.line();
    let url = hello.strip_prefix("Listening on ").unwrap_or_else(|| panic!("{hello}")).to_owned();
    assert_eq!(receiver.line(), format!("Set it:  portraitd webhook set SDKAPPID {url} --data DIR"));
    app.put("/webhook", &json!({"url": url}).to_string());
    set(&app, "alice", "Alice");
    let printed = [(); 4].map(|()| receiver.line());
    assert!(printed[2].ends_with(" · unsigned") && printed[3].contains("Tag_Profile_IM_Nick"), "{printed:?}");
    let port = url.trim_end_matches('/').rsplit(':').next().unwrap();
    let output = binary().args(["webhook", "listen", "--port", port]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("choose another --port, or 0"), "{said}");
}

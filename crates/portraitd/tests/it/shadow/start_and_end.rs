//! What `portraitd shadow` refuses at its start, and what it leaves when it is stopped.

use super::process::{BEFORE, Shadow};
use crate::cli::{refused, run};
use crate::harness::{TestServer, binary};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;

/// A server that reads each request and never answers. Sends a word when one of back ends has come.
fn silent_server() -> (String, mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (came, receiver) = mpsc::sync_channel(16);
    thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming().map(Result::unwrap) {
            let mut line = String::new();
            BufReader::new(stream.try_clone().unwrap()).read_line(&mut line).unwrap();
            // What is tried at the start is a GET.
            if line.starts_with("POST") {
                came.send(()).unwrap();
            }
            open.push(stream);
        }
    });
    (address, receiver)
}

/// Issue 22: the report was empty after two signals, since the second one ended the process.
#[test]
fn a_second_signal_gives_up_calls_and_not_the_report() {
    let here = TestServer::dev();
    let (cloud, came) = silent_server();
    let shadow = Shadow::start(&cloud, &here.address, &["--timeout-ms", "600000"]);
    let app = here.dev_app();
    let mut caller = TcpStream::connect(&shadow.address).unwrap();
    caller.write_all(&app.request("portrait_get", "{}")).unwrap();
    came.recv().unwrap();
    shadow.ask_to_stop();
    shadow.wait_for_log("stopping");
    assert_eq!(shadow.report_file(), BEFORE, "it is replaced by the whole one");
    shadow.ask_to_stop();
    // The file is compared with the report on standard output.
    let (code, output) = shadow.ended();
    assert_eq!((code, &output.report["total"]["compared"]), (4, &0.into()), "{}", output.log);
    assert!(output.log.contains("calls were still in progress"), "{}", output.log);
}

#[test]
fn a_run_that_compared_nothing_is_no_success() {
    let (cloud, here) = (TestServer::dev(), TestServer::dev());
    let shadow = Shadow::start(&cloud.address, &here.address, &[]);
    let (code, output) = shadow.stop();
    assert_eq!((code, &output.report["is_clean"]), (4, &false.into()));
}

#[test]
fn the_summary_says_that_nothing_was_compared_and_why() {
    let (cloud, here) = (TestServer::dev(), TestServer::dev());
    for (language, parts) in [
        ("en", ["0 calls, 0 compared", "Nothing was compared: no call", "Lead a back end to it"]),
        ("zh", ["共 0 次调用", "没有比较任何调用：", "请让后台经由它调用"]),
    ] {
        let mut command = binary();
        command.args(["shadow", "--cloud", &format!("http://{}", cloud.address), "--language", language]);
        command.args(["--here", &format!("http://{}", here.address)]);
        command.args(["--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"]);
        let child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn();
        let mut child = child.unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        // Its addresses come first, and end with the switch.
        while !said.contains("/answer -d") {
            assert_ne!(stdout.read_line(&mut said).unwrap(), 0, "{said}");
        }
        run(std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]));
        said = std::io::read_to_string(stdout).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(4), "{said}");
        for part in parts {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
}

/// What is changed by its control API is told in the operator's language.
#[test]
fn the_log_is_in_the_operators_language() {
    let (cloud, here) = (TestServer::dev(), TestServer::dev());
    let shadow = Shadow::start(&cloud.address, &here.address, &["--language", "zh"]);
    assert_eq!(shadow.control("DELETE", "/report", "").0, 204);
    assert_eq!(shadow.control("PUT", "/answer", r#"{"from":"here","force":true}"#).0, 200);
    let (_, output) = shadow.stop();
    for part in ["报告从零开始计数", "此后由 portraitd 应答", "正在停止"] {
        assert!(output.log.contains(part), "{part}: {}", output.log);
    }
    for english in ["the report begins", "the side that answers", "stopping"] {
        assert!(!output.log.contains(english), "{english}: {}", output.log);
    }
}

#[test]
fn urls_with_the_path_of_the_api_in_them_are_refused() {
    let shadow = |cloud: &str, here: &str| {
        let mut command = binary();
        command.args(["shadow", "--cloud", cloud, "--here", here]);
        command.args(["--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"]);
        command
    };
    let (cloud, here) = ("https://console.tim.qq.com", "http://127.0.0.1:1");
    for wrong in ["/v4", "/v4/", "/v4/profile/portrait_get"] {
        let mut command = shadow(&format!("{cloud}{wrong}"), here);
        refused(&mut command, 1, &format!("has /v4 in it, which each call adds by itself; write {cloud}"));
    }
    refused(&mut shadow(cloud, "http://127.0.0.1:1/v4"), 1, "--here: `http://127.0.0.1:1/v4` has /v4 in it");
    let mut chinese = shadow(&format!("{cloud}/v4"), here);
    refused(
        chinese.args(["--language", "zh"]),
        1,
        "而每个请求会自行加上它；请写作 https://console.tim.qq.com",
    );
    // The other commands that call a server.
    let key = ["--key", crate::harness::KEY];
    for words in [
        &["get", "u", key[0], key[1], "--url", "http://127.0.0.1:1/v4"][..],
        &["emulator", "clock", "show", "--url", "http://127.0.0.1:1/v4"],
        &["app", "list", "--admin-token", "x", "--admin-url", "http://127.0.0.1:1/admin/v1"],
    ] {
        refused(binary().args(words), 1, "in it, which each call adds by itself; write http://127.0.0.1:1");
    }
    let secret = "http://user:s3cret@127.0.0.1:1";
    let output = binary().args(["get", "u", key[0], key[1], "--url", secret]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("no user name, password") && !said.contains("s3cret"), "{said}");
}

#[test]
fn two_listeners_on_one_port_are_refused() {
    let mut command = binary();
    command.args(["shadow", "--cloud", "https://a.invalid", "--here", "http://127.0.0.1:1"]);
    command.args(["--listen", "0.0.0.0:8085", "--control", "127.0.0.1:8085"]);
    refused(&mut command, 1, "--control 127.0.0.1:8085 can't be opened beside --listen 0.0.0.0:8085");
}

//! `portraitd config`: effective values and their sources, the errors of a file, and that no secret is printed.

use crate::harness::{TestServer, binary};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Exit code, standard output, standard error.
fn run(command: &mut Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn file(folder: &tempfile::TempDir, text: &str) -> PathBuf {
    let file = folder.path().join("portraitd.toml");
    fs::write(&file, text).unwrap();
    file
}

#[test]
fn show_says_where_each_value_comes_from() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(
        &folder,
        "[log]\nfilter = \"warn\"\nformat = \"text\"\n[server]\ndata = \"/x\"\nunix_mode = \"0600\"\n",
    );
    let show = |json: bool| {
        let mut command = binary();
        command
            .args(["config", "show", "--data", "/y"])
            .env("PORTRAITD_LOG_FORMAT", "json")
            .env("PORTRAITD_FOO", "1");
        // Variables of other commands are no mistakes.
        command.env("PORTRAITD_WEBHOOK_TOKEN", "s3cret").env("PORTRAITD_TLS_URL", "https://127.0.0.1:1");
        command.env("PORTRAITD_CONFIG", &file).args(json.then_some("--json"));
        run(&mut command)
    };
    let (code, text, warnings) = show(false);
    assert_eq!(code, 0, "{warnings}");
    assert_eq!(warnings, "warning: the variable PORTRAITD_FOO is not a setting and is ignored\n");
    let shown = file.display();
    let line = |start: &str| text.lines().find(|line| line.starts_with(start)).unwrap().to_owned();
    let check = |start: &str, source: &str| {
        assert!(line(start).ends_with(&format!(" # {source}")), "{}", line(start));
    };
    check("filter = \"warn\"", &format!("{shown}:2"));
    check("format = \"json\"", "PORTRAITD_LOG_FORMAT");
    check("data = \"/y\"", "--data");
    check("unix_mode = \"0600\"", &format!("{shown}:6"));
    check("requests_max = 2048", "default");
    check("# certificate", "not set");
    // It is a file that can be used.
    let printed = folder.path().join("printed.toml");
    fs::write(&printed, &text).unwrap();
    assert_eq!(run(binary().args(["config", "check"]).arg(&printed)).0, 0);

    let settings: Value = serde_json::from_str(&show(true).1).unwrap();
    let of = |name: &str| {
        settings.as_array().unwrap().iter().find(|setting| setting["name"] == name).unwrap().clone()
    };
    let expected = serde_json::json!({
        "name": "log.filter", "value": "warn", "source": "file", "file": file, "line": 2
    });
    assert_eq!(of("log.filter"), expected);
    assert_eq!(of("log.format")["variable"], "PORTRAITD_LOG_FORMAT");
    assert_eq!(of("server.data")["flag"], "--data");
    assert_eq!(of("tls.key"), serde_json::json!({"name": "tls.key", "value": null, "source": "default"}));
}

#[test]
fn no_secret_is_printed() {
    let pem = "-----BEGIN PRIVATE KEY-----\ns3cret\n-----END PRIVATE KEY-----\n";
    let names = "[\"me:s3cret@host\"]";
    let folder = tempfile::tempdir().unwrap();
    let broken = file(&folder, "[log]\notlp_endpoint = http://me:s3cret@host\n");
    for command in ["show", "check"] {
        let mut wrong = binary();
        wrong.args(["config", command]);
        if command == "show" { wrong.arg("--config") } else { &mut wrong }.arg(&broken);
        let (code, out, error) = run(&mut wrong);
        assert!(code == 1 && out.is_empty() && !error.contains("s3cret"), "{out} {error}");
    }
    for (variable, value, expected) in [
        ("PORTRAITD_TLS_KEY", pem, 1),
        ("PORTRAITD_LOG_FORMAT", pem, 1),
        ("PORTRAITD_SERVER_LISTEN", pem, 1),
        ("PORTRAITD_SERVER_SECRET", "s3cret", 1),
        ("PORTRAITD_SECRET", "s3cret", 0),
        ("PORTRAITD_KEY", "s3cret", 0),
        ("PORTRAITD_SERVER_ALLOW_HOSTS", names, 0),
        ("PORTRAITD_SERVER_DATA", "mysql://me:s3cret@host/db?password=s3cret", 0),
    ] {
        for json in [None, Some("--json")] {
            let (code, out, error) = run(binary().args(["config", "show"]).args(json).env(variable, value));
            assert_eq!(code, expected, "{variable}: {error}");
            assert!(!out.contains("s3cret") && !error.contains("s3cret"), "{variable}: {out} {error}");
        }
        if expected == 1 {
            let (code, _, error) = run(binary().arg("serve").env(variable, value));
            assert!(code == 1 && error.contains(variable) && !error.contains("s3cret"), "{error}");
        }
    }
}

#[test]
fn check_says_every_error_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[server]\nlistn = \"127.0.0.1:1\"\nbody_bytes_max = 1\n\n[tls]\nkey = \"/a\"\n[webhok]\n";
    let file = file(&folder, text);
    let shown = file.display().to_string();
    let mut check = binary();
    // Only the file counts.
    check.env("PORTRAITD_SERVER_LISTN", "x").args(["config", "check"]).arg(&file);
    let expected = [
        "error: p:2: there is no key `listn` in [server]; did you mean `listen`?",
        "p:3: server.body_bytes_max = 1: must be a whole number from 1024 to 67108864 bytes (64 MiB)",
        "p:6: tls.key = \"/a\": needs tls.certificate; set both or neither",
        "p:7: there is no section [webhok]; did you mean `webhook`?",
        "",
    ];
    assert_eq!(run(&mut check), (1, String::new(), expected.join("\n").replace("p:", &format!("{shown}:"))));
    fs::write(&file, "[server]\nlisten = \"127.0.0.1:0\"\n").unwrap();
    let (code, out, _) = run(&mut check);
    assert_eq!((code, out), (0, format!("{shown} is valid\n")));
    fs::write(&file, " ".repeat((1 << 20) + 1)).unwrap();
    let (code, _, error) = run(&mut check);
    assert!(code == 1 && error.contains("is larger than 1 MiB"), "{error}");
}

#[test]
fn serve_refuses_unknown_variables_of_a_section() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut serve = binary();
    serve.arg("serve").arg("--data").arg(&data).env("PORTRAITD_SERVER_LISTN", "127.0.0.1:0");
    let (code, _, error) = run(&mut serve);
    assert!(code == 1 && error.contains("did you mean `PORTRAITD_SERVER_LISTEN`?"), "{error}");
    assert!(!data.exists());
    let server = TestServer::serve_altered(&data, "", |command| {
        command.env("PORTRAITD_FOO", "1").env("PORTRAITD_WEBHOOK_TOKEN", "x");
    });
    let log = server.log();
    assert!(
        log.contains("the variable PORTRAITD_FOO is not a setting") && !log.contains("WEBHOOK_TOKEN"),
        "{log}"
    );
}

/// Issue 22: both were taken, and the second could not be opened.
#[test]
fn listeners_that_collide_are_named_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(&folder, "[server]\nlisten = \"0.0.0.0:80\"\nadmin_listen = \"127.0.0.1:80\"\n");
    let (code, _, said) = run(binary().args(["config", "check"]).arg(&file));
    assert_eq!(code, 1, "{said}");
    let place = format!("{}:3: server.admin_listen = \"127.0.0.1:80\": ", file.display());
    for part in [&place, "is part of server.listen = 0.0.0.0:80", "give one of them another port"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let (code, _, said) = run(binary().args(["config", "check", "--language", "zh"]).arg(&file));
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("包含在 server.listen = 0.0.0.0:80 之内") && said.contains("改为其他端口"),
        "{said}"
    );
    let flags = ["config", "show", "--listen", "127.0.0.1:80", "--metrics-listen", "127.0.0.1:80"];
    let (code, _, said) = run(binary().args(flags));
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("--metrics-listen: server.metrics_listen") && said.contains("server.listen"),
        "{said}"
    );
}

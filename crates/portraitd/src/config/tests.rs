//! What holds for every setting: the example file, variables, wrong values, and what is hidden.

mod values;

use self::values::{GOOD, WRONG};
use super::Config;
use super::flags::Flags;
use super::load::{Effective, Errors, Loaded, Source};
use super::reference::example;
use portraitd_model::Language;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use toml::Value;

fn load(text: &str, variables: &[(&str, &str)]) -> Result<Loaded, String> {
    let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let own = ["PORTRAITD_WEBHOOK_TOKEN".to_owned(), "PORTRAITD_KEY".to_owned()];
    let loaded = Loaded::from_layers(Some((Path::new("p.toml"), text)), variables, &own, &Flags::default());
    loaded.map_err(|errors: Errors| errors.to_string())
}

/// The only line of an error.
fn refused(text: &str) -> String {
    let error = load(text, &[]).map(|_| ()).unwrap_err();
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}

fn line(name: &str, value: &str) -> String {
    let (section, key) = name.rsplit_once('.').unwrap();
    format!("[{section}]\n# a comment\n{key} = {value}\n")
}

/// A number's limits, for those that are numbers.
fn numbers() -> impl Iterator<Item = (&'static str, u64, u64)> {
    Config::settings()
        .filter_map(|setting| setting.range.map(|(least, largest)| (setting.name, least, largest)))
}

#[test]
fn declarations_are_complete() {
    let (mut names, mut variables) = (BTreeSet::new(), BTreeSet::new());
    for setting in Config::settings() {
        let name = setting.name;
        let default = Config::default().get(setting);
        assert!(names.insert(name) && variables.insert(setting.variable()), "{name} is there twice");
        let english = setting.english.join("");
        assert!(english.starts_with(' ') && english.ends_with('.'), "{name}: write whole English sentences");
        assert!(setting.chinese.ends_with('。'), "{name}: write whole Chinese sentences");
        assert!(!english.contains('|') && !setting.chinese.contains('|'), "{name}: no | in a table's cell");
        let is_number = default.as_ref().is_some_and(Value::is_integer);
        assert_eq!(setting.range.is_some(), is_number, "{name}: a number, and nothing else, needs `in`");
        let is_empty = default.as_ref().is_none_or(|value| value.as_array().is_some_and(Vec::is_empty));
        assert_eq!(
            setting.example.is_some(),
            is_empty,
            "{name}: what is empty, and nothing else, needs `example`"
        );
        if let Some(default) = default {
            assert_eq!(Config::default().set(setting, &default), Ok(()), "{name}: the default is wrong");
        }
        if cfg!(feature = "otel") || name != "log.otlp_endpoint" {
            let good = setting.good_value().unwrap_or_else(|| panic!("{name}: the example is not TOML"));
            assert_eq!(Config::default().set(setting, &good), Ok(()), "{name}: the example is wrong");
        }
    }
    assert!(names.len() > 30, "{names:?}");
}

#[test]
fn the_example_file_is_the_defaults() {
    for language in [Language::English, Language::Chinese] {
        let loaded = load(&example(language), &[]).unwrap();
        assert_eq!(loaded.config, Config::default());
        let mut sources = loaded.effective().into_iter().filter(|effective| effective.value.is_some());
        assert!(sources.all(|effective| matches!(effective.source, Source::File { .. })));
    }
    let example = example(Language::English);
    for setting in Config::settings() {
        let start = if Config::default().get(setting).is_some() { "" } else { "# " };
        let line = format!("\n{start}{} = ", setting.key());
        assert!(example.contains(&line), "{} is not in the example", setting.name);
    }
    // A line that is taken out of its comment is valid too.
    let commented = example.replace("\n# certificate =", "\ncertificate =").replace("\n# key =", "\nkey =");
    assert_eq!(load(&commented, &[]).unwrap().config.tls.public().unwrap().1, "/etc/portraitd/tls.key");
}

#[test]
fn every_setting_has_a_variable() {
    let numbers = numbers().map(|(name, _, largest)| (name, largest.to_string(), largest.to_string()));
    let others = GOOD.iter().map(|(name, text, toml)| (*name, (*text).to_owned(), (*toml).to_owned()));
    let all: Vec<_> = numbers.chain(others).collect();
    let variable = |name: &str| format!("PORTRAITD_{}", name.replace('.', "_").to_uppercase());
    let variables: Vec<_> = all.iter().map(|(name, text, _)| (variable(name), text.clone())).collect();
    // What is in a database is not backed up here, so not all go together.
    let load_without = |left_out: &str| {
        let pairs = variables.iter().filter(|(name, _)| !name.starts_with(left_out));
        let pairs: Vec<_> = pairs.map(|(name, text)| (name.as_str(), text.as_str())).collect();
        // They win over the file.
        load(&example(Language::English), &pairs).unwrap()
    };
    let (of_server, of_backup) = (load_without("PORTRAITD_BACKUP_"), load_without("PORTRAITD_STORE_URL"));
    let is_of_backup = |effective: &Effective| effective.name.starts_with("backup.");
    let effective = of_server.effective().into_iter().filter(|effective| !is_of_backup(effective));
    for effective in effective.chain(of_backup.effective().into_iter().filter(is_of_backup)) {
        let name = effective.name;
        if !cfg!(feature = "otel") && name == "log.otlp_endpoint" {
            continue;
        }
        let (name, _, toml) = all.iter().find(|(name, ..)| *name == effective.name).unwrap_or_else(|| {
            panic!("{name}: give it a good value in this test");
        });
        assert_eq!(effective.value.unwrap().to_string(), *toml, "{name}");
        assert_eq!(effective.source, Source::Environment { variable: variable(name) });
        let setting = Config::settings().find(|setting| setting.name == *name).unwrap();
        let config = if name.starts_with("backup.") { &of_backup.config } else { &of_server.config };
        assert_ne!(config.get(setting), Config::default().get(setting), "{name}");
    }
}

#[test]
fn every_wrong_value_is_named_with_its_line_and_remedy() {
    for (name, value, said) in WRONG {
        let error = refused(&line(name, value));
        assert!(error.starts_with(&format!("p.toml:3: {name} = ")) && error.contains(said), "{error}");
    }
    for (name, least, largest) in numbers() {
        let more = (u128::from(largest) + 1).to_string();
        let mut wrong = vec![&*more, "-1", "1.5", "\"1\"", "true", "[]", "99999999999999999999"];
        let less = least.saturating_sub(1).to_string();
        if least > 0 {
            wrong.push(&less);
        }
        for value in wrong {
            let error = refused(&line(name, value));
            let said =
                format!("p.toml:3: {name} = {value}: must be a whole number from {least} to {largest}");
            let said = if value.len() == 20 { said.replace(value, &format!("\"{value}\"")) } else { said };
            assert!(error.starts_with(&said), "{error}\n{said}");
        }
        assert!(load(&line(name, &least.to_string()), &[]).is_ok(), "{name} = {least}");
    }
    let tried: BTreeSet<_> =
        WRONG.iter().map(|(name, ..)| *name).chain(numbers().map(|(name, ..)| name)).collect();
    for setting in Config::settings() {
        assert!(tried.contains(setting.name), "{}: give it a wrong value in this test", setting.name);
    }
    assert!(refused(&line("server.body_bytes_max", "1")).ends_with("from 1024 to 67108864 bytes (64 MiB)"));
    let long = refused(&line("server.language", &format!("\"{}\"", "x".repeat(10_000))));
    assert!(long.len() < 400 && long.ends_with("…: must be `en` or `zh`"), "{long}");
}

#[test]
fn settings_that_contradict_each_other_are_named() {
    let check = |text: &str, expected: &str| assert_eq!(refused(text), expected);
    check(
        "[server]\nrequest_memory_bytes_max = 4194304\nbody_bytes_max = 2097152",
        "p.toml:2: server.request_memory_bytes_max = 4194304: must be at least 4 times server.body_bytes_max (2097152), \
         which is 8388608 bytes",
    );
    check(
        "[server]\nbody_bytes_max = 33554432",
        "default: server.request_memory_bytes_max = 67108864: must be at least 4 times server.body_bytes_max \
         (33554432), which is 134217728 bytes",
    );
    let needs = "needs tls.key; set both or neither";
    check("[tls]\ncertificate = \"a.pem\"", &format!("p.toml:2: tls.certificate = \"a.pem\": {needs}"));
    let needs = "needs tls.admin_certificate; set both or neither";
    check("\n[tls]\nadmin_key = \"a.key\"", &format!("p.toml:3: tls.admin_key = \"a.key\": {needs}"));
    for (listen, admin_listen, expected) in [
        (
            "\"https://127.0.0.1:1\"",
            "\"127.0.0.1:2\"",
            "p.toml:2: server.listen = \"https://127.0.0.1:1\": https://127.0.0.1:1 needs a certificate; set tls.certificate and its key",
        ),
        (
            "[\"127.0.0.1:1\", \"http://127.0.0.1:1\"]",
            "\"127.0.0.1:2\"",
            "p.toml:2: server.listen = [\"127.0.0.1:1\", \"http://127.0.0.1:1\"]: http://127.0.0.1:1 can't be opened beside server.listen = 127.0.0.1:1; give one of them another port",
        ),
        (
            "\"unix:/a\"",
            "\"unix:/a\"",
            "p.toml:3: server.admin_listen = \"unix:/a\": unix:/a is taken by server.listen; give one of them another path",
        ),
    ] {
        check(&format!("[server]\nlisten = {listen}\nadmin_listen = {admin_listen}\n"), expected);
    }
    assert!(load("[server]\nlisten = [\"127.0.0.1:0\", \"127.0.0.1:0\"]", &[]).is_ok());
    // One error at a time for one setting.
    refused("[server]\nrequest_memory_bytes_max = 1\nbody_bytes_max = 2097152");
}

#[test]
fn unknown_names_are_named_with_the_nearest() {
    let check = |text: &str, expected: &str| assert_eq!(refused(text), expected);
    check(
        "[server]\nlisten_adress = 1",
        "p.toml:2: there is no key `listen_adress` in [server]; did you mean `listen`?",
    );
    check("[server]\nzzzz = 1", "p.toml:2: there is no key `zzzz` in [server]");
    check(
        "[server.listen]\na = 1",
        "p.toml:1: server.listen = { a = 1 }: expected an address or a list of addresses",
    );
    check("[sever]\nlisten = 1", "p.toml:1: there is no section [sever]; did you mean `server`?");
    check("listen = 1", "p.toml:1: `listen` outside of its section; did you mean `server.listen`?");
    check("zzzz = 1", "p.toml:1: there is no section [zzzz]");
    check("\nserver = 1", "p.toml:2: `server` is a section; write [server] on a line of its own");
    check("[[server]]\nlisten = 1", "p.toml:1: `server` is a section; write [server] on a line of its own");
    assert!(refused("[server\n").starts_with("p.toml:1: is not TOML: "), "{}", refused("[server\n"));
    assert!(
        refused("[log]\nfilter = \"a\"\nfilter = \"b\"").starts_with("p.toml:3: is not TOML: duplicate key")
    );
}

#[test]
fn every_error_is_found_in_the_order_of_the_lines() {
    let text = "[webhook]\ntimeout_ms = 0\n[server]\nlisten = 1\nunknown = 2\n[log]\nformat = \"text\"\nfilter = 1\n";
    let error = load(text, &[("PORTRAITD_LOG_FORMAT", "xml")]).map(|_| ()).unwrap_err();
    let places: Vec<_> = error.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(places, ["PORTRAITD_LOG_FORMAT", "p.toml:2", "p.toml:4", "p.toml:5", "p.toml:8"], "{error}");
}

#[test]
fn unknown_variables_of_a_section_are_refused() {
    let check = |name: &str, expected: &str| {
        let error = load("", &[(name, "s3cret")]).map(|_| ()).unwrap_err();
        assert!(error.starts_with(&format!("{name}: {expected}")) && !error.contains("s3cret"), "{error}");
    };
    let listen = "there is no such setting in [server]; did you mean `PORTRAITD_SERVER_LISTEN`?";
    check("PORTRAITD_SERVER_LISTN", listen);
    check("PORTRAITD_SERVER_listen", listen);
    check("PORTRAITD_SERVER_PORT", "there is no such setting in [server]");
    check(
        "PORTRAITD_TLS_CERT",
        "there is no such setting in [tls]; did you mean `PORTRAITD_TLS_CERTIFICATE`?",
    );
    check(
        "PORTRAITD_LOG_ZZZZ",
        "there is no such setting in [log] (`portraitd config --example` lists them)",
    );
}

#[test]
fn other_variables_are_let_be() {
    let warnings = |variables: &[(&str, &str)]| load("", variables).unwrap().warnings;
    assert!(
        warnings(&[("PORTRAITD_WEBHOOK_TOKEN", "x"), ("PORTRAITD_KEY", "x"), ("SERVER_LISTN", "x")])
            .is_empty()
    );
    // Kubernetes makes these for services that are called portraitd and portraitd-server.
    assert!(
        warnings(&[
            ("PORTRAITD_SERVICE_HOST", "10.0.0.1"),
            ("PORTRAITD_PORT", "tcp://10.0.0.1:80"),
            ("PORTRAITD_SERVER_SERVICE_HOST", "10.0.0.2"),
            ("PORTRAITD_SERVER_SERVICE_PORT_HTTP", "80"),
            ("PORTRAITD_SERVER_PORT", "tcp://10.0.0.2:80"),
            ("PORTRAITD_SERVER_PORT_80_TCP_ADDR", "10.0.0.2"),
        ])
        .is_empty()
    );
    assert_eq!(
        warnings(&[("PORTRAITD_SEVER_LISTEN", "s3cret"), ("PORTRAITD_FOO", "s3cret")]),
        [
            "the variable PORTRAITD_FOO is not a setting and is ignored",
            "the variable PORTRAITD_SEVER_LISTEN is not a setting and is ignored; did you mean `PORTRAITD_SERVER_LISTEN`?",
        ]
    );
}

#[test]
fn variables_that_are_not_utf8_are_named() {
    let broken = OsStr::from_bytes(b"\xff").to_owned();
    let load = |name: &[u8]| {
        let variables = [(OsStr::from_bytes(name).to_owned(), broken.clone())].into_iter();
        Loaded::from_layers(None, variables, &[], &Flags::default())
            .map(|_| ())
            .map_err(|errors| errors.to_string())
    };
    assert_eq!(load(b"PORTRAITD_SERVER_DATA"), Err("PORTRAITD_SERVER_DATA: must be UTF-8".to_owned()));
    // Other programs' are none of our business.
    assert_eq!(load(b"LS_COLORS"), Ok(()));
    assert_eq!(load(b"A\xff"), Ok(()));
}

#[test]
fn secrets_are_hidden() {
    let setting = |name: &str| Config::settings().find(|setting| setting.name == name).unwrap();
    let check = |text: &str, expected: &str| {
        let shown = setting("log.otlp_endpoint").redact(Value::String(text.to_owned()));
        assert_eq!(shown.as_str(), Some(expected));
    };
    check("http://127.0.0.1:4318/v1/traces", "http://127.0.0.1:4318/v1/traces");
    check("http://me:pass@host/v1?key=s3cret", "http://(hidden)@host/v1?(hidden)");
    check("http://me:pa/ss@w@host/", "http://(hidden)@host/");
    check("me:pass@host", "(hidden)@host");
    check("-----BEGIN PRIVATE KEY-----\nabc", "(hidden)");
    check("unix:/run/portraitd@1.sock", "unix:/run/portraitd@1.sock");
    check("/etc/portraitd@1/tls.key", "/etc/portraitd@1/tls.key");
    let list = setting("server.allow_hosts").redact(vec!["a", "u:p@b"].into());
    assert_eq!(list.to_string(), "[\"a\", \"(hidden)@b\"]");
    // Nor are they in errors.
    let pem = "-----BEGIN PRIVATE KEY-----\ns3cret";
    for name in ["PORTRAITD_TLS_KEY", "PORTRAITD_SERVER_LISTEN", "PORTRAITD_LOG_FORMAT"] {
        let error = load("", &[(name, pem)]).map(|_| ()).unwrap_err();
        assert!(error.contains("(hidden)") && !error.contains("s3cret"), "{error}");
    }
    let error = refused("[log]\notlp_endpoint = http://u:s3cret@host\n");
    assert!(!error.contains("s3cret"), "{error}");
}

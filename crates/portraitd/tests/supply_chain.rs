//! The dependencies of the product: their sources, their licences and their number; and that `scripts/supply-chain`, where
//! `cargo deny` checks more, skips nothing silently.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The licences that deny.toml allows.
fn licences() -> Vec<String> {
    let table: toml::Table = fs::read_to_string(root().join("deny.toml")).unwrap().parse().unwrap();
    let allow = table["licenses"]["allow"].as_array().unwrap();
    allow.iter().map(|licence| licence.as_str().unwrap().to_owned()).collect()
}

/// Crates that the product links on Linux, those of tests apart. One more is a decision: raise it on purpose. 56 of them came
/// with the engine on a database: `mysql_async`, which brings `url` with its Unicode tables, and a second version of the hashes. 12
/// came with backups to S3-compatible storages: `object_store` and what it reads answers and checks sums with.
const CRATES_MAX: usize = 270;

fn metadata(arguments: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO"));
    let command =
        command.args(["metadata", "--format-version", "1", "--locked", "--offline"]).args(arguments);
    let output = command.current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Whether a licence expression can be met with the licences above. `AND` binds closer than `OR`; the `/` of old crates is
/// an `OR`.
fn is_allowed(licences: &[String], expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut tokens = spaced.split_whitespace().peekable();
    let met = any(licences, &mut tokens);
    // What is left over was not understood.
    met && tokens.next().is_none()
}

type Tokens<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any(licences: &[String], tokens: &mut Tokens<'_>) -> bool {
    let mut met = all(licences, tokens);
    while tokens.next_if_eq(&"OR").is_some() {
        met |= all(licences, tokens);
    }
    met
}

fn all(licences: &[String], tokens: &mut Tokens<'_>) -> bool {
    let mut met = one(licences, tokens);
    while tokens.next_if_eq(&"AND").is_some() {
        met &= one(licences, tokens);
    }
    met
}

fn one(licences: &[String], tokens: &mut Tokens<'_>) -> bool {
    let first = tokens.next().unwrap_or_default();
    if first == "(" {
        let met = any(licences, tokens);
        return tokens.next() == Some(")") && met;
    }
    let exception = tokens.next_if_eq(&"WITH").and_then(|_| tokens.next());
    let licence = exception.map_or_else(|| first.to_owned(), |exception| format!("{first} WITH {exception}"));
    licences.contains(&licence)
}

#[test]
fn a_licence_that_does_not_fit_is_found() {
    let licences = ["MIT".to_owned(), "Apache-2.0".into()];
    for good in [
        "MIT",
        "MIT OR GPL-3.0",
        "GPL-3.0 OR Apache-2.0",
        "MIT/Apache-2.0",
        "(MIT OR GPL-3.0) AND Apache-2.0",
    ] {
        assert!(is_allowed(&licences, good), "{good}");
    }
    for bad in [
        "",
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "mit",
        "(MIT OR Apache-2.0) AND GPL-3.0",
        "Apache-2.0 WITH LLVM-exception",
    ] {
        assert!(!is_allowed(&licences, bad), "{bad}");
    }
}

#[test]
fn dependencies_come_from_crates_io_under_licences_that_fit() {
    let metadata = metadata(&["--filter-platform", "x86_64-unknown-linux-gnu"]);
    let (licences, mut ours, mut theirs) = (licences(), 0, 0);
    for package in metadata["packages"].as_array().unwrap() {
        let (name, source) = (package["name"].as_str().unwrap(), &package["source"]);
        if source.is_null() {
            ours += 1;
            continue;
        }
        let from = source.as_str().unwrap();
        assert!(
            from.starts_with("registry+https://github.com/rust-lang/crates.io-index"),
            "{name} comes from {from}"
        );
        let licence = package["license"].as_str().unwrap_or_default();
        assert!(is_allowed(&licences, licence), "{name} is under `{licence}`: see deny.toml");
        theirs += 1;
    }
    assert!(ours >= 3 && theirs > 50, "{ours} {theirs}");
}

/// The crates that the product is linked with, by the graph of normal dependencies.
#[test]
fn the_product_is_built_of_no_more_than_it_was_decided() {
    let metadata = metadata(&["--filter-platform", "x86_64-unknown-linux-gnu"]);
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let find = |id: &str| nodes.iter().find(|node| node["id"] == id).unwrap();
    let is_binary = |id: &&str| id.contains("/portraitd#");
    let root = nodes.iter().filter_map(|node| node["id"].as_str()).find(is_binary).unwrap();
    let (mut seen, mut open) = (BTreeSet::new(), vec![root.to_owned()]);
    while let Some(id) = open.pop() {
        if !seen.insert(id.clone()) {
            continue;
        }
        for dependency in find(&id)["deps"].as_array().unwrap() {
            let normal =
                dependency["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"].is_null());
            if normal {
                open.push(dependency["pkg"].as_str().unwrap().to_owned());
            }
        }
    }
    eprintln!("{} crates, ours among them", seen.len());
    assert!(seen.len() <= CRATES_MAX, "{} crates; at most {CRATES_MAX} were decided on", seen.len());
}

/// Runs `scripts/supply-chain` as CI does, with these programs in place of the real ones; whether it passed, and what it said.
fn run_with(programs: &[(&str, &str)]) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    for (name, script) in programs {
        let path = folder.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = Command::new(root().join("scripts/supply-chain"));
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let command = command.env("PATH", path).env("CARGO_TARGET_DIR", folder.path()).env("CI", "true");
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[test]
fn what_cargo_deny_can_not_check_is_said_and_what_it_finds_fails() {
    const NOT_CHECKED: &str = "NOT CHECKED: known vulnerabilities";
    let deny = |fails: &str| {
        let script = format!("echo \"cargo-deny $*\"\ncase \"$*\" in {fails}) exit 1;; esac");
        run_with(&[("cargo-deny", &script)])
    };
    let (passed, said) = deny("none");
    assert!(passed && !said.contains(NOT_CHECKED), "{said}");
    for check in ["bans licenses sources", "--offline check --hide-inclusion-graph advisories"] {
        assert!(said.contains(check), "{said}");
    }
    let (passed, said) = deny("*'fetch db'");
    assert!(passed && said.contains(NOT_CHECKED), "the database can't be had: {said}");
    for check in ["*bans*", "*advisories"] {
        let (passed, said) = deny(check);
        assert!(!passed && !said.contains(NOT_CHECKED), "{check}: {said}");
    }
    let fails = "echo \"$0: no network\"; exit 1";
    let (passed, said) = run_with(&[("python3", fails), ("cargo", fails)]);
    assert!(!passed && said.contains("cargo: no network"), "it can't be installed: {said}");
    let suite = fs::read_to_string(root().join("scripts/test")).unwrap();
    assert!(suite.lines().any(|line| line == "scripts/supply-chain"), "scripts/test runs it");
}

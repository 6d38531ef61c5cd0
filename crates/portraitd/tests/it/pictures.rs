//! Pictures of the documents that scripts make: each is what its script makes today.

use crate::harness::binary;
use crate::namespaces::can_isolate;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").canonicalize().unwrap()
}

/// Runs a script of docs/pictures.
fn run(script: &str, arguments: &[&Path]) {
    let output = Command::new(docs().join("pictures").join(script)).args(arguments).output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The files of a folder whose names one of these endings has.
fn texts(folder: &Path, endings: &[&str]) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let texts = entries.filter_map(|entry| {
        let name = entry.file_name().into_string().unwrap();
        let is_wanted = endings.iter().any(|ending| name.ends_with(ending));
        is_wanted.then(|| (name, std::fs::read_to_string(entry.path()).unwrap()))
    });
    texts.collect()
}

/// What the commands print today is what README's picture shows, but for keys, times and ports.
#[test]
fn the_recorded_terminals_show_what_the_commands_print() {
    if !can_isolate() {
        return;
    }
    let made = tempfile::tempdir().unwrap();
    let portraitd = PathBuf::from(binary().get_program());
    run("record-terminal", &["--portraitd".as_ref(), &portraitd, "--output".as_ref(), made.path()]);
    let made = texts(made.path(), &[".svg"]);
    assert_eq!(made.keys().collect::<Vec<_>>(), ["terminal-zh.svg", "terminal.svg"]);
    let kept = texts(&docs().join("pictures"), &[".svg"]);
    for (name, made) in made {
        let kept = kept.get(&name).map_or("", String::as_str);
        let other = made.lines().zip(kept.lines()).find(|(made, kept)| made != kept);
        assert!(made == kept, "{name} is stale: docs/pictures/record-terminal makes it; first of {other:?}");
    }
}

/// The charts and the tables are of the newest figures.
#[test]
fn the_charts_and_tables_are_made_of_the_newest_figures() {
    let copy = tempfile::tempdir().unwrap();
    for (folder, endings) in [("measurements", &[".md", ".tsv"][..]), ("pictures", &[])] {
        std::fs::create_dir(copy.path().join(folder)).unwrap();
        for (name, text) in texts(&docs().join(folder), endings) {
            std::fs::write(copy.path().join(folder).join(name), text).unwrap();
        }
    }
    run("plot-performance", &["--docs".as_ref(), copy.path()]);
    let made = texts(&copy.path().join("pictures"), &[".svg"]);
    assert_eq!(made.len(), 6, "three charts in two languages");
    let kept = texts(&docs().join("pictures"), &[".svg"]);
    for (name, made) in &made {
        assert!(kept.get(name) == Some(made), "{name} is stale: docs/pictures/plot-performance");
    }
    let pages = texts(&docs().join("measurements"), &[".md"]);
    assert_eq!(
        texts(&copy.path().join("measurements"), &[".md"]),
        pages,
        "stale: docs/pictures/plot-performance"
    );
    for page in ["PERFORMANCE.md", "PERFORMANCE.zh-CN.md"] {
        let text = std::fs::read_to_string(docs().join(page)).unwrap();
        let ending = if page.contains("zh") { "-zh.svg" } else { "" };
        let shown = made.keys().filter(|name| name.contains("-zh") != ending.is_empty());
        for name in shown {
            assert!(text.contains(&format!("](pictures/{name})")), "{page} does not show {name}");
        }
    }

    // Newer figures are what is drawn, and a slot without a name is refused by its name.
    let figures = copy.path().join("measurements/9999-01-01-compared.tsv");
    let newest = |rows: &str| {
        let head = "# accounts=10 rounds=1 seconds=1 changes_to_a_sync=2\nslot\ta_second\tp50_ms\tp99_ms\tp999_ms\tkb_a_set\n";
        std::fs::write(&figures, format!("{head}{rows}")).unwrap();
        Command::new(docs().join("pictures/plot-performance"))
            .arg("--docs")
            .arg(copy.path())
            .output()
            .unwrap()
    };
    let rows =
        "nginx fixed\t900\t1\t2\t3\t\nportraitd set\t77777\t1\t2\t3\t0.5\nportraitd get\t800\t1\t2\t3\t\n";
    assert!(newest(rows).status.success());
    let rates = std::fs::read_to_string(copy.path().join("pictures/performance-rates.svg")).unwrap();
    assert!(
        rates.contains(">77,777<") && rates.contains("9999-01-01") && !rates.contains("Redis"),
        "{rates}"
    );
    let refused = newest("unheard set\t1\t1\t1\t1\t1\n");
    assert!(
        !refused.status.success()
            && String::from_utf8_lossy(&refused.stderr).contains("`unheard set` has no name")
    );
}

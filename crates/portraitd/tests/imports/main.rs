//! Dependencies: which crate may depend on which, and that inside a crate no file imports itself through others.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod files;

use files::Crate;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().canonicalize().unwrap()
}

/// A crate, and the crates of ours that it may depend on.
const WALLS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("store", &["model"]),
    ("sqlite", &["store", "model"]),
    ("mysql", &["store", "model"]),
    ("http", &[]),
    ("isolation", &[]),
    ("webhook", &["http", "store", "model"]),
    ("api", &["webhook", "http", "store", "model"]),
    ("admin", &["api", "webhook", "http", "store", "model"]),
    ("emulator", &["admin", "api", "webhook", "http", "store", "model"]),
    ("shadow", &["admin", "api", "http", "model"]),
    (
        "portraitd",
        &[
            "emulator",
            "shadow",
            "admin",
            "api",
            "webhook",
            "http",
            "isolation",
            "mysql",
            "sqlite",
            "store",
            "model",
        ],
    ),
    ("bench", &["model"]),
    (
        "fuzz",
        &["portraitd", "emulator", "shadow", "admin", "api", "webhook", "http", "sqlite", "store", "model"],
    ),
    ("test-support", &["store", "model"]),
];

/// Crates whose files still import each other in circles, each with the reason.
const CIRCLES: &[(&str, &str)] = &[];

/// Of a manifest: the names in one table of dependencies.
fn dependencies(manifest: &str, table: &str) -> BTreeSet<String> {
    let table: toml::Table = toml::from_str::<toml::Table>(manifest)
        .unwrap()
        .remove(table)
        .and_then(|table| table.as_table().cloned())
        .unwrap_or_default();
    table.keys().cloned().collect()
}

#[test]
fn a_crate_depends_only_on_those_below_it() {
    let known: BTreeMap<&str, &[&str]> = WALLS.iter().copied().collect();
    for entry in fs::read_dir(crates()).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let allowed = known.get(name.as_str());
        let allowed =
            allowed.unwrap_or_else(|| unreachable!("{name} has no row in WALLS: which crates may it use?"));
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        for dependency in dependencies(&manifest, "dependencies") {
            let binary = (dependency == "portraitd").then_some("portraitd");
            let Some(ours) = dependency.strip_prefix("portraitd-").or(binary) else { continue };
            assert!(allowed.contains(&ours), "crates/{name} depends on {ours}, which is not below it");
        }
    }
}

#[test]
fn no_file_imports_itself_through_others() {
    let mut wrong = Vec::new();
    for (name, _) in WALLS {
        let circles = Crate::read(&crates().join(name).join("src")).circles();
        let Some((_, why)) = CIRCLES.iter().find(|(known, _)| known == name) else {
            wrong.extend(circles.iter().map(|files| format!("crates/{name}: {}", files.join(", "))));
            continue;
        };
        if circles.is_empty() {
            wrong.push(format!("crates/{name} has no circle any more ({why}): drop its row in CIRCLES"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_circle_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("lib.rs", "mod a; mod b; mod inner; pub use a::A;");
    write("a.rs", "use crate::b::B; pub struct A(B);");
    write("b.rs", "pub struct B; #[cfg(test)] mod tests { use crate::A; }");
    write("inner/mod.rs", "mod c; pub(crate) use c::C; pub(crate) struct Own;");
    write("inner/c.rs", "use super::Own; use crate::A; pub(crate) struct C(Own, A);");
    let circles = || Crate::read(dir.path()).circles();
    let found = |names: &[&str]| {
        let circles = circles();
        assert_eq!(circles.len(), usize::from(!names.is_empty()), "{circles:?}");
        for name in names {
            assert!(circles[0].iter().any(|file| file == name), "{name}: {circles:?}");
        }
    };
    // A name that only passes through a file ties no other to it.
    found(&[]);
    // Through a name of the root, a path in an expression, a macro.
    for text in [
        "use crate::A; pub struct B;",
        "pub fn b() { crate::a::A; } pub struct B;",
        "m!(crate::A); pub struct B;",
    ] {
        write("b.rs", text);
        found(&["a.rs", "b.rs"]);
    }
    write("b.rs", "pub struct B;");
    write("inner/mod.rs", "mod c; pub(crate) use c::C; pub(crate) struct Own; fn f() { c::C; }");
    found(&["inner/mod.rs", "inner/c.rs"]);
}

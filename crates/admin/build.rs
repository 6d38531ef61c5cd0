//! Makes the files of the console ready to be sent: without comments and indentation (`src/console/slim.rs`), compressed. The
//! library embeds only the compressed form.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a build that fails has nothing else to do")]

#[path = "src/console/slim.rs"]
mod slim;

use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// The page, whose text stands for the addresses of the others.
const PAGE: &str = "index.html";
const SOURCES: &str = "console";

fn main() {
    println!("cargo::rerun-if-changed={SOURCES}");
    if env::var_os("CARGO_FEATURE_CONSOLE").is_none() {
        return;
    }
    let mut paths = Vec::new();
    collect(Path::new(SOURCES), &mut paths);
    paths.sort();
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap()).join("console");
    // What an earlier build left, of files that are gone.
    let _ = fs::remove_dir_all(&out);
    fs::create_dir_all(&out).unwrap();
    let (mut table, mut hash) = (String::new(), Sha256::new());
    for path in &paths {
        let name = path.strip_prefix(SOURCES).unwrap().to_str().unwrap();
        let bytes = served(path);
        hash.update(name);
        hash.update(&bytes);
        if name == PAGE {
            continue;
        }
        let file = out.join(name.replace('/', "-"));
        fs::write(&file, compress(&bytes)).unwrap();
        writeln!(table, "    ({name:?}, include_bytes!({:?})),", file.to_str().unwrap()).unwrap();
    }
    let release =
        hash.finalize().iter().take(4).fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let page = fs::read_to_string(Path::new(SOURCES).join(PAGE)).unwrap().replace("RELEASE", &release);
    let page_file = out.join(PAGE);
    fs::write(&page_file, compress(page.as_bytes())).unwrap();
    let tables = format!(
        "const RELEASE: &str = {release:?};\nconst PAGE: &[u8] = include_bytes!({:?});\nconst FILES: &[(&str, &[u8])] = &[\n{table}];\n",
        page_file.to_str().unwrap()
    );
    fs::write(out.join("files.rs"), tables).unwrap();
}

fn collect(directory: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, into);
        } else {
            into.push(path);
        }
    }
}

/// What a browser gets of a file.
fn served(path: &Path) -> Vec<u8> {
    let source = fs::read_to_string(path).unwrap();
    match path.extension().and_then(|end| end.to_str()) {
        Some("js" | "css") => {
            slim::slim(&source).unwrap_or_else(|problem| panic!("{}: {problem}", path.display())).into_bytes()
        }
        _ => source.into_bytes(),
    }
}

/// Compresses as far as gzip goes: a fortieth further than zlib, for some seconds of the build.
fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = Vec::new();
    zopfli::compress(zopfli::Options::default(), zopfli::Format::Gzip, bytes, &mut gzip).unwrap();
    gzip
}

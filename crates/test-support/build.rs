//! Builds the library of the disk that fails on command (`src/disk.c`), which tests preload into the processes that they start.

#![expect(clippy::unwrap_used, reason = "a build that fails has nothing else to do")]

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    const SOURCE: &str = "src/disk.c";
    println!("cargo::rerun-if-changed={SOURCE}");
    let library = Path::new(&env::var_os("OUT_DIR").unwrap()).join("disk.so");
    println!("cargo::rustc-env=DISK_LIBRARY={}", library.display());
    // LD_PRELOAD is Linux's.
    if env::var("CARGO_CFG_TARGET_OS").unwrap() == "linux" {
        let built = Command::new("cc")
            .args(["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"])
            .arg(&library)
            .arg(SOURCE)
            .arg("-ldl")
            .status();
        assert!(built.is_ok_and(|status| status.success()), "cc is needed to build {SOURCE}");
    }
}

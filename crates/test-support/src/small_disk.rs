//! A small file system (tmpfs) for tests that fill it.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::process::Command;

/// Runs a test on a tmpfs with these options (`size=3m`). Needs root, which CI has.
pub fn on_a_small_disk(options: &str, test: impl FnOnce(&Path)) {
    let dir = tempfile::tempdir().unwrap();
    let mounted =
        Command::new("mount").args(["-t", "tmpfs", "-o", options, "portraitd-test"]).arg(dir.path()).status();
    if !mounted.is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("CI").is_none(), "CI can mount a tmpfs");
        eprintln!("SKIPPED: a tmpfs can't be mounted here (not root?)");
        return;
    }
    let outcome = catch_unwind(AssertUnwindSafe(|| test(dir.path())));
    assert!(Command::new("umount").arg("-l").arg(dir.path()).status().unwrap().success());
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

//! Scripts in a network and a mount namespace of their own, where a decoy stands for the real cloud and counts visitors.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

/// The beginning of every script: the decoy, and `portraitd run` for root and for a user.
const PRELUDE: &str = include_str!("../../../../clients/stacks/namespace.sh");

/// A user id that owns nothing.
pub(crate) const USER_ID: u32 = 61_234;

/// Whether namespaces can be made here, as root. If not, the test says SKIPPED; under CI it fails.
pub(crate) fn can_isolate() -> bool {
    let made = Command::new("unshare").args(["-n", "-m", "true"]).stderr(Stdio::null()).status();
    let can = made.is_ok_and(|status| status.success());
    assert!(can || std::env::var_os("CI").is_none(), "no network namespace can be made here");
    if !can {
        eprintln!("SKIPPED: this needs root and namespaces");
    }
    can
}

/// Runs a script after [`PRELUDE`] with this portraitd; returns all that was printed.
pub(crate) fn in_namespaces(portraitd: &OsStr, script: &str, variables: &[(&str, &Path)]) -> String {
    // The binary must be readable for the other user; a build directory below /root is not.
    let dir = tempfile::Builder::new().prefix("isolation-").tempdir_in("/tmp").unwrap();
    let program = dir.path().join("portraitd");
    std::fs::copy(portraitd, &program).unwrap();
    let stacks = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../clients/stacks").canonicalize().unwrap();
    let mut unshare = Command::new("unshare");
    unshare.args(["-n", "-m", "--propagation", "private", "bash", "-c"]).arg(format!("{PRELUDE}{script}"));
    unshare.env("DIR", dir.path()).env("PORTRAITD", &program).env("STACKS", stacks);
    unshare.env("USER_ID", USER_ID.to_string()).env_remove("CI").stdin(Stdio::null());
    unshare.envs(variables.iter().copied());
    let proxies = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"];
    for name in proxies.iter().chain(&["PORTRAITD_SERVER_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"]) {
        unshare.env_remove(name);
    }
    let output = unshare.output().unwrap();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

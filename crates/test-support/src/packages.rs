//! Packages of registries that tests need, installed under `target/clients`. Where that is not possible a test says SKIPPED, except
//! under CI=true, where it fails.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where installed packages are kept, beside the build.
pub fn installed(name: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"), PathBuf::from);
    let dir = target.join("clients").join(name);
    std::fs::create_dir_all(&dir).unwrap();
    dir.canonicalize().unwrap()
}

/// Runs an installation; says whether it worked.
pub fn install(what: &str, command: &mut Command) -> bool {
    let outcome = command.stdin(Stdio::null()).output();
    let why = match outcome {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    assert!(std::env::var_os("CI").is_none(), "{what} can't be installed: {why}");
    eprintln!("SKIPPED: {what} can't be installed: {why}");
    false
}

/// Keeps other tests from installing into the same folder meanwhile.
pub fn alone(folder: &Path) -> File {
    let lock = File::create(folder.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    lock
}

/// Installs the `requirements.txt` of a folder once; gives the folder where the packages are, for `PYTHONPATH`. `proof` is one of
/// them.
pub fn pip_install(folder: &Path, proof: &str) -> Option<PathBuf> {
    let name = folder.file_name().unwrap().to_str().unwrap();
    let packages = installed(&format!("{name}-packages"));
    let _alone = alone(&packages);
    if !packages.join(proof).is_dir() {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--target"]).arg(&packages).arg("-r");
        pip.arg(folder.join("requirements.txt"));
        if !install(proof, &mut pip) {
            return None;
        }
    }
    Some(packages)
}

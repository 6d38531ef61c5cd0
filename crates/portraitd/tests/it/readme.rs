//! README's blocks, pasted into a shell in a network of its own, to their last line; in both languages.

use crate::harness::binary;
use crate::namespaces::can_isolate;
use std::path::Path;
use std::process::{Command, Stdio};

const READMES: [(&str, &str, &str); 2] =
    [("README.md", "## In production\n", "en"), ("README.zh-CN.md", "## 生产部署\n", "zh")];

fn readme(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)).unwrap()
}

/// The commands of each console block in a section: what people paste, without the prompts.
fn console_blocks(text: &str, heading: &str) -> Vec<String> {
    let section = text.split(heading).nth(1).unwrap_or_else(|| panic!("there is no section {heading}"));
    let section = section.split("\n## ").next().unwrap();
    let blocks = section.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.map(|block| format!("\n{block}").replace("\n$ ", "\n")).collect()
}

/// The first block ends with the server, which runs; the second one is another terminal's. Both are pasted: commands see the
/// lines after them on standard input.
const TWO_TERMINALS: &str = r#"
    ip link set lo up && cd "$DIR" || exit 1
    bash -e < first > first.printed 2>&1 & terminal=$!
    until curl --silent --output /dev/null --noproxy '*' http://127.0.0.1:8080/; do
        kill -0 $terminal 2> /dev/null || { cat first.printed; echo "the first block ended"; exit 1; }
        sleep 0.05
    done
    bash -e < second > second.printed 2>&1; code=$?
    kill -INT "$(pgrep --parent $terminal)"; wait $terminal
    cat first.printed second.printed
    stat --format 'key.txt %a' key.txt
    exit $code
"#;

#[test]
fn the_production_blocks_work_to_the_last_line() {
    if !can_isolate() {
        return;
    }
    for (name, heading, language) in READMES {
        let blocks = console_blocks(&readme(name), heading);
        let [first, second] = &blocks[..] else { panic!("{name} has another number of blocks: {blocks:?}") };
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("first"), first).unwrap();
        std::fs::write(dir.path().join("second"), second).unwrap();
        let programs = dir.path().join("bin");
        std::fs::create_dir(&programs).unwrap();
        std::os::unix::fs::symlink(binary().get_program(), programs.join("portraitd")).unwrap();
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
        let mut shell = Command::new("unshare");
        shell.args(["--net", "bash", "-c", TWO_TERMINALS]).stdin(Stdio::null());
        shell.env_clear().env("DIR", dir.path()).env("PATH", path).env("PORTRAITD_SERVER_LANGUAGE", language);
        let output = shell.output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{name}\n{printed}{}", String::from_utf8_lossy(&output.stderr));
        let key = std::fs::read_to_string(dir.path().join("key.txt")).unwrap();
        assert!(!printed.contains(key.trim_end()), "the key is in its file alone");
        for part in ["key.txt 600", "Tag_Profile_IM_Nick", "Alice", "Tag_Profile_Custom_Score"] {
            assert!(printed.contains(part), "{name}: no {part} in\n{printed}");
        }
    }
}

#[test]
fn the_files_to_install_are_called_as_they_are_built() {
    let version = env!("CARGO_PKG_VERSION");
    let (english, chinese) = (readme("README.md"), readme("README.zh-CN.md"));
    for file in [
        format!("portraitd-{version}-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"),
        format!("portraitd-linux-x64-{version}.tgz portraitd-{version}.tgz"),
        format!("./portraitd_{version}-1_amd64.deb"),
        format!("portraitd-{version}-linux-x86_64.tar.gz"),
    ] {
        assert!(english.contains(&file) && chinese.contains(&file), "a README does not name {file}");
    }
    let rust = format!("Rust {}", env!("CARGO_PKG_RUST_VERSION"));
    assert!(english.contains(&rust) && chinese.contains(&rust), "a README does not say {rust}");
}

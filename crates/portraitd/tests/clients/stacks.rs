//! Programs in the usual languages and HTTP libraries, unmodified, which call the cloud under its names: each reaches the
//! emulator under `portraitd run`, as root and as a user, and nothing leaves. Where isolation is refused, those that
//! ignore the proxy fail instead of reaching the cloud.

use super::namespaces::{can_isolate, in_namespaces};
use super::{install, npm, pip};
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

/// Name, what is called with `$URL`, and whether it follows proxy variables, so that it also works without isolation.
const STACKS: [(&str, &str, bool); 17] = [
    ("node fetch", "node node.js fetch $URL", false),
    ("node https, keep-alive agent", "node node.js agent $URL", false),
    ("node https, IPv6 alone", "node node.js family6 $URL", false),
    ("node dns.resolve4 (c-ares)", "node node.js resolve $URL", false),
    ("axios", "node node.js axios $URL", true),
    ("undici", "node node.js undici $URL", false),
    ("requests", "python3 -B stacks.py requests $URL", true),
    ("http.client", "python3 -B stacks.py http.client $URL", false),
    ("aiohttp", "python3 -B stacks.py aiohttp $URL", false),
    ("httpx", "python3 -B stacks.py httpx $URL", true),
    ("PHP curl", "php stacks.php curl $URL", true),
    ("PHP streams", "php stacks.php streams $URL", false),
    ("Ruby net/http", "ruby stacks.rb net-http $URL", false),
    ("Go net/http", "./stacks-go default $URL", true),
    ("Go net/http, no proxy", "./stacks-go no-proxy $URL", false),
    ("java.net.http", "java -cp . Stacks java.net.http $URL", true),
    ("curl", "curl -sS -m 10 -d \"$BODY\" $URL", true),
];

/// Copies the programs to where the other user can read them, with their packages; `None` when one can't be had.
fn prepare() -> Option<PathBuf> {
    for program in ["unshare", "setpriv", "node", "php", "ruby", "go", "javac", "curl"] {
        if !install(program, Command::new("sh").args(["-c", &format!("command -v {program} >&2")])) {
            return None;
        }
    }
    let python = pip("stacks", "httpx")?;
    let folder = npm("stacks", "undici")?;
    let build = "set -e; go build -o stacks-go stacks.go; javac -d . Stacks.java";
    let built =
        Command::new("sh").args(["-ec", build]).current_dir(&folder).env("GOFLAGS", "-mod=mod").status();
    assert!(built.unwrap().success(), "the programs do not build");
    // Packages of Python beside the program are found without a variable.
    let copy = format!("cp -r {}/. {}", python.display(), folder.display());
    assert!(Command::new("sh").args(["-ec", &copy]).status().unwrap().success());
    Some(folder)
}

fn script() -> String {
    let mut script = String::from(
        r#"
echo 53 > /proc/sys/net/ipv4/ip_unprivileged_port_start
cp -r "$PROGRAMS/." "$DIR/programs" && chmod -R a+rX "$DIR/programs"
cat > "$DIR/all" <<'END'
cd "$DIR/programs"
export BODY='{"CheckItem":[{"UserID":"alice"}]}'
query="sdkappid=$PORTRAITD_SDKAPPID&identifier=$PORTRAITD_ADMIN&usersig=$PORTRAITD_USERSIG&random=1&contenttype=json"
stack() {
    name=$1; shift
    for scheme in $SCHEMES; do
        export URL="$scheme://console.tim.qq.com/v4/im_open_login_svc/account_check?$query"
        answer=$(timeout 30 sh -c "$*" 2>&1)
        case "$answer" in
            *'"AccountStatus":"Imported"'* | *'resolved 127.77.'*) echo "$HOW | $scheme | $name | reached" ;;
            *) echo "$HOW | $scheme | $name | failed: $(printf %s "$answer" | grep -v 'Picked up' | tail -1 | cut -c1-150)" ;;
        esac
    done
}
"#,
    );
    for (name, command, _) in STACKS {
        // The variables are the command's own.
        script.extend(["stack '", name, "' '", command, "'\n"]);
    }
    script.push_str(
        r#"END
export SCHEMES="https http"
HOW=root run -- bash "$DIR/all" & root=$!
HOW=user run_as_user -- bash "$DIR/all"
wait $root
echo "visits before: $(wc -l < "$DIR/decoy.log" 2>/dev/null)"
[ ! -e /usr/bin/pasta ] || mount --bind /dev/null /usr/bin/pasta
echo 1024 > /proc/sys/net/ipv4/ip_unprivileged_port_start
SCHEMES=https HOW=refused run_as_user -- bash "$DIR/all"
echo "connections: $(grep -c CONNECT "$DIR/decoy.log" 2>/dev/null)"
"#,
    );
    script
}

#[test]
fn every_stack_reaches_the_emulator_and_nothing_leaves() {
    if !can_isolate() {
        return;
    }
    let Some(programs) = prepare() else { return };
    let portraitd = OsStr::new(env!("CARGO_BIN_EXE_portraitd"));
    let all = in_namespaces(portraitd, &script(), &[("PROGRAMS", &programs)]);
    eprintln!("{all}");
    check(&all);
}

/// Every line of the table is as it must be.
fn check(all: &str) {
    let reached = |how: &str, scheme: &str, name: &str| {
        let line = format!("{how} | {scheme} | {name} | ");
        let line = all.lines().find_map(|found| found.strip_prefix(&line));
        line.unwrap_or_else(|| panic!("{how}, {scheme}, {name} was not run:\n{all}")) == "reached"
    };
    for (name, _, follows_proxy) in STACKS {
        for how in ["root", "user"] {
            // This one speaks TLS whatever the URL says.
            let schemes: &[&str] = if name.contains("IPv6") { &["https"] } else { &["https", "http"] };
            for scheme in schemes {
                assert!(reached(how, scheme, name), "{how}, {scheme}, {name}:\n{all}");
            }
        }
        assert!(!follows_proxy || reached("refused", "https", name), "{name} by the proxy:\n{all}");
    }
    // The resolver of Node's that reads no hosts file asks for the name where nothing isolates; nothing connects.
    assert!(all.contains("visits before: 0") || all.contains("visits before: \n"), "{all}");
    assert!(all.contains("connections: 0"), "{all}");
}

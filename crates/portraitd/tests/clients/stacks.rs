//! Programs in the usual languages and HTTP libraries, unmodified, which call the cloud under its names: each reaches the
//! emulator under `portraitd run`, as root and as a user, and nothing leaves. Where isolation is refused, those that
//! ignore the proxy fail instead of reaching the cloud. `docs/CLOUD.md` shows the table.

use super::namespaces::{can_isolate, in_namespaces};
use super::{clients, install, npm, pip};
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

/// What becomes of a call where isolation is refused: names are looked up as ever, and Landlock forbids the connection to
/// what ignores the proxy.
#[derive(Clone, Copy)]
enum Refused {
    ByProxy,
    Denied,
    /// It follows the proxy from a version on.
    DeniedByOldNode,
    /// There is none for IPv6.
    NoAddress,
    /// It only looks up.
    LookupAlone,
}

impl Refused {
    /// The outcomes that the script may print, and what the documents say in English and Chinese.
    const fn row(self) -> (&'static [&'static str], [&'static str; 2]) {
        match self {
            Self::ByProxy => (&["reached"], ["by the proxy", "经代理到达"]),
            Self::Denied => (&["denied"], ["permission denied", "连接被拒绝"]),
            Self::DeniedByOldNode => (
                &["denied", "reached"],
                ["permission denied; by the proxy from Node.js 24 on", "连接被拒绝；Node.js 24 起经代理到达"],
            ),
            Self::NoAddress => (&["no address"], ["no address found", "查不到地址"]),
            Self::LookupAlone => (
                &["real address"],
                ["asks the real DNS, connects to nothing", "向真实的 DNS 查询，不建立连接"],
            ),
        }
    }
}

/// Name, what is called with `$URL`, and what becomes of it where isolation is refused.
const STACKS: [(&str, &str, Refused); 17] = [
    ("node fetch", "node node.js fetch $URL", Refused::DeniedByOldNode),
    ("node https, keep-alive agent", "node node.js agent $URL", Refused::Denied),
    ("node https, IPv6 alone", "node node.js family6 $URL", Refused::NoAddress),
    ("node dns.resolve4 (c-ares)", "node node.js resolve $URL", Refused::LookupAlone),
    ("axios", "node node.js axios $URL", Refused::ByProxy),
    ("undici", "node node.js undici $URL", Refused::Denied),
    ("requests", "python3 -B stacks.py requests $URL", Refused::ByProxy),
    ("http.client", "python3 -B stacks.py http.client $URL", Refused::Denied),
    ("aiohttp", "python3 -B stacks.py aiohttp $URL", Refused::Denied),
    ("httpx", "python3 -B stacks.py httpx $URL", Refused::ByProxy),
    ("PHP curl", "php stacks.php curl $URL", Refused::ByProxy),
    ("PHP streams", "php stacks.php streams $URL", Refused::Denied),
    ("Ruby net/http", "ruby stacks.rb net-http $URL", Refused::Denied),
    ("Go net/http", "./stacks-go default $URL", Refused::ByProxy),
    ("Go net/http, no proxy", "./stacks-go no-proxy $URL", Refused::Denied),
    ("java.net.http", "java -cp . Stacks java.net.http $URL", Refused::ByProxy),
    ("curl", "curl -sS -m 10 -d \"$BODY\" $URL", Refused::ByProxy),
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
            *EACCES* | *'ermission denied'*) echo "$HOW | $scheme | $name | denied" ;;
            *ENOTFOUND*) echo "$HOW | $scheme | $name | no address" ;;
            *'resolved 127.66.'*) echo "$HOW | $scheme | $name | real address" ;;
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
    let outcome = |how: &str, scheme: &str, name: &str| {
        let line = format!("{how} | {scheme} | {name} | ");
        let line = all.lines().find_map(|found| found.strip_prefix(&line));
        line.unwrap_or_else(|| panic!("{how}, {scheme}, {name} was not run:\n{all}"))
    };
    for (name, _, refused) in STACKS {
        for how in ["root", "user"] {
            // This one speaks TLS whatever the URL says.
            let schemes: &[&str] = if name.contains("IPv6") { &["https"] } else { &["https", "http"] };
            for scheme in schemes {
                assert_eq!(outcome(how, scheme, name), "reached", "{how}, {scheme}, {name}:\n{all}");
            }
        }
        let found = outcome("refused", "https", name);
        assert!(refused.row().0.contains(&found), "{name} where isolation is refused: {found}\n{all}");
    }
    // The resolver of Node's that reads no hosts file asks for the name where nothing isolates; nothing connects.
    assert!(all.contains("visits before: 0") || all.contains("visits before: \n"), "{all}");
    assert!(all.contains("connections: 0"), "{all}");
}

/// The documents show the table that the test above asserts.
#[test]
fn the_documents_name_every_stack() {
    for (language, file, reached) in [(0, "CLOUD.md", "reached"), (1, "CLOUD.zh-CN.md", "到达")] {
        let rows = STACKS.map(|(name, _, refused)| {
            format!("| {name} | {reached} | {reached} | {} |\n", refused.row().1[language])
        });
        let (table, path) = (rows.concat(), clients().join("../docs").join(file));
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.contains(&format!("| --- | --- | --- | --- |\n{table}\n")), "{file} lacks:\n{table}");
    }
}

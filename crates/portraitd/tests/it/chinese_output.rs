//! In Chinese, no command prints an English sentence: neither as its result, nor as a note, nor as an error.

use crate::harness::{KEY, TestServer, binary};
use std::collections::BTreeSet;
use std::path::Path;

/// Commands that are not run here, each with the reason.
const ELSEWHERE: &[(&str, &str)] = &[
    ("dev", "runs until it is stopped; `cli/dev/banner.rs` has its text in both languages"),
    ("run", "`language.rs`"),
    ("serve", "its log is in English"),
    ("shadow", "`shadow/start_and_end.rs`"),
    ("webhook listen", "runs until it is stopped"),
    ("openapi", "a document for programs"),
    ("completions", "a script for shells"),
    ("man", "the manual is in English"),
    ("cert", "`cert.rs`"),
    ("store migrate", "needs a database"),
];

/// Every command without commands below it, as it is typed.
fn leaves(command: &clap::Command, name: &str, found: &mut BTreeSet<String>) {
    if command.get_subcommands().next().is_none() {
        found.insert(name.to_owned());
    }
    for below in command.get_subcommands() {
        leaves(below, format!("{name} {}", below.get_name()).trim(), found);
    }
}

/// What the protocol says in English alone, as the cloud does.
const PROTOCOL: [&str; 1] = ["UserSig verification Failed."];

/// The first English sentence in a text: four words of small letters in a row. What is between backticks, and a command to paste,
/// is no sentence.
fn english(text: &str) -> Option<String> {
    for line in text.lines().filter(|line| !PROTOCOL.iter().any(|text| line.contains(text))) {
        let mut in_code = false;
        let line: String = line
            .split('`')
            .map(|part| {
                in_code = !in_code;
                if in_code { part } else { "·" }
            })
            .collect();
        let line = line.find("portraitd ").map_or(line.as_str(), |command| &line[..command]).to_owned();
        let mut sentence = Vec::new();
        for word in line.split(' ') {
            let bare = word.trim_matches([',', '.', ';', ':', '(', ')']);
            if !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_lowercase() || b"'-".contains(&byte))
            {
                sentence.push(word);
                if sentence.len() == 4 {
                    return Some(line);
                }
            } else {
                sentence.clear();
            }
        }
    }
    None
}

#[test]
fn a_sentence_is_told_from_names() {
    for text in ["could not be opened at all", "错误：it runs, but the journal can't be applied"] {
        assert!(english(text).is_some(), "{text}");
    }
    for text in [
        "应用 7 已删除",
        "portrait_get  portrait_set  account_check",
        "恢复：portraitd restore backup --data new",
        "请使用 `app key add 7 and so on`",
        "-rw-r--r-- a b c1 d",
        "alice app,admin app,admin 使用中",
    ] {
        assert_eq!(english(text), None, "{text}");
    }
}

/// What the commands are run on.
struct Place<'a> {
    data: &'a Path,
    dir: &'a Path,
    emulator: &'a TestServer,
}

impl Place<'_> {
    /// The arguments with the names of this place for `DATA`, `DIR`, `PUBLIC` and so on.
    fn fill(&self, words: &str) -> Vec<String> {
        let replace = |word: &str| {
            word.replace("DATA", self.data.to_str().unwrap())
                .replace("DIR", self.dir.to_str().unwrap())
                .replace("PUBLIC", &format!("http://{}", self.emulator.address))
                .replace("ADMIN", &format!("http://{}", self.emulator.admin_address))
                .replace("KEY", KEY)
        };
        words.split(' ').map(replace).collect()
    }

    /// Runs a command in Chinese. Returns what is wrong with its exit code and with what it says.
    fn check(&self, words: &str, code: i32) -> Option<String> {
        let mut command = binary();
        command.args(self.fill(words)).env("LANG", "zh_CN.UTF-8");
        command.env("PORTRAITD_ADMIN_TOKEN", &self.emulator.admin_token);
        let output = command.stdin(std::process::Stdio::null()).output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        let found = (output.status.code().unwrap(), english(&said));
        (found != (code, None)).then(|| format!("portraitd {words}: {found:?}\n{said}"))
    }
}

/// Each with its exit code, in an order in which each finds what it needs.
#[rustfmt::skip]
const COMMANDS: &[(i32, &str)] = &[
    (0, "app create 7 --name Shop --data DATA"),
    (1, "app create 7 --data DATA"),
    (1, "app create 8 --key short --data DATA"),
    (0, "app list --data DATA"),
    (0, "app show 7 --data DATA"),
    (1, "app show 8 --data DATA"),
    (0, "app disable 7 --data DATA"),
    (0, "app enable 7 --data DATA"),
    (0, "app set 7 --self-service on --reimport-after 90d --deletion-forbidden on --error-detail off --data DATA"),
    (0, "app limits 7 portrait_set=500 total=0 --data DATA"),
    (1, "app limits 7 nothing=5 --data DATA"),
    (0, "app key add 7 --data DATA"),
    (0, "app key list 7 --data DATA"),
    (0, "app key revoke 7 1 --data DATA"),
    (1, "app key revoke 7 2 --data DATA"),
    (0, "app admin add 7 eve --data DATA"),
    (0, "app admin remove 7 eve --data DATA"),
    (1, "app admin remove 7 administrator --data DATA"),
    (0, "app apply DIR/apps.toml --dry-run --data DATA"),
    (0, "app apply DIR/apps.toml --data DATA"),
    (0, "app apply DIR/apps.toml --data DATA"),
    (1, "app apply DIR/wrong.toml --data DATA"),
    (0, "field define 7 Score --type uint64 --data DATA"),
    (1, "field define 7 Score1 --type uint64 --data DATA"),
    (0, "field list 7 --data DATA"),
    (0, "words set 7 DIR/words.txt --data DATA"),
    (0, "words add 7 more --data DATA"),
    (1, "words add 7 @DIR/words.txt --data DATA"),
    (0, "words remove 7 more absent --data DATA"),
    (0, "words list 7 --data DATA"),
    (0, "webhook show 7 --data DATA"),
    (0, "webhook set 7 https://192.0.2.1/ --token secret --data DATA"),
    (0, "webhook show 7 --data DATA"),
    (1, "webhook test 7 --data DATA"),
    (0, "webhook parked 7 --data DATA"),
    (0, "webhook replay 7 --all --data DATA"),
    (0, "webhook drop 7 --all --waiting --data DATA"),
    (0, "webhook remove 7 --data DATA"),
    (1, "webhook remove 7 --data DATA"),
    (0, "account create 7 alice --data DATA"),
    (0, "account set 7 alice Nick=Alice --data DATA"),
    (1, "account set 7 alice Nothing=Alice --data DATA"),
    (0, "account get 7 alice --data DATA"),
    (0, "account list 7 --limit 1 --data DATA"),
    (0, "account delete 7 alice --data DATA"),
    (1, "account get 7 alice --data DATA"),
    (0, "field remove 7 Score --data DATA"),
    (0, "token create ci --role viewer --data DATA"),
    (1, "token create ci --data DATA"),
    (0, "token list --data DATA"),
    (0, "token revoke ci --data DATA"),
    (0, "audit --data DATA"),
    (1, "console --data DATA"),
    (0, "import 7 DIR/people.jsonl --data DATA"),
    (1, "import 7 DIR/wrong.csv --data DATA"),
    (0, "export 7 DIR/export.jsonl --data DATA"),
    (1, "migrate --from PUBLIC --sdkappid 1400000000 --key wrong --accounts DIR/users.txt --into 7 --data DATA"),
    (1, "migrate --from PUBLIC --sdkappid 1400000000 --key KEY --accounts DIR/users.txt --into 7 --data DATA"),
    (0, "backup DIR/backup --data DATA"),
    (0, "backup list DIR"),
    (1, "backup list"),
    (0, "restore DIR/backup --data DIR/restored"),
    (1, "restore DIR/backup --data DIR/restored"),
    (1, "store copy --from DIR/restored --to DIR/copied"),
    (0, "check --data DIR/restored"),
    (0, "repair --data DIR/restored"),
    (0, "compact --data DIR/restored"),
    (1, "check --data DIR/nowhere"),
    (0, "doctor --data DIR/restored --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0"),
    (1, "doctor --data DIR/restored --listen https://127.0.0.1:0 --admin-listen 127.0.0.1:0"),
    (1, "healthcheck --data DIR/nowhere"),
    (0, "config show --data DATA"),
    (0, "config check DIR/good.toml"),
    (1, "config check DIR/bad.toml"),
    (1, "config check DIR/nowhere.toml"),
    (0, "app delete 7 --confirm 7 --data DATA"),
    (1, "app delete 7 --data DATA"),
    (0, "set alice Nick=Alice --url PUBLIC --key KEY"),
    (1, "set ghost Nick=Alice --url PUBLIC --key KEY"),
    (0, "get alice ghost --url PUBLIC --key KEY"),
    (1, "get alice --url PUBLIC --key wrong"),
    (0, "account import dora --url PUBLIC --key KEY"),
    (0, "usersig gen --sdkappid 7 --identifier a --key KEY"),
    (1, "usersig inspect nonsense"),
    (0, "explain 40003"),
    (1, "explain 1"),
    (0, "env --url PUBLIC"),
    (0, "emulator apps create --url PUBLIC"),
    (0, "emulator apps list --url PUBLIC"),
    (1, "emulator apps delete 7 --url PUBLIC"),
    (0, "emulator snapshot save one --url PUBLIC"),
    (0, "emulator snapshot list --url PUBLIC"),
    (0, "emulator snapshot restore one --url PUBLIC"),
    (0, "emulator snapshot delete one --url PUBLIC"),
    (1, "emulator snapshot restore one --url PUBLIC"),
    (0, "emulator requests --limit 3 --url PUBLIC"),
    (0, "emulator requests --clear --url PUBLIC"),
    (0, "emulator webhooks --url PUBLIC"),
    (0, "emulator faults add --command portrait_set --next 1 --code 60008 --url PUBLIC"),
    (0, "emulator faults list --url PUBLIC"),
    (0, "emulator faults remove 1 --url PUBLIC"),
    (0, "emulator faults clear --url PUBLIC"),
    (0, "emulator clock show --url PUBLIC"),
    (0, "emulator clock set 2027-01-31T08:00:00Z --url PUBLIC"),
    (0, "emulator clock advance 5d --url PUBLIC"),
    (0, "emulator clock freeze --url PUBLIC"),
    (0, "emulator clock resume --url PUBLIC"),
    (0, "emulator clock release --url PUBLIC"),
    (0, "emulator reset --url PUBLIC"),
    (1, "app list --admin-url PUBLIC/v4"),
    (0, "app list --admin-url ADMIN"),
    (0, "log --admin-url ADMIN"),
    (1, "log loud --admin-url ADMIN"),
];

#[test]
fn no_command_prints_an_english_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let emulator = TestServer::dev();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write("words.txt", "bad\n\nbad\n");
    write("people.jsonl", "{\"UserID\":\"bob\"}\n");
    write("wrong.csv", "UserID,Nope\nbob,1\n");
    write("users.txt", "alice\nghost\n");
    write("good.toml", "[server]\nlisten = \"127.0.0.1:0\"\n");
    write("wrong.toml", "[[app]]\nsdkappid = 7\nnam = 1\n");
    write(
        "bad.toml",
        "[server]\nlisten = \"8080\"\nadmin_listen = \"0.0.0.0:80\"\nmetrics_listen = \"127.0.0.1:80\"\n\
         unix_mode = \"x\"\nconnections_max = 0\nlanguge = 1\nconsole = 7\n[log]\nfilter = \"loud\"\nformat = \"x\"\n\
         [webhook]\nretry_schedule = []\nbacklog_max = \"much\"\n[nothing]\n[tls]\ncertificate = \"x\"\n",
    );
    write(
        "apps.toml",
        "[[app]]\nsdkappid = 7\nname = \"Other\"\nadmins = [\"administrator\", \"zoe\"]\nwords = [\"x\"]\n\
         keys = [\"0123456789abcdef\"]\n[[app.field]]\nkeyword = \"Note\"\ntype = \"string\"\n\
         [[app.account]]\nUserID = \"zoe\"\n",
    );
    let place = Place { data: &data, dir: dir.path(), emulator: &emulator };
    let mut wrong: Vec<String> =
        COMMANDS.iter().filter_map(|(code, words)| place.check(words, *code)).collect();
    // And with a server that runs on the data.
    let server = TestServer::serve(&data, "");
    for words in ["app create 7", "app list", "app show 7", "token list", "doctor", "healthcheck"] {
        wrong.extend(place.check(&format!("{words} --data DATA"), 0));
    }
    drop(server);
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    let mut all = BTreeSet::new();
    leaves(&portraitd::reference::command_line(), "", &mut all);
    let is_run = |leaf: &str| {
        let starts = |words: &str| words == leaf || words.starts_with(&format!("{leaf} "));
        COMMANDS.iter().any(|(_, words)| starts(words)) || ELSEWHERE.iter().any(|(name, _)| starts(name))
    };
    let left: Vec<_> = all.iter().filter(|leaf| !is_run(leaf)).collect();
    assert!(left.is_empty(), "run these in Chinese too: {left:?}");
}

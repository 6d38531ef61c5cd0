//! The command line in Chinese when asked: help, clap's errors with their suggestions, and its own errors.

use crate::harness::{TestServer, binary};

/// What a command prints on either stream, with its exit code. Of the variables of languages it has only these.
fn printed(words: &[&str], variables: &[(&str, &str)]) -> (String, Option<i32>) {
    let output = binary().args(words).envs(variables.iter().copied()).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8(text).unwrap(), output.status.code())
}

/// Asks in each way, and not at all: the text is in Chinese, or in English.
fn check(words: &[&str], code: i32, english: &[&str], chinese: &[&str]) {
    let asked = [&["--language", "zh"], words].concat();
    let locale = ("LANG", "zh_CN.UTF-8");
    for (words, variables, expected) in [
        (words, &[][..], english),
        (words, &[("LANG", "C")], english),
        (words, &[locale, ("LC_ALL", "C")], english),
        (words, &[locale, ("PORTRAITD_SERVER_LANGUAGE", "en")], english),
        (words, &[locale], chinese),
        (&asked, &[("LANG", "C")], chinese),
    ] {
        let (text, found) = printed(words, variables);
        assert_eq!(found, Some(code), "{words:?} {variables:?}: {text}");
        for part in expected {
            assert!(text.contains(part), "{words:?} {variables:?} {part}: {text}");
        }
    }
}

#[test]
fn help_is_in_the_language_that_is_asked_for() {
    check(
        &["usersig", "gen", "--help"],
        0,
        &["Print a UserSig, and nothing else", "Usage: portraitd usersig gen", "[default: 15552000]"],
        &[
            "仅输出 UserSig",
            "用法: portraitd usersig gen",
            "选项:",
            "[默认值: 15552000]",
            "--expire <SECONDS>",
        ],
    );
    check(&["help", "dev"], 0, &["Possible values:"], &["可选值:\n", "- refuse: 应答 403", "云端域名:"]);
    // Help instead of a command goes to standard error, with clap's exit code.
    let emulator = printed(&["emulator"], &[("PORTRAITD_SERVER_LANGUAGE", "zh")]);
    assert!(emulator.0.contains("命令:\n") && emulator.1 == Some(2), "{emulator:?}");
}

#[test]
fn errors_of_clap_keep_their_suggestions() {
    check(
        &["dev", "--lisen", "x"],
        2,
        &["unexpected argument '--lisen'", "a similar argument exists: '--listen'"],
        &["错误：未知的参数 '--lisen'", "提示：有相近的参数 '--listen'", "用法: portraitd dev"],
    );
    check(
        &["explian"],
        2,
        &["unrecognized subcommand 'explian'", "'explain'"],
        &["未知的命令 'explian'", "有相近的命令 'explain'"],
    );
    check(
        &["usersig", "gen"],
        2,
        &["not provided:\n  --sdkappid <N>"],
        &["缺少以下必需的参数：\n  --sdkappid <N>"],
    );
    check(&["explain"], 2, &["<CODE>"], &["缺少以下必需的参数：\n  <CODE>"]);
    check(
        &["emulator", "reset", "--to", "sede"],
        2,
        &["[possible values: seed, empty]", "'seed'"],
        &["'--to <TO>' 的值 'sede' 无效\n  [可选值: seed, empty]", "有相近的值 'seed'"],
    );
    check(
        &["dev", "--data", "x", "--seed", "y"],
        2,
        &["cannot be used with '--seed <FILE>'"],
        &["'--data <DIR>' 不能与 '--seed <FILE>' 同时使用"],
    );
    let (alone, _) = printed(&["--language", "zh"], &[]);
    assert!(alone.contains("错误：'portraitd' 之后需要一个命令\n  [命令: dev, emulator, "), "{alone}");
    let (twice, _) = printed(&["dev", "--data=x", "--data=y"], &[("LC_MESSAGES", "zh_CN")]);
    assert!(twice.contains("参数 '--data <DIR>' 只能使用一次"), "{twice}");
    check(&["config", "show", "show"], 2, &["unexpected argument 'show'"], &["未知的参数 'show'"]);
    check(
        &["dev", "--sdkappid", "0"],
        2,
        &["0 is not in 1.."],
        &["'--sdkappid <N>' 的值 '0' 无效：应在 1.."],
    );
    check(&["usersig", "gen", "--expire", "x"], 2, &["invalid digit"], &["'x' 无效：应为整数"]);
}

#[test]
fn own_errors_are_in_the_language_that_is_asked_for() {
    let key = "--key=8c1e5b9d77a04f3e92d6b0c8f41a35e7d2086f9b4c7e1a3d5f60b8e2947ca1d3";
    let gen_with = |key| ["usersig", "gen", "--sdkappid", "1400000000", "--identifier", "a", key];
    check(&gen_with("--key=a b"), 1, &["error: --key: "], &["错误：--key: ", "密钥中间有空白"]);
    check(
        &gen_with("--key=@/nowhere"),
        2,
        &["can't read /nowhere: No such file"],
        &["'--key <KEY>' 的值 '@/nowhere' 无效：无法读取 /nowhere：文件或目录不存在"],
    );
    check(
        &["usersig", "gen", "--sdkappid", "0", "--identifier", "", key],
        2,
        &["from 1 to 4294967295"],
        &["SDKAppID 为 1 至 4294967295 的整数"],
    );
    check(&["get", "alice", key, "--admin", ""], 2, &["the UserID is empty"], &["UserID 为空"]);
    check(&["set", "alice", "Nick", key], 1, &["`Nick` has no `=`"], &["`Nick` 缺少 `=`；请写作 TAG=VALUE"]);
    check(&["set", "alice", "Level=x", key], 1, &["`x` is not a number"], &["`x` 不是数字"]);
    check(
        &["get", "alice", key, "--url", "http://127.0.0.1:1"],
        1,
        &["error: can't reach http://127.0.0.1:1; is portraitd running there?: "],
        &["错误：无法连接 http://127.0.0.1:1；portraitd 是否在那里运行？："],
    );
    check(&["get", "alice", key, "--url", "ftp://x"], 1, &["must start with"], &["`ftp://x` 必须以"]);
    check(
        &["emulator", "clock", "show", "--url", "http://127.0.0.1:1"],
        1,
        &["no emulator answers at http://127.0.0.1:1"],
        &["http://127.0.0.1:1 没有模拟器应答；请用 portraitd dev 启动"],
    );
    check(&["emulator", "clock", "advance", "5"], 1, &["`5` has no unit"], &["`5` 缺少单位；请写作 5d、5h"]);
    check(&["env", "--url", "http://127.0.0.1:1"], 1, &["no emulator answers"], &["没有模拟器应答"]);
    check(&["dev", "--listen", "8080"], 2, &["write 127.0.0.1:8080"], &["请写作 127.0.0.1:8080"]);
    check(&["explain", "4009"], 1, &["did you mean 40009"], &["没有错误码 `4009`；您是否想查 40009"]);
    check(&["explain", "12"], 1, &["the codes of this API are"], &["此 API 的错误码为 40001～"]);
    check(
        &["run", "--isolate", "proxy", "--", "/nowhere"],
        127,
        &["can't run /nowhere"],
        &["错误：无法运行 /nowhere：文件或目录不存在（os error 2）"],
    );
    check(
        &["run", "--admin", "", "--", "true"],
        125,
        &["error: --admin: the UserID"],
        &["错误：--admin：UserID 为空"],
    );
    check(&["app", "list"], 1, &["name the store with --data"], &["请用 --data DIR 指明数据"]);
    check(&["app", "list", "--data", "/nowhere"], 1, &["no data directory"], &["没有数据目录 /nowhere"]);
    check(
        &["dev", "--webhook", "ftp://x"],
        1,
        &["--webhook: the URL must"],
        &["--webhook：URL 必须以 http://"],
    );
    check(
        &["check", "--data", "/nowhere"],
        1,
        &["no data of portraitd"],
        &["/nowhere 中没有 portraitd 的数据"],
    );
    check(&["dev", "--seed", "x.txt"], 1, &["a seed's name ends in"], &["x.txt：种子的文件名以 .jsonl"]);
    check(&["dev", "--seed", "/no.toml"], 1, &["can't read"], &["无法读取 /no.toml：文件或目录不存在"]);
    check(&["export", "1", "-", "--resume", "--data", "/nowhere"], 1, &["/nowhere"], &["没有数据目录"]);
}

#[test]
fn a_running_emulator_is_spoken_of_in_chinese() {
    let server = TestServer::dev();
    let admin = format!("http://{}", server.admin_address);
    let (other, code) = printed(
        &["emulator", "apps", "list", "--url", &admin, "--admin-token", "wrong"],
        &[("LANG", "zh_CN.UTF-8")],
    );
    assert!(other.contains("不是 ") && other.contains("处模拟器的管理 token") && code == Some(1), "{other}");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("people.csv");
    std::fs::write(&file, "UserID,Nope\nalice,1\n").unwrap();
    check(
        &["dev", "--listen", &server.address],
        1,
        &["the port is in use", "is free, and port 0"],
        &[
            "错误：无法监听 127.0.0.1:",
            "端口已被占用",
            "端口 0 表示任选空闲端口：地址已被占用（os error 98）",
        ],
    );
    let import = ["import", "1400000000", file.to_str().unwrap(), "--admin-url", &admin, "--admin-token"];
    let (csv, _) = printed(&[&import[..], &[&server.admin_token]].concat(), &[("LANG", "zh_CN.UTF-8")]);
    assert!(csv.contains("列 `Nope`：应用 1400000000 没有此资料字段"), "{csv}");
    std::fs::write(&file, "UserID,Nick\nalice,1,2\n").unwrap();
    let (csv, code) = printed(&[&import[..], &[&server.admin_token]].concat(), &[("LANG", "zh_CN.UTF-8")]);
    assert!(csv.contains("1 行被拒绝：见 ") && code == Some(1), "{csv}");
    let refused = std::fs::read_to_string(dir.path().join("people.csv.refused")).unwrap();
    assert!(refused.contains("该行有 3 个单元格，表头有 2 个"), "{refused}");
}

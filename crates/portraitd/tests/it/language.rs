//! The command line in Chinese when asked: help, clap's errors with their suggestions, and its own errors.

use crate::harness::binary;

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
    check(&["config", "show", "show"], 2, &["unexpected argument 'show'"], &["未知的参数 'show'"]);
    check(
        &["dev", "--sdkappid", "0"],
        2,
        &["0 is not in 1.."],
        &["'--sdkappid <N>' 的值 '0' 无效：应在 1.."],
    );
    check(&["usersig", "gen", "--expire", "x"], 2, &["invalid digit"], &["'x' 无效：应为整数"]);
}

//! Rules of this repository that the compiler does not check, and the generated documents.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod routes;

use portraitd_admin::error_code::AdminCode;
use portraitd_model::Language;
use routes::Listener;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Every file below a folder with one of these endings.
fn files(folder: &str, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                if name != "target" && name != "node_modules" && name != ".git" {
                    folders.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// A file without its unit tests.
fn product(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.split("#[cfg(test)]").next().unwrap().to_owned()
}

fn lines(text: &str) -> usize {
    text.lines().count()
}

#[test]
fn files_are_small_and_say_what_they_are_for() {
    for path in files("crates", &[".rs"]) {
        let text = fs::read_to_string(&path).unwrap();
        let shown = path.display();
        let limit = if path.components().any(|part| part.as_os_str() == "tests") { 600 } else { 400 };
        assert!(lines(&product(&path)) <= limit, "{shown} is longer than {limit} lines");
        assert!(text.starts_with("//!"), "{shown} has no module comment");
    }
}

/// Everything that a command prints goes through `cli/output.rs`, where nothing steers a terminal.
#[test]
fn commands_print_through_one_file() {
    for path in files("crates/portraitd/src/cli", &[".rs"]) {
        for printing in ["println!(", "print!("] {
            assert!(
                !product(&path).contains(printing),
                "{} prints by itself: use cli/output.rs",
                path.display()
            );
        }
    }
}

/// The table of SECURITY names tests that exist.
#[test]
fn the_door_is_shown_by_tests_that_exist() {
    let mut named = Vec::new();
    for document in ["SECURITY.md", "SECURITY.zh-CN.md"] {
        let text = fs::read_to_string(root().join(document)).unwrap();
        let tests: Vec<String> =
            text.split('`').filter(|word| word.contains("::")).map(str::to_owned).collect();
        for test in &tests {
            let (file, name) = test.rsplit_once("::").unwrap();
            let places = [format!("{file}.rs"), format!("{file}/mod.rs")];
            let mut sources = places.iter().map(|place| root().join("crates/portraitd/tests/it").join(place));
            let source = sources.find_map(|path| fs::read_to_string(path).ok()).unwrap_or_default();
            assert!(source.contains(&format!("#[test]\nfn {name}()")), "{document}: there is no test {test}");
        }
        named.push(tests);
    }
    assert!(named[0].len() > 25 && named[0] == named[1], "both languages name the same tests");
}

/// A derived `==` stops at the first byte that differs, and so tells how much of a guess was right.
#[test]
fn secrets_are_compared_in_constant_time_only() {
    const SECRETS: [&str; 4] = ["AppKey", "WebhookToken", "AdminToken", "UserSig"];
    let mut seen = 0;
    for path in
        files("crates", &[".rs"]).iter().filter(|path| path.components().any(|c| c.as_os_str() == "src"))
    {
        let text = product(path);
        for secret in SECRETS {
            for opening in ["(", " {"] {
                let Some((before, _)) = text.split_once(&format!("struct {secret}{opening}")) else {
                    continue;
                };
                let derive = before.rsplit("#[derive(").next().unwrap().split(')').next().unwrap();
                assert!(!derive.contains("PartialEq"), "{secret} derives PartialEq in {}", path.display());
                seen += 1;
            }
        }
        let exposed = text
            .lines()
            .find(|line| line.contains("expose()") && (line.contains("==") || line.contains("!=")));
        assert_eq!(exposed, None, "{}", path.display());
    }
    assert_eq!(seen, SECRETS.len(), "a secret's type was renamed: tell this test");
}

#[test]
fn only_the_envelope_builds_a_protocol_answer() {
    // A receiver's answer is read by `webhook`, those of two servers by `shadow`; the load generator reads and plays answers.
    let others = |path: &Path| {
        ["crates/webhook/", "crates/shadow/", "crates/bench/"]
            .iter()
            .any(|part| path.to_string_lossy().contains(part))
    };
    let sources =
        files("crates", &[".rs"]).into_iter().filter(|path| path.to_string_lossy().contains("/src/"));
    for path in sources.filter(|path| !others(path)) {
        let builds = product(&path).contains("ActionStatus") || product(&path).contains("action_status");
        assert_eq!(builds, path.ends_with("api/src/envelope.rs"), "{}", path.display());
    }
}

#[test]
fn a_crate_depends_on_what_it_may() {
    let allowed = [
        (
            "model",
            "aho-corasick base64 flate2 hmac http ipnet jiff serde serde_json sha2 strsim subtle thiserror unicode-normalization zeroize",
        ),
        ("store", "crc32fast futures-util getrandom portraitd-model serde serde_json thiserror zeroize"),
        (
            "sqlite",
            "crc32fast futures-util portraitd-model portraitd-store rusqlite rustix thiserror tokio tracing",
        ),
        (
            "mysql",
            "futures-util mysql_async percent-encoding portraitd-model portraitd-store thiserror tokio tokio-util tracing",
        ),
    ];
    for (name, allowed) in allowed {
        let manifest = fs::read_to_string(root().join(format!("crates/{name}/Cargo.toml"))).unwrap();
        let rows = manifest.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
        for row in rows.lines().filter(|row| !row.trim().is_empty()) {
            let dependency = row.split(['.', ' ']).next().unwrap();
            let known = allowed.split(' ').any(|allowed| allowed == dependency);
            assert!(known, "portraitd-{name} may not depend on {dependency}");
        }
    }
    for path in
        ["store", "sqlite", "mysql"].iter().flat_map(|name| files(&format!("crates/{name}/src"), &[".rs"]))
    {
        let named = fs::read_to_string(&path).unwrap().contains("portraitd_model::ErrorCode");
        assert!(!named, "{} names protocol codes", path.display());
    }
}

/// What each block of a page is: a heading, a paragraph, a list or table with so many rows, code.
fn shape(page: &str) -> Vec<String> {
    let (mut shape, mut in_code, mut begun) = (Vec::new(), false, false);
    for line in page.lines() {
        let was_in_code = in_code;
        in_code ^= line.starts_with("```");
        if line.trim().is_empty() && !in_code {
            begun = false;
        } else if was_in_code || begun {
            if let ("|" | "-", Some(last)) = (line.get(..1).unwrap_or_default(), shape.last_mut()) {
                let last: &mut String = last;
                last.push('+');
            }
        } else {
            begun = true;
            shape.push(match line.split(' ').next().unwrap_or_default() {
                heading if heading.starts_with('#') => heading.to_owned(),
                "-" => "list ".into(),
                "|" => "table ".into(),
                code if code.starts_with("```") => "code ".into(),
                _ => "paragraph ".into(),
            });
        }
    }
    shape
}

/// A paragraph that one language has and the other lacks is a statement that half of the readers miss.
#[test]
fn pages_in_both_languages_say_the_same_in_the_same_order() {
    /// Pages whose Chinese half is shorter on purpose; it leads to the English one.
    const SHORTER: [&str; 4] = ["CONSOLE.md", "EMULATOR.md", "PERFORMANCE.md", "WEBHOOKS.md"];
    let mut compared = 0;
    for path in files("docs", &[".md"]) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let chinese = path.with_file_name(name.replace(".md", ".zh-CN.md"));
        let is_own = path.parent() == Some(&root().join("docs")) && !name.starts_with("cli");
        if is_own && chinese.exists() && !SHORTER.contains(&name) {
            let [english, chinese] = [&path, &chinese].map(|path| shape(&fs::read_to_string(path).unwrap()));
            assert_eq!(english, chinese, "{name}");
            compared += 1;
        }
    }
    assert!(compared >= 7, "{compared}");
}

#[test]
fn every_dependency_says_why() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let rows =
        manifest.split("[workspace.dependencies]").nth(1).unwrap().split("[workspace.lints").next().unwrap();
    let rows = rows
        .lines()
        .filter(|line| line.contains('=') && !line.starts_with('#') && !line.starts_with("portraitd-"));
    for row in rows {
        assert!(row.contains(" # "), "{row}");
    }
}

/// What is generated from tables is committed, and fresh. `UPDATE=1 cargo test --test tidy` writes it.
#[test]
fn generated_documents_are_fresh() {
    for (name, expected) in [
        ("docs/ERRORS.md", errors()),
        ("docs/FIELDS.md", fields()),
        ("docs/ROUTES.md", routes()),
        ("docs/OPERATIONS.md", with_settings("docs/OPERATIONS.md", Language::English)),
        ("docs/OPERATIONS.zh-CN.md", with_settings("docs/OPERATIONS.zh-CN.md", Language::Chinese)),
        ("docs/ADMIN.md", with_codes("docs/ADMIN.md", Language::English)),
        ("docs/ADMIN.zh-CN.md", with_codes("docs/ADMIN.zh-CN.md", Language::Chinese)),
        ("docs/cli.md", command_line(Language::English)),
        ("docs/cli.zh-CN.md", command_line(Language::Chinese)),
        ("crates/portraitd/portraitd.example.toml", portraitd(&["config", "--example"])),
        ("docs/openapi-admin.json", portraitd(&["openapi", "admin"])),
        ("docs/openapi-public.json", portraitd(&["openapi", "public"])),
        ("docs/portraitd.http", http_requests()),
    ] {
        let path = root().join(name);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, &expected).unwrap();
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(found == expected, "{name} is stale: UPDATE=1 cargo test -p portraitd --test tidy");
    }
}

/// The inventory: a route that appears or goes shows in a diff, and must be wanted.
fn routes() -> String {
    let mut page = String::from(
        "# Routes\n\nEvery route that there is, from the routers' own tables. Anything else is 60009 on the public listener and 404 on the admin\nlistener. Those of the emulator are answered by `portraitd dev` alone, on both listeners; those of shadow mode on its control address,\nwhich is on this machine (`tests/it/shadow`). `tests/it/authorization.rs` tries each one\nwithout the right to it. In brackets is the least role that the token must have.\n\n| listener | method | path | wants |\n| --- | --- | --- | --- |\n",
    );
    for route in routes::routes() {
        let (listener, wants) = match route.listener {
            Listener::Public => ("public", "an App admin's UserSig"),
            Listener::Admin => ("admin", "an admin token"),
            Listener::Emulator => ("emulator", "a caller on this machine, or an admin token"),
            Listener::Shadow => ("shadow", "a caller on this machine"),
        };
        let wants = match route.role {
            Some(role) => &format!("{wants} ({})", role.as_str()),
            None if route.open && route.listener != Listener::Shadow => "nothing",
            None => wants,
        };
        writeln!(page, "| {listener} | {} | `{}` | {wants} |", route.method, route.path).unwrap();
    }
    page
}

/// Every call with its example, for the HTTP clients of editors.
fn http_requests() -> String {
    let document: serde_json::Value = serde_json::from_str(&portraitd(&["openapi", "public"])).unwrap();
    let mut page = String::from(
        "# Every call of /v4, for the HTTP clients of JetBrains' IDEs and of VS Code (REST Client). `portraitd dev` prints the three values.\n\
         # /v4 的全部调用，供 JetBrains IDE 与 VS Code（REST Client）的 HTTP 客户端使用；三个值由 `portraitd dev` 输出。\n\
         @host = http://127.0.0.1:8080\n@sdkappid = 1400000000\n@usersig = \n\n",
    );
    for (path, item) in document["paths"].as_object().unwrap() {
        let operation = &item["post"];
        let example = &operation["requestBody"]["content"]["application/json"]["example"];
        let body = serde_json::to_string_pretty(example).unwrap();
        let query = "sdkappid={{sdkappid}}&identifier=administrator&usersig={{usersig}}&random={{$randomInt}}&contenttype=json";
        let summary = operation["summary"].as_str().unwrap();
        write!(
            page,
            "### {summary}\nPOST {{{{host}}}}{path}?{query}\nContent-Type: application/json\n\n{body}\n\n"
        )
        .unwrap();
    }
    format!("{}\n", page.trim_end())
}

/// A page with its table of settings.
fn with_settings(page: &str, language: Language) -> String {
    const FROM: &str = "<!-- settings: generated from crates/portraitd/src/config -->\n";
    with_table(page, FROM, "<!-- end of settings -->", &portraitd::reference::settings_table(language))
}

/// A page with its table of the admin API's error codes.
fn with_codes(page: &str, language: Language) -> String {
    const FROM: &str = "<!-- codes: generated from crates/admin/src/error_code.rs -->\n";
    let mut table = language.pick("| code | HTTP | when |\n", "| 错误码 | HTTP | 何时 |\n").to_owned();
    table.push_str("| --- | --- | --- |\n");
    for code in AdminCode::ALL {
        let (name, status) = (code.name(), code.status().as_u16());
        writeln!(table, "| `{name}` | {status} | {} |", code.meaning(language)).unwrap();
    }
    with_table(page, FROM, "<!-- end of codes -->", &table)
}

/// A page with a table, which stands between two comments.
fn with_table(page: &str, from: &str, to: &str, table: &str) -> String {
    let text = fs::read_to_string(root().join(page)).unwrap();
    let (before, rest) = text.split_once(from).unwrap();
    let (_, after) = rest.split_once(to).unwrap();
    format!("{before}{from}{table}{to}{after}")
}

/// `bilingual!` takes two texts; this holds that they are of two languages, and that what is taken in one alone is on a list.
#[test]
fn each_sentence_of_an_api_is_in_both_languages() {
    // Texts of the operating system, of SQLite, of serde's writers, of TOML; and the random numbers' errors.
    const QUOTED: [(&str, usize); 10] = [
        ("crates/admin/src/csv_rows.rs", 2),
        ("crates/admin/src/error.rs", 1),
        ("crates/admin/src/handlers/export_lines.rs", 1),
        ("crates/admin/src/state.rs", 1),
        ("crates/emulator/src/seed/document/read.rs", 1),
        ("crates/mysql/src/apply.rs", 1),
        ("crates/sqlite/src/apply/mod.rs", 1),
        ("crates/sqlite/src/error.rs", 1),
        ("crates/sqlite/src/reader.rs", 1),
        ("crates/sqlite/src/transactions.rs", 1),
    ];
    let is_han = |letter: char| ('\u{4e00}'..='\u{9fff}').contains(&letter);
    let mut sentences = 0;
    for path in files("crates", &[".rs"]).iter().filter(|path| path.to_string_lossy().contains("/src/")) {
        let text = product(path);
        let shown = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        let known = QUOTED.iter().find(|(file, _)| *file == shown).map_or(0, |(_, count)| *count);
        assert_eq!(
            text.matches("Bilingual::quoted").count(),
            known,
            "{shown} shows another text in one language alone"
        );
        let code =
            text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        for call in code.split("bilingual!(").skip(1) {
            let Some((english, rest)) = literal(call) else { continue };
            let (chinese, _) = literal(rest.trim_start_matches([',', ' ', '\n'])).unwrap();
            assert!(!english.chars().any(is_han), "{shown}: {english}");
            assert!(chinese.chars().any(is_han) || chinese.contains("{chinese"), "{shown}: {chinese}");
            sentences += 1;
        }
    }
    assert!(sentences > 100, "{sentences}");
}

/// The string literal that a text starts with, and what comes after it.
fn literal(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start().strip_prefix('"')?;
    let mut escaped = false;
    let end = text.find(|letter| {
        let ends = letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        ends
    })?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

fn errors() -> String {
    let mut page = String::from(
        "# Error codes · 错误码\n\nGenerated from `ERROR_CODES` in `crates/model/src/error_code.rs`. *seen*: code and text were seen in the \
         cloud's answers; *documented*: the code is in the public documents, the text is ours; *ours*: our decision. \
         Each code's page has causes, an example and the remedy; `portraitd explain CODE` prints it.\n\n\
         | code | ErrorInfo | evidence | meaning and remedy | 含义与处理 |\n| --- | --- | --- | --- | --- |\n",
    );
    for row in portraitd_model::ERROR_CODES {
        let (number, info, evidence) = (row.number, row.info, row.evidence.as_str());
        let number = format!("[{number}](errors/{number}.md) [中文](errors/{number}.zh-CN.md)");
        writeln!(page, "| {number} | `{info}` | {evidence} | {} | {} |", row.english, row.chinese).unwrap();
    }
    page.push_str(
        "\n## Codes of the cloud that portraitd never answers · portraitd 不会返回的云端错误码\n\nGenerated from \
         `CLOUD_CODES` in `crates/model/src/cloud_code.rs`. `portraitd explain CODE` knows them too.\n\n\
         | code | meaning in the cloud | 云端含义 |\n| --- | --- | --- |\n",
    );
    for row in portraitd_model::CLOUD_CODES {
        let number = row.number;
        let number = format!("[{number}](errors/{number}.md) [中文](errors/{number}.zh-CN.md)");
        writeln!(page, "| {number} | {} | {} |", row.english, row.chinese).unwrap();
    }
    page
}

fn fields() -> String {
    use portraitd_model::ValueRule;
    let mut page = String::from(
        "# Standard fields · 标配资料字段\n\nGenerated from `STANDARD_FIELDS` in `crates/model/src/field.rs`.\n\n\
         | tag | type | allowed | user may write | holds | 含义 |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for field in portraitd_model::STANDARD_FIELDS {
        let allowed = match field.rule {
            ValueRule::Any => "any".to_owned(),
            ValueRule::BytesMax(bytes) => format!("≤ {bytes} bytes of UTF-8"),
            ValueRule::OneOf(words) => words.join(", "),
        };
        let (value_type, writes) =
            (field.value_type.as_str(), if field.write.user { "yes" } else { "admins only" });
        writeln!(
            page,
            "| {} | {value_type} | {allowed} | {writes} | {} | {} |",
            field.name, field.english, field.chinese
        )
        .unwrap();
    }
    page
}

/// What the binary prints, in English.
fn portraitd(words: &[&str]) -> String {
    portraitd_in("en", words)
}

fn portraitd_in(language: &str, words: &[&str]) -> String {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_portraitd"));
    let printed = command.arg("--language").arg(language).args(words).output().unwrap();
    String::from_utf8(printed.stdout).unwrap()
}

/// The help of every command that clap's tree holds, as the binary prints it.
fn command_line(language: Language) -> String {
    let mut page = String::from(language.pick(
        "# Command line\n\nGenerated from the binary's own `--help`. [中文](cli.zh-CN.md): `--language zh`, or a Chinese locale (`LANG=zh_CN.UTF-8`).\n",
        "# 命令行\n\n由程序自身的 `--help` 生成。[English](cli.md)：`--language en`。系统语言为中文（`LANG=zh_CN.UTF-8`）时，帮助与错误提示即为中文；也可使用 `--language zh`。\n",
    ));
    add_help(&mut page, &portraitd::reference::command_line(), &[], language);
    page
}

/// Adds the help of one command, then that of the commands below it.
fn add_help(page: &mut String, command: &clap::Command, path: &[&str], language: Language) {
    let help = portraitd_in(language.pick("en", "zh"), &[path, &["--help"]].concat());
    let lines: Vec<_> = help.trim_end().lines().map(str::trim_end).collect();
    let name = [&["portraitd"], path].concat().join(" ");
    writeln!(page, "\n## {name}\n\n```text\n{}\n```", lines.join("\n")).unwrap();
    for below in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        add_help(page, below, &[path, &[below.get_name()]].concat(), language);
    }
}

/// Files that documents show: the fence after `<!-- file: PATH -->` holds what the file holds. `UPDATE=1` rewrites it.
#[test]
fn shown_files_are_what_they_say() {
    for page in files("docs/recipes", &[".md"]) {
        let text = fs::read_to_string(&page).unwrap();
        let (mut expected, mut rest) = (String::new(), text.as_str());
        while let Some((before, after)) = rest.split_once("<!-- file: ") {
            let (path, after) = after.split_once(" -->\n```").unwrap();
            let (language, after) = after.split_once('\n').unwrap();
            let (_, after) = after.split_once("```\n").unwrap();
            let file = fs::read_to_string(root().join(path)).unwrap();
            assert!(!file.contains("```"), "{path} can't be shown in a fence");
            write!(expected, "{before}<!-- file: {path} -->\n```{language}\n{}\n```\n", file.trim_end())
                .unwrap();
            rest = after;
        }
        expected.push_str(rest);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&page, &expected).unwrap();
        }
        assert!(
            text == expected || std::env::var_os("UPDATE").is_some(),
            "{} is stale: UPDATE=1 cargo test -p portraitd --test tidy",
            page.display()
        );
    }
}

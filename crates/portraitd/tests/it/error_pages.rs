//! Makes `docs/errors/`: a page for each error code in two languages, each with a request and the answer that the
//! server really gives to it. `UPDATE=1` rewrites the pages; without it they must be up to date.

use crate::conformance::{Case, prepare, request};
use crate::emulator::done;
use crate::harness::{Answer, App, KEY, TestServer, binary};
use percent_encoding::percent_decode_str;
use portraitd_model::{CLOUD_CODES, CloudCode, CloudSource, ERROR_CODES, ErrorRow, Evidence, Language};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A call may have to be repeated so often before its code comes.
const REPEATED_MAX: usize = 200;
/// What readers know the example's app as.
const SHOWN_APP: &str = "1400000000";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    cause: Vec<String>,
    cause_zh: Vec<String>,
    remedy: Vec<String>,
    remedy_zh: Vec<String>,
    how: Option<String>,
    example: Case,
    example_zh: String,
}

/// Of a code that portraitd never answers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CloudPage {
    look: Vec<String>,
    look_zh: Vec<String>,
    here: String,
    here_zh: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors")
}

/// The servers of one language that examples are tried on.
struct Servers {
    language: Language,
    ordinary: TestServer,
    limited: TestServer,
    impatient: TestServer,
    dir: tempfile::TempDir,
}

impl Servers {
    fn start(language: Language) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let name = language.pick("en", "zh");
        let config = format!("[server]\nbody_timeout_ms = 200\nlanguage = \"{name}\"\n");
        Self {
            language,
            ordinary: TestServer::dev_with(&["--language", name, "--no-error-detail"]),
            limited: TestServer::dev_with(&["--language", name, "--limits", "--no-error-detail"]),
            impatient: TestServer::serve(&dir.path().join("impatient"), &config),
            dir,
        }
    }

    /// A server that no other example has filled.
    fn full(&self, code: u32) -> TestServer {
        // The largest file may have 2 MiB: a disk that is full as soon as the database has grown to that.
        let mut full = Command::new("sh");
        full.args(["-c", "trap '' XFSZ; ulimit -f 4096; exec \"$0\" \"$@\""]);
        full.arg(binary().get_program())
            .args([
                "dev",
                "--key",
                KEY,
                "--no-error-detail",
                "--language",
                self.language.pick("en", "zh"),
                "--data",
            ])
            .arg(self.dir.path().join(format!("full-{code}")));
        TestServer::start_with(&mut full)
    }

    /// Tries an example: the request and the answer, as they are shown.
    fn answer(&self, code: u32, source: &Source) -> (String, String) {
        let case = &source.example;
        let full;
        let server = match source.how.as_deref() {
            None | Some("fault") => &self.ordinary,
            Some("limits") => &self.limited,
            Some("slow body") => &self.impatient,
            Some("full disk") => {
                full = self.full(code);
                &full
            }
            Some(how) => panic!("{code}: how = {how}?"),
        };
        let app = server.app();
        prepare(&app, case);
        if source.how.as_deref() == Some("full disk") {
            fill_the_disk(&app);
        }
        if source.how.as_deref() == Some("fault") {
            let rule = json!({"app": app.id, "next": 1, "code": code});
            done(server, "POST", "/faults", &rule.to_string());
        }
        let bytes = request(&app, case, case.call.as_deref().unwrap());
        let shown = shown_request(&String::from_utf8(bytes.clone()).unwrap(), app.id);
        let sent =
            if source.how.as_deref() == Some("slow body") { &bytes[..bytes.len() - 5] } else { &bytes[..] };
        let mut answers = (0..REPEATED_MAX).map(|_| server.connect().exchange(sent).unwrap());
        let found = answers.find(|answer| answer.code() == u64::from(code));
        let found = found.unwrap_or_else(|| panic!("{code}: its example does not provoke it"));
        (shown, shown_answer(&found, app.id))
    }
}

fn fill_the_disk(app: &App<'_>) {
    for round in 0..REPEATED_MAX {
        let accounts: Vec<Value> = (0..100)
            .map(|index| json!({"UserID": format!("{round}-{index}"), "Nick": "x".repeat(500)}))
            .collect();
        if app.code("multiaccount_import", &json!({"AccountList": accounts}).to_string()) != 0 {
            return;
        }
    }
    panic!("the disk does not fill");
}

/// The request line and the body, without what differs from run to run.
fn shown_request(request: &str, app: u32) -> String {
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1");
    let line = line.replace(&app.to_string(), SHOWN_APP);
    let (start, query) = line.split_once('?').unwrap();
    let query: Vec<_> = query
        .split('&')
        .map(|part| if part.starts_with("usersig=") && part.len() > 8 { "usersig=…" } else { part })
        .collect();
    format!("{start}?{}\n\n{body}", query.join("&")).trim_end().to_owned()
}

fn shown_answer(answer: &Answer, app: u32) -> String {
    let detail = answer.header("x-error-detail").unwrap();
    let detail = percent_decode_str(detail).decode_utf8().unwrap().into_owned();
    let detail = without_times(&detail);
    format!("{}\n\nX-Error-Detail: {detail}", answer.body).replace(&app.to_string(), SHOWN_APP)
}

/// Points in time differ from run to run.
fn without_times(text: &str) -> String {
    const TIME: usize = "2026-01-31T08:00:00Z".len();
    let is_time = |word: &[u8]| {
        word.len() == TIME && word.ends_with(b"Z") && word[4] == b'-' && word[10] == b'T' && word[13] == b':'
    };
    let mut shown = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = if rest.as_bytes().get(..TIME).is_some_and(is_time) { TIME } else { 0 };
        shown.push(if skipped > 0 { '…' } else { first });
        rest = &rest[skipped.max(first.len_utf8())..];
    }
    shown
}

fn links(number: u32, language: Language) -> String {
    language.pick(
        format!("[中文]({number}.zh-CN.md) · [all codes](../ERRORS.md)"),
        format!("[English]({number}.md) · [全部错误码](../ERRORS.md)"),
    )
}

fn list(items: &[String]) -> String {
    format!("- {}\n", items.join("\n- "))
}

fn page(row: &ErrorRow, source: &Source, servers: &Servers) -> String {
    let language = servers.language;
    let ErrorRow { number, info, .. } = row;
    let (request, answer) = servers.answer(*number, source);
    let mut page = String::new();
    writeln!(page, "# {number} · {info}\n").unwrap();
    writeln!(page, "{}\n", links(*number, language)).unwrap();
    writeln!(page, "{}\n", language.pick(row.english, row.chinese)).unwrap();
    writeln!(
        page,
        "## {}\n\n{}",
        language.pick("Cause", "原因"),
        list(language.pick(&source.cause, &source.cause_zh))
    )
    .unwrap();
    writeln!(
        page,
        "## {}{}\n",
        language.pick("Example: ", "示例："),
        language.pick(&source.example.it, &source.example_zh)
    )
    .unwrap();
    writeln!(page, "```text\n{request}\n```\n\n```text\n{answer}\n```\n").unwrap();
    writeln!(
        page,
        "## {}\n\n{}",
        language.pick("Remedy", "处理"),
        list(language.pick(&source.remedy, &source.remedy_zh))
    )
    .unwrap();
    page.push_str(evidence(row.evidence, language));
    page.push('\n');
    page
}

/// A page of a code that portraitd never answers: no example, since nothing can provoke it.
fn cloud_page(row: &CloudCode, source: &CloudPage, language: Language) -> String {
    let CloudCode { number, english, chinese, source: from } = row;
    let never =
        language.pick("a code of the cloud that portraitd never answers", "云端错误码，portraitd 不会返回");
    let (look, here) =
        (language.pick("What to look at", "如何排查"), language.pick("Here", "在 portraitd 中"));
    let from = match from {
        CloudSource::Current => language.pick(
            "Meaning: the cloud's page of error codes as of 2025 (1047/34348, 269/1671), in our words.",
            "含义依据：云端错误码文档（269/1671、1047/34348，2025 年版），由本项目转述。",
        ),
        CloudSource::Older => language.pick(
            "Meaning: older editions of the cloud's page of error codes and the headers of its client SDKs, in our words; the page of 2025 does not have it.",
            "含义依据：云端错误码文档的旧版与客户端 SDK 头文件，由本项目转述；2025 年版已不再列出。",
        ),
        CloudSource::OtherProduct => language.pick(
            "Meaning: a table of account errors in the documents of the cloud's real-time audio and video; we found it in no document of the chat product.",
            "含义依据：云端实时音视频产品文档中的账号错误码表；在即时通信产品的文档中未找到。",
        ),
    };
    format!(
        "# {number} · {never}\n\n{}\n\n{}\n\n## {look}\n\n{}\n## {here}\n\n{}\n\n{from}\n",
        links(*number, language),
        language.pick(*english, *chinese),
        list(language.pick(&source.look, &source.look_zh)),
        language.pick(&source.here, &source.here_zh),
    )
}

fn evidence(evidence: Evidence, language: Language) -> &'static str {
    match evidence {
        Evidence::Seen => language.pick(
            "Code and ErrorInfo were seen in the cloud's answers.",
            "错误码与 ErrorInfo 均见于云端的实际应答。",
        ),
        Evidence::Documented => language.pick(
            "The code is in the cloud's public documents; the text of ErrorInfo is ours.",
            "错误码见于云端公开文档；ErrorInfo 文本为本项目所定。",
        ),
        Evidence::Ours => language.pick("The code is our decision.", "错误码为本项目所定。"),
    }
}

#[test]
fn every_code_has_a_fresh_page() {
    let text = std::fs::read_to_string(folder().join("source.toml")).unwrap();
    let sources: BTreeMap<String, Source> = toml::from_str(&text).unwrap();
    assert_eq!(sources.len(), ERROR_CODES.len(), "source.toml has codes that are none");
    for language in [Language::English, Language::Chinese] {
        let servers = Servers::start(language);
        for row in ERROR_CODES {
            let source = &sources[&row.number.to_string()];
            hold(row.number, language, &page(row, source, &servers));
        }
    }
}

#[test]
fn every_code_of_the_cloud_alone_has_a_fresh_page() {
    let text = std::fs::read_to_string(folder().join("cloud.toml")).unwrap();
    let sources: BTreeMap<String, CloudPage> = toml::from_str(&text).unwrap();
    assert_eq!(sources.len(), CLOUD_CODES.len(), "cloud.toml has codes that are none");
    for row in CLOUD_CODES {
        for language in [Language::English, Language::Chinese] {
            hold(row.number, language, &cloud_page(row, &sources[&row.number.to_string()], language));
        }
    }
}

/// No page is left of a code that is in neither table.
#[test]
fn every_page_is_of_a_code() {
    let codes = ERROR_CODES.iter().map(|row| row.number).chain(CLOUD_CODES.iter().map(|row| row.number));
    let expected: BTreeSet<String> =
        codes.flat_map(|code| [format!("{code}.md"), format!("{code}.zh-CN.md")]).collect();
    let names = std::fs::read_dir(folder()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let found: BTreeSet<String> = names.filter(|name| !name.ends_with("toml")).collect();
    assert_eq!(found, expected);
}

/// A page is what it should be, or is written so.
fn hold(number: u32, language: Language, expected: &str) {
    let path = folder().join(format!("{number}{}", language.pick(".md", ".zh-CN.md")));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "{} is stale: UPDATE=1 cargo test -p portraitd --test it error_pages",
        path.display()
    );
}

//! A table of mistakes that people make, each as a request to a real `dev`: the code, and words of its explanation in both
//! languages.

use crate::explained::percent_decoded;
use crate::harness::{KEY, TestServer, encode, path_of, post};
use crate::usersig::{Sign, now};
use serde::Deserialize;
use std::path::Path;

const APP: u64 = 1_400_000_000;

/// What is sent.
enum Sent {
    /// A body to a command.
    Body(String, Vec<u8>),
    /// A UserSig.
    Sig(String),
    /// A path and query.
    Target(String),
    /// A whole request.
    Raw(String),
}

/// A mistake: what is sent, the code, and words of the explanation in English and in Chinese.
type Mistake = (Sent, u64, String, String);

fn owned<const N: usize>(rows: [(Sent, u64, &str, &str); N]) -> Vec<Mistake> {
    let row = |(sent, code, english, chinese): (Sent, u64, &str, &str)| {
        (sent, code, english.to_owned(), chinese.to_owned())
    };
    rows.into_iter().map(row).collect()
}

fn set(text: &str) -> Sent {
    bytes(text.as_bytes())
}

fn bytes(bytes: &[u8]) -> Sent {
    Sent::Body("portrait_set".into(), bytes.to_vec())
}

/// Bodies that are no JSON.
fn not_json() -> Vec<Mistake> {
    let utf16: Vec<u8> = "{\"From_Account\":\"alice\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    owned([
        (set(""), 60003, "it is empty; send at least {}", "包体为空"),
        (bytes(b"\x1f\x8b\x08\0\0\0\0\0"), 60003, "compressed with gzip", "gzip 压缩"),
        (bytes(b"\x78\x9c\xab\x56\x4a\xff"), 60003, "compressed with zlib", "zlib"),
        (bytes(&utf16), 60003, "it is in UTF-16", "UTF-16"),
        (bytes(b"{\"a\":\"\xc4\xe3\xba\xc3\"}"), 60003, "not UTF-8 from byte 7 on", "第 7 个字节"),
        (
            set("--b\r\nContent-Disposition: form-data; name=\"From_Account\"\r\n\r\nalice\r\n--b--"),
            60003,
            "multipart/form-data",
            "multipart/form-data",
        ),
        (set("<xml><From_Account>alice</From_Account></xml>"), 60003, "XML or HTML", "XML 或 HTML"),
        (set("From_Account=alice&ProfileItem=x"), 60003, "form-encoded", "表单编码"),
        (set("{\"From_Account\":\"alice\"}="), 60003, "form-encoded", "表单编码"),
        (set("%7B%22From_Account%22%3A%22alice%22%7D"), 60003, "percent-encoded", "百分号"),
        (set("{'From_Account': 'alice'}"), 60003, "json.dumps()", "单引号"),
        (
            set("{\"From_Account\":\"alice\",\"Prof"),
            60003,
            "it ends after 29 bytes, inside a string; it was cut, or Content-Length is too small",
            "在第 29 个字节处结束，位于字符串中；可能被截断，或 Content-Length 过小",
        ),
        (bytes(b"{\"a\":\"\xe7\x88"), 60003, "inside a character; it was cut", "位于一个字符中"),
        (set("{\"a\":[1,"), 60003, "inside the JSON; it was cut", "位于 JSON 中"),
        (set("{\"From_Account\":\"alice\",}"), 60003, "comma stands before a closing bracket", "多了逗号"),
        (set("{}{}"), 60003, "there is more after the JSON", "还有其他内容"),
        (set("{\"From_Account\":\"a\nb\"}"), 60003, "escape it as \\n (line 1, column 18)", "控制字符"),
        (set("{From_Account:\"alice\"}"), 60003, "name is not in double quotes", "双引号"),
        (set("{\"a\":1 \"b\":2}"), 60003, "a comma or a closing bracket is missing", "缺少逗号"),
        (set("{\"a\":None}"), 60003, "null, true and false in small letters", "须小写"),
        (set("{\"a\":007}"), 60003, "no leading zero", "不能以 0"),
        (set("{\"a\":\"\\x41\"}"), 60003, "an escape that JSON does not know", "转义"),
    ])
}

#[derive(Deserialize)]
struct Table {
    mistakes: Vec<Row>,
}

/// A body that is JSON, and what is said about it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    #[serde(default = "portrait_set")]
    call: String,
    body: String,
    code: u64,
    en: String,
    zh: String,
}

fn portrait_set() -> String {
    "portrait_set".into()
}

/// The rows of `conformance/mistakes/`.
fn table(name: &str) -> Vec<Mistake> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/mistakes").join(name);
    let table: Table = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mistake = |row: Row| {
        let body = row.body.replace("$X501", &"x".repeat(501));
        (Sent::Body(row.call, body.into_bytes()), row.code, row.en, row.zh)
    };
    table.mistakes.into_iter().map(mistake).collect()
}

/// UserSigs that are refused.
fn signatures() -> Vec<Mistake> {
    let sign = |key: &str| {
        Sign { key, sdkappid: APP, identifier: "administrator", time: now(), expire: 600 }.usersig()
    };
    let base = Sign { key: KEY, sdkappid: APP, identifier: "administrator", time: now(), expire: 600 };
    let good = sign(KEY);
    let line_ended = format!("{KEY}\n");
    owned([
        (Sent::Sig(sign(&line_ended)), 70009, "signed with the key and a line end", "末尾多了换行"),
        (Sent::Sig(sign(&format!("\"{KEY}\""))), 70009, "quotation marks", "引号"),
        (Sent::Sig(sign(&KEY.to_uppercase())), 70009, "in upper case", "转成了大写"),
        (Sent::Sig(sign(&KEY[..32])), 70009, "first 32 characters of the key", "前 32 个字符"),
        (Sent::Sig(sign("undefined")), 70009, "the text \"undefined\" as the key", "没有设置"),
        (Sent::Sig(sign("1400000000")), 70009, "the SDKAppID as the key", "密钥是 SDKAppID"),
        (Sent::Sig(sign(&"f".repeat(64))), 70009, "a key that no app here has", "不属于此处的任何应用"),
        (Sent::Sig(good[..good.len() - 20].to_owned()), 70003, "was cut short", "被截断"),
        (Sent::Sig("${USERSIG}".into()), 70003, "placeholder", "占位符"),
        (Sent::Sig(KEY.into()), 70003, "a secret key itself", "密钥本身"),
        (
            Sent::Sig("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl".into()),
            70003,
            "JSON Web Token",
            "JWT",
        ),
        (Sent::Sig(encode(&encode(&good))), 70003, "percent-encoded once more", "多做了一次百分号编码"),
        (
            Sent::Sig(Sign { identifier: "alice", ..base }.usersig()),
            70013,
            "made for \"alice\", and the URL has identifier=\"administrator\"",
            "为 \"alice\" 生成",
        ),
        (
            Sent::Sig(Sign { sdkappid: 7, ..base }.usersig()),
            70014,
            "made for SDKAppID 7",
            "为 SDKAppID 7 生成",
        ),
        (
            Sent::Sig(Sign { time: now() - 7200, ..base }.usersig()),
            70001,
            "by this server's clock",
            "本服务器时钟",
        ),
    ])
}

/// Slips in a query.
fn queries() -> Vec<Mistake> {
    let query = |text: &str| {
        Sent::Target(format!("/v4/profile/portrait_set?{}", text.replace("$APP", &APP.to_string())))
    };
    let path = |text: &str| Sent::Target(format!("/v4/profile/portrait_set{text}"));
    owned([
        (
            query("sdkAppId=$APP&identifier=a&usersig=b"),
            60012,
            "sdkappid is missing: found `sdkAppId`, but the parameter is `sdkappid`; names are case-sensitive",
            "URL 中是 `sdkAppId`，参数名应为 `sdkappid`，参数名区分大小写",
        ),
        (query("sdkappID=$APP&identifier=a&usersig=b"), 60012, "found `sdkappID`", "`sdkappID`，参数名应为"),
        (
            query("SDKAppID=$APP&userID=a&userSig=b"),
            60012,
            "found `SDKAppID`, but the parameter is",
            "`SDKAppID`",
        ),
        (query("sdkappid=$APP&Identifier=a&usersig=b"), 60025, "found `Identifier`", "应为 `identifier`"),
        (
            query("sdkappid=$APP&userID=a&usersig=b"),
            60025,
            "found `userID`, but the parameter is `identifier`",
            "URL 中是 `userID`，参数名应为 `identifier`",
        ),
        (query("sdkappid=$APP&identifier=a&userSig=b"), 60025, "found `userSig`", "应为 `usersig`"),
        (
            query("sdkappid=$APP&identifier=a&usrsig=b"),
            60025,
            "usersig is missing or empty: found `usrsig`, but the parameter is `usersig`",
            "URL 中是 `usrsig`，参数名应为 `usersig`",
        ),
        (
            query("sdkappid=$APP&amp;identifier=a&amp;usersig=b"),
            60025,
            "write & in place of &amp; between parameters",
            "HTML 转义，参数之间应为 & 而不是 &amp;",
        ),
        (
            query("sdkappid=$APP,identifier=a,usersig=b"),
            60025,
            "not a number: `,` stands between parameters; write & in its place",
            "参数之间是 `,`，应为 &",
        ),
        (query("sdkappid=$APP;identifier=a;usersig=b"), 60025, "`;` stands between", "参数之间是 `;`"),
        (query("sdkappid=$APP?identifier=a?usersig=b"), 60025, "`?` stands between", "参数之间是 `?`"),
        (query("sdkappid=$APP&identifier=a?usersig=b"), 60025, "`?` stands between", "参数之间是 `?`"),
        (
            query("sdkappid=$APP%26identifier=a%26usersig=b"),
            60025,
            "%26 stands between parameters in place of &",
            "参数之间是 %26 而不是 &",
        ),
        (
            path(&format!("&sdkappid=1&identifier=a&usersig={}", "eJw".repeat(100))),
            60009,
            "did you mean /v4/profile/portrait_set? The query starts with ? and not with &",
            "您是否想写 /v4/profile/portrait_set？查询参数应以 ? 开头，而不是 &",
        ),
        (
            path("%3Fsdkappid=1&identifier=a&usersig=b"),
            60009,
            "The ? before the query was percent-encoded (%3F)",
            "查询参数前的 ? 被做了百分号编码",
        ),
    ])
}

/// URLs and methods.
fn urls() -> Vec<Mistake> {
    let target = |text: &str| Sent::Target(text.to_owned());
    let set = "/v4/profile/portrait_set";
    owned([
        (
            target("/v4/profile/portrait_sett"),
            60009,
            "did you mean /v4/profile/portrait_set?",
            "您是否想写 /v4/profile/portrait_set",
        ),
        (target("/v4/profile/Portrait_Set"), 60009, "Paths are case-sensitive", "区分大小写"),
        (target("/v4/profile/portrait_set/"), 60009, "a / too many", "多了一个 /"),
        (target("/v3/profile/portrait_set"), 60009, "It is /v4/<servicename>/<command>", "路径的格式"),
        (target("/v4/openim/portrait_set"), 60009, "belongs to that service", "属于此 servicename"),
        (target("/v4/openim/sendmsg"), 60009, "is a command of the cloud", "是云端的接口"),
        (target("/v4/openim/send_msg"), 60009, "did you mean /v4/openim/sendmsg?", "/v4/openim/sendmsg"),
        (target(set), 60012, "sdkappid is missing", "sdkappid"),
        (target(&format!("{set}?sdkappid=abc")), 60025, "sdkappid is not a number", "不是数字"),
        (
            target(&format!("{set}?sdkappid={APP}&usersig=a")),
            60025,
            "identifier is missing",
            "identifier 缺失",
        ),
        (target(&format!("{set}?sdkappid={APP}&identifier=a")), 60025, "usersig is missing", "usersig 缺失"),
        (
            target(&format!("{set}?sdkappid={APP}&identifier=a&usersig=b&contenttype=xml")),
            60025,
            "contenttype=json",
            "contenttype",
        ),
        (target(&format!("{set}?sdkappid=5&identifier=a&usersig=b")), 70020, "", ""),
        (
            Sent::Raw(format!("GET {set} HTTP/1.1\r\nHost: localhost\r\n\r\n")),
            60002,
            "the method is GET; use POST",
            "请求方法为 GET",
        ),
        (
            Sent::Raw(format!("PUT {set} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{{}}")),
            60002,
            "the method is PUT",
            "PUT",
        ),
        // As long as a stranger likes: what is said of it is cut.
        (
            Sent::Raw(format!("{} {set} HTTP/1.1\r\nHost: localhost\r\n\r\n", "M".repeat(300))),
            60002,
            "the method is MMMMMMMMMMMMMMMMMMMM; use POST",
            "请求方法为 MMMMMMMMMMMMMMMMMMMM，",
        ),
    ])
}

fn request(server: &TestServer, sent: &Sent) -> Vec<u8> {
    let app = server.dev_app();
    match sent {
        Sent::Body(command, bytes) => {
            let head = format!(
                "POST {}?{} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
                path_of(command),
                app.query("administrator"),
                bytes.len()
            );
            [head.as_bytes(), bytes].concat()
        }
        Sent::Sig(usersig) => {
            let query = format!("sdkappid={APP}&identifier=administrator&usersig={}", encode(usersig));
            post(&format!("{}?{query}", path_of("account_check")), "{}")
        }
        Sent::Target(target) => post(target, "{}"),
        Sent::Raw(text) => text.clone().into_bytes(),
    }
}

#[test]
fn every_mistake_is_named_in_both_languages() {
    let servers = [TestServer::dev(), TestServer::dev_with(&["--language", "zh"])];
    let mistakes: Vec<Mistake> =
        [not_json(), table("shapes.toml"), table("fields.toml"), signatures(), queries(), urls()]
            .into_iter()
            .flatten()
            .collect();
    let mut wrong = Vec::new();
    for (sent, code, english, chinese) in &mistakes {
        for (server, words) in servers.iter().zip([english, chinese]) {
            let request = request(server, sent);
            let answer = server.connect().exchange(&request).unwrap();
            let display = answer.json()["ErrorDisplay"].as_str().unwrap_or_default().to_owned();
            let header = percent_decoded(answer.header("x-error-detail").unwrap_or_default());
            let shown = String::from_utf8_lossy(&request).lines().last().unwrap_or_default().to_owned();
            if answer.code() != *code || !display.contains(words.as_str()) {
                wrong.push(format!("{shown}\n  {code} {words}\n  {} {display}", answer.code()));
            }
            assert!(!header.is_empty() && display.starts_with(&header), "{display}\n{header}");
            assert!(!words.is_empty() || *code == 70020, "{code} has no words");
            for parsers in ["expected ", "invalid type", "EOF while", "0 items", "0 entries"] {
                assert!(!display.contains(parsers), "a parser's words: {display}");
            }
            assert!(!display.contains(KEY), "{display}");
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), mistakes.len(), wrong.join("\n"));
    assert!(mistakes.len() >= 80, "{}", mistakes.len());
}

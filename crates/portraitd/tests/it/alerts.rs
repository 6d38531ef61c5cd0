//! The alerts of `packaging/prometheus/rules.yml`, by Prometheus' own tools: each fires on what it is for, none on an idle, healthy
//! service, and the right ones on a broken one, whose real pages are scraped.

use crate::harness::{TestServer, post};
use crate::metrics_listen::{ask, start};
use crate::receiver::Receiver;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

const SET: &str = r#"{"From_Account":"alice","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"x"}]}"#;

fn rules() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/prometheus").canonicalize().unwrap()
}

/// The names of all alerts.
fn names() -> BTreeSet<String> {
    let text = std::fs::read_to_string(rules().join("rules.yml")).unwrap();
    text.lines().filter_map(|line| line.trim().strip_prefix("- alert: ").map(str::to_owned)).collect()
}

/// Exit code 0, and what it said.
fn promtool(arguments: &[&str], file: &Path) -> (bool, String) {
    let output = Command::new("promtool").args(arguments).arg(file).output();
    let output = output.unwrap_or_else(|error| panic!("promtool (Debian's prometheus): {error}"));
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.success(), said)
}

#[test]
fn each_rule_fires_on_what_it_is_for() {
    let (is_fine, said) = promtool(&["check", "rules"], &rules().join("rules.yml"));
    assert!(is_fine, "{said}");
    let cases = rules().join("rules-test.yml");
    let (is_fine, said) = promtool(&["test", "rules"], &cases);
    assert!(is_fine, "{said}");
    let cases = std::fs::read_to_string(cases).unwrap();
    for name in names() {
        assert!(cases.contains(&format!("alertname=\"{name}\"")), "no case for {name}");
    }
    // The tool does look.
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(rules().join("rules.yml")).unwrap();
    std::fs::write(
        folder.path().join("rules.yml"),
        text.replace("wrong_tokens_total[10m]) > 30", "wrong_tokens_total[10m]) > 300"),
    )
    .unwrap();
    std::fs::write(folder.path().join("rules-test.yml"), &cases).unwrap();
    let (is_fine, said) = promtool(&["test", "rules"], &folder.path().join("rules-test.yml"));
    assert!(!is_fine && said.contains("PortraitdWrongAdminTokens"), "{said}");
}

/// The samples of a page by their names with labels.
fn samples(page: &str) -> BTreeMap<String, String> {
    let samples = page.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
    samples.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Which alerts fire when Prometheus scrapes these pages, one a minute, and the last one for `rest` further minutes.
fn firing(pages: &[String], rest: usize) -> BTreeSet<String> {
    let pages: Vec<_> = pages.iter().map(|page| samples(page)).collect();
    let series: BTreeSet<_> = pages.iter().flat_map(BTreeMap::keys).collect();
    let labels = "job=\"portraitd\",instance=\"one\"";
    let mut inputs = format!("      - {{series: 'up{{{labels}}}', values: '1x{}'}}\n", pages.len() + rest);
    for name in series {
        let named = match name.strip_suffix('}').and_then(|name| name.split_once('{')) {
            Some((name, own)) => format!("{name}{{{own},{labels}}}"),
            None => format!("{name}{{{labels}}}"),
        };
        let value = |page: &BTreeMap<String, String>| page.get(name).cloned().unwrap_or_else(|| "_".into());
        let values: Vec<_> = pages.iter().map(value).collect();
        let last = pages.last().map(value).unwrap();
        let values = values.join(" ");
        writeln!(inputs, "      - {{series: '{named}', values: '{values} {last}x{rest}'}}").unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let is_fired = |name: &str| format!("          - {{labels: '{{alertname=\"{name}\"}}', value: 1}}\n");
    let at = pages.len() + rest;
    // promtool says what there is when it is not what was expected; here nothing ever is.
    let expected = is_fired("None");
    let text = format!(
        "rule_files: [{}/rules.yml]\nevaluation_interval: 1m\ntests:\n  - interval: 1m\n    input_series:\n{inputs}    promql_expr_test:\n      \
         - expr: count by (alertname) (ALERTS{{alertstate=\"firing\"}}) or label_replace(vector(1), \"alertname\", \"Nothing\", \"\", \"\")\n        \
         eval_time: {at}m\n        exp_samples:\n{expected}",
        rules().display()
    );
    let file = folder.path().join("test.yml");
    std::fs::write(&file, text).unwrap();
    let (is_fine, said) = promtool(&["test", "rules"], &file);
    assert!(!is_fine, "{said}");
    let (_, found) = said.split_once("got:").unwrap_or_else(|| panic!("{said}"));
    let mut names: BTreeSet<_> =
        found.split("alertname=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect();
    assert!(names.remove("Nothing"), "{said}");
    names
}

fn page(address: &str) -> String {
    let answer = ask(address, "GET /metrics", "");
    assert_eq!(answer.status, 200);
    answer.body
}

#[test]
fn nothing_fires_on_an_idle_healthy_service() {
    let folder = tempfile::tempdir().unwrap();
    let (server, address) = start(&folder, "[webhook]\nallow_networks = [\"127.0.0.0/8\"]\n");
    // An app, an account, some calls, an idle webhook: and then nothing happens for hours.
    let app = server.app();
    app.import("alice");
    let receiver = Receiver::polite();
    app.put("/webhook", &json!({"url": receiver.url()}).to_string());
    assert_eq!(app.code("portrait_set", SET), 0);
    receiver.wait_for(1);
    let pages: Vec<_> = (0..5).map(|_| page(&address)).collect();
    assert_eq!(firing(&pages, 600), BTreeSet::new());
}

#[test]
fn the_right_ones_fire_on_a_broken_service() {
    let folder = tempfile::tempdir().unwrap();
    let (server, address) = start(&folder, "");
    let app = server.app();
    app.import("alice");
    let mut pages = vec![page(&address)];
    // Its database is replaced under it, and half of the UserSigs are wrong.
    let data = folder.path().join("data");
    std::fs::rename(data.join("portraitd.db"), data.join("moved.db")).unwrap();
    std::fs::copy(data.join("moved.db"), data.join("portraitd.db")).unwrap();
    for _ in 0..20 {
        assert_eq!(app.code("portrait_set", SET), 40006);
        let forged =
            format!("/v4/profile/portrait_set?sdkappid={}&identifier=administrator&usersig=x", app.id);
        assert_ne!(server.connect().exchange(&post(&forged, SET)).unwrap().code(), 0);
        pages.push(page(&address));
    }
    let expected =
        ["PortraitdCallsFail", "PortraitdCommitsFail", "PortraitdFilesChanged", "PortraitdUserSigsRefused"];
    assert_eq!(firing(&pages, 0), expected.map(str::to_owned).into(), "{}", pages.last().unwrap());
}

/// A Prometheus of the test's own, stopped when dropped.
struct Prometheus {
    child: Child,
    address: String,
    _data: Arc<tempfile::TempDir>,
}

impl Prometheus {
    /// Scrapes each second, with the rules as they are.
    fn start(scraped: &str) -> Self {
        let data = Arc::new(tempfile::tempdir().unwrap());
        let (config, rules) = (data.path().join("prometheus.yml"), rules().display().to_string());
        let text = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [{rules}/rules.yml]\nscrape_configs:\n  - job_name: \
             portraitd\n    static_configs: [{{targets: ['{scraped}']}}]\n"
        );
        std::fs::write(&config, text).unwrap();
        loop {
            let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let mut command = Command::new("prometheus");
            command.arg(format!("--config.file={}", config.display()));
            command.arg(format!("--storage.tsdb.path={}", data.path().join("tsdb").display()));
            command.arg(format!("--web.listen-address={free}"));
            let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
            let child = child.unwrap_or_else(|error| panic!("Debian's prometheus: {error}"));
            let mut started = Self { child, address: free.to_string(), _data: Arc::clone(&data) };
            // When another process took the port in between, this one ends, and another port is tried.
            while started.child.try_wait().unwrap().is_none() {
                if started.ask("/-/ready").is_some_and(|(status, _)| status == 200) {
                    return started;
                }
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
        }
    }

    fn ask(&self, path: &str) -> Option<(u16, String)> {
        let url = format!("http://{}{path}", self.address);
        let output = Command::new("curl").args(["-s", "-w", "\n%{http_code}", &url]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (body, status) = text.rsplit_once('\n')?;
        Some((status.parse().ok()?, body.to_owned()))
    }

    fn query(&self, expression: &str) -> Vec<Value> {
        let query = crate::harness::encode(expression);
        let (_, body) = self.ask(&format!("/api/v1/query?query={query}")).unwrap();
        let answer: Value = serde_json::from_str(&body).unwrap();
        answer["data"]["result"].as_array().unwrap_or_else(|| panic!("{body}")).clone()
    }

    /// Asks until there is an answer that fits.
    fn wait(&self, expression: &str, fits: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        loop {
            let found = self.query(expression);
            if fits(&found) {
                return found;
            }
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_prometheus_scrapes_and_alerts() {
    let folder = tempfile::tempdir().unwrap();
    let (server, address) = start(&folder, "");
    server.app().import("alice");
    let prometheus = Prometheus::start(&address);
    // Twenty scrapes of an idle service: all are read, and no alert is even pending.
    let scraped = "count_over_time(up{job=\"portraitd\"}[10m]) >= 20";
    prometheus.wait(scraped, |found| !found.is_empty());
    assert_eq!(prometheus.query("min_over_time(up{job=\"portraitd\"}[10m])")[0]["value"][1], "1");
    assert_eq!(prometheus.query("ALERTS"), Vec::<Value>::new());
    assert_eq!(prometheus.query("max_over_time(ALERTS{alertstate=\"firing\"}[10m])"), Vec::<Value>::new());
    let families = prometheus.query("count({__name__=~\"portraitd_.*|process_.*\"})");
    assert!(families[0]["value"][1].as_str().unwrap().parse::<u32>().unwrap() > 100, "{families:?}");
    let data = folder.path().join("data");
    std::fs::rename(data.join("portraitd.journal-0"), data.join("moved")).unwrap();
    let fired = prometheus.wait("ALERTS{alertstate=\"firing\"}", |found| !found.is_empty());
    assert_eq!(fired.len(), 1, "{fired:?}");
    assert_eq!(fired[0]["metric"]["alertname"], "PortraitdFilesChanged");
    assert_eq!(fired[0]["metric"]["severity"], "critical");
    assert_eq!(fired[0]["metric"]["instance"], address);
    drop::<TestServer>(server);
    // Two minutes must pass before it fires.
    let down = prometheus.wait("ALERTS{alertname=\"PortraitdDown\"}", |found| !found.is_empty());
    assert_eq!(down[0]["metric"]["alertstate"], "pending");
}

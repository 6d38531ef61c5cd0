//! `portraitd app apply`: brings apps to the settings of a file, with the calls of the admin API that are needed.
//!
//! What can't be compared is not guessed: a key counts as there when its last characters are, and a webhook's token is set again.

use crate::cli::admin::client::{Operator, segment};
use crate::cli::language::chosen::localized;
use crate::cli::new_secret::say_secret;
use crate::cli::output::{count, foreign, note, say};
use anyhow::Context;
use hyper::Method;
use portraitd_admin::types::check::{ChangeToCheck, ChangesToCheck, CheckedChanges, RefusedChange};
use portraitd_admin::types::webhook::WebhookView;
use portraitd_admin::types::{AppView, FieldDefinition, FieldView, NewApp, NewKey};
use portraitd_emulator::seed::app::SeedApp;
use portraitd_emulator::seed::{self, SeedFormat};
use portraitd_model::{AppKey, AppSettings, SdkAppId, WebhookToken, Words};
use serde_json::{Map, Value, json};
use std::path::Path;

/// The settings that one call changes. The others have calls of their own.
const PATCHED: [&str; 13] = [
    "name",
    "enabled",
    "self_service",
    "error_detail",
    "allow_ips",
    "location_bytes_max",
    "custom_fields_max",
    "limits",
    "screened_tags",
    "sensitive_code",
    "echo_unknown",
    "deletion_forbidden",
    "reimport_after",
];

/// One call, and what it changes.
struct Step {
    line: String,
    method: Method,
    path: String,
    body: Vec<u8>,
}

impl Step {
    fn new(line: String, method: Method, path: String, body: &impl serde::Serialize) -> anyhow::Result<Self> {
        Ok(Self { line, method, path, body: serde_json::to_vec(body)? })
    }

    fn without_body(line: String, method: Method, path: String) -> Self {
        Self { line, method, path, body: Vec::new() }
    }
}

/// What an app has now.
struct Current {
    view: AppView,
    words: Words,
    webhook: Option<String>,
    is_signed: bool,
}

impl Current {
    async fn read(operator: &Operator, app: AppView) -> anyhow::Result<Self> {
        let path = format!("/apps/{}", app.sdkappid);
        let words = operator.bytes(Method::GET, &format!("{path}/words"), Vec::new()).await?;
        let words = Words::from_lines(&String::from_utf8(words)?);
        let webhook: WebhookView = operator.get(&format!("{path}/webhook")).await?;
        Ok(Self { view: app, words, webhook: webhook.url, is_signed: webhook.signed })
    }

    /// A new app, with one key.
    fn new(id: SdkAppId, key: Option<&AppKey>) -> Self {
        let mut settings = AppSettings::new(id);
        if let Some(key) = key {
            settings.add_key(key.clone(), None);
        }
        Self { view: AppView::from(&settings), words: Words::default(), webhook: None, is_signed: false }
    }
}

/// An app of the file, with the calls that bring it there.
struct Plan<'a> {
    app: &'a SeedApp,
    current: Current,
    /// Whether it is created.
    is_new: bool,
    steps: Vec<Step>,
}

/// Shows what differs from the file, and changes it, unless it is a dry run. Nothing is changed when the server would refuse a
/// part of it.
pub(super) async fn apply(operator: &Operator, file: &Path, dry_run: bool) -> anyhow::Result<()> {
    anyhow::ensure!(
        matches!(SeedFormat::from_path(file), Ok(SeedFormat::Document)),
        localized!(
            "{}: settings are in a .toml file, as `portraitd dev --export-on-exit` writes it",
            "{}：设置应位于 .toml 文件中，格式与 `portraitd dev --export-on-exit` 写出的相同",
            file.display()
        )
    );
    // The app that a file without apps would belong to does not matter here.
    let wanted = seed::read(file, &AppSettings::new(SdkAppId(1)))?;
    let plans = plans(operator, &wanted).await?;
    let checked = check(operator, &plans).await;
    for plan in &plans {
        if dry_run {
            plan.steps.iter().for_each(|step| say(line_of(plan.app, step)));
        } else if checked.is_ok() {
            make(operator, plan).await?;
        }
        if dry_run || checked.is_ok() {
            tell_what_stays(operator, plan.app, &plan.current);
        }
    }
    checked?;
    let changes: u64 = plans.iter().map(|plan| plan.steps.len() as u64).sum();
    let counted = count(changes, "change");
    say(match (changes, dry_run) {
        (0, _) => localized!("nothing to change", "无需变更"),
        (_, true) => localized!(
            "{counted} to make, which the server accepts; none was made",
            "共 {changes} 项变更，服务均可接受；未作任何更改"
        ),
        (_, false) => localized!("{counted} made", "已完成 {changes} 项变更"),
    });
    Ok(())
}

fn line_of(app: &SeedApp, Step { line, .. }: &Step) -> String {
    let id = app.settings.id;
    localized!("app {id}: {line}", "应用 {id}：{line}")
}

async fn plans<'a>(operator: &Operator, wanted: &'a [SeedApp]) -> anyhow::Result<Vec<Plan<'a>>> {
    let mut existing: Vec<AppView> = operator.get("/apps").await?;
    let mut plans = Vec::new();
    for app in wanted {
        let place = existing.iter().position(|known| known.sdkappid == app.settings.id.0);
        let (current, first) = match place {
            Some(place) => (Current::read(operator, existing.swap_remove(place)).await?, None),
            None => created(app)?,
        };
        let mut steps: Vec<Step> = first.into_iter().collect();
        steps.extend(plan(app, &current)?);
        plans.push(Plan { app, current, is_new: place.is_none(), steps });
    }
    Ok(plans)
}

/// Fails with the first change that the server would refuse: it checks what this program can't know, such as the networks of
/// webhooks and the values of a field.
async fn check(operator: &Operator, plans: &[Plan<'_>]) -> anyhow::Result<()> {
    let all = || plans.iter().flat_map(|plan| plan.steps.iter().map(move |step| (plan.app, step)));
    let changes = all().map(|(_, Step { method, path, body, .. })| {
        let body = String::from_utf8(body.clone())?;
        Ok(ChangeToCheck { method: method.to_string(), path: path.clone(), body })
    });
    let changes = ChangesToCheck { changes: changes.collect::<anyhow::Result<_>>()? };
    if changes.changes.is_empty() {
        return Ok(());
    }
    let checked: CheckedChanges = operator.json(Method::POST, "/check-changes", &changes).await?;
    let Some(RefusedChange { change, error, .. }) = checked.refused else { return Ok(()) };
    let line = all().nth(change.saturating_sub(1)).map(|(app, step)| line_of(app, step));
    let (line, error) = (line.unwrap_or_default(), foreign(&error));
    anyhow::bail!(localized!(
        "{line}: the server would refuse it: {error}. Nothing was changed",
        "{line}：服务会拒绝此变更：{error}。未作任何更改"
    ))
}

/// Makes the changes of one app. The key of a new one is shown as soon as there is one.
async fn make(operator: &Operator, plan: &Plan<'_>) -> anyhow::Result<()> {
    let (app, id) = (plan.app, plan.app.settings.id);
    let mut new_key = app.settings.keys.first().filter(|_| plan.is_new && !app.has_own_keys);
    for step in &plan.steps {
        say(line_of(app, step));
        let done = operator.bytes(step.method.clone(), &step.path, step.body.clone()).await;
        done.with_context(|| {
            let line = line_of(app, step);
            localized!("{line} failed", "{line} 失败")
        })?;
        if let Some(record) = new_key.take() {
            say_secret(localized!("the key of the new app {id}", "新应用 {id} 的密钥"), record.key.expose());
        }
    }
    Ok(())
}

/// The call that creates an app. Its other settings follow.
fn created(app: &SeedApp) -> anyhow::Result<(Current, Option<Step>)> {
    let id = app.settings.id;
    let key = app.settings.keys.first().map(|record| &record.key);
    let new = NewApp { sdkappid: id.0, name: None, key: key.map(|key| key.expose().to_owned()) };
    let step = Step::new(localized!("+ created", "+ 新建"), Method::POST, "/apps".into(), &new)?;
    Ok((Current::new(id, key), Some(step)))
}

fn plan(app: &SeedApp, current: &Current) -> anyhow::Result<Vec<Step>> {
    let settings = &app.settings;
    let (path, wanted) = (format!("/apps/{}", settings.id), AppView::from(settings));
    let (mut steps, now) = (Vec::new(), &current.view);
    // Room for fields comes before them.
    if wanted.custom_fields_max > now.custom_fields_max {
        let body = json!({ "custom_fields_max": wanted.custom_fields_max });
        steps.push(Step::new(
            localized!("room for fields", "扩充字段数量"),
            Method::PATCH,
            path.clone(),
            &body,
        )?);
    }
    steps.extend(fields(&path, &wanted, now)?);
    let (old, new) = (members(now)?, members(&wanted)?);
    let (mut lines, mut patch) = (Vec::new(), Map::new());
    for name in PATCHED {
        let (old, new) = (old.get(name).unwrap_or(&Value::Null), new.get(name).unwrap_or(&Value::Null));
        if old != new {
            lines.push(changed(name, old, new));
            patch.insert(name.to_owned(), differing(old, new));
        }
    }
    if !patch.is_empty() {
        steps.push(Step::new(lines.join(", "), Method::PATCH, path.clone(), &patch)?);
    }
    for admin in wanted.admins.iter().filter(|admin| !now.admins.contains(admin)) {
        let admin_path = format!("{path}/admins/{}", segment(admin));
        steps.push(Step::without_body(
            localized!("+ admin {admin}", "+ 管理员 {admin}"),
            Method::PUT,
            admin_path,
        ));
    }
    for admin in now.admins.iter().filter(|admin| !wanted.admins.contains(admin)) {
        let admin_path = format!("{path}/admins/{}", segment(admin));
        steps.push(Step::without_body(
            localized!("- admin {admin}", "- 管理员 {admin}"),
            Method::DELETE,
            admin_path,
        ));
    }
    for record in settings.keys.iter().filter(|_| app.has_own_keys) {
        if !now.keys.iter().any(|known| known.last4 == record.key.last4()) {
            let new = NewKey { key: Some(record.key.expose().to_owned()) };
            let line = localized!("+ key …{}", "+ 密钥 …{}", record.key.last4());
            steps.push(Step::new(line, Method::POST, format!("{path}/keys"), &new)?);
        }
    }
    if settings.words != current.words {
        let line =
            localized!("words: {} -> {}", "敏感词：{} -> {}", current.words.len(), settings.words.len());
        let text = settings.words.lines().to_owned();
        let words_path = format!("{path}/words");
        steps.push(Step { line, method: Method::PUT, path: words_path, body: text.into_bytes() });
    }
    steps.extend(webhook(&path, settings, current)?);
    Ok(steps)
}

/// Fields that are not in the file are retired, before others take their places.
fn fields(path: &str, wanted: &AppView, now: &AppView) -> anyhow::Result<Vec<Step>> {
    let of = |view: &AppView, keyword: &str| -> Option<Value> {
        let field = view.fields.iter().find(|field| field.keyword == keyword)?;
        serde_json::to_value(field).ok()
    };
    let at = |field: &FieldView| format!("{path}/fields/{}", segment(&field.keyword));
    let mut steps = Vec::new();
    let retire = |field: &FieldView| {
        Step::without_body(localized!("- field {}", "- 字段 {}", field.keyword), Method::DELETE, at(field))
    };
    let is_wanted = |field: &FieldView| {
        wanted.fields.iter().any(|other| other.keyword == field.keyword && !other.retired)
    };
    steps.extend(now.fields.iter().filter(|field| !field.retired && !is_wanted(field)).map(retire));
    for field in &wanted.fields {
        let known = of(now, &field.keyword);
        if known == serde_json::to_value(field).ok() || (field.retired && known.is_some()) {
            continue;
        }
        let FieldView { keyword, value_type, read, write, .. } = field;
        let definition =
            FieldDefinition { value_type: value_type.clone(), read: read.clone(), write: write.clone() };
        let sign = if known.is_some() { "~" } else { "+" };
        let line = localized!(
            "{sign} field {keyword} {value_type}, read by {}, written by {}",
            "{sign} 字段 {keyword} {value_type}，可读：{}，可写：{}",
            read.join(" "),
            write.join(" ")
        );
        steps.push(Step::new(line, Method::PUT, at(field), &definition)?);
        if field.retired {
            steps.push(retire(field));
        }
    }
    Ok(steps)
}

fn webhook(path: &str, settings: &AppSettings, current: &Current) -> anyhow::Result<Option<Step>> {
    let path = format!("{path}/webhook");
    let Some(wanted) = &settings.webhook else {
        let remove = |url: &String| {
            Step::without_body(localized!("- webhook {url}", "- 回调 {url}"), Method::DELETE, path)
        };
        return Ok(current.webhook.as_ref().map(remove));
    };
    let (url, token) = (wanted.url.to_string(), wanted.token.as_ref().map(WebhookToken::expose));
    let body = json!({ "url": url, "token": token });
    let line = match (&current.webhook, token) {
        (None, _) => localized!("+ webhook {url}", "+ 回调 {url}"),
        (Some(known), _) if *known != url => {
            localized!("webhook: {known} -> {url}", "回调：{known} -> {url}")
        }
        (Some(_), None) if current.is_signed => localized!("webhook: no longer signed", "回调：不再签名"),
        (Some(_), None) => return Ok(None),
        (Some(_), Some(_)) => localized!(
            "webhook: its token is set again, since it can't be compared",
            "回调：重新设置令牌，因为无法比较令牌"
        ),
    };
    Step::new(line, Method::PUT, path, &body).map(Some)
}

fn members(view: &AppView) -> anyhow::Result<Map<String, Value>> {
    match serde_json::to_value(view)? {
        Value::Object(members) => Ok(members),
        _ => Ok(Map::new()),
    }
}

/// Of an object, such as the limits, the members that differ.
fn differing(old: &Value, new: &Value) -> Value {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            let differ = new.iter().filter(|(name, value)| old.get(*name) != Some(value));
            Value::Object(differ.map(|(name, value)| (name.clone(), value.clone())).collect())
        }
        _ => new.clone(),
    }
}

fn changed(name: &str, old: &Value, new: &Value) -> String {
    match (old, differing(old, new)) {
        (Value::Object(old), Value::Object(differ)) => {
            let of = |member: &String| old.get(member).unwrap_or(&Value::Null);
            let lines =
                differ.iter().map(|(member, value)| format!("{name}.{member}: {} -> {value}", of(member)));
            lines.collect::<Vec<_>>().join(", ")
        }
        _ => format!("{name}: {old} -> {new}"),
    }
}

/// What the file does not decide: keys that it does not have, and accounts.
fn tell_what_stays(operator: &Operator, app: &SeedApp, current: &Current) {
    let id = app.settings.id;
    let wanted = || app.settings.keys.iter().map(|record| record.key.last4());
    for key in current.view.keys.iter().filter(|_| app.has_own_keys) {
        if !wanted().any(|last4| last4 == key.last4) {
            let (number, revoke) = (key.id, operator.command(format_args!("app key revoke {id} {}", key.id)));
            note(localized!(
                "app {id}: key {number} (…{}) is not in the file and stays; {revoke}",
                "应用 {id}：密钥 {number}（…{}）不在文件中，予以保留；{revoke}",
                key.last4
            ));
        }
    }
    if !app.accounts.is_empty() {
        let (number, import) = (app.accounts.len(), operator.command(format_args!("import {id} FILE")));
        note(localized!(
            "app {id}: the accounts of the file ({number}) are left alone; to import accounts: {import}",
            "应用 {id}：文件中的 {number} 个账号不作处理；导入账号：{import}"
        ));
    }
}

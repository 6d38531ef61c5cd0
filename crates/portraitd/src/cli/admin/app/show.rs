//! What `portraitd app list`, `show` and `limits` print.

use super::key;
use crate::cli::language::chosen::{language, localized};
use crate::cli::output::{foreign, last_use, print_json, say, say_member, say_row};
use portraitd_admin::types::{AppView, UsageView};
use serde::Serialize;
use std::collections::BTreeMap;

pub(super) fn list(apps: &[AppView], json: bool) -> anyhow::Result<()> {
    if json {
        return print_json(apps);
    }
    let pick = |english, chinese| language().pick(english, chinese);
    let (state, keys) = (pick("STATE", "状态"), pick("KEYS", "密钥"));
    let (fields, words) = (pick("FIELDS", "字段"), pick("WORDS", "敏感词"));
    say_row([("SDKAPPID", 12), (state, 9), (keys, 12), (fields, 6), (words, 6)], pick("NAME", "名称"));
    for app in apps {
        let state = if app.enabled { pick("enabled", "启用") } else { pick("disabled", "停用") };
        let keys: Vec<_> = app.keys.iter().map(|key| format!("…{}", key.last4)).collect();
        let fields = app.fields.iter().filter(|field| !field.retired).count().to_string();
        let (id, keys, words) = (app.sdkappid.to_string(), keys.join(" "), app.words.to_string());
        say_row([(&id, 12), (state, 9), (&keys, 12), (&fields, 6), (&words, 6)], &foreign(&app.name));
    }
    Ok(())
}

/// An app with its calls since the start of the server.
#[derive(Serialize)]
struct AppWithUsage<'a> {
    #[serde(flatten)]
    app: &'a AppView,
    usage: Option<&'a UsageView>,
}

pub(super) fn show(app: &AppView, usage: Option<&UsageView>, json: bool) -> anyhow::Result<()> {
    if json {
        return print_json(&AppWithUsage { app, usage });
    }
    let fields: Vec<_> =
        app.fields.iter().filter(|field| !field.retired).map(|field| field.keyword.as_str()).collect();
    let limits: Vec<_> = app.limits.iter().map(|(command, rate)| format!("{command}={rate}")).collect();
    let on_or_off = |on| if on { localized!("on", "开") } else { localized!("off", "关") };
    let error_detail = app
        .error_detail
        .map_or_else(|| localized!("as configured for the server", "与服务的配置相同"), on_or_off);
    let addresses = match app.allow_ips.as_slice() {
        [] => localized!("all addresses", "任意地址"),
        list => list.join(" "),
    };
    let yes_or_no = |yes| language().pick(if yes { "true" } else { "false" }, if yes { "是" } else { "否" });
    member("SDKAppID", "SDKAppID", app.sdkappid);
    member("Name", "名称", foreign(&app.name));
    member("Enabled", "启用", yes_or_no(app.enabled));
    for key in &app.keys {
        member("Key", "密钥", key::line(key, usage));
    }
    member("Admins", "App 管理员", app.admins.join(" "));
    member("Limits (calls/s)", "频率限制（次/秒）", limits.join(" "));
    member("Self-service", "用户自助修改资料", yes_or_no(app.self_service));
    member("Error detail", "说明错误", error_detail);
    member("Calls from", "调用方地址", addresses);
    let bytes = app.location_bytes_max;
    member("Location limit", "所在地长度上限", localized!("{bytes} bytes", "{bytes} 字节"));
    let (fields, most) = (fields.join(" "), app.custom_fields_max);
    member(
        "Custom fields",
        "自定义字段",
        localized!("{fields} (at most {most})", "{fields}（最多 {most} 个）"),
    );
    let (words, tags, code) = (app.words, app.screened_tags.join(" "), app.sensitive_code);
    member(
        "Sensitive words",
        "敏感词",
        localized!("{words} on {tags} ({code})", "{words} 个，检查 {tags}（{code}）"),
    );
    let unknown = if app.echo_unknown {
        localized!("the id asked for", "所查询的 ID")
    } else {
        "@TLS#NOT_FOUND".to_owned()
    };
    member("Unknown accounts", "不存在的账号", unknown);
    let deletion = if app.deletion_forbidden {
        localized!("forbidden (71000)", "禁止（71000）")
    } else {
        localized!("allowed", "允许")
    };
    let again = match app.reimport_after {
        0 => localized!("imported again at once", "可立即重新导入"),
        seconds => {
            localized!("imported again after {seconds} s (70399)", "{seconds} 秒后可重新导入（70399）")
        }
    };
    member("Deletion", "删除账号", localized!("{deletion}; {again}", "{deletion}；{again}"));
    if let Some(usage) = usage {
        show_usage(usage);
    }
    Ok(())
}

fn member(english: &str, chinese: &str, value: impl std::fmt::Display) {
    const WIDTH: usize = 20;
    say_member(WIDTH, language().pick(english, chinese), value);
}

/// Accounts, and the calls since the server started; a stopped server has none.
fn show_usage(usage: &UsageView) {
    member("Accounts", "账号", usage.accounts);
    member("Last call", "最近调用", last_use(usage.last_call_ms, usage.since_ms));
    for (command, codes) in &usage.calls {
        let total: u64 = codes.values().sum();
        let failed = codes.iter().filter(|(code, _)| **code != 0);
        let failed: Vec<_> = failed.map(|(code, count)| format!("{code}: {count}")).collect();
        let failed = if failed.is_empty() { String::new() } else { format!(" ({})", failed.join(", ")) };
        member("Calls", "调用", format_args!("{command} {total}{failed}"));
    }
}

pub(super) fn show_limits(limits: &BTreeMap<String, u32>, json: bool) -> anyhow::Result<()> {
    if json {
        return print_json(limits);
    }
    for (command, rate) in limits {
        let rate = if *rate == 0 { localized!("no limit", "不限") } else { format!("{rate}/s") };
        say(format_args!("{command:<20} {rate}"));
    }
    Ok(())
}

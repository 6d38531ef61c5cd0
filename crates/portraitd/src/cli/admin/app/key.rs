//! `portraitd app key`: an app's keys.

use crate::cli::admin::client::Operator;
use crate::cli::language::chosen::{language, localized};
use crate::cli::new_secret::say_secret;
use crate::cli::output::{last_use, print_json, say, say_row, when};
use crate::cli::sdk_app_id::sdk_app_id;
use crate::cli::secret_argument;
use clap::Subcommand;
use hyper::Method;
use portraitd_admin::types::{AppView, CreatedKey, KeyView, NewKey, UsageView};
use serde::Serialize;

#[derive(Debug, Subcommand)]
pub(super) enum KeyAction {
    /// List the keys with their numbers, the last four characters of each, and when it was used last
    List {
        #[arg(value_parser = sdk_app_id)]
        sdkappid: u32,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Add a key; it is shown once
    Add {
        #[arg(value_parser = sdk_app_id)]
        sdkappid: u32,
        /// The secret key, at least 16 bytes; random by default; @FILE reads it from a file, - from standard input
        #[arg(long, env = "PORTRAITD_KEY", hide_env_values = true, allow_hyphen_values = true, value_parser = secret_argument::key)]
        key: Option<String>,
    },
    /// Revoke a key by its number (see `app key list`); UserSigs made with it stop working at once
    Revoke {
        #[arg(value_parser = sdk_app_id)]
        sdkappid: u32,
        key_id: u32,
        /// Also when it is the app's only key, without which every call is refused
        #[arg(long)]
        last: bool,
    },
}

pub(super) async fn execute(operator: &Operator, action: KeyAction) -> anyhow::Result<()> {
    match action {
        KeyAction::List { sdkappid, json } => {
            let app: AppView = operator.get(&format!("/apps/{sdkappid}")).await?;
            let usage: UsageView = operator.get(&format!("/apps/{sdkappid}/usage")).await?;
            list(&app, &usage, json)?;
        }
        KeyAction::Add { sdkappid, key } => {
            let path = format!("/apps/{sdkappid}/keys");
            let created: CreatedKey = operator.json(Method::POST, &path, &NewKey { key }).await?;
            let added = localized!("key {} of app {sdkappid}", "应用 {sdkappid} 的密钥 {}", created.id);
            say_secret(added, created.key);
        }
        KeyAction::Revoke { sdkappid, key_id, last } => {
            let app: AppView = operator.get(&format!("/apps/{sdkappid}")).await?;
            let is_last = matches!(&app.keys[..], [only] if only.id == key_id);
            let add = operator.command(format_args!("app key add {sdkappid}"));
            anyhow::ensure!(
                last || !is_last,
                localized!(
                    "key {key_id} is the only one of app {sdkappid}: without it every call is refused. Add another one first: \
                     {add}; or revoke it all the same with --last",
                    "密钥 {key_id} 是应用 {sdkappid} 的唯一密钥：没有密钥时所有调用都会被拒绝。请先添加另一个：{add}；\
                     或用 --last 仍然吊销"
                )
            );
            operator.bytes(Method::DELETE, &format!("/apps/{sdkappid}/keys/{key_id}"), Vec::new()).await?;
            say(localized!(
                "key {key_id} of app {sdkappid} revoked",
                "应用 {sdkappid} 的密钥 {key_id} 已吊销"
            ));
        }
    }
    Ok(())
}

/// A key with its last use.
#[derive(Serialize)]
struct ListedKey<'a> {
    #[serde(flatten)]
    key: &'a KeyView,
    /// `null` = not since the server's start, or no server runs.
    last_used_ms: Option<u64>,
}

fn list(app: &AppView, usage: &UsageView, json: bool) -> anyhow::Result<()> {
    let last_used = |key: &KeyView| usage.keys.iter().find(|known| known.id == key.id)?.last_used_ms;
    if json {
        let keys = app.keys.iter().map(|key| ListedKey { key, last_used_ms: last_used(key) });
        return print_json(&keys.collect::<Vec<_>>());
    }
    let pick = |english, chinese| language().pick(english, chinese);
    let titles = [(pick("KEY", "编号"), 6), (pick("ENDS", "末尾"), 6), (pick("ADDED", "添加时间"), 24)];
    say_row(titles, pick("LAST USED", "最近使用"));
    for key in &app.keys {
        let added = key.created_ms.map(when).unwrap_or_default();
        let used = last_use(last_used(key), usage.since_ms);
        let (id, end) = (key.id.to_string(), format!("…{}", key.last4));
        say_row([(&id, 6), (&end, 6), (&added, 24)], &used);
    }
    Ok(())
}

/// A key with its number, the end of its secret, and its times as far as they are known.
pub(super) fn line(key: &KeyView, usage: Option<&UsageView>) -> String {
    let added =
        key.created_ms.map(|at| localized!(", added {}", "，添加于 {}", when(at))).unwrap_or_default();
    let used = usage.and_then(|usage| {
        let last = usage.keys.iter().find(|known| known.id == key.id)?.last_used_ms;
        Some(localized!(", last used: {}", "，最近使用：{}", last_use(last, usage.since_ms)))
    });
    let (id, end, used) = (key.id, &key.last4, used.unwrap_or_default());
    localized!("{id} (…{end}){added}{used}", "{id}（…{end}）{added}{used}")
}

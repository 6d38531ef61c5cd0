//! `portraitd app delete`: an app with everything of it, once it is confirmed.

use crate::cli::admin::client::Operator;
use crate::cli::language::chosen::localized;
use crate::cli::output::{ask, count, foreign, say};
use hyper::Method;
use portraitd_admin::types::{AppView, RemovedApp, UsageView};
use std::io::IsTerminal;
use std::time::Duration;

/// Some million accounts take a minute.
const TIMEOUT: Duration = Duration::from_hours(1);

pub(super) async fn delete(operator: &Operator, sdkappid: u32, confirm: Option<u32>) -> anyhow::Result<()> {
    let path = format!("/apps/{sdkappid}");
    let app: AppView = operator.get(&path).await?;
    let usage: UsageView = operator.get(&format!("{path}/usage")).await?;
    let number = usage.accounts;
    let accounts = count(number, "account");
    let confirmed = match confirm {
        None if std::io::stdin().is_terminal() => asked(&app, &accounts)?,
        confirm => confirm,
    };
    let command = operator.command(format_args!("app delete {sdkappid} --confirm {sdkappid}"));
    anyhow::ensure!(
        confirmed == Some(sdkappid),
        localized!(
            "app {sdkappid} with {accounts} stays; to delete it: {command}",
            "应用 {sdkappid}（{number} 个账号）未删除；如需删除：{command}"
        )
    );
    let answer = operator.bytes_within(TIMEOUT, Method::DELETE, &path, Vec::new()).await?;
    let removed: RemovedApp = serde_json::from_slice(&answer)?;
    let (number, accounts) = (removed.accounts, count(removed.accounts, "account"));
    say(localized!(
        "app {sdkappid} is deleted, with {accounts}",
        "应用 {sdkappid} 已删除，连同 {number} 个账号"
    ));
    Ok(())
}

/// Asks the person at the terminal for the SDKAppID.
fn asked(app: &AppView, accounts: &str) -> anyhow::Result<Option<u32>> {
    let (id, name) = (app.sdkappid, &app.name);
    let name = if name.is_empty() { String::new() } else { format!(" ({})", foreign(name)) };
    ask(localized!(
        "App {id}{name} has {accounts}. Type its SDKAppID to delete it with all of them: ",
        "应用 {id}{name} 有 {accounts}。输入其 SDKAppID 以连同全部账号一起删除："
    ));
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(line.trim().parse().ok())
}

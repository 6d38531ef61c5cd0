//! `portraitd emulator`: the subcommands that call the control API of a running `portraitd dev`.

use super::control_client::ControlClient;
use crate::cli::admin::client::segment;
use crate::cli::language::chosen::{language, localized};
use crate::cli::serve::instance::StopSignals;
use clap::Subcommand;
use hyper::Method;
use portraitd_emulator::control::display;
use portraitd_emulator::control::types::{
    CallFilter, ClockChange, ClockView, CreateApp, CreatedApp, DataSummaryView, InboxFilter, Reset, ResetTo,
    SaveSnapshot, TextOrNumber,
};
use portraitd_emulator::fault::FaultRuleView;
use portraitd_emulator::fault::rule::FaultRule;
use serde::Serialize;
use serde_json::Value;
use std::convert::Infallible;

/// Set up and inspect a running emulator (portraitd dev): data, faults, time, recorded calls
///
///   portraitd emulator apps create              # an app for one test, with its credentials
///   portraitd emulator faults add --command portrait_set --next 1 --close after
///   portraitd emulator clock advance 181d       # UserSigs have expired now
///   portraitd emulator requests --code 40003    # with --follow also those to come
///   portraitd emulator reset
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    client: ControlClient,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Reset the data of one app, or everything with faults, clock and records, to the start
    Reset {
        /// Only this app
        #[arg(long, value_name = "SDKAPPID")]
        app: Option<u32>,
        /// The state to reset to
        #[arg(long, value_enum, default_value_t)]
        to: ResetTo,
    },
    /// Save and restore snapshots of the data
    #[command(subcommand)]
    Snapshot(Snapshot),
    /// Create throw-away apps, one for each parallel test
    #[command(subcommand)]
    Apps(Apps),
    /// Show the recorded calls, oldest first
    Requests {
        #[command(flatten)]
        filter: CallFilter,
        /// Go on printing new calls as they come, until Ctrl-C; with --json one line for each
        #[arg(long, conflicts_with_all = ["count", "wait_ms"])]
        follow: bool,
        /// Delete the recorded calls (of --app, or all) instead
        #[arg(long, conflicts_with_all = ["command", "user", "code", "after", "limit", "count", "wait_ms", "follow"])]
        clear: bool,
    },
    /// Show the calls that the emulator's own webhook receiver got, oldest first
    Webhooks {
        #[command(flatten)]
        filter: InboxFilter,
        /// Delete them (of --app, or all) instead
        #[arg(long, conflicts_with_all = ["box_name", "user", "after", "limit", "count", "wait_ms"])]
        clear: bool,
    },
    /// Inject faults into calls
    #[command(subcommand)]
    Faults(Faults),
    /// Show or change the time that UserSigs, limits and webhooks use
    #[command(subcommand)]
    Clock(Clock),
}

#[derive(Debug, Subcommand)]
enum Snapshot {
    /// Save everything, or one app, as a snapshot
    Save {
        name: String,
        #[arg(long, value_name = "SDKAPPID")]
        app: Option<u32>,
    },
    /// List the snapshots
    List,
    /// Restore a snapshot
    Restore { name: String },
    /// Delete a snapshot
    Delete { name: String },
}

#[derive(Debug, Subcommand)]
enum Apps {
    /// Create an app with a key, an admin and a UserSig
    Create {
        /// The app whose initial data it gets [default: the app that portraitd dev printed]
        #[arg(long, value_name = "SDKAPPID")]
        like: Option<u32>,
        /// Leave out that app's accounts
        #[arg(long)]
        empty: bool,
        /// Send its profile changes to the emulator's own webhook receiver
        #[arg(long)]
        webhook: bool,
    },
    /// List the throw-away apps
    List,
    /// Delete a throw-away app
    Delete { sdkappid: u32 },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Faults {
    /// Add a fault rule: which calls, how often, which effect
    Add(Box<FaultRule>),
    /// List the fault rules, and how often each matched and fired
    List,
    /// Remove a fault rule
    Remove { id: u32 },
    /// Remove all fault rules, or those of one app
    Clear {
        #[arg(long, value_name = "SDKAPPID")]
        app: Option<u32>,
    },
}

#[derive(Debug, Subcommand)]
enum Clock {
    /// Show the time
    Show,
    /// Set the time, as 2027-01-31T08:00:00Z or in Unix milliseconds
    Set { time: String },
    /// Advance the time: 90d, 12h, 15m, 30s, 500ms
    Advance { span: String },
    /// Stop the clock
    Freeze,
    /// Let a stopped clock run on from the time it shows
    Resume,
    /// Return to the machine's time
    Release,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    crate::cli::runtime::runtime()?.block_on(dispatch(&args.action, &args.client))
}

async fn dispatch(action: &Action, client: &ControlClient) -> anyhow::Result<()> {
    match action {
        Action::Reset { app, to } => {
            let body = Reset { app: *app, to: *to };
            client
                .show(Method::POST, "/reset", &body, |summary: DataSummaryView| {
                    vec![summary.line(language())]
                })
                .await
        }
        Action::Snapshot(action) => snapshot(action, client).await,
        Action::Apps(action) => apps(action, client).await,
        Action::Requests { filter, clear: true, .. } => client.clear("/requests", filter.app).await,
        Action::Requests { filter, follow: true, .. } => follow(client, filter).await,
        Action::Requests { filter, .. } => {
            let path = format!("/requests{}", query(filter)?);
            client
                .show(Method::GET, &path, &(), |calls: Vec<Value>| {
                    calls.iter().map(display::call_line).collect()
                })
                .await
        }
        Action::Webhooks { filter, clear: true } => client.clear("/webhooks", filter.app).await,
        Action::Webhooks { filter, clear: false } => {
            let path = format!("/webhooks{}", query(filter)?);
            client
                .show(Method::GET, &path, &(), |entries: Vec<Value>| {
                    entries.iter().map(display::inbox_line).collect()
                })
                .await
        }
        Action::Faults(action) => faults(action, client).await,
        Action::Clock(action) => clock(action, client).await,
    }
}

/// Prints the recorded calls and every new one, until the process is asked to stop.
async fn follow(client: &ControlClient, filter: &CallFilter) -> anyhow::Result<()> {
    let stopped = StopSignals::new()?;
    tokio::select! {
        never = print_new_calls(client, filter.clone()) => never.map(|never| match never {}),
        () = stopped.asked_to_stop() => Ok(()),
    }
}

async fn print_new_calls(client: &ControlClient, mut filter: CallFilter) -> anyhow::Result<Infallible> {
    /// The emulator lets requests finish before it stops, so that each one waits only this long.
    const WAIT_MS: u64 = 1000;
    loop {
        let path = format!("/requests{}", query(&filter)?);
        let calls: Vec<Value> = client.get(&path).await?;
        for call in &calls {
            client.print(call, display::call_line);
        }
        if let Some(last) = calls.last().and_then(|call| call.get("number")?.as_u64()) {
            filter.after = Some(last);
        }
        // `--limit` is for the calls that were there at the start.
        filter.limit = None;
        (filter.count, filter.wait_ms) = (Some(1), Some(WAIT_MS));
    }
}

async fn snapshot(action: &Snapshot, client: &ControlClient) -> anyhow::Result<()> {
    let path = |name: &str| format!("/snapshots/{}", segment(name));
    let line = |summary: DataSummaryView| vec![summary.line(language())];
    match action {
        Snapshot::Save { name, app } => {
            client.show(Method::PUT, &path(name), &SaveSnapshot { app: *app }, line).await
        }
        Snapshot::List => {
            let lines =
                |list: Vec<DataSummaryView>| list.iter().map(|summary| summary.line(language())).collect();
            client.show(Method::GET, "/snapshots", &(), lines).await
        }
        Snapshot::Restore { name } => {
            client.show(Method::POST, &format!("{}/restore", path(name)), &(), line).await
        }
        Snapshot::Delete { name } => client.call_without_output(Method::DELETE, &path(name)).await,
    }
}

async fn apps(action: &Apps, client: &ControlClient) -> anyhow::Result<()> {
    match action {
        Apps::Create { like, empty, webhook } => {
            let request = CreateApp { like: *like, empty: *empty, webhook: *webhook };
            client
                .show(Method::POST, "/apps", &request, |created: CreatedApp| created.lines(language()))
                .await
        }
        Apps::List => {
            let lines = |list: Vec<u32>| list.iter().map(ToString::to_string).collect();
            client.show(Method::GET, "/apps", &(), lines).await
        }
        Apps::Delete { sdkappid } => {
            client.call_without_output(Method::DELETE, &format!("/apps/{sdkappid}")).await
        }
    }
}

async fn faults(action: &Faults, client: &ControlClient) -> anyhow::Result<()> {
    match action {
        Faults::Add(rule) => {
            client
                .show(Method::POST, "/faults", rule, |rule: FaultRuleView| vec![rule.line(language())])
                .await
        }
        Faults::List => {
            let lines = |list: Vec<FaultRuleView>| list.iter().map(|rule| rule.line(language())).collect();
            client.show(Method::GET, "/faults", &(), lines).await
        }
        Faults::Remove { id } => client.call_without_output(Method::DELETE, &format!("/faults/{id}")).await,
        Faults::Clear { app } => client.clear("/faults", *app).await,
    }
}

async fn clock(action: &Clock, client: &ControlClient) -> anyhow::Result<()> {
    let line = |clock: ClockView| vec![clock.line(language())];
    let change = match action {
        Clock::Show => return client.show(Method::GET, "/clock", &(), line).await,
        Clock::Release => return client.show(Method::DELETE, "/clock", &(), line).await,
        Clock::Set { time } => ClockChange { now: Some(text_or_number(time)), ..ClockChange::default() },
        Clock::Advance { span } => {
            // The API reads a number as milliseconds, which few people mean.
            if span.parse::<f64>().is_ok() {
                anyhow::bail!(localized!(
                    "advance: `{span}` has no unit; write {span}d, {span}h, {span}m, {span}s or {span}ms",
                    "advance：`{span}` 缺少单位；请写作 {span}d、{span}h、{span}m、{span}s 或 {span}ms"
                ));
            }
            ClockChange { advance: Some(text_or_number(span)), ..ClockChange::default() }
        }
        Clock::Freeze => ClockChange { frozen: Some(true), ..ClockChange::default() },
        Clock::Resume => ClockChange { frozen: Some(false), ..ClockChange::default() },
    };
    client.show(Method::PUT, "/clock", &change, line).await
}

fn text_or_number(text: &str) -> TextOrNumber {
    text.parse().map_or_else(|_| TextOrNumber::Text(text.to_owned()), TextOrNumber::Number)
}

/// Returns a filter as a query string.
fn query(filter: &impl Serialize) -> anyhow::Result<String> {
    let Value::Object(members) = serde_json::to_value(filter)? else { return Ok(String::new()) };
    let pairs = members.iter().map(|(name, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{name}={}", segment(&text))
    });
    Ok(format!("?{}", pairs.collect::<Vec<_>>().join("&")))
}

//! `portraitd emulator`: the control API of a running `portraitd dev`, from the shell.

use crate::cli::admin::client::segment;
use crate::cli::http;
use crate::cli::output::{print_json, say};
use crate::cli::secret_argument::secret;
use anyhow::Context;
use clap::Subcommand;
use hyper::{Method, StatusCode};
use portraitd_emulator::control::display;
use portraitd_emulator::control::state::PREFIX;
use portraitd_emulator::control::types::{
    CallFilter, ClockChange, ClockView, CreateApp, CreatedApp, ExtentView, InboxFilter, Removed, Reset,
    ResetTo, Save, TextOrNumber,
};
use portraitd_emulator::fault::RuleView;
use portraitd_emulator::fault::rule::FaultRule;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Set up and look at a running emulator (portraitd dev): data, faults, time, what was called
///
///   portraitd emulator apps create              # an app for one test, ready to be called
///   portraitd emulator faults add --command portrait_set --next 1 --close after
///   portraitd emulator clock advance 181d       # UserSigs have expired now
///   portraitd emulator requests --code 40003
///   portraitd emulator reset
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    server: Server,
}

/// Which emulator.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Emulator")]
struct Server {
    /// The emulator's address
    #[arg(long, default_value = "http://127.0.0.1:8080", env = "PORTRAITD_URL", global = true)]
    url: String,
    /// Its admin token; callers on its own machine need none
    #[arg(
        long,
        value_name = "TOKEN",
        env = "PORTRAITD_ADMIN_TOKEN",
        hide_env_values = true,
        value_parser = secret,
        global = true
    )]
    admin_token: Option<String>,
    /// Print the answer as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Go back to the start: one app's data, or everything with faults, clock and what was noted
    Reset {
        /// This app alone
        #[arg(long, value_name = "SDKAPPID")]
        app: Option<u32>,
        /// What to go back to
        #[arg(long, value_enum, default_value_t)]
        to: ResetTo,
    },
    /// Save data under a name, and go back to it
    #[command(subcommand)]
    Snapshot(Snapshot),
    /// Apps to be thrown away, so that parallel tests do not meet
    #[command(subcommand)]
    Apps(Apps),
    /// What was called, oldest first
    Requests {
        #[command(flatten)]
        filter: CallFilter,
        /// Forget what was called (of --app, or all) instead
        #[arg(long, conflicts_with_all = ["command", "user", "code", "after", "limit"])]
        clear: bool,
    },
    /// What the emulator's own receiver was told, oldest first
    Webhooks {
        #[command(flatten)]
        filter: InboxFilter,
        /// Forget what was told (of --app, or all) instead
        #[arg(long, conflicts_with_all = ["box_name", "user", "after", "limit", "count", "wait_ms"])]
        clear: bool,
    },
    /// Make calls go wrong
    #[command(subcommand)]
    Faults(Faults),
    /// The time that UserSigs, limits and webhooks go by
    #[command(subcommand)]
    Clock(Clock),
}

#[derive(Debug, Subcommand)]
enum Snapshot {
    /// Save everything, or one app, under a name
    Save {
        name: String,
        #[arg(long, value_name = "SDKAPPID")]
        app: Option<u32>,
    },
    /// List the snapshots
    List,
    /// Go back to a snapshot
    Restore { name: String },
    /// Delete a snapshot
    Delete { name: String },
}

#[derive(Debug, Subcommand)]
enum Apps {
    /// Make an app with a key, an admin and a UserSig, ready to be called
    Create {
        /// The app it is to be like, as that was at the start; the emulator's own unless given
        #[arg(long, value_name = "SDKAPPID")]
        like: Option<u32>,
        /// Without that app's accounts
        #[arg(long)]
        empty: bool,
        /// Tell its changes to the emulator's own receiver
        #[arg(long)]
        webhook: bool,
    },
    /// List the throw-away apps
    List,
    /// Throw an app away
    Delete { sdkappid: u32 },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Faults {
    /// Add a rule: which calls, how often, what happens
    Add(Box<FaultRule>),
    /// List the rules, and how often each matched and fired
    List,
    /// Remove a rule
    Remove { id: u32 },
    /// Remove all rules, or those of one app
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
    /// Let time pass: 90d, 12h, 15m, 30s, 500ms
    Advance { span: String },
    /// Stop the clock
    Freeze,
    /// Let it go on from where it stands
    Resume,
    /// Go by the machine's time again
    Release,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    crate::cli::runtime::runtime()?.block_on(act(&args.action, &args.server))
}

async fn act(action: &Action, server: &Server) -> anyhow::Result<()> {
    match action {
        Action::Reset { app, to } => {
            let body = Reset { app: *app, to: *to };
            server.show(Method::POST, "/reset", &body, |extent: ExtentView| vec![extent.line()]).await
        }
        Action::Snapshot(action) => snapshot(action, server).await,
        Action::Apps(action) => apps(action, server).await,
        Action::Requests { filter, clear: true } => server.clear("/requests", filter.app).await,
        Action::Requests { filter, clear: false } => {
            let path = format!("/requests{}", query(filter)?);
            server
                .show(Method::GET, &path, &(), |calls: Vec<Value>| calls.iter().map(display::call).collect())
                .await
        }
        Action::Webhooks { filter, clear: true } => server.clear("/webhooks", filter.app).await,
        Action::Webhooks { filter, clear: false } => {
            let path = format!("/webhooks{}", query(filter)?);
            server
                .show(Method::GET, &path, &(), |told: Vec<Value>| told.iter().map(display::told).collect())
                .await
        }
        Action::Faults(action) => faults(action, server).await,
        Action::Clock(action) => clock(action, server).await,
    }
}

async fn snapshot(action: &Snapshot, server: &Server) -> anyhow::Result<()> {
    let path = |name: &str| format!("/snapshots/{}", segment(name));
    let line = |extent: ExtentView| vec![extent.line()];
    match action {
        Snapshot::Save { name, app } => {
            server.show(Method::PUT, &path(name), &Save { app: *app }, line).await
        }
        Snapshot::List => {
            let lines = |list: Vec<ExtentView>| list.iter().map(ExtentView::line).collect();
            server.show(Method::GET, "/snapshots", &(), lines).await
        }
        Snapshot::Restore { name } => {
            server.show(Method::POST, &format!("{}/restore", path(name)), &(), line).await
        }
        Snapshot::Delete { name } => server.silent(Method::DELETE, &path(name)).await,
    }
}

async fn apps(action: &Apps, server: &Server) -> anyhow::Result<()> {
    match action {
        Apps::Create { like, empty, webhook } => {
            let make = CreateApp { like: *like, empty: *empty, webhook: *webhook };
            server.show(Method::POST, "/apps", &make, |made: CreatedApp| made.lines()).await
        }
        Apps::List => {
            let lines = |list: Vec<u32>| list.iter().map(ToString::to_string).collect();
            server.show(Method::GET, "/apps", &(), lines).await
        }
        Apps::Delete { sdkappid } => server.silent(Method::DELETE, &format!("/apps/{sdkappid}")).await,
    }
}

async fn faults(action: &Faults, server: &Server) -> anyhow::Result<()> {
    match action {
        Faults::Add(rule) => {
            server.show(Method::POST, "/faults", rule, |rule: RuleView| vec![rule.line()]).await
        }
        Faults::List => {
            let lines = |list: Vec<RuleView>| list.iter().map(RuleView::line).collect();
            server.show(Method::GET, "/faults", &(), lines).await
        }
        Faults::Remove { id } => server.silent(Method::DELETE, &format!("/faults/{id}")).await,
        Faults::Clear { app } => server.clear("/faults", *app).await,
    }
}

async fn clock(action: &Clock, server: &Server) -> anyhow::Result<()> {
    let line = |clock: ClockView| vec![clock.line()];
    let change = match action {
        Clock::Show => return server.show(Method::GET, "/clock", &(), line).await,
        Clock::Release => return server.show(Method::DELETE, "/clock", &(), line).await,
        Clock::Set { time } => ClockChange { now: Some(text_or_number(time)), ..ClockChange::default() },
        Clock::Advance { span } => {
            ClockChange { advance: Some(text_or_number(span)), ..ClockChange::default() }
        }
        Clock::Freeze => ClockChange { frozen: Some(true), ..ClockChange::default() },
        Clock::Resume => ClockChange { frozen: Some(false), ..ClockChange::default() },
    };
    server.show(Method::PUT, "/clock", &change, line).await
}

fn text_or_number(text: &str) -> TextOrNumber {
    text.parse().map_or_else(|_| TextOrNumber::Text(text.to_owned()), TextOrNumber::Number)
}

/// A filter as a query.
fn query(filter: &impl Serialize) -> anyhow::Result<String> {
    let Value::Object(members) = serde_json::to_value(filter)? else { return Ok(String::new()) };
    let pairs = members.iter().map(|(name, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{name}={}", segment(&text))
    });
    Ok(format!("?{}", pairs.collect::<Vec<_>>().join("&")))
}

impl Server {
    async fn call(&self, method: Method, path: &str, body: &impl Serialize) -> anyhow::Result<bytes::Bytes> {
        #[derive(Deserialize)]
        struct Refusal {
            error: String,
        }
        let base = self.url.trim_end_matches('/');
        let body = if method == Method::GET { Vec::new() } else { serde_json::to_vec(body)? };
        // `null` stands for no body.
        let body = if body == b"null" { Vec::new() } else { body };
        let (server, path) = (http::Server::parse(base)?, format!("{PREFIX}{path}"));
        let response = http::call(&server, method, &path, self.admin_token.as_deref(), body).await?;
        if response.status().is_success() {
            return Ok(response.into_body());
        }
        let refusal: Option<Refusal> = serde_json::from_slice(response.body()).ok();
        match (refusal, response.status()) {
            (Some(refusal), _) => anyhow::bail!(refusal.error),
            (None, StatusCode::NOT_FOUND | StatusCode::OK) => {
                anyhow::bail!("{base} has no control API; is it a portraitd dev?")
            }
            (None, status) => anyhow::bail!("{base} answered {status}"),
        }
    }

    /// Calls, and prints the answer as it is or as lines for people.
    async fn show<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
        lines: impl FnOnce(T) -> Vec<String>,
    ) -> anyhow::Result<()> {
        let answer = self.call(method, path, body).await?;
        let foreign = || format!("{} has no control API; is it a portraitd dev?", self.url);
        if self.json {
            return print_json(&serde_json::from_slice::<Value>(&answer).with_context(foreign)?);
        }
        for line in lines(serde_json::from_slice(&answer).with_context(foreign)?) {
            say(line);
        }
        Ok(())
    }

    async fn clear(&self, path: &str, app: Option<u32>) -> anyhow::Result<()> {
        let path = app.map_or_else(|| path.to_owned(), |app| format!("{path}?app={app}"));
        self.show(Method::DELETE, &path, &(), |removed: Removed| vec![format!("{} removed", removed.removed)])
            .await
    }

    async fn silent(&self, method: Method, path: &str) -> anyhow::Result<()> {
        self.call(method, path, &()).await.map(drop)
    }
}

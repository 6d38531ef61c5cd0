//! `portraitd webhook`: who is told of profile changes, and what has not reached them.

use super::client::{Operator, Target, with_operator};
use crate::cli::output::{print_json, say};
use crate::cli::secret_argument::secret;
use anyhow::Context;
use clap::Subcommand;
use hyper::Method;
use portraitd_admin::types::webhook::{
    CountView, EventChoice, EventView, EventsView, TestView, WebhookPut, WebhookView,
};

/// Tell a back end of every profile change (Profile.CallbackPortraitSet)
///
/// Each change is stored together with an event. Events are delivered at least once, in order for each account; one
/// that can't be is tried again on a schedule, then parked until it is replayed or dropped.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Set an app's receiver
    Set {
        sdkappid: u32,
        /// http:// or https://
        url: String,
        /// Sign with this token (@FILE reads it from a file, - from standard input); without it, a token set
        /// earlier stays
        #[arg(long, env = "PORTRAITD_WEBHOOK_TOKEN", hide_env_values = true, value_parser = secret)]
        token: Option<String>,
        /// Do not sign any more
        #[arg(long, conflicts_with = "token")]
        unsigned: bool,
    },
    /// Show the receiver, and what waits for it
    Show {
        sdkappid: u32,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Stop telling; events that wait stay until a receiver is set again or they are dropped
    Remove { sdkappid: u32 },
    /// Send a sample event and show request and answer
    Test {
        sdkappid: u32,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List events that were given up
    Parked {
        sdkappid: u32,
        /// List those that are still to be delivered instead
        #[arg(long)]
        waiting: bool,
        /// At most so many
        #[arg(long, default_value_t = 100)]
        limit: usize,
        /// Only those after this place
        #[arg(long, value_name = "PLACE")]
        after: Option<u64>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Deliver parked events again
    Replay {
        sdkappid: u32,
        #[command(flatten)]
        which: Which,
    },
    /// Give events up for good
    Drop {
        sdkappid: u32,
        #[command(flatten)]
        which: Which,
        /// Drop events that are still to be delivered instead of parked ones
        #[arg(long)]
        waiting: bool,
    },
    /// Receive events on this machine and print them, for development
    Listen(crate::cli::dev::webhook_listen::Args),
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// The events' places, as `portraitd webhook parked` lists them
    #[arg(value_name = "PLACE")]
    places: Vec<u64>,
    /// All of them
    #[arg(long)]
    all: bool,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    match args.action {
        Action::Listen(args) => {
            crate::cli::runtime::runtime()?.block_on(crate::cli::dev::webhook_listen::run(args))
        }
        action => with_operator(&args.target, async |operator| act(operator, action).await),
    }
}

async fn act(operator: &Operator, action: Action) -> anyhow::Result<()> {
    match action {
        Action::Set { sdkappid, url, token, unsigned } => {
            let token = if unsigned { Some(None) } else { token.map(Some) };
            let put = WebhookPut { url, token };
            let view: WebhookView = operator.json(Method::PUT, &path(sdkappid, ""), &put).await?;
            let signed = if view.signed { "signed" } else { "unsigned" };
            say(format_args!("app {sdkappid} tells {}, {signed}", view.url.unwrap_or_default()));
            say(format_args!("try it: portraitd webhook test {sdkappid}"));
        }
        Action::Show { sdkappid, json } => {
            let view: WebhookView = operator.get(&path(sdkappid, "")).await?;
            if json {
                return print_json(&view);
            }
            show(&view);
        }
        Action::Remove { sdkappid } => {
            let answer = operator.bytes(Method::DELETE, &path(sdkappid, ""), Vec::new()).await?;
            let view: WebhookView = serde_json::from_slice(&answer)?;
            let kept = view.waiting.events + view.parked.events;
            say(format_args!("app {sdkappid} tells nobody any more; {kept} events are kept"));
        }
        Action::Test { sdkappid, json } => {
            let answer = operator.bytes(Method::POST, &path(sdkappid, "/test"), Vec::new()).await?;
            return tested(&serde_json::from_slice(&answer)?, json);
        }
        Action::Parked { sdkappid, waiting, limit, after, json } => {
            let state = if waiting { "waiting" } else { "parked" };
            let after = after.map(|place| format!("&after={place}")).unwrap_or_default();
            let query = format!("/events?state={state}&limit={limit}{after}");
            let page: EventsView = operator.get(&path(sdkappid, &query)).await?;
            if json {
                return print_json(&page);
            }
            list(sdkappid, &page);
        }
        Action::Replay { sdkappid, which } => {
            let events = choose(operator, &path(sdkappid, "/replay"), which, false).await?;
            say(format_args!("{events} events will be delivered again"));
        }
        Action::Drop { sdkappid, which, waiting } => {
            let events = choose(operator, &path(sdkappid, "/drop"), which, waiting).await?;
            say(format_args!("{events} events were dropped"));
        }
        Action::Listen(_) => {}
    }
    Ok(())
}

fn path(sdkappid: u32, rest: &str) -> String {
    format!("/apps/{sdkappid}/webhook{rest}")
}

async fn choose(operator: &Operator, path: &str, which: Which, waiting: bool) -> anyhow::Result<usize> {
    let places = (!which.all).then_some(which.places);
    let choice = EventChoice { places, state: waiting.then(|| "waiting".to_owned()) };
    let count: CountView = operator.json(Method::POST, path, &choice).await?;
    Ok(count.events)
}

fn show(view: &WebhookView) {
    let url = view.url.as_deref().unwrap_or("none; set one with portraitd webhook set");
    say(format_args!("receiver   {url}"));
    say(format_args!("signed     {}", if view.signed { "yes" } else { "no" }));
    say(format_args!("waiting    {} events, {} bytes", view.waiting.events, view.waiting.bytes));
    say(format_args!("parked     {} events, {} bytes", view.parked.events, view.parked.bytes));
    say(format_args!("delivered  {} since the start; {} attempts failed", view.delivered, view.failed));
    if view.dropped > 0 {
        say(format_args!("dropped    {}, because the backlog reached its bound", view.dropped));
    }
    if let Some(down) = view.down_ms {
        say(format_args!("DOWN       for {} s", down / 1_000));
    }
    if let Some(failure) = &view.last_failure {
        say(format_args!("last error {failure}"));
    }
}

fn tested(view: &TestView, json: bool) -> anyhow::Result<()> {
    if json {
        print_json(view)?;
    } else {
        say(format_args!("{} {}", view.method, view.url));
        view.headers.iter().for_each(|(name, value)| say(format_args!("{name}: {value}")));
        say(format_args!("\n{}\n", view.body));
        if let (Some(status), Some(answer)) = (view.status, &view.answer) {
            say(format_args!("HTTP {status} after {} ms\n{answer}\n", view.milliseconds));
        }
    }
    match &view.failure {
        None => {
            if !json {
                say("delivered");
            }
            Ok(())
        }
        Some(failure) => Err(anyhow::anyhow!("{failure}")).context("the receiver did not take it"),
    }
}

fn list(sdkappid: u32, page: &EventsView) {
    say(format_args!("{:<10} {:<8} {:<32} WHY", "PLACE", "ATTEMPTS", "USER"));
    for EventView { place, attempts, failure, event, .. } in &page.events {
        let user = event.as_ref().map_or("(damaged)", |event| event.user.as_str());
        say(format_args!("{place:<10} {attempts:<8} {user:<32} {}", failure.as_deref().unwrap_or_default()));
    }
    if let Some(next) = page.next {
        say(format_args!("more: portraitd webhook parked {sdkappid} --after {next}"));
    }
}

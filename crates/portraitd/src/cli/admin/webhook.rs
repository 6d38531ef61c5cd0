//! `portraitd webhook`: an app's receiver, and the events that have not reached it.

use super::client::{Operator, Target, with_operator};
use crate::cli::language::localized;
use crate::cli::output::{count, foreign, print_json, say};
use crate::cli::sdk_app_id::sdk_app_id;
use crate::cli::secret_argument::secret;
use anyhow::Context;
use clap::Subcommand;
use hyper::Method;
use portraitd_admin::types::webhook::{
    CountView, EventChoice, EventView, EventsView, TestView, WebhookPut, WebhookView,
};

/// Notify a back end of every profile change (Profile.CallbackPortraitSet)
///
/// Each change is stored together with an event. Events are delivered at least once, in order for
/// each account. A failed delivery is tried again on a schedule; after the last attempt the event
/// is parked until it is replayed or dropped.
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
        #[arg(value_parser = sdk_app_id)]
        sdkappid: u32,
        /// http:// or https://
        url: String,
        /// Sign events with this token; @FILE reads it from a file, - from standard input. Without it, a token that
        /// was set earlier stays
        #[arg(long, env = "PORTRAITD_WEBHOOK_TOKEN", hide_env_values = true, value_parser = secret)]
        token: Option<String>,
        /// Stop signing events
        #[arg(long, conflicts_with = "token")]
        unsigned: bool,
    },
    /// Show the receiver, and the events that wait for it
    Show {
        #[arg(value_parser = sdk_app_id)]
        sdkappid: u32,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove the receiver; waiting events are kept until another is set, or they are dropped
    Remove {
        #[arg(value_parser = sdk_app_id)]
        sdkappid: u32,
    },
    /// Send a sample event, and show the request and the answer
    Test {
        #[arg(value_parser = sdk_app_id)]
        sdkappid: u32,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List parked events: those whose delivery attempts are used up
    Parked {
        #[arg(value_parser = sdk_app_id)]
        sdkappid: u32,
        /// List waiting events instead: those that are still to be delivered
        #[arg(long)]
        waiting: bool,
        /// List at most this many
        #[arg(long, default_value_t = 100)]
        limit: usize,
        /// List only events after this place
        #[arg(long, value_name = "PLACE")]
        after: Option<u64>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Deliver parked events again
    Replay {
        #[arg(value_parser = sdk_app_id)]
        sdkappid: u32,
        #[command(flatten)]
        events: EventSelection,
    },
    /// Delete events without delivering them
    Drop {
        #[arg(value_parser = sdk_app_id)]
        sdkappid: u32,
        #[command(flatten)]
        events: EventSelection,
        /// Drop waiting events instead of parked ones
        #[arg(long)]
        waiting: bool,
    },
    /// Receive events on this machine and print them, for development
    Listen(crate::cli::dev::webhook_listen::Args),
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct EventSelection {
    /// The events' places, as `portraitd webhook parked` lists them
    #[arg(value_name = "PLACE")]
    places: Vec<u64>,
    /// All events
    #[arg(long)]
    all: bool,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    match args.action {
        Action::Listen(args) => {
            crate::cli::runtime::runtime()?.block_on(crate::cli::dev::webhook_listen::run(args))
        }
        action => with_operator(&args.target, async |operator| execute(operator, action).await),
    }
}

async fn execute(operator: &Operator, action: Action) -> anyhow::Result<()> {
    match action {
        Action::Set { sdkappid, url, token, unsigned } => {
            let token = if unsigned { Some(None) } else { token.map(Some) };
            let put = WebhookPut { url, token };
            let view: WebhookView = operator.json(Method::PUT, &path(sdkappid, ""), &put).await?;
            let signed = if view.signed { "signed" } else { "unsigned" };
            say(format_args!(
                "app {sdkappid} sends its events to {}, {signed}",
                view.url.unwrap_or_default()
            ));
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
            say(format_args!("app {sdkappid} has no receiver any more; {} kept", count(kept, "event")));
        }
        Action::Test { sdkappid, json } => {
            let answer = operator.bytes(Method::POST, &path(sdkappid, "/test"), Vec::new()).await?;
            return show_test(&serde_json::from_slice(&answer)?, json);
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
        Action::Replay { sdkappid, events } => {
            let number = choose(operator, &path(sdkappid, "/replay"), events, false).await?;
            say(format_args!("delivering {} again", count(number, "event")));
        }
        Action::Drop { sdkappid, events, waiting } => {
            let number = choose(operator, &path(sdkappid, "/drop"), events, waiting).await?;
            say(format_args!("dropped {}", count(number, "event")));
        }
        Action::Listen(_) => {}
    }
    Ok(())
}

fn path(sdkappid: u32, rest: &str) -> String {
    format!("/apps/{sdkappid}/webhook{rest}")
}

async fn choose(
    operator: &Operator,
    path: &str,
    events: EventSelection,
    waiting: bool,
) -> anyhow::Result<u64> {
    let places = (!events.all).then_some(events.places);
    let choice = EventChoice { places, state: waiting.then(|| "waiting".to_owned()) };
    let chosen: CountView = operator.json(Method::POST, path, &choice).await?;
    Ok(chosen.events as u64)
}

fn show(view: &WebhookView) {
    let url = view.url.as_deref().unwrap_or("none; set one with portraitd webhook set");
    say(format_args!("receiver   {}", foreign(url)));
    say(format_args!("signed     {}", if view.signed { "yes" } else { "no" }));
    say(format_args!(
        "waiting    {}, {}",
        count(view.waiting.events, "event"),
        count(view.waiting.bytes, "byte")
    ));
    say(format_args!(
        "parked     {}, {}",
        count(view.parked.events, "event"),
        count(view.parked.bytes, "byte")
    ));
    say(format_args!("delivered  {} since the start; {} attempts failed", view.delivered, view.failed));
    if view.dropped > 0 {
        say(format_args!("dropped    {}, because the backlog reached webhook.backlog_max", view.dropped));
    }
    if let Some(down) = view.down_ms {
        say(format_args!("DOWN       for {} s", down / 1_000));
    }
    if let Some(failure) = &view.last_failure {
        say(format_args!("last error {}", foreign(failure)));
    }
}

fn show_test(view: &TestView, json: bool) -> anyhow::Result<()> {
    if json {
        print_json(view)?;
    } else {
        say(format_args!("{} {}", view.method, foreign(&view.url)));
        view.headers.iter().for_each(|(name, value)| say(foreign(&format!("{name}: {value}"))));
        say(format_args!("\n{}\n", foreign(&view.body)));
        if let (Some(status), Some(answer)) = (view.status, &view.answer) {
            say(format_args!("HTTP {status} after {} ms\n{}\n", view.milliseconds, foreign(answer)));
        }
    }
    match &view.failure {
        None => {
            if !json {
                say("delivered");
            }
            Ok(())
        }
        Some(failure) => Err(anyhow::anyhow!("{}", foreign(failure)))
            .with_context(|| localized!("the sample event was not delivered", "示例事件未能投递")),
    }
}

fn list(sdkappid: u32, page: &EventsView) {
    say(format_args!("{:<10} {:<8} {:<32} WHY", "PLACE", "ATTEMPTS", "USER"));
    for EventView { place, attempts, failure, event, .. } in &page.events {
        let user = event.as_ref().map_or("(damaged)", |event| event.user.as_str());
        let line = format!("{place:<10} {attempts:<8} {user:<32} {}", failure.as_deref().unwrap_or_default());
        say(foreign(&line));
    }
    if let Some(next) = page.next {
        say(format_args!("more: portraitd webhook parked {sdkappid} --after {next}"));
    }
}

//! `portraitd webhook`: an app's receiver, and the events that have not reached it.

use super::client::{Operator, Target, with_operator};
use crate::cli::language::chosen::{language, localized};
use crate::cli::output::{count, foreign, print_json, say, say_member, say_row};
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
            set(operator, sdkappid, &WebhookPut { url, token }).await?;
        }
        Action::Show { sdkappid, json } => {
            let view: WebhookView = operator.get(&path(sdkappid, "")).await?;
            if json {
                return print_json(&view);
            }
            show(&view, &operator.command(format_args!("webhook set {sdkappid} URL")));
        }
        Action::Remove { sdkappid } => {
            let answer = operator.bytes(Method::DELETE, &path(sdkappid, ""), Vec::new()).await?;
            let view: WebhookView = serde_json::from_slice(&answer)?;
            let kept = view.waiting.events + view.parked.events;
            let counted = count(kept, "event");
            say(localized!(
                "app {sdkappid} has no receiver any more; {counted} kept",
                "应用 {sdkappid} 已没有接收方；保留了 {kept} 个事件"
            ));
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
            list(&page);
            if let Some(next) = page.next {
                let waiting = if waiting { " --waiting" } else { "" };
                let more = operator.command(format_args!(
                    "webhook parked {sdkappid}{waiting} --after {next} --limit {limit}"
                ));
                say(localized!("more: {more}", "还有更多：{more}"));
            }
        }
        Action::Replay { sdkappid, events } => {
            let number = choose(operator, &path(sdkappid, "/replay"), events, false).await?;
            let counted = count(number, "event");
            say(localized!("delivering {counted} again", "正在重新投递 {number} 个事件"));
        }
        Action::Drop { sdkappid, events, waiting } => {
            let number = choose(operator, &path(sdkappid, "/drop"), events, waiting).await?;
            let counted = count(number, "event");
            say(localized!("dropped {counted}", "已丢弃 {number} 个事件"));
        }
        Action::Listen(_) => {}
    }
    Ok(())
}

async fn set(operator: &Operator, sdkappid: u32, put: &WebhookPut) -> anyhow::Result<()> {
    let view: WebhookView = operator.json(Method::PUT, &path(sdkappid, ""), put).await?;
    let url = view.url.unwrap_or_default();
    say(if view.signed {
        localized!(
            "app {sdkappid} sends its events to {url}, signed",
            "应用 {sdkappid} 的事件将签名后发往 {url}"
        )
    } else {
        localized!(
            "app {sdkappid} sends its events to {url}, unsigned",
            "应用 {sdkappid} 的事件将发往 {url}，不签名"
        )
    });
    let test = operator.command(format_args!("webhook test {sdkappid}"));
    say(localized!("try it: {test}", "试发：{test}"));
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

/// Prints the receiver and its events; `set` is the command that sets one.
fn show(view: &WebhookView, set: &str) {
    let none = || localized!("none; set one: {set}", "无；设置：{set}");
    let amount = |events: u64, bytes: u64| {
        let (counted, size) = (count(events, "event"), count(bytes, "byte"));
        localized!("{counted}, {size}", "{events} 个事件，{bytes} 字节")
    };
    member("receiver", "接收方", view.url.as_deref().map_or_else(none, |url| foreign(url).into_owned()));
    member("signed", "签名", if view.signed { localized!("yes", "是") } else { localized!("no", "否") });
    member("waiting", "等待投递", amount(view.waiting.events, view.waiting.bytes));
    member("parked", "已搁置", amount(view.parked.events, view.parked.bytes));
    let (delivered, failed) = (view.delivered, view.failed);
    let attempts = count(failed, "attempt");
    member(
        "delivered",
        "已投递",
        localized!(
            "{delivered} since the start; {attempts} failed",
            "启动以来 {delivered} 个；失败 {failed} 次"
        ),
    );
    let dropped = view.dropped;
    if dropped > 0 {
        member(
            "dropped",
            "已丢弃",
            localized!(
                "{dropped}, because the backlog reached webhook.backlog_max",
                "{dropped} 个，因为积压达到 webhook.backlog_max"
            ),
        );
    }
    if let Some(down) = view.down_ms {
        let seconds = down / 1_000;
        member("DOWN", "无法投递", localized!("for {seconds} s", "已持续 {seconds} 秒"));
    }
    if let Some(failure) = &view.last_failure {
        member("last error", "最近的错误", foreign(failure));
    }
}

fn member(english: &str, chinese: &str, value: impl std::fmt::Display) {
    const WIDTH: usize = 11;
    say_member(WIDTH, language().pick(english, chinese), value);
}

fn show_test(view: &TestView, json: bool) -> anyhow::Result<()> {
    if json {
        print_json(view)?;
    } else {
        say(format_args!("{} {}", view.method, foreign(&view.url)));
        view.headers.iter().for_each(|(name, value)| say(foreign(&format!("{name}: {value}"))));
        say(format_args!("\n{}\n", foreign(&view.body)));
        if let (Some(status), Some(answer)) = (view.status, &view.answer) {
            let (time, answer) = (view.milliseconds, foreign(answer));
            say(localized!(
                "HTTP {status} after {time} ms\n{answer}\n",
                "HTTP {status}，耗时 {time} 毫秒\n{answer}\n"
            ));
        }
    }
    match &view.failure {
        None => {
            if !json {
                say(localized!("delivered", "已投递"));
            }
            Ok(())
        }
        Some(failure) => Err(anyhow::anyhow!("{}", foreign(failure)))
            .with_context(|| localized!("the sample event was not delivered", "示例事件未能投递")),
    }
}

fn list(page: &EventsView) {
    let pick = |english, chinese| language().pick(english, chinese);
    let titles = [(pick("PLACE", "位置"), 10), (pick("ATTEMPTS", "尝试次数"), 8), (pick("USER", "用户"), 32)];
    say_row(titles, pick("WHY", "原因"));
    for EventView { place, attempts, failure, event, .. } in &page.events {
        let user = event.as_ref().map_or(pick("(damaged)", "（已损坏）"), |event| event.user.as_str());
        let (place, attempts, user) = (place.to_string(), attempts.to_string(), foreign(user));
        let why = foreign(failure.as_deref().unwrap_or_default());
        say_row([(&place, 10), (&attempts, 8), (&user, 32)], &why);
    }
}

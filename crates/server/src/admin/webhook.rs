//! Webhooks: set, tried out, and what waits for them or was given up.

use super::view::webhook::{
    CountView, EventChoice, EventView, EventsView, TestView, WebhookPut, WebhookView,
};
use super::{AdminError, Answer, State, read};
use crate::registry::App;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State as Extract};
use portrait_model::{AppSettings, Webhook, WebhookToken, WebhookUrl};
use portrait_store::{EventState, OutboxSeq, Selection, StoreFuture};
use serde::Deserialize;

/// The most events of a page.
const PAGE_MAX: usize = 1000;
/// The most places in one call.
const PLACES_MAX: usize = 1000;

impl State {
    fn webhook_view(&self, app: &App) -> WebhookView {
        let backlog = self.store.backlogs().remove(&app.settings.id).unwrap_or_default();
        WebhookView::of(&app.settings, backlog, app.delivery.counts())
    }
}

pub(super) async fn show(Extract(state): Extract<State>, Path(app): Path<String>) -> Answer<WebhookView> {
    Ok(Json(state.webhook_view(&*state.app(&app)?)))
}

pub(super) async fn set(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    body: Bytes,
) -> Answer<WebhookView> {
    let wanted: WebhookPut = read(&body)?;
    let url = WebhookUrl::parse(&wanted.url).map_err(|error| AdminError::bad(error.to_string()))?;
    if let Some(webhooks) = &state.webhooks {
        webhooks.check(&url).map_err(AdminError::bad)?;
    }
    let parse = |text: &String| {
        WebhookToken::parse(text).ok_or_else(|| {
            AdminError::bad("the token must be 1 to 128 visible ASCII characters, without spaces")
        })
    };
    let token = wanted.token.as_ref().map(|token| token.as_ref().map(parse).transpose()).transpose()?;
    let change = |settings: &mut AppSettings| {
        let known = settings.webhook.take().and_then(|webhook| webhook.token);
        settings.webhook = Some(Webhook { url: url.clone(), token: token.clone().unwrap_or(known) });
        Ok(())
    };
    state.change(&app, change).await?;
    state.app(&app)?.delivery.hurry();
    show(Extract(state), Path(app)).await
}

pub(super) async fn remove(Extract(state): Extract<State>, Path(app): Path<String>) -> Answer<WebhookView> {
    let change = |settings: &mut AppSettings| {
        let known = settings.webhook.take().map(|_| ());
        known.ok_or_else(|| AdminError::not_found(format!("app {} has no webhook", settings.id)))
    };
    state.change(&app, change).await?;
    show(Extract(state), Path(app)).await
}

#[derive(Deserialize)]
pub(super) struct EventsQuery {
    state: Option<String>,
    after: Option<u64>,
    limit: Option<usize>,
}

fn event_state(name: Option<&str>) -> Result<EventState, AdminError> {
    match name {
        None | Some("parked") => Ok(EventState::Parked),
        Some("waiting") => Ok(EventState::Waiting),
        Some(other) => Err(AdminError::bad(format!("`{other}` is not a state: waiting or parked"))),
    }
}

pub(super) async fn events(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    Query(query): Query<EventsQuery>,
) -> Answer<EventsView> {
    let app = state.app(&app)?.settings.id;
    let limit = query.limit.unwrap_or(100).clamp(1, PAGE_MAX);
    let event_state = event_state(query.state.as_deref())?;
    // One more than asked for tells whether there is a next page.
    let mut page = state.store.events(app, event_state, query.after.map(OutboxSeq), limit + 1).await?;
    let more = page.len() > limit;
    page.truncate(limit);
    let next = page.last().filter(|_| more).map(|event| event.seq.0);
    Ok(Json(EventsView { events: page.into_iter().map(EventView::from).collect(), next }))
}

pub(super) async fn replay(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    body: Bytes,
) -> Answer<CountView> {
    let choice: EventChoice = read(&body)?;
    if event_state(choice.state.as_deref())? != EventState::Parked {
        return Err(AdminError::bad("only parked events can be replayed; the others are waiting already"));
    }
    let app = state.app(&app)?;
    let events = in_units(choice, |unit| state.store.replay(app.settings.id, unit)).await?;
    app.delivery.news.notify_one();
    Ok(Json(CountView { events }))
}

pub(super) async fn drop(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    body: Bytes,
) -> Answer<CountView> {
    let choice: EventChoice = read(&body)?;
    let event_state = event_state(choice.state.as_deref())?;
    let app = state.app(&app)?.settings.id;
    let events = in_units(choice, |unit| state.store.discard(app, event_state, unit)).await?;
    tracing::warn!(sdkappid = app.0, events, state = ?event_state, "webhook events were dropped by the operator");
    Ok(Json(CountView { events }))
}

/// Does something to the chosen events, or to all there are, one unit of writing after another.
async fn in_units<'a>(
    choice: EventChoice,
    work: impl Fn(Selection) -> StoreFuture<'a, usize>,
) -> Result<usize, AdminError> {
    if let Some(places) = choice.places {
        if places.len() > PLACES_MAX {
            return Err(AdminError::bad(format!("at most {PLACES_MAX} places at once")));
        }
        return Ok(work(Selection::Places(places.into_iter().map(OutboxSeq).collect())).await?);
    }
    let mut events = 0;
    loop {
        match work(Selection::Oldest(PLACES_MAX)).await? {
            0 => return Ok(events),
            done => events += done,
        }
    }
}

pub(super) async fn test(Extract(state): Extract<State>, Path(app): Path<String>) -> Answer<TestView> {
    let app = state.app(&app)?;
    let none = || AdminError::not_found(format!("app {} has no webhook; set one first", app.settings.id));
    let webhook = app.settings.webhook.as_ref().ok_or_else(none)?;
    let not_running = || AdminError::conflict("no server runs on this data; start it to send a test event");
    let webhooks = state.webhooks.as_ref().ok_or_else(not_running)?;
    let id = state.event_ids.next(1);
    let outcome = webhooks.test(app.settings.id, webhook, id).await;
    outcome.map(Json).map_err(AdminError::bad)
}

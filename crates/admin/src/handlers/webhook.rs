//! Webhooks: set, tried out, and what waits for them or was given up.

use crate::audit_log::{AuditContext, Changed};
use crate::error::AdminError;
use crate::state::{Answer, State, read};
use crate::types::webhook::{
    CountView, EventChoice, EventView, EventsView, TestView, WebhookPut, WebhookView,
};
use axum::body::Bytes;
use axum::extract::{Path, Query, State as Extract};
use axum::{Extension, Json};
use portraitd_api::registry::App;
use portraitd_model::{AppSettings, SdkAppId, Webhook, WebhookToken, WebhookUrl};
use portraitd_store::{Discard, EventState, OutboxSeq, Replay, Selection, TypedWrite};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

/// The most events of a page.
const PAGE_MAX: usize = 1000;
/// The most places in one call.
const PLACES_MAX: usize = 1000;

fn view(state: &State, app: &App) -> WebhookView {
    let backlog = state.store.backlogs().remove(&app.settings.id).unwrap_or_default();
    WebhookView::of(&app.settings, backlog, app.delivery.counts())
}

pub(crate) async fn show(Extract(state): Extract<State>, Path(app): Path<String>) -> Answer<WebhookView> {
    Ok(Json(view(&state, &*state.app(&app)?)))
}

pub(crate) async fn set(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    Extension(context): Extension<AuditContext>,
    body: Bytes,
) -> Answer<WebhookView> {
    let wanted: WebhookPut = read(&body)?;
    let url = WebhookUrl::parse(&wanted.url).map_err(|error| AdminError::bad(error.to_string()))?;
    if let Some(running) = &state.running {
        running.webhooks.check(&url).map_err(AdminError::bad)?;
    }
    let parse = |text: &String| {
        WebhookToken::parse(text).ok_or_else(|| {
            AdminError::bad("the token must be 1 to 128 visible ASCII characters, without spaces")
        })
    };
    let token = wanted.token.as_ref().map(|token| token.as_ref().map(parse).transpose()).transpose()?;
    let change = move |settings: &mut AppSettings| {
        let known = settings.webhook.take().and_then(|webhook| webhook.token);
        settings.webhook = Some(Webhook { url: url.clone(), token: token.clone().unwrap_or(known) });
        Ok(())
    };
    state.change(&app, &context, change).await?;
    state.app(&app)?.delivery.retry_now();
    show(Extract(state), Path(app)).await
}

pub(crate) async fn remove(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    Extension(context): Extension<AuditContext>,
) -> Answer<WebhookView> {
    let change = move |settings: &mut AppSettings| {
        let known = settings.webhook.take().map(|_| ());
        known.ok_or_else(|| AdminError::not_found(format!("app {} has no webhook", settings.id)))
    };
    state.change(&app, &context, change).await?;
    show(Extract(state), Path(app)).await
}

/// Which events.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventsQuery {
    /// `parked`, unless it says `waiting`.
    state: Option<String>,
    /// Those after this place.
    after: Option<u64>,
    /// At most so many; 100 unless given, at most 1000.
    limit: Option<usize>,
}

fn event_state(name: Option<&str>) -> Result<EventState, AdminError> {
    match name {
        None | Some("parked") => Ok(EventState::Parked),
        Some("waiting") => Ok(EventState::Waiting),
        Some(other) => Err(AdminError::bad(format!("`{other}` is not a state: waiting or parked"))),
    }
}

pub(crate) async fn events(
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

pub(crate) async fn replay(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    Extension(context): Extension<AuditContext>,
    body: Bytes,
) -> Answer<CountView> {
    let choice: EventChoice = read(&body)?;
    if event_state(choice.state.as_deref())? != EventState::Parked {
        return Err(AdminError::bad("only parked events can be replayed; the others are waiting already"));
    }
    let app = state.app(&app)?;
    let id = app.settings.id;
    let write = |selection| Replay { app: id, selection };
    let events = in_units(&state, &context, id, EventState::Parked, choice, write).await?;
    app.delivery.wake.notify_one();
    Ok(Json(CountView { events }))
}

pub(crate) async fn drop(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    Extension(context): Extension<AuditContext>,
    body: Bytes,
) -> Answer<CountView> {
    let choice: EventChoice = read(&body)?;
    let event_state = event_state(choice.state.as_deref())?;
    let app = state.app(&app)?.settings.id;
    let write = |selection| Discard { app, state: event_state, selection };
    let events = in_units(&state, &context, app, event_state, choice, write).await?;
    tracing::warn!(sdkappid = app.0, events, state = ?event_state, "webhook events were dropped by the operator");
    Ok(Json(CountView { events }))
}

/// Does something to the chosen events, or to all there are, one unit of writing after another.
async fn in_units<W: TypedWrite<Output = usize>>(
    state: &State,
    context: &AuditContext,
    app: SdkAppId,
    event_state: EventState,
    choice: EventChoice,
    write: impl Fn(Selection) -> W,
) -> Result<usize, AdminError> {
    let there = state.store.backlogs().get(&app).map_or(0, |backlog| backlog.amount(event_state).events);
    let name = if event_state == EventState::Parked { "parked" } else { "waiting" };
    let chosen = choice.places.as_ref().map_or_else(|| json!("all"), |places| json!(places.len()));
    let changed = Changed { before: json!({ name: there }), after: json!({ "chosen": chosen }) };
    if let Some(places) = choice.places {
        if places.len() > PLACES_MAX {
            return Err(AdminError::bad(format!("at most {PLACES_MAX} places at once")));
        }
        let places = Selection::Places(places.into_iter().map(OutboxSeq).collect());
        return Ok(state.write_audited(context, Some(app), write(places), changed).await?);
    }
    let mut events = 0;
    loop {
        let unit =
            state.write_audited(context, Some(app), write(Selection::Oldest(PLACES_MAX)), changed.clone());
        match unit.await? {
            0 => return Ok(events),
            done => events += done,
        }
    }
}

pub(crate) async fn test(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    Extension(context): Extension<AuditContext>,
) -> Answer<TestView> {
    let app = state.app(&app)?;
    let none = || AdminError::not_found(format!("app {} has no webhook; set one first", app.settings.id));
    let webhook = app.settings.webhook.as_ref().ok_or_else(none)?;
    let not_running = || AdminError::conflict("no server runs on this data; start it to send a test event");
    let running = state.running.as_ref().ok_or_else(not_running)?;
    let changed = Changed::to(json!({ "sent": "a sample event" }));
    state.audit(&context, Some(app.settings.id), changed).await?;
    let id = state.event_ids.next(1);
    let report = running.webhooks.test(app.settings.id, webhook, id).await.map_err(AdminError::bad)?;
    Ok(Json(report.into()))
}

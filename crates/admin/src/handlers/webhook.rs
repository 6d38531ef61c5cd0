//! Handlers of webhooks: their settings, a test delivery, and the events that wait or are parked.

use crate::audit_log::{AuditChange, AuditContext};
use crate::error::AdminError;
use crate::error_code::AdminCode;
use crate::language::AcceptLanguage;
use crate::state::{AdminResult, State, parse_body};
use crate::types::webhook::{
    CountView, EventChoice, EventView, EventsView, TestView, WebhookPut, WebhookView,
};
use axum::body::Bytes;
use axum::extract::{Path, Query, State as Extract};
use axum::{Extension, Json};
use portraitd_api::registry::App;
use portraitd_model::{
    AppSettings, Bilingual, Language, SdkAppId, Webhook, WebhookToken, WebhookUrl, bilingual,
};
use portraitd_store::{Discard, EventState, OutboxSeq, Replay, Selection, TypedWrite};
use portraitd_webhook::failure;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

/// The most events of a page.
const PAGE_MAX: usize = 1000;
/// The most places that one call may name.
const PLACES_MAX: usize = 1000;

fn view(state: &State, app: &App, language: Language) -> WebhookView {
    let backlog = state.store.backlogs().remove(&app.settings.id).unwrap_or_default();
    WebhookView::new(&app.settings, backlog, app.delivery.counts(), language)
}

pub(crate) async fn show(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    AcceptLanguage(language): AcceptLanguage,
) -> AdminResult<WebhookView> {
    Ok(Json(view(&state, &*state.app(&app)?, language)))
}

pub(crate) async fn set(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    language: AcceptLanguage,
    Extension(context): Extension<AuditContext>,
    body: Bytes,
) -> AdminResult<WebhookView> {
    let request: WebhookPut = parse_body(&body)?;
    let url = WebhookUrl::parse(&request.url)
        .map_err(|error| AdminError::invalid(Bilingual::of(|language| error.explain(language))))?;
    if let Some(running) = &state.running {
        running.webhooks.check(&url).map_err(|failure| AdminError::invalid(failure::explain(&failure)))?;
    }
    let parse = |text: &String| {
        WebhookToken::parse(text).ok_or_else(|| {
            AdminError::invalid(bilingual!(
                "the token must be 1 to 128 visible ASCII characters, without spaces",
                "令牌（token）应为 1 到 128 个可见的 ASCII 字符，不含空格"
            ))
        })
    };
    let token = request.token.as_ref().map(|token| token.as_ref().map(parse).transpose()).transpose()?;
    let change = move |settings: &mut AppSettings| {
        let previous = settings.webhook.take().and_then(|webhook| webhook.token);
        settings.webhook = Some(Webhook { url: url.clone(), token: token.clone().unwrap_or(previous) });
        Ok(())
    };
    state.change_settings(&app, &context, change).await?;
    state.app(&app)?.delivery.retry_now();
    show(Extract(state), Path(app), language).await
}

pub(crate) async fn remove(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    language: AcceptLanguage,
    Extension(context): Extension<AuditContext>,
) -> AdminResult<WebhookView> {
    let change = move |settings: &mut AppSettings| {
        let removed = settings.webhook.take().map(|_| ());
        removed.ok_or_else(|| {
            AdminError::new(
                AdminCode::NoSuchItem,
                bilingual!("app {} has no webhook", "应用 {} 没有设置回调", settings.id),
            )
        })
    };
    state.change_settings(&app, &context, change).await?;
    show(Extract(state), Path(app), language).await
}

/// The query of a list of events.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventsQuery {
    /// `parked` (the default) or `waiting`.
    state: Option<String>,
    /// Only events after this place.
    after: Option<u64>,
    /// The most events in the page; default 100, at most 1000.
    limit: Option<usize>,
}

fn event_state(name: Option<&str>) -> Result<EventState, AdminError> {
    match name {
        None | Some("parked") => Ok(EventState::Parked),
        Some("waiting") => Ok(EventState::Waiting),
        Some(other) => Err(AdminError::invalid(bilingual!(
            "state: `{other}` is neither `waiting` nor `parked`",
            "state：`{other}` 既不是 `waiting` 也不是 `parked`"
        ))),
    }
}

pub(crate) async fn events(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    Query(query): Query<EventsQuery>,
    AcceptLanguage(language): AcceptLanguage,
) -> AdminResult<EventsView> {
    let app = state.app(&app)?.settings.id;
    let limit = query.limit.unwrap_or(100).clamp(1, PAGE_MAX);
    let event_state = event_state(query.state.as_deref())?;
    // One event more than asked for shows whether there is a next page.
    let mut page = state.store.events(app, event_state, query.after.map(OutboxSeq), limit + 1).await?;
    let more = page.len() > limit;
    page.truncate(limit);
    let next = page.last().filter(|_| more).map(|event| event.seq.0);
    Ok(Json(EventsView {
        events: page.into_iter().map(|event| EventView::new(event, language)).collect(),
        next,
    }))
}

pub(crate) async fn replay(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    Extension(context): Extension<AuditContext>,
    body: Bytes,
) -> AdminResult<CountView> {
    let choice: EventChoice = parse_body(&body)?;
    if event_state(choice.state.as_deref())? != EventState::Parked {
        return Err(AdminError::invalid(bilingual!(
            "state: only parked events can be replayed; waiting ones are delivered anyway",
            "state：只能重放已搁置的事件；等待中的事件会自动投递"
        )));
    }
    let app = state.app(&app)?;
    let id = app.settings.id;
    let write = |selection| Replay { app: id, selection };
    let events = apply_in_batches(&state, &context, id, EventState::Parked, choice, write).await?;
    app.delivery.wake.notify_one();
    Ok(Json(CountView { events }))
}

pub(crate) async fn drop(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    Extension(context): Extension<AuditContext>,
    body: Bytes,
) -> AdminResult<CountView> {
    let choice: EventChoice = parse_body(&body)?;
    let event_state = event_state(choice.state.as_deref())?;
    let app = state.app(&app)?.settings.id;
    let write = |selection| Discard { app, state: event_state, selection };
    let events = apply_in_batches(&state, &context, app, event_state, choice, write).await?;
    tracing::warn!(sdkappid = app.0, events, state = ?event_state, "webhook events were dropped by the operator");
    Ok(Json(CountView { events }))
}

/// Performs a write on the chosen events, or on all of them in batches of one commit each. Returns how many there were.
async fn apply_in_batches<W: TypedWrite<Output = usize>>(
    state: &State,
    context: &AuditContext,
    app: SdkAppId,
    event_state: EventState,
    choice: EventChoice,
    write: impl Fn(Selection) -> W,
) -> Result<usize, AdminError> {
    let amount = state.store.backlogs().get(&app).map_or(0, |backlog| backlog.amount(event_state).events);
    let name = if event_state == EventState::Parked { "parked" } else { "waiting" };
    let chosen = choice.places.as_ref().map_or_else(|| json!("all"), |places| json!(places.len()));
    let changed = AuditChange { before: json!({ name: amount }), after: json!({ "chosen": chosen }) };
    if let Some(places) = choice.places {
        if places.len() > PLACES_MAX {
            return Err(AdminError::invalid(bilingual!(
                "places: {} are too many; at most {PLACES_MAX} are allowed",
                "places：共 {} 个，最多允许 {PLACES_MAX} 个",
                places.len()
            )));
        }
        let places = Selection::Places(places.into_iter().map(OutboxSeq).collect());
        return Ok(state.write_audited(context, Some(app), write(places), changed).await?);
    }
    let mut events = 0;
    loop {
        let batch =
            state.write_audited(context, Some(app), write(Selection::Oldest(PLACES_MAX)), changed.clone());
        match batch.await? {
            0 => return Ok(events),
            done => events += done,
        }
    }
}

pub(crate) async fn test(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    AcceptLanguage(language): AcceptLanguage,
    Extension(context): Extension<AuditContext>,
) -> AdminResult<TestView> {
    let app = state.app(&app)?;
    let no_webhook = || {
        AdminError::new(
            AdminCode::NoSuchItem,
            bilingual!(
                "app {} has no webhook; set one first",
                "应用 {} 没有设置回调，请先设置",
                app.settings.id
            ),
        )
    };
    let webhook = app.settings.webhook.as_ref().ok_or_else(no_webhook)?;
    let not_running = || {
        AdminError::not_running(bilingual!(
            "a test event can be sent by a running server only; start one on this data",
            "只有运行中的服务可以发送测试事件；请先以此数据启动服务"
        ))
    };
    let running = state.running.as_ref().ok_or_else(not_running)?;
    let changed = AuditChange::without_before(json!({ "sent": "a sample event" }));
    state.write_audit_entry(&context, Some(app.settings.id), changed).await?;
    let id = state.event_ids.next(1);
    let report = running.webhooks.test(app.settings.id, webhook, id).await;
    let report = report.map_err(|failure| AdminError::invalid(failure::explain(&failure)))?;
    Ok(Json(TestView::new(report, language)))
}

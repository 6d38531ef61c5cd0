//! The JSON of webhooks in the admin API.

use super::value_json;
use portraitd_model::{AppSettings, Language, ProfileEvent};
use portraitd_store::{Amount, Backlog, OutboxEvent};
use portraitd_webhook::failure;
use portraitd_webhook::status::DeliveryCounts;
use portraitd_webhook::test_delivery::DeliveryReport;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An app's webhook with its backlog and delivery counts.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct WebhookView {
    /// Where events are sent; `null` when the app has no webhook.
    pub url: Option<String>,
    /// Whether requests are signed with a token; the token itself is never shown.
    pub signed: bool,
    /// Events that wait for delivery.
    pub waiting: AmountView,
    /// Events whose attempts are used up; they stay until they are replayed or dropped.
    pub parked: AmountView,
    /// For how long every attempt has failed, in milliseconds; `null` while attempts succeed.
    pub down_ms: Option<u64>,
    /// Events delivered since the server started.
    pub delivered: u64,
    /// Attempts that failed since the server started.
    pub failed: u64,
    /// Events dropped since the server started because the backlog was full.
    pub dropped: u64,
    /// Why the last failed attempt failed, in the language of `Accept-Language`.
    pub last_failure: Option<String>,
}

/// A number of stored events and their size.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct AmountView {
    /// The number of events.
    pub events: u64,
    /// Their stored size in bytes, without the overhead of the storage engine.
    pub bytes: u64,
}

/// A webhook to set.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookPut {
    /// Where events are sent: an `http://` or `https://` URL.
    pub url: String,
    /// The token that requests are signed with; absent: unchanged; `null`: requests are not signed.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "super::value::present")]
    pub token: Option<Option<String>>,
}

/// A page of webhook events.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct EventsView {
    /// The events, by ascending place.
    pub events: Vec<EventView>,
    /// The `after` of the next page; `null` on the last page.
    pub next: Option<u64>,
}

/// An event in the outbox.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct EventView {
    /// Its position in the outbox; `replay` and `drop` name events by it.
    pub place: u64,
    /// The number of delivery attempts so far.
    pub attempts: u32,
    /// When the next attempt is due, in Unix milliseconds; 0 = as soon as possible.
    pub(crate) due_ms: u64,
    /// Why the last attempt failed, in the language of `Accept-Language`; `null` before the first failure.
    pub failure: Option<String>,
    /// The content of the event; `null` when the stored event is damaged.
    pub event: Option<EventBody>,
}

/// The content of an event: one change of a profile.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct EventBody {
    /// The id in the header `x-portraitd-event-id`, the same in every attempt.
    pub(crate) id: String,
    /// The account whose profile changed.
    pub user: String,
    /// When it changed, in Unix milliseconds.
    pub(crate) at_ms: u64,
    /// The UserID that made the change, or `operator`.
    pub(crate) operator: String,
    /// The client's address of the call that made the change.
    pub(crate) client_ip: String,
    /// The new values, by tag.
    #[schemars(with = "BTreeMap<String, super::FieldJson>")]
    pub(crate) items: BTreeMap<String, serde_json::Value>,
}

/// The events to replay or to drop.
#[derive(Debug, Default, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventChoice {
    /// Their places, at most 1000; absent: all events in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub places: Option<Vec<u64>>,
    /// `parked` (the default) or `waiting`. Only parked events can be replayed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// The number of events that were replayed or dropped.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct CountView {
    /// The number of events.
    pub events: usize,
}

/// The request that delivered a sample event, and the receiver's response.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct TestView {
    /// The HTTP method of the request.
    pub method: String,
    /// The whole URL, with its query.
    pub url: String,
    /// The headers of the request, by name.
    pub headers: BTreeMap<String, String>,
    /// The body of the request.
    pub body: String,
    /// The HTTP status of the response; `null` when there was none.
    pub status: Option<u16>,
    /// The start of the response's body.
    pub answer: Option<String>,
    /// The time until the response or the failure, in milliseconds.
    pub milliseconds: u64,
    /// Why the attempt would not count as delivered, in the language of `Accept-Language`; `null` when it would.
    pub failure: Option<String>,
}

/// Returns a function that puts a failure into one language.
fn in_language(language: Language) -> impl Fn(String) -> String {
    move |failure| failure::explain(&failure).pick(language).to_owned()
}

impl WebhookView {
    pub(crate) fn new(
        settings: &AppSettings,
        backlog: Backlog,
        counts: DeliveryCounts,
        language: Language,
    ) -> Self {
        let webhook = settings.webhook.as_ref();
        Self {
            url: webhook.map(|webhook| webhook.url.to_string()),
            signed: webhook.is_some_and(|webhook| webhook.token.is_some()),
            waiting: backlog.waiting.into(),
            parked: backlog.parked.into(),
            down_ms: counts.down_ms,
            delivered: counts.delivered,
            failed: counts.failed,
            dropped: counts.dropped,
            last_failure: counts.last_failure.map(in_language(language)),
        }
    }
}

impl From<Amount> for AmountView {
    fn from(amount: Amount) -> Self {
        Self { events: amount.events, bytes: amount.bytes }
    }
}

impl TestView {
    pub(crate) fn new(report: DeliveryReport, language: Language) -> Self {
        Self {
            method: report.method,
            url: report.url,
            headers: report.headers,
            body: report.body,
            status: report.status,
            answer: report.answer,
            milliseconds: report.milliseconds,
            failure: report.failure.map(in_language(language)),
        }
    }
}

impl EventView {
    pub(crate) fn new(event: OutboxEvent, language: Language) -> Self {
        Self {
            place: event.seq.0,
            attempts: event.attempts,
            due_ms: event.due.0,
            failure: event.failure.map(in_language(language)),
            event: event.event.as_deref().map(EventBody::from),
        }
    }
}

impl From<&ProfileEvent> for EventBody {
    fn from(event: &ProfileEvent) -> Self {
        Self {
            id: event.id.to_string(),
            user: event.user.to_string(),
            at_ms: event.at.0,
            operator: event.operator.to_string(),
            client_ip: event.client_ip.to_string(),
            items: event.items.iter().map(|item| (item.tag.to_string(), value_json(&item.value))).collect(),
        }
    }
}

//! The JSON of webhooks in the admin API.

use super::value;
use portraitd_model::{AppSettings, ProfileEvent};
use portraitd_store::{Amount, Backlog, OutboxEvent};
use portraitd_webhook::status::DeliveryCounts;
use portraitd_webhook::test_delivery::DeliveryReport;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An app's webhook and how it does.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct WebhookView {
    /// `None`: the app has no webhook.
    pub url: Option<String>,
    /// Whether what is sent is signed; the token itself is never shown.
    pub signed: bool,
    /// Events to be delivered.
    pub waiting: AmountView,
    /// Events given up, until they are replayed or dropped.
    pub parked: AmountView,
    /// For how long the receiver has been down, in milliseconds.
    pub down_ms: Option<u64>,
    /// Since the server started.
    pub delivered: u64,
    /// Attempts that failed since the server started.
    pub failed: u64,
    /// Events lost to the backlog's bound since the server started.
    pub dropped: u64,
    /// Why the last attempt that failed did.
    pub last_failure: Option<String>,
}

/// How much is kept.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct AmountView {
    /// How many events.
    pub events: u64,
    /// Their stored size in bytes, without the engine's own overhead.
    pub bytes: u64,
}

/// A webhook to set.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookPut {
    /// Where events are sent: an `http://` or `https://` URL.
    pub url: String,
    /// Absent: the token stays as it is; `null`: what is sent is not signed.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "super::present")]
    pub token: Option<Option<String>>,
}

/// A page of events.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct EventsView {
    /// The events, in the order of their places.
    pub events: Vec<EventView>,
    /// Give this as `after` to get the next page; absent on the last.
    pub next: Option<u64>,
}

/// An event in the outbox.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct EventView {
    /// Its place, by which it is named in `replay` and `drop`.
    pub place: u64,
    /// How often its delivery was tried.
    pub attempts: u32,
    /// When it is tried next, in Unix milliseconds; 0 = as soon as possible.
    pub(crate) due_ms: u64,
    /// Why the last attempt failed; `null` before the first that did.
    pub failure: Option<String>,
    /// What is told; `None` when the stored event is damaged.
    pub event: Option<EventBody>,
}

/// What an event tells.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct EventBody {
    /// The same in every attempt, in the header `x-portraitd-event-id`.
    pub(crate) id: String,
    /// The account whose profile changed.
    pub user: String,
    /// When it changed, in Unix milliseconds.
    pub(crate) at_ms: u64,
    /// The UserID that changed it, or `operator`.
    pub(crate) operator: String,
    /// The address that the change came from.
    pub(crate) client_ip: String,
    /// Tag to value.
    #[schemars(with = "BTreeMap<String, super::Field>")]
    pub(crate) items: BTreeMap<String, serde_json::Value>,
}

/// Which events to replay or to drop.
#[derive(Debug, Default, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventChoice {
    /// Their places; absent: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub places: Option<Vec<u64>>,
    /// `parked`, unless it says `waiting`; events wait only to be dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// How many events were touched.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct CountView {
    /// How many events.
    pub events: usize,
}

/// A sample event that was sent, and what came back.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct TestView {
    /// The HTTP method of the request.
    pub method: String,
    /// The whole URL, with its query.
    pub url: String,
    /// The headers of the request, name to value.
    pub headers: BTreeMap<String, String>,
    /// The body of the request.
    pub body: String,
    /// `None`: there was no answer.
    pub status: Option<u16>,
    /// The start of the answer.
    pub answer: Option<String>,
    /// How long it took until the answer or the failure, in milliseconds.
    pub milliseconds: u64,
    /// Why this would not count as delivered; `None` when it would.
    pub failure: Option<String>,
}

impl WebhookView {
    pub(crate) fn of(settings: &AppSettings, backlog: Backlog, counts: DeliveryCounts) -> Self {
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
            last_failure: counts.last_failure,
        }
    }
}

impl From<Amount> for AmountView {
    fn from(amount: Amount) -> Self {
        Self { events: amount.events, bytes: amount.bytes }
    }
}

impl From<DeliveryReport> for TestView {
    fn from(report: DeliveryReport) -> Self {
        Self {
            method: report.method,
            url: report.url,
            headers: report.headers,
            body: report.body,
            status: report.status,
            answer: report.answer,
            milliseconds: report.milliseconds,
            failure: report.failure,
        }
    }
}

impl From<OutboxEvent> for EventView {
    fn from(event: OutboxEvent) -> Self {
        Self {
            place: event.seq.0,
            attempts: event.attempts,
            due_ms: event.due.0,
            failure: event.failure,
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
            items: event.items.iter().map(|item| (item.tag.to_string(), value(&item.value))).collect(),
        }
    }
}

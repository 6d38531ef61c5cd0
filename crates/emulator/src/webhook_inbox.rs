//! Entries of the webhook inbox: the calls that the emulator's own receiver got. It accepts every call and records it for
//! the assertions of tests.

use crate::recorded_body::RecordedBody;
use crate::ring_buffer::RingEntry;
use hyper::HeaderMap;
use percent_encoding::percent_decode_str;
use portraitd_model::UnixMillis;
use portraitd_webhook::request::EVENT_ID;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A webhook call that was received.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct InboxEntry {
    /// The call's number, counted from 1; `after` takes it.
    pub(crate) number: u64,
    pub(crate) at_ms: u64,
    /// The last segment of the URL that was called.
    #[serde(rename = "box")]
    pub(crate) box_name: String,
    /// `SdkAppid` of the query.
    pub(crate) app: Option<u32>,
    /// `CallbackCommand` of the query.
    pub(crate) command: Option<String>,
    /// `From_Account` of the body.
    pub(crate) user: Option<String>,
    /// The event's id, the same in every attempt to deliver it.
    pub(crate) event_id: Option<String>,
    pub(crate) query: BTreeMap<String, String>,
    /// Content type and `x-portraitd-…`.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Option<RecordedBody>,
}

impl InboxEntry {
    pub(super) fn of(
        box_name: String,
        at: UnixMillis,
        query: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Self {
        const PARAMETERS_MAX: usize = 32;
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let pairs = query.split('&').filter_map(|pair| pair.split_once('=')).take(PARAMETERS_MAX);
        let query: BTreeMap<String, String> =
            pairs.map(|(name, value)| (decode(name), decode(value))).collect();
        let is_recorded = |name: &str| name == "content-type" || name.starts_with("x-portraitd-");
        let text =
            |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers: BTreeMap<String, String> = headers
            .iter()
            .filter(|(name, _)| is_recorded(name.as_str()))
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect();
        let json: Option<serde_json::Value> = serde_json::from_slice(body).ok();
        let user = json.as_ref().and_then(|json| json.get("From_Account")?.as_str()).map(str::to_owned);
        Self {
            number: 0,
            at_ms: at.0,
            box_name,
            app: query.get("SdkAppid").and_then(|app| app.parse().ok()),
            command: query.get("CallbackCommand").cloned(),
            user,
            event_id: headers.get(EVENT_ID).cloned(),
            query,
            headers,
            body: RecordedBody::of(body),
        }
    }
}

impl RingEntry for InboxEntry {
    fn set_number(&mut self, number: u64) {
        self.number = number;
    }

    fn number(&self) -> u64 {
        self.number
    }

    fn size(&self) -> usize {
        /// About the size of all other fields, in bytes.
        const OTHER_FIELDS: usize = 512;
        let pairs = self.query.iter().chain(&self.headers);
        OTHER_FIELDS
            + pairs.map(|(name, value)| name.len() + value.len()).sum::<usize>()
            + self.body.as_ref().map_or(0, RecordedBody::size)
    }
}

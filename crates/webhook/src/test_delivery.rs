//! A sample event for trying a receiver out: nothing is stored, and nothing is tried again.

use crate::deliverer::{ANSWER_BYTES_MAX, Webhooks};
use crate::request;
use http_body_util::{BodyExt, Collected};
use hyper::HeaderMap;
use portraitd_model::{
    AppSettings, EventId, FieldValue, ProfileEvent, ProfileItem, SdkAppId, StandardTag, Tag, UserId, Webhook,
};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Instant;

/// Marks the sample, so that receivers can tell it from a change.
const TEST: &str = "x-portraitd-test";

/// How much of an answer is shown, in characters.
const SHOWN_MAX: usize = 2_000;

/// A sample event that was sent, and what came back.
#[derive(Clone, Debug)]
pub struct DeliveryReport {
    /// The request's method.
    pub method: String,
    /// The receiver's URL with the parameters that were added to it.
    pub url: String,
    /// The request's headers by their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The request's body: JSON.
    pub body: String,
    /// The HTTP status; `None`: there was no answer.
    pub status: Option<u16>,
    /// The start of the answer, without control characters.
    pub answer: Option<String>,
    /// From the request to the end of the answer, or to its failure.
    pub milliseconds: u64,
    /// Why this would not count as delivered; `None` when it would.
    pub failure: Option<String>,
}

impl Webhooks {
    /// Sends a sample event and tells what came back. Fails with a sentence when no request can be made.
    pub async fn test(
        &self,
        app: SdkAppId,
        webhook: &Webhook,
        id: EventId,
    ) -> Result<DeliveryReport, String> {
        let nick = FieldValue::Text("portraitd webhook test".into());
        let event = ProfileEvent {
            id,
            user: UserId::parse("portraitd_test").map_err(|error| error.to_string())?,
            at: self.clock.now(),
            operator: AppSettings::ADMINISTRATOR.into(),
            client_ip: Ipv4Addr::LOCALHOST.into(),
            items: vec![ProfileItem { tag: Tag::Standard(StandardTag::Nick), value: nick }],
        };
        let mut request = request::request(app, webhook, &event, self.clock.now().seconds())?;
        request.headers_mut().insert(TEST, hyper::header::HeaderValue::from_static("1"));
        let body = request.body().clone().collect().await.map(Collected::to_bytes).unwrap_or_default();
        let (method, url) = (request.method().to_string(), request.uri().to_string());
        let headers = shown(request.headers());
        let started = Instant::now();
        let answered = self.outbound.call(request, ANSWER_BYTES_MAX, self.config.timeout).await;
        let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (status, answer, failure) = match answered {
            Ok(response) => {
                let text = printable(response.body());
                let failure = request::understood(response.status(), response.body()).err();
                (Some(response.status().as_u16()), Some(text), failure)
            }
            Err(failure) => (None, None, Some(failure.into())),
        };
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(DeliveryReport { method, url, headers, body, status, answer, milliseconds, failure })
    }
}

/// The start of an answer, without what could drive a terminal.
fn printable(answer: &[u8]) -> String {
    let shown = |letter: char| if letter.is_control() && letter != '\n' { ' ' } else { letter };
    String::from_utf8_lossy(answer).chars().take(SHOWN_MAX).map(shown).collect()
}

fn shown(headers: &HeaderMap) -> BTreeMap<String, String> {
    let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

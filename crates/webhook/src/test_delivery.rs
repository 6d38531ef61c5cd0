//! A sample event that tests a receiver. It is not stored and not retried.

use crate::deliverer::{RESPONSE_BYTES_MAX, Webhooks};
use crate::request;
use http_body_util::{BodyExt, Collected};
use hyper::HeaderMap;
use portraitd_model::{
    AppSettings, EventId, FieldValue, ProfileEvent, ProfileItem, SdkAppId, StandardTag, Tag, UserId, Webhook,
};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Instant;

/// The header that tells receivers a sample from a change.
const TEST_HEADER: &str = "x-portraitd-test";

/// The most characters of a response in a report.
const RESPONSE_CHARS_MAX: usize = 2_000;

/// A sample event that was sent, and the receiver's response.
#[derive(Clone, Debug)]
pub struct DeliveryReport {
    /// The request's method.
    pub method: String,
    /// The receiver's URL with the added parameters.
    pub url: String,
    /// The request's headers by name in lower case.
    pub headers: BTreeMap<String, String>,
    /// The request's body: JSON.
    pub body: String,
    /// The HTTP status; `None` when there was no response.
    pub status: Option<u16>,
    /// The first characters of the response, without control characters.
    pub answer: Option<String>,
    /// The milliseconds from sending the request to the end of the response, or to the failure.
    pub milliseconds: u64,
    /// Why the event would not count as delivered; `None` when it would.
    pub failure: Option<String>,
}

impl Webhooks {
    /// Sends a sample event and returns a report. Fails with a message when no request can be made.
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
        let mut request = request::build(app, webhook, &event, self.clock.now().seconds())?;
        request.headers_mut().insert(TEST_HEADER, hyper::header::HeaderValue::from_static("1"));
        let body = request.body().clone().collect().await.map(Collected::to_bytes).unwrap_or_default();
        let (method, url) = (request.method().to_string(), request.uri().to_string());
        let headers = header_map(request.headers());
        let started = Instant::now();
        let result = self.client.call(request, RESPONSE_BYTES_MAX, self.config.timeout).await;
        let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (status, answer, failure) = match result {
            Ok(response) => {
                let text = printable(response.body());
                let failure = request::check_response(response.status(), response.body()).err();
                (Some(response.status().as_u16()), Some(text), failure)
            }
            Err(failure) => (None, None, Some(failure.into())),
        };
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(DeliveryReport { method, url, headers, body, status, answer, milliseconds, failure })
    }
}

/// Returns the first characters of a response, without control characters, which a terminal would obey.
fn printable(response: &[u8]) -> String {
    let replace = |letter: char| if letter.is_control() && letter != '\n' { ' ' } else { letter };
    String::from_utf8_lossy(response).chars().take(RESPONSE_CHARS_MAX).map(replace).collect()
}

fn header_map(headers: &HeaderMap) -> BTreeMap<String, String> {
    let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

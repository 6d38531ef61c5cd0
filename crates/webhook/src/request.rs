//! The webhook request for an event (contract, section 8; 269/76489), and the meaning of the receiver's response.

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::Full;
use hyper::header::{self, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::{HeaderMap, Method, Request, StatusCode, Uri};
use portraitd_model::{ProfileEvent, ProfileItem, SdkAppId, UnixSeconds, Webhook, WebhookToken};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use subtle::ConstantTimeEq;

/// The command's name in the cloud's callback.
const COMMAND: &str = "Profile.CallbackPortraitSet";
/// The header with the event's id; the same in every attempt.
pub const EVENT_ID: &str = "x-portraitd-event-id";
/// The header with the time of signing, in Unix seconds.
pub(super) const TIMESTAMP: &str = "x-portraitd-timestamp";
/// The header with portraitd's signature: `v1=` and the HMAC-SHA256, in hexadecimal, of the timestamp, a full stop and the
/// body. The key is the token.
pub const SIGNATURE: &str = "x-portraitd-signature";

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body<'a> {
    callback_command: &'static str,
    #[serde(rename = "Operator_Account")]
    operator: &'a str,
    #[serde(rename = "From_Account")]
    from: &'a str,
    event_time: u64,
    profile_item: &'a [ProfileItem],
}

/// Builds the request for an event.
pub(crate) fn build(
    app: SdkAppId,
    webhook: &Webhook,
    event: &ProfileEvent,
    now: UnixSeconds,
) -> Result<Request<Full<Bytes>>, String> {
    let body = serde_json::to_vec(&Body {
        callback_command: COMMAND,
        operator: &event.operator,
        from: event.user.as_str(),
        event_time: event.at.0,
        profile_item: &event.items,
    })
    .map_err(|error| error.to_string())?;
    let signature = webhook.token.as_ref().map(|token| body_signature(token, now, &body));
    let mut request = Request::new(Full::new(Bytes::from(body)));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri(app, webhook, event, now)?;
    let headers = request.headers_mut();
    let value = |text: String| HeaderValue::try_from(text).map_err(|error| error.to_string());
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let agent = concat!("portraitd/", env!("CARGO_PKG_VERSION"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(agent));
    headers.insert(EVENT_ID, value(event.id.to_string())?);
    headers.insert(TIMESTAMP, now.0.into());
    if let Some(signature) = signature {
        headers.insert(SIGNATURE, value(signature)?);
    }
    Ok(request)
}

/// Returns the receiver's URL with the cloud's parameters after its own.
fn uri(app: SdkAppId, webhook: &Webhook, event: &ProfileEvent, now: UnixSeconds) -> Result<Uri, String> {
    let url = webhook.url.uri();
    let mut target = String::with_capacity(320);
    target.push_str(url.path_and_query().map_or("/", PathAndQuery::as_str));
    let first = if url.query().is_some() { '&' } else { '?' };
    // The brackets and colons of an IPv6 address need no encoding in a query.
    let written = write!(
        target,
        "{first}SdkAppid={app}&CallbackCommand={COMMAND}&contenttype=json&ClientIP={}&OptPlatform=RESTAPI",
        event.client_ip
    );
    written.map_err(|error| error.to_string())?;
    if let Some(token) = &webhook.token {
        write!(target, "&Sign={}&RequestTime={}", cloud_sign(token, now), now.0)
            .map_err(|error| error.to_string())?;
    }
    let invalid = |_| "the URL with the added parameters is not valid".to_owned();
    let mut parts = url.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::from_maybe_shared(Bytes::from(target)).map_err(invalid)?);
    Uri::from_parts(parts).map_err(|error| error.to_string())
}

/// Returns the cloud's signature: SHA-256 of the token and the time.
fn cloud_sign(token: &WebhookToken, now: UnixSeconds) -> String {
    hex(&Sha256::digest(format!("{}{}", token.expose(), now.0)))
}

/// Whether a request has portraitd's signature. For receivers, which should also refuse old timestamps.
pub fn verify(token: &WebhookToken, headers: &HeaderMap, body: &[u8]) -> bool {
    let header = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let (Some(given), Some(now)) = (header(SIGNATURE), header(TIMESTAMP).and_then(|now| now.parse().ok()))
    else {
        return false;
    };
    body_signature(token, UnixSeconds(now), body).as_bytes().ct_eq(given.as_bytes()).into()
}

/// Returns the value of [`SIGNATURE`], which covers the body; the cloud's signature does not.
fn body_signature(token: &WebhookToken, now: UnixSeconds, body: &[u8]) -> String {
    // HMAC takes keys of any length, so the error can't happen; an empty signature matches nothing.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(token.expose().as_bytes()) else { return String::new() };
    mac.update(format!("{}.", now.0).as_bytes());
    mac.update(body);
    format!("v1={}", hex(&mac.finalize().into_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from(if half < 10 { b'0' + half } else { b'a' + half - 10 });
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}

/// The member of a receiver's response that decides.
#[derive(Deserialize)]
struct ReceiverAnswer {
    #[serde(rename = "ErrorCode")]
    code: i64,
}

/// Returns whether the receiver accepted the event: a 2xx with `ErrorCode` 0 in its body. The error says why not.
pub fn check_response(status: StatusCode, body: &[u8]) -> Result<(), String> {
    if !status.is_success() {
        return Err(format!("HTTP {}", status.as_u16()));
    }
    // serde reads a list as an object's members in their order.
    let is_object = body.trim_ascii_start().starts_with(b"{");
    match serde_json::from_slice(body).ok().filter(|_| is_object) {
        Some(ReceiverAnswer { code: 0 }) => Ok(()),
        Some(ReceiverAnswer { code }) => Err(format!("ErrorCode {code}")),
        None => Err("the answer is not a JSON object with an ErrorCode".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;
    use portraitd_model::{EventId, FieldValue, StandardTag, Tag, UnixMillis, UserId, WebhookUrl};

    fn event() -> ProfileEvent {
        let item = |tag, value| ProfileItem { tag: Tag::Standard(tag), value };
        ProfileEvent {
            id: EventId(0x2a),
            user: UserId::parse("爱丽丝\"").unwrap(),
            at: UnixMillis(1_670_574_414_123),
            operator: "administrator".into(),
            client_ip: "2001:db8::1".parse().unwrap(),
            items: vec![
                item(StandardTag::Nick, FieldValue::Text("MyNickName".into())),
                item(StandardTag::Level, FieldValue::Uint(u64::MAX)),
            ],
        }
    }

    fn sent(url: &str, token: Option<&str>) -> (String, Vec<String>, String) {
        let token = token.map(|token| WebhookToken::parse(token).unwrap());
        let webhook = Webhook { url: WebhookUrl::parse(url).unwrap(), token };
        let request = build(SdkAppId(1_400_000_000), &webhook, &event(), UnixSeconds(1_669_872_112)).unwrap();
        let (head, body) = request.into_parts();
        let headers =
            head.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        let body = futures_util::FutureExt::now_or_never(body.collect()).unwrap().unwrap().to_bytes();
        (head.uri.to_string(), headers, String::from_utf8(body.to_vec()).unwrap())
    }

    #[test]
    fn the_request_is_the_same_as_the_cloud_s() {
        let (uri, headers, body) = sent("http://example.com/hook", None);
        insta::assert_snapshot!(uri, @"http://example.com/hook?SdkAppid=1400000000&CallbackCommand=Profile.CallbackPortraitSet&contenttype=json&ClientIP=2001:db8::1&OptPlatform=RESTAPI");
        insta::assert_snapshot!(body, @r#"{"CallbackCommand":"Profile.CallbackPortraitSet","Operator_Account":"administrator","From_Account":"爱丽丝\"","EventTime":1670574414123,"ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"MyNickName"},{"Tag":"Tag_Profile_IM_Level","Value":18446744073709551615}]}"#);
        assert!(headers.contains(&"x-portraitd-event-id: 0000000000000000000000000000002a".to_owned()));
        assert!(!headers.iter().any(|header| header.starts_with(SIGNATURE)));
    }

    /// The test vector is from the contract.
    #[test]
    fn a_token_adds_the_cloud_s_signature_and_one_of_the_body() {
        let (uri, headers, body) = sent("https://example.com/hook?a=b", Some("xxxxyyyy"));
        let sign = "17773bc39a671d7b9aa835458704d2a6db81360a5940292b587d6d760d484061";
        assert!(uri.starts_with("https://example.com/hook?a=b&SdkAppid=1400000000&"), "{uri}");
        assert!(uri.ends_with(&format!("&Sign={sign}&RequestTime=1669872112")), "{uri}");
        let mut mac = Hmac::<Sha256>::new_from_slice(b"xxxxyyyy").unwrap();
        mac.update(format!("1669872112.{body}").as_bytes());
        let expected = format!("{SIGNATURE}: v1={}", hex(&mac.finalize().into_bytes()));
        assert!(headers.contains(&expected), "{headers:?}");
        assert!(headers.contains(&format!("{TIMESTAMP}: 1669872112")));
    }

    #[test]
    fn only_a_2xx_with_error_code_0_counts_as_delivered() {
        let check = |status: u16, body: &str, expected: Result<(), &str>| {
            let found = check_response(StatusCode::from_u16(status).unwrap(), body.as_bytes());
            assert_eq!(found, expected.map_err(str::to_owned), "{status} {body}");
        };
        check(200, r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#, Ok(()));
        check(204, r#"{"ErrorCode":0}"#, Ok(()));
        check(200, r#"{"ErrorCode":1,"ErrorInfo":"no"}"#, Err("ErrorCode 1"));
        check(200, r#"{"ActionStatus":"OK"}"#, Err("the answer is not a JSON object with an ErrorCode"));
        check(200, "ok", Err("the answer is not a JSON object with an ErrorCode"));
        check(200, "", Err("the answer is not a JSON object with an ErrorCode"));
        check(200, "[0]", Err("the answer is not a JSON object with an ErrorCode"));
        check(302, r#"{"ErrorCode":0}"#, Err("HTTP 302"));
        check(500, r#"{"ErrorCode":0}"#, Err("HTTP 500"));
    }
}

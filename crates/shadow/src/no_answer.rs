//! What a caller gets when no side has answered.

use crate::memory::BodyError;
use crate::side::Side;
use crate::upstream::NoReply;
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, StatusCode};
use portraitd_api::envelope::{ApiError, Explained, Style, respond};
use portraitd_model::{Bilingual, ErrorCode, Language, bilingual};
use std::time::Duration;

/// Returns the answer when there is none: HTTP 502, and in the body 60008, since clients that look at the body alone must not
/// take it for a success.
pub(crate) fn no_answer(language: Language, why: &Bilingual) -> Response<Full<Bytes>> {
    let [english, chinese] =
        Language::BOTH.map(|language| format!("portraitd shadow: {}", why.pick(language)));
    let error = ApiError::with_detail(ErrorCode::Timeout, english, chinese);
    let style = Style { language, explained: Explained::Nowhere };
    let mut response = respond(&mut Err(error), None, style);
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response.map(Full::new)
}

/// Says why a body was not read.
pub(crate) fn explain_body(error: BodyError) -> Bilingual {
    match error {
        BodyError::TooLarge(bytes) => {
            bilingual!("the body is larger than {bytes} bytes", "请求体超过 {bytes} 字节")
        }
        BodyError::MemoryShort => {
            bilingual!("the bodies of all calls take too much memory", "所有请求的包体占用内存过多")
        }
        BodyError::Incomplete => bilingual!("the body is not complete", "请求体不完整"),
    }
}

/// Says why a side gave no answer.
pub(crate) fn explain(side: Side, reason: NoReply, time_limit: Duration) -> Bilingual {
    let (english, chinese) = match side {
        Side::Cloud => ("the cloud", "云端"),
        Side::Here => ("portraitd", "portraitd"),
    };
    let ms = time_limit.as_millis();
    match reason {
        NoReply::Unsent | NoReply::NotConnected | NoReply::Paused => {
            bilingual!("no connection to {english}", "无法连接{chinese}")
        }
        NoReply::Late => {
            bilingual!("{english} did not answer within {ms} ms", "{chinese}未在 {ms} 毫秒内应答")
        }
        NoReply::Lost => bilingual!(
            "{english} closed the connection before its answer ended",
            "{chinese}在应答结束前断开了连接"
        ),
        NoReply::TooLarge => bilingual!("{english}'s answer is too large", "{chinese}的应答过大"),
        NoReply::MemoryShort => {
            bilingual!("the answers of all calls take too much memory", "所有请求的应答占用内存过多")
        }
    }
}

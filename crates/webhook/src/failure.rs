//! Why an attempt failed, for people. A failure is stored with its event as an English sentence, also by earlier versions; in
//! Chinese it is put when it is shown.

use portraitd_model::{Bilingual, Language};

/// Sentences that are always the same.
const FIXED: [(&str, &str); 5] = [
    ("the URL with the added parameters is not valid", "URL 加上回调参数后无效"),
    ("the answer is not a JSON object with an ErrorCode", "应答不是带有 ErrorCode 的 JSON 对象"),
    ("the stored event is damaged", "存储的事件已损坏"),
    ("the receiver was down", "接收方停机"),
    ("the app has no webhook", "应用没有设置回调"),
];

/// What connections end with, as hyper and the operating system write it.
const CONNECTION: [(&str, &str); 7] = [
    ("Connection refused", "接收方拒绝连接"),
    ("Connection reset", "接收方重置了连接"),
    ("connection closed", "接收方未应答即关闭了连接"),
    ("dns error", "域名解析失败"),
    ("unreachable", "网络不可达"),
    ("certificate", "证书校验失败"),
    ("client error", "连接接收方失败"),
];

/// Returns a failure in both languages. What a library wrote is quoted after a Chinese summary.
pub fn explain(failure: &str) -> Bilingual {
    Bilingual::of(|language| match language {
        Language::English => failure.to_owned(),
        Language::Chinese => chinese(failure),
    })
}

fn chinese(failure: &str) -> String {
    if let Some((_, chinese)) = FIXED.iter().find(|(english, _)| *english == failure) {
        return (*chinese).to_owned();
    }
    let between = |start: &str, end: &str| failure.strip_prefix(start)?.strip_suffix(end);
    if let Some(ms) = between("no answer within ", " ms") {
        return format!("接收方在 {ms} 毫秒内没有应答");
    }
    if let Some(bytes) = between("the answer is larger than ", " bytes") {
        return format!("应答超过 {bytes} 字节");
    }
    let (_, refused) = failure.rsplit_once(": ").unwrap_or(("", failure));
    let refused = if failure.starts_with("client error") { refused } else { failure };
    let policy = " is not a public address; the operator can allow it in [webhook] allow_networks";
    if let Some(address) = refused.strip_suffix(policy) {
        return format!("{address} 不是公网地址；运维可在 [webhook] allow_networks 中允许");
    }
    let summary = CONNECTION.iter().find(|(part, _)| failure.contains(part));
    summary.map_or_else(|| failure.to_owned(), |(_, summary)| format!("{summary}（{failure}）"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::check_response;
    use bytes::Bytes;
    use http_body_util::Full;
    use hyper::{Request, StatusCode};
    use portraitd_http::address_policy::AddressPolicy;
    use portraitd_http::client::HttpClient;
    use portraitd_http::trust::Trust;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    fn in_chinese(failure: &str) -> String {
        let sentence = explain(failure);
        assert_eq!(sentence.english(), failure);
        sentence.pick(Language::Chinese).to_owned()
    }

    #[test]
    fn answers_that_do_not_acknowledge_are_explained() {
        let failure = |status: u16, body: &[u8]| {
            in_chinese(&check_response(StatusCode::from_u16(status).unwrap(), body).unwrap_err())
        };
        assert_eq!(failure(500, b""), "HTTP 500");
        assert_eq!(failure(200, br#"{"ErrorCode":7}"#), "ErrorCode 7");
        assert_eq!(failure(200, b"ok"), "应答不是带有 ErrorCode 的 JSON 对象");
    }

    #[tokio::test]
    async fn what_the_client_says_is_explained() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let large = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let large_port = large.local_addr().unwrap().port();
        let answering = tokio::spawn(async move {
            let (mut stream, _) = large.accept().await.unwrap();
            // An answer before the request is none.
            stream.read_buf(&mut Vec::with_capacity(1024)).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789").await.unwrap();
            stream
        });
        let call = async |policy, url: String, ms| {
            let client = HttpClient::new(policy, Trust::Nothing).unwrap();
            let request = Request::post(url).body(Full::new(Bytes::new())).unwrap();
            in_chinese(&String::from(client.call(request, 4, Duration::from_millis(ms)).await.unwrap_err()))
        };
        let any = AddressPolicy::any;
        assert_eq!(call(any(), format!("http://127.0.0.1:{port}/"), 20).await, "接收方在 20 毫秒内没有应答");
        assert_eq!(call(any(), format!("http://127.0.0.1:{large_port}/"), 60_000).await, "应答超过 4 字节");
        drop(listener);
        let refused = call(any(), format!("http://127.0.0.1:{port}/"), 60_000).await;
        assert!(refused.starts_with("接收方拒绝连接（client error"), "{refused}");
        let public = || AddressPolicy::public_and(Vec::new());
        for host in ["127.0.0.1", "localhost"] {
            let refused = call(public(), format!("http://{host}:{port}/"), 60_000).await;
            assert!(
                refused.ends_with(" 不是公网地址；运维可在 [webhook] allow_networks 中允许"),
                "{refused}"
            );
        }
        drop(answering);
    }

    #[test]
    fn what_is_not_known_is_quoted() {
        assert_eq!(in_chinese("something new"), "something new");
    }
}

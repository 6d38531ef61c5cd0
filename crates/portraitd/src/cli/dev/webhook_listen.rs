//! `portraitd webhook listen`: a webhook receiver for development. It prints every event and answers with success.

use crate::cli::language::chosen::{language, localized};
use crate::cli::output::{foreign, note, print_json_line, say};
use crate::cli::secret_argument::secret;
use crate::cli::serve::instance::StopSignals;
use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Collected, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use portraitd_api::envelope::{Answer, Explained, Style, respond};
use portraitd_api::host_policy::HostPolicy;
use portraitd_model::{Language, WebhookToken};
use portraitd_webhook::request::{EVENT_ID, SIGNATURE, verify};
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// The most bytes of an event.
const BODY_BYTES_MAX: usize = 1 << 20;
/// How long it waits after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The port on this machine; 0 takes a free port
    #[arg(long, default_value_t = 9000)]
    port: u16,
    /// Check signatures with this token
    #[arg(long, value_name = "TOKEN", env = "PORTRAITD_WEBHOOK_TOKEN", hide_env_values = true, value_parser = secret)]
    token: Option<String>,
    /// Print one line of JSON for each event
    #[arg(long)]
    json: bool,
    /// Also accept requests for this Host or Origin (repeatable)
    #[arg(long, value_name = "HOST")]
    allow_host: Vec<String>,
}

#[derive(Clone)]
struct WebhookReceiver {
    token: Option<WebhookToken>,
    json: bool,
    hosts: Arc<HostPolicy>,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let token = args.token.as_deref().map(|token| {
        WebhookToken::parse(token).with_context(|| localized!("--token can't be used", "--token 无效"))
    });
    let hosts = Arc::new(HostPolicy::Local(args.allow_host));
    let receiver = WebhookReceiver { token: token.transpose()?, json: args.json, hosts };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    let socket = TcpListener::bind(address).await;
    let socket = socket.with_context(|| {
        localized!(
            "can't listen on {address}; choose another --port, or 0",
            "无法监听 {address}；请用 --port 另选端口，或 0"
        )
    })?;
    let url = format!("http://{}/", socket.local_addr()?);
    if args.json {
        say(serde_json::json!({ "url": url }));
    } else {
        say(localized!(
            "Listening on {url}\nSet it:  portraitd webhook set SDKAPPID {url} --data DIR\nStop it: Ctrl-C\n",
            "监听 {url}\n设置： portraitd webhook set SDKAPPID {url} --data DIR\n停止： Ctrl-C\n"
        ));
    }
    let stopped = StopSignals::new()?;
    tokio::select! {
        () = accept(socket, receiver) => {}
        () = stopped.asked_to_stop() => {}
    }
    Ok(())
}

async fn accept(socket: TcpListener, receiver: WebhookReceiver) {
    loop {
        let Ok((stream, _)) = socket.accept().await else {
            // The usual cause is too few file descriptors. Connections end meanwhile.
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let receiver = receiver.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| receiver.receive(request));
            // A client that disconnects is no error of the receiver.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

impl WebhookReceiver {
    async fn receive(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let style = Style { language: Language::English, explained: Explained::Nowhere };
        // Any web page can send requests here, and would be shown as an event.
        if let Err(refused) = self.hosts.check(&head) {
            note(localized!("refused: {}", "已拒绝：{}", foreign(&refused.explain(language()))));
            let mut response = respond(&mut Err(refused), None, style).map(Full::new);
            *response.status_mut() = StatusCode::FORBIDDEN;
            return Ok(response);
        }
        let body = Limited::new(body, BODY_BYTES_MAX).collect().await;
        let body = body.map(Collected::to_bytes).unwrap_or_default();
        let header = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
        let signature = match (&self.token, header(SIGNATURE)) {
            (None, None) => ("unsigned", "未签名"),
            (None, Some(_)) => ("signed, not checked: give --token", "已签名，未校验：请用 --token 指定令牌"),
            (Some(token), _) if verify(token, &head.headers, &body) => ("signature fits", "签名相符"),
            (Some(_), None) => ("NOT SIGNED", "未签名，与 --token 不符"),
            (Some(_), Some(_)) => ("SIGNATURE DOES NOT FIT", "签名不符"),
        };
        let without_id =
            if self.json { "no event id" } else { language().pick("no event id", "没有事件 ID") };
        let id = header(EVENT_ID).unwrap_or(without_id);
        if self.json {
            let parsed: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
            let query = head.uri.query().unwrap_or_default();
            let event =
                serde_json::json!({ "event": id, "query": query, "signature": signature.0, "body": parsed });
            // It is an object of texts, which can be written.
            let _ = print_json_line(&event);
        } else {
            let signature = language().pick(signature.0, signature.1);
            let (id, body) = (foreign(id), String::from_utf8_lossy(&body));
            say(format_args!("{id} · {signature}\n{}\n", foreign(&body)));
        }
        Ok(respond(&mut Ok(Answer::ok()), Some(portraitd_model::Service::Account), style).map(Full::new))
    }
}

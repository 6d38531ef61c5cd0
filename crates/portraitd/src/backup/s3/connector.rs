//! The requests of `object_store` over portraitd's own HTTP client: one TLS, one list of trusted roots.

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use object_store::client::{
    ClientOptions, HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService,
};
use portraitd_http::client::{CallError, HttpClient as OwnClient};
use std::io;
use std::time::Duration;

/// Within this time a part of the backup is taken, or another request answered.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(5);

/// Sends requests with a client.
#[derive(Clone, Debug)]
pub(super) struct Connector(pub(super) OwnClient);

impl HttpConnector for Connector {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Connector {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (head, body) = request.into_parts();
        // A part is one piece of memory, which is not copied.
        let body = body.collect().await?.to_bytes();
        let sent = self.0.send(Request::from_parts(head, Full::<Bytes>::new(body)));
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, sent).await;
        let late = |_| HttpError::new(HttpErrorKind::Timeout, io::Error::other("no answer within 300 s"));
        let (head, body) = answer.map_err(late)?.map_err(failed)?.into_parts();
        let body = body.map_err(|error| HttpError::new(HttpErrorKind::Interrupted, error));
        Ok(HttpResponse::from_parts(head, HttpResponseBody::new(body)))
    }
}

fn failed(error: CallError) -> HttpError {
    let kind = if error.is_connect { HttpErrorKind::Connect } else { HttpErrorKind::Request };
    HttpError::new(kind, error)
}

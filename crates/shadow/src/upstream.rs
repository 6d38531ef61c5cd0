//! One side as a server that is called: its address, its connections, and what comes back.

use crate::memory::{BodyError, HeldBody, Memory};
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::http::response::Parts;
use portraitd_http::client::HttpClient;
use portraitd_http::server_url::ServerUrl;
use portraitd_http::trust::Trust;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The most bytes of an answer: 100 profiles with every field at its longest take 2.6 MB when each character is escaped.
const ANSWER_BYTES_MAX: usize = 8 << 20;

/// How long a side that has not answered in time is left alone when its answer is wanted for comparison only: callers must not
/// wait for it again and again.
const PAUSE: Duration = Duration::from_secs(5);

/// A side.
pub(crate) struct Upstream {
    pub(crate) url: ServerUrl,
    client: HttpClient,
    memory: Memory,
    time_limit: Duration,
    paused_until: Mutex<Option<Instant>>,
}

/// An answer of a server.
pub(crate) struct Reply {
    pub(crate) head: Parts,
    pub(crate) body: HeldBody,
}

/// Why there is no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NoReply {
    /// The request could not be written for it.
    Unsent,
    /// No connection was made, so that nothing was sent.
    NotConnected,
    /// It did not answer within the time limit.
    Late,
    /// The connection ended before the answer did.
    Lost,
    /// The answer is larger than what is read.
    TooLarge,
    /// Answers of all calls take the memory that they may.
    MemoryShort,
    /// It was not asked, since it did not answer in time a moment ago.
    Paused,
}

impl Upstream {
    /// Returns a side; over TLS, the certificates in `ca` are trusted beside the system's.
    pub(crate) fn new(
        url: ServerUrl,
        ca: Option<&Path>,
        memory: Memory,
        time_limit: Duration,
    ) -> anyhow::Result<Self> {
        let client = url.client(Trust::Roots(ca))?;
        Ok(Self { url, client, memory, time_limit, paused_until: Mutex::default() })
    }

    /// Makes a call.
    pub(crate) async fn call(&self, request: Request<Full<Bytes>>) -> Result<Reply, NoReply> {
        let answered = tokio::time::timeout(self.time_limit, self.exchange(request)).await;
        if answered.is_err() {
            *self.paused() = Some(Instant::now() + PAUSE);
        }
        answered.unwrap_or(Err(NoReply::Late))
    }

    /// Makes a call whose answer is wanted for comparison only.
    pub(crate) async fn call_unless_paused(&self, request: Request<Full<Bytes>>) -> Result<Reply, NoReply> {
        if self.paused().is_some_and(|until| Instant::now() < until) {
            return Err(NoReply::Paused);
        }
        self.call(request).await
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Reply, NoReply> {
        let response = self.client.send(request).await.map_err(|error| {
            tracing::debug!(server = %self.url, %error, "no answer");
            if error.is_connect { NoReply::NotConnected } else { NoReply::Lost }
        })?;
        let (head, body) = response.into_parts();
        let body = self.memory.read(body, ANSWER_BYTES_MAX).await.map_err(|error| match error {
            BodyError::TooLarge(_) => NoReply::TooLarge,
            BodyError::MemoryShort => NoReply::MemoryShort,
            BodyError::Incomplete => NoReply::Lost,
        })?;
        Ok(Reply { head, body })
    }

    fn paused(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.paused_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! The live stream (`text/event-stream`): recorded calls and webhook calls as they come, and a notice when faults, the clock
//! or the data were changed. Nothing is kept for a client: a slow one reads later what the records still hold.

use super::extract::StrictQuery;
use super::state::ControlState;
use crate::call_log::RecordedCall;
use crate::emulator::{Emulator, STREAMS_MAX};
use crate::ring_buffer::{RingBuffer, RingEntry};
use axum::Extension;
use axum::body::Body;
use axum::extract::State as Extract;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use portraitd_admin::auth::Validity;
use portraitd_admin::error::AdminError;
use portraitd_admin::error_code::AdminCode;
use portraitd_admin::language::AskedLanguage;
use portraitd_model::{Language, bilingual};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_util::sync::CancellationToken;

/// What arrives within this time is sent together.
const BATCH: Duration = Duration::from_millis(50);
/// A comment is sent after so long a silence, so that a lost connection is noticed.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// The most entries in one event.
const ENTRIES_MAX: usize = 100;

/// The query of a stream.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LiveQuery {
    /// The id in the `start` event of the stream that the client had before. With the id of another start nothing is skipped.
    start: Option<String>,
    /// The number of the last call that the client has.
    #[serde(default)]
    after: u64,
    /// The number of the last webhook call that it has.
    #[serde(default)]
    after_webhook: u64,
}

pub(super) async fn stream(
    Extract(state): Extract<ControlState>,
    AskedLanguage(asked): AskedLanguage,
    Extension(validity): Extension<Validity>,
    StrictQuery(query): StrictQuery<LiveQuery>,
) -> Result<Response, AdminError> {
    let emulator = &state.emulator;
    let permit = Arc::clone(&emulator.streams).try_acquire_owned().map_err(|_| {
        AdminError::new(
            AdminCode::Busy,
            bilingual!(
                "{STREAMS_MAX} live streams are open, and no more are served: close a tab",
                "已打开 {STREAMS_MAX} 个实时连接，达到上限：请关闭一个标签页"
            ),
        )
    })?;
    // The head of the answer goes out with the first bytes of its body.
    let mut unsent = "retry: 1000\n\n".to_owned();
    event(&mut unsent, "start", &*state.start_id);
    let is_of_another_start = query.start.is_some_and(|start| *start != *state.start_id);
    if is_of_another_start {
        event(&mut unsent, "restarted", &true);
    }
    let place = |after: u64| if is_of_another_start { 0 } else { after };
    let follower = Follower {
        calls: Position { after: place(query.after), news: emulator.calls.subscribe() },
        webhooks: Position { after: place(query.after_webhook), news: emulator.inbox.subscribe() },
        changes: emulator.changes.subscribe(),
        emulator: Arc::clone(emulator),
        stop: state.stop.clone(),
        asked,
        validity,
        unsent,
        _permit: permit,
    };
    let events = stream::unfold(follower, |mut follower| async {
        let text = follower.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(text)), follower))
    });
    let head = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // nginx would keep the events until they fill a buffer.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((head, Body::from_stream(events)).into_response())
}

/// One client of the stream.
struct Follower {
    emulator: Arc<Emulator>,
    calls: Position,
    webhooks: Position,
    changes: watch::Receiver<u64>,
    stop: CancellationToken,
    asked: Option<Language>,
    /// A client that may not open the stream any more must not read on.
    validity: Validity,
    unsent: String,
    _permit: OwnedSemaphorePermit,
}

/// How far a client has read one of the records.
struct Position {
    after: u64,
    news: watch::Receiver<u64>,
}

impl Position {
    /// Appends what came since, at most [`ENTRIES_MAX`] entries.
    fn read<T: RingEntry + Serialize>(
        &mut self,
        ring: &RingBuffer<T>,
        name: &str,
        for_reader: impl Fn(T) -> T,
        events: &mut String,
    ) {
        self.news.mark_unchanged();
        if self.after > ring.last_number() {
            self.after = 0;
            event(events, "restarted", &true);
        }
        let (missed, entries) = ring.next_after(self.after, ENTRIES_MAX);
        if missed > 0 {
            self.after += missed;
            event(events, "missed", &missed);
        }
        if let Some(last) = entries.last() {
            self.after = last.number();
            if entries.len() == ENTRIES_MAX {
                self.news.mark_changed();
            }
            event(events, name, &entries.into_iter().map(for_reader).collect::<Vec<_>>());
        }
    }
}

impl Follower {
    /// Waits for news, and returns them as events; `None` when the server stops, or the client's token or session has ended.
    async fn next(&mut self) -> Option<String> {
        loop {
            if !self.validity.holds() {
                return None;
            }
            if !self.unsent.is_empty() {
                return Some(std::mem::take(&mut self.unsent));
            }
            self.collect();
            if !self.unsent.is_empty() {
                continue;
            }
            tokio::select! {
                () = self.stop.cancelled() => return None,
                () = self.validity.ended() => return None,
                _ = self.calls.news.changed() => {}
                _ = self.webhooks.news.changed() => {}
                _ = self.changes.changed() => event(&mut self.unsent, "changed", &true),
                () = tokio::time::sleep(HEARTBEAT) => self.unsent.push_str(": still here\n\n"),
            }
            tokio::time::sleep(BATCH).await;
        }
    }

    fn collect(&mut self) {
        let asked = self.asked;
        let for_reader = |call: RecordedCall| call.for_reader(asked);
        self.calls.read(&self.emulator.calls, "calls", for_reader, &mut self.unsent);
        self.webhooks.read(&self.emulator.inbox, "webhooks", |entry| entry, &mut self.unsent);
    }
}

/// Appends one event. A recorded body is kept as it was written, over lines perhaps: a line break would end the data, and in
/// JSON it stands between tokens only, where a space does as well.
fn event(events: &mut String, name: &str, data: &(impl Serialize + ?Sized)) {
    let data = serde_json::to_string(data).unwrap_or_default().replace(['\r', '\n'], " ");
    // Writing into a String can't fail.
    let _ = write!(events, "event: {name}\ndata: {data}\n\n");
}

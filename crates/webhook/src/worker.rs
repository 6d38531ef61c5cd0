//! The worker that sends one app's events from the outbox to its receiver and records the outcomes.

use crate::deliverer::Webhooks;
use crate::queue::{AttemptResult, Queue};
use crate::status::Delivery;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use portraitd_model::{ProfileEvent, SdkAppId, UnixMillis, UserId};
use portraitd_store::{
    DeliveryOutcome, DeliveryRight, EventState, OutboxCursor, OutboxEvent, OutboxSeq, StoreError,
};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// The events read at once.
const PAGE: usize = 512;
/// Outcomes are stored once there are this many, or nothing is in flight.
const STORE_AT: usize = 256;
/// With this many outcomes not stored, nothing more is sent: each event would be sent again after a restart.
const UNSTORED_MAX: usize = 2_048;
/// The longest sleep; a clock that was set forward is noticed by then.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// A task of the worker that has ended.
enum Completed {
    Attempt(UserId, AttemptResult),
    Store(Vec<(OutboxSeq, DeliveryOutcome)>, Result<(), StoreError>),
}

/// Delivers an app's events until it is stopped or the app has no webhook any more.
pub(super) struct Worker {
    webhooks: Arc<Webhooks>,
    app: SdkAppId,
    delivery: Arc<Delivery>,
    queue: Queue,
    /// What was read of the outbox.
    cursor: OutboxCursor,
    /// The greatest place that was read.
    read_to: Option<OutboxSeq>,
    /// Whether the outbox may have more events to read.
    has_more: bool,
    outcomes: Vec<(OutboxSeq, DeliveryOutcome)>,
    is_storing: bool,
    tasks: FuturesUnordered<BoxFuture<'static, Completed>>,
    in_flight: usize,
}

impl Worker {
    pub(super) fn new(webhooks: Arc<Webhooks>, app: SdkAppId, delivery: Arc<Delivery>) -> Self {
        let queue = Queue::new(webhooks.config.schedule.clone());
        Self {
            webhooks,
            app,
            delivery,
            queue,
            cursor: OutboxCursor::default(),
            read_to: None,
            has_more: true,
            outcomes: Vec::new(),
            is_storing: false,
            tasks: FuturesUnordered::new(),
            in_flight: 0,
        }
    }

    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let delivery = Arc::clone(&self.delivery);
        let mut stopping = false;
        let mut timer = pin!(sleep(SLEEP_MAX));
        loop {
            stopping |= stop.is_cancelled() || !self.webhooks.has_webhook(self.app);
            if !stopping {
                self.read().await;
                if delivery.take_retry_now() {
                    self.queue.retry_now();
                }
                self.send();
            }
            self.store_outcomes(stopping);
            if stopping && self.tasks.is_empty() {
                delivery.set_down(None);
                return;
            }
            let wake_at = Instant::now() + if stopping { SLEEP_MAX } else { self.time_to_wake() };
            // A timer that fires too early does no harm; only one that would fire too late is moved, which costs as much as a
            // small call.
            if timer.is_elapsed() || timer.deadline() > wake_at {
                timer.as_mut().reset(wake_at);
            }
            tokio::select! {
                Some(completed) = self.tasks.next(), if !self.tasks.is_empty() => self.handle(completed),
                // A notification that is not awaited stays stored until it is.
                () = delivery.wake.notified(), if self.queue.wants_more() => self.has_more = true,
                () = stop.cancelled(), if !stopping => {}
                () = timer.as_mut() => self.has_more = true,
            }
            // Tasks that have ended in the meantime.
            while let Some(Some(completed)) = self.tasks.next().now_or_never() {
                self.handle(completed);
            }
            self.delivery.set_down(self.queue.down_ms(self.now()));
        }
    }

    fn now(&self) -> UnixMillis {
        self.webhooks.clock.now()
    }

    /// Fills the queue from the outbox.
    async fn read(&mut self) {
        while let Some((user, from)) = self.queue.reload() {
            if let Err(from) = self.read_again(user, from).await {
                // No newer event may be queued before these.
                self.queue.reload_later(user, from);
                return;
            }
        }
        while self.has_more && self.queue.wants_more() {
            let page = self.webhooks.store.deliverable(self.app, &mut self.cursor, PAGE).await;
            let Some(page) = self.readable(page) else { return };
            self.has_more = page.len() == PAGE;
            self.read_to = page.last().map(|event| event.seq).max(self.read_to);
            self.push(page);
        }
    }

    /// Reads one account's skipped events again, from the first of them until the queue has no room. Fails with the first
    /// event that could not be read.
    async fn read_again(&mut self, user: UserId, from: OutboxSeq) -> Result<(), OutboxSeq> {
        let mut after = OutboxSeq(from.0.saturating_sub(1));
        while Some(after) < self.read_to && self.queue.has_room_for(user) {
            let page = self.webhooks.store.events(self.app, EventState::Waiting, Some(after), PAGE).await;
            let mut page = self.readable(page).ok_or(OutboxSeq(after.0.saturating_add(1)))?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            page.retain(|event| {
                let of_user = event.event.as_ref().is_some_and(|event| event.user == user);
                of_user && Some(event.seq) <= self.read_to
            });
            self.push(page);
        }
        Ok(())
    }

    /// Returns a page of the outbox; `None` when the store can't be read, which is tried again later.
    fn readable(&mut self, page: Result<Vec<OutboxEvent>, StoreError>) -> Option<Vec<OutboxEvent>> {
        match page {
            Ok(page) => Some(page),
            Err(error) => {
                tracing::error!(sdkappid = self.app.0, %error, "can't read the outbox");
                self.has_more = false;
                None
            }
        }
    }

    fn push(&mut self, page: Vec<OutboxEvent>) {
        let now = self.now();
        for event in page {
            self.outcomes.extend(self.queue.push(event, now));
        }
    }

    /// Sends events that may be sent, up to `parallel_per_app` at a time.
    fn send(&mut self) {
        let mut paused = Vec::new();
        while self.in_flight < self.webhooks.config.parallel_per_app && self.outcomes.len() < UNSTORED_MAX {
            let Some(event) = self.queue.next(self.now()).and_then(|event| event.event) else { break };
            let user = event.user;
            match self.webhooks.store.delivery_right(&self.cursor, &user) {
                DeliveryRight::Held => self.begin(event),
                DeliveryRight::Paused => paused.push(user),
                DeliveryRight::Lost => self.queue.forget(user),
            }
        }
        for user in paused {
            self.queue.put_back(user, self.now());
        }
    }

    fn begin(&mut self, event: Arc<ProfileEvent>) {
        self.in_flight += 1;
        let (webhooks, app) = (Arc::clone(&self.webhooks), self.app);
        self.tasks.push(Box::pin(async move {
            let user = event.user;
            Completed::Attempt(user, webhooks.deliver(app, &event).await)
        }));
    }

    fn handle(&mut self, completed: Completed) {
        match completed {
            Completed::Attempt(user, result) => {
                self.in_flight -= 1;
                let outcomes = self.queue.record(user, result, self.now());
                self.delivery.count(&outcomes);
                self.outcomes.extend(outcomes);
            }
            Completed::Store(outcomes, result) => {
                self.is_storing = false;
                if let Err(error) = result {
                    tracing::error!(sdkappid = self.app.0, %error, "can't write to the outbox; events that were delivered may be delivered again");
                    // Kept, and stored together with the next ones.
                    self.outcomes.splice(0..0, outcomes);
                }
            }
        }
    }

    /// Stores outcomes, one unit at a time.
    fn store_outcomes(&mut self, stopping: bool) {
        let enough = self.outcomes.len() >= STORE_AT || self.in_flight == 0 || stopping;
        if self.is_storing || self.outcomes.is_empty() || !enough {
            return;
        }
        self.is_storing = true;
        let outcomes = std::mem::take(&mut self.outcomes);
        let (webhooks, app) = (Arc::clone(&self.webhooks), self.app);
        self.tasks.push(Box::pin(async move {
            let result = webhooks.store.record_deliveries(app, outcomes.clone()).await;
            if result.is_err() {
                // Not retried at once: a full disk needs time.
                sleep(SLEEP_MAX).await;
            }
            Completed::Store(outcomes, result)
        }));
    }

    fn time_to_wake(&self) -> Duration {
        let now = self.now();
        let wake = self.queue.wake_at(now).map(|at| Duration::from_millis(at.0.saturating_sub(now.0)));
        // At the limit nothing can be sent until a task ends.
        let is_full =
            self.in_flight >= self.webhooks.config.parallel_per_app || self.outcomes.len() >= UNSTORED_MAX;
        wake.filter(|_| !is_full).unwrap_or(SLEEP_MAX).min(SLEEP_MAX)
    }
}

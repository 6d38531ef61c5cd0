//! One app's events, from the outbox to the receiver.

use crate::deliverer::Webhooks;
use crate::queue::{AttemptOutcome, Queue};
use crate::status::Delivery;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use portraitd_model::{SdkAppId, UnixMillis, UserId};
use portraitd_store::{DeliveryOutcome, EventState, OutboxEvent, OutboxSeq, StoreError};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// Events read at once.
const PAGE: usize = 512;
/// Verdicts that are stored together, once so many are there or nothing else is to be done.
const SETTLE_AT: usize = 256;
/// With so many verdicts that could not be stored, nothing more is sent: each would be sent again after a restart.
const UNSETTLED_MAX: usize = 2_048;
/// The longest sleep: a clock that is set forward is noticed by then.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// What the worker waits for.
enum Done {
    Sent(UserId, AttemptOutcome),
    Settled(Vec<(OutboxSeq, DeliveryOutcome)>, Result<(), StoreError>),
}

/// Delivers an app's events until it is stopped or the app has no webhook any more.
pub(super) struct Worker {
    webhooks: Arc<Webhooks>,
    app: SdkAppId,
    delivery: Arc<Delivery>,
    queue: Queue,
    /// Everything up to here was read.
    read_to: Option<OutboxSeq>,
    /// There may be more to read.
    more: bool,
    verdicts: Vec<(OutboxSeq, DeliveryOutcome)>,
    settling: bool,
    at_work: FuturesUnordered<BoxFuture<'static, Done>>,
    sending: usize,
}

impl Worker {
    pub(super) fn new(webhooks: Arc<Webhooks>, app: SdkAppId, delivery: Arc<Delivery>) -> Self {
        let queue = Queue::new(webhooks.config.schedule.clone());
        Self {
            webhooks,
            app,
            delivery,
            queue,
            read_to: None,
            more: true,
            verdicts: Vec::new(),
            settling: false,
            at_work: FuturesUnordered::new(),
            sending: 0,
        }
    }

    pub(crate) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let delivery = Arc::clone(&self.delivery);
        let (mut stopping, mut orphaned) = (false, false);
        let mut timer = pin!(sleep(SLEEP_MAX));
        loop {
            stopping |= orphaned || *stop.borrow() || !self.webhooks.has_webhook(self.app);
            if !stopping {
                self.read().await;
                if delivery.take_retry_now() {
                    self.queue.retry_now();
                }
                self.send();
            }
            self.store_verdicts(stopping);
            if stopping && self.at_work.is_empty() {
                delivery.set_down(None);
                return;
            }
            let wake_at = Instant::now() + if stopping { SLEEP_MAX } else { self.sleep() };
            // One that goes off too early does no harm; only a late one must be moved, which costs as much as a small call.
            if timer.is_elapsed() || timer.deadline() > wake_at {
                timer.as_mut().reset(wake_at);
            }
            tokio::select! {
                Some(done) = self.at_work.next(), if !self.at_work.is_empty() => self.take(done),
                // Unheard news is kept until it is of use.
                () = delivery.wake.notified(), if self.queue.wants_more() => self.more = true,
                changed = stop.changed(), if !stopping => orphaned = changed.is_err(),
                () = timer.as_mut() => self.more = true,
            }
            // What else has ended meanwhile.
            while let Some(Some(done)) = self.at_work.next().now_or_never() {
                self.take(done);
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
                // Nothing newer may come before them.
                self.queue.reload_later(user, from);
                return;
            }
        }
        while self.more && self.queue.wants_more() {
            let Some(page) = self.page(self.read_to).await else { return };
            self.more = page.len() == PAGE;
            self.read_to = page.last().map(|event| event.seq).or(self.read_to);
            self.push(page);
        }
    }

    /// Reads one account's events again, from the first that had no room, until there is no room again. Fails with the
    /// first that is not read.
    async fn read_again(&mut self, user: UserId, from: OutboxSeq) -> Result<(), OutboxSeq> {
        let mut after = OutboxSeq(from.0.saturating_sub(1));
        while Some(after) < self.read_to && self.queue.has_room_for(user) {
            let page = self.page(Some(after)).await;
            let mut page = page.ok_or(OutboxSeq(after.0.saturating_add(1)))?;
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

    /// A page of the outbox; `None`, and a try later, when the store can't be read.
    async fn page(&mut self, after: Option<OutboxSeq>) -> Option<Vec<OutboxEvent>> {
        match self.webhooks.store.events(self.app, EventState::Waiting, after, PAGE).await {
            Ok(page) => Some(page),
            Err(error) => {
                tracing::error!(sdkappid = self.app.0, %error, "can't read the outbox");
                self.more = false;
                None
            }
        }
    }

    fn push(&mut self, page: Vec<OutboxEvent>) {
        let now = self.now();
        for event in page {
            self.verdicts.extend(self.queue.push(event, now));
        }
    }

    /// Sends what may be sent, so many at a time.
    fn send(&mut self) {
        while self.sending < self.webhooks.config.parallel_per_app && self.verdicts.len() < UNSETTLED_MAX {
            let Some(event) = self.queue.next(self.now()) else { return };
            let Some(event) = event.event else { continue };
            self.sending += 1;
            let (webhooks, app) = (Arc::clone(&self.webhooks), self.app);
            self.at_work.push(Box::pin(async move {
                let user = event.user;
                Done::Sent(user, webhooks.deliver(app, &event).await)
            }));
        }
    }

    fn take(&mut self, done: Done) {
        match done {
            Done::Sent(user, outcome) => {
                self.sending -= 1;
                let verdicts = self.queue.record(user, outcome, self.now());
                self.delivery.count(&verdicts);
                self.verdicts.extend(verdicts);
            }
            Done::Settled(verdicts, outcome) => {
                self.settling = false;
                if let Err(error) = outcome {
                    tracing::error!(sdkappid = self.app.0, %error, "can't write to the outbox; what was delivered may be delivered again");
                    // Kept, and stored with the next ones.
                    self.verdicts.splice(0..0, verdicts);
                }
            }
        }
    }

    /// Stores verdicts, one unit at a time.
    fn store_verdicts(&mut self, stopping: bool) {
        let enough = self.verdicts.len() >= SETTLE_AT || self.sending == 0 || stopping;
        if self.settling || self.verdicts.is_empty() || !enough {
            return;
        }
        self.settling = true;
        let verdicts = std::mem::take(&mut self.verdicts);
        let (webhooks, app) = (Arc::clone(&self.webhooks), self.app);
        self.at_work.push(Box::pin(async move {
            let outcome = webhooks.store.record_deliveries(app, verdicts.clone()).await;
            if outcome.is_err() {
                // Not at once again: a full disk needs a moment.
                sleep(SLEEP_MAX).await;
            }
            Done::Settled(verdicts, outcome)
        }));
    }

    fn sleep(&self) -> Duration {
        let now = self.now();
        let wake = self.queue.wake_at(now).map(|at| Duration::from_millis(at.0.saturating_sub(now.0)));
        // With every place taken, the next thing to happen is that one of them ends.
        let full =
            self.sending >= self.webhooks.config.parallel_per_app || self.verdicts.len() >= UNSETTLED_MAX;
        wake.filter(|_| !full).unwrap_or(SLEEP_MAX).min(SLEEP_MAX)
    }
}

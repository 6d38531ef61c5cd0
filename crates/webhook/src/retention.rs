//! The size limit of the outbox. At the limit the oldest events are dropped, parked ones first; profile writes never fail.

use crate::deliverer::Webhooks;
use portraitd_model::SdkAppId;
use portraitd_store::{Backlog, EventState, Selection};

/// The bytes that the engine needs for an event in addition to its content: a row and an index entry.
const OVERHEAD_BYTES: u64 = 48;
/// The most events removed in one unit.
const EVENTS_PER_UNIT: usize = 1_000;

fn stored_bytes(backlog: &Backlog, state: EventState) -> u64 {
    let amount = backlog.amount(state);
    amount.bytes + amount.events * OVERHEAD_BYTES
}

/// Removes the oldest events until the outbox is within its limit: parked events of the app with the most bytes of them,
/// then waiting ones.
pub(super) async fn trim(webhooks: &Webhooks) {
    let bytes_max = webhooks.backlog_bytes_max();
    loop {
        let backlogs = webhooks.store.backlogs();
        let total: u64 = backlogs
            .values()
            .map(|backlog| {
                stored_bytes(backlog, EventState::Waiting) + stored_bytes(backlog, EventState::Parked)
            })
            .sum();
        if total <= bytes_max {
            return;
        }
        let largest = |state| {
            let sizes = backlogs.iter().map(|(app, backlog)| (stored_bytes(backlog, state), *app, state));
            sizes.max().filter(|(bytes, ..)| *bytes > 0)
        };
        let Some((bytes, app, state)) = largest(EventState::Parked).or_else(|| largest(EventState::Waiting))
        else {
            return;
        };
        let events = backlogs.get(&app).map_or(0, |backlog| backlog.amount(state).events);
        // As many as exceed the limit, by their average size.
        let average = (bytes / events.max(1)).max(1);
        let count = usize::try_from((total - bytes_max) / average + 1)
            .unwrap_or(EVENTS_PER_UNIT)
            .min(EVENTS_PER_UNIT);
        if !drop_oldest(webhooks, app, state, count).await {
            return;
        }
    }
}

/// Returns whether any event was removed.
async fn drop_oldest(webhooks: &Webhooks, app: SdkAppId, state: EventState, count: usize) -> bool {
    match webhooks.store.discard(app, state, Selection::Oldest(count)).await {
        Ok(0) => false,
        Ok(dropped) => {
            tracing::error!(
                sdkappid = app.0,
                events = dropped,
                ?state,
                "the webhook backlog has reached its limit ([webhook] backlog_max): its oldest events were dropped"
            );
            if let Some(known) = webhooks.current_targets().get(&app) {
                known.delivery.count_dropped(dropped);
            }
            true
        }
        Err(error) => {
            tracing::error!(sdkappid = app.0, %error, "can't trim the webhook backlog");
            false
        }
    }
}

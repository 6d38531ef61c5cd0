//! The bound of what the outbox may hold. Reached, the oldest parked events go first, and never a profile write.

use crate::deliverer::Webhooks;
use portraitd_model::SdkAppId;
use portraitd_store::{Backlog, EventState, Selection};

/// What the engine needs for an event besides its own bytes: a row, and a place in the index.
const OVERHEAD_BYTES: u64 = 48;
/// Events removed in one unit.
const UNIT: usize = 1_000;
fn size(backlog: &Backlog, state: EventState) -> u64 {
    let amount = backlog.amount(state);
    amount.bytes + amount.events * OVERHEAD_BYTES
}

/// Removes the oldest events until the outbox is within its bound: first parked ones, of the app that has most of
/// them, then waiting ones.
pub(super) async fn trim(webhooks: &Webhooks) {
    let bytes_max = webhooks.backlog_bytes_max();
    loop {
        let backlogs = webhooks.store.backlogs();
        let total: u64 = backlogs
            .values()
            .map(|backlog| size(backlog, EventState::Waiting) + size(backlog, EventState::Parked))
            .sum();
        if total <= bytes_max {
            return;
        }
        let largest = |state| {
            let sizes = backlogs.iter().map(|(app, backlog)| (size(backlog, state), *app, state));
            sizes.max().filter(|(bytes, ..)| *bytes > 0)
        };
        let Some((bytes, app, state)) = largest(EventState::Parked).or_else(|| largest(EventState::Waiting))
        else {
            return;
        };
        let events = backlogs.get(&app).map_or(0, |backlog| backlog.amount(state).events);
        // As many as are too much, by their average size.
        let average = (bytes / events.max(1)).max(1);
        let count = usize::try_from((total - bytes_max) / average + 1).unwrap_or(UNIT).min(UNIT);
        if !drop_oldest(webhooks, app, state, count).await {
            return;
        }
    }
}

/// Says whether it got anywhere.
async fn drop_oldest(webhooks: &Webhooks, app: SdkAppId, state: EventState, count: usize) -> bool {
    match webhooks.store.discard(app, state, Selection::Oldest(count)).await {
        Ok(0) => false,
        Ok(dropped) => {
            tracing::error!(
                sdkappid = app.0,
                events = dropped,
                ?state,
                "the webhook backlog has reached its bound ([webhook] backlog_max): its oldest events were dropped"
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

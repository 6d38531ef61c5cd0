//! Logs the calls that were refused: each minute one line for each app and error code with the number of calls, and no line while
//! there are none. It names neither users nor addresses; the access log does.

use portraitd_api::call_counts::Usage;
use portraitd_api::registry::Registry;
use portraitd_model::SdkAppId;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, interval_at};
use tokio_util::sync::CancellationToken;

const INTERVAL: Duration = Duration::from_mins(1);
/// The most lines at a time. The last of them counts the rest.
const LINES_MAX: usize = 50;

/// Refused calls by app and code; `None` = the call named no app that there is.
type Refused = BTreeMap<(Option<SdkAppId>, u32), u64>;

/// Logs until `stop` is cancelled, and then what was not logged yet.
pub(crate) async fn log_refusals(registry: Arc<Registry>, stop: CancellationToken) {
    let mut logged = count(&registry);
    let mut ticks = interval_at(Instant::now() + INTERVAL, INTERVAL);
    loop {
        let stopped = stop.run_until_cancelled(ticks.tick()).await.is_none();
        let counted = count(&registry);
        log(&news(&counted, &logged));
        logged = counted;
        if stopped {
            return;
        }
    }
}

/// Counts since the server started.
fn count(registry: &Registry) -> Refused {
    let mut refused = Refused::new();
    let all = registry.all();
    let of_apps = all.iter().map(|app| (Some(app.settings.id), &*app.usage));
    for (app, usage) in of_apps.chain([(None, &registry.appless_usage)]) {
        for call in Usage::calls(usage).filter(|call| call.code != 0) {
            *refused.entry((app, call.code)).or_default() += call.count;
        }
    }
    refused
}

/// What was counted since, the most frequent first.
fn news(counted: &Refused, before: &Refused) -> Vec<((Option<SdkAppId>, u32), u64)> {
    let since =
        |(key, count): (&_, &u64)| (*key, count.saturating_sub(before.get(key).copied().unwrap_or(0)));
    let mut news: Vec<_> = counted.iter().map(since).filter(|(_, calls)| *calls > 0).collect();
    news.sort_by_key(|(_, calls)| Reverse(*calls));
    news
}

fn log(news: &[((Option<SdkAppId>, u32), u64)]) {
    let (named, rest) = news.split_at_checked(LINES_MAX - 1).unwrap_or((news, &[]));
    for ((app, code), calls) in named {
        tracing::info!(sdkappid = app.map(|app| app.0), code, calls, "calls were refused");
    }
    if !rest.is_empty() {
        let calls: u64 = rest.iter().map(|(_, calls)| calls).sum();
        tracing::info!(calls, kinds = rest.len(), "calls of further apps and codes were refused");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_logged_before_is_not_logged_again() {
        let (one, two) = (Some(SdkAppId(1)), Some(SdkAppId(2)));
        let before = Refused::from([((one, 70001), 5), ((two, 40003), 2)]);
        let counted =
            Refused::from([((one, 70001), 6), ((two, 40003), 2), ((two, 40001), 9), ((None, 70020), 3)]);
        assert_eq!(news(&counted, &before), [((two, 40001), 9), ((None, 70020), 3), ((one, 70001), 1)]);
        assert_eq!(news(&counted, &counted), []);
    }
}

//! Adds the calls that this node has answered to those of all nodes, so that `/usage` answers the sum.
//!
//! A row of the table is one app, command and code, and holds a sum: there are some hundred rows however many nodes there were.
//! When the answer to a write is lost, the calls of that interval may be counted twice; nothing else depends on them.

use portraitd_api::call_counts::Usage;
use portraitd_api::registry::Registry;
use portraitd_model::{SdkAppId, UnixMillis};
use portraitd_store::{CallTally, NodeTables, Store};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How often the calls are added.
const INTERVAL: Duration = Duration::from_secs(5);

/// What was added of each app's calls.
type Added = BTreeMap<SdkAppId, AddedCalls>;

/// What was added of one app's calls, by command and code.
struct AddedCalls {
    /// The counters that were read. An app that is made again after its removal has others, which begin at 0.
    of: Arc<Usage>,
    calls: BTreeMap<(&'static str, u32), u64>,
}

/// Adds this node's calls until `stop` is cancelled, and what is left then. Ends at once for a store of one process.
pub(crate) async fn share_usage(store: Arc<dyn Store>, registry: Arc<Registry>, stop: CancellationToken) {
    let mut added = Added::new();
    while let Some(tables) = store.node_tables() {
        let stopped = stop.run_until_cancelled(sleep(INTERVAL)).await.is_none();
        add(tables, &registry, &mut added).await;
        if stopped {
            return;
        }
    }
}

async fn add(tables: &dyn NodeTables, registry: &Registry, added: &mut Added) {
    let apps = registry.all();
    let has_counters = |id: &SdkAppId, known: &AddedCalls| {
        apps.iter().any(|app| app.settings.id == *id && Arc::ptr_eq(&app.usage, &known.of))
    };
    added.retain(|id, known| has_counters(id, known));
    for app in &apps {
        let (id, last) = (app.settings.id, app.usage.last_call().unwrap_or(UnixMillis(0)));
        let none = || AddedCalls { of: Arc::clone(&app.usage), calls: BTreeMap::new() };
        let known = added.entry(id).or_insert_with(none);
        let (mut counted, mut calls) = (Vec::new(), Vec::new());
        for call in app.usage.calls() {
            let key = (call.command, call.code);
            let more = call.count - known.calls.get(&key).copied().unwrap_or(0);
            if more > 0 {
                counted.push((key, call.count));
                calls.push(CallTally {
                    command: call.command.to_owned(),
                    code: call.code,
                    calls: more,
                    last,
                });
            }
        }
        if calls.is_empty() {
            continue;
        }
        match tables.add_calls(id, calls).await {
            Ok(()) => known.calls.extend(counted),
            Err(error) => {
                tracing::debug!(%error, "this node's calls are added later");
                return;
            }
        }
    }
}

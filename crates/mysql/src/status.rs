//! The state of this node, as readiness, metrics and limits need it.

use crate::clock::CLOCK_MAX;
use crate::shared::{Seen, Shared};
use portraitd_model::{Bilingual, bilingual};
use portraitd_store::NodesStatus;
use std::sync::atomic::{AtomicU64, Ordering};

/// What this node, of this name, last saw of itself and the others.
pub(crate) fn nodes_status(shared: &Shared, name: &str) -> NodesStatus {
    let (seen, membership) = (shared.seen(), shared.membership());
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let trials = &shared.trials;
    NodesStatus {
        node: membership.node,
        name: name.to_owned(),
        unfit: unfit(&seen),
        failed_beats: seen.failing.map_or(0, |(_, failed)| failed),
        failing_ms: seen
            .failing
            .map_or(0, |(since, _)| u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)),
        failovers: count(&shared.hosts.failovers),
        retried: count(&trials.retried),
        divided: count(&trials.divided),
        found_committed: count(&trials.found_committed),
        live: seen.live,
        host: shared.hosts.current(),
        catalog: seen.catalog,
        adopted_everywhere: seen.adopted_everywhere,
        leases: shared.leases.count(),
        clock_ahead_ms: seen.clock_ahead_ms,
        problem: seen.problem,
    }
}

/// Why this node must not serve although the database answers.
fn unfit(seen: &Seen) -> Option<Bilingual> {
    let ahead = seen.clock_ahead_ms;
    if u128::from(ahead.unsigned_abs()) > CLOCK_MAX.as_millis() {
        return Some(bilingual!(
            "this machine's clock is {ahead} ms ahead of the database's, more than 2000 either way; set both by NTP",
            "本机时钟比数据库快 {ahead} 毫秒，超出 ±2000；请用 NTP 校准两者"
        ));
    }
    let problem = seen.problem.as_ref().filter(|_| seen.is_permanent)?;
    Some(bilingual!("the database: {problem}", "数据库：{problem}"))
}

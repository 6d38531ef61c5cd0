//! The queue's order and retries, with a clock that only the tests advance.

use super::*;
use portraitd_model::{EventId, ProfileEvent};
use proptest::prelude::*;
use std::sync::Arc;

const START: UnixMillis = UnixMillis(1_700_000_000_000);

fn after(ms: u64) -> UnixMillis {
    UnixMillis(START.0 + ms)
}

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

fn event(seq: u64, name: &str) -> OutboxEvent {
    let event = ProfileEvent {
        id: EventId(u128::from(seq)),
        user: user(name),
        at: START,
        operator: "administrator".into(),
        client_ip: [127, 0, 0, 1].into(),
        items: Vec::new(),
    };
    let due = UnixMillis(0);
    OutboxEvent {
        seq: OutboxSeq(seq),
        bytes: 100,
        attempts: 0,
        due,
        failure: None,
        event: Some(Arc::new(event)),
    }
}

/// 0 s, 5 s, 5 min, as by default.
fn queue(events: &[(u64, &str)]) -> Queue {
    let mut queue = Queue::new(Schedule::new(vec![0, 5_000, 300_000]));
    for (seq, name) in events {
        assert!(queue.push(event(*seq, name), START).is_none());
    }
    queue
}

fn sent(queue: &mut Queue, now: UnixMillis) -> Vec<u64> {
    std::iter::from_fn(|| queue.next(now)).map(|event| event.seq.0).collect()
}

fn fail() -> AttemptResult {
    Err("HTTP 500".into())
}

#[test]
fn an_account_has_one_event_in_flight_and_accounts_are_parallel() {
    let mut queue = queue(&[(1, "a"), (2, "a"), (3, "b"), (4, "a"), (5, "c")]);
    assert_eq!(sent(&mut queue, START), [1, 3, 5]);
    assert_eq!(queue.record(user("b"), Ok(()), START), [(OutboxSeq(3), DeliveryOutcome::Delivered)]);
    assert_eq!(sent(&mut queue, START), [0_u64; 0], "b has no more, a is still in flight");
    queue.record(user("a"), Ok(()), START);
    assert_eq!(sent(&mut queue, START), [2]);
    queue.record(user("a"), Ok(()), START);
    assert_eq!(sent(&mut queue, START), [4]);
    assert_eq!(queue.record(user("unknown"), Ok(()), START), []);
}

#[test]
fn a_failed_event_blocks_its_account_until_its_retry_and_is_parked_after_the_last() {
    let mut queue = queue(&[(1, "a"), (2, "a"), (3, "b")]);
    assert_eq!(sent(&mut queue, START), [1, 3]);
    queue.record(user("b"), Ok(()), START);
    let outcomes = queue.record(user("a"), fail(), START);
    let [(OutboxSeq(1), DeliveryOutcome::Retry { attempts: 1, due, failure })] = outcomes.as_slice() else {
        unreachable!("{outcomes:?}")
    };
    assert_eq!(failure, "HTTP 500");
    assert!(*due >= after(5_000) && *due <= after(6_000));
    assert_eq!(queue.wake_at(START), Some(*due));
    assert_eq!(sent(&mut queue, after(4_999)), [0_u64; 0]);
    assert_eq!(sent(&mut queue, *due), [1]);
    let outcomes = queue.record(user("a"), fail(), *due);
    let [(_, DeliveryOutcome::Retry { attempts: 2, due, .. })] = outcomes.as_slice() else { unreachable!() };
    assert!(*due >= after(305_000) && *due <= after(366_000));
    assert_eq!(sent(&mut queue, *due), [1]);
    let outcomes = queue.record(user("a"), fail(), *due);
    assert_eq!(outcomes, [(OutboxSeq(1), DeliveryOutcome::Park { attempts: 3, failure: "HTTP 500".into() })]);
    assert_eq!(sent(&mut queue, *due), [2], "the account's next event is sent");
}

#[test]
fn attempts_stored_before_a_restart_count() {
    let mut queue = queue(&[]);
    let stored = OutboxEvent { attempts: 2, due: after(60_000), ..event(1, "a") };
    queue.push(stored, START);
    assert_eq!((sent(&mut queue, START), queue.wake_at(START)), (vec![], Some(after(60_000))));
    assert_eq!(sent(&mut queue, after(60_000)), [1]);
    let outcomes = queue.record(user("a"), fail(), after(60_000));
    assert!(matches!(outcomes.as_slice(), [(_, DeliveryOutcome::Park { attempts: 3, .. })]));
}

#[test]
fn an_event_due_later_than_any_wait_is_ready_because_the_clock_was_set_back() {
    let mut queue = queue(&[]);
    queue.push(OutboxEvent { attempts: 1, due: after(86_400_000), ..event(1, "a") }, START);
    assert_eq!(sent(&mut queue, START), [1]);
    // The same when the clock is set back while the event waits.
    queue.record(user("a"), fail(), after(86_400_000));
    assert_eq!(sent(&mut queue, START), [1]);
}

#[test]
fn one_event_probes_a_receiver_that_is_down_and_all_are_sent_when_it_is_up() {
    let names: Vec<String> = (0..50).map(|n| format!("u{n}")).collect();
    let events: Vec<(u64, &str)> = (1..=50).zip(names.iter().map(String::as_str)).collect();
    let mut queue = queue(&events);
    for name in names.iter().take(10) {
        assert!(queue.next(START).is_some());
        queue.record(user(name), fail(), START);
    }
    assert_eq!(sent(&mut queue, START), [0_u64; 0], "down");
    assert_eq!(queue.down_ms(after(3)), Some(3));
    assert_eq!(queue.wake_at(START), Some(after(1_000)));
    assert_eq!(sent(&mut queue, after(1_000)), [11], "one only");
    assert_eq!(queue.wake_at(after(1_000)), None, "the event in flight decides");
    queue.record(user("u10"), fail(), after(1_000));
    assert_eq!(sent(&mut queue, after(3_000)), [12]);
    queue.record(user("u11"), Ok(()), after(3_000));
    assert_eq!(queue.down_ms(after(3_000)), None);
    let all: Vec<u64> = (1..=11).chain(13..=50).collect();
    assert_eq!(sent(&mut queue, after(3_000)), all, "also those that were not due");
}

#[test]
fn a_probe_does_not_count_as_an_attempt() {
    let mut queue = queue(&[(1, "a"), (2, "b")]);
    // Two attempts each, then both wait for five minutes.
    for now in [START, after(7_000)] {
        assert_eq!(sent(&mut queue, now), [1, 2]);
        queue.record(user("a"), fail(), now);
        queue.record(user("b"), fail(), now);
    }
    // The circuit opens for another reason.
    for _ in 0..10 {
        queue.breaker.record_failure(after(7_000));
    }
    for _ in 0..100 {
        let now = queue.wake_at(after(7_000)).unwrap();
        if now > after(200_000) {
            break;
        }
        let [probe] = sent(&mut queue, now)[..] else { unreachable!() };
        let name = if probe == 1 { "a" } else { "b" };
        assert_eq!(queue.record(user(name), fail(), now), [], "nothing to store at {now:?}");
    }
}

#[test]
fn events_are_parked_when_the_receiver_is_down_for_the_whole_schedule() {
    let mut queue = queue(&[(1, "a"), (2, "b"), (3, "b"), (4, "c")]);
    for _ in 0..10 {
        queue.breaker.record_failure(START);
    }
    let mut young = event(5, "d");
    Arc::make_mut(young.event.as_mut().unwrap()).at = after(200_000);
    queue.push(young, START);
    let mut parked = Vec::new();
    let mut now = START;
    while now < after(400_000) {
        now = queue.wake_at(now).unwrap().max(UnixMillis(now.0 + 1));
        let Some(event) = queue.next(now) else { continue };
        let outcomes = queue.record(event.event.unwrap().user, fail(), now);
        parked.extend(
            outcomes.into_iter().filter(|(_, outcome)| matches!(outcome, DeliveryOutcome::Park { .. })),
        );
        if !parked.is_empty() {
            assert!(now >= after(305_000), "{now:?}");
        }
    }
    let mut seqs: Vec<u64> = parked.iter().map(|(seq, _)| seq.0).collect();
    seqs.sort_unstable();
    assert_eq!(seqs, [1, 2, 3, 4], "the young one stays");
}

#[test]
fn one_account_does_not_use_up_the_memory_and_none_of_its_events_is_lost() {
    let mut queue = queue(&[]);
    for seq in 1..=100 {
        queue.push(event(seq, "busy"), START);
    }
    queue.push(event(101, "other"), START);
    assert_eq!(queue.events, EVENTS_MAX_PER_ACCOUNT + 1);
    let mut order = Vec::new();
    for _ in 0..200 {
        if let Some((name, from)) = queue.reload() {
            assert_eq!(name, user("busy"));
            for seq in from.0..=100 {
                queue.push(event(seq, "busy"), START);
            }
        }
        for seq in sent(&mut queue, START) {
            order.push(seq);
            queue.record(user(if seq == 101 { "other" } else { "busy" }), Ok(()), START);
        }
    }
    assert_eq!(order.iter().position(|seq| *seq == 101), Some(1), "it did not have to wait");
    order.retain(|seq| *seq != 101);
    assert_eq!(order, (1..=100).collect::<Vec<_>>());
    assert_eq!((queue.events, queue.bytes, queue.accounts.len()), (0, 0, 0));
}

#[test]
fn retry_now_makes_every_event_due() {
    let mut queue = queue(&[(1, "a"), (2, "b")]);
    assert_eq!(sent(&mut queue, START), [1, 2]);
    queue.record(user("a"), fail(), START);
    queue.record(user("b"), fail(), START);
    for _ in 0..10 {
        queue.breaker.record_failure(START);
    }
    assert_eq!(sent(&mut queue, START), [0_u64; 0]);
    queue.retry_now();
    assert_eq!(sent(&mut queue, START), [1, 2]);
}

#[test]
fn a_damaged_event_is_parked_and_does_not_block_its_account() {
    let mut queue = queue(&[]);
    let damaged = OutboxEvent { event: None, ..event(1, "a") };
    assert!(matches!(queue.push(damaged, START), Some((OutboxSeq(1), DeliveryOutcome::Park { .. }))));
    queue.push(event(2, "a"), START);
    assert_eq!(sent(&mut queue, START), [2]);
}

#[test]
fn events_in_memory_are_limited_by_number_and_bytes() {
    let mut queue = queue(&[]);
    for seq in 1..=5_000 {
        assert_eq!(queue.wants_more(), seq <= 4_097, "{seq}");
        queue.push(OutboxEvent { due: after(1_000), ..event(seq, &format!("u{seq}")) }, START);
    }
    let mut queue = self::queue(&[]);
    for seq in 1..=200 {
        assert_eq!(queue.wants_more(), seq <= 128, "{seq}");
        queue.push(event(seq, &format!("u{seq}")), START);
    }
    let mut queue = self::queue(&[]);
    queue.push(OutboxEvent { bytes: BYTES_MAX, due: after(1), ..event(1, "a") }, START);
    assert!(!queue.wants_more());
}

proptest! {
    /// Every event ends delivered or parked, exactly once and in the order of its account, whichever attempts fail and
    /// however time passes.
    #[test]
    fn every_event_ends_once_and_in_order(
        owners in prop::collection::vec(0_u8..5, 1..60),
        attempts in prop::collection::vec((any::<bool>(), 0_u64..400_000), 400),
    ) {
        let mut queue = Queue::new(Schedule::new(vec![0, 10, 20]));
        let name = |seq: u64| format!("u{}", owners[usize::try_from(seq).unwrap() - 1]);
        for seq in 1..=owners.len() as u64 {
            queue.push(event(seq, &name(seq)), START);
        }
        let (mut now, mut attempts) = (START, attempts.into_iter());
        let mut ended: Vec<u64> = Vec::new();
        while let Some(wake) = queue.wake_at(now) {
            let (succeeds, pause) = attempts.next().unwrap_or((true, 0));
            now = UnixMillis(now.0.max(wake.0) + pause % 50);
            let batch: Vec<OutboxEvent> = std::iter::from_fn(|| queue.next(now)).collect();
            let mut users: Vec<UserId> = batch.iter().map(|event| event.event.as_ref().unwrap().user).collect();
            users.sort_unstable();
            users.dedup();
            prop_assert_eq!(users.len(), batch.len(), "two events of one account in flight");
            for event in batch {
                let result = if succeeds { Ok(()) } else { fail() };
                for (seq, outcome) in queue.record(event.event.unwrap().user, result, now) {
                    if !matches!(outcome, DeliveryOutcome::Retry { .. }) {
                        ended.push(seq.0);
                    }
                }
            }
        }
        prop_assert!(queue.seqs().is_empty());
        for owner in 0..5 {
            let of_owner: Vec<u64> = ended.iter().copied().filter(|seq| owners[usize::try_from(*seq).unwrap() - 1] == owner).collect();
            prop_assert!(of_owner.is_sorted(), "{of_owner:?}");
        }
        ended.sort_unstable();
        prop_assert_eq!(ended, (1..=owners.len() as u64).collect::<Vec<_>>());
    }
}

//! The outbox: an event is there if and only if its change is.

use crate::fixtures::{APP, NICK, OTHER, block_on, patch, seed, user};
use portraitd_model::{EventId, Origin, SdkAppId, UnixMillis};
use portraitd_store::{
    Amount, Change, DeliveryOutcome, EventState, OutboxEvent, OutboxSeq, Selection, Store, StoreError,
};
use std::path::Path;

fn origin(id: u128) -> Origin {
    Origin { id: EventId(id), operator: "administrator".into(), client_ip: "10.0.0.1".parse().unwrap() }
}

/// A change to a value that no other change has.
pub(super) fn change(app: SdkAppId, name: &str, id: u128) -> Change {
    Change {
        app,
        user: user(name),
        patch: patch(&[(NICK, &id.to_string())]),
        at: UnixMillis(7),
        origin: Some(origin(id)),
    }
}

pub(super) async fn waiting(store: &dyn Store, app: SdkAppId) -> Vec<OutboxEvent> {
    store.events(app, EventState::Waiting, None, 1000).await.unwrap()
}

pub(super) async fn parked(store: &dyn Store, app: SdkAppId) -> Vec<OutboxEvent> {
    store.events(app, EventState::Parked, None, 1000).await.unwrap()
}

fn ids(events: &[OutboxEvent]) -> Vec<u128> {
    events.iter().map(|event| event.event.as_ref().unwrap().id.0).collect()
}

pub(super) fn retry(attempts: u32) -> DeliveryOutcome {
    DeliveryOutcome::Retry { attempts, due: UnixMillis(99), failure: "500".into() }
}

pub(super) fn park() -> DeliveryOutcome {
    DeliveryOutcome::Park { attempts: 8, failure: "gone".into() }
}

pub async fn a_change_and_its_event_are_one(store: &dyn Store) {
    assert_eq!(store.apply(change(APP, "a", 1)).await, Err(StoreError::NoSuchAccount));
    assert!(waiting(store, APP).await.is_empty(), "no change, no event");
    store.import(APP, vec![seed("a", &[])], UnixMillis(1), Some(origin(2))).await.unwrap();
    assert!(waiting(store, APP).await.is_empty(), "nothing set, no event");
    store.apply(change(APP, "a", 3)).await.unwrap();
    store.apply(Change { origin: None, ..change(APP, "a", 4) }).await.unwrap();
    let seeds = vec![seed("b", &[(NICK, "b")]), seed("c", &[]), seed("d", &[(NICK, "d")])];
    store.import(APP, seeds, UnixMillis(8), Some(origin(10))).await.unwrap();
    store.import(OTHER, vec![seed("z", &[(NICK, "z")])], UnixMillis(8), Some(origin(20))).await.unwrap();
    let events = waiting(store, APP).await;
    assert_eq!(ids(&events), [3, 10, 12]);
    assert!(events.is_sorted_by_key(|event| event.seq));
    let first = events[0].event.clone().unwrap();
    assert_eq!((first.user, first.at, &*first.operator), (user("a"), UnixMillis(7), "administrator"));
    assert_eq!(first.items, patch(&[(NICK, "3")]).items());
    let after = store.events(APP, EventState::Waiting, Some(events[0].seq), 1).await.unwrap();
    assert_eq!(ids(&after), [10]);
    let backlogs = store.backlogs();
    assert_eq!((backlogs[&APP].waiting.events, backlogs[&OTHER].waiting.events), (3, 1));
    assert!(backlogs[&APP].waiting.bytes > 100);
}

/// A repeated change makes no second event, unless it changes something again.
pub async fn a_change_to_the_same_value_makes_no_event(store: &dyn Store) {
    store.import(APP, vec![seed("a", &[])], UnixMillis(1), None).await.unwrap();
    let set = |id, nick: &str, level: &str| Change {
        patch: patch(&[(NICK, nick), ("Tag_Profile_IM_Level", level)]),
        ..change(APP, "a", id)
    };
    store.apply(set(1, "x", "1")).await.unwrap();
    store.apply(set(2, "x", "1")).await.unwrap();
    store.apply(set(3, "y", "1")).await.unwrap();
    store.apply(set(4, "x", "1")).await.unwrap();
    let events = waiting(store, APP).await;
    assert_eq!(ids(&events), [1, 3, 4], "2 repeats 1, and 4 undoes 3");
    let items = events[1].event.as_ref().unwrap().items.len();
    assert_eq!(items, 2, "an event has all items of the request");
    let seeds = || {
        vec![
            seed("a", &[(NICK, "x")]),
            seed("b", &[(NICK, "b")]),
            seed("b", &[(NICK, "b")]),
            seed("b", &[(NICK, "c")]),
        ]
    };
    store.import(APP, seeds(), UnixMillis(1), Some(origin(10))).await.unwrap();
    store.import(APP, seeds()[..2].to_vec(), UnixMillis(1), Some(origin(20))).await.unwrap();
    assert_eq!(ids(&waiting(store, APP).await), [1, 3, 4, 11, 13, 21]);
}

pub async fn delivery_outcomes_are_stored(store: &dyn Store) {
    store
        .import(
            APP,
            ["a", "b", "c"].map(|name| seed(name, &[(NICK, "n")])).to_vec(),
            UnixMillis(1),
            Some(origin(1)),
        )
        .await
        .unwrap();
    let places: Vec<OutboxSeq> = waiting(store, APP).await.iter().map(|event| event.seq).collect();
    let outcomes = vec![(places[0], DeliveryOutcome::Delivered), (places[1], retry(2)), (places[2], park())];
    store.record_deliveries(OTHER, outcomes.clone()).await.unwrap();
    assert_eq!(waiting(store, APP).await.len(), 3, "another app's events are not touched");
    store.record_deliveries(APP, outcomes).await.unwrap();
    let events = waiting(store, APP).await;
    assert_eq!(ids(&events), [2]);
    assert_eq!(
        (events[0].attempts, events[0].due, events[0].failure.as_deref()),
        (2, UnixMillis(99), Some("500"))
    );
    let parked_events = parked(store, APP).await;
    assert_eq!((ids(&parked_events), parked_events[0].attempts), (vec![3], 8));
    // An outcome for an event that is gone or parked changes nothing.
    store
        .record_deliveries(APP, vec![(places[0], retry(1)), (places[2], DeliveryOutcome::Delivered)])
        .await
        .unwrap();
    assert_eq!((waiting(store, APP).await.len(), parked(store, APP).await.len()), (1, 1));
    let backlog = store.backlogs()[&APP];
    assert_eq!((backlog.waiting.events, backlog.parked.events), (1, 1));
}

pub async fn parked_events_are_replayed_behind_the_others_or_discarded(store: &dyn Store) {
    let names = ["a", "b", "c", "d"];
    store
        .import(APP, names.map(|name| seed(name, &[(NICK, "n")])).to_vec(), UnixMillis(1), Some(origin(1)))
        .await
        .unwrap();
    let places: Vec<OutboxSeq> = waiting(store, APP).await.iter().map(|event| event.seq).collect();
    store.record_deliveries(APP, places[..3].iter().map(|seq| (*seq, park())).collect()).await.unwrap();
    let twice = Selection::Places(vec![places[1], places[1], places[3], OutboxSeq(999)]);
    assert_eq!(store.replay(APP, twice).await, Ok(1), "only what is parked, and once");
    let events = waiting(store, APP).await;
    assert_eq!(ids(&events), [4, 2]);
    assert!(events[1].seq > places[3] && events[1].attempts == 0 && events[1].failure.is_none());
    assert_eq!(store.discard(APP, EventState::Parked, Selection::Oldest(1)).await, Ok(1));
    assert_eq!(ids(&parked(store, APP).await), [3]);
    assert_eq!(store.replay(APP, Selection::Oldest(9)).await, Ok(1));
    assert_eq!(store.replay(APP, Selection::Oldest(9)).await, Ok(0));
    assert_eq!(store.discard(APP, EventState::Waiting, Selection::Oldest(9)).await, Ok(3));
    assert!(store.backlogs().is_empty());
}

/// The places of waiting events are known by segment: here one app has events in many segments, the other in few.
pub async fn events_in_distant_segments_are_found(store: &dyn Store) {
    let names: Vec<String> = (0..1500).map(|number| format!("user{number}")).collect();
    let seeds = |value: &str| names.iter().map(|name| seed(name, &[(NICK, value)])).collect();
    store.import(OTHER, vec![seed("a", &[]), seed("b", &[])], UnixMillis(1), None).await.unwrap();
    for (round, name) in ["a", "b"].into_iter().enumerate() {
        let first = 10_000 * (round as u128 + 1);
        store.import(APP, seeds(name), UnixMillis(1), Some(origin(first))).await.unwrap();
        store.apply(change(OTHER, name, round as u128)).await.unwrap();
    }
    assert_eq!(ids(&waiting(store, OTHER).await), [0, 1]);
    let (mut places, mut after) = (Vec::new(), None);
    loop {
        let page = store.events(APP, EventState::Waiting, after, 700).await.unwrap();
        places.extend(page.iter().map(|event| event.seq));
        after = places.last().copied();
        if page.len() < 700 {
            break;
        }
    }
    assert_eq!(places.len(), 3000);
    assert!(places.is_sorted_by(|one, next| one < next));
    // What is left: one event among the delivered ones, and the last.
    let delivered =
        |places: &[OutboxSeq]| places.iter().map(|seq| (*seq, DeliveryOutcome::Delivered)).collect();
    store.record_deliveries(APP, delivered(&places[..1000])).await.unwrap();
    store.record_deliveries(APP, delivered(&places[1001..2999])).await.unwrap();
    store.record_deliveries(APP, vec![(places[1000], retry(1))]).await.unwrap();
    let left = waiting(store, APP).await;
    assert_eq!(left.iter().map(|event| event.seq).collect::<Vec<_>>(), [places[1000], places[2999]]);
    assert_eq!(store.backlogs()[&APP].waiting.events, 2);
    assert_eq!(store.discard(OTHER, EventState::Waiting, Selection::Oldest(1)).await.unwrap(), 1);
    assert_eq!(ids(&waiting(store, OTHER).await), [1]);
    assert_eq!(store.discard(APP, EventState::Waiting, Selection::Oldest(9)).await.unwrap(), 2);
    assert!(waiting(store, APP).await.is_empty());
    store.apply(change(APP, "user7", 77)).await.unwrap();
    assert_eq!(ids(&waiting(store, APP).await), [77]);
}

/// For engines on a disk.
pub fn a_place_is_not_given_twice_and_the_backlog_outlives_a_restart<S: Store>(open: impl Fn(&Path) -> S) {
    let dir = tempfile::tempdir().unwrap();
    block_on(async {
        let store = open(dir.path());
        store.import(APP, vec![seed("a", &[(NICK, "n")])], UnixMillis(1), Some(origin(1))).await.unwrap();
        let first = waiting(&store, APP).await[0].seq;
        store.record_deliveries(APP, vec![(first, DeliveryOutcome::Delivered)]).await.unwrap();
        assert!(store.backlogs().is_empty());
        store.apply(change(APP, "a", 2)).await.unwrap();
        store.apply(change(APP, "a", 3)).await.unwrap();
        let events = waiting(&store, APP).await;
        assert!(events[0].seq > first);
        store.record_deliveries(APP, vec![(events[0].seq, park())]).await.unwrap();
        let before = store.backlogs();
        store.close().await;
        drop(store);
        let store = open(dir.path());
        assert_eq!(store.backlogs(), before);
        assert_eq!(before[&APP].parked, Amount { events: 1, bytes: before[&APP].waiting.bytes });
    });
}

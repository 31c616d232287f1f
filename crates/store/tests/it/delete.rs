//! Events that are deleted: nothing of them is left, and nothing else is gone.

use crate::{Home, START, event};
use cresset_model::event::{LoggedEvent, SAME_AS_MSG};
use cresset_model::{Duration, Event, Timestamp, Value};
use cresset_store::{DeleteFrom, DeletedFrom, Error, EventStore};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

const ALL: (Timestamp, Timestamp) = (Timestamp::MIN, Timestamp::MAX);

/// Deletes by `seq`.
fn seqs(seqs: impl IntoIterator<Item = u64>) -> DeleteFrom {
    let seqs: BTreeSet<u64> = seqs.into_iter().collect();
    DeleteFrom {
        range: ALL,
        fields: BTreeSet::new(),
        doomed: Arc::new(move |seq, _| seqs.contains(&seq)),
    }
}

/// All events by `seq`, with their fields by name.
async fn all(home: &Home, store: &EventStore) -> BTreeMap<u64, BTreeMap<String, Value>> {
    let mut found = BTreeMap::new();
    for file in home.files().await {
        let take = &mut |seq, event: Event| {
            let fields = event.fields.into_iter();
            let fields = fields
                .map(|(name, value)| (name.to_string(), value))
                .collect();
            assert!(found.insert(seq, fields).is_none(), "{seq} is there twice");
            ControlFlow::Continue(())
        };
        store.scan(&file, ALL, None, take).await.unwrap();
    }
    found
}

fn fields(event: &Event) -> BTreeMap<String, Value> {
    let fields = event.fields.iter();
    fields
        .map(|(name, value)| (name.to_string(), value.clone()))
        .collect()
}

/// Events of all kinds of values, some with rare fields.
fn various(seq: u64) -> LoggedEvent {
    let mut event = Event::new(START + Duration::seconds(seq as i64 % 97), START);
    event.set("msg", format!("line {seq}"));
    match seq % 5 {
        0 => event.set("kind", seq as i64),
        1 => event.set("kind", Value::Float(0.5)),
        2 => event.set("kind", Value::List(vec!["a".into(), "b".into()])),
        3 => event.set("kind", "text"),
        _ => event.set("other", Value::Bool(true)),
    }
    if seq.is_multiple_of(50) {
        event.set(format!("rare{seq}"), "x");
    }
    LoggedEvent {
        seq,
        repo: "web".into(),
        event: event.into(),
    }
}

pub(crate) async fn what_is_deleted_is_gone_and_the_rest_is_as_it_was(home: Home) {
    let store = home.open().await.unwrap();
    let events: Vec<LoggedEvent> = (1..=3_000).map(various).collect();
    home.flush(&store, &events).await;
    let [before] = &home.files().await[..] else {
        panic!("one file was expected");
    };
    let which = seqs((1..=3_000).filter(|seq| seq % 7 == 0));
    assert_eq!(store.count_doomed(before, &which).await.unwrap(), 428);
    assert_eq!(
        home.files().await,
        std::slice::from_ref(before),
        "it only counts"
    );
    let done = store.delete_from(before, &which).await.unwrap();
    let DeletedFrom::Some {
        events: 428,
        by: Some(by),
        old,
    } = done
    else {
        panic!("{done:?}");
    };
    assert_eq!(home.files().await, std::slice::from_ref(&by));
    let bytes = home.read(&by.path).await;
    assert_eq!(by.bytes, bytes.len() as u64);
    assert_eq!(by.crc32, Some(crc32fast::hash(&bytes)));
    assert_eq!((by.rows, by.min_seq, by.max_seq), (2_572, 1, 3_000));
    assert_eq!(by.id.bytes()[..4], before.id.bytes()[..4], "its age stays");
    let left: BTreeMap<_, _> = events
        .iter()
        .filter(|e| e.seq % 7 != 0)
        .map(|e| (e.seq, fields(&e.event)))
        .collect();
    assert_eq!(all(&home, &store).await, left);

    let old = [old];
    assert!(home.stored().await.contains(&old[0]));
    assert_eq!(store.still_there(&old), 1);
    store.remove_replaced().await.unwrap();
    assert_eq!(store.still_there(&old), 0);
    assert_eq!(
        store.delete_from(&by, &which).await.unwrap(),
        DeletedFrom::Untouched
    );
    assert_eq!(
        store.delete_from(before, &which).await.unwrap(),
        DeletedFrom::Gone
    );
    assert_eq!(home.stored().await, [by.path]);
}

pub(crate) async fn large_files_are_written_in_pieces(home: Home) {
    let store = home.open().await.unwrap();
    let text = "0123456789";
    let events: Vec<LoggedEvent> = (1..=70_000)
        .map(|seq| {
            let mut logged = event(
                seq,
                "web",
                START + Duration::seconds((seq * 7 % 1_000) as i64),
            );
            logged.event.make_mut().set("long", text);
            logged
        })
        .collect();
    home.flush(&store, &events).await;
    let file = &home.files().await[0];
    let done = store.delete_from(file, &seqs([5, 69_999])).await.unwrap();
    assert!(matches!(done, DeletedFrom::Some { events: 2, .. }));
    store.remove_replaced().await.unwrap();
    let left: Vec<u64> = all(&home, &store).await.into_keys().collect();
    assert!(
        left.into_iter()
            .eq((1..=70_000).filter(|seq| ![5, 69_999].contains(seq)))
    );
    assert_eq!(home.stored().await.len(), 1, "no piece is left");
}

pub(crate) async fn no_byte_of_it_is_left(home: Home) {
    let store = home.open().await.unwrap();
    let mut events: Vec<LoggedEvent> = (1..=20).map(various).collect();
    let secret = events[3].event.make_mut();
    // In the smallest and largest of a column, in a name, in the overflow, and in a list.
    secret.set("msg", "zz-top-secret");
    secret.set("kind", Value::List(vec!["a-top-secret".into()]));
    secret.set("top-secret-name", 5);
    home.flush(&store, &events).await;
    assert!(home.holds("top-secret").await);
    let range = (START, START + Duration::seconds(4));
    let which = DeleteFrom {
        range,
        fields: BTreeSet::from(["msg".to_owned()]),
        doomed: Arc::new(|_, event| event.msg().contains("secret")),
    };
    let file = &home.files().await[0];
    let done = store.delete_from(file, &which).await.unwrap();
    assert!(
        matches!(done, DeletedFrom::Some { events: 1, .. }),
        "{done:?}"
    );
    assert!(
        home.holds("top-secret").await,
        "somebody may read the old file"
    );
    store.remove_replaced().await.unwrap();
    assert!(!home.holds("top-secret").await);
    assert_eq!(all(&home, &store).await.len(), 19);
}

pub(crate) async fn a_file_of_which_nothing_is_left_goes(home: Home) {
    let store = home.open().await.unwrap();
    home.flush(&store, &[event(1, "web", START), event(2, "mail", START)])
        .await;
    for file in home.files().await.iter().filter(|f| f.repo == "web") {
        let done = store.delete_from(file, &seqs([1])).await.unwrap();
        assert!(matches!(
            done,
            DeletedFrom::Some {
                events: 1,
                by: None,
                ..
            }
        ));
    }
    store.remove_replaced().await.unwrap();
    assert_eq!(
        (home.files().await.len(), home.stored().await.len()),
        (1, 1)
    );
}

pub(crate) async fn a_reader_finds_all_as_it_was_and_a_crash_leaves_one_of_both(home: Home) {
    let store = home.open().await.unwrap();
    home.flush(&store, &[event(1, "web", START), event(2, "web", START)])
        .await;
    let file = home.files().await[0].clone();
    let reading = store.reading();
    store.delete_from(&file, &seqs([1])).await.unwrap();
    store.remove_replaced().await.unwrap();
    assert_eq!(store.count_doomed(&file, &seqs([1, 2])).await.unwrap(), 2);
    drop(reading);
    // Killed before the old file was removed.
    drop(store);
    assert_eq!(home.stored().await.len(), 2);
    let store = home.open().await.unwrap();
    assert_eq!(home.stored().await.len(), 1);
    assert_eq!(
        all(&home, &store).await.into_keys().collect::<Vec<_>>(),
        [2]
    );
}

#[tokio::test]
async fn a_disk_that_does_not_take_it_changes_nothing() {
    let home = Home::new().await;
    let store = home.open().await.unwrap();
    home.flush(
        &store,
        &[
            event(1, "web", START),
            event(2, "web", START + Duration::days(1)),
        ],
    )
    .await;
    let file = home.files().await[0].clone();
    // Its new first event is of the next day, whose folder cannot be made.
    let folder = home.root().join("web/2026/01/02");
    std::fs::write(&folder, b"").unwrap();
    store.delete_from(&file, &seqs([1])).await.unwrap_err();
    assert_eq!(home.files().await, std::slice::from_ref(&file));
    std::fs::remove_file(&folder).unwrap();
    assert_eq!(all(&home, &store).await.len(), 2);
}

pub(crate) async fn a_damaged_file_is_left_to_the_quarantine(home: Home) {
    let store = home.open().await.unwrap();
    home.flush(&store, &[event(1, "web", START), event(2, "web", START)])
        .await;
    let file = home.files().await[0].clone();
    home.put(&file.path, b"PAR1 but no more").await;
    let store = home.open().await.unwrap();
    let error = store.delete_from(&file, &seqs([1])).await.unwrap_err();
    assert!(matches!(&error, Error::Damaged { .. }), "{error}");
    assert_eq!(home.files().await, std::slice::from_ref(&file));
    home.delete(&file.path).await;
    let error = store.delete_from(&file, &seqs([1])).await.unwrap_err();
    assert!(matches!(&error, Error::Missing { .. }), "{error}");
    assert_eq!(home.files().await, [file]);
}

pub(crate) async fn text_under_two_names_goes_under_both(home: Home) {
    let store = home.open().await.unwrap();
    let twin = |seq: u64, text: &str| {
        let mut logged = event(seq, "web", START);
        let event = logged.event.make_mut();
        event.set("msg", text);
        event.set(SAME_AS_MSG, "Message");
        logged
    };
    home.flush(
        &store,
        &[
            twin(1, "a secret"),
            twin(2, "a word"),
            event(3, "web", START),
        ],
    )
    .await;
    let which = DeleteFrom {
        range: ALL,
        fields: BTreeSet::from(["Message".to_owned()]),
        doomed: Arc::new(|_, event| event.get("Message").is_some_and(|v| v.text() == "a secret")),
    };
    let file = &home.files().await[0];
    assert_eq!(store.count_doomed(file, &which).await.unwrap(), 1);
    store.delete_from(file, &which).await.unwrap();
    store.remove_replaced().await.unwrap();
    assert!(!home.holds("a secret").await);
    let left = all(&home, &store).await;
    assert_eq!(left.keys().copied().collect::<Vec<_>>(), [2, 3]);
    assert_eq!(left[&2], fields(&twin(2, "a word").event));
}

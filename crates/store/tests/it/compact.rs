//! Small files that are made one.

use crate::{Home, START, event};
use cresset_catalog::port::{FileEntry, Files, Quarantine};
use cresset_model::{Duration, Timestamp};
use cresset_store::Result;
use std::ops::ControlFlow;

/// The `seq` of all events, in the order in which the store gives them.
async fn all(home: &Home, store: &cresset_store::EventStore) -> Result<Vec<u64>> {
    let files = home
        .catalog
        .files(&[], Timestamp::MIN, Timestamp::MAX)
        .await?;
    seqs(store, &files).await
}

async fn seqs(store: &cresset_store::EventStore, files: &[FileEntry]) -> Result<Vec<u64>> {
    let mut found = Vec::new();
    for file in files {
        let range = (Timestamp::MIN, Timestamp::MAX);
        let take = &mut |seq, _| {
            found.push(seq);
            ControlFlow::Continue(())
        };
        store.scan(file, range, None, take).await?;
    }
    Ok(found)
}

pub(crate) async fn small_files_become_one_and_nothing_is_lost(home: Home) {
    let store = home.open().await.unwrap();
    for n in 1..=5 {
        home.flush(
            &store,
            &[event(n, "web", START - Duration::hours(n as i64))],
        )
        .await;
    }
    home.flush(&store, &[event(6, "mail", START)]).await;
    assert_eq!(store.compact().await.unwrap(), 0, "more may come");
    home.clock.advance(Duration::hours(1));

    let reading = store.reading();
    let before = home
        .catalog
        .files(&[], Timestamp::MIN, Timestamp::MAX)
        .await
        .unwrap();
    assert_eq!(store.compact().await.unwrap(), 5);
    assert_eq!(store.compact().await.unwrap(), 0);
    let after = home
        .catalog
        .files(&[], Timestamp::MIN, Timestamp::MAX)
        .await
        .unwrap();
    assert_eq!((before.len(), after.len()), (6, 2));
    assert_eq!(all(&home, &store).await.unwrap(), [5, 4, 3, 2, 1, 6]);

    // Who began before finds all as it was.
    store.remove_replaced().await.unwrap();
    let all_of_before = seqs(&store, &before).await.unwrap();
    assert_eq!(all_of_before.len(), 6);
    drop(reading);
    store.remove_replaced().await.unwrap();
    assert_eq!(home.stored().await.len(), 2);
    let store = home.open().await.unwrap();
    assert_eq!(all(&home, &store).await.unwrap(), [5, 4, 3, 2, 1, 6]);
}

pub(crate) async fn a_crash_before_the_small_files_are_removed_leaves_no_event_twice(home: Home) {
    let store = home.open().await.unwrap();
    for n in 1..=3 {
        home.flush(&store, &[event(n, "web", START)]).await;
    }
    home.clock.advance(Duration::hours(1));
    assert_eq!(store.compact().await.unwrap(), 3);
    assert_eq!(home.stored().await.len(), 4);
    drop(store);
    let store = home.open().await.unwrap();
    assert_eq!(home.stored().await.len(), 1);
    assert_eq!(all(&home, &store).await.unwrap(), [1, 2, 3]);
}

pub(crate) async fn a_damaged_file_does_not_hold_up_the_others(home: Home) {
    let store = home.open().await.unwrap();
    for n in 1..=4 {
        home.flush(&store, &[event(n, "web", START)]).await;
    }
    home.clock.advance(Duration::hours(1));
    let files = home
        .catalog
        .files(&[], Timestamp::MIN, Timestamp::MAX)
        .await
        .unwrap();
    let bytes = home.read(&files[1].path).await;
    home.put(&files[1].path, &bytes[..bytes.len() / 2]).await;
    // Of a remote file, the one that wrote it has a copy.
    let store = home.open().await.unwrap();
    while store.compact().await.unwrap() > 0 {}
    let left = home
        .catalog
        .files(&[], Timestamp::MIN, Timestamp::MAX)
        .await
        .unwrap();
    assert_eq!(left.len(), 1);
    let lost = home
        .catalog
        .quarantined_files(&[], Timestamp::MIN, Timestamp::MAX)
        .await
        .unwrap();
    let [lost] = &lost[..] else {
        panic!("one was expected: {lost:?}");
    };
    assert_eq!(lost.file, files[1]);
}

//! A disk that fills while files are written or made one.

use crate::{Home, START, event};
use cresset_catalog::port::Files;
use cresset_model::event::LoggedEvent;
use cresset_model::{Duration, Timestamp};
use cresset_store::{Error, EventStore, LocalFolder};
use cresset_testkit::SmallDisk;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Events of a kilobyte and more that does not compress well.
fn events(first: u64, count: u64) -> Vec<LoggedEvent> {
    let large = |seq: u64| {
        let mut logged = event(seq, "web", START);
        let mut number = seq;
        let mut noise = String::new();
        for _ in 0..100 {
            number = number
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963);
            noise.push_str(&format!("{number:x}"));
        }
        logged.event.make_mut().set("noise", noise);
        logged
    };
    (first..first + count).map(large).collect()
}

async fn found(home: &Home, store: &EventStore) -> Vec<u64> {
    let mut seqs = Vec::new();
    for file in home
        .catalog
        .files(&[], Timestamp::MIN, Timestamp::MAX)
        .await
        .unwrap()
    {
        let range = (Timestamp::MIN, Timestamp::MAX);
        let take = &mut |seq, _| {
            seqs.push(seq);
            ControlFlow::Continue(())
        };
        store.scan(&file, range, None, take).await.unwrap();
    }
    seqs.sort_unstable();
    seqs
}

fn is_full(error: &Error) -> bool {
    matches!(error, Error::Io { source, .. } if source.kind() == ErrorKind::StorageFull)
}

/// All files on the disk, the ballast left out.
fn on_disk(folder: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path());
    let count = |path: std::path::PathBuf| match path {
        path if path.is_dir() => on_disk(&path),
        path if path.ends_with("ballast") => 0,
        _ => 1,
    };
    entries.map(count).sum()
}

#[tokio::test]
async fn what_did_not_fit_leaves_nothing_and_is_done_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path(), 4).unwrap() else {
        return;
    };
    let home = Home::new().await;
    let storage = Arc::new(LocalFolder::new(disk.root().join("events")));
    let store = home.open_in(storage).await.unwrap();
    for part in 0..4 {
        home.flush(&store, &events(part * 100 + 1, 100)).await;
    }
    home.clock.advance(Duration::hours(1));
    for left in [0, 4 << 10, 64 << 10, 128 << 10] {
        disk.fill(left).unwrap();
        let error = store.write(&events(401, 1_000)).await.unwrap_err();
        assert!(is_full(&error), "{left} bytes left: {error}");
        let error = store.compact().await.unwrap_err();
        assert!(is_full(&error), "{left} bytes left: {error}");
        assert_eq!(on_disk(disk.root()), 4, "{left} bytes left");
        assert_eq!(found(&home, &store).await, (1..=400).collect::<Vec<_>>());
        disk.free().unwrap();
    }
    assert_eq!(store.compact().await.unwrap(), 4);
    home.flush(&store, &events(401, 1_000)).await;
    store.remove_replaced().await.unwrap();
    assert_eq!(on_disk(disk.root()), 2);
    assert_eq!(found(&home, &store).await, (1..=1_400).collect::<Vec<_>>());
}

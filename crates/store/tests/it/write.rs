//! Writing files and reading them back.

use crate::{Home, START, event};
use cresset_model::event::LoggedEvent;
use cresset_model::{Duration, Timestamp};
use cresset_store::Error;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

pub(crate) async fn a_file_per_repo_and_time_with_what_the_catalog_needs(home: Home) {
    let store = home.open().await.unwrap();
    let year_one = Timestamp::from_secs(-62_135_596_800);
    let files = store
        .write(&[
            event(1, "default", START),
            event(2, "web", START),
            event(3, "default", START - Duration::hours(1)),
            event(4, "default", year_one),
        ])
        .await
        .unwrap();
    let shown: Vec<_> = files
        .iter()
        .map(|f| (f.repo.as_str(), f.rows, f.min_seq, f.max_seq))
        .collect();
    assert_eq!(
        shown,
        [("default", 1, 4, 4), ("default", 2, 1, 3), ("web", 1, 2, 2)]
    );
    assert!(
        files[0].path.starts_with("default/0001/01/01/"),
        "{}",
        files[0].path
    );
    assert!(
        files[1].path.starts_with("default/2025/12/31/"),
        "{}",
        files[1].path
    );
    assert_eq!(
        (files[1].min_log_ts, files[1].max_log_ts),
        (START - Duration::hours(1), START)
    );
    for file in &files {
        assert_eq!(file.bytes, home.read(&file.path).await.len() as u64);
    }
    assert_eq!(home.stored().await.len(), 3, "no unfinished file is left");
}

pub(crate) async fn scanning_goes_by_time_and_stops_when_told(home: Home) {
    let store = home.open().await.unwrap();
    let at = |n: i64| START + Duration::seconds(n);
    let events: Vec<_> = (0..5_000)
        .map(|n| event(n as u64 + 1, "r", at(4_999 - n)))
        .collect();
    let [file] = store.write(&events).await.unwrap().try_into().unwrap();
    let none = BTreeSet::new();
    let mut found = Vec::new();
    store
        .scan(&file, (at(9), at(2_000)), Some(&none), &mut |seq, event| {
            assert!(event.fields.is_empty());
            found.push(seq);
            if found.len() == 1_500 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
        .await
        .unwrap();
    // The event at second n has the number 5,000 - n.
    assert_eq!(found, (3_491..=4_990).rev().collect::<Vec<u64>>());
}

#[tokio::test]
async fn a_failed_write_names_the_place_and_leaves_nothing() {
    let home = Home::new().await;
    let store = home.open().await.unwrap();
    // A file where the folder of the second repo should be.
    std::fs::write(home.root().join("web"), b"").unwrap();
    let error = store
        .write(&[event(1, "default", START), event(2, "web", START)])
        .await
        .unwrap_err();
    assert!(matches!(&error, Error::Io { .. }));
    assert!(error.to_string().contains("web"), "{error}");
    assert_eq!(home.on_disk(), ["web"]);
    std::fs::remove_file(home.root().join("web")).unwrap();
    assert_eq!(
        store.write(&[event(2, "web", START)]).await.unwrap().len(),
        1
    );
}

fn of_many_months() -> Vec<LoggedEvent> {
    (0..40)
        .map(|n| event(40 - n, "r", START + Duration::days(n as i64 * 30)))
        .collect()
}

pub(crate) async fn many_files_are_written_in_order(home: Home) {
    let store = home.open().await.unwrap();
    let events = of_many_months();
    let files = store.write(&events).await.unwrap();
    let seqs: Vec<u64> = files.iter().map(|f| f.min_seq).collect();
    assert_eq!(seqs, (1..=40).rev().collect::<Vec<u64>>());
    for file in &files {
        let mut found = Vec::new();
        let all = (Timestamp::MIN, Timestamp::MAX);
        let take = &mut |seq, _| {
            found.push(seq);
            ControlFlow::Continue(())
        };
        store.scan(file, all, None, take).await.unwrap();
        assert_eq!(found, [file.min_seq]);
    }
    assert_eq!(home.stored().await.len(), 40);
}

#[tokio::test]
async fn all_files_are_written_or_none_is() {
    let home = Home::new().await;
    let store = home.open().await.unwrap();
    let events = of_many_months();
    store.write(&events).await.unwrap();
    // The folder of the last year cannot be made.
    std::fs::remove_dir_all(home.root().join("r/2029")).unwrap();
    std::fs::write(home.root().join("r/2029"), b"").unwrap();
    let left = home.on_disk();
    assert!(matches!(
        store.write(&events).await.unwrap_err(),
        Error::Io { .. }
    ));
    assert_eq!(home.on_disk(), left);
}

pub(crate) async fn missing_and_damaged_files_are_named(home: Home) {
    let store = home.open().await.unwrap();
    let [file] = store
        .write(&[event(1, "r", START)])
        .await
        .unwrap()
        .try_into()
        .unwrap();
    let all = (Timestamp::MIN, Timestamp::MAX);
    home.register(std::slice::from_ref(&file)).await;
    let error = async || {
        // Without what is known of the file.
        let store = home.open().await.unwrap();
        let mut ignore = |_, _| ControlFlow::Continue(());
        store.scan(&file, all, None, &mut ignore).await.unwrap_err()
    };
    home.put(&file.path, b"PAR1 but no more").await;
    let damaged = error().await;
    assert!(matches!(&damaged, Error::Damaged { .. }));
    assert!(damaged.to_string().contains(&file.path), "{damaged}");
    home.delete(&file.path).await;
    let missing = error().await;
    assert!(matches!(&missing, Error::Missing { .. }));
    assert!(missing.to_string().contains(&file.path), "{missing}");
}

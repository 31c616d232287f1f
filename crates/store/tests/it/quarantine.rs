//! Files that are damaged or deleted under the store.

use crate::{Home, START, event};
use cresset_catalog::port::{AuditEntry, FileEntry, Quarantine, QuarantinedFile, Repos};
use cresset_model::repo::Repo;
use cresset_model::{Duration, Event, Timestamp};
use cresset_store::{Checked, Depth, Error, EventStore, discard, restore};
use std::ops::ControlFlow;

fn entry() -> AuditEntry {
    AuditEntry {
        at: START,
        actor: "root".to_owned(),
        address: String::new(),
        action: "test".to_owned(),
        detail: String::new(),
    }
}

async fn lost(home: &Home) -> Vec<QuarantinedFile> {
    home.catalog
        .quarantined_files(&[], Timestamp::MIN, Timestamp::MAX)
        .await
        .unwrap()
}

/// A store of three files.
async fn three(home: &Home) -> (EventStore, Vec<FileEntry>) {
    let store = home.open().await.unwrap();
    for n in 1..=3 {
        let many: Vec<_> = (0..200)
            .map(|i| event(n * 1_000 + i, "web", START - Duration::hours(n as i64)))
            .collect();
        home.flush(&store, &many).await;
    }
    let files = home.files().await;
    (store, files)
}

/// Turns one bit around.
async fn flip(home: &Home, file: &FileEntry, at: usize) {
    let mut bytes = home.read(&file.path).await;
    bytes[at] ^= 4;
    home.put(&file.path, &bytes).await;
}

/// All events of a file.
async fn events(store: &EventStore, file: &FileEntry) -> cresset_store::Result<Vec<(u64, Event)>> {
    let mut found = Vec::new();
    let take = &mut |seq, event| {
        found.push((seq, event));
        ControlFlow::Continue(())
    };
    let all = (Timestamp::MIN, Timestamp::MAX);
    store.scan(file, all, None, take).await?;
    Ok(found)
}

/// Where what is left of a file is kept.
fn aside(file: &FileEntry) -> String {
    format!(".quarantine/{}", file.path.replace('/', "~"))
}

pub(crate) async fn every_flipped_bit_is_found_by_the_check(home: Home) {
    let (store, files_before) = three(&home).await;
    let whole = Checked {
        whole: 3,
        ..Checked::default()
    };
    assert_eq!(store.check_files(Depth::Bytes).await.unwrap(), whole);
    let file = &files_before[1];
    let whole_events = events(&store, file).await.unwrap();
    assert_eq!(whole_events.len(), 200);
    let bytes = home.read(&file.path).await;
    for at in (0..bytes.len()).step_by(bytes.len() / 40) {
        flip(&home, file, at).await;
        // Who reads it may meet nothing wrong; what it was told must not outlive the file.
        let store = home.open().await.unwrap();
        let _ = events(&store, file).await;
        let found = store.check_files(Depth::Bytes).await.unwrap();
        assert_eq!((found.whole, found.quarantined), (2, 1), "byte {at}");
        let [one] = &lost(&home).await[..] else {
            panic!("one was expected");
        };
        assert_eq!(&one.file, file);
        assert!(one.reason.contains("bytes have changed"), "{}", one.reason);
        let stored = home.stored().await;
        assert!(stored.contains(&aside(file)) && !stored.contains(&file.path));
        // A backup takes its place, and the next check takes it back.
        home.put(&file.path, &bytes).await;
        let found = store.check_files(Depth::Bytes).await.unwrap();
        assert_eq!((found.whole, found.restored), (3, 1));
        assert!(!home.stored().await.contains(&aside(file)));
        assert_eq!(
            events(&store, file).await.unwrap(),
            whole_events,
            "byte {at}"
        );
    }
    assert_eq!(home.files().await, files_before);
}

pub(crate) async fn missing_and_short_files_are_named_with_what_was_lost(home: Home) {
    let (store, before) = three(&home).await;
    home.delete(&before[0].path).await;
    let bytes = home.read(&before[2].path).await;
    home.put(&before[2].path, &bytes[..100]).await;
    // For this it is enough to ask how long they are.
    assert_eq!(
        store.check_files(Depth::Sizes).await.unwrap().quarantined,
        2
    );
    let told: Vec<String> = lost(&home).await.iter().map(ToString::to_string).collect();
    assert!(
        told[0].starts_with("200 events of repo web from 2025-12-31T21:00:00Z to"),
        "{}",
        told[0]
    );
    assert!(
        told[0].contains(&before[0].path) && told[0].contains("it is missing"),
        "{}",
        told[0]
    );
    assert!(told[1].contains("it has 100 bytes of"), "{}", told[1]);
    assert_eq!(home.files().await, [before[1].clone()]);
    // A start changes nothing of this.
    drop(store);
    let store = home.open().await.unwrap();
    assert_eq!(lost(&home).await.len(), 2);
    let again = store.check_files(Depth::Bytes).await.unwrap();
    assert_eq!(
        again,
        Checked {
            whole: 1,
            ..Checked::default()
        }
    );
}

pub(crate) async fn a_reader_that_meets_damage_sets_the_file_aside(home: Home) {
    let (_, before) = three(&home).await;
    home.put(&before[0].path, b"PAR1 but no more").await;
    // Without a copy of what was written.
    let store = home.open().await.unwrap();
    let all = (Timestamp::MIN, Timestamp::MAX);
    let error = async |file| {
        let mut ignore = |_, _| ControlFlow::Continue(());
        store.scan(file, all, None, &mut ignore).await.unwrap_err()
    };
    let met = error(&before[0]).await;
    let told = store.examine(&before[0], &met).await.unwrap();
    assert!(told.unwrap().contains("200 events of repo web"));
    assert_eq!(lost(&home).await.len(), 1);
    // Two readers may meet it; the second has nothing to add.
    assert_eq!(store.examine(&before[0], &met).await.unwrap(), None);
    // A file that is whole stays, whatever a reader says.
    let wrong = Error::Damaged {
        path: store.root().join(&before[1].path),
        reason: "a lie".to_owned(),
    };
    let told = store.examine(&before[1], &wrong).await.unwrap();
    assert!(told.unwrap().contains("a lie"));
    assert_eq!(home.files().await.len(), 2);
}

#[tokio::test]
async fn a_disk_that_is_not_mounted_has_lost_nothing() {
    let home = Home::new().await;
    let (store, before) = three(&home).await;
    let elsewhere = home.root().with_extension("elsewhere");
    std::fs::rename(home.root(), &elsewhere).unwrap();
    assert!(matches!(
        store.check_files(Depth::Bytes).await,
        Err(Error::Missing { .. })
    ));
    std::fs::rename(&elsewhere, home.root()).unwrap();
    assert_eq!(home.files().await, before);
}

pub(crate) async fn restored_from_a_backup_or_given_up(home: Home) {
    let (store, before) = three(&home).await;
    let backup = home.read(&before[0].path).await;
    for file in &before[..2] {
        flip(&home, file, 200).await;
    }
    assert_eq!(
        store.check_files(Depth::Bytes).await.unwrap().quarantined,
        2
    );
    let (storage, catalog) = (home.storage().unwrap(), &*home.catalog);
    let [first, second] = [before[0].id, before[1].id];
    let bad = restore(storage.clone(), catalog, first, entry())
        .await
        .unwrap_err();
    assert!(matches!(&bad, Error::Damaged { .. }), "{bad}");
    home.put(&before[0].path, &backup[..99]).await;
    let bad = restore(storage.clone(), catalog, first, entry())
        .await
        .unwrap_err();
    assert!(bad.to_string().contains("99 bytes"), "{bad}");
    home.put(&before[0].path, &backup).await;
    restore(storage.clone(), catalog, first, entry())
        .await
        .unwrap();
    discard(storage.clone(), catalog, second, entry())
        .await
        .unwrap();
    for id in [first, second] {
        assert!(
            restore(storage.clone(), catalog, id, entry())
                .await
                .is_err()
        );
        assert!(
            discard(storage.clone(), catalog, id, entry())
                .await
                .is_err()
        );
    }
    assert_eq!(home.files().await, [before[0].clone(), before[2].clone()]);
    assert_eq!(
        home.stored().await.len(),
        2,
        "nothing is left of the others"
    );
    drop(store);
    let store = home.open().await.unwrap();
    let whole = Checked {
        whole: 2,
        ..Checked::default()
    };
    assert_eq!(store.check_files(Depth::Bytes).await.unwrap(), whole);
}

pub(crate) async fn a_crash_between_the_steps_is_made_up_for(home: Home) {
    let (store, before) = three(&home).await;
    // Marked, and killed before the file was moved.
    flip(&home, &before[0], 200).await;
    home.catalog
        .quarantine_file(before[0].id, "torn", START)
        .await
        .unwrap();
    // Marked although whole, as a disk that came back would leave it.
    home.catalog
        .quarantine_file(before[1].id, "it is missing", START)
        .await
        .unwrap();
    // Given up, and killed before it was removed.
    home.put(".quarantine/web~old.parquet", b"").await;
    drop(store);
    let store = home.open().await.unwrap();
    let found = store.check_files(Depth::Bytes).await.unwrap();
    assert_eq!((found.whole, found.quarantined, found.restored), (2, 0, 1));
    assert_eq!(home.files().await, before[1..]);
    let mut kept = home.stored().await;
    kept.retain(|path| path.starts_with(".quarantine/"));
    assert_eq!(kept, [aside(&before[0])]);
}

pub(crate) async fn what_is_too_old_leaves_the_quarantine(home: Home) {
    let repo = Repo {
        name: "web".into(),
        retention_days: 10,
    };
    home.catalog.create_repo(repo).await.unwrap();
    let (store, before) = three(&home).await;
    flip(&home, &before[0], 200).await;
    assert_eq!(
        store.check_files(Depth::Bytes).await.unwrap().quarantined,
        1
    );
    assert_eq!(store.expire_quarantined().await.unwrap(), 0);
    home.clock.set(START + Duration::days(10));
    assert_eq!(store.expire_quarantined().await.unwrap(), 1);
    assert!(lost(&home).await.is_empty());
    assert_eq!(home.stored().await.len(), 2);
}

pub(crate) async fn a_reader_that_meets_the_end_too_early_sets_the_file_aside(home: Home) {
    let store = home.open().await.unwrap();
    let text = |seq: u64| {
        let mut logged = event(seq, "web", START);
        let noise = seq.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        logged
            .event
            .make_mut()
            .set("noise", format!("{noise:x}{}", !noise));
        logged
    };
    home.flush(&store, &(1..20_000).map(text).collect::<Vec<_>>())
        .await;
    let file = home.files().await[0].clone();
    let bytes = home.read(&file.path).await;
    assert!(bytes.len() > 300_000, "{}", bytes.len());
    // Less than where the last piece of it begins.
    home.put(&file.path, &bytes[..100_000]).await;
    let store = home.open().await.unwrap();
    let mut ignore = |_, _| ControlFlow::Continue(());
    let all = (Timestamp::MIN, Timestamp::MAX);
    let met = store.scan(&file, all, None, &mut ignore).await.unwrap_err();
    assert!(matches!(&met, Error::Damaged { .. }), "{met}");
    let told = store.examine(&file, &met).await.unwrap().unwrap();
    assert!(told.contains("100000 bytes of"), "{told}");
    assert_eq!(home.files().await, []);
}

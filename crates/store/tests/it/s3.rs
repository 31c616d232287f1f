//! What is special about object storage: the network, rights, and local copies.

use crate::event;
use crate::faults::{Faults, Network};
use crate::home::{Home, OWNER, START, bucket};
use cresset_catalog::port::{FileEntry, Files};
use cresset_model::{Duration, ObjectId, SecretString, Timestamp};
use cresset_store::{DeleteFrom, DeletedFrom, Depth, Error, EventStore, Result, S3Settings};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

async fn faulty(home: &Home) -> (Faults, S3Settings) {
    let faults = Faults::before(&home.settings().endpoint).await;
    let settings = S3Settings {
        endpoint: faults.url(),
        ..home.settings()
    };
    (faults, settings)
}

async fn count(store: &EventStore, file: &FileEntry) -> Result<usize> {
    let (all, mut found) = ((Timestamp::MIN, Timestamp::MAX), 0);
    let take = &mut |_, _| {
        found += 1;
        ControlFlow::Continue(())
    };
    store.scan(file, all, None, take).await?;
    Ok(found)
}

async fn files(home: &Home) -> Vec<FileEntry> {
    let all = home.catalog.files(&[], Timestamp::MIN, Timestamp::MAX);
    all.await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_cannot_work_are_told_apart() {
    let Some(home) = Home::in_bucket().await else {
        return;
    };
    let good = home.settings();
    let id = ObjectId::from_bytes([1; 12]);
    bucket(&good).unwrap().probe(id).unwrap();
    assert_eq!(home.stored().await, Vec::<String>::new(), "nothing is left");
    let check = |change: &dyn Fn(&mut S3Settings), expect: &str| {
        let mut settings = good.clone();
        change(&mut settings);
        let begun = Instant::now();
        let error = bucket(&settings).unwrap().probe(id).unwrap_err();
        assert!(begun.elapsed().as_secs() < 15, "{:?}", begun.elapsed());
        let text = error.to_string();
        assert!(text.contains(expect), "{text}");
        assert!(text.starts_with("object storage s3://"), "{text}");
        assert!(!text.contains("secret-of-the-tests"), "{text}");
    };
    let wrong = |text: &str| SecretString::new(text);
    check(
        &|s| s.bucket = "nowhere".to_owned(),
        "no bucket of that name",
    );
    check(
        &|s| s.access_key_id = "nobody".to_owned(),
        "InvalidAccessKeyId",
    );
    check(
        &|s| s.secret_access_key = wrong("x"),
        "SignatureDoesNotMatch",
    );
    // A port that was just free.
    let port = cresset_testkit::free_port().unwrap();
    check(
        &|s| s.endpoint = format!("http://127.0.0.1:{port}"),
        "refused",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_server_is_asked_again_and_not_for_ever() {
    let Some(home) = Home::in_bucket().await else {
        return;
    };
    let (faults, settings) = faulty(&home).await;
    let store = home
        .open_in(home.storage_of(&settings, 1 << 30).unwrap())
        .await
        .unwrap();
    faults.set(Network::Fails(3));
    home.flush(&store, &[event(1, "r", START)]).await;
    let [file] = files(&home).await.try_into().unwrap();
    assert_eq!(home.read(&file.path).await.len() as u64, file.bytes);

    let check = async |network: Network, expect: &str| {
        faults.set(network);
        let begun = Instant::now();
        let error = store.write(&[event(2, "r", START)]).await.unwrap_err();
        assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
        let text = error.to_string();
        assert!(matches!(error, Error::Storage { .. }), "{text}");
        assert!(text.contains(expect), "{text}");
    };
    check(Network::Fails(1_000), "500 Internal Server Error").await;
    check(Network::Away, "connection").await;
    check(Network::Hangs, "timed out").await;

    faults.set(Network::Works);
    home.flush(&store, &[event(3, "r", START)]).await;
    assert_eq!(files(&home).await.len(), 2);
    // What may have been written all the same goes at the next start.
    drop(store);
    home.open().await.unwrap();
    assert_eq!(home.stored().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_read_or_written_is_not_fetched_again() {
    let Some(home) = Home::in_bucket().await else {
        return;
    };
    let (faults, settings) = faulty(&home).await;
    let open = async |copies: u64| {
        faults.set(Network::Works);
        let storage = home.storage_of(&settings, copies).unwrap();
        home.open_in(storage).await.unwrap()
    };
    let store = open(1 << 30).await;
    home.flush(&store, &[event(1, "r", START), event(2, "r", START)])
        .await;
    let [file] = files(&home).await.try_into().unwrap();
    faults.set(Network::Away);
    assert_eq!(
        count(&store, &file).await.unwrap(),
        2,
        "it was just written"
    );

    let store = open(1 << 30).await;
    faults.set(Network::Away);
    let away = count(&store, &file).await.unwrap_err();
    assert!(matches!(&away, Error::Storage { .. }), "{away}");
    faults.set(Network::Works);
    assert_eq!(count(&store, &file).await.unwrap(), 2);
    faults.set(Network::Away);
    assert_eq!(count(&store, &file).await.unwrap(), 2, "it was just read");

    // Without room for copies each read fetches.
    let store = open(0).await;
    assert_eq!(count(&store, &file).await.unwrap(), 2);
    faults.set(Network::Away);
    count(&store, &file).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_cannot_be_fetched_is_not_taken_for_damaged() {
    let Some(home) = Home::in_bucket().await else {
        return;
    };
    let (faults, settings) = faulty(&home).await;
    let store = home.open().await.unwrap();
    for n in 1..=3 {
        home.flush(&store, &[event(n, "r", START)]).await;
    }
    home.clock.advance(Duration::hours(1));
    // Without copies of what was written.
    let store = home
        .open_in(home.storage_of(&settings, 1 << 30).unwrap())
        .await
        .unwrap();
    faults.set(Network::Away);
    let error = store.compact().await.unwrap_err();
    assert!(matches!(&error, Error::Storage { .. }), "{error}");
    faults.set(Network::Works);
    assert_eq!(store.compact().await.unwrap(), 3);
    let [file] = files(&home).await.try_into().unwrap();
    assert_eq!(count(&store, &file).await.unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_copy_is_fetched_anew() {
    let Some(home) = Home::in_bucket().await else {
        return;
    };
    let store = home.open().await.unwrap();
    home.flush(&store, &[event(1, "r", START)]).await;
    let [file] = files(&home).await.try_into().unwrap();
    for entry in std::fs::read_dir(home.copies()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::metadata(&path).unwrap().len();
        std::fs::write(&path, vec![0; bytes as usize]).unwrap();
    }
    let damaged = count(&store, &file).await.unwrap_err();
    assert!(matches!(&damaged, Error::Damaged { .. }), "{damaged}");
    assert_eq!(count(&store, &file).await.unwrap(), 1);
}

/// Wherever the damage is, what finds it has the file fetched anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_damaged_in_one_place_is_fetched_anew() {
    let Some(home) = Home::in_bucket().await else {
        return;
    };
    let store = home.open().await.unwrap();
    let events: Vec<_> = (1..2_000).map(|seq| event(seq, "r", START)).collect();
    home.flush(&store, &events).await;
    let [file] = files(&home).await.try_into().unwrap();
    // A copy that was fetched anew has another name.
    let copy = || {
        let copies = std::fs::read_dir(home.copies()).unwrap();
        let copies: Vec<_> = copies.map(|entry| entry.unwrap().path()).collect();
        <[_; 1]>::try_from(copies).unwrap()[0].clone()
    };
    let whole = std::fs::read(copy()).unwrap();
    let mut found = 0;
    for place in (4..whole.len()).step_by(whole.len() / 40) {
        let mut damaged = whole.clone();
        for byte in damaged.iter_mut().skip(place).take(8) {
            *byte ^= 0x55;
        }
        std::fs::write(copy(), damaged).unwrap();
        if count(&store, &file).await.is_err() {
            found += 1;
            assert_eq!(count(&store, &file).await.unwrap(), events.len(), "{place}");
        }
    }
    assert!(found > 5, "{found} damages were found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_files_of_another_server_are_left_alone() {
    let Some(home) = Home::in_bucket().await else {
        return;
    };
    let store = home.open().await.unwrap();
    home.flush(&store, &[event(1, "r", START)]).await;
    bucket(&home.settings()).unwrap().claim(OWNER).unwrap();
    let stranger = ObjectId::from_bytes([8; 12]);
    let error = bucket(&home.settings())
        .unwrap()
        .claim(stranger)
        .unwrap_err();
    assert!(error.to_string().contains("another server"), "{error}");
    assert!(error.to_string().contains(".cresset-owner"), "{error}");
    assert_eq!(home.stored().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_is_another_one_has_lost_nothing() {
    let Some(home) = Home::in_bucket().await else {
        return;
    };
    let store = home.open().await.unwrap();
    home.flush(&store, &[event(1, "r", START)]).await;
    let [file] = files(&home).await.try_into().unwrap();
    let bytes = home.read(&file.path).await;
    home.delete(&file.path).await;
    home.delete(".cresset-owner").await;
    let error = store.check_files(Depth::Sizes).await.unwrap_err();
    assert!(error.to_string().contains(".cresset-owner"), "{error}");
    assert_eq!(files(&home).await.len(), 1);
    home.put(&file.path, &bytes).await;
    bucket(&home.settings()).unwrap().claim(OWNER).unwrap();
    assert_eq!(store.check_files(Depth::Bytes).await.unwrap().whole, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_could_not_be_removed_is_removed_later() {
    let Some(home) = Home::in_bucket().await else {
        return;
    };
    let (faults, settings) = faulty(&home).await;
    let store = home
        .open_in(home.storage_of(&settings, 1 << 30).unwrap())
        .await
        .unwrap();
    home.flush(&store, &[event(1, "r", START)]).await;
    let [file] = files(&home).await.try_into().unwrap();
    let which = DeleteFrom {
        range: (Timestamp::MIN, Timestamp::MAX),
        fields: BTreeSet::new(),
        doomed: Arc::new(|_, _| true),
    };
    let DeletedFrom::Some { old, .. } = store.delete_from(&file, &which).await.unwrap() else {
        panic!("an event was expected");
    };
    let old = [old];
    faults.set(Network::Away);
    store.remove_replaced().await.unwrap();
    assert_eq!(store.still_there(&old), 1);
    faults.set(Network::Works);
    store.remove_replaced().await.unwrap();
    assert_eq!(store.still_there(&old), 0);
    assert_eq!(home.stored().await, [""; 0]);
}

//! What opening a store cleans up.

use crate::{Home, START, event};
use cresset_catalog::port::Files;
use cresset_model::Timestamp;

pub(crate) async fn what_a_crash_left_unregistered_is_removed(home: Home) {
    let store = home.open().await.unwrap();
    home.flush(&store, &[event(1, "r", START)]).await;
    let registered = home.stored().await;
    let orphans = store
        .write(&[event(2, "r", START), event(3, "s", START)])
        .await
        .unwrap();
    assert_eq!(orphans.len(), 2);
    home.put("r/notes.parquet", b"somebody's").await;
    drop(store);

    home.open().await.unwrap();
    let mut expect = registered;
    expect.push("r/notes.parquet".to_owned());
    expect.sort();
    assert_eq!(home.stored().await, expect);
}

#[tokio::test]
async fn unfinished_files_are_removed() {
    let home = Home::new().await;
    let store = home.open().await.unwrap();
    home.flush(&store, &[event(1, "r", START)]).await;
    let registered = home.on_disk();
    let unfinished = home
        .root()
        .join("r/2026/01/01/0123456789abcdef01234567.parquet.tmp");
    std::fs::write(&unfinished, b"half").unwrap();
    drop(store);
    home.open().await.unwrap();
    assert_eq!(home.on_disk(), registered);
}

pub(crate) async fn with_an_empty_catalog_files_are_kept_aside(home: Home) {
    let store = home.open().await.unwrap();
    let [file] = store
        .write(&[event(1, "r", START)])
        .await
        .unwrap()
        .try_into()
        .unwrap();
    drop(store);

    home.open().await.unwrap();
    home.open().await.unwrap();
    let kept = format!(".unregistered/{}", file.path.replace('/', "~"));
    assert_eq!(home.stored().await, [kept]);
}

pub(crate) async fn a_registered_file_that_is_gone_does_not_prevent_the_start(home: Home) {
    let store = home.open().await.unwrap();
    home.flush(&store, &[event(1, "r", START)]).await;
    home.delete(&home.stored().await[0]).await;
    home.open().await.unwrap();
    let files = home
        .catalog
        .files(&[], Timestamp::MIN, Timestamp::MAX)
        .await
        .unwrap();
    assert_eq!(
        files.len(),
        1,
        "it stays registered, so that searches report the loss"
    );
}

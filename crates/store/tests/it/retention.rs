//! What expires, and when.

use crate::{Home, START, event};
use cresset_catalog::port::{Files, Repos};
use cresset_model::repo::Repo;
use cresset_model::{Duration, Timestamp};

pub(crate) async fn files_expire_when_all_their_events_have(home: Home) {
    for (name, retention_days) in [("short", 10), ("long", 100)] {
        home.catalog
            .create_repo(Repo {
                name: name.into(),
                retention_days,
            })
            .await
            .unwrap();
    }
    let store = home.open().await.unwrap();
    home.flush(
        &store,
        &[
            event(1, "short", START - Duration::days(2)),
            event(2, "short", START),
            event(3, "long", START),
            event(4, "unknown", START),
        ],
    )
    .await;
    home.clock.set(START + Duration::days(2));
    let year_9999 = Timestamp::from_secs(253_402_300_799);
    home.flush(&store, &[event(5, "short", year_9999)]).await;
    let repos = async || {
        let files = home
            .catalog
            .files(&[], Timestamp::MIN, Timestamp::MAX)
            .await
            .unwrap();
        let mut repos: Vec<String> = files.into_iter().map(|f| f.repo).collect();
        repos.sort();
        assert_eq!(home.stored().await.len(), repos.len());
        repos
    };

    home.clock.set(START + Duration::days(10));
    assert_eq!(store.enforce_retention().await.unwrap(), 0);
    home.clock.advance(Duration::seconds(1));
    assert_eq!(store.enforce_retention().await.unwrap(), 1);
    assert_eq!(repos().await, ["long", "short", "unknown"]);
    // The event of the year 9999 expires ten days after it was written.
    home.clock.set(START + Duration::days(12));
    assert_eq!(store.enforce_retention().await.unwrap(), 0);
    home.clock.advance(Duration::seconds(1));
    assert_eq!(store.enforce_retention().await.unwrap(), 1);
    assert_eq!(repos().await, ["long", "unknown"]);
    home.clock.set(START + Duration::days(101));
    assert_eq!(store.enforce_retention().await.unwrap(), 1);
    assert_eq!(repos().await, ["unknown"]);
    assert_eq!(store.enforce_retention().await.unwrap(), 0);
}

pub(crate) async fn who_reads_a_file_that_expires_goes_on(home: Home) {
    home.catalog
        .create_repo(Repo {
            name: "short".into(),
            retention_days: 10,
        })
        .await
        .unwrap();
    let store = home.open().await.unwrap();
    home.flush(&store, &[event(1, "short", START)]).await;
    // As after a restart: without copies.
    let store = home.open().await.unwrap();
    let reading = store.reading();
    let [file] = home
        .catalog
        .files(&[], Timestamp::MIN, Timestamp::MAX)
        .await
        .unwrap()
        .try_into()
        .unwrap();
    home.clock.advance(Duration::days(11));
    assert_eq!(store.enforce_retention().await.unwrap(), 1);
    let mut found = 0;
    let take = &mut |_, _| {
        found += 1;
        std::ops::ControlFlow::Continue(())
    };
    let all = (Timestamp::MIN, Timestamp::MAX);
    store.scan(&file, all, None, take).await.unwrap();
    assert_eq!(found, 1);
    drop(reading);
    store.remove_replaced().await.unwrap();
    assert_eq!(home.stored().await, Vec::<String>::new());
}

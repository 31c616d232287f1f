//! Files that are damaged or deleted under a running server: searches go on and say so.

use crate::{Home, START, Server, event, request};
use cresset_catalog::port::{Files as _, Quarantine as _};
use cresset_model::{Duration, Timestamp};
use cresset_search::Searcher as _;
use std::path::PathBuf;

const ALL: (Timestamp, Timestamp) = (Timestamp::MIN, Timestamp::MAX);

/// A server with three files of 100 events, a day apart.
async fn three(home: &Home) -> (Server, Vec<PathBuf>) {
    let server = home.start().await;
    for day in 0..3 {
        let at = START + Duration::days(day);
        let events = (0..100).map(|n| event(day * 100 + n, at)).collect();
        server.append("web", events).await;
        server.flusher.flush_now().await.unwrap();
    }
    let files = server.catalog.files(&[], ALL.0, ALL.1).await.unwrap();
    let paths = files.iter().map(|f| home.events().join(&f.path)).collect();
    (server, paths)
}

fn damage(path: &PathBuf, how: &str) {
    let mut bytes = std::fs::read(path).unwrap();
    match how {
        "gone" => return std::fs::remove_file(path).unwrap(),
        "truncated" => bytes.truncate(bytes.len() / 2),
        "empty" => bytes.clear(),
        "footer" => {
            let at = bytes.len() - 40;
            bytes[at..].fill(0xff);
        }
        // In the middle of the columns, which then do not read.
        _ => {
            let end = bytes.len() / 2;
            bytes[4..end].iter_mut().for_each(|byte| *byte ^= 0x5a);
        }
    }
    std::fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn the_others_are_searched_and_the_lost_one_is_named() {
    for how in ["gone", "truncated", "empty", "footer", "pages"] {
        let home = Home::new();
        let (server, paths) = three(&home).await;
        damage(&paths[1], how);
        for query in [
            "n=*",
            "n=* | chart count() as c by parity",
            "msg=*number*",
            "| chart count() by msg",
        ] {
            let result = server.searcher.run(request(query)).await.unwrap();
            let [lost] = &result.missing[..] else {
                panic!("{how} {query}: {:?}", result.missing);
            };
            assert!(
                lost.contains("100 events of repo web from 2026-01-02T00:00:00Z"),
                "{lost}"
            );
            if query == "n=*" {
                assert!(result.rows.len() >= 200 && result.rows.len() < 300, "{how}");
            }
        }
        // It is out of the way now.
        let result = server.searcher.run(request("n=*")).await.unwrap();
        assert_eq!((result.rows.len(), result.total), (200, 200), "{how}");
        // A search of another time lacks nothing.
        let mut early = request("n=*");
        early.to = START + Duration::hours(1);
        let result = server.searcher.run(early).await.unwrap();
        assert_eq!((result.rows.len(), result.missing.len()), (100, 0), "{how}");
        // Whoever takes what there is gets it.
        let found = server
            .searcher
            .matching(request("n=*"), 1_000)
            .await
            .unwrap();
        assert_eq!(found.len(), 200);
        let lost = server
            .catalog
            .quarantined_files(&[], ALL.0, ALL.1)
            .await
            .unwrap();
        assert_eq!(lost.len(), 1);
        assert!(!paths[1].exists());
        server.stop().await;
    }
}

#[tokio::test]
async fn a_file_that_expired_meanwhile_is_not_missed() {
    let home = Home::new();
    let (server, paths) = three(&home).await;
    let files = server.catalog.files(&[], ALL.0, ALL.1).await.unwrap();
    server
        .catalog
        .unregister_files(&[files[1].id])
        .await
        .unwrap();
    std::fs::remove_file(&paths[1]).unwrap();
    let error = cresset_store::Error::Missing {
        path: paths[1].clone(),
    };
    assert_eq!(server.store.examine(&files[1], &error).await.unwrap(), None);
    let result = server.searcher.run(request("n=*")).await.unwrap();
    assert_eq!((result.rows.len(), result.missing.len()), (200, 0));
    server.stop().await;
}

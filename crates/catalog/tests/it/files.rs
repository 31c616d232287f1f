use crate::support::{at, id};
use cresset_catalog::port::{AuditEntry, FileEntry, FilesTotal, FlushCommit};
use cresset_catalog::{Catalog, Error};

fn file(n: u64, repo: &str, from: i64, to: i64) -> FileEntry {
    FileEntry {
        id: id(n),
        repo: repo.to_owned(),
        path: format!("{repo}/{n}.parquet"),
        rows: 10,
        bytes: 4096,
        min_log_ts: at(from),
        max_log_ts: at(to),
        min_seq: n * 10,
        max_seq: n * 10 + 9,
        crc32: Some(n as u32),
    }
}

fn flush(files: Vec<FileEntry>, flushed_to: u64) -> FlushCommit {
    FlushCommit {
        files,
        flushed_to,
        batch_keys: Vec::new(),
    }
}

async fn a_flush_registers_files_and_moves_the_cursor(catalog: &dyn Catalog) {
    assert_eq!(catalog.cursor("store").await.unwrap(), 0);
    let files = vec![file(1, "web", 0, 9), file(2, "db", 5, 7)];
    catalog
        .register_flush(flush(files.clone(), 29))
        .await
        .unwrap();
    assert_eq!(catalog.cursor("store").await.unwrap(), 29);
    assert_eq!(catalog.files(&[], at(0), at(9)).await.unwrap(), files);
    catalog.register_flush(flush(Vec::new(), 29)).await.unwrap();
}

async fn files_are_found_by_repo_and_overlap(catalog: &dyn Catalog) {
    let files = vec![
        file(1, "web", 10, 20),
        file(2, "web", 0, 5),
        file(3, "db", 15, 15),
    ];
    catalog.register_flush(flush(files, 99)).await.unwrap();
    let web = ["web".to_owned()];
    let many: Vec<String> = (0..3_000)
        .map(|n| format!("r{n}"))
        .chain(web.clone())
        .collect();
    for (repos, from, to, expect) in [
        (&[][..], 0, 99, vec![2, 1, 3]),
        (&[], 5, 10, vec![2, 1]),
        (&[], 6, 9, vec![]),
        (&[], 20, 20, vec![1]),
        (&[], 15, 15, vec![1, 3]),
        (&web, 0, 99, vec![2, 1]),
        (&many, 0, 99, vec![2, 1]),
        (&["none".to_owned()], 0, 99, vec![]),
    ] {
        let found = catalog.files(repos, at(from), at(to)).await.unwrap();
        let found: Vec<_> = found.iter().map(|f| f.id).collect();
        let expect: Vec<_> = expect.into_iter().map(id).collect();
        assert_eq!(found, expect, "{} repos {from}..={to}", repos.len());
    }
    for (repos, files) in [
        (&[][..], 3),
        (&web, 2),
        (&many, 2),
        (&["none".to_owned()], 0),
    ] {
        let events = 10 * files;
        let expect = FilesTotal { files, events };
        assert_eq!(catalog.files_total(repos).await.unwrap(), expect);
    }
}

async fn no_event_is_registered_twice(catalog: &dyn Catalog) {
    catalog
        .register_flush(flush(vec![file(1, "web", 0, 9)], 19))
        .await
        .unwrap();
    let stale = [
        flush(vec![file(1, "web", 0, 9)], 19),
        flush(vec![file(2, "web", 0, 9)], 18),
        flush(
            vec![FileEntry {
                min_seq: 19,
                ..file(2, "web", 0, 9)
            }],
            29,
        ),
        flush(Vec::new(), 5),
    ];
    for commit in stale {
        let error = catalog.register_flush(commit).await.unwrap_err();
        assert!(
            matches!(&error, Error::Refused(text) if text.contains("19")),
            "{error}"
        );
    }
    assert_eq!(catalog.files(&[], at(0), at(9)).await.unwrap().len(), 1);
    catalog
        .register_flush(flush(vec![file(2, "web", 0, 9)], 29))
        .await
        .unwrap();
}

async fn unregistered_files_are_gone(catalog: &dyn Catalog) {
    let files = vec![file(1, "web", 0, 9), file(2, "web", 0, 9)];
    catalog.register_flush(flush(files, 29)).await.unwrap();
    for _ in 0..2 {
        catalog.unregister_files(&[id(1), id(77)]).await.unwrap();
        let left = catalog.files(&[], at(0), at(9)).await.unwrap();
        assert_eq!(left, [file(2, "web", 0, 9)]);
    }
}

async fn a_file_takes_the_places_of_others(catalog: &dyn Catalog) {
    let files = vec![
        file(1, "web", 0, 9),
        file(2, "web", 0, 9),
        file(3, "web", 0, 9),
    ];
    catalog.register_flush(flush(files, 29)).await.unwrap();
    let made = file(4, "web", 0, 9);
    let gone = catalog.replace_files(&[id(1), id(77)], &made).await;
    assert!(matches!(gone, Err(Error::NotFound { .. })), "{gone:?}");
    assert_eq!(catalog.files(&[], at(0), at(9)).await.unwrap().len(), 3);
    catalog.replace_files(&[id(1), id(3)], &made).await.unwrap();
    let left = catalog.files(&[], at(0), at(9)).await.unwrap();
    assert_eq!(left, [file(2, "web", 0, 9), made]);
}

async fn a_file_in_quarantine_is_found_there_alone(catalog: &dyn Catalog) {
    let files = vec![file(1, "web", 0, 9), file(2, "db", 5, 20)];
    catalog
        .register_flush(flush(files.clone(), 29))
        .await
        .unwrap();
    let entry = |action: &str| AuditEntry {
        at: at(40),
        actor: "root".to_owned(),
        address: String::new(),
        action: action.to_owned(),
        detail: String::new(),
    };
    for unknown in [
        catalog.quarantine_file(id(7), "", at(30)).await,
        catalog.restore_file(id(1), entry("restored")).await,
        catalog.forget_file(id(1), None).await,
    ] {
        assert!(
            matches!(unknown, Err(Error::NotFound { .. })),
            "{unknown:?}"
        );
    }
    for (n, reason) in [(1, "it is torn"), (2, "it is gone")] {
        catalog
            .quarantine_file(id(n), reason, at(30))
            .await
            .unwrap();
    }
    assert!(catalog.files(&[], at(0), at(99)).await.unwrap().is_empty());
    let db = ["db".to_owned()];
    for (repos, from, to, expect) in [
        (&[][..], 0, 99, vec![1, 2]),
        (&[], 0, 4, vec![1]),
        (&[], 10, 10, vec![2]),
        (&[], 21, 99, vec![]),
        (&db, 0, 99, vec![2]),
    ] {
        let found = catalog.quarantined_files(repos, at(from), at(to)).await;
        let found: Vec<_> = found.unwrap().iter().map(|f| f.file.id).collect();
        let expect: Vec<_> = expect.into_iter().map(id).collect();
        assert_eq!(found, expect, "{repos:?} {from}..={to}");
    }
    let [first, _] = &catalog.quarantined_files(&[], at(0), at(99)).await.unwrap()[..] else {
        panic!("two were expected");
    };
    assert_eq!((&first.file, first.at), (&files[0], at(30)));
    assert_eq!(first.reason, "it is torn");
    catalog
        .restore_file(id(1), entry("restored"))
        .await
        .unwrap();
    catalog
        .forget_file(id(2), Some(entry("forgotten")))
        .await
        .unwrap();
    let left = catalog.files(&[], at(0), at(99)).await.unwrap();
    assert_eq!(left, files[..1]);
    let none = catalog.quarantined_files(&[], at(0), at(99)).await.unwrap();
    assert!(none.is_empty());
    let told: Vec<String> = catalog
        .audit_entries(9)
        .await
        .unwrap()
        .into_iter()
        .map(|e| e.action)
        .collect();
    assert_eq!(told, ["forgotten", "restored"]);
}

async fn cursors_are_kept_per_consumer(catalog: &dyn Catalog) {
    catalog.set_cursor("detect", 8).await.unwrap();
    catalog.set_cursor("store", 3).await.unwrap();
    catalog.set_cursor("detect", 9).await.unwrap();
    assert_eq!(catalog.cursor("detect").await.unwrap(), 9);
    assert_eq!(catalog.cursor("store").await.unwrap(), 3);
    assert_eq!(catalog.cursor("other").await.unwrap(), 0);
}

async fn batch_keys_are_kept_until_pruned(catalog: &dyn Catalog) {
    let key =
        |repo: &str, key: &str, seq, secs| (repo.to_owned(), key.to_owned(), seq, 5, at(secs));
    let batch_keys = vec![
        key("web", "a", 1, 10),
        key("db", "a", 6, 20),
        key("web", "b", 11, 30),
    ];
    let commit = FlushCommit {
        files: Vec::new(),
        flushed_to: 15,
        batch_keys,
    };
    catalog.register_flush(commit).await.unwrap();
    let seen = async |since| {
        let keys = catalog.batch_keys(at(since)).await.unwrap();
        keys.into_iter()
            .map(|(repo, key, first, n)| format!("{repo} {key} {first}+{n}"))
            .collect()
    };
    let all: Vec<String> = seen(0).await;
    assert_eq!(all, ["web a 1+5", "db a 6+5", "web b 11+5"]);
    let late: Vec<String> = seen(20).await;
    assert_eq!(late, all[1..]);
    catalog.prune_batch_keys(at(20)).await.unwrap();
    let left: Vec<String> = seen(0).await;
    assert_eq!(left, all[1..]);
}

conformance!(
    a_flush_registers_files_and_moves_the_cursor,
    files_are_found_by_repo_and_overlap,
    no_event_is_registered_twice,
    unregistered_files_are_gone,
    a_file_takes_the_places_of_others,
    a_file_in_quarantine_is_found_there_alone,
    cursors_are_kept_per_consumer,
    batch_keys_are_kept_until_pruned,
);

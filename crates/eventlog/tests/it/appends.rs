//! What an append promises while the disk behaves.

use crate::faulty_disk::FaultyDisk;
use crate::support::{DIR, append, batch, config, contents, event, open, run};
use cresset_eventlog::{Appended, Batch, Error, EventLog, LocalLog, Resume};
use cresset_model::Packed;
use std::sync::Arc;
use std::time::Duration;

fn stored(first_seq: u64, count: u64) -> Appended {
    Appended {
        first_seq,
        count,
        duplicate: false,
    }
}

#[test]
fn events_get_numbers_in_order_and_show_up_in_the_tail() {
    run(async {
        let log = open(&FaultyDisk::default());
        let mut head = log.head();
        assert_eq!(*head.borrow_and_update(), 0);
        assert_eq!(append(&log, &["a", "b"]).await.unwrap(), stored(1, 2));
        assert!(head.has_changed().unwrap());
        assert_eq!(*head.borrow_and_update(), 2);
        assert_eq!(append(&log, &["c"]).await.unwrap(), stored(3, 1));
        let got = log.read(1, 1);
        assert_eq!((got.len(), got[0].seq, &*got[0].repo), (1, 2, "default"));
        assert_eq!(*got[0].event, event("b"));
        assert_eq!(log.pending_bytes(1), event("b").size() + event("c").size());
        assert_eq!(log.pending_bytes(3), 0);
    });
}

#[test]
fn an_empty_batch_stores_nothing() {
    run(async {
        let disk = FaultyDisk::default();
        let log = open(&disk);
        append(&log, &["a"]).await.unwrap();
        let syncs = disk.syncs();
        assert_eq!(append(&log, &[]).await.unwrap().count, 0);
        assert_eq!(disk.syncs(), syncs);
    });
}

#[test]
fn a_key_is_stored_once_per_repo_also_after_a_restart() {
    run(async {
        let disk = FaultyDisk::default();
        let log = open(&disk);
        let first = log
            .append(batch("r", Some("k"), &["a", "b"]))
            .await
            .unwrap();
        assert_eq!(first, stored(1, 2));
        let again = Appended {
            duplicate: true,
            ..first
        };
        assert_eq!(
            log.append(batch("r", Some("k"), &["other"])).await.unwrap(),
            again
        );
        assert_eq!(
            log.append(batch("s", Some("k"), &["c"])).await.unwrap(),
            stored(3, 1)
        );
        assert_eq!(
            log.batch_keys(1),
            [
                ("r".into(), "k".into(), 1, 2),
                ("s".into(), "k".into(), 3, 1)
            ]
        );
        assert_eq!(log.batch_keys(2).len(), 1);
        drop(log);
        let log = open(&disk);
        assert_eq!(
            log.append(batch("r", Some("k"), &["a", "b"]))
                .await
                .unwrap(),
            again
        );
        assert_eq!(contents(&log).len(), 3);
        assert_eq!(log.batch_keys(0).len(), 2);
    });
}

#[test]
fn keys_of_events_stored_elsewhere_are_known_too() {
    run(async {
        let resume = Resume {
            stored_to: 5,
            issued_to: 9,
            known_keys: vec![("r".to_owned(), "k".to_owned(), 4, 2)],
        };
        let log = crate::support::resume(&FaultyDisk::default(), resume);
        let again = Appended {
            first_seq: 4,
            count: 2,
            duplicate: true,
        };
        assert_eq!(
            log.append(batch("r", Some("k"), &["a"])).await.unwrap(),
            again
        );
        assert_eq!(append(&log, &["b"]).await.unwrap(), stored(10, 1));
    });
}

#[test]
fn concurrent_appends_of_one_key_store_one_batch() {
    run(async {
        let disk = FaultyDisk::default();
        disk.set_sync_time(Duration::from_millis(5));
        let log = Arc::new(open(&disk));
        let mut callers = Vec::new();
        for _ in 0..50 {
            let log = log.clone();
            callers.push(tokio::spawn(async move {
                let answer = log
                    .append(batch("r", Some("k"), &["a", "b"]))
                    .await
                    .unwrap();
                assert_eq!(log.read(0, 10).len(), 2, "answered before it was durable");
                answer
            }));
        }
        let mut fresh = 0;
        for caller in callers {
            let answer = caller.await.unwrap();
            assert_eq!((answer.first_seq, answer.count), (1, 2));
            fresh += usize::from(!answer.duplicate);
        }
        assert_eq!(fresh, 1);
        assert_eq!(contents(&log).len(), 2);
    });
}

#[test]
fn waiting_appends_share_one_sync() {
    run(async {
        let disk = FaultyDisk::default();
        disk.set_sync_time(Duration::from_millis(5));
        let log = Arc::new(open(&disk));
        let before = disk.syncs();
        let callers: Vec<_> = (0..200)
            .map(|i| {
                let log = log.clone();
                tokio::spawn(async move { append(&log, &[&i.to_string()]).await.unwrap() })
            })
            .collect();
        let mut seqs = Vec::new();
        for caller in callers {
            seqs.push(caller.await.unwrap().first_seq);
        }
        seqs.sort_unstable();
        assert_eq!(seqs, (1..=200).collect::<Vec<u64>>());
        let syncs = disk.syncs() - before;
        assert!(syncs < 50, "{syncs} syncs for 200 appends");
    });
}

#[test]
fn limits_are_checked_before_anything_is_written() {
    run(async {
        let disk = FaultyDisk::default();
        let mut limits = config(DIR);
        (limits.max_tail_bytes, limits.max_batch_bytes) = (2000, 1000);
        let log = LocalLog::resume(limits, Resume::default(), Arc::new(disk.clone())).unwrap();
        let text = "x".repeat(1000);
        let large = append(&log, &[&text]).await.unwrap_err();
        assert!(matches!(large, Error::BatchTooLarge { bytes, limit: 1000 } if bytes > 1000));
        let long_key = batch("r", Some(&"k".repeat(2000)), &["a"]);
        let refused = log.append(long_key).await.unwrap_err();
        assert!(
            matches!(refused, Error::BatchTooLarge { bytes: 2000, .. }),
            "{refused}"
        );
        let text = "x".repeat(400);
        let mut taken = 0;
        let full = loop {
            match append(&log, &[&text]).await {
                Ok(_) => taken += 1,
                Err(e) => break e,
            }
        };
        let packed = Packed::from(vec![event(&text)]);
        let size = packed.size(0) + packed.bytes().len();
        assert_eq!(taken, 2000 / size);
        assert!(matches!(full, Error::Full { waiting_bytes } if waiting_bytes == taken * size));
        assert_eq!(disk.syncs(), taken);
        log.trim(1).await.unwrap();
        append(&log, &[&text]).await.unwrap();
    });
}

#[test]
fn closing_answers_those_under_way_and_refuses_later_ones() {
    run(async {
        let disk = FaultyDisk::default();
        disk.set_sync_time(Duration::from_millis(20));
        let log = Arc::new(open(&disk));
        let early = log.clone();
        let early = tokio::spawn(async move { append(&early, &["a"]).await });
        tokio::task::yield_now().await;
        tokio::join!(log.close(), log.close());
        assert_eq!(early.await.unwrap().unwrap(), stored(1, 1));
        assert!(matches!(append(&log, &["b"]).await, Err(Error::Closed)));
        assert!(matches!(log.trim(1).await, Err(Error::Closed)));
        assert_eq!(contents(&log).len(), 1);
        // The directory is free although the closed log still exists.
        assert_eq!(contents(&open(&disk)).len(), 1);
    });
}

#[test]
fn trimming_deletes_segments_that_nobody_needs_and_no_others() {
    run(async {
        let disk = FaultyDisk::default();
        let log = open(&disk);
        for i in 0..40_u32 {
            append(&log, &[&format!("event {i} {}", "x".repeat(80))])
                .await
                .unwrap();
        }
        let names = || -> Vec<String> {
            let files = disk.files(DIR, ".log");
            files
                .iter()
                .map(|f| f.0.file_name().unwrap().to_string_lossy().into())
                .collect()
        };
        let all = names();
        assert!(
            all.len() > 5 && all[0] == "00000000000000000001.log",
            "{all:?}"
        );
        let second: u64 = all[1].trim_end_matches(".log").parse().unwrap();
        log.trim(second - 2).await.unwrap();
        assert_eq!(names(), all, "the first segment still holds a needed event");
        log.trim(second - 1).await.unwrap();
        assert_eq!(names(), all[1..]);
        assert_eq!(log.read(0, 1)[0].seq, second);
        log.trim(u64::MAX).await.unwrap();
        assert_eq!(names().len(), 1);
        assert_eq!(append(&log, &["next"]).await.unwrap(), stored(41, 1));
    });
}

#[test]
fn two_servers_cannot_share_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    let first = LocalLog::open(config(dir.path()), 0, Vec::new()).unwrap();
    let Err(refused) = LocalLog::open(config(dir.path()), 0, Vec::new()) else {
        panic!("opened twice");
    };
    assert!(
        refused.to_string().contains("in use by another server"),
        "{refused}"
    );
    drop(first);
    LocalLog::open(config(dir.path()), 0, Vec::new()).unwrap();
}

#[test]
fn the_real_disk_keeps_what_was_appended() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("deep/er");
        let log = LocalLog::open(config(&home), 0, Vec::new()).unwrap();
        for i in 0..30_u32 {
            append(&log, &[&format!("event {i}"), "second"])
                .await
                .unwrap();
        }
        let large = Batch {
            repo: "default".into(),
            key: None,
            events: Arc::new(vec![event(&"y".repeat(700 << 10))].into()),
        };
        assert!(matches!(
            log.append(large.clone()).await,
            Err(Error::BatchTooLarge { .. })
        ));
        log.trim(10).await.unwrap();
        drop(log);
        let mut roomy = config(&home);
        (roomy.max_tail_bytes, roomy.max_batch_bytes) = (4 << 20, 2 << 20);
        let log = LocalLog::open(roomy, 10, Vec::new()).unwrap();
        let got = contents(&log);
        assert_eq!(got.len(), 50);
        assert_eq!(got[0], (11, "event 5".to_owned()));
        assert!(log.recovery().damage.is_empty());
        assert!(log.recovery().gaps.is_empty());
        assert_eq!(log.append(large).await.unwrap(), stored(61, 1));
    });
}

//! A disk that is full or fails: nothing half-stored, and the log recovers.

use crate::faulty_disk::{Faults, FaultyDisk};
use crate::support::{DIR, append, batch, contents, open, run};
use cresset_eventlog::{Error, EventLog};

fn texts(log: &cresset_eventlog::LocalLog) -> Vec<String> {
    contents(log).into_iter().map(|e| e.1).collect()
}

#[test]
fn a_full_disk_refuses_until_there_is_space_again() {
    run(async {
        for space in [0, 1, 39, 40, 60, 100] {
            let disk = FaultyDisk::default();
            let log = open(&disk);
            append(&log, &["a"]).await.unwrap();
            disk.fail(Faults {
                space: Some(space),
                ..Faults::default()
            });
            for _ in 0..3 {
                let refused = log
                    .append(batch(
                        "r",
                        Some("k"),
                        &["b", "long enough not to fit at all"],
                    ))
                    .await;
                let Err(Error::Io(message)) = refused else {
                    panic!("{refused:?} with {space} bytes");
                };
                assert!(message.contains("send them again"), "{message}");
                assert_eq!(texts(&log), ["a"]);
                assert_eq!(log.pending_bytes(1), 0);
            }
            disk.fail(Faults::default());
            let stored = log.append(batch("r", Some("k"), &["b"])).await.unwrap();
            assert_eq!((stored.first_seq, stored.duplicate), (2, false));
            drop(log);
            let log = open(&disk);
            assert_eq!(texts(&log), ["a", "b"]);
            assert!(log.recovery().damage.is_empty());
        }
    });
}

#[test]
fn after_a_failed_sync_the_old_pages_are_not_trusted() {
    run(async {
        for truncates in [0, 9] {
            let disk = FaultyDisk::default();
            let log = open(&disk);
            append(&log, &["a"]).await.unwrap();
            let segments = disk.files(DIR, ".log").len();
            disk.fail(Faults {
                syncs: 1,
                truncates,
                ..Faults::default()
            });
            assert!(matches!(append(&log, &["lost"]).await, Err(Error::Io(_))));
            assert_eq!(disk.files(DIR, ".log").len(), segments + 1, "a new segment");
            assert_eq!(append(&log, &["b"]).await.unwrap().first_seq, 2);
            for salt in 0..20 {
                assert_eq!(texts(&open(&disk.after_power_loss(salt))), ["a", "b"]);
            }
            drop(log);
            let log = open(&disk);
            assert_eq!(texts(&log), ["a", "b"]);
            // The remainder of the failed append is void, whether it could be cut or not.
            assert_eq!(log.recovery().damage.len(), usize::from(truncates > 0));
        }
    });
}

#[test]
fn a_failed_first_sync_of_a_segment_leaves_no_trace() {
    run(async {
        let disk = FaultyDisk::default();
        let log = open(&disk);
        disk.fail(Faults {
            syncs: 3,
            truncates: 3,
            ..Faults::default()
        });
        for _ in 0..3 {
            append(&log, &["lost"]).await.unwrap_err();
        }
        assert_eq!(append(&log, &["a"]).await.unwrap().first_seq, 1);
        drop(log);
        assert_eq!(texts(&open(&disk)), ["a"]);
        assert_eq!(texts(&open(&disk.after_power_loss(7))), ["a"]);
    });
}

#[test]
fn a_segment_whose_name_is_not_durable_takes_no_events() {
    run(async {
        let disk = FaultyDisk::default();
        disk.fail(Faults {
            dirs: true,
            ..Faults::default()
        });
        let log = open(&disk);
        append(&log, &["lost"]).await.unwrap_err();
        disk.fail(Faults::default());
        append(&log, &["a"]).await.unwrap();
        for salt in 0..10 {
            assert_eq!(texts(&open(&disk.after_power_loss(salt))), ["a"]);
        }
    });
}

#[test]
fn everybody_in_a_failed_group_hears_of_it() {
    run(async {
        let disk = FaultyDisk::default();
        disk.set_sync_time(std::time::Duration::from_millis(10));
        let log = open(&disk);
        disk.fail(Faults {
            syncs: 1,
            ..Faults::default()
        });
        let lost = || log.append(batch("r", Some("k"), &["x"]));
        let (a, b, c) = tokio::join!(lost(), lost(), append(&log, &["y"]));
        // They may have met in one group or not; every failure is told, every
        // success is kept, and the key is stored at most once.
        let failed = [a.is_err(), b.is_err(), c.is_err()]
            .iter()
            .filter(|f| **f)
            .count();
        assert!(failed >= 1);
        let again = lost().await.unwrap();
        assert_eq!(again.duplicate, a.is_ok() || b.is_ok());
        assert_eq!(texts(&log).iter().filter(|t| *t == "x").count(), 1);
        assert_eq!(
            texts(&log).iter().filter(|t| *t == "y").count(),
            usize::from(c.is_ok())
        );
    });
}

//! Bytes that a start could not read or save are not deleted by a later one.

use crate::faulty_disk::{Faults, FaultyDisk};
use crate::support::{DIR, append, contents, open, resume, run};
use cresset_eventlog::{EventLog, Resume};
use std::path::PathBuf;

/// A log of several segments, its oldest segment, and its newest `seq`.
async fn fill(disk: &FaultyDisk) -> (PathBuf, Vec<u8>, u64) {
    let log = open(disk);
    for n in 0..12 {
        append(&log, &[format!("{n} some text").as_str(); 4])
            .await
            .unwrap();
    }
    let newest = *log.head().borrow();
    let segments = disk.files(DIR, ".log");
    assert!(segments.len() > 2);
    let (path, content) = segments[0].clone();
    (path, content, newest)
}

fn unreadable(path: &std::path::Path) -> Faults {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    Faults {
        unreadable: Some(name),
        ..Faults::default()
    }
}

/// Every consumer is done with everything up to here.
fn done(upto: u64) -> Resume {
    Resume {
        stored_to: upto,
        issued_to: upto,
        known_keys: Vec::new(),
    }
}

#[test]
fn after_a_seal_a_trim_leaves_nothing_of_what_it_trims() {
    run(async {
        let disk = FaultyDisk::default();
        let log = open(&disk);
        append(&log, &["to be forgotten"]).await.unwrap();
        log.trim(1).await.unwrap();
        assert!(holds(&disk, b"to be forgotten"), "its segment goes on");
        log.seal().await.unwrap();
        log.trim(1).await.unwrap();
        assert!(!holds(&disk, b"to be forgotten"));
        log.seal().await.unwrap();
        assert_eq!(append(&log, &["next"]).await.unwrap().first_seq, 2);
        drop(log);
        let log = resume(&disk, done(1));
        assert_eq!(contents(&log), [(2, "next".to_owned())]);
    });
}

fn holds(disk: &FaultyDisk, bytes: &[u8]) -> bool {
    let within = |content: &Vec<u8>| content.windows(bytes.len()).any(|w| w == bytes);
    disk.files(DIR, "")
        .iter()
        .any(|(_, content)| within(content))
}

#[test]
fn a_segment_that_was_unreadable_once_is_never_deleted() {
    run(async {
        for still in [false, true] {
            let disk = FaultyDisk::default();
            let (path, content, _) = fill(&disk).await;
            disk.fail(unreadable(&path));
            let log = open(&disk);
            let next = append(&log, &["next"]).await.unwrap().first_seq;
            // All that could be read is stored elsewhere; then the power fails before
            // the log hears of it.
            let disk = disk.after_power_loss(3);
            drop(log);
            if still {
                disk.fail(unreadable(&path));
            }
            drop(resume(&disk, done(next)));
            disk.fail(Faults::default());
            assert!(holds(&disk, &content), "still unreadable: {still}");
            let log = resume(&disk, done(next));
            append(&log, &["after"]).await.unwrap();
            log.trim(next + 1).await.unwrap();
            assert!(holds(&disk, &content), "still unreadable: {still}");
        }
    });
}

#[test]
fn a_segment_that_becomes_readable_before_anybody_went_on_is_an_ordinary_one() {
    run(async {
        let disk = FaultyDisk::default();
        let (path, content, newest) = fill(&disk).await;
        let before = contents(&open(&disk));
        disk.fail(unreadable(&path));
        assert!(contents(&open(&disk)).len() < before.len());
        assert!(disk.files(DIR, ".log").iter().all(|f| f.0 != path));
        disk.fail(Faults::default());
        let log = open(&disk);
        assert_eq!(contents(&log), before);
        assert_eq!(disk.files(DIR, ".log")[0], (path, content.clone()));
        append(&log, &["next"]).await.unwrap();
        log.trim(newest + 1).await.unwrap();
        assert!(!holds(&disk, &content));
        assert!(disk.files("/log/quarantine", "").is_empty());
    });
}

#[test]
fn a_segment_that_one_consumer_passed_over_serves_the_others_and_is_kept() {
    run(async {
        let disk = FaultyDisk::default();
        let (path, content, newest) = fill(&disk).await;
        let before = contents(&open(&disk));
        disk.fail(unreadable(&path));
        drop(open(&disk));
        disk.fail(Faults::default());
        let log = resume(
            &disk,
            Resume {
                issued_to: newest,
                ..Resume::default()
            },
        );
        assert_eq!(contents(&log), before);
        append(&log, &["next"]).await.unwrap();
        log.trim(newest + 1).await.unwrap();
        assert!(holds(&disk, &content));
        let saved = disk.files("/log/quarantine", ".bad");
        assert_eq!(saved.len(), 1);
        assert_eq!(saved[0].1, content);
    });
}

#[test]
fn damage_that_could_not_be_saved_is_saved_before_the_segment_goes() {
    run(async {
        for still_full in [false, true] {
            let disk = FaultyDisk::default();
            let (path, mut content, newest) = fill(&disk).await;
            content[50] ^= 1;
            disk.put(&path, content.clone());
            let full = || Faults {
                space: Some(0),
                ..Faults::default()
            };
            disk.fail(full());
            assert_eq!(open(&disk).recovery().damage[0].saved_as, None);
            if !still_full {
                disk.fail(Faults::default());
            }
            drop(resume(&disk, done(newest)));
            assert!(holds(&disk, &content[..60]), "still full: {still_full}");
            assert!(disk.files(DIR, ".log").iter().all(|f| f.0 != path));
            assert_eq!(disk.files("/log/quarantine", ".bad").len(), 1);
        }
    });
}

#[test]
fn a_finished_segment_without_damage_is_deleted() {
    run(async {
        let disk = FaultyDisk::default();
        let (path, content, newest) = fill(&disk).await;
        let log = resume(&disk, done(newest));
        assert!(log.recovery().damage.is_empty());
        assert!(contents(&log).is_empty());
        assert!(disk.files(DIR, "").iter().all(|f| f.0 != path));
        assert!(!holds(&disk, &content));
    });
}

#[test]
fn a_failure_to_set_a_segment_aside_is_made_good() {
    run(async {
        let disk = FaultyDisk::default();
        let (path, content, _) = fill(&disk).await;
        disk.fail(unreadable(&path));
        let log = open(&disk);
        let next = append(&log, &["next"]).await.unwrap().first_seq;
        disk.fail(Faults {
            dirs: true,
            ..unreadable(&path)
        });
        log.trim(next).await.unwrap_err();
        disk.fail(Faults::default());
        log.trim(next).await.unwrap();
        for salt in 0..20 {
            assert!(holds(&disk.after_power_loss(salt), &content), "{salt}");
        }
    });
}

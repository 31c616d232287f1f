//! Damaged segments: the log opens, loses only what was touched, and goes on.

use crate::faulty_disk::{Faults, FaultyDisk};
use crate::support::{DIR, append, contents, open, resume, run};
use cresset_eventlog::{Cause, EventLog, LocalLog, Resume};
use proptest::prelude::*;
use std::ops::Range;
use std::path::PathBuf;

#[derive(Debug, Clone, Copy)]
enum Change {
    Flip,
    Zero,
    Cut,
    /// The range occurs twice in a row.
    Repeat,
    /// A copy of the range is put in at the beginning of the segment.
    CopyToFront,
}

/// One batch and where its frame stands.
#[derive(Debug, Clone)]
struct Stored {
    segment: PathBuf,
    range: Range<usize>,
    events: Vec<(u64, String)>,
}

/// A log of batches of the given sizes; segments hold a few of them each.
async fn fill(disk: &FaultyDisk, sizes: &[usize]) -> Vec<Stored> {
    let log = open(disk);
    let mut stored = Vec::new();
    for (i, &size) in sizes.iter().enumerate() {
        let texts: Vec<String> = (0..size).map(|n| format!("{i}.{n} some text")).collect();
        let refs: Vec<&str> = texts.iter().map(String::as_str).collect();
        let before = disk.files(DIR, ".log");
        let first = append(&log, &refs).await.unwrap().first_seq;
        let after = disk.files(DIR, ".log");
        let (segment, now) = after.last().unwrap().clone();
        let old = before
            .iter()
            .find(|f| f.0 == segment)
            .map_or(0, |f| f.1.len());
        let events = (first..).zip(texts).collect();
        stored.push(Stored {
            segment,
            range: old..now.len(),
            events,
        });
    }
    stored
}

/// Changes a segment; returns which old bytes are harmed. An empty range means
/// that something was put in there.
fn change(content: &mut Vec<u8>, range: Range<usize>, change: Change) -> Option<Range<usize>> {
    let piece = content[range.clone()].to_vec();
    match change {
        Change::Flip => content[range.clone()].iter_mut().for_each(|b| *b ^= 0x5a),
        Change::Zero => content[range.clone()].fill(0),
        Change::Cut => drop(content.drain(range.clone())),
        Change::Repeat => {
            content.splice(range.end..range.end, piece);
            // Torn apart at one point, which harms the frame around it.
            return Some(range.end..range.end);
        }
        Change::CopyToFront => {
            content.splice(0..0, piece);
            return None;
        }
    }
    Some(range)
}

fn harmed(frame: &Range<usize>, by: &Range<usize>) -> bool {
    if by.is_empty() {
        return frame.start < by.start && by.start < frame.end;
    }
    frame.start < by.end && by.start < frame.end
}

/// Everything found is genuine, in order, and nothing undamaged is missing.
fn verify(log: &LocalLog, all: &[Stored], intact: &[Stored]) -> Result<(), TestCaseError> {
    let found = contents(log);
    prop_assert!(
        found.windows(2).all(|w| w[0].0 < w[1].0),
        "order: {:?}",
        found
    );
    let written: Vec<_> = all.iter().flat_map(|s| &s.events).collect();
    prop_assert!(
        found.iter().all(|e| written.contains(&e)),
        "invented: {:?}",
        found
    );
    for batch in intact {
        prop_assert!(
            batch.events.iter().all(|e| found.contains(e)),
            "lost: {:?}",
            batch
        );
    }
    Ok(())
}

fn a_change() -> impl Strategy<Value = (Change, f64, f64)> {
    let kind = prop_oneof![
        Just(Change::Flip),
        Just(Change::Zero),
        Just(Change::Cut),
        Just(Change::Repeat),
        Just(Change::CopyToFront),
    ];
    (kind, 0.0..1.0, prop_oneof![Just(0.0), 0.0..0.1, 0.0..1.0])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn undamaged_frames_survive_any_damage(
        sizes in prop::collection::vec(1..5_usize, 1..20),
        which in 0.0..1.0,
        (kind, start, length) in a_change(),
        knows_issued in any::<bool>(),
    ) {
        run(async {
            let disk = FaultyDisk::default();
            let stored = fill(&disk, &sizes).await;
            let issued = stored.last().unwrap().events.last().unwrap().0;
            let segments: Vec<_> =
                disk.files(DIR, ".log").into_iter().filter(|f| !f.1.is_empty()).collect();
            let (path, mut content) =
                segments[(segments.len() as f64 * which) as usize].clone();
            let from = (content.len() as f64 * start) as usize;
            let to = (from + 1 + (content.len() as f64 * length) as usize).min(content.len());
            let touched = change(&mut content, from..to, kind);
            disk.put(&path, content);
            let is_intact =
                |s: &&Stored| s.segment != path || touched.as_ref().is_none_or(|t| !harmed(&s.range, t));
            let intact: Vec<Stored> = stored.iter().filter(is_intact).cloned().collect();

            let issued_to = if knows_issued { issued } else { 0 };
            let from_before = Resume { issued_to, ..Resume::default() };
            let log = resume(&disk, from_before.clone());
            verify(&log, &stored, &intact)?;
            for damage in &log.recovery().damage {
                prop_assert!(damage.saved_as.is_some(), "{:?}", damage);
            }
            // Bytes that are gone without a trace cannot tell their numbers.
            let traceable = knows_issued || !matches!(kind, Change::Cut);
            let seen = contents(&log).last().map_or(0, |e| e.0);
            let floor = if traceable { issued } else { seen };
            let survivors = contents(&log);
            drop(log);

            // A second start finds a clean log and gives out the same numbers.
            let log = resume(&disk, from_before);
            prop_assert_eq!(&log.recovery().damage, &[]);
            prop_assert_eq!(contents(&log), survivors.clone());
            let next = append(&log, &["next"]).await.unwrap();
            prop_assert!(next.first_seq > floor, "{:?} after {}", next, floor);
            drop(log);
            let mut want = survivors;
            want.push((next.first_seq, "next".to_owned()));
            prop_assert_eq!(contents(&open(&disk)), want);
            Ok::<(), TestCaseError>(())
        })?;
    }
}

#[test]
fn a_torn_end_is_cut_and_set_aside() {
    run(async {
        let disk = FaultyDisk::default();
        fill(&disk, &[1, 1]).await;
        let (path, mut content) = disk.files(DIR, ".log")[0].clone();
        let whole = content.len();
        content.extend_from_slice(b"\xC5CRESLG1 and then the power went");
        disk.put(&path, content.clone());
        let log = open(&disk);
        assert_eq!(contents(&log).len(), 2);
        let [damage] = &log.recovery().damage[..] else {
            panic!("{:?}", log.recovery());
        };
        assert_eq!(
            (damage.offset, damage.cause),
            (whole as u64, Cause::Garbled)
        );
        let saved = disk.files("/log/quarantine", ".bad");
        assert_eq!(damage.saved_as.as_ref(), Some(&saved[0].0));
        assert_eq!(saved[0].1, content[whole..]);
        assert_eq!(disk.files(DIR, ".log")[0].1.len(), whole);
    });
}

#[test]
fn a_segment_of_garbage_costs_its_events_and_their_numbers() {
    run(async {
        let disk = FaultyDisk::default();
        let stored = fill(&disk, &[4, 4, 4]).await;
        for (path, content) in disk.files(DIR, ".log") {
            disk.put(&path, vec![0xff; content.len()]);
        }
        drop(open(&disk));
        let log = open(&disk);
        assert!(contents(&log).is_empty());
        let next = append(&log, &["next"]).await.unwrap().first_seq;
        assert!(next > stored[2].events[3].0, "{next}");
    });
}

#[test]
fn damage_on_a_full_disk_does_not_prevent_the_start() {
    run(async {
        let disk = FaultyDisk::default();
        let stored = fill(&disk, &[1, 1, 1]).await;
        let (path, mut content) = disk.files(DIR, ".log")[0].clone();
        let middle = stored[1].range.start + 50;
        content[middle] ^= 1;
        disk.put(&path, content.clone());
        disk.fail(Faults {
            space: Some(0),
            ..Faults::default()
        });
        let log = open(&disk);
        assert_eq!(contents(&log).len(), 2);
        assert_eq!(log.recovery().damage[0].saved_as, None);
        assert_eq!(
            disk.files(DIR, ".log")[0].1,
            content,
            "nothing is thrown away unsaved"
        );
        assert_eq!(log.recovery().gaps, [(2, 2)]);
        append(&log, &["x"]).await.unwrap_err();
        disk.fail(Faults::default());
        assert_eq!(append(&log, &["y"]).await.unwrap().first_seq, 4);
        drop(log);
        let log = open(&disk);
        assert!(log.recovery().damage[0].saved_as.is_some());
        let texts: Vec<u64> = contents(&log).iter().map(|e| e.0).collect();
        assert_eq!(texts, [1, 3, 4]);
        drop(log);
        assert!(open(&disk).recovery().damage.is_empty());
    });
}

#[test]
fn an_unreadable_segment_is_passed_over_and_kept() {
    run(async {
        let disk = FaultyDisk::default();
        let stored = fill(&disk, &[4; 12]).await;
        let last = stored.last().unwrap().clone();
        let name = last
            .segment
            .file_name()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        disk.fail(Faults {
            unreadable: Some(name),
            ..Faults::default()
        });
        let log = open(&disk);
        assert_eq!(log.recovery().damage[0].cause, Cause::Unreadable);
        let readable: Vec<_> = stored
            .iter()
            .filter(|s| s.segment != last.segment)
            .flat_map(|s| &s.events)
            .collect();
        assert_eq!(contents(&log).iter().collect::<Vec<_>>(), readable);
        let next = append(&log, &["next"]).await.unwrap().first_seq;
        assert!(next > last.events[3].0);
        drop(log);
        disk.fail(Faults::default());
        let log = open(&disk);
        assert_eq!(
            contents(&log).len(),
            12 * 4 + 1,
            "readable again, so all is back"
        );
    });
}

#[test]
fn an_unreadable_segment_is_not_deleted_when_later_events_are_stored_elsewhere() {
    run(async {
        let disk = FaultyDisk::default();
        let stored = fill(&disk, &[4; 12]).await;
        let (path, content) = disk.files(DIR, ".log")[0].clone();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        disk.fail(Faults {
            unreadable: Some(name),
            ..Faults::default()
        });
        let log = open(&disk);
        let last = stored.last().unwrap().events.last().unwrap().0;
        append(&log, &["next"]).await.unwrap();
        log.trim(last + 1).await.unwrap();
        assert!(disk.files(DIR, ".log").iter().all(|f| f.0 != path));
        disk.fail(Faults::default());
        let saved = disk.files("/log/quarantine", ".bad");
        assert_eq!(saved.len(), 1);
        assert_eq!(
            saved[0].1, content,
            "acknowledged events in their only copy"
        );
        drop(log);
        assert!(contents(&open(&disk)).len() <= 1);
    });
}

use super::*;
use cresset_model::{Event, Timestamp};
use proptest::prelude::*;

fn event(n: u64) -> Event {
    let mut event = Event::new(Timestamp(n as i64), Timestamp(0));
    event.set("msg", "x".repeat((n % 7) as usize));
    event
}

fn batch(first_seq: u64, count: u64, key: Option<&str>) -> TailBatch {
    batch_without(0, first_seq, count, key)
}

/// A batch whose first `skip` events are stored elsewhere.
fn batch_without(skip: usize, first_seq: u64, count: u64, key: Option<&str>) -> TailBatch {
    let repo: Arc<str> = "default".into();
    let events = (first_seq..first_seq + count).map(event);
    TailBatch {
        key: key.map(|k| KeyedBatch {
            repo: repo.clone(),
            key: k.into(),
            first_seq,
            count,
        }),
        repo,
        first_seq,
        events: Arc::new(events.collect()),
        skip,
    }
}

#[derive(Debug, Clone)]
enum Step {
    Add { count: u64, gap: u64, skip: u64 },
    Trim { back: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (
            1_u64..3000,
            prop_oneof![4 => Just(0_u64), 1 => 1_u64..50],
            prop_oneof![4 => Just(0_u64), 1 => 0_u64..3000],
        )
            .prop_map(|(count, gap, skip)| Step::Add { count, gap, skip: skip % count }),
        1 => (0_u64..4000).prop_map(|back| Step::Trim { back }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn behaves_like_a_sorted_list(
        steps in prop::collection::vec(step(), 1..12),
        probes in prop::collection::vec((0_u64..20_000, 0_usize..3000), 1..8),
    ) {
        let tail = Tail::default();
        let mut model: Vec<(u64, usize)> = Vec::new();
        let mut next = 1;
        for step in steps {
            match step {
                Step::Add { count, gap, skip } => {
                    next += gap;
                    tail.restore(batch_without(skip as usize, next, count, None));
                    model.extend((next + skip..next + count).map(|n| (n, event(n).size())));
                    next += count;
                }
                Step::Trim { back } => {
                    let upto = (next - 1).saturating_sub(back);
                    tail.trim(upto);
                    model.retain(|(seq, _)| *seq > upto);
                }
            }
            prop_assert_eq!(tail.events(), model.len());
            let packed: usize =
                tail.inner.read().batches.iter().map(|held| held.events.bytes().len()).sum();
            let unpacked: usize = model.iter().map(|e| e.1).sum();
            prop_assert_eq!(tail.held.load(Ordering::Relaxed), packed + unpacked);
            for &(after, max) in &probes {
                let want: Vec<u64> =
                    model.iter().map(|e| e.0).filter(|seq| *seq > after).take(max).collect();
                let got: Vec<u64> = tail.read(after, max).iter().map(|e| e.seq).collect();
                prop_assert_eq!(got, want);
                let (got, bytes) = tail.read_within(after, max, 50 * 70);
                let later = model.iter().filter(|e| e.0 > after).take(max);
                let mut upto = 0;
                let fits = later.take_while(|e| {
                    upto += e.1;
                    upto <= 50 * 70
                });
                let fits: Vec<(u64, usize)> = fits.copied().collect();
                let got: Vec<u64> = got.iter().map(|e| e.seq).collect();
                prop_assert_eq!(got, fits.iter().map(|e| e.0).collect::<Vec<_>>());
                prop_assert_eq!(bytes, fits.iter().map(|e| e.1).sum::<usize>());
                let bytes: usize =
                    model.iter().filter(|(seq, _)| *seq > after).map(|e| e.1).sum();
                prop_assert_eq!(tail.pending_bytes(after), bytes);
            }
        }
    }
}

#[test]
fn keys_last_until_the_last_event_of_their_batch() {
    let tail = Tail::default();
    tail.restore(batch(1, 3, Some("a")));
    tail.restore(batch(4, 2, None));
    tail.restore(batch(6, 1, Some("b")));
    let keys = |after| -> Vec<String> {
        tail.keys(after)
            .iter()
            .map(|k| format!("{}@{}+{}", k.key, k.first_seq, k.count))
            .collect()
    };
    assert_eq!(keys(0), ["a@1+3", "b@6+1"]);
    assert_eq!(keys(2), ["a@1+3", "b@6+1"]);
    assert_eq!(keys(3), ["b@6+1"]);
    tail.trim(5);
    assert_eq!(keys(0), ["b@6+1"]);
    assert!(keys(6).is_empty());
}

#[test]
fn of_a_little_room_one_event_is_read_all_the_same() {
    let tail = Tail::default();
    tail.restore(batch(1, 3, None));
    let size = event(1).size();
    let (events, bytes) = tail.read_within(0, 10, size / 2);
    assert_eq!((events.len(), bytes), (1, size));
    assert_eq!(tail.read_within(3, 10, size / 2).1, 0);
}

#[test]
fn a_reservation_is_given_back_unless_kept() {
    let tail = Tail::default();
    let first = tail
        .reserve(60, 100)
        .map_err(|held| format!("held {held}"))
        .unwrap();
    assert_eq!(tail.reserve(50, 100).err(), Some(60));
    drop(first);
    tail.reserve(100, 100)
        .map_err(|held| format!("held {held}"))
        .unwrap()
        .keep();
    assert_eq!(tail.reserve(1, 100).err(), Some(100));
    assert_eq!(tail.reserve(usize::MAX, usize::MAX).err(), Some(100));
}

//! Power failures at any moment, with a disk that also fails otherwise.

use crate::faulty_disk::{Chance, Faults, FaultyDisk};
use crate::support::{batch, contents, open, run};
use cresset_eventlog::EventLog;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Debug, Clone)]
enum Step {
    /// So many batches at once; some fail if faults are set.
    Append {
        callers: usize,
        events: usize,
    },
    Fail {
        syncs: usize,
        truncates: usize,
        space: Option<usize>,
    },
    Trim {
        share: f64,
    },
    PowerLoss,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..5_usize, 1..4_usize)
            .prop_map(|(callers, events)| Step::Append { callers, events }),
        1 => (0..3_usize, 0..2_usize, prop::option::of(0..400_usize))
            .prop_map(|(syncs, truncates, space)| Step::Fail { syncs, truncates, space }),
        1 => (0.0..1.0).prop_map(|share| Step::Trim { share }),
        2 => Just(Step::PowerLoss),
    ]
}

/// What the clients know: text to `seq` of all that was acknowledged.
type Acknowledged = BTreeMap<String, u64>;

fn verify(
    found: &[(u64, String)],
    known: &Acknowledged,
    trimmed: u64,
) -> Result<(), TestCaseError> {
    prop_assert!(found.windows(2).all(|w| w[0].0 < w[1].0));
    let mut seen = BTreeMap::new();
    for (seq, text) in found {
        prop_assert_eq!(seen.insert(text, *seq), None, "twice: {}", text);
    }
    for (text, seq) in known {
        if *seq > trimmed {
            prop_assert_eq!(seen.get(text), Some(seq), "acknowledged: {}", text);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn what_was_acknowledged_survives(
        steps in prop::collection::vec(step(), 1..40),
        salt in any::<u64>(),
    ) {
        run(async {
            let mut chance = Chance(salt);
            let mut disk = FaultyDisk::default();
            let mut log = open(&disk);
            let mut known = Acknowledged::new();
            let mut trimmed = 0;
            for (i, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Append { callers, events } => {
                        let ids: Vec<String> = (0..callers).map(|c| format!("{i}.{c}")).collect();
                        let texts = |id: &str| -> Vec<String> {
                            (0..events).map(|n| format!("{id}.{n}")).collect()
                        };
                        let send = async |id: String| {
                            let texts = texts(&id);
                            let refs: Vec<&str> = texts.iter().map(String::as_str).collect();
                            // A client that was refused sends the same again.
                            for _ in 0..3 {
                                let batch = batch("default", Some(&id), &refs);
                                if let Ok(stored) = log.append(batch).await {
                                    return Some((texts, stored.first_seq));
                                }
                            }
                            None
                        };
                        let mut waiting: Vec<_> =
                            ids.into_iter().map(|id| Box::pin(send(id))).collect();
                        for caller in join_all(&mut waiting).await.into_iter().flatten() {
                            known.extend(caller.0.into_iter().zip(caller.1..));
                        }
                    }
                    Step::Fail { syncs, truncates, space } => {
                        disk.fail(Faults { space, syncs, truncates, ..Faults::default() });
                    }
                    Step::Trim { share } => {
                        let upto = (*log.head().borrow() as f64 * share) as u64;
                        if log.trim(upto).await.is_ok() {
                            trimmed = trimmed.max(upto);
                        }
                    }
                    Step::PowerLoss => {
                        let after = disk.after_power_loss(chance.below(usize::MAX) as u64);
                        drop(log);
                        disk = after;
                        let stored = cresset_eventlog::Resume {
                            stored_to: trimmed,
                            issued_to: trimmed,
                            known_keys: Vec::new(),
                        };
                        log = crate::support::resume(&disk, stored);
                    }
                }
                verify(&contents(&log), &known, trimmed)?;
            }
            Ok::<(), TestCaseError>(())
        })?;
    }
}

/// Runs all at once, so that they meet in groups.
async fn join_all<F: Future + Unpin>(futures: &mut [F]) -> Vec<F::Output> {
    let mut outputs: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|cx| {
        for (future, output) in futures.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let std::task::Poll::Ready(value) = std::pin::Pin::new(future).poll(cx)
            {
                *output = Some(value);
            }
        }
        if outputs.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    outputs.into_iter().flatten().collect()
}

//! Random appends, trims and restarts against a plain list.

use crate::faulty_disk::FaultyDisk;
use crate::support::{batch, contents, resume, run};
use cresset_eventlog::{EventLog, Resume};
use proptest::prelude::*;
use std::collections::HashMap;

#[derive(Debug, Clone)]
enum Step {
    Append {
        repo: u8,
        key: Option<u8>,
        count: usize,
    },
    Trim {
        share: f64,
    },
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..3_u8, prop::option::of(0..12_u8), 1..6_usize)
            .prop_map(|(repo, key, count)| Step::Append { repo, key, count }),
        1 => (0.0..1.0).prop_map(|share| Step::Trim { share }),
        2 => Just(Step::Reopen),
    ]
}

#[derive(Default)]
struct Model {
    events: Vec<(u64, String)>,
    keys: HashMap<(String, String), (u64, u64)>,
    head: u64,
    trimmed: u64,
}

impl Model {
    /// What a flusher would have written down by now.
    fn resume(&self) -> Resume {
        let stored = self
            .keys
            .iter()
            .filter(|(_, place)| place.0 <= self.trimmed);
        let mut known_keys: Vec<_> = stored
            .map(|((r, k), (seq, n))| (r.clone(), k.clone(), *seq, *n))
            .collect();
        known_keys.sort_by_key(|k| k.2);
        Resume {
            stored_to: self.trimmed,
            issued_to: self.trimmed,
            known_keys,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_log_behaves_like_a_list(steps in prop::collection::vec(step(), 1..60)) {
        run(async {
            let disk = FaultyDisk::default();
            let mut model = Model::default();
            let mut log = resume(&disk, model.resume());
            for (i, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Append { repo, key, count } => {
                        let (repo, key) = (format!("repo{repo}"), key.map(|k| format!("key{k}")));
                        let texts: Vec<String> = (0..count).map(|n| format!("{i}.{n}")).collect();
                        let refs: Vec<&str> = texts.iter().map(String::as_str).collect();
                        let got = log.append(batch(&repo, key.as_deref(), &refs)).await.unwrap();
                        let id = key.map(|key| (repo, key));
                        let known = id.as_ref().and_then(|id| model.keys.get(id)).copied();
                        prop_assert_eq!(got.duplicate, known.is_some());
                        let place = known.unwrap_or((model.head + 1, count as u64));
                        prop_assert_eq!((got.first_seq, got.count), place);
                        if known.is_none() {
                            for text in texts {
                                model.head += 1;
                                model.events.push((model.head, text));
                            }
                            model.keys.extend(id.map(|id| (id, place)));
                        }
                    }
                    Step::Trim { share } => {
                        let upto = (model.head as f64 * share) as u64;
                        log.trim(upto).await.unwrap();
                        model.trimmed = model.trimmed.max(upto);
                        model.events.retain(|(seq, _)| *seq > upto);
                    }
                    Step::Reopen => {
                        drop(log);
                        log = resume(&disk, model.resume());
                        prop_assert_eq!(&log.recovery().damage, &[]);
                        prop_assert_eq!(&log.recovery().gaps, &[]);
                    }
                }
                prop_assert_eq!(contents(&log), model.events.clone());
                prop_assert_eq!(*log.head().borrow(), model.head);
                let mut keys: Vec<_> = model
                    .keys
                    .iter()
                    .filter(|(_, (seq, n))| seq + n - 1 > model.trimmed)
                    .map(|((r, k), (seq, n))| (r.clone(), k.clone(), *seq, *n))
                    .collect();
                keys.sort_by_key(|k| k.2);
                prop_assert_eq!(log.batch_keys(0), keys);
            }
            Ok::<(), TestCaseError>(())
        })?;
    }
}

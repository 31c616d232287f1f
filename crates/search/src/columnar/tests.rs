//! Columns and rows give the same answers.

use super::*;
use cresset_catalog::port::FileEntry;
use cresset_catalog::seal::Sealer;
use cresset_catalog::sqlite::SqliteCatalog;
use cresset_model::event::LoggedEvent;
use cresset_model::{Entropy, Event, ManualClock, SecretString};
use cresset_query::terms::Needs;
use cresset_query::{Plan, compile};
use cresset_store::{EventStore, Own, StoreSettings};
use proptest::prelude::*;
use std::sync::Arc;

/// Entropy that does not matter.
struct Fixed;

impl Entropy for Fixed {
    fn fill(&self, buf: &mut [u8]) {
        buf.fill(7);
    }
}

/// Writes events to one file of a store with few columns, and opens it.
fn stored(events: Vec<Event>, max_columns: usize) -> (tempfile::TempDir, EventStore, FileEntry) {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let log = |(i, event): (usize, Event)| LoggedEvent {
        seq: i as u64 + 1,
        repo: "r".into(),
        event: event.into(),
    };
    let events: Vec<LoggedEvent> = events.into_iter().enumerate().map(log).collect();
    let (store, file) = runtime.block_on(async {
        let sealer = Sealer::from_text(&SecretString::new("AAAA".repeat(10) + "AAA=")).unwrap();
        let catalog = SqliteCatalog::open(&folder.path().join("catalog.db"), sealer)
            .await
            .unwrap();
        let settings = StoreSettings {
            max_columns,
            ..StoreSettings::default()
        };
        let store = EventStore::open_with(
            folder.path().join("events"),
            Arc::new(catalog),
            Arc::new(ManualClock::at(Timestamp(0))),
            Arc::new(Fixed),
            settings,
        );
        let store = store.await.unwrap();
        let files = store.write(&events).await.unwrap();
        assert_eq!(files.len(), 1);
        (store, files[0].clone())
    });
    (folder, store, file)
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => prop::sample::select(vec![
            "alice", "ALICE", "bob", "Bob smith", "22", "022", "22.0", "-5", "1e2", "", "10.0.0.1",
            "login failed for root", "x*y", "Straße", "ſtraße", "true",
        ]).prop_map(str::to_owned),
        1 => "[a-cA-C0-9 ]{0,6}",
    ]
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => texts().prop_map(Value::from),
        2 => (-30_i64..30).prop_map(Value::Int),
        1 => prop::sample::select(vec![22.0, 2.5, -0.0, 1e21, 0.1 + 0.2]).prop_map(Value::Float),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => prop::collection::vec(texts(), 0..3)
            .prop_map(|items| Value::List(items.into_iter().map(Into::into).collect())),
    ]
}

/// A value of the kind that a field of that name usually has, or any.
fn fields() -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    let field = prop_oneof![
        4 => (Just("user"), texts().prop_map(Value::from)),
        3 => (Just("n"), (-30_i64..30).prop_map(Value::Int)),
        3 => (Just("msg"), texts().prop_map(Value::from)),
        1 => (Just("msg"), values()),
        1 => (Just("rare"), texts().prop_map(Value::from)),
        1 => (Just("odd"), values()),
        1 => (Just("flag"), any::<bool>().prop_map(Value::Bool)),
        1 => (Just("label"), prop::collection::vec(texts(), 1..3)
            .prop_map(|items| Value::List(items.into_iter().map(Into::into).collect()))),
    ];
    prop::collection::vec(field, 0..6)
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = || {
        let message = prop::sample::select(vec!["", "user", "rare"]);
        (0_i64..4_000, fields(), message).prop_map(|(at, fields, message)| {
            let mut event = Event::new(Timestamp::from_secs(at), Timestamp::from_secs(at + 1));
            for (name, value) in fields {
                event.set(name, value);
            }
            let place = event.fields.iter().position(|(name, _)| name == message);
            if let Some(place) = place.filter(|_| event.get("msg").is_none()) {
                event.keep_as_msg(place);
            }
            event
        })
    };
    // Dictionaries are made for a thousand rows and more.
    prop_oneof![
        3 => prop::collection::vec(event(), 1..40),
        1 => prop::collection::vec(event(), 1..40)
            .prop_map(|few| few.iter().cycle().take(1_100).cloned().collect()),
    ]
}

fn conditions() -> impl Strategy<Value = String> {
    let field = prop::sample::select(vec![
        "user", "n", "msg", "rare", "odd", "flag", "label", "none", "log_ts", "col_ts",
    ]);
    let literal = prop::sample::select(vec![
        "alice",
        "bob",
        "22",
        "*22*",
        "-5",
        "b*",
        "*b",
        "*o*",
        "2?",
        "*",
        "\"\"",
        "true",
        "2.5",
        "10.0.0.1",
        "straße",
        "100",
        "\"*failed*root\"",
        "*Fail*",
        "\"*in failed*\"",
        "*straße*",
    ]);
    let test = (field, 0_usize..7, literal).prop_map(|(field, kind, literal)| match kind {
        0 | 1 => format!("{field}={literal}"),
        2 => format!("{field}!={literal}"),
        3 => format!("{field} in [{literal}, 7, c*]"),
        4 => format!("{field}>22"),
        5 => format!("{field}<=bob"),
        _ => format!("hour({field})=0"),
    });
    let leaf = prop_oneof![
        5 => test,
        1 => prop::sample::select(vec!["failed", "login*", "smith", "fail", "r?ot", "straße", "\"failed for\""])
            .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} and {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
            inner.prop_map(|a| format!("-({a})")),
        ]
    })
}

const OWN: Own = Own {
    terms: true,
    ..Own::ALL
};

/// The rows that meet the filter, by columns and one by one.
fn both(store: &EventStore, file: &FileEntry, plan: &Plan) -> (Vec<u64>, Vec<u64>) {
    let ctx = Context::bare();
    let stored = store.open_file(file).unwrap();
    let (mut by_columns, mut by_rows) = (Vec::new(), Vec::new());
    for group in 0..stored.groups() {
        for batch in stored
            .columns(
                group,
                None,
                OWN,
                &plan.filter_fields(),
                &plan.fields_judged_by_kind(),
            )
            .unwrap()
        {
            let batch = batch.unwrap();
            let all = BooleanBuffer::new_set(batch.rows());
            let found = select(plan.filter(), &batch, &all, &ctx).unwrap();
            if stored.has_terms() {
                let known = bounds(plan.filter(), &batch, &all, &ctx).unwrap();
                assert_eq!(&known.surely & &found, known.surely, "{:?}", plan.filter());
                assert_eq!(&known.perhaps & &found, found, "{:?}", plan.filter());
            }
            by_columns.extend(found.set_indices().map(|row| batch.seqs()[row] as u64));
        }
        let all = BooleanBuffer::new_set(stored.rows(group));
        let before = by_rows.len();
        for (seq, event) in stored
            .events(group, &all, None)
            .unwrap()
            .flat_map(Result::unwrap)
        {
            if plan.filter().matches(&event, &ctx) {
                by_rows.push(seq);
            }
        }
        let needs = Needs::of(plan.filter());
        let may = needs.is_none_or(|needs| stored.may_meet(group, &needs).unwrap());
        assert!(may || by_rows.len() == before, "{:?}", plan.filter());
    }
    (by_columns, by_rows)
}

/// What a plan that counts gives, by columns and event by event.
fn counted(store: &EventStore, file: &FileEntry, plan: &Plan) -> (String, String) {
    let ctx = Context::bare();
    let stored = store.open_file(file).unwrap();
    let counting = plan.counting().unwrap();
    let mut fields = plan.filter_fields();
    fields.extend(counting.fields.iter().map(|f| (*f).to_owned()));
    let (mut by_columns, mut by_rows) = (plan.executor(ctx.clone()), plan.executor(ctx.clone()));
    for group in 0..stored.groups() {
        for batch in stored.columns(group, None, OWN, &fields, &fields).unwrap() {
            let batch = batch.unwrap();
            let all = BooleanBuffer::new_set(batch.rows());
            let rows = select(plan.filter(), &batch, &all, &ctx).unwrap();
            for (event, times) in count(&counting, &batch, &rows, &ctx).unwrap() {
                by_columns.push_many(&event, times);
            }
        }
        let all = BooleanBuffer::new_set(stored.rows(group));
        for (_, event) in stored
            .events(group, &all, None)
            .unwrap()
            .flat_map(Result::unwrap)
        {
            by_rows.push(&event);
        }
    }
    (
        format!("{:?}", by_columns.finish().rows),
        format!("{:?}", by_rows.finish().rows),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn columns_answer_as_rows_do(
        events in events(),
        conditions in prop::collection::vec(conditions(), 24),
        max_columns in prop::sample::select(vec![2_usize, 5, 800]),
    ) {
        let (_folder, store, file) = stored(events, max_columns);
        for condition in conditions {
            let Ok(plan) = compile(&condition) else { continue };
            let (by_columns, by_rows) = both(&store, &file, &plan);
            prop_assert_eq!(by_columns, by_rows, "{}", condition);
        }
    }

    #[test]
    fn columns_count_as_rows_do(
        events in events(),
        condition in conditions(),
        max_columns in prop::sample::select(vec![2_usize, 5, 800]),
    ) {
        let (_folder, store, file) = stored(events, max_columns);
        for by in ["", "by user", "by user, n", "by odd", "by label, flag", "by none"] {
            for (head, every) in [("chart", ""), ("timechart", "every 10 minutes")] {
                let chart = format!("| {head} count() as c {by} {every}");
                for query in [format!("{condition} {chart}"), chart] {
                    let Ok(plan) = compile(&query) else { continue };
                    let (by_columns, by_rows) = counted(&store, &file, &plan);
                    prop_assert_eq!(by_columns, by_rows, "{}", query);
                }
            }
        }
    }
}

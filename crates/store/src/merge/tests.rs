//! A file that was made of several has all that they had.

use super::*;
use crate::encode::encode;
use crate::terms::Index;
use cresset_model::event::{LoggedEvent, SAME_AS_MSG};
use cresset_model::{Event, Timestamp};
use cresset_query::terms::{each_term, line};
use proptest::prelude::*;
use std::path::Path;

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => "[a-c]{0,3}".prop_map(Value::from),
        2 => (-5_i64..5).prop_map(Value::Int),
        1 => prop::sample::select(vec![i64::MAX, i64::MIN, (1 << 53) + 1]).prop_map(Value::Int),
        2 => prop::sample::select(vec![0.5, 2.0, -0.0, 1e300]).prop_map(Value::Float),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => prop::collection::vec("[a-c]{0,2}", 0..3)
            .prop_map(|items| Value::List(items.into_iter().map(Into::into).collect())),
    ]
}

/// Fields of which some are always of one kind and others of any.
fn fields() -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    let field = prop_oneof![
        3 => (Just("text"), "[a-c]{0,3}".prop_map(Value::from)),
        3 => (Just("int"), any::<i64>().prop_map(Value::Int)),
        3 => (Just("msg"), "[g-i]{3,4}( [g-i]{3}[0-9]?)?".prop_map(Value::from)),
        2 => (Just("number"), prop_oneof![
            (-5_i64..5).prop_map(Value::Int),
            prop::sample::select(vec![0.5, 2.0]).prop_map(Value::Float),
        ]),
        1 => (Just("list"), prop::collection::vec("[a-c]{0,2}", 0..3)
            .prop_map(|items| Value::List(items.into_iter().map(Into::into).collect()))),
        1 => (prop::sample::select(vec!["any", "_seq", "log_ts", "Any"]), values()),
        1 => (Just(SAME_AS_MSG), prop::sample::select(vec!["text", "x"]).prop_map(Value::from)),
    ];
    prop::collection::vec(field, 0..6)
}

fn files() -> impl Strategy<Value = Vec<Vec<Event>>> {
    let event = || {
        (0_i64..50, fields()).prop_map(|(at, fields)| {
            let mut event = Event::new(Timestamp(at), Timestamp(at + 1));
            event.fields = fields.into_iter().map(|(n, v)| (n.into(), v)).collect();
            event.fields.sort_by(|a, b| a.0.cmp(&b.0));
            event.fields.dedup_by(|a, b| a.0 == b.0);
            event
        })
    };
    let few = prop::collection::vec(event(), 1..12);
    let many = prop::collection::vec(event(), 1..12)
        .prop_map(|few| few.iter().cycle().take(1_030).cloned().collect());
    prop::collection::vec(prop_oneof![5 => few, 1 => many], 1..6)
}

fn written(folder: &Path, number: usize, events: &[LoggedEvent], max_columns: usize) -> StoredFile {
    let path = folder.join(format!("{number}.parquet"));
    let file = File::create(&path).unwrap();
    encode(events, max_columns, &mut Index::default(), file).unwrap();
    StoredFile::local(&path).unwrap()
}

/// Everything of a file, without the order of fields.
fn all(file: &StoredFile) -> Vec<(u64, String)> {
    let mut found = Vec::new();
    for group in 0..file.groups() {
        let rows = arrow_buffer::BooleanBuffer::new_set(file.rows(group));
        for (seq, mut event) in file
            .events(group, &rows, None)
            .unwrap()
            .flat_map(Result::unwrap)
        {
            event.fields.sort_by(|a, b| a.0.cmp(&b.0));
            found.push((seq, format!("{event:?}")));
        }
        terms_agree(file, group, &rows);
    }
    found
}

/// The terms of messages are in their column, and those of all texts in the vocabulary.
fn terms_agree(file: &StoredFile, group: usize, rows: &arrow_buffer::BooleanBuffer) {
    let terms = |text: &str| {
        let mut found = BTreeSet::new();
        each_term(text, |term| {
            found.insert(String::from_utf8_lossy(term).into_owned());
        });
        found
    };
    let vocabulary = file.vocabulary(group).unwrap().unwrap().to_owned();
    let (mut expect, mut any) = (Vec::new(), false);
    for (_, event) in file
        .events(group, rows, None)
        .unwrap()
        .flat_map(Result::unwrap)
    {
        for (_, value) in &event.fields {
            for term in terms(&value.text()) {
                assert!(
                    vocabulary.contains(&format!(" {term} ")),
                    "{term} in {vocabulary}"
                );
            }
        }
        let text = match event.fields.iter().find(|(name, _)| name == "msg") {
            Some((_, Value::Str(text))) => Some(line(terms(text).iter().map(String::as_str))),
            _ => None,
        };
        any |= text.is_some();
        expect.push(text);
    }
    let own = Own {
        terms: true,
        ..Own::NONE
    };
    let none = BTreeSet::new();
    let mut found = Vec::new();
    for batch in file.columns(group, None, own, &none, &none).unwrap() {
        let batch = batch.unwrap();
        let Some(column) = batch.terms() else {
            assert!(!any || !file.has_terms());
            return;
        };
        let column = texts_of(column.values);
        found.extend(column.iter().map(|text| text.map(str::to_owned)));
    }
    assert_eq!(found, expect);
}

/// A column of texts, whether they are numbered or not.
fn texts_of(column: &ArrayRef) -> arrow_array::StringArray {
    use arrow_array::cast::AsArray;
    match column.as_dictionary_opt::<arrow_array::types::Int32Type>() {
        Some(numbered) => {
            let texts = numbered.values().as_string::<i32>();
            let texts = numbered
                .keys()
                .iter()
                .map(|n| n.map(|n| texts.value(n as usize)));
            texts.collect()
        }
        None => column.as_string::<i32>().clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]
    #[test]
    fn nothing_is_lost_or_changed(
        files in files(),
        before in prop::sample::select(vec![1_usize, 3, 800]),
        after in prop::sample::select(vec![1_usize, 3, 800]),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut seq = 0;
        let mut expected: Vec<(Timestamp, u64, String)> = Vec::new();
        let mut inputs = Vec::new();
        for (number, mut events) in files.into_iter().enumerate() {
            events.sort_by_key(|e| e.log_ts);
            let logged: Vec<LoggedEvent> = events
                .into_iter()
                .map(|event| {
                    seq += 1;
                    LoggedEvent { seq, repo: "r".into(), event: event.into() }
                })
                .collect();
            for one in &logged {
                let mut event = (*one.event).clone();
                event.fields.sort_by(|a, b| a.0.cmp(&b.0));
                expected.push((event.log_ts, one.seq, format!("{event:?}")));
            }
            inputs.push(written(folder.path(), number, &logged, before));
        }
        expected.sort();
        let path = folder.path().join("merged.parquet");
        let sink = File::create(&path).unwrap();
        let (_, merged) = merge(&inputs, after, sink, &|e| panic!("{e}")).unwrap();
        prop_assert_eq!(merged, expected.len() as u64);
        let file = StoredFile::local(&path).unwrap();
        let expected: Vec<(u64, String)> = expected.into_iter().map(|(_, s, e)| (s, e)).collect();
        prop_assert_eq!(all(&file), expected.clone());
        // Once more, from what was made.
        let again = folder.path().join("again.parquet");
        merge(&[file], before, File::create(&again).unwrap(), &|e| panic!("{e}")).unwrap();
        prop_assert_eq!(all(&StoredFile::local(&again).unwrap()), expected);
    }
}

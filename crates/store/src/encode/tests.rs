//! What is written is read: events, their absences, and damage.

use super::*;
use crate::Error;
use crate::columns::TERMS;
use crate::read::StoredFile;
use crate::scan::{Wanted, scan};
use arrow_array::cast::AsArray;
use cresset_model::{Event, Timestamp, Value};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::{FileReader, SerializedFileReader};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

mod batches;

const ALL: (Timestamp, Timestamp) = (Timestamp::MIN, Timestamp::MAX);

fn logged(events: Vec<Event>) -> Vec<LoggedEvent> {
    let log = |(i, event): (usize, Event)| LoggedEvent {
        seq: i as u64 + 1,
        repo: "r".into(),
        event: event.into(),
    };
    events.into_iter().enumerate().map(log).collect()
}

struct Written {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn write(events: &[LoggedEvent], max_columns: usize) -> Written {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.parquet");
    let file = File::create(&path).unwrap();
    encode(events, max_columns, &mut Index::default(), file).unwrap();
    Written {
        _folder: folder,
        path,
    }
}

fn read(
    path: &Path,
    range: (Timestamp, Timestamp),
    fields: Option<&BTreeSet<String>>,
) -> crate::Result<Vec<(u64, Event)>> {
    let mut found = Vec::new();
    let file = StoredFile::local(path)?;
    scan(&file, &Wanted { range, fields }, &mut |seq, event| {
        found.push((seq, event));
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// An event without the order of its fields, and with the sign of zero.
fn canonical(event: &Event) -> (i64, i64, BTreeMap<String, (String, String)>) {
    let field = |(n, v): (&cresset_model::FieldName, &Value)| {
        (n.to_string(), (format!("{v:?}"), v.text().into_owned()))
    };
    (
        event.log_ts.0,
        event.col_ts.0,
        event.shown().map(field).collect(),
    )
}

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => prop::sample::select(vec![
            "user", "User", "USER", "a.b", "a", "with space", "\"q\"", "_seq", "_SEQ", "_overflow",
            "log_ts", "col_ts", "_field.x", "", "ü", "msg", "list", "element", "x,y", "\u{0}",
        ])
        .prop_map(str::to_owned),
        1 => any::<String>(),
        1 => "[a-z]{1,3}".prop_map(|s| s.repeat(400)),
    ]
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<String>().prop_map(Value::from),
        "[0-9]{1,3}".prop_map(Value::from),
        any::<i64>().prop_map(Value::Int),
        (-3_i64..3).prop_map(Value::Int),
        any::<f64>().prop_map(|n| Value::Float(if n.is_nan() { 0.1 } else { n })),
        prop::sample::select(vec![0.0, -0.0, 1.0, 2.5, 9_007_199_254_740_992.0])
            .prop_map(Value::Float),
        any::<bool>().prop_map(Value::Bool),
        prop::collection::vec("[a-c]{0,2}", 0..3)
            .prop_map(|items| Value::List(items.into_iter().map(Into::into).collect())),
    ]
}

fn times() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        (0_i64..10).prop_map(Timestamp),
        any::<i64>().prop_map(Timestamp),
        Just(Timestamp::from_secs(-62_135_596_800)),
        Just(Timestamp::from_secs(253_402_300_799)),
    ]
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = (
        times(),
        times(),
        prop::collection::btree_map(names(), values(), 0..8),
        prop::option::of(0..8_usize),
    );
    let event = event.prop_map(|(log_ts, col_ts, fields, message)| {
        let mut event = Event {
            fields: fields.into_iter().map(|(n, v)| (n.into(), v)).collect(),
            ..Event::new(log_ts, col_ts)
        };
        let is_text = |place: &usize| matches!(event.fields.get(*place), Some((_, Value::Str(_))));
        if let Some(place) = message
            .filter(is_text)
            .filter(|_| event.get("msg").is_none())
        {
            event.keep_as_msg(place);
        }
        event
    });
    prop::collection::vec(event, 0..20).prop_map(|mut events| {
        events.sort_by_key(|e| e.log_ts);
        events
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn events_come_back_exactly(
        events in events(),
        max_columns in prop_oneof![Just(800_usize), 0..4_usize],
    ) {
        let logged = logged(events);
        let file = write(&logged, max_columns);
        // `Timestamp::MIN` itself is outside of every range, which begins after its start.
        let expect: Vec<_> = logged
            .iter()
            .filter(|e| e.event.log_ts > Timestamp::MIN)
            .map(|e| (e.seq, canonical(&e.event)))
            .collect();
        let found: Vec<_> = read(&file.path, ALL, None)
            .unwrap()
            .iter()
            .map(|(seq, e)| (*seq, canonical(e)))
            .collect();
        prop_assert_eq!(found, expect);
    }

    #[test]
    fn a_part_is_the_part_of_the_whole(
        events in events(),
        max_columns in prop_oneof![Just(800_usize), 0..4_usize],
        range in (times(), times()),
        wanted in prop::collection::btree_set(names(), 0..6),
    ) {
        let logged = logged(events);
        let file = write(&logged, max_columns);
        let expect: Vec<_> = logged
            .iter()
            .filter(|e| e.event.log_ts > range.0 && e.event.log_ts <= range.1)
            .map(|e| {
                let shown = e.event.shown();
                let part = shown.filter(|(name, _)| wanted.contains(name.as_str()));
                let event = Event {
                    fields: part.map(|(n, v)| (n.clone(), v.clone())).collect(),
                    ..Event::new(e.event.log_ts, e.event.col_ts)
                };
                (e.seq, canonical(&event))
            })
            .collect();
        let found: Vec<_> = read(&file.path, range, Some(&wanted))
            .unwrap()
            .iter()
            .map(|(seq, e)| (*seq, canonical(e)))
            .collect();
        prop_assert_eq!(found, expect);
    }
}

/// Beside fields without a column, `msg` might be there under another name.
#[test]
fn a_message_that_was_not_asked_for_is_not_given() {
    let mut events = vec![Event::new(Timestamp(1), Timestamp(1)); 2];
    events[0].set("n".repeat(columns::MAX_COLUMN_NAME + 1), "rare");
    events[1].set("msg", "text");
    let file = write(&logged(events), 800);
    let found = read(&file.path, ALL, Some(&BTreeSet::new())).unwrap();
    assert!(found.iter().all(|(_, event)| event.fields.is_empty()));
}

/// `n` events a second apart, with a text that does not compress to nothing.
fn series(n: i64) -> Vec<LoggedEvent> {
    let event = |i: i64| {
        let mut event = Event::new(Timestamp::from_secs(i), Timestamp::from_secs(i));
        event.set("n", i);
        event.set(
            "msg",
            format!("line {i} {:x}", i.wrapping_mul(0x1e37_79b9_7f4a_7c15)),
        );
        event
    };
    logged((0..n).map(event).collect())
}

#[test]
fn row_groups_and_batches_join_without_gaps() {
    let events = series(GROUP_ROWS as i64 + 10_000);
    let file = write(&events, 800);
    let metadata = SerializedFileReader::new(File::open(&file.path).unwrap()).unwrap();
    assert_eq!(metadata.metadata().num_row_groups(), 2);
    let edge = GROUP_ROWS as i64;
    let range = (
        Timestamp::from_secs(edge - 3),
        Timestamp::from_secs(edge + 2),
    );
    let found: Vec<i64> = read(&file.path, range, None)
        .unwrap()
        .iter()
        .map(|(_, e)| e.log_ts.secs())
        .collect();
    assert_eq!(found, [edge - 2, edge - 1, edge, edge + 1, edge + 2]);
    assert_eq!(read(&file.path, ALL, None).unwrap().len(), events.len());
    let later = (Timestamp::from_secs(1_000_000), Timestamp::MAX);
    assert!(read(&file.path, later, None).unwrap().is_empty());
}

#[test]
fn reading_stops_when_told() {
    let file = write(&series(5_000), 800);
    let mut seen = 0;
    scan(
        &StoredFile::local(&file.path).unwrap(),
        &Wanted {
            range: ALL,
            fields: None,
        },
        &mut |_, _| {
            seen += 1;
            if seen == 7 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        },
    )
    .unwrap();
    assert_eq!(seen, 7);
}

#[test]
fn large_texts_are_read_in_small_pieces() {
    let event = |i: i64| {
        let mut event = Event::new(Timestamp::from_secs(i), Timestamp(0));
        event.set("msg", format!("{i}").repeat(1 << 20));
        event
    };
    let events = logged((0..40).map(event).collect());
    assert!(batches(&events).len() > 1);
    let file = write(&events, 800);
    let found = read(&file.path, ALL, None).unwrap();
    assert!(found.iter().zip(&events).all(|((_, a), b)| *a == *b.event));
    assert_eq!(found.len(), events.len());
}

#[test]
fn a_missing_file_and_a_foreign_one_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.parquet");
    let error = read(&path, ALL, None).unwrap_err();
    assert!(matches!(&error, Error::Missing { .. }));
    assert!(error.to_string().contains("none.parquet"), "{error}");
    std::fs::write(&path, b"").unwrap();
    assert!(matches!(read(&path, ALL, None), Err(Error::Damaged { .. })));
    std::fs::write(&path, [b'x'; 10_000]).unwrap();
    assert!(matches!(read(&path, ALL, None), Err(Error::Damaged { .. })));
}

#[test]
fn a_cut_file_is_damaged() {
    let file = write(&series(500), 800);
    let whole = std::fs::read(&file.path).unwrap();
    for keep in (0..whole.len()).step_by(whole.len() / 50) {
        std::fs::write(&file.path, &whole[..keep]).unwrap();
        let error = read(&file.path, ALL, None).unwrap_err();
        assert!(matches!(&error, Error::Damaged { .. }), "{keep}: {error}");
    }
}

#[test]
fn flipped_bits_are_an_error_or_a_value_but_never_a_panic() {
    let file = write(&series(300), 800);
    let whole = std::fs::read(&file.path).unwrap();
    let mut refused = 0;
    for place in (0..whole.len()).step_by(7) {
        let mut bytes = whole.clone();
        bytes[place] ^= 1 << (place % 8);
        std::fs::write(&file.path, &bytes).unwrap();
        match read(&file.path, ALL, None) {
            Ok(_) => {}
            Err(Error::Damaged { .. }) => refused += 1,
            Err(other) => panic!("{place}: {other}"),
        }
    }
    assert!(refused > 0);
}

#[test]
fn small_files_have_no_dictionaries() {
    let check = |rows: usize, expect: bool| {
        let mut event = Event::new(Timestamp(0), Timestamp(0));
        event.set("msg", "the same in every row");
        event.set("label", Value::List(vec!["a".into()]));
        let events = logged(vec![event; rows]);
        let written = write(&events, 10);
        let file = SerializedFileReader::new(File::open(&written.path).unwrap()).unwrap();
        let columns = file.metadata().row_group(0).columns();
        let dictionaries = columns
            .iter()
            .filter(|c| c.dictionary_page_offset().is_some())
            .count();
        // Those of the two fields, and of the terms.
        assert_eq!(dictionaries, if expect { 3 } else { 0 }, "{rows} rows");
        assert_eq!(read(&written.path, ALL, None).unwrap().len(), rows);
    };
    check(1, false);
    check(999, false);
    check(1_000, true);
}

/// A column that looks as if its values came again, and does not.
#[test]
fn a_dictionary_that_gets_too_large_ends() {
    let rows = 60_000_u64;
    let event = |row: u64| {
        let mut event = Event::new(Timestamp::from_secs(row as i64), Timestamp(0));
        if row.is_multiple_of(3) {
            return event;
        }
        let text = format!("{:0>100}", row.wrapping_mul(0x1e37_79b9_7f4a_7c15));
        let same = !row.is_multiple_of(2);
        event.set("often", if same { "same" } else { &text });
        event
    };
    let events = logged((0..rows).map(event).collect());
    let written = write(&events, 10);
    let file = SerializedFileReader::new(File::open(&written.path).unwrap()).unwrap();
    let columns = file.metadata().row_group(0).columns();
    let ways = columns[3].page_encoding_stats_mask().unwrap();
    assert!(ways.is_set(Encoding::RLE_DICTIONARY) && ways.is_set(Encoding::PLAIN));
    let found = read(&written.path, ALL, None).unwrap();
    let found: Vec<_> = found.iter().map(|(_, event)| canonical(event)).collect();
    let expect: Vec<_> = events.iter().map(|e| canonical(&e.event)).collect();
    assert!(found == expect, "some events are others");
}

/// Words are forgotten in the middle of a row group, by whichever column has too many.
#[test]
fn terms_are_those_of_their_message_whatever_is_forgotten() {
    let word = |n: u64| -> String {
        let letters = format!("{n:o}");
        letters
            .bytes()
            .map(|b| char::from(b - b'0' + b'g'))
            .collect()
    };
    let event = |row: u64| {
        let mut event = Event::new(Timestamp::from_secs(row as i64), Timestamp(0));
        event.set("msg", format!("user {} logged in", word(1_000 + row % 50)));
        let token = |n: u64| word(1_000_000 + 4 * row + n);
        event.set("token", [0, 1, 2, 3].map(token).join(" "));
        event
    };
    let events = logged((0..40_000).map(event).collect());
    let written = write(&events, 10);
    let file = File::open(&written.path).unwrap();
    let batches = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let mut rows = 0;
    for batch in batches.build().unwrap() {
        let batch = batch.unwrap();
        let texts = |name: &str| {
            batch
                .column_by_name(name)
                .unwrap()
                .as_string::<i32>()
                .clone()
        };
        for (msg, terms) in texts("msg").iter().zip(&texts(TERMS)) {
            let mut expect = BTreeSet::new();
            cresset_query::terms::each_term(msg.unwrap(), |term| {
                expect.insert(String::from_utf8_lossy(term).into_owned());
            });
            let expect = cresset_query::terms::line(expect.iter().map(String::as_str));
            assert_eq!(terms, Some(expect.as_str()), "{msg:?}");
            rows += 1;
        }
    }
    assert_eq!(rows, events.len());
}

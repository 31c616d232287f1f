//! Rows that come out of batches in which values have numbers.

use super::*;
use cresset_model::{Packed, SharedEvent};

/// Texts, numbers and lists that come again and again, fields that are not always there, one of
/// several kinds, and some names twice.
fn odd_events() -> impl Strategy<Value = Vec<Event>> {
    let value = || {
        prop_oneof![
            4 => "[ab]{0,2}".prop_map(Value::from),
            1 => "[a-z ]{20,40}".prop_map(Value::from),
            2 => (-3_i64..3).prop_map(Value::Int),
            1 => prop::sample::select(vec![0.5, 2.0]).prop_map(Value::Float),
            1 => prop::collection::vec("[a-c]{0,2}", 0..3)
                .prop_map(|items| Value::List(items.into_iter().map(Into::into).collect())),
        ]
    };
    let of_one_kind = prop_oneof!["[ab]{0,2}", "[a-z ]{9,30}"].prop_map(Value::from);
    let field = prop_oneof![
        2 => ("[a-c]", of_one_kind.clone()),
        1 => ("msg", of_one_kind),
        1 => ("n", (-9_i64..9).prop_map(Value::Int)),
        1 => ("[x-z]", value()),
    ];
    let event = prop::collection::vec(field, 0..9).prop_map(|fields| Event {
        fields: fields.into_iter().map(|(n, v)| (n.into(), v)).collect(),
        ..Event::new(Timestamp(0), Timestamp(0))
    });
    prop::collection::vec(event, 1..40)
}

/// The events in batches of that many, and rows of a file that go through the batches in turn.
fn in_turn(events: &[Event], size: usize) -> Vec<LoggedEvent> {
    let batches = events.chunks(size);
    let batches: Vec<Arc<Packed>> = batches.map(|b| Arc::new(b.to_vec().into())).collect();
    let places = (0..size).flat_map(|at| batches.iter().map(move |batch| (batch, at)));
    let places = places.filter(|(batch, at)| *at < batch.len());
    let logged = |(seq, (batch, at)): (u64, (&Arc<Packed>, usize))| LoggedEvent {
        seq,
        repo: "r".into(),
        event: SharedEvent::packed(batch, at),
    };
    (1..).zip(places).map(logged).collect()
}

/// The event with the first of its values of each name.
fn with_first_values(event: &Event) -> Event {
    let mut first = Event::new(event.log_ts, event.col_ts);
    for (name, value) in &event.fields {
        if first.get(name).is_none() {
            first.fields.push((name.clone(), value.clone()));
        }
    }
    first
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn rows_of_several_batches_come_back(
        events in odd_events(),
        // More rows than files without dictionaries have, or fewer.
        times in prop::sample::select(vec![1_usize, 3, 60]),
        size in 1..90_usize,
        max_columns in prop::sample::select(vec![800_usize, 4, 1]),
    ) {
        let events: Vec<Event> = vec![events; times].concat();
        let rows = in_turn(&events, size);
        let written = write(&rows, max_columns);
        let packed = |row: &LoggedEvent| row.event.as_packed().is_some_and(|(p, _)| p.is_unpacked());
        prop_assert!(!rows.iter().any(packed), "unpacked to be written");
        let found = read(&written.path, ALL, None).unwrap();
        prop_assert_eq!(found.len(), rows.len());
        for ((seq, event), row) in found.iter().zip(&rows) {
            prop_assert_eq!(*seq, row.seq);
            let expect = canonical(&with_first_values(&row.event));
            prop_assert!(canonical(event) == expect, "{:?} {:?}", event, row.event);
        }
    }
}

#[test]
fn a_second_row_group_numbers_values_anew() {
    let event = |n: usize| {
        let mut event = Event::new(Timestamp(n as i64), Timestamp(0));
        event.set("a", format!("value {}", n % 7));
        event.set("n", (n % 5) as i64);
        event.add_label(["x", "y"][n % 2]);
        event
    };
    let events: Vec<Event> = (0..GROUP_ROWS + 2_000).map(event).collect();
    let batch: Arc<Packed> = Arc::new(events.clone().into());
    let logged = |n: usize| LoggedEvent {
        seq: n as u64,
        repo: "r".into(),
        event: SharedEvent::packed(&batch, n),
    };
    let rows: Vec<LoggedEvent> = (0..events.len()).map(logged).collect();
    let written = write(&rows, 800);
    let found = read(&written.path, ALL, None).unwrap();
    assert!(found.iter().map(|(_, event)| event).eq(&events));
}

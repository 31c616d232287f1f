//! Random events: fields that are hard to write, to tell apart or to store.

use crate::START;
use cresset_model::{Duration, Event, Value};
use proptest::prelude::*;
use proptest::sample::select;
use std::sync::LazyLock;

/// A name as long as a name may sensibly be.
static LONG: LazyLock<String> = LazyLock::new(|| "long_name_".repeat(100));

/// The names of fields. What a field holds follows from its name: see [`value`].
pub(crate) static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    vec![
        "user",
        "n",
        "size",
        "msg",
        "label",
        "odd",
        "ratio",
        "ok",
        "addr",
        "host",
        "Host",
        "HOST",
        "a.b",
        "x y",
        "it's",
        "say \"hi\"",
        "in",
        "process",
        "chart",
        "größe",
        "_seq",
        "_overflow",
        "log_ts",
        "",
        &LONG,
    ]
});

/// The same, the plain ones more often.
pub(crate) fn name() -> impl Strategy<Value = &'static str> {
    prop_oneof![3 => select(&NAMES[..9]), 1 => select(&NAMES[..])]
}

pub(crate) const TEXTS: &[&str] = &[
    "alice",
    "ALICE",
    "Bob smith",
    "bob",
    "22",
    "022",
    "22.0",
    "-5",
    "1e2",
    "100",
    "",
    "10.0.0.1",
    "::1",
    "::ffff:10.0.0.1",
    "x*y",
    "Straße",
    "STRASSE",
    "ſtraße",
    "true",
    "null",
    "9007199254740993",
    "a\"b",
    "\u{1f980}",
    "2026-01-01T00:00:00Z",
    "[1,2]",
    "{\"a\":1}",
];

const SENTENCES: &[&str] = &[
    "Failed password for root from 10.0.0.1 port 22",
    "failed PASSWORD for bob",
    "accepted key for Größe",
    "C:\\Windows\\cmd.exe /c whoami",
    "user=alice action=login",
    "",
    "\u{1f980} crab failed-over",
    "[1,2,3]",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![5 => select(TEXTS).prop_map(str::to_owned), 1 => "[abAB0-2äÄ ]{0,5}"]
}

fn list(most: usize) -> impl Strategy<Value = Value> {
    let items = prop::collection::vec(text(), 0..=most);
    items.prop_map(|items| Value::List(items.into_iter().map(Into::into).collect()))
}

/// Numbers whose sums are exact in whatever order they are added.
fn fraction() -> impl Strategy<Value = Value> {
    select(vec![2.5, -0.25, 22.0, -0.0, 1e3, 1_048_576.0]).prop_map(Value::Float)
}

fn any_value() -> BoxedStrategy<Value> {
    prop_oneof![
        3 => text().prop_map(Value::from),
        2 => (-30_i64..30).prop_map(Value::Int),
        1 => fraction(),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => list(3),
        1 => Just(Value::Int(i64::MAX)),
    ]
    .boxed()
}

/// What a field of that name usually holds, and now and then anything.
fn value(name: &'static str) -> BoxedStrategy<Value> {
    let usual = match name {
        "n" => (-30_i64..30).prop_map(Value::Int).boxed(),
        "msg" => select(SENTENCES).prop_map(Value::from).boxed(),
        "label" => list(3).boxed(),
        "odd" => any_value().boxed(),
        "ratio" => prop_oneof![fraction(), (0_i64..30).prop_map(Value::Int)].boxed(),
        "ok" => any::<bool>().prop_map(Value::Bool).boxed(),
        "size" => select(vec!["5", "22", "022", "7.5", "-3", "many"])
            .prop_map(Value::from)
            .boxed(),
        "addr" => select(vec!["10.0.0.1", "10.0.0.2", "::1", "none"])
            .prop_map(Value::from)
            .boxed(),
        _ => text().prop_map(Value::from).boxed(),
    };
    prop_oneof![19 => usual, 1 => any_value()].boxed()
}

/// An event and its second after the start. `keep_as_msg` is what ingestion does with a text
/// that came under two names.
fn event() -> BoxedStrategy<Event> {
    let second = prop_oneof![
        8 => -3_000_i64..3_000,
        1 => -200_000_i64..200_000,
        1 => select(vec![-31_536_000_i64, 31_536_000]),
    ];
    let field = name().prop_flat_map(|name| (Just(name), value(name)));
    let fields = prop::collection::vec(field, 0..9);
    (
        second,
        0_i64..90,
        fields,
        any::<prop::sample::Index>(),
        prop::bool::weighted(0.2),
    )
        .prop_map(|(second, late, fields, twin, twins)| {
            let at = START + Duration::seconds(second);
            let mut event = Event::new(at, at + Duration::seconds(late));
            for (name, value) in fields {
                event.set(name, value);
            }
            if twins && event.get("msg").is_none() && !event.fields.is_empty() {
                let place = twin.index(event.fields.len());
                if matches!(event.fields[place].1, Value::Str(_)) {
                    event.keep_as_msg(place);
                }
            }
            event
        })
        .boxed()
}

/// What happens after events were taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// They stay in the tail.
    Nothing,
    /// All that waits goes to files.
    Flush,
    /// And small files are made one.
    Merge,
}

/// Events that arrive together, and what happens then.
pub(crate) type Batch = (usize, Vec<Event>, Then);

/// Batches for one of so many repos each. No two events have the same time, so that the newest
/// of them are the same in every execution.
pub(crate) fn batches(repos: usize) -> impl Strategy<Value = Vec<Batch>> {
    let then = prop_oneof![
        2 => Just(Then::Nothing),
        3 => Just(Then::Flush),
        2 => Just(Then::Merge),
    ];
    let batch = (0..repos, prop::collection::vec(event(), 1..14), then).boxed();
    prop::collection::vec(batch, 1..7).prop_map(|batches| {
        let mut number = 0;
        let mut own_time = |mut event: Event| {
            number += 1;
            event.log_ts = event.log_ts + Duration(number);
            event
        };
        let own_times = |(repo, events, then): Batch| {
            (repo, events.into_iter().map(&mut own_time).collect(), then)
        };
        batches.into_iter().map(own_times).collect()
    })
}

//! Patterns against what a reader of the manual would find by hand.

use cresset_model::{Event, Timestamp};
use cresset_query::{Context, compile};
use proptest::prelude::*;

/// An event: second, kind, key and value.
type Fact = (i64, u8, Option<u8>, u8);

fn facts() -> impl Strategy<Value = Vec<Fact>> {
    let fact = (0..40_i64, 0..3_u8, prop::option::of(0..3_u8), 0..3_u8);
    prop::collection::vec(fact, 0..14)
}

fn event(&(second, kind, key, value): &Fact, all: bool, wanted: impl Fn(&str) -> bool) -> Event {
    let mut event = Event::new(Timestamp::from_secs(second), Timestamp::from_secs(second));
    let fields = [
        ("kind", Some(kind)),
        ("k", key),
        ("v", Some(value)),
        ("w", Some(7)),
    ];
    for (name, number) in fields {
        if let Some(number) = number
            && (all || wanted(name))
        {
            event.set(name, i64::from(number));
        }
    }
    event
}

/// The rows of a query as texts, sorted; with only the fields that it reads, and with all.
fn rows(query: &str, facts: &[Fact]) -> Vec<String> {
    let plan = compile(query).unwrap_or_else(|e| panic!("{query}\n{}", e[0].render(query)));
    let needed = plan.fields_read();
    let run = |all: bool| {
        let mut run = plan.executor(Context::bare());
        for fact in facts {
            let wanted = |name: &str| needed.as_ref().is_none_or(|n| n.contains(name));
            run.push(&event(fact, all, wanted));
        }
        let rows = run.finish().rows;
        let mut rows: Vec<String> = rows
            .iter()
            .map(|row| {
                let fields = row.fields.iter().filter(|(name, _)| name != "col_ts");
                let mut fields: Vec<String> =
                    fields.map(|(n, v)| format!("{n}={}", v.text())).collect();
                fields.sort();
                fields.join(" ")
            })
            .collect();
        rows.sort();
        rows
    };
    let whole = run(true);
    assert_eq!(run(false), whole, "{query}");
    whole
}

fn shown(at: i64, values: &[(&str, u8)]) -> String {
    let mut fields = vec![format!("log_ts={at}")];
    fields.extend(values.iter().map(|(name, value)| format!("{name}={value}")));
    fields.sort();
    fields.join(" ")
}

/// Pairs of a left and a right event, by place, that `link` ties, in the words of the manual.
fn tied(facts: &[Fact], link: &str, within: Option<i64>) -> Vec<(Option<usize>, Option<usize>)> {
    let of = |kind| (0..facts.len()).filter(move |n| facts[*n].1 == kind);
    let equal = |a: usize, b: usize| facts[a].2.is_some() && facts[a].2 == facts[b].2;
    let apart = |a: usize, b: usize| facts[b].0 - facts[a].0;
    let follows = |a: usize, b: usize| {
        equal(a, b) && apart(a, b) >= 0 && within.is_none_or(|w| apart(a, b) <= w)
    };
    let near = |a: usize, b: usize| equal(a, b) && within.is_none_or(|w| apart(a, b).abs() <= w);
    let first = |a: usize| {
        of(1)
            .filter(|b| follows(a, *b))
            .min_by_key(|b| (facts[*b].0, *b))
    };
    let pairs = || {
        of(0)
            .flat_map(|a| of(1).map(move |b| (a, b)))
            .filter(|(a, b)| near(*a, *b))
    };
    let mut found: Vec<(Option<usize>, Option<usize>)> = match link {
        "followed by" => {
            return of(0)
                .filter_map(|a| Some((Some(a), Some(first(a)?))))
                .collect();
        }
        "not followed by" => {
            let alone = of(0).filter(|a| first(*a).is_none());
            return alone.map(|a| (Some(a), None)).collect();
        }
        _ => pairs().map(|(a, b)| (Some(a), Some(b))).collect(),
    };
    if link == "left join" {
        let alone = of(0).filter(|a| !pairs().any(|(left, _)| left == *a));
        found.extend(alone.map(|a| (Some(a), None)));
    }
    if link == "right join" {
        let alone = of(1).filter(|b| !pairs().any(|(_, right)| right == *b));
        found.extend(alone.map(|b| (None, Some(b))));
    }
    found
}

proptest! {
    #[test]
    fn two_streams_are_tied_as_the_manual_says(
        facts in facts(),
        link in prop::sample::select(vec!["followed by", "not followed by", "join", "left join", "right join"]),
        within in prop::option::of(1..30_i64),
        unnamed in any::<bool>(),
    ) {
        let time = within.map_or(String::new(), |w| format!("within {w} seconds"));
        let query = if unnamed {
            format!("[kind=0] as x {link} [kind=1] as y {time} on x.k=y.k | fields log_ts, x.v, y.v")
        } else {
            format!("[kind=0] as x {link} [kind=1] as y {time} on y.k=x.k -(x.w!=7 y.w!=7) \
                     | rename x.v as x.v | fields log_ts, x.v, y.v")
        };
        let mut expected: Vec<String> = tied(&facts, link, within).into_iter().map(|(a, b)| {
            let at = a.into_iter().chain(b).map(|n| facts[n].0).max().unwrap();
            let values = [("x.v", a), ("y.v", b)];
            let values: Vec<_> = values.into_iter().filter_map(|(n, p)| Some((n, facts[p?].3))).collect();
            shown(at, &values)
        }).collect();
        expected.sort();
        prop_assert_eq!(rows(&query, &facts), expected, "{}", query);
    }

    #[test]
    fn finds_are_counted_as_the_manual_says(
        facts in facts(),
        least in 1..5_usize,
        within in prop::option::of(1..30_i64),
    ) {
        let time = within.map_or(String::new(), |w| format!("within {w} seconds"));
        let query = format!("[{least} kind=0 having same k {time}] | fields log_ts, v");
        let mut expected = Vec::new();
        for key in 0..3_u8 {
            let mut open: Vec<&Fact> = Vec::new();
            let mut own: Vec<&Fact> = facts.iter().filter(|f| f.1 == 0 && f.2 == Some(key)).collect();
            own.sort_by_key(|f| f.0);
            for fact in own {
                open.push(fact);
                open.retain(|earlier| within.is_none_or(|w| fact.0 - earlier.0 <= w));
                if open.len() >= least {
                    expected.push(shown(fact.0, &[("v", fact.3)]));
                    open.clear();
                }
            }
        }
        expected.sort();
        prop_assert_eq!(rows(&query, &facts), expected, "{}", query);
    }

    /// Whatever comes at another time may arrive in any order.
    #[test]
    fn the_order_of_arrival_does_not_matter(
        mut facts in facts(),
        link in prop::sample::select(vec!["followed by", "not followed by", "join", "left join", "right join"]),
    ) {
        facts.sort_by_key(|f| f.0);
        facts.dedup_by_key(|f| f.0);
        let query = format!("[kind=0] as x {link} [2 kind=1 having same k within 9 seconds] as y on x.k=y.k");
        let forwards = rows(&query, &facts);
        facts.reverse();
        prop_assert_eq!(rows(&query, &facts), forwards);
    }
}

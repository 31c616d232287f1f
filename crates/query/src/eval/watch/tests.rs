//! How soon evaluations end: counted in questions and in fields read, not in time.

use super::*;
use crate::eval::expr::NODE;
use crate::eval::{Context, ListLookup, Pattern, Row, Subject, ValueSet, Words};
use crate::{Expr, compile};
use cresset_model::{Event, Timestamp, Value};
use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Gives up at the question of this number and counts the questions.
struct Patience {
    asked: Cell<usize>,
    until: usize,
}

impl Patience {
    const fn until(until: usize) -> Self {
        let asked = Cell::new(0);
        Self { asked, until }
    }

    fn given_up(&self) -> bool {
        self.asked.set(self.asked.get() + 1);
        self.asked.get() >= self.until
    }
}

/// Checks that `work` of `steps` steps asks every [`STRIDE`] steps, give or take one
/// indivisible step of the size of `grain`, and ends at the first yes.
#[track_caller]
fn check(steps: usize, grain: usize, work: &dyn Fn(&Watch<'_>) -> bool) {
    let patient = Patience::until(usize::MAX);
    let given_up = || patient.given_up();
    work(&Watch::new(&given_up));
    let whole = patient.asked.get();
    assert!(whole >= steps / (STRIDE + grain), "{whole} questions");
    for until in [1, 2, whole / 2, whole] {
        let patience = Patience::until(until);
        let given_up = || patience.given_up();
        let watch = Watch::new(&given_up);
        work(&watch);
        assert!(watch.ended(), "until {until} of {whole}");
        assert_eq!(patience.asked.get(), until, "of {whole}");
    }
}

#[test]
fn one_slow_match_ends() {
    let text = "a".repeat(1 << 18);
    // Nearly fits at every place.
    let piece = format!("{}?b", "a".repeat(14));
    let glob = Pattern::new(&format!("x*{piece}*y").replace(['x', 'y'], "*"));
    check(16 * text.len(), 17, &|watch| glob.text_within(&text, watch));
    let folded = format!("{text}ä");
    let subject = Subject::new(&folded);
    check(16 * text.len(), 17, &|watch| {
        glob.matches_subject(&subject, watch)
    });
    // Found at every place, but inside a longer word each time.
    let word = Words::new(&"a".repeat(24)).unwrap();
    check(24 * (text.len() - 24), text.len(), &|watch| {
        word.text_within(&text, watch)
    });
}

#[test]
fn a_piece_is_tried_once_at_each_place() {
    let text = "ab".repeat(1 << 13);
    let pattern = Pattern::new(&format!("{}*d*c", "*a*b".repeat(100)));
    let patience = Patience::until(usize::MAX);
    let given_up = || patience.given_up();
    pattern.text_within(&format!("{text}c"), &Watch::new(&given_up));
    // Trying all ways to place 200 pieces would take for ever.
    assert!(patience.asked.get() <= 1 + 4 * text.len() / STRIDE);
}

#[test]
fn many_patterns_and_many_values_end() {
    let text = "a".repeat(1 << 16);
    let patterns: Vec<String> = (0..100).map(|i| format!("*b{i}*")).collect();
    let set = ValueSet::new(patterns.iter().map(String::as_str));
    let one = Value::str(&text);
    check(100 * text.len(), text.len(), &|watch| {
        set.matches_within(&one, watch)
    });
    let few = ValueSet::new(["*b*", "*c*"]);
    let list = Value::List(vec![text.as_str().into(); 50]);
    check(100 * text.len(), text.len(), &|watch| {
        few.matches_within(&list, watch)
    });
    let pattern = Pattern::new("*b*");
    check(50 * text.len(), text.len(), &|watch| {
        pattern.matches_within(&list, watch)
    });
}

/// Lists that hold nothing and give up at the question of this number.
struct Lists {
    asked: AtomicUsize,
    until: usize,
    looked_up: AtomicUsize,
}

impl ListLookup for Lists {
    fn contains(&self, _list: &str, _value: &str) -> bool {
        self.looked_up.fetch_add(1, Ordering::Relaxed);
        false
    }

    fn given_up(&self) -> bool {
        self.asked.fetch_add(1, Ordering::Relaxed) + 1 >= self.until
    }
}

/// An event that counts how often a field was read.
struct Counted {
    event: Event,
    read: Cell<usize>,
}

impl Row for Counted {
    fn get(&self, field: &str) -> Option<Cow<'_, Value>> {
        self.read.set(self.read.get() + 1);
        self.event.lookup(field)
    }
}

/// Fields read and values looked up in lists until the evaluation of a filter ended.
fn reads(filter: &Expr, until: usize) -> (usize, usize) {
    let mut event = Event::new(Timestamp(0), Timestamp(0));
    event.set("msg", "a".repeat(1 << 17));
    event.set("many", Value::List(vec!["aaaa".into(); 10_000]));
    let row = Counted {
        event,
        read: Cell::new(0),
    };
    let lists = Lists {
        asked: AtomicUsize::new(0),
        until,
        looked_up: AtomicUsize::new(0),
    };
    let context = Context {
        lists: &lists,
        ..Context::bare()
    };
    filter.matches(&row, &context);
    (row.read.get(), lists.looked_up.into_inner())
}

#[test]
fn a_long_filter_ends() {
    const TERMS: usize = 30;
    let check = |term: &dyn Fn(usize) -> String, glue: &str, most: usize| {
        let terms: Vec<String> = (0..TERMS).map(term).collect();
        let plan = compile(&terms.join(glue)).unwrap();
        let filter = plan.filter();
        assert_eq!(reads(filter, usize::MAX).0, TERMS);
        assert_eq!(reads(filter, 1).0, 0);
        // The question before the filter is the first, that within it the second.
        let read = reads(filter, 2).0;
        assert!((1..=most).contains(&read), "{read} of {}", term(0));
    };
    check(&|i| format!("msg=*b{i}*"), " or ", 2);
    check(&|i| format!("msg!=*b{i}*"), " and ", 2);
    check(&|i| format!("msg=*a?b{i}*"), " or ", 2);
    check(&|i| format!("b{i}"), " or ", 2);
    check(&|i| format!("b*c{i}"), " or ", 2);
    check(&|i| format!("msg>b{i}"), " or ", 2);
    check(&|i| format!("msg in LIST{i}"), " or ", 2);
    check(&|i| format!("many in [b{i}, \"*c\"]"), " or ", 3);
}

#[test]
fn many_values_are_not_all_looked_up() {
    let plan = compile("many in NAMES").unwrap();
    assert_eq!(reads(plan.filter(), usize::MAX).1, 10_000);
    let (_, looked_up) = reads(plan.filter(), 2);
    assert!((1..=STRIDE / NODE).contains(&looked_up), "{looked_up}");
}

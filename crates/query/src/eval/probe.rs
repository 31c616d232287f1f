//! One test of a condition, asked about values at hand instead of rows.

use super::expr::{Check, Operand};
use super::number::Num;
use super::pattern::Pattern;
use super::row::Context;
use super::watch::Watch;
use cresset_model::Value;
use std::cmp::Ordering;

/// A test, for those who have the values of its field beside each other: a value that many
/// rows share is asked about once.
///
/// The answers are those of [`Expr::matches`](super::Expr::matches) for a row with that
/// value, and as meaningless once the run was [given up](super::ListLookup::given_up).
#[derive(Debug, Clone, Copy)]
pub struct Probe<'a> {
    operand: &'a Operand,
    check: &'a Check,
    ctx: &'a Context<'a>,
}

impl<'a> Probe<'a> {
    /// The test of `operand` by `check`.
    pub const fn new(operand: &'a Operand, check: &'a Check, ctx: &'a Context<'a>) -> Self {
        Self {
            operand,
            check,
            ctx,
        }
    }

    /// Whether a row with this value of the field passes.
    pub fn value(&self, value: &Value) -> bool {
        let given_up = || self.ctx.lists.given_up();
        let watch = Watch::new(&given_up);
        // Asked here too, so that many values of little work each end as soon.
        !given_up() && self.operand.accepts(self.check, value, self.ctx, &watch)
    }

    /// Whether a row with this text passes.
    pub fn text(&self, text: &str) -> bool {
        if !self.operand.is_as_written() {
            return self.value(&Value::str(text));
        }
        let given_up = || self.ctx.lists.given_up();
        let watch = Watch::new(&given_up);
        !given_up() && self.check.passes_text(text, self.ctx, &watch)
    }

    /// Whether a row with several texts passes if one of them does.
    pub const fn takes_one_of_several(&self) -> bool {
        self.operand.is_as_written()
    }

    /// The test as one of whole numbers, if it compares with a number.
    pub fn whole_numbers(&self) -> Option<impl Fn(i64) -> bool + use<>> {
        if !self.operand.is_as_written() {
            return None;
        }
        let (relation, number) = match self.check {
            Check::Is(Pattern::Exact(text, exact)) => (None, exact.or_else(|| Num::parse(text))?),
            Check::Ordered(relation, literal) => (Some(*relation), literal.number?),
            _ => return None,
        };
        Some(move |n: i64| {
            let order = Num::Int(i128::from(n)).order(number);
            match relation {
                None => order == Ordering::Equal,
                Some(relation) => relation.holds(Some(order)),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::Expr;
    use cresset_model::{Event, Timestamp};

    /// The answers for a value, from a row and from a probe, which are equal.
    fn check(query: &str, value: &Value, expect: bool) {
        let plan = crate::compile(query).unwrap();
        let ctx = Context::bare();
        let mut event = Event::new(Timestamp(0), Timestamp(0));
        event.fields.push(("f".into(), value.clone()));
        assert_eq!(
            plan.filter().matches(&event, &ctx),
            expect,
            "{query} {value:?}"
        );
        let Expr::Test(operand, check) = plan.filter() else {
            panic!("{query} is no test");
        };
        let probe = Probe::new(operand, check, &ctx);
        assert_eq!(probe.value(value), expect, "{query} {value:?}");
        match value {
            Value::Str(text) => assert_eq!(probe.text(text), expect, "{query} {text}"),
            Value::Int(n) => {
                if let Some(holds) = probe.whole_numbers() {
                    assert_eq!(holds(*n), expect, "{query} {n}");
                }
            }
            _ => {}
        }
    }

    #[test]
    fn a_probe_answers_as_a_row_does() {
        let list = |items: &[&str]| Value::List(items.iter().map(|i| (*i).into()).collect());
        for (query, value, expect) in [
            ("f=4688", Value::Int(4688), true),
            ("f=4688", Value::Int(4689), false),
            ("f=4688", Value::str("04688"), true),
            ("f=4.688e3", Value::Int(4688), true),
            ("f=4.5", Value::Int(4), false),
            ("f>4.5", Value::Int(5), true),
            ("f>=x", Value::Int(5), false),
            ("f<x", Value::Int(5), true),
            ("f=4*", Value::Int(48), true),
            ("f=*", Value::Int(48), true),
            ("f in [1, 4*]", Value::Int(48), true),
            ("f=Bob", Value::str("bOB"), true),
            ("f=bob", list(&["x", "BOB"]), true),
            ("f=bob", list(&[]), false),
            ("f=true", Value::Bool(true), true),
            ("f>1", Value::Float(1.5), true),
            ("upper(f)=bob", Value::str("bOB"), true),
            ("hour(f)=1", Value::Int(3_600), true),
            ("hour(f)=1", Value::str("3600"), true),
            ("day_of_week(f)=thursday", Value::Int(3_600), true),
        ] {
            check(query, &value, expect);
        }
    }
}

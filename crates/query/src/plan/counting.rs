//! Plans that only count events.

use super::{Aggregate, Argument, Chart, Key};
use crate::ast::AggFn;
use crate::eval::{Context, Operand, time};
use cresset_model::{Timestamp, Value};

/// By what a plan counts events, if it does nothing else with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counting<'p> {
    /// The fields whose values it counts by. An event that lacks one of them counts nowhere.
    pub fields: Vec<&'p str>,
    spans: Spans,
}

/// The spans of time that a plan counts by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spans {
    None,
    /// Of so many seconds.
    Of(i64),
    /// Of a width that suits the time that is looked at.
    Suitable,
}

impl<'p> Counting<'p> {
    pub(super) fn of(chart: &'p Chart) -> Option<Self> {
        let counts =
            |a: &Aggregate| a.function == AggFn::Count && matches!(a.argument, Argument::None);
        if !chart.aggregates.iter().all(counts) {
            return None;
        }
        let (mut fields, mut spans) = (Vec::new(), Spans::None);
        for group in &chart.groups {
            match &group.key {
                // The two times belong to each event.
                Key::Operand(Operand::Field(name)) if name != "log_ts" && name != "col_ts" => {
                    fields.push(name.as_str());
                }
                Key::Bucket(width) if spans == Spans::None => {
                    spans = width.map_or(Spans::Suitable, Spans::Of);
                }
                _ => return None,
            }
        }
        Some(Self { fields, spans })
    }

    /// Whether it counts by spans of time.
    pub fn has_spans(&self) -> bool {
        self.spans != Spans::None
    }

    /// The begin of the span of a moment, in seconds, which later moments are not before;
    /// the same for all moments if spans do not matter.
    pub fn span(&self, at: Timestamp, ctx: &Context<'_>) -> i64 {
        let width = match self.spans {
            Spans::None => return 0,
            Spans::Of(width) => width,
            Spans::Suitable => time::width_over(ctx.range),
        };
        let at = time::moment(&Value::Int(at.secs()));
        at.map_or(0, |at| time::bucket(at, width, &ctx.timezone))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cresset_model::Duration;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_096))]
        /// A span is one stretch of time, wherever clocks are set.
        #[test]
        fn spans_follow_each_other(
            zone in prop::sample::select(vec!["UTC", "Europe/Paris", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia"]),
            width in prop::sample::select(vec![1, 7, 60, 300, 900, 1_800, 3_600, 5_400, 7_200, 10_800, 43_200, 86_400, 604_800]),
            at in 1_293_000_000_i64..1_400_000_000,
            later in prop_oneof![0_i64..4_000, 0_i64..100_000],
        ) {
            let ctx = Context {
                timezone: TimeZone::get(zone).unwrap(),
                range: Duration::ZERO,
                ..Context::bare()
            };
            let counting = Counting { fields: Vec::new(), spans: Spans::Of(width) };
            let span = |at: i64| counting.span(Timestamp::from_secs(at), &ctx);
            prop_assert!(span(at) <= at);
            prop_assert!(span(at) <= span(at + later));
        }
    }

    #[test]
    fn what_is_counted_by() {
        let check = |query: &str, expect: Option<(&[&str], bool)>| {
            let plan = crate::compile(query).unwrap();
            let counting = plan.counting();
            let found = counting.as_ref().map(|c| (&*c.fields, c.has_spans()));
            assert_eq!(found, expect, "{query}");
        };
        check("a=1 | chart count() by user", Some((&["user"], false)));
        check("a=1 | timechart count() every 1 hour", Some((&[], true)));
        check(
            "| timechart count() as c by user every 1 hour",
            Some((&["user"], true)),
        );
        check("| chart count() by hour(log_ts)", None);
        check("| chart sum(x) by user", None);
        check("a=1", None);
    }
}

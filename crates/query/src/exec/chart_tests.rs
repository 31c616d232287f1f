//! What a chart tells besides its rows.

use super::tests::run;
use crate::{Context, Limits, compile};
use cresset_model::{Event, Timestamp};

#[test]
fn a_chart_knows_how_many_events_went_in() {
    let check = |query: &str, expect: u64| {
        assert_eq!(run(query, Limits::default()).aggregated, expect, "{query}");
    };
    check("user=*", 0);
    check("| chart count() by user", 5);
    check("| chart count() by user | search user=nobody", 5);
    check("host=a | chart max(size) as most", 3);
    check("| chart distinct_count(host) by user | chart count()", 5);
    check("| chart count() by user limit 1", 5);
    let one_group = Limits {
        max_groups: 1,
        ..Limits::default()
    };
    assert_eq!(run("| chart count() by user", one_group).aggregated, 3);
}

#[test]
fn counts_of_others_do_not_overflow() {
    let check = |query: &str, times: u64, column: &str, expect: &str| {
        let plan = compile(query).unwrap();
        let mut executor = plan.executor(Context::bare());
        let mut event = Event::new(Timestamp(0), Timestamp(0));
        event.set("n", 7);
        for _ in 0..2 {
            executor.push_many(&event, times);
        }
        let result = executor.finish();
        let found = result.rows[0].value(column).map(|v| v.text().into_owned());
        assert_eq!(found.as_deref(), Some(expect), "{query}");
    };
    check("| chart count() as c", 3, "c", "6");
    check("| chart count() as c", u64::MAX, "c", "9223372036854775807");
    check("| chart sum(n) as s", u64::MAX, "s", "14");
}

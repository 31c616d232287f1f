//! What a chart tells besides its rows.

use super::tests::run;
use crate::Limits;

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

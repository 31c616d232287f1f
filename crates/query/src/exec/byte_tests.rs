//! How many bytes a chart may keep.

use super::tests::event;
use crate::{Context, Limits, ResultSet, compile};
use cresset_model::Value;

#[test]
fn charts_are_limited_in_bytes() {
    let run = |query: &str, max_bytes: usize| {
        let plan = compile(query).unwrap();
        let limits = Limits {
            max_bytes,
            ..Limits::default()
        };
        let mut executor = plan.executor(Context::bare()).with_limits(limits);
        for n in 0..1_000 {
            let mut event = event(n, "host=a");
            event.set("msg", format!("{n:01000}"));
            event.set("many", Value::List(vec![format!("{n:01000}").into(); 3]));
            executor.push(&event);
        }
        executor.finish()
    };
    let bytes = |result: &ResultSet| {
        let values = result.rows.iter().flat_map(|r| &r.fields);
        values.map(|(_, v)| v.text().len()).sum::<usize>()
    };
    for query in [
        "| chart list(msg)",
        "| chart distinct_list(msg) by host",
        "| chart count() by msg",
        "| chart count() by host, upper(msg)",
        "| chart count() by many",
        "| chart list(many) as l by host",
        "| order by host | chart list(msg)",
    ] {
        let result = run(query, 100_000);
        assert!(result.truncated, "{query}");
        assert!(
            (10_000..=100_000).contains(&bytes(&result)),
            "{query}: {}",
            bytes(&result)
        );
        let result = run(query, Limits::default().max_bytes);
        assert!(!result.truncated && bytes(&result) >= 1_000_000, "{query}");
    }
    let distinct = run("| chart distinct_count(msg) as d", 100_000);
    assert!(distinct.truncated);
    assert!(distinct.rows[0].value("d").unwrap().number().unwrap() < 100.0);
    let sums: Vec<String> = (0..100).map(|i| format!("sum(a{i})")).collect();
    let result = run(&format!("| chart {} by log_ts", sums.join(",")), 1_000_000);
    assert!(result.truncated && result.rows.len() < 400);
    // What is there already is counted on, whatever room is left.
    let result = run(
        "| chart count() as c by host, msg | chart sum(c) by host",
        100_000,
    );
    assert!(result.truncated);
    assert!(
        !run(
            "| chart count() as c, distinct_count(host) as d, max(log_ts) by host",
            1_000
        )
        .truncated
    );
}

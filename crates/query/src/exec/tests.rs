use crate::{Context, Limits, QueryKind, ResultSet, compile};
use cresset_model::{Event, Timestamp, Value};

pub(super) fn event(secs: i64, fields: &str) -> Event {
    let mut e = Event::new(Timestamp::from_secs(secs), Timestamp::from_secs(secs + 1));
    for (name, value) in fields.split_whitespace().filter_map(|f| f.split_once('=')) {
        match value.parse::<i64>() {
            Ok(n) => e.set(name, n),
            Err(_) => e.set(name, value),
        }
    }
    e
}

/// Log-ins: three of bob, two of amy in two spellings, one without a user.
fn events() -> Vec<Event> {
    [
        "user=bob host=a size=10 port=1",
        "user=amy host=a size=5",
        "user=bob host=b size=x",
        "user=bob host=A size=-2 label=seen",
        "user=AMY host=c size=2.5",
        "host=d size=100 target=zoe",
    ]
    .iter()
    .zip(100..)
    .map(|(fields, at)| event(at, fields))
    .collect()
}

pub(super) fn run(query: &str, limits: Limits) -> ResultSet {
    let plan = compile(query).unwrap_or_else(|e| panic!("{}", e[0].render(query)));
    let mut executor = plan.executor(Context::bare()).with_limits(limits);
    for event in events() {
        executor.push(&event);
    }
    executor.finish()
}

pub(super) fn shown(result: &ResultSet) -> String {
    let row = |r: &crate::ResultRow| {
        let field = |(n, v): &(cresset_model::FieldName, Value)| format!("{n}={}", v.text());
        r.fields.iter().map(field).collect::<Vec<_>>().join(" ")
    };
    result.rows.iter().map(row).collect::<Vec<_>>().join("; ")
}

#[track_caller]
fn check(query: &str, expect: &str) {
    let result = run(query, Limits::default());
    assert_eq!(shown(&result), expect, "{query}");
    assert!(!result.truncated);
    assert_eq!(result.total, result.rows.len() as u64);
}

#[test]
fn simple_queries_give_events_newest_first() {
    check(
        "user=amy",
        "log_ts=104 col_ts=105 user=AMY host=c size=2.5; log_ts=101 col_ts=102 user=amy host=a size=5",
    );
    check(
        "user=bob | fields host, log_ts",
        "host=A log_ts=103; host=b log_ts=102; host=a log_ts=100",
    );
    check("* | limit 2 | fields host", "host=d; host=c");
    check(
        "* | order by size desc, host | fields size",
        "size=x; size=100; size=10; size=5; size=2.5; size=-2",
    );
    check(
        "* | order by user, host desc | limit 3 | fields user, host",
        "user=AMY host=c; user=amy host=a; user=bob host=b",
    );
    check(
        "* | order by user desc | limit 6 | fields user",
        "user=bob; user=bob; user=bob; user=AMY; user=amy; ",
    );
    check(
        "* | latest by host | fields host, log_ts",
        "host=d log_ts=105; host=c log_ts=104; host=A log_ts=103; host=b log_ts=102; host=a log_ts=101",
    );
    check("* | latest | fields host", "host=d");
    check(
        "* | limit 3 | latest by user | fields log_ts",
        "log_ts=104; log_ts=103",
    );
    check(
        "* | search size>3 | search host=a | fields size",
        "size=5; size=10",
    );
}

#[test]
fn renaming() {
    check(
        "size=100 | rename user as who, target as who, host as h",
        "log_ts=105 col_ts=106 size=100 who=zoe h=d",
    );
    check(
        "size=5 | rename user as host, host as user | fields user, host",
        "user=a host=amy",
    );
    check(
        "* | rename target as user | search user=z* | fields user",
        "user=zoe",
    );
    check(
        "* | rename target as user | chart count() as c by user | limit 1",
        "user=bob c=3",
    );
    check(
        "* | limit 1 | rename target as user, host as user",
        "log_ts=105 col_ts=106 size=100 user=zoe",
    );
    check(
        "size=5 | fields user, host | rename host as h, upper(user) as u",
        "user=amy h=a u=AMY",
    );
    check(
        "* | chart count() as c by host | rename c as n, host as h | search n>1",
        "h=a n=2",
    );
}

#[test]
fn aggregates() {
    check(
        "* | chart count() by user",
        "user=bob count()=3; user=AMY count()=1; user=amy count()=1",
    );
    check(
        "* | chart count(), count(user), count(size>4 or host=c) as big, distinct_count(host)",
        "count()=6 count(user)=5 big=4 distinct_count(host)=4",
    );
    check(
        "user=bob | chart sum(size) as s, min(size), max(size) as m, avg(size), var(size)",
        "s=8 min(size)=-2 m=10 avg(size)=4 var(size)=36",
    );
    check(
        "user=amy | chart sum(size), avg(size)",
        "sum(size)=7.5 avg(size)=3.75",
    );
    check(
        "size=x | chart sum(size), max(size), var(size), count()",
        "count()=1",
    );
    check(
        "user=bob | chart list(host), distinct_list(host) as d",
        "list(host)=a, b, A d=A, b",
    );
    check(
        "* | chart count() as c by host order by host desc limit 2",
        "host=d c=1; host=c c=1",
    );
    check("* | chart count() as c by host | search c>1", "host=a c=2");
    check(
        "* | chart count() as c, max(size*2) as m by user order by m, user limit 2",
        "user=AMY c=1 m=5; user=amy c=1 m=10",
    );
    check(
        "* | chart count() by step(size,5), lower(user)",
        "step(size,5)=-5 lower(user)=bob count()=1; step(size,5)=0 lower(user)=amy count()=1; \
         step(size,5)=5 lower(user)=amy count()=1; step(size,5)=10 lower(user)=bob count()=1",
    );
    check(
        "* | chart count() as c by user, port",
        "user=bob port=1 c=1",
    );
    check(
        "* | chart count() as c by user | chart max(c) as most, count()",
        "most=3 count()=3",
    );
    check("nothing=here | chart count()", "");
    check(
        "* | chart count() by user order by count() desc | fields user | limit 1",
        "user=bob",
    );
    check(
        "* | timechart count() as c every 2 seconds order by log_ts",
        "log_ts=100 c=2; log_ts=102 c=2; log_ts=104 c=2",
    );
    check(
        "* | chart count() by day_of_week(log_ts)",
        "day_of_week(log_ts)=Thursday count()=6",
    );
}

#[test]
fn shape_of_the_result() {
    let check = |query: &str, kind: QueryKind, grouping: &str, columns: &str| {
        let result = run(query, Limits::default());
        assert_eq!(result.kind, kind);
        assert_eq!(
            (result.grouping.join(" "), result.columns.join(" ")),
            (grouping.to_owned(), columns.to_owned()),
            "{query}"
        );
    };
    check("*", QueryKind::Simple, "", "");
    check(
        "| chart count(), sum(size) as s by host, hour(log_ts)",
        QueryKind::Chart,
        "host hour(log_ts)",
        "count() s",
    );
    check(
        "| chart count() by host | rename host as h, count() as n",
        QueryKind::Chart,
        "h",
        "n",
    );
    check(
        "| chart count(), sum(size) as s by host | fields s",
        QueryKind::Chart,
        "",
        "s",
    );
    check(
        "| timechart count() by host every 1 day",
        QueryKind::Timechart,
        "log_ts host",
        "count()",
    );
}

#[test]
fn limits_cut_and_say_so() {
    let check = |query: &str, limits: Limits, expect: &str, total: u64, truncated: bool| {
        let result = run(query, limits);
        assert_eq!(
            (shown(&result).as_str(), result.total, result.truncated),
            (expect, total, truncated),
            "{query}"
        );
    };
    let all = Limits::default();
    let rows = Limits { max_rows: 2, ..all };
    check("* | fields host", rows, "host=d; host=c", 6, true);
    check(
        "* | limit 2 | fields host",
        rows,
        "host=d; host=c",
        2,
        false,
    );
    check("* | limit 0", rows, "", 0, false);
    let groups = Limits {
        max_groups: 1,
        ..all
    };
    check(
        "* | chart count() as c by user",
        groups,
        "user=bob c=3",
        1,
        true,
    );
    check(
        "* | latest by user | fields user",
        groups,
        "user=bob",
        1,
        true,
    );
    let values = Limits {
        max_values: 2,
        ..all
    };
    check(
        "* | chart distinct_count(host) as d",
        values,
        "d=2",
        1,
        true,
    );
    check(
        "user=amy | chart distinct_count(user) as d, list(host) as l",
        values,
        "d=1 l=a",
        1,
        true,
    );
}

#[test]
fn dropped_fields_stay_dropped() {
    let check = |query: &str, fields: &str, expect: &str| {
        let plan = compile(query).unwrap();
        let mut run = plan.executor(Context::bare());
        run.push(&event(1, fields));
        assert_eq!(shown(&run.finish()), expect, "{query}");
    };
    check("| fields a | rename a as b | fields b", "b=2", "");
    check("| fields a | rename a as b | fields b", "a=1 b=2", "b=1");
    check("| rename a as b | fields b, b", "a=1 b=2", "b=1");
    check("| fields b, b", "a=1 b=2", "b=2");
    check(
        "| fields a, c | rename c as b | fields a, b",
        "a=1 b=2",
        "a=1",
    );
    check(
        "| fields a | rename a as b | search -b=2 | fields b | rename b as a | fields a",
        "a=1 b=2",
        "a=1",
    );
    check(
        "| fields a, b | rename a as c, b as c | fields c | rename c as a | fields a",
        "c=3",
        "",
    );
}

#[test]
fn the_newest_rows_survive_many_events() {
    let plan = compile("* | fields n").unwrap();
    let limits = Limits {
        max_rows: 10,
        ..Limits::default()
    };
    let mut executor = plan.executor(Context::bare()).with_limits(limits);
    for n in 0..5_000_i64 {
        let at = (n * 7919) % 5_000;
        executor.push(&event(at, &format!("n={at}")));
    }
    let result = executor.finish();
    let expect: Vec<String> = (4_990..5_000).rev().map(|n| format!("n={n}")).collect();
    assert_eq!((shown(&result), result.total), (expect.join("; "), 5_000));
}

#[test]
fn json_keeps_types() {
    let result = run("label=seen", Limits::default());
    let json = serde_json::Value::Object(result.rows[0].to_json()).to_string();
    assert_eq!(
        json,
        r#"{"col_ts":104,"host":"A","label":"seen","log_ts":103,"size":-2,"user":"bob"}"#
    );
}

#[test]
fn a_query_with_ten_thousand_terms_runs() {
    let terms: Vec<String> = (0..10_000)
        .map(|i| format!("field{i}=\"*value{i}*\""))
        .collect();
    let plan = compile(&terms.join(" or ")).unwrap();
    let mut executor = plan.executor(Context::bare());
    executor.push(&event(1, "field9999=a-VALUE9999-b"));
    executor.push(&event(2, "field9999=a-VALUE9998-b"));
    assert_eq!(executor.finish().total, 1);
}

#[test]
fn counted_at_once_or_one_by_one() {
    for query in [
        "| chart count()",
        "| chart count() as c by user",
        "| chart count() as c, count() as d by user, host | search c>=1 | order by user",
    ] {
        let plan = compile(query).unwrap();
        let by = plan.counted_by().unwrap();
        let mut groups: Vec<(Event, u64)> = Vec::new();
        for event in events() {
            let mut group = Event::new(event.log_ts, event.col_ts);
            for name in &by {
                if let Some(value) = event.get(name) {
                    group.set(name, value.clone());
                }
            }
            match groups.iter_mut().find(|(g, _)| g.fields == group.fields) {
                Some((_, times)) => *times += 1,
                None => groups.push((group, 1)),
            }
        }
        let mut run_at_once = plan.executor(Context::bare());
        for (group, times) in &groups {
            run_at_once.push_many(group, *times);
        }
        let (at_once, one_by_one) = (run_at_once.finish(), run(query, Limits::default()));
        assert!(groups.len() < events().len() || by.len() > 1, "{query}");
        assert_eq!(at_once, one_by_one, "{query}");
    }
}

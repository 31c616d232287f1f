use crate::{Severity, compile};

#[track_caller]
fn check_error(query: &str, place: &str, message: &str) {
    let errors = compile(query).expect_err(query);
    let first = &errors[0];
    assert_eq!(first.severity, Severity::Error);
    let span = format!("{}..{}", first.span.start, first.span.end);
    assert_eq!(
        (span.as_str(), first.message.as_str()),
        (place, message),
        "{query}"
    );
}

#[test]
fn what_cannot_run_says_so() {
    check_error("a `m`", "2..5", "there is no macro `m`");
    check_error("a | `m`", "4..7", "there is no macro `m`");
    let outside = |name: &str| {
        format!("`process {name}` would ask another server about each row, which is not done")
    };
    for name in ["dns", "ti", "whoislookup"] {
        let place = format!("12..{}", 12 + name.len());
        check_error(
            &format!("a | process {name}(ip) as c"),
            &place,
            &outside(name),
        );
    }
}

#[test]
fn tables_can_only_be_joined() {
    let no_times = "rows of a table have no times that could be counted or compared";
    let no_order = "rows of a table have no times, so nothing comes before or after them";
    check_error("[table T] as x", "7..8", "`T` cannot name a table");
    check_error("[table TT having same a] as x", "0..24", no_times);
    check_error("[table TT within 1 day] as x", "0..23", no_times);
    check_error(
        "[table TT] as x followed by [b] as y on x.a=y.a",
        "28..31",
        no_order,
    );
    check_error(
        "[b] as y not followed by [table TT] as x",
        "25..35",
        no_order,
    );
    check_error(
        "[b] as y join [table TT] as x within 1 day on x.a=y.a",
        "14..24",
        no_order,
    );
    assert!(compile("[table TT a=1] as x right join [b] as y on x.a=y.a").is_ok());
}

#[test]
fn names_that_cannot_be_there() {
    let no = |name: &str| format!("there is no column `{name}` at this point of the query");
    check_error(
        "| chart count() as cnt by user | search cnd>5",
        "40..43",
        &no("cnd"),
    );
    check_error("| chart count() by user order by cnt", "33..36", &no("cnt"));
    check_error("| chart count() by user | fields usr", "33..36", &no("usr"));
    check_error("| fields a, b | search c=1", "23..24", &no("c"));
    check_error(
        "| chart count() as c by u | rename c as d | order by c",
        "53..54",
        &no("c"),
    );
    check_error(
        "| chart count() as u by u",
        "8..15",
        "two columns of this chart are called `u`",
    );
    check_error(
        "| chart count() | search error",
        "25..30",
        "a word is sought in the raw text `msg`, which is gone at this point",
    );
    check_error(
        "| chart count() as c by user | timechart count() every 1 hour",
        "31..61",
        &no("log_ts"),
    );
    check_error(
        "| fields a | timechart count() every 1 hour",
        "13..43",
        &no("log_ts"),
    );
    for fine in [
        "| fields a, log_ts",
        "| timechart count() every 1 hour",
        "| rename a as b",
    ] {
        compile(&format!("{fine} | timechart count() every 2 hours")).unwrap();
    }
    let errors = compile("| chart count() as cnt by user | search cnd>5").unwrap_err();
    assert_eq!(errors[0].help.as_deref(), Some("did you mean `cnt`?"));
}

#[test]
fn other_mistakes() {
    check_error("a<5*", "2..4", "`<` needs a value without wildcards");
    check_error(
        "\"\"",
        "0..2",
        "expected a word or phrase between the quotes",
    );
    let glob = format!("a=*{}?", "x".repeat(2_000));
    check_error(
        &glob,
        "2..2004",
        "a value with inner wildcards has at most 1024 characters",
    );
    let wild: Vec<String> = (0..=500).map(|i| format!("a*{i:03}b")).collect();
    assert!(compile(&wild[..500].join(" ")).is_ok());
    check_error(
        &wild.join(" "),
        "3500..3506",
        "a query has at most 500 words with inner wildcards",
    );
    let long = format!("a?{} ", "x".repeat(4_000));
    check_error(
        &long.repeat(17),
        "64048..68050",
        "the words with inner wildcards have at most 65536 bytes in all",
    );
}

#[test]
fn rows_and_events() {
    let check = |query: &str, rows_are_events: bool, keeps_rows: bool| {
        let plan = compile(query).unwrap();
        let found = (plan.rows_are_events(), plan.keeps_rows());
        assert_eq!(found, (rows_are_events, keeps_rows), "{query}");
    };
    check("", true, true);
    check("a=1 | search b=2 | filter c=3", true, true);
    check("a=1 | search b=2 | rename b as d | fields d", true, true);
    check("a=1 | fields b | search b=2", false, true);
    check("a=1 | limit 5", false, true);
    check("a=1 | order by b", false, true);
    check("a=1 | latest by b", false, true);
    check("| chart count()", false, false);
    check(
        "| fields b | search b=2 | chart count() | limit 5",
        false,
        false,
    );
    check("| timechart count() every 1 hour", false, false);
    check("| limit 1000000 | chart count()", false, true);
    check("| latest by b | chart count()", false, true);
    check("| order by b | chart count()", false, true);
}

#[test]
fn warnings() {
    let check = |query: &str, help: Option<&str>| {
        let plan = compile(query).unwrap();
        let found = plan.warnings().first().and_then(|w| w.help.as_deref());
        assert_eq!(found, help, "{query}");
    };
    check("sorce_address=1", Some("did you mean `source_address`?"));
    check("source_address=1 hots=2", None);
    check(
        "hour(user)=5",
        Some("times are log_ts, col_ts and fields whose names end in _ts"),
    );
    check(
        "logged in from",
        Some("to search for the words, put them into quotes"),
    );
}

#[test]
fn fields_and_lists() {
    let check = |query: &str, read: Option<&str>, filter: &str, lists: &str| {
        let plan = compile(query).unwrap();
        let join =
            |s: std::collections::BTreeSet<String>| s.into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(plan.fields_read().map(join).as_deref(), read, "{query}");
        assert_eq!(join(plan.filter_fields()), filter, "{query}");
        assert_eq!(join(plan.lists()), lists, "{query}");
    };
    check("a=1 failed -u in L", None, "a msg u", "L");
    check("a=1 | fields b, c", Some("a b c"), "a", "");
    check("a=1 | chart count() by b", Some("a b"), "a", "");
    check(
        "a=1 | rename x as b, y as b | chart sum(b/z), count(q in K) by h | search h in M",
        Some("a b h q x y z"),
        "a",
        "K M",
    );
    check("a=1 | search b=2 | order by c", None, "a b", "");
    check(
        "a=1 | search b=2 | order by c | fields d",
        Some("a b c d"),
        "a b",
        "",
    );
    check("| timechart count() every 1 hour", Some("log_ts"), "", "");
    check("| chart count()", Some(""), "", "");
    check(
        "| latest by u | search x=1 | fields y",
        Some("u x y"),
        "",
        "",
    );
}

#[test]
fn plans_can_be_shared() {
    fn shared<T: Send + Sync + Clone + std::fmt::Debug + 'static>(_: &T) {}
    shared(&compile("a").unwrap());
}

#[test]
fn plans_that_only_count() {
    let check = |query: &str, expected: Option<&[&str]>| {
        let plan = compile(query).unwrap();
        let by = plan.counted_by();
        assert_eq!(by.as_deref(), expected, "{query}");
    };
    check("a=1 | chart count()", Some(&[]));
    check(
        "a=1 | chart count() as c by user, ip | search c>3",
        Some(&["user", "ip"]),
    );
    check(
        "a=1 | chart count() by user | chart sum(\"count()\") as s",
        Some(&["user"]),
    );
    check("a=1", None);
    check("a=1 | chart count(user)", None);
    check("a=1 | chart count(), max(n) by user", None);
    check("a=1 | timechart count() every 5 minutes", None);
    check("a=1 | chart count() by log_ts", None);
    check("a=1 | chart count() by user, col_ts", None);
    check("a=1 | rename user as u | chart count() by u", None);
}

#[test]
fn what_can_be_asked_of_any_server() {
    let check = |query: &str, expected: Option<&str>| {
        let plan = compile(query).unwrap();
        assert_eq!(plan.portable_filter().as_deref(), expected, "{query}");
    };
    check("user=bob", None);
    check("user=bob | chart count() by user | search user in L", None);
    check("user in L", Some(""));
    check("user in L label=Fail", Some("label=\"Fail\""));
    check(
        "-user in L label=Fail a=1",
        Some("(label=\"Fail\" and a=1)"),
    );
    check("user in L or label=Fail", Some(""));
    check(
        "label=Fail | search user in L | search a=1 | limit 3",
        Some("(label=\"Fail\" and a=1)"),
    );
    check("lower(user)=bob", None);
    check("hour(log_ts)=3", Some(""));
    check(
        "label=Fail -day_of_week(log_ts) in [Sunday, Saturday]",
        Some("label=\"Fail\""),
    );
    check(
        "label=Fail | search hour(log_ts)>=20 or a=1",
        Some("label=\"Fail\""),
    );
    check("label=Fail | chart count() by hour(log_ts)", None);
}

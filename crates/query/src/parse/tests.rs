use super::*;

/// Parses, expects no error, and compares the explanation, which must explain itself.
fn check(query: &str, expect: &str) {
    let parsed = parse(query);
    assert!(parsed.is_ok(), "{query}: {:?}", parsed.diagnostics);
    let explained = parsed.explain();
    assert_eq!(explained, expect, "{query}");
    let again = parse(&explained);
    assert!(again.is_ok(), "{explained}: {:?}", again.diagnostics);
    assert_eq!(again.explain(), explained);
}

#[test]
fn or_binds_tighter_than_and() {
    check("a b or c", r#"("a" and ("b" or "c"))"#);
    check("a or b c", r#"(("a" or "b") and "c")"#);
    check("a or b and c or d", r#"(("a" or "b") and ("c" or "d"))"#);
    check("(a b) or c", r#"(("a" and "b") or "c")"#);
    check("((a) (b or (c or d)))", r#"("a" and ("b" or "c" or "d"))"#);
    check(
        r"norm_id=X label=Virus OR label=Malware label=File",
        r#"(norm_id="X" and (label="Virus" or label="Malware") and label="File")"#,
    );
    check(
        r#""process"="*\regedit.exe" OR file="regedit.exe" command IN ["*/i *", '*.reg*']"#,
        r#"(("process"="*\regedit.exe" or file="regedit.exe") and command in ["*/i *", "*.reg*"])"#,
    );
}

#[test]
fn negations() {
    check("-user=*$", r#"not user="*$""#);
    check("- a=1", "not a=1");
    check("-(a=1 or b=2)", "not (a=1 or b=2)");
    check("NOT a=1 -b=2", "(not a=1 and not b=2)");
    check("- -a=1", "a=1");
    check("-(-(a=1))", "a=1");
    check(r#"-"process"="x" "#, r#"not "process"="x""#);
    check(
        "a -user IN EXCLUDED_USERS",
        r#"("a" and not user in EXCLUDED_USERS)"#,
    );
    check("user not in A", "not user in A");
    check("- user not in A", "user in A");
    check("a not b", r#"("a" and not "b")"#);
}

#[test]
fn values() {
    check(
        r#"path="C:\Windows\System32\" b"#,
        r#"(path="C:\Windows\System32\" and "b")"#,
    );
    check(r#"command='"C:\a b.exe" *'"#, r#"command='"C:\a b.exe" *'"#);
    check("url=*/wp-admin/*", r#"url="*/wp-admin/*""#);
    check("url=/*", r#"url="/*""#);
    check("url=*?id=1&b<2", r#"url="*?id=1&b<2""#);
    check("command = \"* +s *\"", r#"command="* +s *""#);
    check("a=1 /* b=2 */ c=3", "(a=1 and c=3)");
    check("a=1\r\n\tc!=-3.5", "(a=1 and c!=-3.5)");
    check("user=O'Brien", r#"user="O'Brien""#);
    check("user=a'b\"c", "user=a'b\"c");
    check("(access_mask=0x40000)", r#"access_mask="0x40000""#);
    check("event_id IN [12,13, 14]", "event_id in [12, 13, 14]");
    check(r#"f="" g=*"#, r#"(f="" and g="*")"#);
    check(
        "don't 10.0.0.1 x!y",
        r#"("don't" and "10.0.0.1" and "x!y")"#,
    );
    check(r#""and" "or""#, r#"("and" and "or")"#);
    check(
        "hour(log_ts)<9 day_of_week(log_ts) IN [Saturday,1]",
        r#"(hour(log_ts)<9 and day_of_week(log_ts) in ["Saturday", 1])"#,
    );
    check("use>=80 x<=1 y>2 z<3", "(use>=80 and x<=1 and y>2 and z<3)");
    check(
        "foo(bar) count (x)",
        r#"("foo" and "bar" and "count" and "x")"#,
    );
    check("eventSource.a_b=x", r#"eventSource.a_b="x""#);
    check("cs-uri=x \"not\"=y", r#"("cs-uri"="x" and "not"="y")"#);
    check("process=x", r#""process"="x""#);
    check("`my_macro` a", r#"(`my_macro` and "a")"#);
    check("", "");
    check("| chart count()", "| chart count()");
}

#[test]
fn commands() {
    check(
        "label=Fail | chart count() as CNT, distinct_count(user) by source_address, host order by CNT desc limit 10 | search CNT>5",
        r#"label="Fail" | chart count() as CNT, distinct_count(user) by source_address, host order by CNT desc limit 10 | search CNT>5"#,
    );
    check(
        "| chart COUNT(*) by step(datasize, 100), hour(log_ts)",
        "| chart count() by step(datasize,100), hour(log_ts)",
    );
    check(
        "| chart max((time-max_time_ts)/60) as m",
        "| chart max((time-max_time_ts)/60) as m",
    );
    check(
        "| chart sum(a+b*c-(d-e)), sum((a+b)*-c), min(-5), sum(a/(b/c))",
        "| chart sum(a+b*c-(d-e)), sum((a+b)*-c), min(-5), sum(a/(b/c))",
    );
    check(
        "| chart count(category in VULN) as v, count(a>5 b or c) by d",
        r#"| chart count(category in VULN) as v, count((a>5 and ("b" or "c"))) by d"#,
    );
    check(
        "| chart count() by u order by count() desc, u",
        "| chart count() by u order by count() desc, u asc",
    );
    check(
        "| chart count() by u | search count()>5 | order by count()",
        "| chart count() by u | search count()>5 | order by count() asc",
    );
    check(
        "| timechart count(), avg(x) by host every 1 hour limit 5",
        "| timechart count(), avg(x) by host every 1 hour limit 5",
    );
    check(
        "| rename a as b, c as b, lower(d) as e | fields a, b c",
        "| rename a as b, c as b, lower(d) as e | fields a, b, c",
    );
    check(
        "| latest | latest by user, host | limit 5 | order by a asc, b desc",
        "| latest | latest by user, host | limit 5 | order by a asc, b desc",
    );
    check("a | filter b=1", r#""a" | search b=1"#);
    check(
        r#"| process eval("x=case(a == 'b' -> 'c', 'd')") | process geoip(ip) as country"#,
        r#"| process eval("x=case(a == 'b' -> 'c', 'd')") | process geoip(ip) as country"#,
    );
    check(
        r#"| process regex("(?P<a>x|y)", field) | process toTable(T, a, b) | process x()"#,
        r#"| process regex("(?P<a>x|y)", field) | process toTable(T, a, b) | process x()"#,
    );
    check(
        "| process current_time(a) as t, u",
        "| process current_time(a) as t, u",
    );
    check(
        "| norm on receiver <user:all>@<domain:string> | search a=1",
        "| norm on receiver <user:all>@<domain:string> | search a=1",
    );
    check(
        "| norm <cmd:'a|b'> x | limit 1",
        "| norm <cmd:'a|b'> x | limit 1",
    );
    check(
        r"| rex on msg user=(?P<u>\S+|[|]) | limit 1",
        r"| rex on msg user=(?P<u>\S+|[|]) | limit 1",
    );
    check("| `clean`", "| `clean`");
}

#[test]
fn patterns() {
    check(
        "[10 TCP SYN having same source_address, x within 1 minute]",
        r#"[10 ("TCP" and "SYN") having same source_address, x within 1 minute]"#,
    );
    check(
        "[event_id=1 x] as s1 followed by [event_id=3] as s2 within 5 minutes on s1.g=s2.g | rename s1.user as user",
        r#"[(event_id=1 and "x")] as s1 followed by [event_id=3] as s2 within 5 minutes on s1.g="s2.g" | rename s1.user as user"#,
    );
    check(
        "[label=A | chart count() as cnt by user | search cnt>5] as s1 left join [b] as s2 on s1.u=s2.u c=d",
        r#"[label="A" | chart count() as cnt by user | search cnt>5] as s1 left join ["b"] as s2 on (s1.u="s2.u" and c="d")"#,
    );
    check(
        "[table T] as t join [a] as s on t.ip=s.ip not followed by [b] within 2 days",
        r#"[table T] as t join ["a"] as s on t.ip="s.ip" not followed by ["b"] within 2 days"#,
    );
    check("[table T a=1 | limit 5]", "[table T a=1 | limit 5]");
    check(
        "[5 within 10 seconds having same a]",
        "[5 having same a within 10 seconds]",
    );
}

#[test]
fn aggregates_in_conditions() {
    check("count(a) b", r#"("count" and "a" and "b")"#);
    check(
        "count(a b or c) or d",
        r#"("count" and (("a" and ("b" or "c")) or "d"))"#,
    );
    check(
        "-sum((a)) -count(a=1 b)",
        r#"(not "sum" and "a" and not "count" and a=1 and "b")"#,
    );
    check(
        "count(-5)>1 sum(a/60)<=2",
        r#"("count(-5)">1 and "sum(a/60)"<=2)"#,
    );
    check("max((a+b)) (c)", r#"("max" and "a+b" and "c")"#);
    check("max(a /* x */ + b)=1", r#""max(a+b)"=1"#);
    check(
        "| chart count(count()>5) as big | search count(sum(x)=2)=1 big=1",
        r#"| chart count(count()>5) as big | search ("count(sum(x)=2)"=1 and big=1)"#,
    );
}

#[test]
fn warnings_do_not_hide_errors() {
    let text = format!("{} | frobnicate", "a in b ".repeat(60));
    let parsed = parse(&text);
    assert!(!parsed.is_ok());
    assert_eq!(parsed.diagnostics.len(), 51);
    let errors = crate::compile(&text).unwrap_err();
    assert_eq!(errors[0].message, "there is no command `frobnicate`");
    let text = format!("{} | fields a | order by b", "logon_typ=1 ".repeat(60));
    let errors = crate::compile(&text).unwrap_err();
    assert!(errors[0].is_error() && errors.len() <= 50);
}

#[test]
fn depth_and_size_are_bounded() {
    let on_small_stack = |text: String| {
        let run = move || (parse(&text).is_ok(), crate::compile(&text).is_ok());
        std::thread::Builder::new()
            .stack_size(1 << 20)
            .spawn(run)
            .unwrap()
            .join()
            .unwrap()
    };
    let nested = |n: usize| format!("{}a{}", "(".repeat(n), ")".repeat(n));
    assert_eq!(on_small_stack(nested(MAX_DEPTH)), (true, true));
    assert_eq!(on_small_stack(nested(MAX_DEPTH + 1)), (false, false));
    assert_eq!(on_small_stack(nested(100_000)), (false, false));
    let mixed = |n: usize| format!("{}a{}", "-(b or (c ".repeat(n / 2), "))".repeat(n / 2));
    assert_eq!(on_small_stack(mixed(MAX_DEPTH)), (true, true));
    assert_eq!(on_small_stack("- ".repeat(100_000) + "a"), (true, true));
    let sum = |n: usize| format!("| chart sum({}a)", "a+".repeat(n));
    assert_eq!(on_small_stack(sum(MAX_DEPTH)), (true, true));
    assert_eq!(on_small_stack(sum(100_000)), (false, false));
    let sums = |n: usize| format!("| chart sum({}a{})", "(a-".repeat(n), ")".repeat(n));
    assert_eq!(on_small_stack(sums(MAX_DEPTH)), (true, true));
    assert_eq!(on_small_stack(sums(100_000)), (false, false));
    let counts = |n: usize, close: &str| format!("{}a=1{}", "count(".repeat(n), close.repeat(n));
    assert_eq!(on_small_stack(counts(MAX_DEPTH, ")")), (true, true));
    assert_eq!(on_small_stack(counts(MAX_DEPTH, ")=1")), (true, true));
    for close in ["", ")", ")=1"] {
        assert_eq!(on_small_stack(counts(1_000, close)), (false, false));
        assert_eq!(on_small_stack(counts(100_000, close)), (false, false));
    }
    let mixed = |n: usize| format!("{}a=1{}", "sum((count(".repeat(n), ")))".repeat(n));
    assert_eq!(on_small_stack(mixed(MAX_DEPTH / 3)), (true, true));
    assert_eq!(on_small_stack(mixed(10_000)), (false, false));
    assert_eq!(on_small_stack("a ".repeat(1 << 20)), (false, false));
    assert!(parse(&"| x ".repeat(20_000)).diagnostics.len() <= 50);
}

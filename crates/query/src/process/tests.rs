use crate::{Context, compile};
use cresset_model::{Event, Timestamp, Value};

fn event() -> Event {
    let mut event = Event::new(Timestamp::from_secs(100), Timestamp::from_secs(160));
    event.set(
        "msg",
        "GET /a?id=7 from 10.0.0.1 user=\"Bob B\" took 12.5 ms",
    );
    event.set("url", "https://www.Example.com:8443/a");
    event.set("user", "Bob");
    event.set("other", "BOB");
    event.set("a-b.c", "x=1");
    event.set("n", 7);
    event.set("json", r#"{"a":{"b":[1,2]}}"#);
    event.set("source_address", "10.0.0.1");
    event.set("destination_address", "8.8.8.8");
    event.set("start_ts", 1_000);
    event.set("end_ts", 8_200);
    event.set("dns", "(3)www(7)example(3)com(0)");
    event.set("code", "aABpAA==");
    event.set(
        "many",
        Value::List(vec!["3".into(), "10".into(), "b".into()]),
    );
    event
}

fn run(query: &str) -> Vec<crate::ResultRow> {
    let plan = compile(query).unwrap_or_else(|e| panic!("{}", e[0].render(query)));
    let again = compile(&plan.explain()).unwrap_or_else(|e| panic!("{}", e[0].render(query)));
    assert_eq!(plan.explain(), again.explain(), "{query}");
    let mut run = plan.executor(Context::bare());
    run.push(&event());
    run.finish().rows
}

/// What a command gives: `name: value` of each field that the event did not have.
fn made(command: &str) -> Vec<String> {
    let rows = run(&format!("n=7 | {command}"));
    let event = event();
    let new = rows[0]
        .fields
        .iter()
        .filter(|(name, _)| event.lookup(name).is_none());
    let mut new: Vec<String> = new.map(|(n, v)| format!("{n}: {}", v.text())).collect();
    new.sort();
    // The same after the rows were kept.
    let kept = run(&format!("n=7 | order by n | {command}"));
    assert_eq!(kept[0].fields.len(), rows[0].fields.len(), "{command}");
    new
}

#[test]
fn commands_give_fields() {
    let check = |command: &str, expect: &[&str]| assert_eq!(made(command), expect, "{command}");
    check("rex id=(?P<id>\\d+)", &["id: 7"]);
    check(
        "rex on url //(?<host-name>[^:/]+)(?P<never>z)?",
        &["host-name: www.Example.com"],
    );
    check("rex on absent (?P<x>.)", &[]);
    check("rex (?P<x>nothing like it)", &[]);
    check("rex on many (?P<x>[a-z])", &["x: b"]);
    check("process regex(\"id=(?P<id>\\d+)\", msg)", &["id: 7"]);
    check(
        "process regex(\"(?P<a-b.c_match>=1)\", \"a-b.c\")",
        &["a-b.c_match: =1"],
    );
    check(
        "norm <method:word> <path:string> from <ip:ip> user=<who:quoted> took <ms:float> <:all>",
        &[
            "ip: 10.0.0.1",
            "method: GET",
            "ms: 12.5",
            "path: /a?id=7",
            "who: Bob B",
        ],
    );
    check(
        "norm on url <scheme:word>://<rest:all>",
        &["rest: www.Example.com:8443/a", "scheme: https"],
    );
    check(
        "norm id=<id:int> from <where:'[0-9.]+'>",
        &["id: 7", "where: 10.0.0.1"],
    );
    check("process eval(\"x=n*2\")", &["x: 14"]);
    check("process eval(\"user='taken'\")", &[]);
    check(
        "process eval(\"a=1\") | process eval(\"b=a+1\")",
        &["a: 1", "b: 2"],
    );
    check(
        "rex id=(?P<cs-id>\\d+) | process eval(\"cs-ok=case(cs-id=7 -> n-1-cs-id, 'no')\")",
        &["cs-id: 7", "cs-ok: -1"],
    );
    check("process domain(url) as d", &["d: www.example.com"]);
    check("process domain(url)", &["domain: www.example.com"]);
    check("process entropy(user) as e", &["e: 1.584962500721156"]);
    check("process count_char(url, \"./\") as c", &["c: 5"]);
    check("process codec(decode, code) as text", &["text: hi"]);
    check("process codec(encode, user) as text", &["text: Qm9i"]);
    check("process compare(user, other) as match", &["match: true"]);
    check("process compare(user, absent) as match", &[]);
    check(
        "process compare_network(source_address, destination_address)",
        &[
            "destination_address_public: true",
            "same_network: false",
            "source_address_public: false",
        ],
    );
    check(
        "process concat(user, \"@\", url) as c",
        &["c: Bob@https://www.Example.com:8443/a"],
    );
    check(
        "process datetime_diff(start_ts, end_ts, \"hours\") as d",
        &["d: 2"],
    );
    check("process datetime_diff(end_ts, start_ts) as d", &["d: 7200"]);
    check("process difference(end_ts, start_ts) as d", &["d: 7200"]);
    check("process diff(n, user) as d", &[]);
    check(
        "process dns_cleanup(dns) as name",
        &["name: www.example.com"],
    );
    check("process in_range(1, 7, n) as in", &["in: true"]);
    check("process in_range(1, 7, n, \"false\") as in", &["in: false"]);
    check("process json_parser(json, \".a.b\") as b", &["b: 1, 2"]);
    check("process list_length(many) as l", &["l: 3"]);
    check("process countof(many, \"B\") as c", &["c: 1"]);
    check("process summation(many) as s", &["s: 13"]);
    check("process sort_list(many, \"desc\") as s", &["s: b, 10, 3"]);
    check(
        "process list_percentile(many, 50, 99) as p, q",
        &["p: 3", "q: 10"],
    );
    check("process summation(n, start_ts) as s", &["s: 1007"]);
    check("process sum(many, n) as s", &["s: 20"]);
    check("process next(many, 1) as rest", &["rest: 10, b"]);
    check(
        "process datetime_diff(\"hours\", start_ts, end_ts) as d",
        &["d: 2"],
    );
    check(
        "process grok(\"%{WORD:verb} %{URIPATHPARAM:path} from %{IP:ip}\")",
        &["ip: 10.0.0.1", "path: /a?id=7", "verb: GET"],
    );
    check(
        "process grok(\"%{HOSTNAME:h}:%{INT:port}\", url)",
        &["h: www.Example.com", "port: 8443"],
    );
    check(
        "process jq_parser(json, \".a.b[] | select(. > 1)\") as big",
        &["big: 2"],
    );
    check("process jq_parser(url, \".a\") as x", &[]);
    check("process current_time(a) as t", &["t: 0"]);
    check("process clean_char(user) as c", &["c: Bob"]);
    check("process ascii_converter(n, \"hex\") as c", &[]);
}

#[test]
fn what_depends_on_other_rows_does_not_run_live() {
    let check = |query: &str, part: &str| {
        let reason = compile(query).unwrap().live().unwrap_err();
        assert!(reason.contains(part), "{query}: {reason}");
    };
    check("a | process json_expand(b)", "json_expand");
    check("a | process quantile(b) as q | search q>0.9", "quantile");
    check("a | process current_time(b) as t", "current_time");
    check("a | process toTable(TT, b, c)", "toList");
    check("[table TT] as t join [a] as e on t.b=e.b", "pattern");
    assert!(
        compile("a | process lookup(TT, b) | search c=1")
            .unwrap()
            .live()
            .is_ok()
    );
    assert!(
        compile("a | process geoip(b) as c | search c=x")
            .unwrap()
            .live()
            .is_ok()
    );
}

#[test]
fn what_was_made_can_be_used() {
    let rows = |query: &str| run(query).len();
    assert_eq!(
        rows("n=7 | process domain(url) as d | search d=*.example.com"),
        1
    );
    assert_eq!(rows("n=7 | process domain(url) as d | search -d=*"), 0);
    let chart = run("n=7 | process domain(url) as d | chart count() as c by d");
    assert_eq!(chart[0].value("d"), Some(&Value::str("www.example.com")));
    let after =
        run("n=7 | chart count() as c by user | process eval(\"twice=c*2\") | search twice=2");
    assert_eq!(after[0].value("twice"), Some(&Value::Int(2)));
    let projected = run("n=7 | rex id=(?P<id>\\d+) | fields id, user");
    assert_eq!(projected[0].fields.len(), 2);
    let plan = compile("n=7 | chart count() as c by user | process eval(\"twice=c*2\")").unwrap();
    let result = plan.executor(Context::bare()).finish();
    assert_eq!(
        (result.grouping, result.columns),
        (
            vec!["user".to_owned()],
            vec!["c".to_owned(), "twice".to_owned()]
        )
    );
}

#[test]
fn mistakes_are_told_at_their_place() {
    let check = |query: &str, at: &str, message: &str| {
        let mistakes = compile(query).map(|_| ()).unwrap_err();
        assert_eq!(mistakes[0].message, message, "{query}");
        assert_eq!(&query[mistakes[0].span.clone()], at, "{query}");
    };
    check(
        "a | process entrpy(b) as c",
        "entrpy",
        "there is no `process entrpy`",
    );
    check(
        "a | process geoip(b, \"planet\") as c",
        "\"planet\"",
        "nothing of an address is called `planet`",
    );
    check(
        "a | process jq_parser(b, \"..\") as c",
        "\"..\"",
        "`..` is not among the parts of jq that are known here",
    );
    check(
        "a | process grok(\"%{IPP:a}\")",
        "\"%{IPP:a}\"",
        "there is no grok pattern `IPP`; did you mean `IP`?",
    );
    check(
        "a | process percentile(b, 101) as c",
        "101",
        "a percentile is a number from 0 to 100",
    );
    check("a | process lookup(_T, b)", "_T", "`_T` cannot name a list");
    for written in [
        "lookup(TT)",
        "ip_lookup(TT, a)",
        "geoip()",
        "geoip(a) as b, c",
        "current_time() as a, b",
        "json_expand()",
        "median(a, b)",
        "quantile(a) as b, c",
        "percentile(a)",
        "grok()",
        "jq_parser(a)",
    ] {
        let name = written.split('(').next().unwrap();
        let message = format!("`{name}` is not written like this");
        check(&format!("a | process {written}"), name, &message);
    }
    check(
        "a | process entropy() as c",
        "entropy",
        "`entropy` is not written like this",
    );
    check(
        "a | process entropy(b) as c, d",
        "entropy",
        "`entropy` is not written like this",
    );
    check(
        "a | process entropy(b, c) as d",
        "entropy",
        "`entropy` is not written like this",
    );
    check(
        "a | process in_range(x, 1, b) as c",
        "x",
        "expected a number",
    );
    check(
        "a | process json_parser(b, \"a\") as c",
        "\"a\"",
        "expected a path such as `.a.b[0]`",
    );
    check(
        "a | process eval(\"x=1+\")",
        "\"",
        "expected a value, a field or a function",
    );
    check(
        "a | process eval(\"x=b c\")",
        "c",
        "expected an operator or the end of the expression",
    );
    check(
        "a | process eval(\"x=1\") as y",
        "y",
        "`eval` takes no `as`",
    );
    check(
        "a | process eval()",
        "eval",
        "`eval` takes one expression in quotes",
    );
    check(
        "a | process regex(\"(\", b)",
        "\"(\"",
        "this is not a regular expression: unclosed group",
    );
    check(
        "a | process regex(\"b\", b)",
        "\"b\"",
        "this pattern gives no field a value",
    );
    check(
        "a | norm <b:number>",
        "norm <b:number>",
        "`norm` knows no type `number`; the types are all, string, word, int, float, ip, quoted and a regular expression in quotes",
    );
    check(
        "a | rex plain",
        "rex plain",
        "this pattern gives no field a value",
    );
    check(
        "a | chart count() as c by d | process entropy(e) as f",
        "e",
        "there is no column `e` at this point of the query",
    );
    check(
        "a | chart count() as c by d | process eval(\"x=e\")",
        "\"x=e\"",
        "there is no column `e` at this point of the query",
    );
}

#[test]
fn rules_with_them_run_live_where_the_answer_only_grows() {
    let live = |query: &str| compile(query).unwrap().live().is_ok();
    assert!(live("a=1 | process domain(url) as d"));
    assert!(live("a=1 | process domain(url) as d | search d=x"));
    assert!(live(
        "a=1 | process domain(url) as d | chart count() as c by d | search c>5"
    ));
    assert!(!live(
        "a=1 | chart count() as c by d | process eval(\"x=c*2\") | search x>5"
    ));
}

#[test]
fn what_a_plan_reads() {
    let fields = |query: &str| {
        let plan = compile(query).unwrap();
        plan.fields_read()
            .map(|fields| fields.into_iter().collect::<Vec<_>>().join(" "))
    };
    assert_eq!(fields("a=1 | process domain(url) as d"), None);
    assert_eq!(
        fields("a=1 | process domain(url) as d | chart count() by d").as_deref(),
        Some("a d url")
    );
    assert_eq!(
        fields("a=1 | rex (?P<x>.) | fields x").as_deref(),
        Some("a msg x")
    );
    assert_eq!(
        fields("a=1 | process eval(\"x=b+c\") | fields x").as_deref(),
        Some("a b c x")
    );
}

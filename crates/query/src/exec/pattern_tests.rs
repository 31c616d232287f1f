use crate::{Context, ResultSet, compile};
use cresset_model::{Event, Timestamp};

/// Runs a query over events, each `second key=value key=value`, in that order of arrival.
fn run(query: &str, events: &[&str]) -> ResultSet {
    let plan = compile(query).unwrap_or_else(|e| panic!("{}", e[0].render(query)));
    let mut run = plan.executor(Context::bare());
    for text in events {
        let mut words = text.split(' ');
        let second: i64 = words.next().unwrap().parse().unwrap();
        let at = Timestamp::from_secs(second);
        let mut event = Event::new(at, at);
        for word in words {
            let (name, value) = word.split_once('=').unwrap();
            if name == "label" {
                event.add_label(value);
            } else {
                event.set(name, value);
            }
        }
        run.push(&event);
    }
    run.finish()
}

/// The rows, each `second name=value …` in the order of fields.
fn rows(query: &str, events: &[&str]) -> Vec<String> {
    let shown = |row: crate::ResultRow| {
        let fields = row.fields.iter().filter(|(name, _)| !name.ends_with("_ts"));
        let at = row.value("log_ts").map(|v| v.text().into_owned());
        let texts = fields.map(|(name, value)| format!("{name}={}", value.text()));
        at.into_iter().chain(texts).collect::<Vec<_>>().join(" ")
    };
    run(query, events).rows.into_iter().map(shown).collect()
}

fn check(query: &str, events: &[&str], expect: &[&str]) {
    assert_eq!(rows(query, events), expect, "{query}");
}

#[test]
fn so_many_within_a_time() {
    let fails = [
        "0 user=ann",
        "10 user=bob",
        "20 user=ANN",
        "30 user=ann",
        "100 user=bob",
        "110 user=bob",
        "115 user=bob",
        "116 user=bob",
        "117 user=bob",
        "118 user=bob",
        "119",
    ];
    let three = "[3 having same user within 1 minute]";
    check(
        three,
        &fails,
        &["118 user=bob", "115 user=bob", "30 user=ann"],
    );
    // Arrival in another order is the same.
    let mut backwards = fails;
    backwards.reverse();
    check(
        three,
        &backwards,
        &["118 user=bob", "115 user=bob", "30 user=ann"],
    );
    check(
        "[3 having same user] within 20 seconds",
        &fails,
        &["118 user=bob", "115 user=bob"],
    );
    check("[5 user=* within 30 seconds]", &fails, &["117 user=bob"]);
    check("[4 having same user]", &fails, &["115 user=bob"]);
    check(
        "[user=ann having same user]",
        &["0 user=ann", "1"],
        &["0 user=ann"],
    );
    check(
        "[2 user=ann within 1 second]",
        &["0 user=ann", "2 user=ann"],
        &[],
    );
}

#[test]
fn several_values_in_one_field() {
    let events = ["0 label=a label=b", "1 label=b label=c", "2 label=c"];
    check(
        "[2 having same label] | fields log_ts",
        &events,
        &["2", "1"],
    );
}

#[test]
fn commands_in_a_stream() {
    let events = [
        "0 user=ann ok=no",
        "1 user=ann ok=no",
        "2 user=bob ok=no",
        "9 user=ann ok=yes",
        "10 user=bob ok=yes",
    ];
    check(
        "[ok=no | chart count() as n by user | search n>1] as s1 followed by [ok=yes] as s2 \
         on s1.user=s2.user | fields s1.user, s1.n, s2.ok",
        &events,
        &["s1.user=ann s1.n=2 s2.ok=yes"],
    );
    check(
        "[2 ok=no having same user | chart count() as finds]",
        &events,
        &["1 finds=1"],
    );
    check(
        "[ok=no | search user=bob | rename user as who | fields who]",
        &events,
        &["2 who=bob"],
    );
}

#[test]
fn followed_by() {
    let events = [
        "0 kind=a id=1",
        "5 kind=b id=2",
        "10 kind=b id=1",
        "12 kind=b id=1",
        "20 kind=a id=2",
        "30 kind=a id=3",
        "100 kind=b id=3",
        "200 kind=a",
        "201 kind=b",
    ];
    let query = |link: &str, more: &str| {
        format!("[kind=a] as x {link} [kind=b] as y {more} | fields log_ts, x.id, y.id")
    };
    let followed = query("followed by", "on x.id=y.id");
    check(
        &followed,
        &events,
        &["100 x.id=3 y.id=3", "10 x.id=1 y.id=1"],
    );
    let soon = query("followed by", "within 1 minute on x.id=y.id");
    check(&soon, &events, &["10 x.id=1 y.id=1"]);
    let any = query("followed by", "within 6 seconds");
    check(&any, &events, &["201", "5 x.id=1 y.id=2"]);
    let not = query("not followed by", "within 1 minute on x.id=y.id");
    check(&not, &events, &["200", "30 x.id=3", "20 x.id=2"]);
}

#[test]
fn an_event_does_not_follow_itself() {
    let events = ["0 n=1", "0 n=2", "5 n=3"];
    let follows = "[n=*] as x followed by [n=*] as y | fields log_ts, x.n, y.n | order by x.n";
    check(follows, &events, &["0 x.n=1 y.n=2", "0 x.n=2 y.n=1"]);
}

#[test]
fn joins() {
    let events = [
        "0 kind=a id=1 v=p",
        "1 kind=b id=1 w=q",
        "2 kind=b id=01 w=r",
        "3 kind=a id=2 v=s",
        "4 kind=b id=3 w=t",
        "50 kind=a id=3 v=u",
    ];
    let query = |link: &str, on: &str| {
        format!("[kind=a] as x {link} [kind=b] as y on {on} | fields log_ts, x.v, y.w")
    };
    let same = "x.id=y.id";
    check(
        &query("join", same),
        &events,
        &["50 x.v=u y.w=t", "2 x.v=p y.w=r", "1 x.v=p y.w=q"],
    );
    check(
        &query("left join", same),
        &events,
        &[
            "50 x.v=u y.w=t",
            "3 x.v=s",
            "2 x.v=p y.w=r",
            "1 x.v=p y.w=q",
        ],
    );
    check(
        &query("right join", "x.id=y.id -x.v=p"),
        &events,
        &["50 x.v=u y.w=t", "2 y.w=r", "1 y.w=q"],
    );
    check(
        &query("join", "x.id<y.id"),
        &events,
        &["4 x.v=s y.w=t", "4 x.v=p y.w=t"],
    );
    check(
        &query("join", "x.id=y.id (y.w=q or y.w=t)"),
        &events,
        &["50 x.v=u y.w=t", "1 x.v=p y.w=q"],
    );
    let near = "[kind=a] as x join [kind=b] as y within 10 seconds on x.id=y.id | chart count()";
    check(near, &events, &["count()=2"]);
}

#[test]
fn three_streams() {
    let events = [
        "0 s=a u=1",
        "1 s=b u=1",
        "2 s=c u=1",
        "3 s=a u=2",
        "4 s=c u=2",
        "5 s=b u=2",
    ];
    check(
        "[s=a] as a followed by [s=b] as b on a.u=b.u followed by [s=c] as c on b.u=c.u \
         | rename a.u as user | fields log_ts, user",
        &events,
        &["2 user=1"],
    );
}

#[test]
fn streams_without_names() {
    let events = ["0 s=a u=1 x=2", "1 s=b u=1 y=3"];
    check("[s=a] followed by [s=b]", &events, &["1 s=a u=1 x=2 y=3"]);
}

#[test]
fn what_is_wrong_is_said() {
    let check = |query: &str, expect: &str| {
        let errors = compile(query).unwrap_err();
        let text = errors[0].render(query);
        assert!(text.contains(expect), "{query}\n{text}");
    };
    check(
        "[a=1] as s1 join [b=1] as s2 on user=s2.user",
        "`user` names no stream",
    );
    check(
        "[a=1] as s1 join [b=1] as s1 on s1.a=s1.b",
        "two streams are called `s1`",
    );
    check(
        "[a=1] as s1 join [b=1] as s2 on s1.a=s2.b | chart count() by user",
        "write `s1.user` or `s2.user`",
    );
    check(
        "[a=1 | chart count() as n by u] as s1 join [b=1] as s2 on s1.x=s2.b",
        "no column `x`",
    );
    check("[0 a=1]", "from 1 to");
    check("[a=1] as s1 on s1.a=2", "this is the first");
    check(
        "[a=1] as s1 followed by [b=1] as s2 within 99999999999999999999 days",
        "",
    );
}

#[test]
fn what_a_pattern_reads() {
    let check = |query: &str, expect: Option<&[&str]>| {
        let plan = compile(query).unwrap();
        let fields = plan.fields_read();
        let fields = fields.map(|f| {
            f.into_iter()
                .filter(|f| f != "log_ts" && f != "col_ts")
                .collect::<Vec<_>>()
        });
        assert_eq!(
            fields
                .as_deref()
                .map(|f| f.iter().map(String::as_str).collect::<Vec<_>>())
                .as_deref(),
            expect,
            "{query}"
        );
        assert!(plan.live().is_err() && plan.keeps_rows() && !plan.rows_are_events());
        assert_eq!(plan.counted_by(), None);
    };
    check("[a=1] as x join [b=2] as y on x.k=y.k", None);
    check(
        "[a=1] as x join [b=2] as y on x.k=y.j | chart count() by x.m",
        Some(&["a", "b", "j", "k", "m"]),
    );
    check("[5 a=1 having same s] | chart count()", Some(&["a", "s"]));
}

#[test]
fn the_streams_together_are_what_others_are_asked_for() {
    let check = |query: &str, expect: &str| {
        assert_eq!(
            compile(query).unwrap().portable_filter().as_deref(),
            Some(expect),
            "{query}"
        );
    };
    check(
        "[a=1] as x join [b=2 u in GOOD] as y on x.k=y.k",
        "(a=1 or b=2)",
    );
    check("[a=1] as x join [u in GOOD] as y on x.k=y.k", "");
}

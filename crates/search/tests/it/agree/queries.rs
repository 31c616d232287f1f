//! Random queries over the fields of the random events.

use super::events::{NAMES, name};
use proptest::prelude::*;
use proptest::sample::select;

/// A field as a query writes it: always in quotes if it need be, and now and then if not.
fn field() -> BoxedStrategy<String> {
    let written = |(name, quoted): (&'static str, bool)| {
        let plain = name.chars().all(|c| c.is_ascii_lowercase());
        let keyword = ["in", "process", "chart"].contains(&name);
        match name {
            // It cannot be written.
            "" => "user".to_owned(),
            _ if plain && !keyword && !quoted => name.to_owned(),
            _ if name.contains('"') => format!("'{name}'"),
            _ => format!("\"{name}\""),
        }
    };
    (name(), prop::bool::weighted(0.2))
        .prop_map(written)
        .boxed()
}

/// A field that may also be one that an earlier command made.
fn field_or_new() -> BoxedStrategy<String> {
    prop_oneof![5 => field(), 1 => select(vec!["k", "w", "x"]).prop_map(str::to_owned)].boxed()
}

fn literal() -> impl Strategy<Value = String> {
    let usual = select(vec![
        "alice",
        "bob",
        "ALICE",
        "22",
        "022",
        "22.0",
        "-5",
        "1e2",
        "100",
        "2.5",
        "7",
        "true",
        "10.0.0.1",
        "::1",
        "straße",
        "STRASSE",
        "many",
        "\"\"",
        "\"Bob smith\"",
        "'a\"b'",
        "9007199254740993",
        "9223372036854775807",
        "4503599627370496",
        "null",
        "\u{1f980}",
        "root",
    ]);
    let wild = select(vec![
        "*",
        "a*",
        "*b",
        "*22*",
        "2?",
        "*o*",
        "?",
        "\"*failed*root*\"",
        "*e*r*",
        "\"*cmd.exe /c*\"",
        "*ß*",
        "*SS*",
        "10.0.*",
        "\"* *\"",
    ]);
    prop_oneof![3 => usual, 2 => wild].prop_map(str::to_owned)
}

fn predicate() -> BoxedStrategy<String> {
    let operator = select(vec!["=", "=", "=", "!=", "<", "<=", ">", ">="]);
    let function = select(vec![
        "hour",
        "minute",
        "second",
        "day",
        "day_of_week",
        "month",
        "lower",
        "upper",
    ]);
    let plain = || (field_or_new(), operator.clone(), literal());
    prop_oneof![
        6 => plain().prop_map(|(f, op, v)| format!("{f}{op}{v}")),
        1 => (function, plain()).prop_map(|(g, (f, op, v))| format!("{g}({f}){op}{v}")),
        1 => (select(vec!["hour(log_ts)<12", "minute(log_ts)>=30", "day_of_week(log_ts)=Thursday",
            "log_ts>1767225600", "col_ts<=1767225660", "second(col_ts)=0"])).prop_map(str::to_owned),
        2 => (field_or_new(), any::<bool>(), prop::collection::vec(literal(), 1..4))
            .prop_map(|(f, not, v)| format!("{f} {}in [{}]", if not { "not " } else { "" }, v.join(", "))),
        1 => (field_or_new(), any::<bool>(), select(vec!["NAMES", "NOBODY"]))
            .prop_map(|(f, not, l)| format!("{f} {}in {l}", if not { "not " } else { "" })),
    ].boxed()
}

fn words() -> impl Strategy<Value = String> {
    select(vec![
        "failed",
        "FAILED",
        "password",
        "\"for root\"",
        "pass*",
        "*word",
        "r?ot",
        "22",
        "größe",
        "\"cmd.exe\"",
        "over",
        "\"10.0.0.1\"",
        "user",
        "\u{1f980}",
        "\"action=login\"",
        "nothing",
    ])
    .prop_map(str::to_owned)
}

pub(crate) fn condition() -> BoxedStrategy<String> {
    let leaf = prop_oneof![5 => predicate(), 1 => words()];
    leaf.prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            2 => prop::collection::vec(inner.clone(), 2..4).prop_map(|p| format!("({})", p.join(" "))),
            2 => prop::collection::vec(inner.clone(), 2..4).prop_map(|p| format!("({})", p.join(" or "))),
            1 => inner.clone().prop_map(|p| format!("-({p})")),
            1 => inner.prop_map(|p| format!("not ({p})")),
        ]
    }).boxed()
}

/// A condition, or none.
fn head() -> impl Strategy<Value = String> {
    prop_oneof![1 => Just(String::new()), 4 => condition()]
}

fn process() -> BoxedStrategy<String> {
    let one = select(vec![
        "eval(\"k=n*2+1\")",
        "eval(\"k=coalesce(user, host, 'nobody')\")",
        "eval(\"x=case(n>0 -> 'plus', n<0 -> 'minus', 'none')\")",
        "eval(\"w=lower(user) + '-' + upper(host)\")",
        "eval(\"x=if(match(msg, 'fail')) {'f'} else {len(msg)}\")",
        "eval(\"k=cidrmatch(addr, '10.0.0.0/8')\")",
        "eval(\"k=isnull(user)\")",
        "ascii_converter(size, \"hex\") as x",
        "clean_char(msg) as w",
        "codec(encode, user) as w",
        "compare(user, host) as k",
        "compare(odd, size) as k",
        "compare_network(addr, addr)",
        "concat(user, \"-\", odd) as w",
        "count_char(msg, \"aeiou\") as k",
        "countof(label, \"alice\") as k",
        "current_time(a) as x",
        "datetime_diff(col_ts, log_ts, \"seconds\") as k",
        "difference(n, size) as k",
        "dns_cleanup(user) as w",
        "domain(user) as w",
        "entropy(msg) as k",
        "in_range(0, 22, n) as k",
        "in_range(0, 22, odd) as k",
        "jq_parser(user, \".a\") as w",
        "json_parser(user, \".a\") as w",
        "json_expand(label)",
        "json_expand(odd)",
        "list_length(label) as k",
        "list_length(odd) as k",
        "list_percentile(label, 50) as k",
        "lookup(TABLE, user)",
        "next(label, 1) as w",
        "sort_list(label, \"desc\") as w",
        "summation(n, size, odd) as k",
        "regex(\"(?P<w>[a-z]+) for (?P<x>\\w+)\", msg)",
        "grok(\"%{WORD:w} %{WORD:x}\", msg)",
        "median(n) as k",
        "percentile(odd, 90) as k",
        "quantile(n) as k",
        "quartile(size) as k",
        "toList(FED, user)",
    ]);
    one.prop_map(|call| format!("process {call}")).boxed()
}

/// Commands that may stand anywhere before a chart.
fn row_command() -> BoxedStrategy<String> {
    let target = || select(vec!["k", "w", "x", "user", "n"]);
    prop_oneof![
        3 => process(),
        2 => condition().prop_map(|c| format!("search {c}")),
        2 => (field_or_new(), target()).prop_map(|(f, t)| format!("rename {f} as {t}")),
        1 => (field_or_new(), field_or_new(), target())
            .prop_map(|(f, g, t)| format!("rename {f} as {t}, {g} as {t}")),
        1 => (field(), field()).prop_map(|(f, g)| format!("rename {f} as {g}, {g} as {f}")),
        1 => (select(vec!["lower", "upper"]), field()).prop_map(|(g, f)| format!("rename {g}({f}) as w")),
        2 => (field_or_new(), any::<bool>()).prop_map(|(f, down)| format!("order by {f}{}", direction(down))),
        1 => (field_or_new(), field(), any::<bool>())
            .prop_map(|(f, g, down)| format!("order by {f}, {g}{}", direction(down))),
        2 => (0_usize..9).prop_map(|n| format!("limit {n}")),
        1 => Just("latest".to_owned()),
        2 => field_or_new().prop_map(|f| format!("latest by {f}")),
        1 => (field(), field()).prop_map(|(f, g)| format!("latest by {f}, {g}")),
        1 => select(vec![
            "rex (?P<w>[a-z]+) for (?P<x>\\w+)",
            "rex on user (?P<k>\\d+)",
            "norm <w:word> password for <x:word>",
            "norm on user <k:int>",
        ]).prop_map(str::to_owned),
    ].boxed()
}

fn direction(down: bool) -> &'static str {
    if down { " desc" } else { "" }
}

fn projection() -> impl Strategy<Value = String> {
    prop::collection::vec(field_or_new(), 1..4).prop_map(|f| format!("fields {}", f.join(", ")))
}

/// An aggregate, which a condition or a calculation may be the argument of. What `var` gives
/// depends in its last digits on the order of events, so nothing is ordered by it.
fn aggregate(ordered_by: bool) -> BoxedStrategy<String> {
    let mut of_field = vec![
        "distinct_count",
        "sum",
        "avg",
        "min",
        "max",
        "distinct_list",
    ];
    if !ordered_by {
        of_field.extend(["var", "list"]);
    }
    let of_field = select(of_field);
    let of_number = select(vec!["sum", "avg", "min", "max"]);
    let number = select(vec![
        "n*2",
        "(n-size)/4",
        "n+odd",
        "col_ts-log_ts",
        "max_n-1",
    ]);
    prop_oneof![
        2 => Just("count()".to_owned()),
        1 => predicate().prop_map(|p| format!("count({p})")),
        5 => (of_field, field_or_new()).prop_map(|(a, f)| format!("{a}({f})")),
        1 => (of_number, number).prop_map(|(a, n)| format!("{a}({n})")),
    ]
    .boxed()
}

fn group() -> BoxedStrategy<String> {
    let function = select(vec!["lower", "upper", "hour", "minute"]);
    prop_oneof![
        5 => field_or_new(),
        1 => (function, field()).prop_map(|(g, f)| format!("{g}({f})")),
        1 => select(vec!["hour(log_ts)", "step(n, 10)", "step(size, 5)", "step(odd, 4)"]).prop_map(str::to_owned),
    ].boxed()
}

/// Aggregates are called `c0` and `c1`.
fn chart() -> BoxedStrategy<String> {
    let named = |(first, others): (String, Vec<String>)| {
        let all = std::iter::once(first).chain(others).enumerate();
        let named = all.map(|(i, aggregate)| format!("{aggregate} as c{i}"));
        named.collect::<Vec<_>>().join(", ")
    };
    let others = || prop::collection::vec(aggregate(false), 0..3);
    let aggregates = || (aggregate(true), others()).prop_map(named);
    let by = |most: usize| {
        let groups = prop::collection::vec(group(), 0..=most);
        groups.prop_map(|g| {
            if g.is_empty() {
                g.concat()
            } else {
                format!(" by {}", g.join(", "))
            }
        })
    };
    let every = select(vec![
        "",
        " every 10 minutes",
        " every 1 hour",
        " every 1 day",
        " every 7 seconds",
    ]);
    let counts = (by(2), every.clone())
        .prop_map(|(by, every)| format!("timechart count() as c0{by}{every}"));
    prop_oneof![
        2 => by(2).prop_map(|by| format!("chart count() as c0{by}")),
        4 => (aggregates(), by(2)).prop_map(|(a, by)| format!("chart {a}{by}")),
        1 => counts,
        1 => (aggregates(), by(1), every).prop_map(|(a, by, every)| format!("timechart {a}{by}{every}")),
    ].boxed()
}

/// Commands on what a chart gives.
fn after_chart() -> impl Strategy<Value = String> {
    select(vec![
        "search c0>=2",
        "search c0=1 or c0>3",
        "filter c0=*",
        "order by c0",
        "order by c0 desc limit 3",
        "limit 2",
        "latest",
        "rename c0 as total | search total>0",
        "fields c0",
        "process eval(\"k=c0*2\")",
        "process quartile(c0) as q",
        "process median(c0) as q",
        "chart count() as c0, sum(c0) as s",
        "chart max(c0) as c0, count() as s",
    ])
    .prop_map(str::to_owned)
}

fn pattern() -> BoxedStrategy<String> {
    let having = prop_oneof![2 => Just(String::new()), 1 => field().prop_map(|f| format!(" having same {f}"))];
    let within = || {
        prop_oneof![
            Just(String::new()),
            (1_u32..60).prop_map(|n| format!(" within {n} minutes")),
        ]
    };
    let link = select(vec![
        "followed by",
        "not followed by",
        "join",
        "left join",
        "right join",
    ]);
    let many = (2_u32..4, condition(), having, within())
        .prop_map(|(n, c, having, within)| format!("[{n} {c}{having}{within}]"));
    let two = (
        condition(),
        link,
        condition(),
        within(),
        select(vec!["user", "addr", "host", "n"]),
    )
        .prop_map(|(a, link, b, within, on)| {
            format!("[{a}] as s1 {link} [{b}] as s2{within} on s1.{on}=s2.{on}")
        });
    prop_oneof![many, two].boxed()
}

/// A whole query.
pub(crate) fn query() -> BoxedStrategy<String> {
    let rows = || prop::collection::vec(row_command(), 0..3);
    let tail = prop::collection::vec(after_chart(), 0..3);
    let simple = (head(), rows());
    let projected = (
        head(),
        rows(),
        projection(),
        prop::collection::vec(select(vec!["limit 3", "latest"]), 0..2),
    );
    let charted = (head(), rows(), chart(), tail);
    let joined = |head: String, commands: Vec<String>| {
        commands
            .into_iter()
            .fold(head, |query, command| format!("{query} | {command}"))
    };
    prop_oneof![
        2 => simple.prop_map(move |(h, c)| joined(h, c)),
        1 => projected.prop_map(move |(h, c, p, after)| {
            let after = after.into_iter().map(str::to_owned).collect();
            joined(h, [c, vec![p], after].concat())
        }),
        4 => charted.prop_map(move |(h, c, chart, t)| joined(h, [c, vec![chart], t].concat())),
        1 => (pattern(), prop::option::of(chart())).prop_map(move |(p, c)| joined(p, c.into_iter().collect())),
    ].boxed()
}

#[test]
fn every_name_but_the_empty_one_can_be_written() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut written = std::collections::BTreeSet::new();
    for _ in 0..2_000 {
        let field = field().new_tree(&mut runner).unwrap().current();
        let plan = cresset_query::compile(&format!("{field}=x")).unwrap();
        written.extend(plan.filter_fields());
    }
    assert_eq!(written.len(), NAMES.len() - 1, "{written:?}");
}

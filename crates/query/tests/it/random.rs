//! Properties of any text and of any query.

use cresset_model::{Event, Timestamp};
use cresset_query::{ConditionIndex, Context, Diagnostic, compile, parse};
use proptest::prelude::*;

/// Pieces that queries are made of, so that random texts get far into the parser.
const PIECES: &[&str] = &[
    "a",
    "user",
    "=",
    "!=",
    "<",
    ">=",
    "(",
    ")",
    "[",
    "]",
    ",",
    "|",
    "-",
    "and",
    "or",
    "not",
    "in",
    "LIST",
    "\"x y\"",
    "'q\"'",
    "`m`",
    "/*",
    "*/",
    "*",
    "?",
    "5",
    "1.5",
    "chart",
    "count()",
    "sum(",
    "by",
    "as",
    "c",
    "order by",
    "limit",
    "search",
    "filter",
    "rename",
    "fields",
    "latest",
    "timechart",
    "every",
    "1 hour",
    "process",
    "eval(\"x=1\")",
    "norm",
    "<u:all>",
    "rex on msg",
    "followed by",
    "left join",
    "within",
    "having same",
    "table",
    "on",
    "hour(log_ts)",
    "step(",
    "\"",
    "'",
    "\n",
    "é",
    "\u{1f525}",
    "\\",
    "+",
    "/",
    "max((a-b)/60)",
    "day_of_week(x)",
    "desc",
];

fn soup() -> impl Strategy<Value = String> {
    prop::collection::vec((prop::sample::select(PIECES), any::<bool>()), 0..30).prop_map(|parts| {
        parts
            .iter()
            .flat_map(|(p, blank)| [*p, if *blank { " " } else { "" }])
            .collect::<String>()
    })
}

fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c]",
        Just("\"in\"".to_owned()),
        Just("\"x y\"".to_owned()),
        Just("a.b_1".into())
    ]
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9*?._:\\\\'/-]{1,6}".prop_filter("a quote or a comment", |v| !v.starts_with('\'')
            && !v.starts_with("/*")),
        "\"[a-z0-9*?' |()=]{0,6}\"",
        "'[a-z0-9*?\" ]{0,6}'",
    ]
}

fn condition() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (
            field(),
            prop::sample::select(vec!["=", "!=", " = "]),
            value()
        )
            .prop_map(|(f, op, v)| format!("{f}{op}{v}")),
        (
            field(),
            prop::sample::select(vec!["<", "<=", ">", ">="]),
            "[0-9]{1,3}"
        )
            .prop_map(|(f, op, v)| format!("{f}{op}{v}")),
        (field(), prop::collection::vec(value(), 1..4))
            .prop_map(|(f, v)| format!("{f} IN [{}]", v.join(","))),
        field().prop_map(|f| format!("{f} not in LIST")),
        "\"[a-z ]{1,8}\"",
        "[a-z]{5,9}",
    ];
    leaf.prop_recursive(4, 30, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(|p| format!("({})", p.join(" "))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|p| p.join(" or ")),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|p| p.join(" AND ")),
            inner.prop_map(|p| format!("-({p})")),
        ]
    })
}

fn command() -> impl Strategy<Value = String> {
    prop_oneof![
        condition().prop_map(|c| format!("search {c}")),
        (field(), field()).prop_map(|(a, b)| format!("rename {a} as {b}")),
        "limit [0-9]{1,3}",
        field().prop_map(|f| format!("order by {f} desc")),
        field().prop_map(|f| format!("latest by {f}")),
        (field(), condition())
            .prop_map(|(f, c)| format!("chart count({c}) as n, sum({f}*2-1), avg({f}) by {f}")),
    ]
}

fn query() -> impl Strategy<Value = String> {
    (condition(), prop::collection::vec(command(), 0..3))
        .prop_map(|(head, commands)| [vec![head], commands].concat().join(" | "))
}

fn in_bounds(text: &str, diagnostics: &[Diagnostic]) -> Result<(), TestCaseError> {
    for d in diagnostics {
        prop_assert!(
            d.span.start <= d.span.end && d.span.end <= text.len(),
            "{d:?}"
        );
        prop_assert!(text.is_char_boundary(d.span.start), "{d:?}");
        prop_assert!(text.is_char_boundary(d.span.end), "{d:?}");
        let (line, column) = d.line_col(text);
        prop_assert!(line >= 1 && column >= 1);
        prop_assert!(d.render(text).contains(&d.message));
    }
    Ok(())
}

fn explains_itself(text: &str) -> Result<(), TestCaseError> {
    let parsed = parse(text);
    if parsed.is_ok() {
        let explained = parsed.explain();
        let again = parse(&explained);
        prop_assert!(
            again.is_ok(),
            "{text:?} -> {explained:?}: {:?}",
            again.diagnostics
        );
        prop_assert_eq!(again.explain(), explained, "{:?}", text);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_text_parses(text in "\\PC{0,60}") {
        in_bounds(&text, &parse(&text).diagnostics)?;
        explains_itself(&text)?;
        if let Err(diagnostics) = compile(&text) {
            prop_assert!(!diagnostics.is_empty());
            in_bounds(&text, &diagnostics)?;
        }
    }

    #[test]
    fn any_soup_parses(text in soup()) {
        in_bounds(&text, &parse(&text).diagnostics)?;
        explains_itself(&text)?;
        if let Err(diagnostics) = compile(&text) {
            in_bounds(&text, &diagnostics)?;
        }
    }

    #[test]
    fn queries_parse_and_explain_themselves(text in query()) {
        let parsed = parse(&text);
        prop_assert!(parsed.is_ok(), "{text}: {:?}", parsed.diagnostics);
        explains_itself(&text)?;
    }

    /// The explanation means the same as the query, and no event makes either panic.
    #[test]
    fn explanations_match_the_same_events(
        text in condition(),
        fields in prop::collection::vec(("[a-c]", "[a-z0-9*.:\\\\ ]{0,5}"), 0..4),
        msg in "[a-z ]{0,20}",
    ) {
        let mut event = Event::new(Timestamp::from_secs(1), Timestamp::from_secs(1));
        for (name, value) in &fields {
            event.set(name, value.as_str());
        }
        event.set("msg", msg);
        let (Ok(plan), ctx) = (compile(&text), Context::bare()) else { return Ok(()) };
        let again = compile(&plan.explain()).expect("explanations compile");
        let met = plan.filter().matches(&event, &ctx);
        prop_assert_eq!(met, again.filter().matches(&event, &ctx));
        let (mut index, mut found) = (ConditionIndex::default(), Vec::new());
        index.insert(1, plan.filter());
        index.candidates(&event, &mut found);
        prop_assert!(found.contains(&1) || !met, "the index misses {}", text);
        index.remove(1);
        prop_assert!(index.is_empty());
    }
}

/// Row commands over few fields, so that names come, go and come back.
fn row_commands() -> impl Strategy<Value = String> {
    let field = || prop::sample::select(vec!["a", "b", "c"]);
    let command = prop_oneof![
        prop::collection::vec(field(), 1..3).prop_map(|f| format!(" | fields {}", f.join(","))),
        prop::collection::vec((field(), field()), 1..3).prop_map(|pairs| {
            let pairs: Vec<String> = pairs.iter().map(|(a, b)| format!("{a} as {b}")).collect();
            format!(" | rename {}", pairs.join(","))
        }),
        (field(), 0..3).prop_map(|(f, n)| format!(" | search {f}={n}")),
        field().prop_map(|f| format!(" | search -{f}=*")),
    ];
    prop::collection::vec(command, 0..6).prop_map(|c| c.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Commands give the same on events as they arrive, on rows that are kept, and on
    /// events of which only the needed fields were read.
    #[test]
    fn row_commands_agree(
        commands in row_commands(),
        events in prop::collection::vec(prop::collection::btree_map("[abc]", 0..3_i64, 0..4), 1..5),
    ) {
        let rows = |query: &str, needed_only: bool| {
            let plan = compile(query).ok()?;
            let needed = plan.fields_read().filter(|_| needed_only);
            let mut run = plan.executor(Context::bare());
            for (fields, at) in events.iter().zip(0..) {
                let mut event = Event::new(Timestamp::from_secs(at), Timestamp::from_secs(at));
                for (name, value) in fields {
                    if needed.as_ref().is_none_or(|n| n.contains(name)) {
                        event.set(name.as_str(), *value);
                    }
                }
                run.push(&event);
            }
            let sorted = |r: &cresset_query::ResultRow| serde_json::Value::from(r.to_json()).to_string();
            Some(run.finish().rows.iter().map(sorted).collect::<Vec<_>>())
        };
        let arriving = rows(&format!("*{commands}"), false);
        prop_assert_eq!(&arriving, &rows(&format!("* | limit 1000{commands}"), false));
        prop_assert_eq!(&arriving, &rows(&format!("*{commands}"), true));
    }
}

use super::*;

/// Parses and expects exactly one error, rendered.
fn check_error(query: &str, expect: &str) {
    let parsed = parse(query);
    let shown: Vec<String> = parsed.diagnostics.iter().map(|d| d.render(query)).collect();
    assert_eq!(shown.join("\n"), expect.trim_matches('\n'), "{query}");
}

#[test]
fn messages() {
    check_error(
        "label=Login chart count() by user",
        "
error: `chart` is a command: expected `|` before it
 --> line 1, column 13
1 | label=Login chart count() by user
  |             ^^^^^
  = help: write `| chart …`; to search for the word, quote it",
    );
    check_error(
        "a=1\n| chrat count()",
        "
error: there is no command `chrat`
 --> line 2, column 3
2 | | chrat count()
  |   ^^^^^
  = help: did you mean `chart`?",
    );
    check_error(
        "a=\"x",
        "
error: this quote is not closed: expected a second `\"` before the end of the query
 --> line 1, column 3
1 | a=\"x
  |   ^",
    );
    check_error(
        "(a=1 or b=2 | limit 5",
        "
error: this `(` is not closed
 --> line 1, column 1
1 | (a=1 or b=2 | limit 5
  | ^
  = help: add `)` after its group",
    );
    check_error(
        "houur(log_ts)<9",
        "
error: there is no function `houur`
 --> line 1, column 1
1 | houur(log_ts)<9
  | ^^^^^
  = help: did you mean `hour`?",
    );
    check_error(
        "\u{fc}\u{1b}a= | limit 5",
        "
error: expected a value after `=`
 --> line 1, column 6
1 | \u{fc} a= | limit 5
  |      ^
  = help: `field=*` asks whether the field is there, `field=\"\"` whether it is empty",
    );
}

#[test]
fn message_texts() {
    let check = |query: &str, place: &str, message: &str| {
        let parsed = parse(query);
        let first = parsed.diagnostics.first().expect(query);
        let span = format!("{}..{}", first.span.start, first.span.end);
        assert_eq!(
            (span.as_str(), first.message.as_str()),
            (place, message),
            "{query}"
        );
        assert_eq!(
            parsed.diagnostics.len(),
            1,
            "{query}: {:?}",
            parsed.diagnostics
        );
    };
    check(
        "a and",
        "5..5",
        "expected a condition, found the end of the query",
    );
    check("or a", "0..2", "expected a condition before `or`");
    check(
        "a)",
        "1..2",
        "expected `|` and a command, or the end, found `)`",
    );
    check("=5", "0..1", "expected a field before `=`");
    check(
        "a in (1, 2)",
        "5..6",
        "expected `[` or the name of a list after `in`",
    );
    check("a in [1 2]", "8..9", "expected `,` or `]`, found `2`");
    check("a in [1, 2", "5..6", "this `[` is not closed");
    check("a in [1,]", "8..9", "expected a value");
    check("a==5", "1..3", "`==` is not an operator");
    check(
        "a*=5",
        "0..2",
        "a field name cannot hold the wildcards `*` and `?`",
    );
    check(
        "a /* b",
        "2..4",
        "this comment is not closed: expected `*/` before the end of the query",
    );
    check(
        "`a",
        "0..1",
        "this back-tick is not closed: expected a second back-tick before the end of the query",
    );
    check(
        "a |",
        "3..3",
        "expected a command after `|`, found the end of the query",
    );
    check("| chart by x", "8..10", "expected an aggregate, found `by`");
    check(
        "| chart cont() by x",
        "8..12",
        "expected an aggregate, found `cont`",
    );
    check("| chart count by x", "14..16", "expected `(` after `count`");
    check("| chart sum() by x", "8..13", "sum() needs a field");
    check(
        "| chart sum(a>5)",
        "8..16",
        "sum() takes a field or a calculation",
    );
    check(
        "| chart count() by hur(log_ts)",
        "19..22",
        "there is no function `hur`",
    );
    check(
        "| chart count() by step(a,0)",
        "26..27",
        "the width of a step is at least 1",
    );
    check(
        "| limit x",
        "8..9",
        "expected a number of rows after `limit`, found `x`",
    );
    check(
        "| limit 99999999999999999999",
        "8..28",
        "this number is too large",
    );
    check(
        "| order count()",
        "8..13",
        "expected `by` after `order`, found `count`",
    );
    check(
        "| rename a b",
        "11..12",
        "expected `as` and the new name, found `b`",
    );
    check(
        "| timechart count() every 1 week",
        "28..32",
        "expected a unit of time, found `week`",
    );
    check(
        r#"| process regex("a"b")"#,
        "19..21",
        "expected `,` or `)` after this argument",
    );
    check("[a | limit 5", "0..1", "this `[` is not closed");
    check(
        "[a] as",
        "6..6",
        "expected a name after `as`, found the end of the query",
    );
    check(
        "[a] [b]",
        "4..5",
        "expected `as`, `followed by`, `join`, `within`, `on` or `|` after a stream, found `[`",
    );
    check(
        "login in from",
        "9..13",
        "this asks whether the field `login` is in the list `from`",
    );
}

#[test]
fn one_message_per_slip_and_the_rest_is_read() {
    let parsed = parse("a=1 or | chrat count() | limit 5 | search (b=2 | fields c");
    assert_eq!(parsed.diagnostics.len(), 3);
    assert_eq!(parsed.explain(), "| limit 5 | fields c");
}

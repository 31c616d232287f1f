//! The parser's work is in proportion to the text: counted in bytes looked at, not in time.

use super::*;
use proptest::prelude::*;

/// Most bytes looked at per byte of the text. Brackets of calculations that turn out
/// to be conditions, and patterns that do not balance, take several looks.
const BUDGET: usize = 24;

/// Parses and gives the bytes looked at.
fn steps(text: &str) -> usize {
    let mut parser = Parser::new(text);
    parser.query();
    parser.source.steps.get()
}

#[track_caller]
fn check(text: &str) {
    let steps = steps(text);
    let most = BUDGET * (text.len() + 16);
    let shown: String = text.chars().take(60).collect();
    assert!(steps <= most, "{steps} > {most} for {shown:?}");
}

#[test]
fn aggregates_in_conditions_are_read_once() {
    for n in [1, 10, 40, 99, 100, 101, 1_000, 5_000] {
        let around = |open: &str, inner: &str, close: &str| {
            check(&format!("{}{inner}{}", open.repeat(n), close.repeat(n)));
        };
        around("count(", "", "");
        around("count(", "a=1", ")");
        around("count(", "a=1", ")=1");
        around("count(", "a=1", ") or b");
        around("count(a=1 ", "a=1", ")>2");
        around("sum(", "a", ")");
        around("max((", "a", "))");
        around("count(hour(x)=1 -sum(", "a b", "))");
        around("foo(", "a", ")");
        around("foo(x)", "", "");
        around("hour(", "a", ")");
        around("| order by count(", "a=1", ")");
        around("| chart count(count(", "a=1", ")=1) by x");
        around("| fields count(", "a", ")=1 ");
    }
}

#[test]
fn nothing_is_sought_in_the_whole_text_again_and_again() {
    let check = |piece: &str| {
        let many = piece.repeat(3_000);
        check(&many);
        check(&format!("{many} */"));
        check(&format!("{many} \" ' `"));
        check(&format!("[{many}"));
        check(&format!("[a] on {many}"));
        check(&format!("| chart count({many}"));
    };
    check("| norm < ");
    check("| rex ( ");
    check("| rex \" x | y ");
    check("| process x(a( ");
    check("| process x(a, ");
    check("count(a/* ) ");
    check("count(a /* ) ");
    check("count(a+\"b 'c\" /* ') ");
    check("/*') count(a+\"b 'c\" /* */ ");
    check("count(a+\"b 'c\"+hour( /* ') ");
    check("count(a/**/ ");
    check("hour+");
    check("a not ");
    check("a not in ");
    check("\"a\" ");
    check("a=/*b ");
    check("a in [b, ");
    check("within ");
    check("left ");
    check("`a");
}

const TOKENS: &[&str] = &[
    "a",
    "x=1",
    "=",
    ">=",
    "(",
    "(",
    ")",
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
    "\"",
    "'",
    "`",
    "\"x y\"",
    "/*",
    "*/",
    "/**/",
    "*",
    "5",
    "count(",
    "count()",
    "sum(",
    "count(a=1)",
    "max((",
    "hour(",
    "foo(",
    "step(",
    "chart",
    "timechart",
    "by",
    "as",
    "order by",
    "limit",
    "search",
    "rename",
    "fields",
    "process",
    "process x(",
    "norm",
    "rex",
    "<",
    "followed by",
    "join",
    "within",
    "having same",
    "on",
    "+",
    "-b",
    "/60",
    "\n",
    "é",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_soup_is_parsed_in_linear_time(
        parts in prop::collection::vec((prop::sample::select(TOKENS), any::<bool>()), 2_000),
    ) {
        let blank = |b: &bool| if *b { " " } else { "" };
        let text: String = parts.iter().flat_map(|(t, b)| [*t, blank(b)]).collect();
        prop_assert!(steps(&text) <= BUDGET * text.len(), "{} of {}", steps(&text), text.len());
    }

    /// Errors end a text early; without pipes and quotes it is read on for longer.
    #[test]
    fn any_condition_is_parsed_in_linear_time(
        parts in prop::collection::vec(prop::sample::select(vec![
            "a ", "(", "(", ")", ") ", ")=1 ", ")>2 ", "count(", "count(", "sum(", "max((", "foo(", "hour(x)=1 ",
            "a=1 ", "-", "or b ", "+c", "/* ", "*/ ", "/60 ", "'x' ", "\"y ", "*",
        ]), 2_000),
    ) {
        let text: String = parts.concat();
        prop_assert!(steps(&text) <= BUDGET * text.len(), "{} of {}", steps(&text), text.len());
    }
}

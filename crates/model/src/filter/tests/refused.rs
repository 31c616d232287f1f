use super::*;

/// What is written, the character at which it is wrong, and what is said about it.
const TABLE: &[(&str, usize, &str)] = &[
    // Nothing, or no field.
    ("", 1, "it is empty"),
    ("   ", 4, "it is empty"),
    (",", 1, "a field is expected"),
    ("|", 1, "a field is expected"),
    ("||", 1, "a field is expected"),
    (":", 1, "a field is expected"),
    (":5", 1, "a field is expected"),
    (">5", 1, "a field is expected"),
    ("\"a\":5", 1, "its name has no quotes"),
    ("(a:1)", 1, "parentheses do not group"),
    ("a:1,(b:2||c:3)", 5, "parentheses do not group"),
    ("é:1", 1, "a field is expected"),
    ("$a:1", 1, "a field is expected"),
    ("*:1", 1, "a field is expected"),
    (".a:1", 1, "a dot joins two names"),
    ("a.:1", 1, "a dot joins two names"),
    ("a..b:1", 1, "a dot joins two names"),
    ("x:1,.:2", 5, "a dot joins two names"),
    // No operator, or one that there is not.
    ("a", 2, "an operator is expected after \"a\""),
    ("a b:1", 3, "an operator is expected after \"a\""),
    ("a,b:1", 2, "an operator is expected"),
    ("a\"x\"", 2, "an operator is expected"),
    ("a/b:1", 2, "an operator is expected"),
    ("a*:1", 2, "an operator is expected"),
    ("status:1,2", 11, "an operator is expected after \"2\""),
    ("a=1", 2, "unknown operator \"=\""),
    ("a==1", 2, "unknown operator \"==\""),
    ("a!=1", 2, "unknown operator \"!=\""),
    ("a!1", 2, "unknown operator \"!\""),
    ("a!>1", 2, "unknown operator \"!>\""),
    ("a=~x", 2, "unknown operator \"=~\""),
    ("a::x", 2, "unknown operator \"::\""),
    ("a:=1", 2, "unknown operator \":=\""),
    ("a:>1", 2, "unknown operator \":>\""),
    ("a<>1", 2, "unknown operator \"<>\""),
    ("a>>1", 2, "unknown operator \">>\""),
    ("a>=:1", 2, "unknown operator \">=:\""),
    ("a~~x", 2, "unknown operator \"~~\""),
    ("a~=x", 2, "unknown operator \"~=\""),
    ("a:!x", 2, "unknown operator \":!\""),
    ("a:1,b::x", 6, "unknown operator \"::\""),
    ("a!!:1", 2, "unknown operator \"!!:\""),
    ("a:~:~:~:~:~:~x", 2, "unknown operator \":~:~:~:~\""),
    ("a: >5", 4, "a value that begins with > has to be in quotes"),
    (
        "a:1|=5",
        5,
        "a value that begins with = has to be in quotes",
    ),
    // `:::` and `!::`.
    ("a:::", 5, "::: and !:: take empty or null"),
    ("a!::", 5, "take empty or null"),
    ("a:::nothing", 5, "take empty or null"),
    ("a:::emptyx", 5, "take empty or null"),
    ("a:::empty x", 5, "take empty or null"),
    ("a:::empty|null", 5, "take empty or null"),
    ("a!::1", 5, "take empty or null"),
    ("a:::\"\"", 5, "take empty or null"),
    ("a:::\"null", 5, "take empty or null"),
    ("a::::", 5, "take empty or null"),
    ("a:::empty,", 11, "a field is expected"),
    // No value.
    ("a:", 3, "a value is expected; the empty text is \"\""),
    ("a: ", 4, "a value is expected"),
    ("a:,b:1", 3, "a value is expected"),
    ("a:|x", 3, "a value is expected"),
    ("a:x|", 5, "a value is expected"),
    ("a:x|,b:1", 5, "a value is expected"),
    ("a:x| |y", 6, "a value is expected"),
    ("a:||b:1", 3, "a value is expected"),
    ("a>", 3, "a value is expected"),
    ("a!~", 4, "a value is expected"),
    // `,` and `||` without what they join.
    ("a:1,", 5, "a field is expected"),
    ("a:1, ", 6, "a field is expected"),
    ("a:1,,b:2", 5, "a field is expected"),
    ("a:1||", 6, "a field is expected"),
    ("a:1||||b:2", 6, "a field is expected"),
    ("a:1|||b:2", 6, "a field is expected"),
    ("a:1||,b:2", 6, "a field is expected"),
    (",a:1", 1, "a field is expected"),
    ("||a:1", 1, "a field is expected"),
    // Quotes.
    ("a:\"", 3, "the quote is not closed"),
    ("a:\"x", 3, "the quote is not closed"),
    ("a:\"x,b:1", 3, "the quote is not closed"),
    ("a:1,b:\"x", 7, "the quote is not closed"),
    ("a:\"x\\\"", 3, "the quote is not closed"),
    ("a:x\"", 4, "a quote inside a value without quotes"),
    ("a:x\"y\"", 4, "a quote inside a value without quotes"),
    ("a:\"x\"y", 6, "expected after the closing quote"),
    ("a:\"x\" y", 7, "expected after the closing quote"),
    ("a:\"x\"\"y\"", 6, "expected after the closing quote"),
    ("a:\"x\":1", 6, "expected after the closing quote"),
    ("a:\"x\")", 6, "expected after the closing quote"),
    ("a:\"x\"|\"y", 7, "the quote is not closed"),
    ("a:ü\"", 4, "a quote inside a value"),
    // Stars in comparisons.
    ("a>*", 3, "compares with one value and takes no *"),
    ("a>:1*", 4, "takes no *"),
    ("a<\"*\"", 3, "takes no *"),
    ("a<=5|*", 6, "takes no *"),
    // NUL.
    ("a:x\0", 4, "NUL is not accepted"),
    ("\0", 1, "NUL is not accepted"),
    ("a:\"\0\"", 4, "NUL is not accepted"),
];

#[test]
fn what_the_grammar_does_not_have_is_refused_with_its_place() {
    for (input, character, expect) in TABLE {
        let error = parse(input).expect_err(input);
        assert!(error.message.contains(expect), "{input}: {error}");
        assert_eq!(error.character, Some(*character), "{input}: {error}");
        assert!(error.to_string().starts_with("invalid filter: "), "{error}");
    }
}

#[test]
fn sizes_have_limits() {
    let refused = |input: &str, expect: &str| {
        let error = parse(input).expect_err(expect).to_string();
        assert!(error.contains(expect), "{error}");
    };
    let values = |n: usize| format!("a:{}", vec!["x"; n].join("|"));
    let conditions = |n: usize| vec!["a:1"; n].join(",");
    assert!(parse(&values(MAX_VALUES)).is_ok());
    refused(&values(MAX_VALUES + 1), "more than 256 values");
    assert!(parse(&conditions(MAX_CONDITIONS)).is_ok());
    refused(&conditions(MAX_CONDITIONS + 1), "more than 64 conditions");
    refused(
        &conditions(MAX_CONDITIONS + 1).replace(',', "||"),
        "more than 64 conditions",
    );
    let most = "x".repeat(MAX_VALUE);
    assert!(parse(&format!("a:{most}")).is_ok());
    refused(&format!("a:{most}x"), "at most 2048 bytes");
    refused(&format!("a:\"{most}x\""), "at most 2048 bytes");
    refused(&format!("{}:1", "a".repeat(129)), "at most 128 characters");
    refused(
        &format!("a:{}", "x".repeat(MAX_TEXT)),
        "bytes, and 32768 is the limit",
    );
}

#[test]
fn a_megabyte_is_refused_at_once() {
    for part in [
        "a", "a:1,", "a:1||", "(", "\"", "a:\"", "\\", "|", "a:*", "é",
    ] {
        let input = part.repeat((1 << 20) / part.len());
        let started = std::time::Instant::now();
        let error = parse(&input).expect_err(part);
        assert!(error.message.contains("32768 is the limit"), "{error}");
        assert!(error.to_string().len() < 200);
        assert!(started.elapsed() < std::time::Duration::from_millis(500));
    }
}

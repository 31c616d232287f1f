use super::*;

const TEXT: &str = r#"{"a":{"b c":[1,2.5,{"d":"x"}],"n":null},"p":[{"id":"one","n":3,"on":true},
    {"id":"Two","n":1,"on":false}],"t":"q,r","s":"{\"k\":7}"}"#;

fn shown(filter: &str) -> String {
    let filter = Filter::new(filter).unwrap_or_else(|e| panic!("{filter}: {e}"));
    let value = filter.value(TEXT);
    value.map_or_else(|| "nothing".to_owned(), |v| v.text().into_owned())
}

#[test]
fn filters() {
    let check = |filter: &str, expect: &str| assert_eq!(shown(filter), expect, "{filter}");
    check(r#".a["b c"][0]"#, "1");
    check(r#".a."b c"[-1].d"#, "x");
    check(r#".a.["b c"] | length"#, "3");
    check(".p[].id", "one, Two");
    check(".p | .[] | .n", "3, 1");
    check("[.p[].n] | add", "4");
    check("[.p[] | .n, .id] | join(\"-\")", "3-one-1-Two");
    check(".p[] | select(.n > 1) | .id", "one");
    check(".p[] | select(.on and (.n == 3 or .n == 4)).id", "one");
    check(".p[] | select(.id | startswith(\"T\")) | .n", "1");
    check(".p | map(.id | ascii_downcase) | sort | first", "one");
    check(".p | map(.n) | max, min", "3, 1");
    check(".p | map(select(.on | not)) | .[0].id", "Two");
    check(".t | split(\",\") | last", "r");
    check(".s | fromjson | .k", "7");
    check(". | keys", "a, p, s, t");
    check(".p[0] | has(\"id\"), has(\"x\")", "true, false");
    check(".t | contains(\"q\")", "true");
    check(".a.n", "nothing");
    check(".a.n.deeper", "nothing");
    check(".t.deeper", "nothing");
    check(".t[]?", "nothing");
    check("[.p[].n, 1] | unique | map(tostring) | join(\" \")", "1 3");
    check("\"7\" | tonumber", "7");
    check(".p[0]", r#"{"id":"one","n":3,"on":true}"#);
    check(".a | type", "object");
    check(
        ".p[0].n != 3, .p[0].n <= 3, .p[0].id < .p[0].n",
        "false, true, false",
    );
    assert_eq!(Filter::new(".a").map(|f| f.value("no json")), Ok(None));
}

#[test]
fn what_grows_without_end_gives_nothing() {
    let many: String = format!("[{}]", vec!["1"; 300].join(","));
    let filter = Filter::new("[.[], .[]] | .[] | [.] | .[]").unwrap();
    let count = |value: Option<Value>| value.map(|v| v.text().split(", ").count());
    assert_eq!(count(filter.value(&many)), Some(600));
    let doubled = vec!["(.,.)"; 40].join("|");
    assert_eq!(count(Filter::new(&doubled).unwrap().value(&many)), None);
    let squared = Filter::new("map(.) | [.[] == .[]] | length").unwrap();
    assert_eq!(squared.value(&many), Some(Value::Int(10_000)));
}

#[test]
fn mistakes() {
    let check = |filter: &str, expect: &str| {
        assert_eq!(Filter::new(filter).unwrap_err(), expect, "{filter}");
    };
    check("", "expected a path such as `.a.b`, found the end");
    check(".a b", "`b` is not understood here");
    check(".a | (.b", "expected `)`, found the end");
    check(
        "..",
        "`..` is not among the parts of jq that are known here",
    );
    check(
        "selct(.a)",
        "there is no function `selct` here; did you mean `select`?",
    );
    check("select", "expected `(`, found the end");
    check(".[x]", "expected a number, found `x]`");
    check(".[1.5]", "a place in an array is a whole number");
    assert!(Filter::new(&"(".repeat(40)).unwrap_err().contains("nested"));
    assert!(
        Filter::new(&".a|".repeat(700))
            .unwrap_err()
            .contains("2000")
    );
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[.a\\[\\]|,()\"0-9 a-z=<>?-]{0,40}") {
        if let Ok(filter) = Filter::new(&text) {
            let _ = filter.value(TEXT);
        }
    }
}

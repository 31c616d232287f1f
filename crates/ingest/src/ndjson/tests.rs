use super::*;
use crate::IngestSettings;
use cresset_model::Value;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn limits() -> Limits {
    Limits::from(&IngestSettings::default())
}

fn list(items: &[&str]) -> Value {
    Value::List(items.iter().map(|&i| i.into()).collect())
}

#[test]
fn flattens() {
    let check = |text: &str, expect: &[(&str, Value)]| {
        let flat = flatten(text, &limits()).unwrap();
        let found: Vec<_> = flat
            .fields
            .iter()
            .map(|(n, v)| (n.as_str(), v.clone()))
            .collect();
        assert_eq!(found, expect, "{text}");
    };
    check("{}", &[]);
    check(
        r#"{"s":"x","i":-3,"f":1.5,"b":true,"n":null}"#,
        &[
            ("s", Value::str("x")),
            ("i", Value::Int(-3)),
            ("f", Value::Float(1.5)),
            ("b", Value::Bool(true)),
        ],
    );
    check(
        r#"{"a":{"b":{"c":1}},"d":2}"#,
        &[("a.b.c", Value::Int(1)), ("d", Value::Int(2))],
    );
    check(r#"{"a":{},"b":[],"c":[null]}"#, &[]);
    check(
        r#"{"a":["x",1,true,2.5,null]}"#,
        &[("a", list(&["x", "1", "true", "2.5"]))],
    );
    // As text, where the sign of zero shows.
    check(
        r#"{"a":[-0,-0.0,0.0,-0e5]}"#,
        &[("a", list(&["-0", "-0", "0", "-0"]))],
    );
    let long = format!(r#"{{"a":0.{}1e2001}}"#, "0".repeat(2_000));
    check(&long, &[("a", Value::Float(1.0))]);
    check(
        r#"{"a":[{"k":1},2]}"#,
        &[("a", Value::str(r#"[{"k":1},2]"#))],
    );
    check(
        r#"{"a":["x",[1,null]]}"#,
        &[("a", Value::str(r#"["x",[1,null]]"#))],
    );
    check(r#"{"a":1,"a":2}"#, &[("a", Value::Int(2))]);
    check(
        r#"{"a.b":1,"c":0,"a":{"b":"x"}}"#,
        &[("a.b", Value::str("x")), ("c", Value::Int(0))],
    );
    check(
        r#"{"":1,"x":{"":2}}"#,
        &[("_", Value::Int(1)), ("x.", Value::Int(2))],
    );
    check(
        r#"{"k":9232379236109516800}"#,
        &[("k", Value::str("9232379236109516800"))],
    );
    check(
        r#"{"k":-9223372036854775808}"#,
        &[("k", Value::Int(i64::MIN))],
    );
    check(
        r#"{"\u00e4":"\ud83d\ude00\n"}"#,
        &[("ä", Value::str("😀\n"))],
    );
}

#[test]
fn refuses_with_a_reason() {
    let small = Limits {
        fields: 2,
        name_bytes: 8,
        value_bytes: 100,
        depth: 3,
    };
    let check = |text: &str, expect: &str| {
        let e = flatten(text, &small).unwrap_err();
        assert!(e.contains(expect), "{text}: {e}");
    };
    check("[1]", "each item must be a JSON object");
    check("\"text\"", "each item must be a JSON object");
    check("17", "each item must be a JSON object");
    check("", "each item must be a JSON object");
    check("{\"a\":}", "expected value (column 6)");
    check("{\"a\":1", "EOF while parsing an object");
    check("{\"a\":1} x", "trailing characters (column 9)");
    check("{\"a\":1e999}", "number out of range");
    check("{\"a\":\"\u{1}\"}", "control character");
    check("{\"a\":1,\"b\":2,\"c\":3}", "more than 2 fields");
    check(
        "{\"abcd\":{\"efgh\":1}}",
        "a field name is longer than 8 bytes",
    );
    let deep = format!("{}1{}", "{\"a\":".repeat(200), "}".repeat(200));
    check(&deep, "recursion limit exceeded");
}

#[test]
fn many_small_values_do_not_take_memory() {
    let check = |text: String, expect: Option<&str>| {
        let found = flatten(&text, &limits()).err();
        assert_eq!(found.as_deref(), expect, "{}", &text[..20]);
    };
    let many = Some("more than 250000 values, where an object or array counts as 8");
    check(format!("{{\"a\":[{}0]}}", "0,".repeat(250_000)), many);
    check(format!("{{\"a\":[{}[]]}}", "[],".repeat(250_000)), many);
    check(format!("{{\"a\":[{}0]}}", "0,".repeat(240_000)), None);
    check(format!("{{\"a\":\"{}\"}}", ",".repeat(300_000)), None);
    check(format!("{{\"a\":\"{}\"}}", "{[".repeat(300_000)), None);
    check(format!("{{\"a\":\"{}\"}}", "\\\",".repeat(300_000)), None);
}

#[test]
fn nesting_counts_as_values() {
    let check = |text: String, expect: bool| {
        let refused = |e: String| e.starts_with("more than 250000 values");
        let found = flatten(&text, &limits()).err().is_some_and(refused);
        assert_eq!(found, expect, "{}", &text[..20]);
    };
    // 600 bytes of memory for each object of five bytes, without a comma between them.
    let nested = format!("{}1{}", "{\"a\":".repeat(118), "}".repeat(118));
    let array = |of: &str, times: usize| format!("{{\"x\":[{}]}}", vec![of; times].join(","));
    check(array(&nested, 4_000), true);
    check(array(&nested, 300), true);
    check(array(&nested, 200), false);
    check(array(&"[".repeat(100), 2_400), true);
    // The object and array around them, the inner ones, and the commas between.
    let fits = (250_000 - 16 + 1) / 9;
    check(array("{}", fits), false);
    check(array("{}", fits + 1), true);
    // What follows a string without an end does not matter, what precedes it does.
    check(array(&nested, 4_000) + ",\"", true);
}

#[test]
fn keeps_what_is_too_deep_as_text() {
    let small = Limits {
        depth: 1,
        ..limits()
    };
    let flat = flatten(r#"{"a":{"b":{"c":{"d":1}}}}"#, &small).unwrap();
    assert_eq!(
        flat.fields,
        [("a.b".into(), Value::str(r#"{"c":{"d":1}}"#))]
    );
}

#[test]
fn cuts_long_values_at_a_character() {
    let small = Limits {
        value_bytes: 4,
        ..limits()
    };
    let flat = flatten(
        r#"{"a":"abcd","b":"abcä","l":["ab","cd","e"],"j":[{}, 1]}"#,
        &small,
    )
    .unwrap();
    let expect = [
        ("a".into(), Value::str("abcd")),
        ("b".into(), Value::str("abc")),
        ("l".into(), list(&["ab", "cd"])),
        ("j".into(), Value::str("[{},")),
    ];
    assert_eq!(flat.fields, expect);
    assert_eq!(flat.cut, ["b", "l", "j"]);
}

#[test]
fn equal_names_are_folded_at_every_size() {
    for size in [2, 3, 31, 32, 64, 65, 130] {
        let pairs: Vec<String> = (0..size)
            .map(|n| format!("\"k{}\":{n}", n % (size / 2 + 1)))
            .collect();
        let flat = flatten(&format!("{{{}}}", pairs.join(",")), &limits()).unwrap();
        assert_eq!(flat.fields.len(), size / 2 + 1);
        for (n, (name, value)) in flat.fields.iter().enumerate() {
            let last = (0..size).filter(|m| m % (size / 2 + 1) == n).max().unwrap();
            assert_eq!(
                (name.as_str(), value),
                (&*format!("k{n}"), &Value::Int(last as i64))
            );
        }
    }
}

#[test]
fn many_equal_names_are_folded_quickly() {
    let pairs: Vec<String> = (0..5_000)
        .map(|n| format!("\"k{}\":{n}", n % 2_500))
        .collect();
    let text = format!("{{{}}}", pairs.join(","));
    let flat = flatten(&text, &limits()).unwrap();
    assert_eq!(flat.fields.len(), 2_500);
    assert_eq!(flat.fields[7], ("k7".into(), Value::Int(2_507)));
}

fn cut(body: &str) -> Vec<(u64, u64, Result<&str, &'static str>)> {
    items(body.as_bytes())
        .map(|i| {
            (
                i.index,
                i.line,
                i.text.map(|t| std::str::from_utf8(t).unwrap()),
            )
        })
        .collect()
}

#[test]
fn cuts_lines() {
    assert_eq!(cut(""), []);
    assert_eq!(cut(" \n\r\n"), []);
    assert_eq!(cut("{}"), [(0, 1, Ok("{}"))]);
    assert_eq!(
        cut("\u{feff}{}\r\n\n {\"a\":1} \nx"),
        [(0, 1, Ok("{}")), (1, 3, Ok("{\"a\":1}")), (2, 4, Ok("x")),]
    );
}

#[test]
fn cuts_arrays() {
    assert_eq!(cut("[]"), []);
    assert_eq!(cut("\n[ {} ]\n"), [(0, 2, Ok("{}"))]);
    assert_eq!(
        cut("[{\"a\":\"],\\\"{\"},\n{\"b\":[1,{}]},nonsense,{\"c\":tru}]"),
        [
            (0, 1, Ok("{\"a\":\"],\\\"{\"}")),
            (1, 2, Ok("{\"b\":[1,{}]}")),
            (2, 2, Ok("nonsense")),
            (3, 2, Ok("{\"c\":tru}")),
        ]
    );
    assert_eq!(cut("[{},]"), [(0, 1, Ok("{}"))]);
    assert_eq!(cut("[,{}]"), [(0, 1, Ok("")), (1, 1, Ok("{}"))]);
    let not_closed = "the array is not closed; this element or a later one is cut";
    assert_eq!(cut("["), [(0, 1, Err(not_closed))]);
    assert_eq!(
        cut("[{},{\"a\":\"b"),
        [(0, 1, Ok("{}")), (1, 1, Err(not_closed))]
    );
    assert_eq!(
        cut("[{}]\n[{}]"),
        [
            (0, 1, Ok("{}")),
            (1, 2, Err("there is text after the end of the array")),
        ]
    );
}

/// The plain definition of flattening, over a tree.
fn naive(prefix: &str, value: &serde_json::Value, out: &mut BTreeMap<String, Value>) {
    use serde_json::Value as Json;
    let number = |n: &serde_json::Number| match (n.as_i64(), n.as_u64()) {
        (Some(n), _) => Value::Int(n),
        (None, Some(n)) => Value::str(n.to_string()),
        (None, None) => Value::Float(n.as_f64().unwrap()),
    };
    let found = match value {
        Json::Null => return,
        Json::Bool(b) => Value::Bool(*b),
        Json::Number(n) => number(n),
        Json::String(s) => Value::str(s),
        Json::Object(map) => {
            for (k, v) in map {
                let path = if prefix.is_empty() {
                    k.clone()
                } else {
                    format!("{prefix}.{k}")
                };
                naive(&path, v, out);
            }
            return;
        }
        Json::Array(items) if items.iter().any(|i| i.is_array() || i.is_object()) => {
            Value::str(value.to_string())
        }
        Json::Array(items) => {
            let texts: Vec<_> = items
                .iter()
                .filter_map(|i| match i {
                    Json::Null => None,
                    Json::String(s) => Some(s.as_str().into()),
                    Json::Number(n) => Some(number(n).text().as_ref().into()),
                    other => Some(other.to_string().into()),
                })
                .collect();
            if texts.is_empty() {
                return;
            }
            Value::List(texts)
        }
    };
    out.insert(prefix.to_owned(), found);
}

pub(super) fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        // With few digits: `serde_json` may err in the last one, and reads what is nested deep.
        (-1_000_000..1_000_000).prop_map(|n| (f64::from(n) / 64.0).into()),
        ".{0,12}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            // Without dots, so that names cannot meet.
            prop::collection::btree_map("[a-zä_\"]{1,5}", inner, 0..6)
                .prop_map(|m| serde_json::Value::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn leaves_are_those_of_the_tree(
        map in prop::collection::btree_map("[a-z]{1,4}", any_json(), 0..90)
    ) {
        let tree = serde_json::Value::Object(map.into_iter().collect());
        let text = tree.to_string();
        let mut expect = BTreeMap::new();
        naive("", &tree, &mut expect);
        let flat = flatten(&text, &limits()).unwrap();
        let found: BTreeMap<_, _> =
            flat.fields.iter().map(|(n, v)| (n.to_string(), v.clone())).collect();
        prop_assert_eq!(found.len(), flat.fields.len());
        prop_assert_eq!(found, expect);
    }

    #[test]
    fn arbitrary_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        for item in items(&body) {
            if let Ok(text) = item.text {
                let _ = flatten(&String::from_utf8_lossy(text), &limits());
            }
        }
    }

    #[test]
    fn jsonish_bytes_never_panic(body in "[\\[\\]{},:\"\\\\a1 \n]{0,60}") {
        for item in items(body.as_bytes()) {
            if let Ok(text) = item.text {
                let _ = flatten(&String::from_utf8_lossy(text), &limits());
            }
        }
    }

    #[test]
    fn an_array_has_the_items_of_its_lines(
        objects in prop::collection::vec(any_json(), 0..8)
    ) {
        let texts: Vec<String> = objects.iter().map(ToString::to_string).collect();
        let array = format!("[{}]", texts.join(" ,\n"));
        let found: Vec<_> = cut(&array).into_iter().map(|(_, _, t)| t.unwrap().to_owned()).collect();
        prop_assert_eq!(found, texts);
    }
}

use super::super::{Flat, Limits};
use super::*;
use crate::IngestSettings;

fn quick(text: &str) -> Option<Flat> {
    let limits = Limits::from(&IngestSettings::default());
    let mut sink = Sink::new(&limits);
    read(text, &mut sink).then_some(sink.flat)
}

#[test]
fn what_is_simple_is_read_here() {
    let check = |text: &str, expect: &[(&str, Value)]| {
        let flat = quick(text).unwrap_or_else(|| panic!("{text} was left to the other"));
        let expect: Vec<_> = expect
            .iter()
            .map(|(n, v)| ((*n).into(), v.clone()))
            .collect();
        assert_eq!(flat.fields, expect, "{text}");
    };
    check(" { } \n", &[]);
    check(r#"{"a":"b"}"#, &[("a", "b".into())]);
    check(
        r#"{"a" : -12 , "b":[ ], "c":null,"d":true,"e":0}"#,
        &[
            ("a", (-12).into()),
            ("d", Value::Bool(true)),
            ("e", 0.into()),
        ],
    );
    check(
        r#"{"a":{"b":{"c":1}},"d":1.5e3}"#,
        &[("a.b.c", 1.into()), ("d", Value::Float(1500.0))],
    );
    check(
        r#"{"a\"b":"C:\\x\r\n\u00e9\t\/","l":["x","\u0041",1,false,null]}"#,
        &[
            ("a\"b", "C:\\x\r\né\t/".into()),
            (
                "l",
                Value::List(vec!["x".into(), "A".into(), "1".into(), "false".into()]),
            ),
        ],
    );
    check(
        r#"{"a":-9223372036854775808,"b":9223372036854775807,"c":[18446744073709551615]}"#,
        &[
            ("a", i64::MIN.into()),
            ("b", i64::MAX.into()),
            ("c", Value::List(vec!["18446744073709551615".into()])),
        ],
    );
    check(
        r#"{"a":9223372036854775808,"b":-1234567890123456789,"c":0.12345678901234567890123}"#,
        &[
            ("a", "9223372036854775808".into()),
            ("b", (-1_234_567_890_123_456_789).into()),
            ("c", Value::Float(0.123_456_789_012_345_68)),
        ],
    );
    let long = "é".repeat(1_000) + "\\" + &"x".repeat(999);
    let text = serde_json::json!({"long": long}).to_string();
    check(&text, &[("long", long.as_str().into())]);
}

#[test]
fn what_is_not_is_left_to_the_other() {
    for text in [
        "",
        "{",
        "}",
        "[]",
        "{,}",
        r#"{"a"}"#,
        r#"{"a":}"#,
        r#"{"a":1,}"#,
        r#"{"a":01}"#,
        r#"{"a":1.}"#,
        r#"{"a":.5}"#,
        r#"{"a":1e}"#,
        r#"{"a":-}"#,
        r#"{"a":-0}"#,
        r#"{"a":+1}"#,
        r#"{"a":1e999}"#,
        r#"{"a":1.7976931348623158e308}"#,
        r#"{"a":18446744073709551616}"#,
        r#"{"a":-9223372036854775809}"#,
        r#"{"a":100000000000000000000}"#,
        r#"{"a":tru}"#,
        r#"{"a":1} x"#,
        r#"{"a":"\x"}"#,
        r#"{"a":"\u+123"}"#,
        r#"{"a":"\ud83d\ude00"}"#,
        r#"{"a":"\"}"#,
        r#"{"a":[[]]}"#,
        r#"{"a":[1,]}"#,
        r#"{"a":[{}]}"#,
        "{\"a\":\"\u{1}\"}",
        "{\"a\":\"b",
        "{\"a\":\"b\n\"}",
    ] {
        assert!(quick(text).is_none(), "{text}");
    }
}

#[test]
fn a_special_byte_is_found_wherever_it_stands() {
    for byte in 0..=u8::MAX {
        for place in 0..20 {
            let mut bytes = [b'x'; 20];
            bytes[place] = byte;
            let expect = matches!(byte, b'"' | b'\\' | 0..0x20).then_some(place);
            assert_eq!(special(&bytes, 0), expect, "{byte} at {place}");
            assert_eq!(special(&bytes, place), expect);
        }
    }
}

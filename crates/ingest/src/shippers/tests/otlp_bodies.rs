//! OpenTelemetry's logs.

use super::{bytes, otlp_json, otlp_protobuf, reads};

#[test]
fn otlp_bodies() {
    let check = |body: &str, expect: &[&str]| reads(otlp_json(body.as_bytes()), expect, body);
    check("{}", &[]);
    check("{\"resourceLogs\":[{}]}", &[]);
    let records = |records: &str| {
        format!(
            r#"{{"resourceLogs":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"s"}}}}]}},"scopeLogs":[{{"scope":{{"name":"n"}},"logRecords":[{records}]}}]}}]}}"#
        )
    };
    check(
        &records(
            r#"{"timeUnixNano":"5000","body":{"stringValue":"x"},"severityNumber":13},{"observedTimeUnixNano":7000,"body":{"kvlistValue":{"values":[{"key":"a","value":{"intValue":"1"}}]}},"severityText":"bad","severityNumber":17},{"traceId":"00AB","spanId":"0000"}"#,
        ),
        &[
            "5 x severity=WARN severity_number=13 scope.name=n service.name=s",
            "seen 7 {\"a\":1} severity=bad severity_number=17 scope.name=n service.name=s",
            " trace_id=00ab scope.name=n service.name=s",
        ],
    );
    check(
        &records(
            r#"7,{"body":{"doubleValue":1.5},"attributes":[{"key":"l","value":{"arrayValue":{"values":[{"boolValue":true},{"stringValue":"b"}]}}},{"key":"m","value":{"kvlistValue":{"values":[{"key":"k","value":{"bytesValue":"AAE="}}]}}},{"key":"d","value":{"doubleValue":"Infinity"}},{"key":"none","value":{}}]}"#,
        ),
        &[
            "refused: Unreadable",
            "1.5 l=true, b m.k=AAE= d=inf scope.name=n service.name=s",
        ],
    );
    for none in [
        "",
        "x",
        "[]",
        "{\"resourceLogs\":[7]}",
        "{\"resourceLogs\":",
    ] {
        let said = otlp_json(none.as_bytes());
        assert!(
            said.items.is_empty() && said.broken.is_some(),
            "{none}: {said:?}"
        );
    }
}

#[test]
fn otlp_messages() {
    let text = |text: &[u8]| bytes(1, text);
    let pair = |key: &[u8], value: &[u8]| [bytes(1, key), bytes(2, value)].concat();
    let record = [
        &b"\x09\x88\x13\x00\x00\x00\x00\x00\x00"[..],
        b"\x10\x09",
        &bytes(5, &text(b"x")),
        &bytes(
            6,
            &pair(b"n", b"\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        ),
        &bytes(6, &pair(b"d", b"\x21\x00\x00\x00\x00\x00\x00\xf8\x3f")),
        &bytes(6, &pair(b"b", b"\x10\x01")),
        &bytes(6, &pair(b"raw", &bytes(7, b"\x00\x01"))),
        b"\x45\x01\x00\x00\x00",
        &bytes(9, b"\x00\xab"),
        &bytes(10, b"\x00\x00"),
        &bytes(12, b"e"),
    ]
    .concat();
    let scope = [
        bytes(2, &record),
        bytes(2, b"\x2a"),
        bytes(1, &bytes(1, b"n")),
    ]
    .concat();
    let resource = [
        bytes(2, &scope),
        bytes(1, &bytes(1, &pair(b"r", &text(b"s")))),
    ]
    .concat();
    let said = otlp_protobuf(&bytes(1, &resource));
    assert_eq!(
        said.items,
        [
            "5 x severity=INFO severity_number=9 trace_flags=1 trace_id=00ab event_name=e n=-1 d=1.5 b=true raw=AAE= scope.name=n r=s",
            "refused: Unreadable",
        ]
    );
    assert_eq!(said.broken, None);
}

#[test]
fn nesting_has_an_end() {
    let deep = |levels: usize| {
        let open = r#"{"arrayValue":{"values":["#.repeat(levels);
        let close = "]}}".repeat(levels);
        format!(
            r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{open}{close}}}]}}]}}]}}"#
        )
    };
    assert_eq!(otlp_json(deep(20).as_bytes()).items.len(), 1);
    assert!(!otlp_json(deep(20).as_bytes()).items[0].starts_with("refused"));
    assert_eq!(
        otlp_json(deep(40).as_bytes()).items,
        ["refused: Unreadable"]
    );
    let many = "{},".repeat(200_000);
    let body = format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{{"arrayValue":{{"values":[{many}{{}}]}}}}}}]}}]}}]}}"#
    );
    assert_eq!(otlp_json(body.as_bytes()).items, ["refused: Unreadable"]);
}

//! The decoders by themselves: what they read, and that nothing makes them panic.

use super::{Action, Defaults, Entry, Fault, Text, Time, elastic, loki, otlp, splunk};
use crate::IngestSettings;
use crate::ndjson::Limits;
use proptest::prelude::*;
use std::ops::ControlFlow;

/// What a decoder said, in a form that is easy to write down: per item the repo, the time, the
/// text and the fields, or why it is refused; then why the rest cannot be read.
#[derive(Debug, Default, PartialEq)]
struct Said {
    items: Vec<String>,
    broken: Option<String>,
}

fn shown(item: Result<Entry<'_>, Fault>) -> String {
    let entry = match item {
        Ok(entry) => entry,
        Err(Fault { kind, .. }) => return format!("refused: {kind:?}"),
    };
    // The normaliser refuses an object that is none.
    if let Text::Object(text) = &entry.text
        && serde_json::from_slice::<serde::de::IgnoredAny>(text).is_err()
    {
        return "refused: Unreadable".to_owned();
    }
    let text = match &entry.text {
        Text::Object(text) | Text::Line(text) => String::from_utf8_lossy(text).into_owned(),
    };
    let time = match &entry.time {
        None => String::new(),
        Some(Time::At(at)) => format!("{} ", at.0),
        Some(Time::Seen(at)) => format!("seen {} ", at.0),
        Some(Time::Written(text)) => format!("{text:?} "),
    };
    let fields = entry.fields.iter();
    let fields: String = fields
        .map(|(name, value)| format!(" {name}={}", value.text()))
        .collect();
    let repo = entry
        .repo
        .map_or(String::new(), |repo| format!("[{repo}] "));
    format!("{repo}{time}{text}{fields}")
}

fn limits() -> Limits {
    Limits::from(&IngestSettings::default())
}

/// Runs a decoder, which is given up on after `most` items.
fn run(
    most: usize,
    decoder: impl FnOnce(
        &mut dyn FnMut(Result<Entry<'_>, Fault>) -> ControlFlow<()>,
    ) -> Result<(), String>,
) -> Said {
    let mut said = Said::default();
    let read = decoder(&mut |item| {
        said.items.push(shown(item));
        if said.items.len() < most {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    said.broken = read.err();
    said
}

fn bulk(text: &[u8], index: Option<&str>) -> Said {
    run(usize::MAX, |each| {
        elastic::decode(text, index, &mut |action, item| match (action, item) {
            (Action::Delete, Ok(_)) => each(Ok(Entry::of(Text::Line(b"deleted"[..].into())))),
            (_, item) => each(item),
        })
    })
}

fn hec(text: &[u8]) -> Said {
    let defaults = Defaults {
        host: Some("gate".to_owned()),
        ..Defaults::default()
    };
    run(usize::MAX, |each| {
        splunk::events(text, &defaults, &limits(), each)
    })
}

fn loki_json(text: &[u8]) -> Said {
    run(usize::MAX, |each| loki::json(text, &limits(), each))
}

fn loki_protobuf(text: &[u8]) -> Said {
    run(usize::MAX, |each| loki::protobuf(text, each))
}

fn otlp_json(text: &[u8]) -> Said {
    run(usize::MAX, |each| otlp::json(text, each))
}

fn otlp_protobuf(text: &[u8]) -> Said {
    run(usize::MAX, |each| otlp::protobuf(text, each))
}

#[test]
fn bulk_bodies() {
    let check = |body: &str, expect: &[&str]| {
        let said = bulk(body.as_bytes(), Some("path"));
        assert_eq!(
            (&said.items[..], said.broken),
            (
                &expect.iter().map(ToString::to_string).collect::<Vec<_>>()[..],
                None
            ),
            "{body}"
        );
    };
    check("", &[]);
    check("\n \r\n", &[]);
    // The last line may end with the body, lines may end in CRLF, and blank ones stand anywhere.
    check(
        "{\"create\":{\"_index\":\"a\"}}\r\n\r\n{\"n\":1}\r\n\n{\"index\":{}}\n{\"n\":2}",
        &["[a] {\"n\":1} index=a", "[path] {\"n\":2} index=path"],
    );
    check(
        "{\"index\":{\"_index\": \"a\",\"_id\":null,\"routing\":null,\"_type\":\"_doc\",\"pipeline\":\"p\"}}\n{\"n\":1}\n",
        &["[a] {\"n\":1} index=a"],
    );
    check(
        "{\"index\":{\"_index\":\"q\\\"\",\"_id\":\"7\"}}\n{}\n",
        &["[q\"] {} index=q\" _id=7"],
    );
    check(
        "{\"delete\":{\"_id\":\"7\"}}\n{\"update\":{}}\n{\"doc\":{\"n\":1},\"doc_as_upsert\":true}\n",
        &["deleted", "[path] {\"n\":1} index=path"],
    );
    check(
        "{\"update\":{}}\n{\"script\":\"x\"}\n{\"update\":{}}\n{}\n{\"index\":{}}\n",
        &[
            "refused: Unreadable",
            "refused: Unreadable",
            "refused: Unreadable",
        ],
    );
    // What stands where an action should is one refusal, however long; then it goes on.
    check(
        "{\"index\":{}}\n{\"n\":1}\n{\"n\":\n2}\nx\n{\"index\":{}}\n{\"n\":3}\n",
        &[
            "[path] {\"n\":1} index=path",
            "refused: Unreadable",
            "[path] {\"n\":3} index=path",
        ],
    );
    for none in [
        "{}",
        "[]",
        "x",
        "{\"message\":\"a\"}\n{\"message\":\"b\"}",
        "{\"index\":{},\"create\":{}}",
        "{\"index\":7}",
    ] {
        let said = bulk(none.as_bytes(), None);
        assert!(
            said.items.is_empty() && said.broken.is_some(),
            "{none}: {said:?}"
        );
    }
}

#[test]
fn hec_bodies() {
    let check = |body: &str, expect: &[&str]| {
        let said = hec(body.as_bytes());
        assert_eq!(
            (&said.items[..], said.broken),
            (
                &expect.iter().map(ToString::to_string).collect::<Vec<_>>()[..],
                None
            ),
            "{body}"
        );
    };
    check("", &[]);
    check(
        "{\"event\":\"a\"}{\"event\":{\"n\":1},\"host\":\"h\"}\n\n {\"event\":7}",
        &["a host=gate", "{\"n\":1} host=h", "7 host=gate"],
    );
    check(
        "{\"event\":\"a\\nb\",\"time\":1738231200.123,\"index\":\"i\",\"source\":\"s\",\"sourcetype\":\"t\",\"fields\":{\"x\":\"1\",\"l\":[\"a\",\"b\"],\"o\":{\"p\":2}},\"channel\":\"c\"}",
        &["[i] \"1738231200.123\" a\nb host=gate source=s sourcetype=t index=i x=1 l=a, b o.p=2"],
    );
    check(
        "{\"event\":[1],\"time\":\"1738231200\"}",
        &["\"1738231200\" [1] host=gate"],
    );
    check(
        "[{\"event\":\"a\"},{\"event\":\"b\"}]",
        &["a host=gate", "b host=gate"],
    );
    check(
        "{\"event\":\"\"}{\"event\":null}{\"time\":1}{\"event\":\"a\",\"fields\":\"x\"}{\"event\":\"b\"}7",
        &[
            "refused: Blank",
            "refused: Blank",
            "refused: Missing",
            "refused: Unreadable",
            "b host=gate",
            "refused: Unreadable",
        ],
    );
    let said = hec(b"{\"event\":\"a\"}{\"event\":");
    assert_eq!(said.items, ["a host=gate"]);
    assert!(said.broken.is_some());
    // Bytes that are no UTF-8 cost no event.
    assert_eq!(hec(b"{\"event\":\"\xff\"}").items, ["\u{fffd} host=gate"]);
}

#[test]
fn loki_bodies() {
    let check = |body: &str, expect: &[&str]| {
        let said = loki_json(body.as_bytes());
        assert_eq!(
            (&said.items[..], said.broken),
            (
                &expect.iter().map(ToString::to_string).collect::<Vec<_>>()[..],
                None
            ),
            "{body}"
        );
    };
    check("{}", &[]);
    check("{\"streams\":[]}", &[]);
    check(
        r#"{"streams":[{"stream":{"a":"b","n":1},"values":[["1769768105123456789","x\ty",{"t":"u"}],[5000,"z"],["soon","w"]]},{"values":[["0","v"]]}]}"#,
        &[
            "1769768105123456 x\ty t=u a=b n=1",
            "5 z a=b n=1",
            "\"soon\" w a=b n=1",
            "0 v",
        ],
    );
    check(
        r#"{"streams":[7,{"stream":{},"values":[["1"],"x",{},["1000","good"]]}]}"#,
        &[
            "refused: Unreadable",
            "refused: Unreadable",
            "refused: Unreadable",
            "refused: Unreadable",
            "1 good",
        ],
    );
    for none in ["", "x", "[]", "7", "{\"streams\":"] {
        let said = loki_json(none.as_bytes());
        assert!(
            said.items.is_empty() && said.broken.is_some(),
            "{none}: {said:?}"
        );
    }
}

/// A field of bytes in protobuf, of fewer than 128.
fn bytes(number: u8, inside: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, inside.len() as u8][..], inside].concat()
}

#[test]
fn loki_messages() {
    let line = [
        bytes(1, b"\x08\x05\x10\xd0\x0f"),
        bytes(2, b"x"),
        bytes(3, &[bytes(1, b"t"), bytes(2, b"u")].concat()),
    ]
    .concat();
    // The labels may come last.
    let stream = [
        bytes(2, &line),
        bytes(2, &bytes(2, b"y")),
        bytes(2, b"\x12"),
        bytes(1, b"{a=\"b\"}"),
    ]
    .concat();
    let said = loki_protobuf(&bytes(1, &stream));
    assert_eq!(
        said.items,
        ["5000002 x t=u a=b", "y a=b", "refused: Unreadable"]
    );
    assert_eq!(said.broken, None);
    let said = loki_protobuf(&[&bytes(1, &stream)[..], b"\x0a"].concat());
    assert_eq!((said.items.len(), said.broken.is_some()), (3, true));
    assert_eq!(loki_protobuf(b""), Said::default());
}

#[test]
fn otlp_bodies() {
    let check = |body: &str, expect: &[&str]| {
        let said = otlp_json(body.as_bytes());
        assert_eq!(
            (&said.items[..], said.broken),
            (
                &expect.iter().map(ToString::to_string).collect::<Vec<_>>()[..],
                None
            ),
            "{body}"
        );
    };
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
            r#"7,{"body":{"doubleValue":1.5},"attributes":[{"key":"l","value":{"arrayValue":{"values":[{"boolValue":true},{"stringValue":"b"}]}}},{"key":"m","value":{"kvlistValue":{"values":[{"key":"k","value":{"bytesValue":"AAE="}}]}}},{"key":"none","value":{}}]}"#,
        ),
        &[
            "refused: Unreadable",
            "1.5 l=true, b m.k=AAE= scope.name=n service.name=s",
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

#[test]
fn a_decoder_stops_when_told() {
    let twice = b"{\"event\":\"a\"}{\"event\":\"b\"}";
    let said = run(1, |each| {
        splunk::events(twice, &Defaults::default(), &limits(), each)
    });
    assert_eq!(said.items, ["a"]);
    let said = run(1, |each| {
        loki::json(
            br#"{"streams":[{"values":[["1","a"],["2","b"]]},{"values":[["3","c"]]}]}"#,
            &limits(),
            each,
        )
    });
    assert_eq!(said.items, ["0 a"]);
}

const SAMPLES: [&[u8]; 4] = [
    b"{\"create\":{\"_index\":\"a\"}}\n{\"n\":1}\n{\"index\":{}}\n{\"n\":2}\n",
    b"{\"event\":\"a\",\"time\":1,\"fields\":{\"x\":[1]}}{\"event\":{\"n\":1}}",
    br#"{"streams":[{"stream":{"a":"b"},"values":[["1","x",{"t":"u"}]]}]}"#,
    br#"{"resourceLogs":[{"resource":{"attributes":[{"key":"k","value":{"intValue":"1"}}]},"scopeLogs":[{"scope":{"name":"n"},"logRecords":[{"body":{"stringValue":"x"}}]}]}]}"#,
];

fn all(text: &[u8]) -> [Said; 6] {
    [
        bulk(text, None),
        hec(text),
        loki_json(text),
        loki_protobuf(text),
        otlp_json(text),
        otlp_protobuf(text),
    ]
}

proptest! {
    #[test]
    fn no_bytes_make_a_decoder_panic(text in proptest::collection::vec(any::<u8>(), 0..200)) {
        all(&text);
    }

    #[test]
    fn no_change_of_a_good_body_makes_a_decoder_panic(
        sample in 0..SAMPLES.len(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut text = SAMPLES[sample].to_vec();
        for (at, byte) in changes {
            let at = at.index(text.len());
            text[at] = byte;
        }
        text.truncate(cut.index(text.len() + 1));
        all(&text);
    }

    /// Whatever is cut off is either missed as a whole, or said to be.
    #[test]
    fn a_body_that_is_cut_off_gives_no_event_that_was_not_sent(cut in any::<prop::sample::Index>()) {
        let decoders = [|t: &[u8]| bulk(t, None), hec, loki_json, otlp_json];
        for (sample, decoder) in SAMPLES.into_iter().zip(decoders) {
            let whole = decoder(sample);
            prop_assert!(whole.broken.is_none());
            let part = decoder(&sample[..cut.index(sample.len())]);
            let read = part.items.iter().filter(|item| !item.starts_with("refused"));
            for (n, item) in read.enumerate() {
                prop_assert_eq!(item, &whole.items[n]);
            }
        }
    }
}

//! HTTP Event Collector.

use super::{hec, reads};

#[test]
fn hec_bodies() {
    let check = |body: &str, expect: &[&str]| reads(hec(body.as_bytes()), expect, body);
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

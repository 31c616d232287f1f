//! Loki's push.

use super::{Said, bytes, loki_json, loki_protobuf, reads};

#[test]
fn loki_bodies() {
    let check = |body: &str, expect: &[&str]| reads(loki_json(body.as_bytes()), expect, body);
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

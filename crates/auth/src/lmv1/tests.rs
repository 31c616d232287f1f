use super::*;
use proptest::prelude::*;

pub(super) const ID: &str = "48v2wRzfK94y53sq5EuF";
pub(super) const KEY: &str = "H_D9i(f5~B^U36^K6i42=^nS~e75gy382Bf6{)P+";
pub(super) const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

pub(super) fn key_of(text: &str) -> SigningKey {
    SigningKey::new(SecretString::new(text))
}

/// The known answers of spec/logicmonitor-api.md §1.2: method, body, path, signature.
pub(super) const VECTORS: &[(&str, &str, &str, &str)] = &[
    (
        "GET",
        "",
        "/setting/admins/apitokens",
        "MWZlMmU1OTg4ZmVhYjBlMTJiMjNhNzVlZGFmNTc5YzdlNzc2MTBjNzk4MGE3OTMzNjMyODI5NDZhYzlhMTQ5Ng==",
    ),
    (
        "POST",
        "{}",
        "/setting/admins/32/apitokens",
        "YWFkZTE4MTJkMWM5Y2M4ZGRkMWU3NjA0YTdiMDM3YmZhOGJkZTFhYjMxNzkxYTZkN2I1YWUyYmYzNWM5ZTk2Yg==",
    ),
    (
        "POST",
        "{}\n",
        "/setting/admins/32/apitokens",
        "NjYzODkwMDA0ZTU4NmQ4NjI1M2QzZWI1ODNkMGJmYjI2NzZmOWY3MTZkN2Y2NmVjMGE3YWJhMmU4YTJkMWVlOA==",
    ),
    (
        "PUT",
        r#"{"status":1}"#,
        "/setting/admins/32/apitokens/248",
        "YTJkOTU0ZDA2OTdkYzhlN2ZkY2JkNmYxMzQ4NWMxMmNjMDg2MjBlMTk4ZGY2NzRjOGIzZTIyZWJkZmIwOGQ0Mg==",
    ),
    (
        "DELETE",
        "",
        "/setting/admins/131/apitokens/146",
        "ODA3ZWYxNzIwMzg3NjBmOWViZWIwZWE4YTYyNDVlODMyOGE2NTNlMTczMTVjNTkzNWQxODdiMWFmZDhiYzkxYw==",
    ),
    (
        "DELETE",
        "{}",
        "/setting/admins/131/apitokens/146",
        "YjRkYzYwZWI1OTE0OGMxNmZjMGJiOTdmZmVhYmU1Yjk3MWJmOTY1NjZlM2NhODUyYjVjNjY2YTczODFhOGJkMA==",
    ),
    (
        "POST",
        r#"{"note":"café"}"#,
        "/setting/admins/32/apitokens",
        "NjJlYjRlZjZkNmEzMmQ2MDY1MDRjNmY2MzU5Y2I5ZDJkZWI3NmY1NDBlMDM4NWQxNzQ3OWVkNTNmODVhODM0Mw==",
    ),
];

pub(super) fn check(
    value: &str,
    request: &SignedRequest<'_>,
    now: Timestamp,
) -> Result<(), Lmv1Error> {
    parse(value)?.verify(&key_of(KEY), request, now)
}

#[test]
fn known_answers() {
    for (method, body, path, signature) in VECTORS {
        let request = SignedRequest {
            method,
            path,
            body: body.as_bytes(),
        };
        let header = format!("LMv1 {ID}:{signature}:1700000000000");
        let key = SecretString::new(KEY);
        assert_eq!(sign(ID, &key, &request, NOW), header);
        let by_parts = super::header(ID, &key, method, path, body.as_bytes(), 1_700_000_000_000);
        assert_eq!(by_parts, header);
        assert_eq!(parse(&header).unwrap().access_id, ID);
        assert_eq!(check(&header, &request, NOW), Ok(()));
    }
}

#[test]
fn another_part_or_key_does_not_fit() {
    let request = SignedRequest {
        method: "POST",
        path: "/a/b",
        body: b"{}",
    };
    let header = sign(ID, &SecretString::new(KEY), &request, NOW);
    for other in [
        SignedRequest {
            method: "PUT",
            ..request
        },
        SignedRequest {
            path: "/a/B",
            ..request
        },
        SignedRequest {
            path: "/a/b/",
            ..request
        },
        SignedRequest {
            body: b"{} ",
            ..request
        },
        SignedRequest {
            body: b"",
            ..request
        },
    ] {
        assert_eq!(
            check(&header, &other, NOW),
            Err(Lmv1Error::Signature),
            "{other:?}"
        );
    }
    for key in ["", "h_D9i"] {
        let outcome = parse(&header).unwrap().verify(&key_of(key), &request, NOW);
        assert_eq!(outcome, Err(Lmv1Error::Signature));
    }
    let empty = SecretString::new("");
    let header = sign(ID, &empty, &request, NOW);
    assert_eq!(
        parse(&header).unwrap().verify(&key_of(""), &request, NOW),
        Err(Lmv1Error::Signature)
    );
}

#[test]
fn the_window_is_thirty_minutes_either_side() {
    let request = SignedRequest {
        method: "GET",
        path: "/x",
        body: b"",
    };
    let header = sign(ID, &SecretString::new(KEY), &request, NOW);
    for (offset, expected) in [
        (WINDOW, Ok(())),
        (Duration(-WINDOW.0), Ok(())),
        (Duration(WINDOW.0 + 1), Err(Lmv1Error::ClockSkew)),
        (Duration(-WINDOW.0 - 1), Err(Lmv1Error::ClockSkew)),
    ] {
        assert_eq!(
            check(&header, &request, NOW + offset),
            expected,
            "{offset:?}"
        );
    }
}

#[test]
fn the_path_may_be_signed_decoded_or_as_sent() {
    let key = SecretString::new(KEY);
    let sent = SignedRequest {
        method: "GET",
        path: "/a%20b%2fc%zz",
        body: b"",
    };
    for signed in ["/a b/c%zz", "/a%20b%2fc%zz"] {
        let header = sign(
            ID,
            &key,
            &SignedRequest {
                path: signed,
                ..sent
            },
            NOW,
        );
        assert_eq!(check(&header, &sent, NOW), Ok(()), "{signed}");
    }
    let header = sign(
        ID,
        &key,
        &SignedRequest {
            path: "/a%20b/c%zz",
            ..sent
        },
        NOW,
    );
    assert_eq!(check(&header, &sent, NOW), Err(Lmv1Error::Signature));
}

#[test]
fn malformed_headers() {
    let good = VECTORS[0].3;
    let raw = STANDARD.encode([7u8; 32]);
    let upper = STANDARD.encode("AB".repeat(32));
    let epoch = "1700000000000";
    for header in [
        String::new(),
        "LMv1".into(),
        "LMv1 ".into(),
        format!("LMv1 {ID}:{good}"),
        format!("LMv1 {ID}:{good}:{epoch}:x"),
        format!("LMv1  {ID}:{good}:{epoch}"),
        format!("lmv1 {ID}:{good}:{epoch}"),
        format!("LMv1 :{good}:{epoch}"),
        format!("LMv1 {ID}::{epoch}"),
        format!("LMv1 {ID}:{good}:"),
        format!("LMv1 {ID}:{good}:-1"),
        format!("LMv1 {ID}:{good}:1700000000000.0"),
        format!("LMv1 {ID}:{good}:9999999999999999999"),
        format!("LMv1 {ID}:{good} :{epoch}"),
        format!("LMv1 {ID}:{}:{epoch}", good.trim_end_matches('=')),
        format!("LMv1 {ID}:{raw}:{epoch}"),
        format!("LMv1 {ID}:{upper}:{epoch}"),
        format!("LMv1 {}:{good}:{epoch}", "a".repeat(2000)),
        format!("Bearer {ID}:{good}:{epoch}"),
    ] {
        assert_eq!(parse(&header), Err(Lmv1Error::Malformed), "{header}");
    }
}

proptest! {
    #[test]
    fn no_changed_header_is_accepted(at in 5usize..200, with in "[A-Za-z0-9+/=: ]") {
        let request = SignedRequest { method: "PUT", path: "/a", body: b"{}" };
        let header = sign(ID, &SecretString::new(KEY), &request, NOW);
        let at = at % header.len();
        let changed = format!("{}{with}{}", &header[..at], &header[at + 1..]);
        prop_assume!(changed != header);
        // The access id picks the key, it is not signed itself.
        let names_another = parse(&changed).is_ok_and(|h| h.access_id != ID);
        prop_assert!(names_another || check(&changed, &request, NOW).is_err());
    }

    #[test]
    fn any_request_round_trips(method in "[A-Z]{3,6}", path in "/[ -~]{0,40}", body in any::<Vec<u8>>()) {
        let request = SignedRequest { method: &method, path: &path, body: &body };
        let header = sign(ID, &SecretString::new(KEY), &request, NOW);
        prop_assert_eq!(check(&header, &request, NOW), Ok(()));
    }

    #[test]
    fn any_text_is_judged(text in "(LMv1 )?[A-Za-z0-9:+/=%é \\n]{0,200}") {
        if let Ok(header) = parse(&text) {
            prop_assert!(text.starts_with("LMv1 ") && text.contains(header.access_id));
        }
    }
}

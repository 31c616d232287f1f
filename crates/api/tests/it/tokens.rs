//! Tokens that somebody made up, took from elsewhere or kept too long.

use crate::rules::rule;
use crate::site::{ALL, Answer, JSON, Site, key_of, request};
use axum::body::Body;
use axum::http::{HeaderValue, Request};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use cresset_model::Clock as _;
use ring::hmac;
use serde_json::{Value, json};

const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// `header` and `payload` as they are, signed with HMAC-SHA256.
fn signed(header: &[u8], payload: &[u8], key: &[u8]) -> String {
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let text = format!("{}.{}", encode(header), encode(payload));
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let signature = encode(hmac::sign(&key, text.as_bytes()).as_ref());
    format!("{text}.{signature}")
}

/// Claims of a good token of admin.
fn claims(now: i64) -> Value {
    json!({"iss": "self-signed", "sub": "admin", "scope": ALL, "iat": now, "exp": now + 3600})
}

/// Good claims with some replaced; `null` takes one out.
fn with(now: i64, changes: &Value) -> String {
    let mut all = claims(now);
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            all.as_object_mut().unwrap().remove(name);
        } else {
            all[name] = value.clone();
        }
    }
    all.to_string()
}

/// Headers that no signature makes good.
const HEADERS: [&str; 24] = [
    r#"{"alg":"none"}"#,
    r#"{"alg":"None"}"#,
    r#"{"alg":"NONE"}"#,
    r#"{"alg":"nOnE"}"#,
    r#"{"alg":"none "}"#,
    r#"{"alg":""}"#,
    r#"{"alg":"RS256"}"#,
    r#"{"alg":"ES256"}"#,
    r#"{"alg":"PS256"}"#,
    r#"{"alg":"HS1"}"#,
    r#"{"alg":"hs256"}"#,
    r#"{"alg":"HS256\u0000"}"#,
    r#"{"alg":null}"#,
    r#"{"alg":256}"#,
    r#"{"alg":["HS256"]}"#,
    r#"{"typ":"JWT"}"#,
    r#"{"alg":"none","alg":"HS256"}"#,
    r#"{"alg":"HS256","typ":"JWE"}"#,
    r#"{"alg":"HS256","crit":["exp"]}"#,
    r#"{"alg":"HS256","jku":"https://keys.example/"}"#,
    r#"{"alg":"HS256","jwk":{"kty":"oct","k":"AAAA"}}"#,
    r#"{"alg":"HS256","x5c":["AAAA"]}"#,
    r#"["HS256"]"#,
    "HS256",
];

/// Payloads that do not read as claims of anybody, and subjects that only look like admin.
fn payloads(now: i64) -> Vec<String> {
    let good = claims(now).to_string();
    let nested = "[".repeat(2000) + &"]".repeat(2000);
    let mut all: Vec<String> = [
        // Nobody, or not as text.
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"sub": ["admin"]}),
        json!({"sub": {"name": "admin"}}),
        json!({"sub": 1}),
        json!({"sub": "x".repeat(300)}),
        // Other people who look like admin.
        json!({"sub": "\u{430}dmin"}),
        json!({"sub": "admin\u{0}"}),
        json!({"sub": "admin\u{200d}"}),
        json!({"sub": "\u{ff41}dmin"}),
        json!({"sub": "\u{202e}nimda"}),
        json!({"sub": "admin "}),
        json!({"sub": "admin'--"}),
        json!({"sub": "ADMIN"}),
    ]
    .iter()
    .map(|changes| with(now, changes))
    .collect();
    all.extend([
        good.replace("\"sub\":", "\"sub\":\"bob\",\"sub\":"),
        good.replace("\"exp\":", "\"exp\":1,\"exp\":"),
        good.replace("\"exp\":", "\"exp\":1e400,\"e\":"),
        good.replace("\"admin\"", &nested),
        format!("\u{feff}{good}"),
        format!("{good}{good}"),
        good[..good.len() - 1].to_owned(),
        format!("[{good}]"),
        json!(good).to_string(),
        String::new(),
    ]);
    all
}

/// Tokens whose form or signature is wrong, each with a name.
fn forms(now: i64) -> Vec<(&'static str, String)> {
    let (payload, key) = (claims(now).to_string(), key_of("admin"));
    let sign =
        |header: &str, key: &str| signed(header.as_bytes(), payload.as_bytes(), key.as_bytes());
    let good = sign(HEADER, key.expose());
    let parts: Vec<&str> = good.split('.').collect();
    let (head, body, signature) = (parts[0], parts[1], parts[2]);
    let others = with(now, &json!({"sub": "bob"}));
    let others = URL_SAFE_NO_PAD.encode(others);
    let mut stretched = signature.to_owned();
    let last = stretched.pop().unwrap();
    // The last of 43 digits carries two bits that mean nothing.
    let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let next = digits.find(last).unwrap() + 1;
    stretched.push(digits.as_bytes()[next].into());
    let raw = URL_SAFE_NO_PAD.decode(signature).unwrap();
    vec![
        ("the empty key", sign(HEADER, "")),
        (
            "another key",
            sign(HEADER, "0123456789abcdef0123456789abcdef"),
        ),
        ("another user's key", sign(HEADER, key_of("bob").expose())),
        (
            "the key in capitals",
            sign(HEADER, &key.expose().to_uppercase()),
        ),
        (
            "the key and a line end",
            sign(HEADER, &format!("{}\n", key.expose())),
        ),
        (
            "the key in base64",
            sign(HEADER, &URL_SAFE.encode(key.expose())),
        ),
        (
            "a shorter HMAC than it says",
            sign(r#"{"alg":"HS512"}"#, key.expose()),
        ),
        ("no signature", format!("{head}.{body}.")),
        (
            "alg none without a signature",
            format!("{}.{body}.", URL_SAFE_NO_PAD.encode(HEADERS[0])),
        ),
        (
            "half a signature",
            format!("{head}.{body}.{}", &signature[..20]),
        ),
        (
            "a longer signature",
            format!("{head}.{body}.{signature}AAAA"),
        ),
        ("unused bits set", format!("{head}.{body}.{stretched}")),
        ("padded", format!("{head}.{body}.{}", URL_SAFE.encode(&raw))),
        (
            "ordinary base64",
            format!("{head}.{body}.{}/+", STANDARD_NO_PAD.encode(&raw)),
        ),
        ("another's claims", format!("{head}.{others}.{signature}")),
        (
            "signature zeroed",
            format!("{head}.{body}.{}", URL_SAFE_NO_PAD.encode([0; 32])),
        ),
        ("trailing dot", format!("{good}.")),
        ("leading dot", format!(".{good}")),
        ("two parts", format!("{head}.{body}")),
        ("five parts of JWE", format!("{good}.{body}.{signature}")),
        ("dots", "..".to_owned()),
        ("nothing", String::new()),
        ("a blank inside", format!("{head}. {body}.{signature}")),
        ("a tab inside", format!("{head}.\t{body}.{signature}")),
        ("percent-encoded", good.replace('.', "%2E")),
        ("in quotes", format!("\"{good}\"")),
        ("two tokens", format!("{good} {good}")),
        ("two tokens with a comma", format!("{good}, Bearer {good}")),
        (
            "more than a token may hold",
            format!("{head}.{}.{signature}", "A".repeat(9000)),
        ),
        ("the key itself", key.expose().to_owned()),
    ]
}

fn with_header(value: &[u8]) -> Request<Body> {
    Request::post("/AlertRules/create_api")
        .header("content-type", JSON)
        .header("authorization", HeaderValue::from_bytes(value).unwrap())
        .body(rule("A forged rule").to_string().into())
        .unwrap()
}

/// The documented shape of a refusal, which gives nothing away.
fn assert_refused(name: &str, answer: &Answer) -> String {
    assert_eq!(answer.status, 401, "{name}: {answer:?}");
    assert_eq!(answer.headers["www-authenticate"], "Bearer", "{name}");
    let keys: Vec<&String> = answer.json.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["error", "status_code"], "{name}: {answer:?}");
    assert_eq!(answer.json["status_code"], json!(401), "{name}");
    let text = answer.json["error"].as_str().unwrap().to_owned();
    assert!(
        !text.is_empty() && !text.contains(key_of("admin").expose()),
        "{name}: {text}"
    );
    text
}

#[tokio::test]
async fn what_is_not_provably_signed_learns_one_text() {
    let site = Site::new().await;
    let now = site.clock.now().secs();
    let key = key_of("admin");
    let sign = |header: &str, payload: &str| {
        signed(
            header.as_bytes(),
            payload.as_bytes(),
            key.expose().as_bytes(),
        )
    };
    let mut tokens: Vec<(String, Vec<u8>)> = Vec::new();
    for (name, token) in forms(now) {
        tokens.push((name.to_owned(), token.into_bytes()));
    }
    for header in HEADERS {
        let token = sign(header, &claims(now).to_string());
        tokens.push((header.to_owned(), token.into_bytes()));
    }
    for payload in payloads(now) {
        let shown = payload.chars().take(160).collect();
        tokens.push((shown, sign(HEADER, &payload).into_bytes()));
    }
    let invalid = signed(
        HEADER.as_bytes(),
        b"{\"sub\":\"\xff\"}",
        key.expose().as_bytes(),
    );
    tokens.push(("not UTF-8".to_owned(), invalid.into_bytes()));
    tokens.push(("bytes over 127".to_owned(), b"\xc3\xa9.\xff.\xfe".to_vec()));
    assert!(tokens.len() >= 30);
    for (n, (name, token)) in tokens.iter().enumerate() {
        let value = [b"Bearer ".as_slice(), token].concat();
        // Another address each time, so that the throttle stays out of it.
        let peer = format!("10.1.{}.{}:1", n / 256, n % 256);
        let answer = site.send_from(&peer, with_header(&value)).await;
        assert_eq!(assert_refused(name, &answer), "Invalid token", "{name}");
    }
    // Nothing came of any of it.
    let list = site.call("admin", "GET", "/AlertRules/lists_api", &Value::Null);
    assert_eq!(list.await.json["total"], json!(0));
}

#[tokio::test]
async fn what_is_signed_but_not_valid_is_told_why() {
    let site = Site::new().await;
    let now = site.clock.now().secs();
    let key = key_of("admin");
    for (changes, part) in [
        (json!({"iss": "Self-Signed"}), "issuer"),
        (json!({"iss": "self-signed "}), "issuer"),
        (json!({"iss": "https://issuer.example"}), "issuer"),
        (json!({"aud": "cresset"}), "audience"),
        (json!({"aud": []}), "audience"),
        (json!({"iat": now - 7200, "exp": now - 3600}), "expired"),
        (json!({"exp": 0}), "expired"),
        (json!({"exp": now - 61}), "expired"),
        (
            json!({"iat": now + 3600, "exp": now + 7200}),
            "not valid yet",
        ),
        (json!({"nbf": now + 3600}), "not valid yet"),
        (json!({"exp": now + 10 * 365 * 86_400}), "lifetime"),
        (json!({"exp": now + 86_401}), "lifetime"),
        (json!({"iat": 0}), "lifetime"),
        (
            json!({"iat": now + 30, "exp": now + 20}),
            "not later than its iat",
        ),
        (json!({"iss": null}), "claim \"iss\""),
        (json!({"iss": ["self-signed"]}), "claim \"iss\""),
        (json!({"scope": null}), "claim \"scope\""),
        (json!({"scope": ["alertrules:read"]}), "claim \"scope\""),
        (json!({"iat": null}), "claim \"iat\""),
        (json!({"iat": now.to_string()}), "claim \"iat\""),
        (json!({"iat": 1.5}), "claim \"iat\""),
        (json!({"iat": -1}), "claim \"iat\""),
        (json!({"iat": true}), "claim \"iat\""),
        (json!({"iat": u64::MAX}), "claim \"iat\""),
        (json!({"exp": null}), "claim \"exp\""),
        (json!({"exp": (now + 60).to_string()}), "claim \"exp\""),
        (json!({"exp": 1.5}), "claim \"exp\""),
        (json!({"exp": -1}), "claim \"exp\""),
        (json!({"exp": i64::MAX}), "claim \"exp\""),
        (json!({"exp": [now + 60]}), "claim \"exp\""),
        (json!({"nbf": "now"}), "claim \"nbf\""),
    ] {
        let payload = with(now, &changes);
        let token = signed(
            HEADER.as_bytes(),
            payload.as_bytes(),
            key.expose().as_bytes(),
        );
        let answer = site
            .send(with_header(format!("Bearer {token}").as_bytes()))
            .await;
        let text = assert_refused(&changes.to_string(), &answer);
        assert!(text.contains(part), "{changes}: {text}");
    }
    let list = site.call("admin", "GET", "/AlertRules/lists_api", &Value::Null);
    assert_eq!(list.await.json["total"], json!(0));
}

#[tokio::test]
async fn other_schemes_and_more_than_one_header_are_refused() {
    let site = Site::new().await;
    let good = site.token("admin", ALL);
    for value in [
        good.clone(),
        format!("Basic {good}"),
        format!("Bearer{good}"),
        format!("Token {good}"),
        format!("Bearer: {good}"),
        "Bearer".to_owned(),
    ] {
        let answer = site.send(with_header(value.as_bytes())).await;
        assert_eq!(assert_refused(&value, &answer), "Invalid token");
    }
    let mut twice = with_header(format!("Bearer {good}").as_bytes());
    let again = HeaderValue::from_str(&format!("Bearer {good}")).unwrap();
    twice.headers_mut().append("authorization", again);
    assert_eq!(
        assert_refused("twice", &site.send(twice).await),
        "Invalid token"
    );
}

/// The controls: what differs from the refused ones in nothing but the fault.
#[tokio::test]
async fn harmless_differences_are_accepted() {
    let site = Site::new().await;
    let now = site.clock.now().secs();
    let key = key_of("admin");
    let sign = |header: &str, changes: &Value| {
        let payload = with(now, changes);
        signed(
            header.as_bytes(),
            payload.as_bytes(),
            key.expose().as_bytes(),
        )
    };
    let good = sign(HEADER, &json!({}));
    for value in [
        format!("Bearer {good}"),
        format!("bearer {good}"),
        format!("BEARER   {good} "),
        format!("Bearer {}", sign(r#"{"alg":"HS256"}"#, &json!({}))),
        format!(
            "Bearer {}",
            sign(r#"{"alg":"HS256","typ":"jwt","kid":"1"}"#, &json!({}))
        ),
        format!(
            "Bearer {}",
            sign(HEADER, &json!({"scope": format!("user:read {ALL}")}))
        ),
        format!(
            "Bearer {}",
            sign(HEADER, &json!({"jti": "x", "nbf": now, "extra": [1]}))
        ),
        format!(
            "Bearer {}",
            sign(HEADER, &json!({"exp": now as f64 + 60.0}))
        ),
        format!(
            "Bearer {}",
            sign(HEADER, &json!({"exp": now - 59, "iat": now - 100}))
        ),
    ] {
        let mut asked = request("GET", "/AlertRules/lists_api", None, JSON, "");
        let header = HeaderValue::from_str(&value).unwrap();
        asked.headers_mut().insert("authorization", header);
        let answer = site.send(asked).await;
        assert_eq!(answer.status, 200, "{value}: {answer:?}");
    }
}

use super::*;
use cresset_model::user::Scope;
use proptest::prelude::*;
use ring::hmac;

const NOW: Timestamp = Timestamp::from_secs(1_746_000_100);
const LEEWAY: Duration = Duration::seconds(60);

fn key() -> SecretString {
    SecretString::new("0123456789abcdef0123456789abcdef")
}

fn key_of(text: &str) -> SigningKey {
    SigningKey::new(SecretString::new(text))
}

fn good() -> SignClaims {
    SignClaims {
        sub: "admin".into(),
        scope: "user:read alertrules:write logsources:read".into(),
        iat: Timestamp::from_secs(1_746_000_000),
        exp: Timestamp::from_secs(1_746_003_600),
    }
}

/// A token of exactly these texts, signed with `secret` by `alg`.
fn craft(header: &str, payload: &str, secret: &str, alg: Alg) -> String {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let signed = format!("{}.{}", encode(header), encode(payload));
    let algorithm = match alg {
        Alg::HS256 => hmac::HMAC_SHA256,
        Alg::HS384 => hmac::HMAC_SHA384,
        Alg::HS512 => hmac::HMAC_SHA512,
    };
    let key = hmac::Key::new(algorithm, secret.as_bytes());
    let tag = hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

fn verdict(token: &str) -> Result<Claims, JwtError> {
    decode(token)?.verify(
        &SigningKey::new(key()),
        NOW,
        Some(Duration::hours(24)),
        LEEWAY,
    )
}

#[test]
fn a_signed_token_verifies_with_every_algorithm() {
    for alg in [Alg::HS256, Alg::HS384, Alg::HS512] {
        let claims = verdict(&sign(&good(), &key(), alg)).unwrap();
        assert_eq!(claims.sub, "admin");
        assert_eq!(claims.exp, Timestamp::from_secs(1_746_003_600));
        // The plural counts, the unknown one is dropped.
        let scopes: Vec<_> = claims.scope.iter().collect();
        assert_eq!(scopes, [Scope::LogsourceRead, Scope::AlertrulesWrite]);
    }
}

/// What a key is made ready with is worked out once: one token leaves no trace for the next.
#[test]
fn one_key_verifies_many_tokens() {
    let held = SigningKey::new(key());
    for alg in [Alg::HS256, Alg::HS512, Alg::HS384, Alg::HS256, Alg::HS512] {
        let token = sign(&good(), &key(), alg);
        let verdict = decode(&token).unwrap().verify(&held, NOW, None, LEEWAY);
        assert_eq!(verdict.unwrap().sub, "admin", "{alg:?}");
        let token = sign(&good(), &SecretString::new("another"), alg);
        let verdict = decode(&token).unwrap().verify(&held, NOW, None, LEEWAY);
        assert_eq!(verdict, Err(JwtError::Signature), "{alg:?}");
    }
}

/// PyJWT 2.10: `jwt.encode({"sub": "admin", "scope": "search:read", "iat": 1746000000,
/// "exp": 1746003600, "iss": "self-signed"}, "secret", algorithm="HS256")`.
#[test]
fn a_token_of_pyjwt_verifies() {
    let token = concat!(
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.",
        "eyJzdWIiOiJhZG1pbiIsInNjb3BlIjoic2VhcmNoOnJlYWQiLCJpYXQiOjE3NDYwMDAwMDAsImV4cCI6MTc0NjAwMz",
        "YwMCwiaXNzIjoic2VsZi1zaWduZWQifQ.",
        "TP7YxZ5I0PS0spj1o9Zg1e9qgIuRGh4bBwRq3wAOCmo"
    );
    let claims = decode(token)
        .unwrap()
        .verify(&key_of("secret"), NOW, None, LEEWAY)
        .unwrap();
    assert!(claims.scope.contains(Scope::SearchRead));
}

#[test]
fn a_decoded_token_prints_without_its_signature() {
    let token = sign(&good(), &key(), Alg::HS256);
    let decoded = decode(&token).unwrap();
    let printed = format!("{decoded:?}");
    assert!(printed.contains("admin"), "{printed}");
    let parts = token.split('.').skip(1);
    for secret in parts
        .map(str::to_owned)
        .chain([format!("{:?}", decoded.signature.as_bytes())])
    {
        assert!(!printed.contains(&secret), "{printed}");
    }
}

const H: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
const P: &str = r#"{"iss":"self-signed","sub":"admin","scope":"search:read","iat":1746000000,"exp":1746003600}"#;
const K: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn forged_headers_are_refused_before_a_key_is_looked_at() {
    let table: &[(&str, JwtError)] = &[
        (r#"{"alg":"none"}"#, JwtError::Algorithm),
        (r#"{"alg":"None"}"#, JwtError::Algorithm),
        (r#"{"alg":"NONE"}"#, JwtError::Algorithm),
        (r#"{"alg":""}"#, JwtError::Algorithm),
        (r#"{"alg":"hs256"}"#, JwtError::Algorithm),
        (r#"{"alg":"HS256 "}"#, JwtError::Algorithm),
        (r#"{"alg":"HS256\u0000"}"#, JwtError::Algorithm),
        (r#"{"alg":"HS1"}"#, JwtError::Algorithm),
        (r#"{"alg":"RS256"}"#, JwtError::Algorithm),
        (r#"{"alg":"ES256"}"#, JwtError::Algorithm),
        (r#"{"alg":"PS512"}"#, JwtError::Algorithm),
        (r#"{"alg":"EdDSA"}"#, JwtError::Algorithm),
        (r#"{"alg":"dir","enc":"A256GCM"}"#, JwtError::Algorithm),
        (r#"{"alg":"НS256"}"#, JwtError::Algorithm), // Cyrillic En
        (r#"{"alg":["HS256"]}"#, JwtError::Header),
        (r#"{"alg":null}"#, JwtError::Header),
        (r#"{"alg":256}"#, JwtError::Header),
        (r#"{"typ":"JWT"}"#, JwtError::Header),
        (r#"{"alg":"none","alg":"HS256"}"#, JwtError::Header),
        (
            r#"["HS256","JWT",null,null,null,null,null]"#,
            JwtError::Header,
        ),
        (r#""HS256""#, JwtError::Header),
        (r#"{"alg":"HS256""#, JwtError::Header),
        (r#"{"alg":"HS256"} {}"#, JwtError::Header),
        (r#"{"alg":"HS256","typ":"JWE"}"#, JwtError::Header),
        (r#"{"alg":"HS256","typ":1}"#, JwtError::Header),
        (
            r#"{"alg":"HS256","crit":["exp"]}"#,
            JwtError::HeaderParameter("crit"),
        ),
        (
            r#"{"alg":"HS256","crit":[]}"#,
            JwtError::HeaderParameter("crit"),
        ),
        (
            r#"{"alg":"HS256","jku":"https://a.example/"}"#,
            JwtError::HeaderParameter("jku"),
        ),
        (
            r#"{"alg":"HS256","jwk":{"kty":"oct","k":"AA"}}"#,
            JwtError::HeaderParameter("jwk"),
        ),
        (
            r#"{"alg":"HS256","x5u":"https://a.example/"}"#,
            JwtError::HeaderParameter("x5u"),
        ),
        (
            r#"{"alg":"HS256","x5c":["MIIB"]}"#,
            JwtError::HeaderParameter("x5c"),
        ),
    ];
    for (header, expected) in table {
        let token = craft(header, P, K, Alg::HS256);
        assert_eq!(decode(&token).err().as_ref(), Some(expected), "{header}");
    }
}

#[test]
fn forged_claims_are_refused() {
    let with = |from: &str, to: &str| P.replace(from, to);
    let table: &[(String, JwtError)] = &[
        (with("self-signed", "Self-Signed"), JwtError::Issuer),
        (with("self-signed", "self-signed "), JwtError::Issuer),
        (
            with(r#""self-signed""#, r#"["self-signed"]"#),
            JwtError::Claim("iss"),
        ),
        (with(r#""iss":"self-signed","#, ""), JwtError::Claim("iss")),
        (with(r#""sub":"admin","#, ""), JwtError::Claim("sub")),
        (with(r#""admin""#, r#""""#), JwtError::Claim("sub")),
        (with(r#""admin""#, "1"), JwtError::Claim("sub")),
        (with("admin", r"admin\u0000"), JwtError::Claim("sub")),
        (with("admin", &"a".repeat(257)), JwtError::Claim("sub")),
        (
            with(r#""sub":"admin""#, r#""sub":"a","sub":"admin""#),
            JwtError::Claims,
        ),
        (
            with(r#""scope":"search:read","#, ""),
            JwtError::Claim("scope"),
        ),
        (
            with(r#""search:read""#, r#"["search:read"]"#),
            JwtError::Claim("scope"),
        ),
        (with(r#","exp":1746003600"#, ""), JwtError::Claim("exp")),
        (
            with("1746003600", r#""1746003600""#),
            JwtError::Claim("exp"),
        ),
        (with("1746003600", "1746003600.5"), JwtError::Claim("exp")),
        (with("1746003600", "true"), JwtError::Claim("exp")),
        (with("1746003600", "-1"), JwtError::Claim("exp")),
        (with("1746003600", "1e300"), JwtError::Claim("exp")),
        (
            with("1746003600", "99999999999999999999"),
            JwtError::Claim("exp"),
        ),
        (with("1746003600", "1e400"), JwtError::Claims),
        (with("1746003600", "NaN"), JwtError::Claims),
        (with("1746003600", "253402300799"), JwtError::Lifetime),
        (with("1746003600", "1746086401"), JwtError::Lifetime),
        (
            with(
                "\"iat\":1746000000,\"exp\":1746003600",
                "\"iat\":1746000099,\"exp\":1746000099",
            ),
            JwtError::NoLifetime,
        ),
        (with("1746003600", "1746000040"), JwtError::Expired),
        (with(r#""iat":1746000000,"#, ""), JwtError::Claim("iat")),
        (with("1746000000", "1746000161"), JwtError::NotYetValid),
        (
            with("\"iat\"", "\"nbf\":1746000161,\"iat\""),
            JwtError::NotYetValid,
        ),
        (
            with("\"iat\"", "\"nbf\":\"now\",\"iat\""),
            JwtError::Claim("nbf"),
        ),
        (
            with("\"iat\"", "\"aud\":\"elsewhere\",\"iat\""),
            JwtError::Audience,
        ),
        (format!("[{P}]"), JwtError::Claims),
        ("null".to_owned(), JwtError::Claims),
        (String::new(), JwtError::Claims),
        (format!("{P}x"), JwtError::Claims),
        ("[".repeat(5000), JwtError::Claims),
    ];
    for (payload, expected) in table {
        let token = craft(H, payload, K, Alg::HS256);
        assert_eq!(verdict(&token).as_ref(), Err(expected), "{payload}");
    }
}

#[test]
fn a_mistake_in_the_claims_shows_only_after_the_signature() {
    let table = [
        (
            P.replace(r#","exp":1746003600"#, ""),
            JwtError::Claim("exp"),
        ),
        (
            P.replace(r#""iat":1746000000,"#, ""),
            JwtError::Claim("iat"),
        ),
        (
            P.replace(r#""scope":"search:read","#, ""),
            JwtError::Claim("scope"),
        ),
    ];
    for (payload, told) in table {
        let signed = craft(H, &payload, K, Alg::HS256);
        assert_eq!(verdict(&signed), Err(told), "{payload}");
        let forged = craft(H, &payload, "another key", Alg::HS256);
        assert_eq!(verdict(&forged), Err(JwtError::Signature), "{payload}");
    }
    let text = JwtError::Claim("exp").to_string();
    assert_eq!(
        text,
        "the token's claim \"exp\" is missing or is not a whole number of seconds since 1970"
    );
}

#[test]
fn forged_signatures_and_shapes_are_refused() {
    let good = craft(H, P, K, Alg::HS256);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let table: Vec<(String, JwtError)> = vec![
        (String::new(), JwtError::Structure),
        (".".into(), JwtError::Structure),
        ("..".into(), JwtError::Header),
        (signed.to_owned(), JwtError::Structure),
        (format!("{signed}."), JwtError::Structure),
        (format!("{good}."), JwtError::Structure),
        (format!("{good}="), JwtError::Structure),
        (format!(" {good}"), JwtError::Structure),
        (format!("{good}\n"), JwtError::Structure),
        (good.replace('.', ".."), JwtError::Structure),
        (
            format!("{signed}.{}", &signature[..42]),
            JwtError::Structure,
        ),
        (
            format!("{signed}.{}", &signature[..40]),
            JwtError::Signature,
        ),
        (format!("{signed}.{signature}AAAA"), JwtError::Signature),
        (format!("{signed}.{}", "A".repeat(43)), JwtError::Signature),
        (craft(H, P, "", Alg::HS256), JwtError::Signature),
        (
            craft(H, P, "0123456789ABCDEF0123456789ABCDEF", Alg::HS256),
            JwtError::Signature,
        ),
        (craft(H, P, K, Alg::HS512), JwtError::Signature),
        (
            craft(r#"{"alg":"HS512"}"#, P, K, Alg::HS256),
            JwtError::Signature,
        ),
        (
            craft(r#"{"alg":"HS256","kid":"/dev/null"}"#, P, "", Alg::HS256),
            JwtError::Signature,
        ),
        (
            craft(H, &"x".repeat(9000), K, Alg::HS256),
            JwtError::TooLong,
        ),
        ("é.é.é".into(), JwtError::Structure),
    ];
    assert!(verdict(&good).is_ok());
    for (token, expected) in table {
        assert_eq!(verdict(&token).as_ref(), Err(&expected), "{token}");
    }
}

#[test]
fn an_empty_key_fits_nothing() {
    let token = craft(H, P, "", Alg::HS256);
    let outcome = decode(&token)
        .unwrap()
        .verify(&key_of(""), NOW, None, LEEWAY);
    assert_eq!(outcome, Err(JwtError::Signature));
}

#[test]
fn whole_numbers_written_as_floats_and_the_leeway_count() {
    for payload in [
        P.replace("1746003600", "1746003600.0"),
        P.replace("1746003600", "1.7460036e9"),
        P.replace("1746003600", "1746000041"),
        P.replace("1746000000", "1746000160"),
        P.replace("\"iat\"", "\"nbf\":1746000000,\"jti\":[1],\"iat\""),
        P.replace("\"iat\"", "\"nbf\":null,\"aud\":null,\"iat\""),
        // Longer than most.
        P.replace(
            "\"iat\"",
            &format!("\"jti\":\"{}\",\"iat\"", "j".repeat(600)),
        ),
    ] {
        assert!(
            verdict(&craft(H, &payload, K, Alg::HS256)).is_ok(),
            "{payload}"
        );
    }
    for header in [
        r#"{"alg":"HS256"}"#,
        r#" {"typ":"jwt","alg":"HS256","kid":"1"} "#,
    ] {
        assert!(
            verdict(&craft(header, P, K, Alg::HS256)).is_ok(),
            "{header}"
        );
    }
}

proptest! {
    /// No single changed character of a valid token is accepted: the base64 reading is
    /// strict, so two texts never mean the same token.
    #[test]
    fn every_mutation_is_refused(at in 0usize..1000, with in "[A-Za-z0-9_.=-]") {
        let token = craft(H, P, K, Alg::HS256);
        let at = at % token.len();
        let changed = format!("{}{with}{}", &token[..at], &token[at + 1..]);
        prop_assume!(changed != token);
        prop_assert!(verdict(&changed).is_err());
    }

    #[test]
    fn decoding_is_total(text in ".{0,200}") {
        let _ = decode(&text);
    }
}

#[test]
fn usual_headers_say_what_they_say_when_read() {
    for alg in [Alg::HS256, Alg::HS384, Alg::HS512] {
        let name = alg.as_str();
        for header in [
            format!(r#"{{"alg":"{name}","typ":"JWT"}}"#),
            format!(r#"{{"typ":"JWT","alg":"{name}"}}"#),
        ] {
            let read = object::<Header>(header.as_bytes()).unwrap().judge();
            assert_eq!(read, Ok(alg), "{header}");
            let written = URL_SAFE_NO_PAD.encode(&header);
            assert_eq!(usual(&written), Some(alg), "{header}");
        }
    }
    assert_eq!(usual(&URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#)), None);
}

//! What it costs to judge a credential, beside the bare HMAC over the same bytes.
//!
//! `cargo bench -p cresset-auth`. The bound is 3 µs for a signed request and for a JWT. They are
//! verified with a key as the server holds it from one request to the next; the bare HMAC begins
//! with the key's text.

use cresset_auth::bearer::BearerToken;
use cresset_auth::jwt::{self, Alg, SignClaims};
use cresset_auth::lmv1::{self, SignedRequest};
use cresset_auth::quota::{Key, Limits, Quota, Verb};
use cresset_auth::replay::ReplayCache;
use cresset_auth::signing_key::SigningKey;
use cresset_model::{Duration, Entropy, SecretString, Timestamp};
use criterion::Criterion;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha384, Sha512};
use std::hint::black_box;

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
const ACCESS_ID: &str = "AAAAAAAAAAAAAAAAAAAA";

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    signed_request(&mut criterion);
    self_signed_token(&mut criterion);
    bearer_token(&mut criterion);
    budget(&mut criterion);
    criterion.final_summary();
}

fn bare_hmac<M: Mac + KeyInit>(key: &SecretString, message: &[u8], tag: &[u8]) -> bool {
    <M as KeyInit>::new_from_slice(key.expose().as_bytes())
        .is_ok_and(|hmac| hmac.chain_update(message).verify_slice(tag).is_ok())
}

fn signed_request(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lmv1");
    let key = SecretString::new("k".repeat(40));
    let path = "/setting/admins/32/apitokens/248";
    let requests: [(&str, &[u8], &str); 2] = [
        ("get", b"", path),
        ("put", br#"{"note":"monthly report","status":2}"#, path),
    ];
    for (name, body, path) in requests {
        let method = name.to_ascii_uppercase();
        let request = SignedRequest {
            method: &method,
            path,
            body,
        };
        let header = lmv1::sign(ACCESS_ID, &key, &request, NOW);
        let held = SigningKey::new(key.clone());
        let epoch = "1700000000000";
        let message = [method.as_bytes(), epoch.as_bytes(), body, path.as_bytes()].concat();
        group.bench_function(format!("{name}, bare HMAC"), |b| {
            b.iter(|| bare_hmac::<Hmac<Sha256>>(&key, black_box(&message), &[0; 32]));
        });
        group.bench_function(format!("{name}, verification"), |b| {
            b.iter(|| lmv1::parse(black_box(&header))?.verify(&held, black_box(&request), NOW));
        });
    }
    group.finish();
}

fn self_signed_token(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("jwt");
    let key = SecretString::new("0123456789abcdef".repeat(2));
    let claims = SignClaims {
        sub: "admin".into(),
        scope: "user:read alertrules:write logsources:read".into(),
        iat: NOW,
        exp: NOW + Duration::hours(1),
    };
    let held = SigningKey::new(key.clone());
    type Bare = fn(&SecretString, &[u8]) -> bool;
    let algorithms: [(Alg, Bare); 3] = [
        (Alg::HS256, |key, text| {
            bare_hmac::<Hmac<Sha256>>(key, text, &[0; 32])
        }),
        (Alg::HS384, |key, text| {
            bare_hmac::<Hmac<Sha384>>(key, text, &[0; 48])
        }),
        (Alg::HS512, |key, text| {
            bare_hmac::<Hmac<Sha512>>(key, text, &[0; 64])
        }),
    ];
    for (alg, bare) in algorithms {
        let token = jwt::sign(&claims, &key, alg);
        let signed = token.rsplit_once('.').map_or("", |(signed, _)| signed);
        let name = alg.as_str();
        group.bench_function(format!("{name}, bare HMAC"), |b| {
            b.iter(|| bare(&key, black_box(signed.as_bytes())));
        });
        group.bench_function(format!("{name}, verification"), |b| {
            b.iter(|| {
                jwt::decode(black_box(&token))?.verify(
                    &held,
                    NOW,
                    Some(Duration::hours(24)),
                    Duration::seconds(60),
                )
            });
        });
    }
    group.finish();
}

/// Bytes that only look unpredictable, the same in every run.
struct Repeatable;

impl Entropy for Repeatable {
    fn fill(&self, buf: &mut [u8]) {
        for (byte, n) in buf.iter_mut().zip(0u32..) {
            *byte = (n.wrapping_mul(2_654_435_761) >> 24) as u8;
        }
    }
}

fn bearer_token(criterion: &mut Criterion) {
    let token = BearerToken::generate(&Repeatable);
    let text = token.secret().expose();
    criterion.bench_function("bearer, checksum and hash", |b| {
        b.iter(|| BearerToken::parse(black_box(text)).map(|token| token.sha256()));
    });
}

fn budget(criterion: &mut Criterion) {
    let key = Key {
        endpoint: "/setting/admins/{id}/apitokens",
        verb: Verb::Get,
    };
    let mut quota = Quota::new(Limits::default());
    let mut now = NOW;
    criterion.bench_function("quota, one request", |b| {
        b.iter(|| {
            now = now + Duration::millis(1);
            quota.take(black_box(key), now)
        });
    });
    let secret = SecretString::new("k".repeat(40));
    let request = SignedRequest {
        method: "GET",
        path: "/x",
        body: b"",
    };
    let header = lmv1::sign(ACCESS_ID, &secret, &request, NOW);
    let mut replay = ReplayCache::default();
    criterion.bench_function("replay cache, a request seen before", |b| {
        b.iter(|| lmv1::parse(black_box(&header)).and_then(|header| replay.admit(&header, NOW)));
    });
}

//! LogicMonitor's API below `/santaba/rest`.

mod bad_input;
mod basic;
mod credentials;
mod envelopes;
mod limits;
mod listing;
mod permission;
mod quota;
mod refused;
mod revoke;
mod rights;
mod rotation;
mod tokens;

use crate::site::{Answer, Site};
use axum::body::Body;
use axum::http::Request;
use cresset_auth::bearer::BearerToken;
use cresset_auth::lmv1;
use cresset_catalog::port::{ApiTokens as _, AuditEntry, NewToken, Users as _};
use cresset_model::token::TokenKind;
use cresset_model::{Clock as _, Entropy as _, SecretString};
use serde_json::{Value, json};

pub(crate) const BASE: &str = "/santaba/rest";
pub(crate) const ACCOUNT: &str = "/setting/admins/apitokens";

/// A key that signs requests, and whose it is.
pub(crate) struct Key {
    pub(crate) access_id: String,
    pub(crate) secret: SecretString,
    /// The number of its token.
    pub(crate) id: i64,
    /// The number of its owner.
    pub(crate) owner: i64,
}

/// A token as the catalog takes it.
pub(crate) async fn new_token(site: &Site, user: &str, kind: TokenKind) -> NewToken {
    let user = site.catalog.user_by_name(user).await.unwrap().unwrap();
    let mut bytes = [0; 8];
    site.entropy.fill(&mut bytes);
    let access_id: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    NewToken {
        kind,
        access_id: format!("{access_id}AAAA"),
        secret: match kind {
            TokenKind::Lmv1 => SecretString::new(format!("key of {}", user.username)),
            TokenKind::Bearer => BearerToken::generate(&*site.entropy).secret().clone(),
        },
        user_number: user.number,
        note: String::new(),
        disabled: false,
        created_at: site.clock.now(),
        created_by: "test".to_owned(),
        expires_at: None,
        scopes: None,
        networks: Vec::new(),
    }
}

/// Stores a token behind the API's back.
pub(crate) async fn store(site: &Site, new: NewToken) -> Key {
    let told = AuditEntry {
        at: site.clock.now(),
        actor: "test".to_owned(),
        address: String::new(),
        action: "test".to_owned(),
        detail: String::new(),
    };
    let (access_id, secret) = (new.access_id.clone(), new.secret.clone());
    let token = site.catalog.create_token(new, &told).await.unwrap();
    Key {
        access_id,
        secret,
        id: token.id,
        owner: token.user_number,
    }
}

/// A signing key of `user`.
pub(crate) async fn key(site: &Site, user: &str) -> Key {
    let new = new_token(site, user, TokenKind::Lmv1).await;
    store(site, new).await
}

/// The `Authorization` header for a request that is signed now; `target` may have a query.
pub(crate) fn header(site: &Site, key: &Key, method: &str, target: &str, body: &str) -> String {
    let path = target.split('?').next().unwrap();
    let now = site.clock.now().0 / 1000;
    lmv1::header(
        &key.access_id,
        &key.secret,
        method,
        path,
        body.as_bytes(),
        now,
    )
}

/// A request to `target`, which begins behind `/santaba/rest`.
pub(crate) fn request(
    authorization: &str,
    version: &str,
    method: &str,
    target: &str,
    body: &str,
) -> Request<Body> {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("{BASE}{target}"))
        .header("authorization", authorization);
    if !version.is_empty() {
        request = request.header("x-version", version);
    }
    request.body(Body::from(body.to_owned())).unwrap()
}

/// Sends a signed request of a version; the empty one is none.
pub(crate) async fn call(
    site: &Site,
    key: &Key,
    version: &str,
    method: &str,
    target: &str,
    body: &str,
) -> Answer {
    let authorization = header(site, key, method, target, body);
    let request = request(&authorization, version, method, target, body);
    site.send(request).await
}

/// Sends a signed request of version 3, which must succeed, and gives back its body.
pub(crate) async fn good(
    site: &Site,
    key: &Key,
    method: &str,
    target: &str,
    body: &Value,
) -> Value {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let answer = call(site, key, "3", method, target, &body).await;
    assert_eq!(answer.status, 200, "{method} {target} {body}: {answer:?}");
    answer.json
}

/// Checks that `answer` is a refusal in the envelope of `version`, and gives back its text.
pub(crate) fn refused(
    answer: &Answer,
    version: &str,
    status: u16,
    in_v1: u16,
    what: &str,
) -> String {
    assert_eq!(answer.headers["content-type"], "application/json", "{what}");
    for name in ["limit", "remaining", "window"] {
        let name = format!("x-rate-limit-{name}");
        let value = answer.headers[name.as_str()].to_str().unwrap();
        assert!(value.parse::<u32>().is_ok(), "{what}: {name} {value}");
    }
    let text = if matches!(version, "" | "1") {
        let http = if status == 429 { 429 } else { 200 };
        assert_eq!(answer.status, http, "{what}: {answer:?}");
        let text = answer.json["errmsg"].clone();
        let expected = json!({"status": in_v1, "errmsg": text, "data": null});
        assert_eq!(answer.json, expected, "{what}");
        text
    } else {
        assert_eq!(answer.status, status, "{what}: {answer:?}");
        let text = answer.json["errorMessage"].clone();
        let code = 1000 + status;
        let expected = json!({"errorMessage": text, "errorCode": code, "errorDetail": null});
        assert_eq!(answer.json, expected, "{what}");
        text
    };
    let text = text.as_str().unwrap().to_owned();
    assert!(!text.is_empty(), "{what}");
    text
}

//! Users of every role, and every kind of credential, good ones and bad ones.

use super::things::Sent;
use crate::logicmonitor::{BASE, Key, new_token, store};
use crate::site::{Site, key_of};
use cresset_auth::jwt::{self, Alg, SignClaims};
use cresset_auth::lmv1;
use cresset_catalog::port::{AuditEntry, NewRole, NewToken, Roles as _, Users as _};
use cresset_model::token::TokenKind;
use cresset_model::user::Scope;
use cresset_model::{Clock as _, Duration, ObjectId, SecretString};
use serde_json::Map;
use std::collections::BTreeMap;

/// A role without any privilege.
pub(super) const NOTHING: &str = "nothing";

/// Letters and names of the roles.
pub(super) const ROLES: [(char, &str); 5] = [
    ('A', "administrator"),
    ('M', "manager"),
    ('K', "ackonly"),
    ('R', "readonly"),
    ('N', NOTHING),
];

/// Somebody with every kind of credential.
pub(super) struct Caller {
    pub(super) name: String,
    pub(super) role: &'static str,
    pub(super) id: ObjectId,
    pub(super) number: i64,
    pub(super) signing: Key,
    pub(super) bearer: Key,
}

impl Caller {
    /// A new user of a role, with its credentials.
    pub(super) async fn new(site: &Site, name: &str, role: &'static str) -> Self {
        let id = site.add_user(name, role).await;
        let user = site.catalog.user_by_id(id).await.unwrap().unwrap();
        Self {
            name: name.to_owned(),
            role,
            id,
            number: user.number,
            signing: token(site, name, TokenKind::Lmv1, |_| {}).await,
            bearer: token(site, name, TokenKind::Bearer, |_| {}).await,
        }
    }
}

/// Makes the role that has no privilege.
pub(super) async fn role_without_privileges(site: &Site) {
    let role = NewRole {
        name: NOTHING.to_owned(),
        description: String::new(),
        privileges: Vec::new(),
        extra: Map::new(),
    };
    site.catalog.create_role(role, &told(site)).await.unwrap();
}

/// What the audit log says of what a test does itself.
pub(super) fn told(site: &Site) -> AuditEntry {
    AuditEntry {
        at: site.clock.now(),
        actor: "test".to_owned(),
        address: String::new(),
        action: "test".to_owned(),
        detail: String::new(),
    }
}

/// A token of `user`, with something else about it.
pub(super) async fn token(
    site: &Site,
    user: &str,
    kind: TokenKind,
    change: impl FnOnce(&mut NewToken),
) -> Key {
    let mut new = new_token(site, user, kind).await;
    change(&mut new);
    store(site, new).await
}

/// A kind of credential that proves who the caller is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// A self-signed token with every scope.
    Jwt,
    /// A signed request.
    Signature,
    /// A bearer token of LogicMonitor's kind.
    Bearer,
    /// User name and secret key in the body.
    SecretKey,
}

/// All that go into a header.
pub(super) const HEADERS: [Proof; 3] = [Proof::Jwt, Proof::Signature, Proof::Bearer];

/// The `Authorization` header by which `caller` proves itself.
pub(super) fn header(site: &Site, caller: &Caller, proof: Proof, sent: &Sent) -> Option<String> {
    match proof {
        Proof::Jwt => Some(jwt_of(site, &caller.name, &every_scope())),
        Proof::Signature => Some(signed(site, &caller.signing, sent)),
        Proof::Bearer => Some(borne(&caller.bearer)),
        Proof::SecretKey => None,
    }
}

fn every_scope() -> String {
    Scope::ALL.map(Scope::as_str).join(" ")
}

/// A header with a self-signed token.
pub(super) fn jwt_of(site: &Site, user: &str, scope: &str) -> String {
    format!("Bearer {}", site.token(user, scope))
}

/// A header with a bearer token.
pub(super) fn borne(key: &Key) -> String {
    format!("Bearer {}", key.secret.expose())
}

/// A header with the signature of a request.
pub(super) fn signed(site: &Site, key: &Key, sent: &Sent) -> String {
    let path = sent.target.split('?').next().unwrap();
    let path = path.strip_prefix(BASE).unwrap_or(path);
    let now = site.clock.now().0 / 1000;
    lmv1::header(
        &key.access_id,
        &key.secret,
        &sent.method,
        path,
        &sent.body,
        now,
    )
}

/// Scopes without one; who lacks the right to see settings has not the one to change them.
pub(super) fn without(scope: &str) -> Vec<String> {
    let kept = |other: &&'static str| {
        *other != scope && !(scope == "setting:read" && *other == "setting:write")
    };
    let all = Scope::ALL.map(Scope::as_str);
    all.iter()
        .filter(|s| kept(s))
        .map(|s| (*s).to_owned())
        .collect()
}

/// Credentials of an administrator that lack one scope, by scope.
pub(super) struct Narrowed(BTreeMap<&'static str, (Key, Key)>);

impl Narrowed {
    pub(super) async fn new(site: &Site, user: &str) -> Self {
        let mut keys = BTreeMap::new();
        for scope in Scope::ALL.map(Scope::as_str) {
            let narrow = |new: &mut NewToken| new.scopes = Some(without(scope));
            let signing = token(site, user, TokenKind::Lmv1, narrow).await;
            let bearer = token(site, user, TokenKind::Bearer, narrow).await;
            keys.insert(scope, (signing, bearer));
        }
        Self(keys)
    }

    /// Headers with credentials of `user` that have every scope but this one.
    pub(super) fn headers(
        &self,
        site: &Site,
        user: &str,
        scope: &str,
        sent: &Sent,
    ) -> Vec<(&'static str, String)> {
        let (signing, bearer) = &self.0[scope];
        vec![
            (
                "narrow token",
                jwt_of(site, user, &without(scope).join(" ")),
            ),
            ("narrow signature", signed(site, signing, sent)),
            ("narrow bearer token", borne(bearer)),
        ]
    }
}

/// API tokens that exist and prove nothing.
pub(super) struct Spoiled {
    keys: Vec<(&'static str, Key)>,
    bearers: Vec<(&'static str, Key)>,
}

/// A user who may not do anything any more.
const GONE: &str = "gone";

impl Spoiled {
    /// Of an administrator, and of one who is disabled.
    pub(super) async fn new(site: &Site, user: &str) -> Self {
        let id = site.add_user(GONE, "administrator").await;
        let (mut keys, mut bearers) = (Vec::new(), Vec::new());
        for kind in [TokenKind::Lmv1, TokenKind::Bearer] {
            let past = site.clock.now() - Duration::hours(1);
            let list = match kind {
                TokenKind::Lmv1 => &mut keys,
                TokenKind::Bearer => &mut bearers,
            };
            let disabled = token(site, user, kind, |new| new.disabled = true).await;
            list.push(("disabled", disabled));
            let expired = token(site, user, kind, |new| new.expires_at = Some(past)).await;
            list.push(("expired", expired));
            let elsewhere = |new: &mut NewToken| new.networks = vec!["10.0.0.0/8".to_owned()];
            list.push(("elsewhere", token(site, user, kind, elsewhere).await));
            list.push(("of nobody", token(site, GONE, kind, |_| {}).await));
        }
        site.catalog.set_user_disabled(id, true).await.unwrap();
        Self { keys, bearers }
    }

    /// Headers that prove nothing; `caller` is whom they pretend to be.
    pub(super) fn headers(
        &self,
        site: &Site,
        caller: &Caller,
        sent: &Sent,
    ) -> Vec<(String, Vec<String>)> {
        let name = caller.name.as_str();
        let all = every_scope();
        let age = Duration::hours(2);
        let good = format!("Bearer {}", site.token(name, &all));
        let other_key = SecretString::new("f".repeat(32));
        let by_other = site.token_signed(name, &all, &other_key, Duration::ZERO);
        let old = site.token_signed(name, &all, &key_of(name), age);
        let mut wrong_key = clone(&caller.signing);
        wrong_key.secret = SecretString::new("another key");
        let mut unknown_id = clone(&caller.signing);
        "ffffffffffffffffffff".clone_into(&mut unknown_id.access_id);
        let other_body = Sent {
            body: b"{\"other\": 1}".to_vec(),
            ..sent.clone()
        };
        let other_path = Sent {
            target: "/elsewhere".to_owned(),
            ..sent.clone()
        };
        let other_method = Sent {
            method: "FROB".to_owned(),
            ..sent.clone()
        };
        let one = |header: String| vec![header];
        let mut headers = vec![
            ("nothing".to_owned(), Vec::new()),
            ("an empty header".to_owned(), one(String::new())),
            ("an empty token".to_owned(), one("Bearer ".to_owned())),
            (
                "no token".to_owned(),
                one("Bearer aaaa.bbbb.cccc".to_owned()),
            ),
            (
                "an unsigned token".to_owned(),
                one(unsigned(site, name, &all)),
            ),
            (
                "another's token".to_owned(),
                one(format!("Bearer {by_other}")),
            ),
            ("an old token".to_owned(), one(format!("Bearer {old}"))),
            (
                "nobody's token".to_owned(),
                one(jwt_of(site, "nobody", &all)),
            ),
            (
                "a token of one who is gone".to_owned(),
                one(jwt_of(site, GONE, &all)),
            ),
            ("two tokens".to_owned(), vec![good.clone(), good]),
            (
                "a password".to_owned(),
                one("Basic YWRtaW46cGFzc3dvcmQ=".to_owned()),
            ),
            (
                "another key".to_owned(),
                one(signed(site, &wrong_key, sent)),
            ),
            (
                "an unknown id".to_owned(),
                one(signed(site, &unknown_id, sent)),
            ),
            (
                "another body".to_owned(),
                one(signed(site, &caller.signing, &other_body)),
            ),
            (
                "another path".to_owned(),
                one(signed(site, &caller.signing, &other_path)),
            ),
            (
                "another method".to_owned(),
                one(signed(site, &caller.signing, &other_method)),
            ),
            (
                "two signatures".to_owned(),
                vec![signed(site, &caller.signing, sent); 2],
            ),
            (
                "an access id as token".to_owned(),
                one(format!("Bearer {}", caller.signing.access_id)),
            ),
            (
                "what is shown of a bearer token".to_owned(),
                one(format!(
                    "Bearer {}****",
                    &caller.bearer.secret.expose()[..20]
                )),
            ),
        ];
        for (what, key) in &self.keys {
            headers.push((format!("a key, {what}"), one(signed(site, key, sent))));
        }
        for (what, key) in &self.bearers {
            headers.push((format!("a bearer token, {what}"), one(borne(key))));
        }
        headers
    }
}

fn clone(key: &Key) -> Key {
    Key {
        access_id: key.access_id.clone(),
        secret: key.secret.clone(),
        id: key.id,
        owner: key.owner,
    }
}

/// A token whose head says that it is not signed.
fn unsigned(site: &Site, user: &str, scope: &str) -> String {
    let now = site.clock.now();
    let claims = SignClaims {
        sub: user.to_owned(),
        scope: scope.to_owned(),
        iat: now,
        exp: now + Duration::hours(1),
    };
    let signed = jwt::sign(&claims, &key_of(user), Alg::HS256);
    let claims = signed.split('.').nth(1).unwrap();
    // {"alg":"none","typ":"JWT"}
    format!("Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{claims}.")
}

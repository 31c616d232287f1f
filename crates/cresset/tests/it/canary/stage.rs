//! The server with secrets in it, and everything that it said.

use super::needles::Vault;
use super::routes::Route;
use crate::world::{World, now};
use anyhow::{Context as _, Result};
use cresset_auth::jwt::{Alg, SignClaims, sign};
use cresset_auth::{bearer, lmv1};
use cresset_model::user::Scope;
use cresset_model::{SecretString, Timestamp};
use cresset_testkit::http::{self, Answer};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Where LogicMonitor's API begins.
pub(super) const BASE: &str = "/santaba/rest";

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: String,
    /// The path as the router has it.
    pub(super) route: String,
    pub(super) target: String,
    pub(super) body: Body,
    /// Whether the answer shows secrets, which it does nowhere else: those that it makes.
    pub(super) shows: bool,
}

/// What a request carries.
#[derive(Debug, Clone)]
pub(super) enum Body {
    Nothing,
    Json(Value),
    /// JSON to which user name and secret key are added.
    Login(Value),
    Raw(&'static str, Vec<u8>),
}

impl Call {
    pub(super) fn new(method: &str, route: &str) -> Self {
        Self {
            method: method.to_owned(),
            route: route.to_owned(),
            target: route.to_owned(),
            body: Body::Nothing,
            shows: false,
        }
    }

    /// Fills in a part of the path.
    pub(super) fn with(mut self, part: &str, value: impl ToString) -> Self {
        self.target = self.target.replace(part, &value.to_string());
        self
    }

    pub(super) fn query(mut self, query: &str) -> Self {
        self.target = format!("{}?{query}", self.target);
        self
    }

    pub(super) fn json(mut self, body: Value) -> Self {
        self.body = Body::Json(body);
        self
    }

    pub(super) fn login(mut self, body: Value) -> Self {
        self.body = Body::Login(body);
        self
    }

    pub(super) fn raw(mut self, media: &'static str, body: impl Into<Vec<u8>>) -> Self {
        self.body = Body::Raw(media, body.into());
        self
    }

    pub(super) fn shows(mut self) -> Self {
        self.shows = true;
        self
    }

    pub(super) fn route(&self) -> Route {
        (self.method.clone(), self.route.clone())
    }

    pub(super) fn is_logicmonitors(&self) -> bool {
        self.route.starts_with(BASE)
    }
}

/// What the server said to one request.
pub(super) struct Seen {
    pub(super) what: String,
    /// Status line, headers, body.
    pub(super) bytes: Vec<u8>,
    /// Secrets that may be in it.
    pub(super) shown: Vec<String>,
}

/// A request as it goes out.
#[derive(Debug, Clone)]
pub(super) struct Wire {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

/// See the module.
pub(super) struct Stage {
    pub(super) world: World,
    pub(super) vault: Vault,
    pub(super) seen: Vec<Seen>,
    /// Routes that did what they are for.
    pub(super) done: BTreeSet<Route>,
    /// Requests that should have succeeded and did not.
    pub(super) problems: Vec<String>,
    /// Routes that refused.
    pub(super) refused: BTreeSet<Route>,
    /// A bearer token that works, and one that was deleted.
    pub(super) bearer: String,
    pub(super) dead: String,
    client: reqwest::Client,
    jwt: Option<(i64, String)>,
}

impl Stage {
    pub(super) fn new(world: World) -> Result<Self> {
        Ok(Self {
            world,
            vault: Vault::default(),
            seen: Vec::new(),
            done: BTreeSet::new(),
            problems: Vec::new(),
            refused: BTreeSet::new(),
            bearer: String::new(),
            dead: String::new(),
            client: http::client()?,
            jwt: None,
        })
    }

    /// A self-signed token with every scope, whose signature is a secret.
    pub(super) fn jwt(&mut self) -> String {
        if let Some((end, token)) = &self.jwt
            && now() < *end
        {
            return token.clone();
        }
        let claims = SignClaims {
            sub: self.world.credentials.username.clone(),
            scope: Scope::ALL.map(Scope::as_str).join(" "),
            iat: Timestamp::from_secs(now()),
            exp: Timestamp::from_secs(now() + 3600),
        };
        let key = SecretString::new(self.world.credentials.api_access_key.clone());
        let token = sign(&claims, &key, Alg::HS256);
        let signature = token.rsplit('.').next().unwrap_or_default();
        self.vault.plant("signature of a JWT", signature);
        self.jwt = Some((now() + 3000, token.clone()));
        token
    }

    /// The header of a signed request, whose signature is a secret for half an hour.
    pub(super) fn signature(&mut self, wire: &Wire) -> String {
        let path = wire.target.split('?').next().unwrap_or_default();
        let path = path.strip_prefix(BASE).unwrap_or(path);
        let credentials = &self.world.credentials;
        let key = SecretString::new(credentials.access_key.clone());
        let id = &credentials.access_id;
        let header = lmv1::header(id, &key, &wire.method, path, &wire.body, now() * 1000);
        let signature = header.split(':').nth(1).unwrap_or_default().to_owned();
        self.vault.plant_plain("signature of a request", &signature);
        header
    }

    /// The request without the credentials that go into a header.
    pub(super) fn wire(&self, call: &Call) -> Wire {
        let json = "application/json";
        let (media, body) = match &call.body {
            Body::Nothing => (json, Vec::new()),
            Body::Json(body) => (json, body.to_string().into_bytes()),
            Body::Login(body) => {
                let mut body = body.clone();
                let credentials = &self.world.credentials;
                body["username"] = json!(credentials.username);
                body["secret_key"] = json!(credentials.api_access_key);
                (json, body.to_string().into_bytes())
            }
            Body::Raw(media, body) => (*media, body.clone()),
        };
        let mut headers = vec![("content-type", media.to_owned())];
        if call.is_logicmonitors() {
            headers.push(("x-version", "3".to_owned()));
        }
        Wire {
            method: call.method.clone(),
            target: call.target.clone(),
            headers,
            body,
        }
    }

    /// Sends a request and keeps what is answered. Keys of tokens are secrets from then on,
    /// which may be in this answer if it is to show them.
    pub(super) async fn send(&mut self, what: &str, wire: &Wire, shows: bool) -> Result<Answer> {
        let url = self.world.server.url(&wire.target);
        let method = reqwest::Method::from_bytes(wire.method.as_bytes())?;
        let mut request = self.client.request(method, url).body(wire.body.clone());
        for (name, value) in &wire.headers {
            request = request.header(*name, value);
        }
        let answer = http::send(request, None)
            .await
            .with_context(|| format!("{what}: {} {}", wire.method, wire.target))?;
        let mut bytes = format!("{}\n", answer.status).into_bytes();
        for (name, value) in &answer.headers {
            bytes.extend(format!("{name}: {value}\n").into_bytes());
        }
        bytes.extend_from_slice(&answer.body);
        let mut shown = Vec::new();
        for key in keys(&answer.json().unwrap_or_default()) {
            let name = format!("key {} of a token", self.vault.len());
            self.vault.plant(&name, secret_part(&key));
            if shows {
                shown.push(name);
            }
        }
        self.seen.push(Seen {
            what: format!("answer to {} {} ({what})", wire.method, wire.target),
            bytes,
            shown,
        });
        Ok(answer)
    }

    /// Sends a request that should succeed: by a self-signed token where a header is asked for,
    /// signed where one is asked after the API token itself.
    pub(super) async fn good(&mut self, call: &Call) -> Result<Value> {
        let mut wire = self.wire(call);
        let header = match &call.body {
            Body::Login(_) => None,
            _ if call.route.ends_with("/apitokens/self") => Some(self.signature(&wire)),
            _ => Some(format!("Bearer {}", self.jwt())),
        };
        wire.headers
            .extend(header.map(|value| ("authorization", value)));
        let answer = self.send("good", &wire, call.shows).await?;
        let reply = answer.json().unwrap_or_default();
        let good = (200..300).contains(&answer.status) && reply["success"] != json!(false);
        let (text, method, target) = (answer.text(), &call.method, &call.target);
        if !good {
            let status = answer.status;
            self.problems
                .push(format!("{method} {target}: {status} {text}"));
            return Ok(reply);
        }
        self.done.insert(call.route());
        Ok(reply)
    }
}

/// The keys of API tokens in an answer, at any depth. Of bearer tokens lists show the
/// beginning and `****`.
fn keys(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(keys).collect(),
        Value::Object(object) => {
            let own = object.get("accessKey").and_then(Value::as_str);
            let own = own.filter(|key| key.len() >= 32 && !key.ends_with('*'));
            let deeper = object.values().flat_map(keys);
            own.map(str::to_owned).into_iter().chain(deeper).collect()
        }
        _ => Vec::new(),
    }
}

/// What is never shown of a key again.
pub(super) fn secret_part(key: &str) -> &str {
    if key.starts_with(bearer::PREFIX) {
        &key[bearer::SHOWN_CHARS..]
    } else {
        key
    }
}

//! Every way in which a request can fail that has secrets in it.

use super::stage::{Body, Call, Stage, Wire};
use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cresset_auth::jwt::{Alg, SignClaims, sign};
use cresset_model::{SecretString, Timestamp};
use serde_json::{Value, json};

/// The secret of another place, sent here by mistake.
const ELSEWHERE: &str = "Guess-0f+the/key=&%xQ7wZ";

impl Stage {
    /// Lets a request succeed, and then fail in every way.
    pub(super) async fn run(&mut self, call: Call) -> Result<Value> {
        let reply = self.good(&call).await?;
        self.fail(&call).await?;
        Ok(reply)
    }

    async fn fail(&mut self, call: &Call) -> Result<()> {
        self.vault.plant("secret of another place", ELSEWHERE);
        let mut wires = match &call.body {
            Body::Login(body) => self.by_wrong_keys(call, body),
            _ => self.by_wrong_headers(call),
        };
        wires.extend(self.with_broken_bodies(call));
        for (what, wire) in wires {
            let answer = self.send(&what, &wire, call.shows).await?;
            let success = answer
                .json()
                .is_ok_and(|reply| reply["success"] == json!(false));
            if answer.status >= 400 || success {
                self.refused.insert(call.route());
            }
        }
        Ok(())
    }

    /// Credentials in the header that are missing, wrong, or of another place.
    fn by_wrong_headers(&mut self, call: &Call) -> Vec<(String, Wire)> {
        let wire = self.wire(call);
        let mut other = wire.clone();
        "/elsewhere".clone_into(&mut other.target);
        let (signed, of_other) = (self.signature(&wire), self.signature(&other));
        let jwt = self.jwt();
        let credentials = self.world.credentials.clone();
        let (id, key) = (&credentials.access_id, &credentials.access_key);
        let password = &credentials.password;
        let basic = |password: &str| STANDARD.encode(format!("admin:{password}"));
        let headers = [
            ("nothing", vec![]),
            ("a signature", vec![signed.clone()]),
            ("two credentials", vec![signed, format!("Bearer {jwt}")]),
            ("another's signature", vec![of_other]),
            ("a forged token", vec![format!("Bearer {}", self.forged(0))]),
            (
                "an old token",
                vec![format!("Bearer {}", self.forged(-7200))],
            ),
            (
                "half a token",
                vec![format!("Bearer {}", &jwt[..jwt.len() - 4])],
            ),
            ("a bearer token", vec![format!("Bearer {}", self.bearer)]),
            (
                "a deleted bearer token",
                vec![format!("Bearer {}", self.dead)],
            ),
            (
                "a longer bearer token",
                vec![format!("Bearer {}x", self.dead)],
            ),
            ("the password", vec![format!("Basic {}", basic(password))]),
            (
                "a wrong password",
                vec![format!("Basic {}", basic(ELSEWHERE))],
            ),
            (
                "a key as token",
                vec![format!("Bearer {}", credentials.api_access_key)],
            ),
            (
                "a key as signature",
                vec![format!("LMv1 {id}:{key}:1700000000000")],
            ),
            ("a key as id", vec![format!("LMv1 {key}:{key}:x")]),
            ("a key alone", vec![key.clone()]),
            (
                "another scheme",
                vec![format!("Digest username=\"admin\", response=\"{key}\"")],
            ),
        ];
        let mut wires: Vec<(String, Wire)> = Vec::new();
        for (what, values) in headers {
            let mut sent = wire.clone();
            for value in values {
                sent.headers.push(("authorization", value));
            }
            if call.is_logicmonitors() {
                let mut oldest = sent.clone();
                oldest.headers.retain(|(name, _)| *name != "x-version");
                wires.push((format!("{what} in version 1"), oldest));
            }
            wires.push((what.to_owned(), sent));
        }
        let mut method = wire.clone();
        "OPTIONS".clone_into(&mut method.method);
        method
            .headers
            .push(("authorization", format!("Bearer {jwt}")));
        wires.push(("another method".to_owned(), method));
        wires
    }

    /// A token of the first user by a key that is not its own, issued that many seconds later.
    fn forged(&mut self, later: i64) -> String {
        let at = crate::world::now() + later;
        let claims = SignClaims {
            sub: self.world.credentials.username.clone(),
            scope: "alertrules:read".to_owned(),
            iat: Timestamp::from_secs(at),
            exp: Timestamp::from_secs(at + 600),
        };
        let key = match later {
            0 => ELSEWHERE,
            _ => &self.world.credentials.api_access_key,
        };
        let token = sign(&claims, &SecretString::new(key), Alg::HS256);
        let signature = token.rsplit('.').next().unwrap_or_default();
        self.vault.plant_plain("signature of a JWT", signature);
        token
    }

    /// Credentials in the body that are missing, wrong, or of another place.
    fn by_wrong_keys(&mut self, call: &Call, body: &Value) -> Vec<(String, Wire)> {
        let credentials = self.world.credentials.clone();
        let key = &credentials.api_access_key;
        let mut wires = Vec::new();
        let keys = [
            ("no key", Value::Null),
            ("a wrong key", json!(ELSEWHERE)),
            ("the password", json!(credentials.password)),
            ("the key of an API token", json!(credentials.access_key)),
            ("a list of keys", json!([key])),
            ("an object of keys", json!({ "key": key })),
        ];
        for (what, key) in keys {
            let mut body = body.clone();
            body["username"] = json!(credentials.username);
            body["secret_key"] = key;
            let call = call.clone().json(body);
            wires.push((what.to_owned(), self.wire(&call)));
        }
        for (what, key) in [
            ("the key in the query", key.as_str()),
            ("a wrong key in the query", ELSEWHERE),
        ] {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query
                .append_pair("username", &credentials.username)
                .append_pair("secret_key", key);
            let call = call.clone().json(body.clone()).query(&query.finish());
            wires.push((what.to_owned(), self.wire(&call)));
        }
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("username", &credentials.username)
            .append_pair("secret_key", key)
            .append_pair("requestData", "{broken");
        let form = call
            .clone()
            .raw("application/x-www-form-urlencoded", form.finish());
        wires.push(("a form".to_owned(), self.wire(&form)));
        wires
    }

    /// Bodies that do not read, by a caller who is known.
    fn with_broken_bodies(&mut self, call: &Call) -> Vec<(String, Wire)> {
        let whole = self.wire(call);
        if whole.body.is_empty() {
            return Vec::new();
        }
        let mut bodies = vec![
            ("cut off early", whole.body[..whole.body.len() / 3].to_vec()),
            ("cut off late", whole.body[..whole.body.len() - 2].to_vec()),
            ("no UTF-8", [&whole.body[..], b"\xff\xfe"].concat()),
            ("twice", [&whole.body[..], &whole.body].concat()),
        ];
        if let Ok(value) = serde_json::from_slice::<Value>(&whole.body) {
            for (what, value) in [
                ("in a list", json!([value])),
                ("in a text", json!(value.to_string())),
                (
                    "with lists for texts",
                    leaves(&value, &|text| json!([text])),
                ),
                (
                    "with objects for texts",
                    leaves(&value, &|text| json!({ text: text })),
                ),
                (
                    "with long texts",
                    leaves(&value, &|text| json!(text.repeat(300))),
                ),
                (
                    "with control characters",
                    leaves(&value, &|text| json!(format!("{text}\u{0}\n"))),
                ),
                (
                    "with other texts",
                    leaves(&value, &|text| json!(format!("*{text}|,\""))),
                ),
            ] {
                bodies.push((what, value.to_string().into_bytes()));
            }
        }
        let token = self.jwt();
        let wire = |body: Vec<u8>| {
            let mut wire = whole.clone();
            wire.headers
                .push(("authorization", format!("Bearer {token}")));
            wire.body = body;
            wire
        };
        let named = |(what, body): (&str, Vec<u8>)| (format!("body {what}"), wire(body));
        bodies.into_iter().map(named).collect()
    }
}

/// The value with something else for each text but the user's name.
fn leaves(value: &Value, change: &impl Fn(&str) -> Value) -> Value {
    match value {
        Value::String(text) => change(text),
        Value::Array(items) => items.iter().map(|item| leaves(item, change)).collect(),
        Value::Object(object) => {
            let changed = object.iter().map(|(key, value)| match key.as_str() {
                "username" => (key.clone(), value.clone()),
                _ => (key.clone(), leaves(value, change)),
            });
            Value::Object(changed.collect())
        }
        other => other.clone(),
    }
}

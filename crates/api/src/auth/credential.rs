//! User name and API access key in a body (spec/logpoint-api.md §1.2).

use super::{Caller, Kind, NOBODYS_KEY, Peer};
use crate::body::{self, Params};
use crate::budget::Holder;
use crate::endpoints::ENDPOINTS;
use crate::error::{Error, Result};
use crate::state::{Api, Context};
use axum::extract::{FromRequest, FromRequestParts, MatchedPath, Request};
use axum::http::request::Parts;
use cresset_auth::keys::same_secret;
use cresset_model::SecretString;
use cresset_model::grants::Ability;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// A request of the credential family whose caller is proven.
pub(crate) struct CredentialRequest {
    pub(crate) caller: Caller,
    /// The other fields: texts of a form, any values of a JSON body.
    fields: Map<String, Value>,
    /// The query string without the credentials.
    pub(crate) query: BTreeMap<String, String>,
}

impl FromRequest<Api> for CredentialRequest {
    type Rejection = Error;

    async fn from_request(request: Request, api: &Api) -> Result<Self> {
        let (mut parts, body) = request.into_parts();
        let ability = role_for(&parts);
        let Ok(Peer(peer)) = Peer::from_request_parts(&mut parts, api).await;
        let Params(mut query) = Params::from_request_parts(&mut parts, api).await?;
        // Nobody is proven yet, so the body is small and counts against a budget of strangers.
        let settings = &api.settings;
        let limit = settings.max_login_body_bytes.min(settings.max_body_bytes);
        body::refuse_announced(&body, limit)?;
        let mut held = api.login_budget.hold(vec![Holder::peer(peer)]);
        let bytes = body::read(api, body, limit, Some(&mut held)).await?;
        // Clients send JSON under any content type, and forms under the right one.
        let mut fields: Map<String, Value> = if body::looks_like_object(&bytes) {
            body::object(&bytes)?
        } else {
            let texts = body::fields(parts, bytes).await?;
            texts
                .into_iter()
                .map(|(name, text)| (name, text.into()))
                .collect()
        };
        let mut take = |name: &str| {
            let in_query = query.remove(name);
            match fields.remove(name) {
                Some(Value::String(text)) => Some(text),
                Some(_) => None,
                None => in_query,
            }
        };
        let (username, secret_key) = (take("username"), take("secret_key"));
        let (Some(username), Some(secret_key)) = (username, secret_key) else {
            return Err(Error::Credentials);
        };
        let caller = api
            .login(&username, &SecretString::new(secret_key), peer)
            .await?;
        // What says nothing of roles is for nobody.
        let Some(ability) = ability else {
            return Err(Error::Internal("an endpoint names no role".to_owned()));
        };
        api.demand_role(Kind::SecretKey, &caller, ability).await?;
        Ok(Self {
            caller,
            fields,
            query,
        })
    }
}

/// What the caller's role has to give.
fn role_for(parts: &Parts) -> Option<Ability> {
    let route = parts.extensions.get::<MatchedPath>()?.as_str();
    let method = parts.method.as_str();
    let endpoint = ENDPOINTS.iter().find(|e| e.serves(method, route));
    endpoint.and_then(|endpoint| endpoint.role)
}

impl CredentialRequest {
    /// A field's text, from the body or the query string.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let in_body = self.fields.get(name).and_then(Value::as_str);
        in_body.or_else(|| self.query.get(name).map(String::as_str))
    }

    /// `requestData`, which is an object or the text of one.
    pub(crate) fn request_data(&self) -> Result<Map<String, Value>> {
        let value = match self.fields.get("requestData") {
            Some(Value::Object(object)) => return Ok(object.clone()),
            Some(Value::String(text)) => serde_json::from_str(text),
            Some(_) => Ok(Value::Null),
            None => match self.query.get("requestData") {
                Some(text) => serde_json::from_str(text),
                None => return Err(Error::Malformed("requestData is missing".to_owned())),
            },
        };
        match value {
            Ok(Value::Object(object)) => Ok(object),
            Ok(_) => Err(Error::Malformed(
                "requestData must be a JSON object".to_owned(),
            )),
            Err(error) => Err(Error::Malformed(format!(
                "requestData is not JSON: {error}"
            ))),
        }
    }
}

impl Context {
    /// The user of that name and API access key.
    async fn login(&self, name: &str, claimed: &SecretString, peer: IpAddr) -> Result<Caller> {
        let (user, key) = match self.catalog.user_and_key(name).await? {
            Some((user, key)) => (Some(user), key),
            None => (None, Arc::clone(&NOBODYS_KEY)),
        };
        let known = user.is_some();
        let fits = same_secret(key.secret(), claimed);
        match user.filter(|user| fits && !user.disabled) {
            Some(user) => {
                self.failures.succeeded(name, peer);
                Ok(Caller { user, peer })
            }
            None => {
                let reason = if known { "secret_key" } else { "unknown_user" };
                // A guesser is not told that the throttle holds the guesses back.
                let _ = self
                    .auth_failed(Kind::SecretKey, name, peer, reason, true)
                    .await;
                Err(Error::Credentials)
            }
        }
    }
}

//! A request whose caller is proven, as the handlers get it.

use super::around::Terms;
use super::envelope::Reply;
use super::list_params;
use super::resource;
use super::rights::Rights;
use super::spelling::AsSent;
use super::version::Version;
use crate::auth::{Arriving, Caller, Credential, Peer, Proven, credential, prove_signed};
use crate::body::{self, Params};
use crate::budget::Holder;
use crate::error::{Error, Result};
use crate::state::{Api, Context};
use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::request::Parts;
use bytes::Bytes;
use cresset_catalog::port::{AuditEntry, Moment};
use cresset_model::filter::{Column, ListQuery};
use cresset_model::token::ApiToken;
use cresset_model::user::Scopes;
use serde::Serialize;
use serde_json::{Map, Value};
use std::net::IpAddr;
use std::sync::Arc;

/// A request to an endpoint of this API.
pub(crate) struct Call {
    /// Who sends it, and from where.
    pub(crate) caller: Caller,
    /// What the caller may do here.
    pub(crate) rights: Rights,
    /// The API token that proved the caller; `None` for a self-signed token.
    pub(crate) token: Option<Arc<ApiToken>>,
    /// What the credential is narrowed to; `None` for all that its owner may do.
    pub(crate) scopes: Option<Scopes>,
    /// When the caller was proven, if the catalog said: what is read to answer may be as of
    /// then, too.
    pub(crate) seen: Option<Moment>,
    /// The parameters of the query string.
    pub(crate) params: Params,
    version: Version,
    body: Bytes,
    path: Vec<(String, String)>,
}

impl FromRequest<Api> for Call {
    type Rejection = Error;

    /// Proves the caller, then spends the account's quota, then asks what the caller may do.
    async fn from_request(request: Request, api: &Api) -> Result<Self> {
        let (mut parts, body) = request.into_parts();
        let Ok(Peer(peer)) = Peer::from_request_parts(&mut parts, api).await;
        let params = Params::from_request_parts(&mut parts, api).await?;
        let path = path_of(&mut parts, api).await?;
        let (proven, body) = prove(api, &parts, body, peer).await?;
        let terms = parts.extensions.get::<Terms>();
        if let Some(terms) = terms
            && let Err(error) = terms.spent.spend(api)
        {
            api.over_quota(&proven).await;
            return Err(error);
        }
        if method_ignores_body(&parts) {
            body::demand_json(&body)?;
        }
        let rights = rights_of(api, &proven).await?;
        Ok(Self {
            caller: proven.caller,
            rights,
            token: proven.token,
            scopes: proven.scopes,
            seen: proven.seen,
            params,
            version: version_of(&parts),
            body,
            path,
        })
    }
}

/// The variable parts of the path. What is no text names nothing that exists.
async fn path_of(parts: &mut Parts, api: &Api) -> Result<Vec<(String, String)>> {
    let found = RawPathParams::from_request_parts(parts, api).await;
    let found = found.map_err(|_| Error::UnknownPath(parts.uri.path().to_owned()))?;
    let owned = |(name, text): (&str, &str)| (name.to_owned(), text.to_owned());
    Ok(found.iter().map(owned).collect())
}

fn method_ignores_body(parts: &Parts) -> bool {
    parts.method.is_safe() || parts.method == axum::http::Method::DELETE
}

/// Proves the caller and reads the body, which a signature covers.
async fn prove(api: &Api, parts: &Parts, body: Body, peer: IpAddr) -> Result<(Proven, Bytes)> {
    let settings = &api.settings;
    let limit = settings.max_login_body_bytes.min(settings.max_body_bytes);
    // Before anybody's name is looked up, so that the answer does not tell who is known.
    body::refuse_announced(&body, limit)?;
    let credential = match credential(&parts.headers) {
        Ok(credential) => credential,
        Err(reason) => return Err(api.no_credential(peer, reason).await),
    };
    match credential {
        Credential::Basic(_) if !takes_passwords(api, parts) => {
            Err(api.no_credential(peer, "unknown_scheme").await)
        }
        Credential::Bearer(token) | Credential::Basic(token) => {
            let proven = match credential {
                Credential::Basic(text) => api.prove_basic(text, peer).await?,
                _ => api.prove_bearer(token, peer).await?,
            };
            let mut held = api.login_budget.hold(vec![Holder::peer(peer)]);
            let body = body::read(api, body, limit, Some(&mut held)).await?;
            Ok((proven, body))
        }
        Credential::Signed(value) => {
            let sent = parts.extensions.get::<AsSent>().map(|sent| sent.0.as_str());
            let sent = sent.unwrap_or_else(|| parts.uri.path());
            let arriving = Arriving {
                method: parts.method.as_str(),
                path: resource(sent).unwrap_or_default(),
                peer,
                body,
                limit,
                budget: &api.login_budget,
            };
            let (proven, body, _) = prove_signed(api, value, arriving).await?;
            Ok((proven, body))
        }
    }
}

/// Only the first version of the API knows passwords.
fn takes_passwords(api: &Api, parts: &Parts) -> bool {
    api.settings.basic && version_of(parts) == Version::V1
}

fn version_of(parts: &Parts) -> Version {
    let terms = parts.extensions.get::<Terms>();
    terms.map_or(Version::V1, |terms| terms.version)
}

async fn rights_of(api: &Context, proven: &Proven) -> Result<Rights> {
    // What the administrator's role gives is known, as it cannot be changed.
    if proven.caller.is_administrator() {
        return Ok(Rights::of_administrator(proven.scopes));
    }
    let roles = api.catalog.roles_of(proven.caller.user.id).await?;
    Ok(Rights::new(&roles, proven.scopes))
}

impl Call {
    /// The variable part `name` of the path, which is a number; anything else is at no path.
    pub(crate) fn number(&self, name: &str) -> Result<i64> {
        let part = self.path.iter().find(|(found, _)| found == name);
        let text = part.map_or("", |(_, text)| text.as_str());
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Error::NotFound(format!(
                "{text:?} is no id; ids are numbers"
            )));
        }
        text.parse()
            .map_err(|_| Error::NotFound(format!("there is nothing with the id {text}")))
    }

    /// Whether there is a body.
    pub(crate) fn has_body(&self) -> bool {
        !self.body.is_empty()
    }

    /// The body, which is a JSON object, if only an empty one.
    pub(crate) fn json(&self) -> Result<Map<String, Value>> {
        if self.body.is_empty() {
            let message = "the body is empty; send a JSON object, at least {}";
            return Err(Error::Malformed(message.to_owned()));
        }
        body::object(&self.body)
    }

    /// A parameter of the query string; empty ones count as not given.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        list_params::given(&self.params, name)
    }

    /// What a list is asked for; `columns` are those that it can be filtered and sorted by.
    pub(crate) fn list_query(&self, columns: &[Column]) -> Result<ListQuery> {
        list_params::list_query(&self.params, columns)
    }

    /// One object as the answer, of which `fields` may name parts.
    pub(crate) fn object(&self, object: impl Serialize) -> Reply {
        match list_params::Fields::of(&self.params) {
            None => Reply::object(self.version, &object),
            Some(fields) => Reply::object(self.version, &fields.of_object(&object)),
        }
    }

    /// A page of a list as the answer.
    pub(crate) fn list<T: Serialize>(
        &self,
        total: u64,
        items: impl IntoIterator<Item = T>,
    ) -> Reply {
        let items: Vec<T> = items.into_iter().collect();
        match list_params::Fields::of(&self.params) {
            None => Reply::list(self.version, total, &items),
            Some(fields) => {
                let items: Vec<_> = items.iter().map(|item| fields.of_object(item)).collect();
                Reply::list(self.version, total, &items)
            }
        }
    }

    /// The answer to a deletion.
    pub(crate) fn deleted(&self) -> Reply {
        Reply::nothing(self.version)
    }

    /// What the caller does, for the audit log: `action` is a constant word, `text` a
    /// sentence without secrets, to which the token that was used is added.
    pub(crate) fn audit_entry(&self, api: &Context, action: &str, text: &str) -> AuditEntry {
        let detail = match &self.token {
            Some(token) => format!("{text} via API token {}", name_of(token)),
            None => text.to_owned(),
        };
        api.audit_entry(&self.caller.user.username, self.caller.peer, action, detail)
    }
}

/// How the audit log names a token.
pub(crate) fn name_of(token: &ApiToken) -> String {
    token.label()
}

//! The command line's own client: talks to the server that the user names.
//!
//! The server's outgoing connections go through the egress guard of
//! `cresset-notify`; a person's terminal may reach whatever the person names.

use crate::cli::Remote;
use crate::cmd::InitialCredentials;
use anyhow::{Context, bail};
use cresset_auth::jwt::Alg;
use cresset_model::instance::Trust;
use cresset_model::{Duration, SecretString};
use std::path::Path;

/// Largest file of certificates, in bytes.
const MAX_PEM: u64 = 256 << 10;

/// A server and the credentials to use with it.
pub(crate) struct Client {
    http: reqwest::Client,
    /// Base URL without a final slash.
    pub(crate) url: String,
    /// User name.
    pub(crate) user: String,
    key: SecretString,
}

/// An HTTP client for the user's own commands.
#[expect(
    clippy::disallowed_methods,
    reason = "not the server: a person's terminal"
)]
pub(crate) fn http(insecure: bool) -> anyhow::Result<reqwest::Client> {
    Ok(reqwest::Client::builder()
        .tls_danger_accept_invalid_certs(insecure)
        .connect_timeout(std::time::Duration::from_secs(10))
        .build()?)
}

/// An HTTP client for other instances, which takes rules and keys to them.
#[expect(
    clippy::disallowed_methods,
    reason = "not the server: a person's terminal"
)]
pub(crate) fn http_to_instance(trust: &Trust) -> anyhow::Result<reqwest::Client> {
    let builder = reqwest::Client::builder()
        .tls_danger_accept_invalid_certs(*trust == Trust::Anything)
        // A redirect could carry rules and their secrets to another server.
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(std::time::Duration::from_secs(10));
    let builder = match trust {
        Trust::System | Trust::Anything => builder,
        Trust::Authorities(pem) => {
            builder.tls_backend_preconfigured(cresset_notify::tls::client_config_for(pem)?)
        }
    };
    Ok(builder.build()?)
}

/// The certificates to accept, as `--insecure` and `--ca-file` say it.
pub(crate) fn trust(insecure: bool, ca: Option<&Path>) -> anyhow::Result<Trust> {
    let Some(file) = ca.filter(|_| !insecure) else {
        return Ok(if insecure {
            Trust::Anything
        } else {
            Trust::System
        });
    };
    let told = || format!("cannot read {}", file.display());
    let size = std::fs::metadata(file).with_context(told)?.len();
    if size > MAX_PEM {
        bail!("{} is larger than {MAX_PEM} bytes", file.display());
    }
    let pem = std::fs::read_to_string(file).with_context(told)?;
    certificates(&pem).with_context(|| file.display().to_string())?;
    Ok(Trust::Authorities(pem))
}

fn certificates(pem: &str) -> anyhow::Result<Vec<reqwest::Certificate>> {
    let found = reqwest::Certificate::from_pem_bundle(pem.as_bytes());
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => bail!("there are no certificates in PEM"),
    }
}

impl Client {
    /// The client that `--url`, `--user`, `--secret-file` and `--data-dir` describe.
    pub(crate) async fn new(remote: &Remote) -> anyhow::Result<Self> {
        let initial = InitialCredentials::read(&remote.data.data_dir).unwrap_or(None);
        let url = match (&remote.url, &initial) {
            (Some(url), _) => url.trim_end_matches('/').to_owned(),
            (None, Some(initial)) => initial.url.clone(),
            (None, None) => {
                bail!("name the server with --url, or its data directory with --data-dir")
            }
        };
        let key = match &initial {
            Some(i)
                if remote.secret_file.is_none()
                    && i.username == remote.user
                    && !remote.data.data_dir.join("catalog.db").exists() =>
            {
                SecretString::new(i.api_access_key.clone())
            }
            _ => {
                crate::cmd::access_key_of(&remote.user, remote.secret_file.as_ref(), &remote.data)
                    .await?
            }
        };
        Ok(Self {
            http: http(remote.insecure)?,
            url,
            user: remote.user.clone(),
            key,
        })
    }

    /// A client for a server that this process started.
    pub(crate) fn with_credentials(initial: &InitialCredentials) -> anyhow::Result<Self> {
        Ok(Self {
            http: http(true)?,
            url: initial.url.clone(),
            user: initial.username.clone(),
            key: SecretString::new(initial.api_access_key.clone()),
        })
    }

    /// The user's API access key.
    pub(crate) const fn key(&self) -> &SecretString {
        &self.key
    }

    fn token(&self, scope: &str) -> String {
        crate::cmd::self_signed(
            &self.user,
            scope,
            Duration::minutes(10),
            &self.key,
            Alg::HS256,
        )
    }

    /// A request with a fresh token of this scope.
    pub(crate) fn request(
        &self,
        method: reqwest::Method,
        path: &str,
        scope: &str,
    ) -> reqwest::RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(self.token(scope))
    }

    /// Sends JSON to a JWT endpoint and returns its JSON; a refusal is an error with the server's words.
    pub(crate) async fn post_json(
        &self,
        path: &str,
        scope: &str,
        body: &serde_json::Value,
    ) -> anyhow::Result<serde_json::Value> {
        let reply = self
            .request(reqwest::Method::POST, path, scope)
            .json(body)
            .send()
            .await;
        read_reply(reply.with_context(|| format!("cannot reach {}", self.url))?).await
    }

    /// One call of the search endpoint with `requestData`.
    pub(crate) async fn search_call(
        &self,
        request_data: &serde_json::Value,
    ) -> anyhow::Result<serde_json::Value> {
        let form = [
            ("username", self.user.as_str()),
            ("secret_key", self.key.expose()),
            ("requestData", &request_data.to_string()),
        ];
        let reply = self
            .http
            .post(format!("{}/getsearchlogs", self.url))
            .form(&form)
            .send()
            .await;
        read_reply(reply.with_context(|| format!("cannot reach {}", self.url))?).await
    }

    /// The body for the credential family's JSON endpoints.
    pub(crate) fn credential_body(&self, request_data: &serde_json::Value) -> serde_json::Value {
        serde_json::json!({"username": self.user, "secret_key": self.key.expose(), "requestData": request_data})
    }

    /// `GET path` with credentials in the body, as Logpoint's incident API wants it.
    pub(crate) async fn get_with_credentials(
        &self,
        path: &str,
        request_data: &serde_json::Value,
    ) -> anyhow::Result<serde_json::Value> {
        let request = self
            .http
            .get(format!("{}{path}", self.url))
            .json(&self.credential_body(request_data));
        read_reply(
            request
                .send()
                .await
                .with_context(|| format!("cannot reach {}", self.url))?,
        )
        .await
    }
}

/// The JSON of a reply, or its error text.
pub(crate) async fn read_reply(reply: reqwest::Response) -> anyhow::Result<serde_json::Value> {
    let status = reply.status();
    let text = reply.text().await?;
    let value: serde_json::Value = serde_json::from_str(&text).unwrap_or(serde_json::Value::Null);
    let refused = value.get("success") == Some(&serde_json::Value::Bool(false));
    if status.is_success() && !refused {
        return Ok(value);
    }
    let message = ["message", "detail", "error"]
        .iter()
        .find_map(|k| value.get(k)?.as_str());
    let details = ["validationErrors", "errors"]
        .iter()
        .find_map(|k| Some(format!(": {}", value.get(k)?)))
        .unwrap_or_default();
    if status.is_success() {
        bail!("{}{details}", message.unwrap_or("refused without a reason"));
    }
    bail!(
        "the server answers {status}: {}{details}",
        message.unwrap_or(text.trim())
    )
}

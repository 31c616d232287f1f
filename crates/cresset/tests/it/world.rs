//! A running server and the few things that every test does with it.

use anyhow::{Context, Result, ensure};
use cresset_auth::jwt::{Alg, SignClaims, sign};
use cresset_model::{SecretString, Timestamp};
use cresset_testkit::http::{self, Answer};
use cresset_testkit::{Credentials, ServerProcess};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

/// Every scope that a token can have.
pub(crate) const ALL: &str = "alertrules:read alertrules:write logsource:read search:read search:write logs:write logs:delete";

/// The binary under test.
pub(crate) fn binary() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_cresset"))
}

/// The corpus of real data, where it is present.
pub(crate) fn corpus(path: &str) -> Option<PathBuf> {
    let full = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/corpus")
        .join(path);
    if full.exists() {
        return Some(full);
    }
    println!("skipped: the corpus is absent ({path})");
    None
}

/// Seconds since the epoch.
#[expect(
    clippy::disallowed_methods,
    reason = "a test against a real process shares its clock"
)]
pub(crate) fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_secs() as i64)
}

/// A server with its own data directory.
pub(crate) struct World {
    pub(crate) server: ServerProcess,
    pub(crate) credentials: Credentials,
    _dir: TempDir,
}

impl World {
    /// A server with default settings.
    pub(crate) async fn new() -> Result<Self> {
        Self::with(|server| server).await
    }

    /// A server with settings of its own.
    pub(crate) async fn with(adjust: impl FnOnce(ServerProcess) -> ServerProcess) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let mut server = adjust(ServerProcess::new(binary(), dir.path().join("data"))?);
        server.run().await?;
        let credentials = server.credentials()?;
        Ok(Self {
            server,
            credentials,
            _dir: dir,
        })
    }

    /// A token of the first user.
    pub(crate) fn token(&self, scope: &str) -> String {
        let claims = SignClaims {
            sub: self.credentials.username.clone(),
            scope: scope.to_owned(),
            iat: Timestamp::from_secs(now()),
            exp: Timestamp::from_secs(now() + 600),
        };
        sign(
            &claims,
            &SecretString::new(self.credentials.api_access_key.clone()),
            Alg::HS256,
        )
    }

    /// Sends a body to the intake of a repo, with further headers.
    pub(crate) async fn ingest_raw(
        &self,
        repo: &str,
        body: impl Into<reqwest::Body>,
        headers: &[(&str, &str)],
    ) -> Result<Answer> {
        let url = self.server.url(&format!("/api/v1/ingest?repo={repo}"));
        let mut request = http::client()?.post(url).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        http::send(request, Some(&self.token("logs:write"))).await
    }

    /// Stores events in the repo `default`.
    pub(crate) async fn ingest(&self, events: &[Value]) -> Result<Value> {
        let body: String = events.iter().map(|e| format!("{e}\n")).collect();
        let reply = self.ingest_raw("default", body, &[]).await?.ok()?.json()?;
        ensure!(reply["accepted"] == events.len(), "refused: {reply}");
        Ok(reply)
    }

    /// Runs a query over `range` (epoch seconds) and returns the last poll.
    pub(crate) async fn search(&self, query: &str, range: [i64; 2]) -> Result<Value> {
        self.search_in(query, range, &json!([])).await
    }

    /// As [`Self::search`], in the repos at these addresses.
    pub(crate) async fn search_in(
        &self,
        query: &str,
        range: [i64; 2],
        repos: &Value,
    ) -> Result<Value> {
        let start =
            json!({"query": query, "time_range": range, "limit": 1_000_000, "repos": repos});
        let started = self.search_call(&start).await?;
        let id = started["search_id"]
            .as_str()
            .with_context(|| format!("refused: {started}"))?;
        loop {
            let reply = self.search_call(&json!({"search_id": id})).await?;
            if reply["final"] == true || reply["success"] == false {
                return Ok(reply);
            }
        }
    }

    /// The rows of a query over the last day.
    pub(crate) async fn rows(&self, query: &str) -> Result<Vec<Value>> {
        let reply = self.search(query, [now() - 86_400, now() + 60]).await?;
        Ok(reply["rows"]
            .as_array()
            .with_context(|| format!("no rows: {reply}"))?
            .clone())
    }

    async fn search_call(&self, data: &Value) -> Result<Value> {
        let form = [
            ("username", self.credentials.username.clone()),
            ("secret_key", self.credentials.api_access_key.clone()),
            ("requestData", data.to_string()),
        ];
        let request = http::client()?
            .post(self.server.url("/getsearchlogs"))
            .form(&form);
        http::send(request, None).await?.ok()?.json()
    }

    /// Calls a JSON endpoint of the JWT family.
    pub(crate) async fn call(&self, path: &str, body: &Value) -> Result<Value> {
        http::post_json(&self.server.url(path), Some(&self.token(ALL)), body)
            .await?
            .ok()?
            .json()
    }

    /// Creates an alert rule and returns its id.
    pub(crate) async fn rule(&self, name: &str, query: &str) -> Result<String> {
        let reply = self
            .call("/AlertRules/create_api", &rule_body(name, query))
            .await?;
        Ok(reply["id"]
            .as_str()
            .with_context(|| format!("refused: {reply}"))?
            .to_owned())
    }

    /// Gives a rule an HTTP notification.
    pub(crate) async fn notify_http(&self, rule: &str, url: &str, body: &str) -> Result<()> {
        let notification = json!({
            "ids": [rule], "type": "http", "http_url": url, "http_request_type": "POST", "http_querystring": "",
            "notify_http": true, "http_body": body, "protocol": "HTTP", "dispatch_option": "auto",
        });
        self.call(
            "/pluggables/Notification/HTTPNotification/create_api",
            &notification,
        )
        .await
        .map(|_| ())
    }

    /// Gives a rule an e-mail notification.
    pub(crate) async fn notify_email(
        &self,
        rule: &str,
        subject: &str,
        template: &str,
    ) -> Result<()> {
        let form = [
            ("ids", json!([rule]).to_string()),
            ("type", "email".to_owned()),
            ("notify_email", "true".to_owned()),
            ("email_emails", json!(["soc@example.com"]).to_string()),
            ("subject", subject.to_owned()),
            ("email_template", template.to_owned()),
            ("simple_view", "on".to_owned()),
        ];
        let url = self
            .server
            .url("/pluggables/Notification/EmailNotification/create_api");
        http::send(
            http::client()?.post(url).form(&form),
            Some(&self.token(ALL)),
        )
        .await?
        .ok()
        .map(|_| ())
    }

    /// Incidents of the last hour.
    pub(crate) async fn incidents(&self) -> Result<Vec<Value>> {
        let body = json!({
            "username": self.credentials.username, "secret_key": self.credentials.api_access_key,
            "requestData": {"version": "0.1", "ts_from": now() - 3600, "ts_to": now() + 3600},
        });
        let request = http::client()?
            .get(self.server.url("/incidents"))
            .json(&body);
        let reply = http::send(request, None).await?.ok()?.json()?;
        Ok(reply["incidents"]
            .as_array()
            .with_context(|| format!("refused: {reply}"))?
            .clone())
    }

    /// Waits until there are `count` incidents.
    pub(crate) async fn wait_for_incidents(&self, count: usize) -> Result<Vec<Value>> {
        for _ in 0..300 {
            let incidents = self.incidents().await?;
            if incidents.len() >= count {
                return Ok(incidents);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::bail!(
            "no {count} incident(s) within 30 s; the server says:\n{}",
            self.server.output()
        )
    }

    /// Resident memory of the server in MiB, now and at its peak.
    pub(crate) fn memory(&self) -> Result<(f64, f64)> {
        let pid = self.server.pid().context("the server is not running")?;
        Ok(crate::proc_memory::of(pid)?)
    }
}

/// A rule that makes an incident of any row, every minute over ten.
pub(crate) fn rule_body(name: &str, query: &str) -> Value {
    json!({
        "name": name,
        "search_params": {"query": query, "timerange_minute": 10, "search_interval_minute": 1, "repos": [], "limit": 100},
        "incident_condition": {"condition_option": "greaterthan", "condition_value": 0, "risk": "high", "aggregate": "max"},
        "taxonomy": {"attack_tag_hashes": [], "logsources": [], "metadata": []},
        "incident_ownership": {"assignee": "admin", "visible_to_usergroups": []},
        "incident_display_data": {"apply_jinja_template": false, "simple_view": true},
    })
}

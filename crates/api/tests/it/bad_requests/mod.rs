//! Requests that nobody should send: in each version the documented error, and nothing changes.

mod bodies;
mod filters;
mod headers;
mod targets;

use crate::logicmonitor::{Key, key};
use crate::site::{Answer, Site, request};
use cresset_api::{ApiSettings, Readiness};
use cresset_auth::quota::Limits;
use cresset_catalog::port::Users as _;
use form_urlencoded::byte_serialize;
use serde_json::{Map, Value, json};

const TOKENS: &str = "/setting/admins/apitokens";
const USERS: &str = "/setting/admins";
const ROLES: &str = "/setting/roles";
const LOGS: &str = "/setting/accesslogs";
const VERSIONS: [&str; 3] = ["1", "2", "3"];

/// What an answer shows of requests that came in between, apart from changes.
const OF_USE: [&str; 5] = [
    "lastUsedOn",
    "lastAuthIp",
    "lastActionOn",
    "lastActionOnLocal",
    "lastAccessOn",
];

/// A server that does not tire, with a role, two users and some tokens.
struct Scene {
    site: Site,
    admin: Key,
    before: Value,
}

impl Scene {
    async fn new() -> Self {
        let plenty = 1_000_000;
        let quota = Limits {
            get: plenty,
            post: plenty,
            put: plenty,
            patch: plenty,
            delete: plenty,
            ..Limits::default()
        };
        let settings = ApiSettings {
            quota,
            ..ApiSettings::default()
        };
        let site = Site::with(settings, Readiness::default()).await;
        let admin = key(&site, "admin").await;
        key(&site, "bob").await;
        let role = json!({"name": "ops", "privileges": []});
        crate::logicmonitor::good(&site, &admin, "POST", ROLES, &role).await;
        let before = everything(&site).await;
        Self {
            site,
            admin,
            before,
        }
    }

    /// The number of the user `bob`, who can be changed.
    async fn bob(&self) -> i64 {
        let user = self.site.catalog.user_by_name("bob").await.unwrap();
        user.unwrap().number
    }

    /// Checks that all is as it was, and that the audit log knows of failures alone.
    async fn unchanged(&self) {
        let now = everything(&self.site).await;
        assert_eq!(now, self.before, "something came of a refused request");
    }

    /// Sends a signed request.
    async fn send(&self, version: &str, method: &str, target: &str, body: &str) -> Answer {
        crate::logicmonitor::call(&self.site, &self.admin, version, method, target, body).await
    }
}

/// All that these requests could change, as an administrator sees it.
async fn everything(site: &Site) -> Value {
    let token = site.token("admin", "setting:read");
    let mut all = Map::new();
    for target in [
        format!("{TOKENS}?size=1000"),
        format!("{TOKENS}?size=1000&type=bearer"),
        format!("{USERS}?size=1000"),
        format!("{ROLES}?size=1000"),
    ] {
        let path = format!("/santaba/rest{target}&v=3");
        let got = site.send(request("GET", &path, Some(&token), "application/json", ""));
        let got = got.await;
        assert_eq!(got.status, 200, "{target}: {got:?}");
        all.insert(target, without_use(got.json));
    }
    let failure = |action: &str| {
        ["failed", "refused", "throttled"]
            .iter()
            .any(|w| action.contains(w))
    };
    let acts = site.catalog.audit_entries(100_000).await.unwrap();
    let acts = acts.into_iter().filter(|entry| !failure(&entry.action));
    let acts = acts
        .map(|entry| json!([entry.action, entry.detail]))
        .collect();
    all.insert("acts".to_owned(), acts);
    Value::Object(all)
}

/// The value without what every request changes.
fn without_use(value: Value) -> Value {
    match value {
        Value::Object(object) => object
            .into_iter()
            .filter(|(name, _)| !OF_USE.contains(&name.as_str()))
            .map(|(name, value)| (name, without_use(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(without_use).collect(),
        other => other,
    }
}

/// A value as it stands in a query string.
fn encoded(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

/// The beginning of a request, for messages.
fn short(text: &str) -> String {
    text.chars().take(80).collect()
}

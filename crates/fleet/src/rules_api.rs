//! The public endpoints for rules, notifications and lists.

use crate::document::{Email, Http, MacroDoc, RuleDoc};
use crate::member::{Error, Member, Repeat};
use crate::multipart;
use cresset_model::rule::RuleSpec;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const READ: &str = "alertrules:read";
const WRITE: &str = "alertrules:write";
/// Rows of a page of rules or lists.
const PAGE: usize = 200;
/// Most pages that are read.
const MAX_PAGES: usize = 5_000;
/// Most ids in one request.
const BATCH: usize = 200;
const EMAIL: &str = "/pluggables/Notification/EmailNotification";
const MACROS: &str = "/api/v1/macros";
const HTTP: &str = "/pluggables/Notification/HTTPNotification";

/// One row of the list of rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The rule's id.
    pub id: String,
    /// Its name.
    pub name: String,
}

impl Member {
    /// All rules of the user.
    pub async fn rules(&self) -> Result<Vec<Listed>, Error> {
        let rows = self.pages("/AlertRules/lists_api", READ).await?;
        rows.iter()
            .map(|row| {
                let text = |name: &str| row.get(name)?.as_str().map(str::to_owned);
                let id = text("id").or_else(|| text("_id"));
                id.zip(text("name"))
                    .map(|(id, name)| Listed { id, name })
                    .ok_or_else(|| Error::Unexpected {
                        path: "/AlertRules/lists_api".to_owned(),
                        what: "a row without id or name".to_owned(),
                    })
            })
            .collect()
    }

    /// Names of all lists, in upper case.
    pub async fn list_names(&self) -> Result<Vec<String>, Error> {
        let rows = self
            .pages("/UserDefinedList/lists_api", "search:read")
            .await?;
        let names = rows.iter().filter_map(|row| row.get("name")?.as_str());
        Ok(names.map(str::to_uppercase).collect())
    }

    /// The macros, by name in upper case. Only Cresset tells them.
    pub async fn macros(&self) -> Result<BTreeMap<String, MacroDoc>, Error> {
        let mut reply = self
            .call(Method::GET, MACROS, "search:read", Repeat::Safe, |r| r)
            .await?;
        let unexpected = |what: &str| Error::Unexpected {
            path: MACROS.to_owned(),
            what: what.to_owned(),
        };
        let Some(Value::Array(rows)) = reply.get_mut("macros").map(Value::take) else {
            return Err(unexpected("no macros"));
        };
        let one = |mut row: Value| {
            let name = row.get("name")?.as_str()?.to_ascii_uppercase();
            let row = row.as_object_mut()?;
            row.retain(|key, _| ["description", "parameters", "text"].contains(&key.as_str()));
            Some((name, serde_json::from_value(json!(row)).ok()?))
        };
        let macros: Option<BTreeMap<_, _>> = rows.into_iter().map(one).collect();
        macros.ok_or_else(|| unexpected("a macro without name or text"))
    }

    /// Creates a macro, or replaces the one of that name.
    pub async fn put_macro(&self, name: &str, one: &MacroDoc) -> Result<(), Error> {
        let path = format!("{MACROS}/{name}");
        let put = |request: reqwest::RequestBuilder| request.json(one);
        self.call(Method::PUT, &path, "search:write", Repeat::Safe, put)
            .await
            .map(drop)
    }

    /// The rows of all pages: the first one that is short is the last one.
    async fn pages(&self, path: &str, scope: &str) -> Result<Vec<Value>, Error> {
        let mut all = Vec::new();
        for page in 1..=MAX_PAGES {
            let query = [("limit", PAGE), ("page", page)];
            let mut reply = self
                .call(Method::GET, path, scope, Repeat::Safe, |r| r.query(&query))
                .await?;
            let Some(Value::Array(rows)) = reply.get_mut("rows").map(Value::take) else {
                return Err(Error::Unexpected {
                    path: path.to_owned(),
                    what: "no rows".to_owned(),
                });
            };
            let last = rows.len() < PAGE;
            all.extend(rows);
            if last {
                break;
            }
        }
        Ok(all)
    }

    /// One rule with its notifications, without secrets.
    pub async fn rule(&self, id: &str) -> Result<RuleDoc, Error> {
        let path = "/AlertRules/read_api";
        let mut reply = self.get(path, id).await?;
        let data = match reply.get_mut("data") {
            Some(data) => data.take(),
            None => reply,
        };
        let active = active(&data);
        let spec: RuleSpec = serde_json::from_value(data).map_err(|e| Error::Unexpected {
            path: path.to_owned(),
            what: e.to_string(),
        })?;
        let mut document = RuleDoc::from_wire(&spec, active);
        document.notifications.email = Email::from_wire(&self.notification(EMAIL, id).await?);
        document.notifications.http = Http::from_wire(&self.notification(HTTP, id).await?);
        Ok(document)
    }

    async fn get(&self, path: &str, id: &str) -> Result<Value, Error> {
        let query = [("id", id)];
        self.call(Method::GET, path, READ, Repeat::Safe, |r| r.query(&query))
            .await
    }

    /// The notification's data; null where an instance says that there is none.
    async fn notification(&self, endpoint: &str, id: &str) -> Result<Value, Error> {
        match self.get(&format!("{endpoint}/read_api"), id).await {
            Ok(mut reply) => Ok(reply.get_mut("data").map(Value::take).unwrap_or_default()),
            Err(error) if error.is_missing() => Ok(Value::Null),
            Err(error) => Err(error),
        }
    }

    async fn post(&self, path: &str, repeat: Repeat, body: &Value) -> Result<Value, Error> {
        self.call(Method::POST, path, WRITE, repeat, |r| r.json(body))
            .await
    }

    /// Creates a rule and returns its id. Never sent twice: the answer may have been lost.
    pub async fn create_rule(&self, rule: &RuleDoc) -> Result<String, Error> {
        let path = "/AlertRules/create_api";
        let body = body(path, rule, self.user())?;
        let reply = self.post(path, Repeat::Never, &body).await?;
        let id = reply.get("id").or_else(|| reply.get("_id"));
        if let Some(id) = id.and_then(Value::as_str) {
            return Ok(id.to_owned());
        }
        let listed = self.rules().await?;
        let found = listed.into_iter().find(|row| row.name == rule.name);
        found.map(|row| row.id).ok_or_else(|| Error::Unexpected {
            path: path.to_owned(),
            what: "no id, and the rule is not listed".to_owned(),
        })
    }

    /// Replaces a rule.
    pub async fn update_rule(&self, id: &str, rule: &RuleDoc) -> Result<(), Error> {
        let path = "/AlertRules/update_api";
        let mut body = body(path, rule, self.user())?;
        body["id"] = id.into();
        self.post(path, Repeat::Safe, &body).await.map(drop)
    }

    /// Switches rules on or off.
    pub async fn set_active(&self, ids: &[String], active: bool) -> Result<(), Error> {
        let path = if active {
            "/AlertRules/activate_api"
        } else {
            "/AlertRules/deactivate_api"
        };
        for batch in ids.chunks(BATCH) {
            self.post(path, Repeat::Safe, &json!({"ids": batch}))
                .await?;
        }
        Ok(())
    }

    /// Deletes a rule.
    pub async fn delete_rule(&self, id: &str) -> Result<(), Error> {
        let body = json!({"ids": [id]});
        self.post("/AlertRules/delete_api", Repeat::Never, &body)
            .await
            .map(drop)
    }

    /// Sets a rule's e-mail notification.
    pub async fn set_email(&self, id: &str, email: &Email) -> Result<(), Error> {
        let path = format!("{EMAIL}/create_api");
        let form = email.to_form(id);
        self.call(Method::POST, &path, WRITE, Repeat::Safe, |r| r.form(&form))
            .await
            .map(drop)
    }

    /// Sets a rule's HTTP notification; `secret` is that of its `auth`.
    pub async fn set_http(&self, id: &str, http: &Http, secret: &str) -> Result<(), Error> {
        let body = http.to_wire(id, secret);
        self.post(&format!("{HTTP}/create_api"), Repeat::Safe, &body)
            .await
            .map(drop)
    }

    /// Creates a static list or replaces its values; `filename` ends in `.txt` or `.csv`.
    pub async fn import_list(&self, name: &str, filename: &str, bytes: &[u8]) -> Result<(), Error> {
        let kind = match filename.rsplit_once('.') {
            Some((_, "csv")) => "text/csv",
            _ => "text/plain",
        };
        let (content_type, body) = multipart::form(
            &[("package_import_name", name)],
            ("package_import", filename, kind),
            bytes,
        );
        let path = "/UserDefinedList/import_api";
        self.call(Method::POST, path, "search:write", Repeat::Safe, |r| {
            r.header("content-type", &content_type).body(body.clone())
        })
        .await
        .map(drop)
    }
}

/// Rules by name; of two with one name the first counts.
pub(crate) fn by_name(rules: Vec<Listed>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for rule in rules {
        found.entry(rule.name).or_insert(rule.id);
    }
    found
}

fn body(path: &str, rule: &RuleDoc, user: &str) -> Result<Value, Error> {
    serde_json::to_value(rule.to_wire(user)).map_err(|e| Error::Unexpected {
        path: path.to_owned(),
        what: e.to_string(),
    })
}

/// Servers name the state in several ways.
fn active(data: &Value) -> bool {
    let flag = ["enabled", "is_enabled", "active"]
        .iter()
        .find_map(|name| data.get(name)?.as_bool());
    flag.unwrap_or_else(|| {
        let status = data
            .get("status")
            .and_then(Value::as_str)
            .unwrap_or("active");
        matches!(status, "active" | "enabled")
    })
}

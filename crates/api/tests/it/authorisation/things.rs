//! What belongs to somebody, made anew for each request, and the request that acts on it.

use super::callers::{Caller, Narrowed, ROLES, Spoiled, role_without_privileges};
use super::policy::{Family, Line, Thing, Whose};
use crate::incidents::fired;
use crate::rules::{created, rule};
use crate::site::{FORM, JSON, START, Site, key_of};
use cresset_catalog::port::{Lists as _, Macros as _, Rules as _};
use cresset_model::macros::Macro;
use cresset_model::notification::{DispatchOption, HttpAuth, HttpMethod, HttpNotification};
use cresset_model::rule::RuleSpec;
use cresset_model::{Clock as _, ObjectId, SecretString};
use serde_json::{Value, json};
use std::cell::Cell;

/// A request without its credentials.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) body: Vec<u8>,
    pub(super) media: &'static str,
    /// What the answer must show, if it is a list, and what it shows only to some.
    pub(super) listed: Option<(String, String)>,
}

/// Two users of one role.
pub(super) struct Pair {
    pub(super) role: char,
    pub(super) caller: Caller,
    pub(super) other: Caller,
}

/// What a log shipper sends to a route.
fn of_shipper(sent: &mut Sent) {
    sent.target = sent.target.replace("{name}", "index");
    let body: &[u8] = match sent.target.as_str() {
        path if path.contains("/_bulk") => b"{\"index\":{}}\n{\"n\":1}\n",
        "/services/collector/ack" => b"{\"acks\":[1]}",
        path if path.starts_with("/services/collector") => b"{\"event\":\"a\"}",
        "/loki/api/v1/push" => b"{\"streams\":[]}",
        "/v1/logs" => b"{}",
        path if path.starts_with("/opentelemetry") => {
            sent.media = "application/grpc";
            b"\0\0\0\0\0"
        }
        _ => b"",
    };
    sent.body = body.to_vec();
}

/// A server with users of every role.
pub(super) struct World {
    pub(super) site: Site,
    pub(super) pairs: Vec<Pair>,
    pub(super) narrowed: Narrowed,
    pub(super) spoiled: Spoiled,
    spec: RuleSpec,
    count: Cell<u32>,
}

impl World {
    pub(super) async fn new() -> Self {
        let site = Site::new().await;
        role_without_privileges(&site).await;
        let mut pairs = Vec::new();
        for (letter, role) in ROLES {
            pairs.push(Pair {
                role: letter,
                caller: Caller::new(&site, &format!("caller-{role}"), role).await,
                other: Caller::new(&site, &format!("other-{role}"), role).await,
            });
        }
        let administrator = &pairs[0].caller.name;
        let narrowed = Narrowed::new(&site, administrator).await;
        let spoiled = Spoiled::new(&site, administrator).await;
        let pattern = created(&site, administrator, "Pattern").await;
        let pattern = site.catalog.rule(pattern.parse().unwrap()).await.unwrap();
        let spec = pattern.unwrap().rule.spec;
        Self {
            site,
            pairs,
            narrowed,
            spoiled,
            spec,
            count: Cell::new(0),
        }
    }

    /// An administrator.
    pub(super) fn administrator(&self) -> &Caller {
        &self.pairs[0].caller
    }

    /// A number that was not given before.
    pub(super) fn next(&self) -> u32 {
        self.count.set(self.count.get() + 1);
        self.count.get()
    }

    /// A request of `pair`'s caller, which would be good if the caller were permitted.
    pub(super) async fn sent(&self, line: &Line, pair: &Pair, whose: Whose) -> Sent {
        let owner = match whose {
            Whose::Own => &pair.caller,
            Whose::Other | Whose::Mixed => &pair.other,
        };
        let mut sent = Sent {
            method: line.method.clone(),
            target: line.path.clone(),
            body: Vec::new(),
            media: JSON,
            listed: None,
        };
        match line.family {
            Family::LogicMonitor => self.of_settings(line, pair, owner, whose, &mut sent).await,
            Family::Body => self.of_body(line, pair, owner, &mut sent).await,
            Family::Shipper => of_shipper(&mut sent),
            _ => self.of_tokens(line, pair, owner, &mut sent).await,
        }
        assert!(
            !sent.target.contains('{'),
            "nothing stands for a part of {}",
            sent.target
        );
        sent
    }

    /// A rule of `owner`, with a notification.
    async fn rule_of(&self, owner: &Caller) -> ObjectId {
        let site = &self.site;
        let (id, now) = (site.id(), site.clock.now());
        let mut spec = self.spec.clone();
        spec.name = format!("Rule {}", self.next());
        let catalog = &site.catalog;
        catalog
            .create_rule(id, owner.id, spec, now, None)
            .await
            .unwrap();
        let notification = HttpNotification {
            enabled: true,
            url: SecretString::new("http://192.0.2.1/"),
            protocol: "HTTP".to_owned(),
            method: HttpMethod::Post,
            query_string: String::new(),
            format_query: String::new(),
            body: String::new(),
            auth: HttpAuth::None,
            dispatch: DispatchOption::Auto,
            threshold: None,
        };
        let ids = [id];
        let set = catalog.put_http_notification(&ids, owner.id, &notification, now);
        set.await.unwrap();
        id
    }

    /// An incident of `owner` and its delivery, which was given up.
    async fn incident_of(&self, owner: &Caller) -> (ObjectId, ObjectId) {
        let rule = self.rule_of(owner).await;
        fired(&self.site, &owner.name, &rule.to_string(), START - 60).await
    }

    /// Requests of Logpoint's and our own routes with a token.
    async fn of_tokens(&self, line: &Line, pair: &Pair, owner: &Caller, sent: &mut Sent) {
        match line.thing {
            Thing::Rule => {
                let id = self.rule_of(owner).await.to_string();
                self.of_rule(line, &id, sent);
            }
            Thing::Incident => {
                let (id, _) = self.incident_of(owner).await;
                sent.target = sent.target.replace("{id}", &id.to_string());
            }
            Thing::Delivery => {
                let (_, id) = self.incident_of(owner).await;
                sent.target = sent.target.replace("{id}", &id.to_string());
            }
            Thing::Search => {
                let id = self.search_of(owner).await;
                sent.target = sent.target.replace("{id}", &id);
            }
            Thing::AllRules => {
                let own = self.rule_of(&pair.caller).await;
                let other = self.rule_of(&pair.other).await;
                sent.target += "?return_all_data=true";
                sent.listed = Some((own.to_string(), other.to_string()));
            }
            Thing::AllDeliveries => {
                let (_, own) = self.incident_of(&pair.caller).await;
                let (_, other) = self.incident_of(&pair.other).await;
                sent.target += "?limit=1000";
                sent.listed = Some((own.to_string(), other.to_string()));
            }
            Thing::Nothing => self.of_nothing(line, sent).await,
            other => panic!("{other:?} is no thing of these routes"),
        }
    }

    fn of_rule(&self, line: &Line, id: &str, sent: &mut Sent) {
        let path = line.path.as_str();
        if path.contains("{id}") {
            sent.target = path.replace("{id}", id);
        } else if path.ends_with("/read_api") {
            sent.target += &format!("?id={id}");
        } else if path.ends_with("/update_api") {
            let mut body = rule(&format!("Changed {}", self.next()));
            body["id"] = json!(id);
            sent.body = body.to_string().into_bytes();
        } else if path.contains("EmailNotification") {
            let mut form = form_urlencoded::Serializer::new(String::new());
            form.append_pair("ids", &json!([id]).to_string())
                .append_pair("type", "email")
                .append_pair("email_emails", "[\"soc@example.com\"]")
                .append_pair("subject", "s")
                .append_pair("email_template", "t");
            sent.body = form.finish().into_bytes();
            sent.media = FORM;
        } else if path.contains("HTTPNotification") {
            let body = json!({"ids": [id], "type": "http", "http_url": "http://192.0.2.1/",
                "http_request_type": "POST", "http_querystring": "", "notify_http": true,
                "http_body": "b", "protocol": "HTTP", "dispatch_option": "auto"});
            sent.body = body.to_string().into_bytes();
        } else {
            sent.body = json!({ "ids": [id] }).to_string().into_bytes();
        }
    }

    async fn of_nothing(&self, line: &Line, sent: &mut Sent) {
        let n = self.next();
        let body = match (line.method.as_str(), line.path.as_str()) {
            ("POST", "/AlertRules/create_api") => rule(&format!("Created {n}")),
            ("POST", "/UserDefinedList/import_api") => {
                sent.media = "multipart/form-data; boundary=B";
                let part = |head: &str, text: &str| {
                    format!("--B\r\nContent-Disposition: form-data; {head}\r\n\r\n{text}\r\n")
                };
                let name = part("name=\"package_import_name\"", &format!("IMPORTED_{n}"));
                let file = part("name=\"package_import\"; filename=\"a.txt\"", "one\ntwo");
                sent.body = format!("{name}{file}--B--\r\n").into_bytes();
                return;
            }
            ("POST", "/api/v1/ingest") => json!({"msg": "hello", "n": n}),
            ("POST", "/api/v1/searches") => {
                json!({"query": "msg=hello", "time_range": "Last hour"})
            }
            ("POST", "/api/v1/repos") => json!({"name": format!("repo{n}"), "retention_days": 9}),
            ("POST", "/api/v1/deletions") => deletion(),
            ("GET", "/api/v1/deletions/{id}") => {
                let (site, body) = (&self.site, deletion());
                let begun = site.call("admin", "POST", "/api/v1/deletions", &body).await;
                let id = begun.json["id"].as_str().unwrap().to_owned();
                sent.target = sent.target.replace("{id}", &id);
                return;
            }
            ("POST", "/api/v1/instances") => instance(n),
            ("DELETE", "/api/v1/instances/{name}") => {
                self.site
                    .call("admin", "POST", "/api/v1/instances", &instance(n))
                    .await;
                sent.target = sent.target.replace("{name}", &format!("instance{n}"));
                return;
            }
            (method, "/api/v1/lists/{name}") => {
                let (site, name) = (&self.site, format!("LIST_{n}"));
                let values = vec!["one".to_owned()];
                let made = site
                    .catalog
                    .put_list(site.id(), &name, values, site.clock.now());
                made.await.unwrap();
                sent.target = sent.target.replace("{name}", &name);
                if method != "PUT" {
                    return;
                }
                json!(["two", "three"])
            }
            (method, "/api/v1/macros/{name}") => {
                let (site, name) = (&self.site, format!("MACRO_{n}"));
                let made = Macro {
                    name: name.clone(),
                    parameters: Vec::new(),
                    text: "user=amy".to_owned(),
                    description: String::new(),
                    updated_at: site.clock.now(),
                };
                site.catalog.put_macro(made).await.unwrap();
                sent.target = sent.target.replace("{name}", &name);
                if method != "PUT" {
                    return;
                }
                json!({"text": "user=bob"})
            }
            ("POST", "/Repo/get_all_searchable_logpoint") => json!({}),
            ("POST", "/api/v1/explain") => json!({"query": "msg=hello", "time_range": "Last hour"}),
            _ => return,
        };
        sent.body = body.to_string().into_bytes();
    }

    /// Requests of Logpoint's routes with the secret key in the body.
    async fn of_body(&self, line: &Line, pair: &Pair, owner: &Caller, sent: &mut Sent) {
        let name = &pair.caller.name;
        let mut body = json!({"username": name, "secret_key": key_of(name).expose()});
        let data = match line.thing {
            Thing::Nothing => {
                body["type"] = json!("logpoint_repos");
                json!({"query": "msg=hello", "time_range": "Last hour"})
            }
            Thing::Search => json!({"search_id": self.search_of(owner).await}),
            Thing::AllIncidents => {
                let (own, _) = self.incident_of(&pair.caller).await;
                let (other, _) = self.incident_of(&pair.other).await;
                // Where only what somebody worked on is listed.
                for id in [own, other] {
                    let comment = json!({"states": [{"_id": id.to_string(), "comments": ["c"]}]});
                    self.by_administrator("/add_incident_comment", comment)
                        .await;
                }
                sent.listed = Some((own.to_string(), other.to_string()));
                json!({"version": "0.1", "ts_from": START - 86_400, "ts_to": START + 864_000})
            }
            Thing::Incident => {
                let (id, _) = self.incident_of(owner).await;
                self.of_incident(line, &id.to_string(), &pair.caller).await
            }
            other => panic!("{other:?} is no thing of these routes"),
        };
        body["requestData"] = data;
        sent.body = body.to_string().into_bytes();
    }

    async fn of_incident(&self, line: &Line, id: &str, caller: &Caller) -> Value {
        let ids = json!({ "incident_ids": [id] });
        match line.path.as_str() {
            "/get_data_from_incident" => json!({"incident_obj_id": id, "date_format": "%d/%m/%Y"}),
            "/add_incident_comment" => json!({"states": [{"_id": id, "comments": ["c"]}]}),
            "/assign_incident" => {
                json!({"incident_ids": [id], "new_assignee": caller.id.to_string()})
            }
            "/close_incident" => {
                self.by_administrator("/resolve_incident", ids.clone())
                    .await;
                ids
            }
            "/reopen_incident" => {
                self.by_administrator("/resolve_incident", ids.clone())
                    .await;
                self.by_administrator("/close_incident", ids.clone()).await;
                ids
            }
            _ => ids,
        }
    }

    /// Does something as a third user, who is an administrator.
    async fn by_administrator(&self, path: &str, data: Value) {
        let reply = crate::incidents::ask(&self.site, "admin", "POST", path, data).await;
        assert_eq!(reply["success"], json!(true), "{path}: {reply}");
    }

    async fn search_of(&self, owner: &Caller) -> String {
        let data = json!({"query": "msg=hello", "time_range": "Last hour"});
        let started = crate::permissions::search(&self.site, &owner.name, &data).await;
        // Who may not search has none, and asks for one that is nobody's.
        started["search_id"]
            .as_str()
            .unwrap_or("0123456789")
            .to_owned()
    }
}

fn deletion() -> Value {
    json!({"query": "user=nobody", "repos": ["default"], "from": "2020-01-01T00:00:00Z",
        "to": "2020-01-02T00:00:00Z", "reason": "to be forgotten", "dry_run": true})
}

fn instance(n: u32) -> Value {
    let host = format!("10.9.{}.{}", n / 250, n % 250 + 1);
    json!({"name": format!("instance{n}"), "url": format!("https://{host}:7070"),
        "user": "searcher", "secret_key": "0123456789abcdef0123456789abcdef"})
}

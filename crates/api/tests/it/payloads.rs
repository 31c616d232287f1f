//! Every recorded request is replayed, and the answer compared with the recorded one.

use crate::incidents::fired;
use crate::payloads_credential::{allowed_data, errors, incidents, searches};
use crate::payloads_jwt::{lists, notifications, rules};
use crate::payloads_shape::{Leeway, differences, folder};
use crate::rules::created;
use crate::site::{ALL, Answer, FORM, JSON, START, Site, key_of, request};
use cresset_catalog::port::{Groups as _, Repos as _, Users as _};
use cresset_model::Clock as _;
use cresset_model::repo::Repo;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// A site with a rule, events and an incident, and the recorded messages.
pub(crate) struct Replay {
    pub(crate) site: Site,
    pub(crate) folder: PathBuf,
    pub(crate) rule: String,
    incident: String,
    admin: String,
    used: RefCell<BTreeSet<String>>,
    faults: RefCell<Vec<String>>,
}

impl Replay {
    async fn new() -> Option<Self> {
        let folder = folder()?;
        let site = Site::new().await;
        let logpoint = Repo {
            name: "_logpoint".to_owned(),
            retention_days: 30,
        };
        site.catalog.create_repo(logpoint).await.unwrap();
        let rule = created(&site, "admin", "The rule of the site").await;
        let (incident, _) = fired(&site, "admin", &rule, START - 60).await;
        let admin = site.catalog.user_by_name("admin").await.unwrap().unwrap();
        let group = site.id();
        let now = site.clock.now();
        site.catalog.create_group(group, "Day", now).await.unwrap();
        let users = site.catalog.users().await.unwrap();
        let members: Vec<_> = users.iter().map(|user| user.id).collect();
        site.catalog
            .add_group_members("Day", &members)
            .await
            .unwrap();
        let events: Vec<String> = (0..3)
            .map(|n| {
                json!({"msg": format!("login {n}"), "user": "alice", "log_ts": START - 60,
                "device_ip": "192.0.2.9", "device_name": "web", "col_type": "office365"})
            })
            .map(|event| event.to_string())
            .collect();
        site.ingest(&events.join("\n")).await;
        Some(Self {
            site,
            folder,
            rule,
            incident: incident.to_string(),
            admin: admin.id.to_string(),
            used: RefCell::default(),
            faults: RefCell::default(),
        })
    }

    /// A recorded message with our ids, key and times instead of the recorded ones.
    pub(crate) fn text(&self, file: &str) -> String {
        self.used.borrow_mut().insert(file.to_owned());
        let text = std::fs::read_to_string(self.folder.join(file)).unwrap();
        self.ours(&text)
    }

    fn ours(&self, text: &str) -> String {
        let admin = key_of("admin");
        let (from, to) = ((START - 3600).to_string(), (START + 3600).to_string());
        [
            ("67f8ae6fbe9edae2fcfbc1ee", self.rule.as_str()),
            ("5c28e05994734284b9e03b57", &self.rule),
            ("5af12974007da85b99a3230b", &self.incident),
            ("5a466e9dd8aaa4748d3977c7", &self.admin),
            ("<access key>", admin.expose()),
            ("1610700720", &from),
            ("1610700900", &to),
        ]
        .iter()
        .fold(text.to_owned(), |text, (theirs, ours)| {
            text.replace(theirs, ours)
        })
    }

    pub(crate) fn json(&self, file: &str) -> Value {
        serde_json::from_str(&self.text(file)).unwrap()
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: String,
    ) -> Answer {
        let token = self.site.token("admin", ALL);
        let credential = body.contains("secret_key");
        let token = (!credential).then_some(token.as_str());
        let request = request(method, path, token, content_type, body);
        self.site.send(request).await
    }

    /// Replays one request and compares the answer.
    pub(crate) async fn check(&self, sent: Sent, response: &str, leeway: Leeway) -> Value {
        let Sent {
            method,
            path,
            content_type,
            body,
        } = sent;
        let expected = self.json(response);
        let answer = self.send(method, &path, content_type, body).await;
        let what = format!("{method} {path}");
        if answer.status == 200 {
            self.compare(&what, &expected, &answer.json, leeway);
        } else {
            self.note(format!("{what}: {} {}", answer.status, answer.text));
        }
        answer.json
    }

    /// Notes where `got` has another shape than `expected`.
    pub(crate) fn compare(&self, what: &str, expected: &Value, got: &Value, leeway: Leeway) {
        let found = differences(expected, got, leeway);
        if !found.is_empty() {
            self.note(format!("{what}: {found:#?}\n{got}"));
        }
    }

    /// Notes a fault. The test fails with all of them at its end.
    pub(crate) fn note(&self, fault: String) {
        self.faults.borrow_mut().push(fault);
    }

    /// A file that is sent as JSON.
    pub(crate) fn post(&self, path: &str, file: &str) -> Sent {
        Sent::new("POST", path, JSON, self.text(file))
    }

    /// A form of the credential family.
    pub(crate) fn form(path: &str, fields: &[(&str, &str)]) -> Sent {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("username", "admin")
            .append_pair("secret_key", key_of("admin").expose())
            .extend_pairs(fields);
        Sent::new("POST", path, FORM, form.finish())
    }
}

pub(crate) struct Sent {
    method: &'static str,
    path: String,
    content_type: &'static str,
    body: String,
}

impl Sent {
    pub(crate) fn new(
        method: &'static str,
        path: &str,
        content_type: &'static str,
        body: String,
    ) -> Self {
        Self {
            method,
            path: path.to_owned(),
            content_type,
            body,
        }
    }

    pub(crate) fn get(path: &str) -> Self {
        Self::new("GET", path, JSON, String::new())
    }
}

/// No difference at all.
pub(crate) const EXACT: Leeway = Leeway {
    data: &[],
    more: &[],
    empty: &[],
};

/// The requests of real clients, one after the other, as they came over the wire.
async fn captured(replay: &Replay, file: &str) -> usize {
    let text = replay.text(file);
    let mut count = 0;
    let (mut search, mut rule) = (String::new(), replay.rule.clone());
    for block in text.split("\n##### ").skip(1) {
        // The client goes on with the rule that it has created.
        let block = block.replace(&replay.rule, &rule);
        let (line, rest) = block.split_once('\n').unwrap();
        let (method, path) = line.split_once(' ').unwrap();
        let (head, body) = rest.split_once("\n\n").unwrap_or((rest, ""));
        let header = |name: &str| {
            head.lines()
                .find_map(|l| l.strip_prefix(name).map(str::trim))
        };
        let kind = header("Content-Type:").unwrap_or(JSON);
        let multipart = kind.starts_with("multipart");
        let body = if multipart {
            body.replace('\n', "\r\n")
        } else {
            body.trim().to_owned()
        };
        let key = key_of("admin");
        let mut body = body
            .replace("secret_key=k", &format!("secret_key={}", key.expose()))
            .replace(
                "\"secret_key\": \"k\"",
                &format!("\"secret_key\": \"{}\"", key.expose()),
            );
        if let Some((_, id)) = body.split_once("search_id%22%3A+%22") {
            body = body.replace(&id[..36], &search);
        }
        // One request was our own look at the mock, without a token.
        let anonymous = !body.contains("secret_key") && header("Authorization:").is_none();
        let answer = replay.send(method, path, kind, body).await;
        if answer.status != 200 || answer.json["success"] == json!(false) {
            replay.note(format!("{file}: {line}: {answer:?}"));
        }
        if path == "/AlertRules/create_api" {
            answer.json["id"].as_str().unwrap().clone_into(&mut rule);
        }
        if let Some(id) = answer.json["search_id"].as_str() {
            id.clone_into(&mut search);
        }
        count += usize::from(!anonymous);
    }
    count
}

#[tokio::test]
async fn every_recorded_request_is_answered_in_the_recorded_shape() {
    let Some(replay) = Replay::new().await else {
        return;
    };
    rules(&replay).await;
    notifications(&replay).await;
    lists(&replay).await;
    allowed_data(&replay).await;
    searches(&replay).await;
    incidents(&replay).await;
    errors(&replay).await;
    assert_eq!(
        captured(&replay, "captured-logpoint002-and-chronicle-requests.http").await,
        14
    );
    // On a site of its own, because its rule has the name of another recording.
    let other = Replay::new().await.unwrap();
    assert_eq!(
        captured(&other, "captured-g6-and-pylogpoint-requests.http").await,
        23
    );
    let faults = [replay.faults.take(), other.faults.take()].concat();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let mut used = replay.used.take();
    used.extend(other.used.take());
    // What is no message.
    used.extend(
        [
            "INDEX.md",
            "jwt.claims.json",
            "stored-alertrule.types-only.txt",
        ]
        .map(str::to_owned),
    );
    let there: BTreeSet<String> = std::fs::read_dir(&replay.folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let left: Vec<&String> = there.difference(&used).collect();
    assert!(left.is_empty(), "nothing replays {left:?}");
}

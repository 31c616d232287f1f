//! What the model knows of alert rules and their notifications.

use super::calls::{Page, RuleRef, User, Who};
use super::compare::{holding, new_id, text};
use super::drafts::RuleDraft;
use super::drive::with_query;
use super::notices::{EmailDraft, HttpDraft};
use super::world::{Body, Expect, Family, MALFORMED, Part, Plan, World, ok};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const READ: &str = "alertrules:read";
const WRITE: &str = "alertrules:write";

#[derive(Debug)]
pub(super) struct Rule {
    /// Empty until the server has said it.
    pub(super) id: String,
    pub(super) owner: User,
    /// In microseconds.
    pub(super) created: i64,
    pub(super) active: bool,
    pub(super) deleted: bool,
    pub(super) draft: RuleDraft,
    /// By the word in the path.
    pub(super) notifications: BTreeMap<&'static str, Value>,
}

impl Rule {
    pub(super) fn is_of(&self, user: User) -> bool {
        self.owner == user && !self.deleted
    }

    fn row(&self) -> Value {
        json!({"id": self.id, "name": self.draft.kept_name(),
            "description": self.draft.description.unwrap_or_default(),
            "active": self.active, "user": self.owner.name(), "cloud_rule_id": ""})
    }

    fn shown(&self) -> Value {
        let mut shown = self.draft.shown();
        shown["id"] = json!(self.id);
        shown["active"] = json!(self.active);
        shown
    }
}

impl World {
    fn own_rule(&self, user: User, id: &str) -> Option<usize> {
        self.rules.iter().position(|r| r.is_of(user) && r.id == id)
    }

    /// The rules of a list of ids, each once; all must be the caller's.
    fn own_rules(&self, user: User, ids: &[String]) -> Result<Vec<usize>, Expect> {
        if ids.is_empty() || ids.iter().any(|id| id == MALFORMED) {
            return Err(Family::Jwt.field("ids"));
        }
        let mut found = Vec::new();
        for id in ids {
            let Some(at) = self.own_rule(user, id) else {
                return Err(Family::Jwt.refuses(&[404], text()));
            };
            if !found.contains(&at) {
                found.push(at);
            }
        }
        Ok(found)
    }

    fn texts(&self, user: User, ids: &[RuleRef]) -> Vec<String> {
        ids.iter().map(|id| self.rule_id(user, *id)).collect()
    }

    fn told(&mut self, by: User) {
        self.changes.push(by);
        self.announced += 1;
    }

    /// Why a rule cannot be saved, if so; `at` is the rule that it replaces.
    fn refused(
        &self,
        by: User,
        rule: &RuleDraft,
        more: Map<String, Value>,
        at: Option<usize>,
    ) -> Option<Expect> {
        let mut mistakes = rule.mistakes(by, |user| !self.account(user).disabled);
        mistakes.extend(more);
        if !mistakes.is_empty() {
            return Some(Family::Jwt.invalid(mistakes));
        }
        let mut others = self.rules.iter().enumerate();
        let taken = others.any(|(n, other)| {
            other.is_of(by) && Some(n) != at && other.draft.kept_name() == rule.kept_name()
        });
        taken.then(|| {
            let errors = json!({"name": holding("already exists")});
            ok(json!({"success": false, "message": text(), "validationErrors": errors}))
        })
    }

    pub(super) fn create_rule(&mut self, by: Who, rule: &RuleDraft) -> Plan {
        let path = "/AlertRules/create_api";
        let refused = self
            .turned_away(by, WRITE, Family::Jwt)
            .or_else(|| self.refused(by.user, rule, Map::new(), None));
        let expect = refused.unwrap_or_else(|| {
            self.told(by.user);
            self.rules.push(Rule {
                id: String::new(),
                owner: by.user,
                created: self.now,
                active: true,
                deleted: false,
                draft: rule.clone(),
                notifications: BTreeMap::new(),
            });
            ok(json!({"name": rule.kept_name(), "id": new_id(), "message": text()}))
        });
        let body = Body::Json(WRITE, rule.body());
        Plan::new(by, "POST", path, body, expect)
    }

    pub(super) fn update_rule(&mut self, by: Who, id: RuleRef, rule: &RuleDraft) -> Plan {
        let path = "/AlertRules/update_api";
        let id = self.rule_id(by.user, id);
        let mut body = rule.body();
        body["id"] = json!(id);
        let expect = match self.turned_away(by, WRITE, Family::Jwt) {
            Some(refused) => refused,
            None => self.update(by.user, &id, rule),
        };
        let body = Body::Json(WRITE, body);
        Plan::new(by, "POST", path, body, expect)
    }

    fn update(&mut self, by: User, id: &str, rule: &RuleDraft) -> Expect {
        let at = self.own_rule(by, id);
        let mut more = Map::new();
        if id == MALFORMED {
            more.insert("id".to_owned(), text());
        } else if at.is_none() {
            return Family::Jwt.refuses(&[404], text());
        }
        if let Some(refused) = self.refused(by, rule, more, at) {
            return refused;
        }
        self.told(by);
        if let Some(at) = at {
            self.rules[at].draft = rule.clone();
        }
        ok(json!({"name": rule.kept_name(), "id": id, "message": text()}))
    }

    /// A write to the rules of `ids`.
    fn on_rules(
        &mut self,
        by: Who,
        path: &'static str,
        ids: &[RuleRef],
        change: impl Fn(&mut Rule),
    ) -> Plan {
        let ids = self.texts(by.user, ids);
        let mut on_all = || {
            if let Some(refused) = self.turned_away(by, WRITE, Family::Jwt) {
                return refused;
            }
            let found = match self.own_rules(by.user, &ids) {
                Ok(found) => found,
                Err(refused) => return refused,
            };
            found.iter().for_each(|at| change(&mut self.rules[*at]));
            self.told(by.user);
            let ids: Vec<&String> = found.iter().map(|at| &self.rules[*at].id).collect();
            ok(json!({"success": true, "ids": ids, "message": text()}))
        };
        let expect = on_all();
        let body = Body::Json(WRITE, json!({ "ids": ids }));
        Plan::new(by, "POST", path, body, expect)
    }

    pub(super) fn switch_rules(&mut self, by: Who, ids: &[RuleRef], on: bool) -> Plan {
        let path = if on {
            "/AlertRules/activate_api"
        } else {
            "/AlertRules/deactivate_api"
        };
        self.on_rules(by, path, ids, |rule| rule.active = on)
    }

    pub(super) fn delete_rules(&mut self, by: Who, ids: &[RuleRef]) -> Plan {
        let path = "/AlertRules/delete_api";
        self.on_rules(by, path, ids, |rule| rule.deleted = true)
    }

    /// Something about one rule that is only read.
    fn reading(
        &self,
        by: Who,
        path: &str,
        id: RuleRef,
        read: impl Fn(&Rule) -> Value,
    ) -> (String, Expect) {
        let id = self.rule_id(by.user, id);
        let found = self.own_rule(by.user, &id);
        let expect = match (self.turned_away(by, READ, Family::Jwt), found) {
            (Some(refused), _) => refused,
            (None, Some(at)) => ok(read(&self.rules[at])),
            (None, None) if id == MALFORMED => Family::Jwt.field("id"),
            (None, None) => Family::Jwt.refuses(&[404], text()),
        };
        (format!("{path}?id={id}"), expect)
    }

    pub(super) fn read_rule(&self, by: Who, id: RuleRef, post: bool) -> Plan {
        let read = |rule: &Rule| json!({"data": rule.shown()});
        let (path, expect) = self.reading(by, "/AlertRules/read_api", id, read);
        let method = if post { "POST" } else { "GET" };
        Plan::new(by, method, path, Body::Nothing(READ), expect)
    }

    pub(super) fn read_notification(&self, by: Who, id: RuleRef, kind: &str) -> Plan {
        let read = |rule: &Rule| {
            let data = rule.notifications.get(kind).cloned();
            let data = data.unwrap_or_else(|| json!({}));
            json!({"success": true, "data": data, "message": text()})
        };
        let path = format!("/pluggables/Notification/{kind}Notification/read_api");
        let (path, expect) = self.reading(by, &path, id, read);
        Plan::new(by, "GET", path, Body::Nothing(READ), expect)
    }

    pub(super) fn list_rules(
        &self,
        by: Who,
        page: Page,
        filter: (Option<&str>, Option<bool>, Option<&str>),
    ) -> Plan {
        let (search, enabled, kind) = filter;
        let mut query = page.parameters();
        if let Some(part) = search {
            query.push(("search_value", part.to_owned()));
        }
        if let Some(enabled) = enabled {
            let word = if enabled { "True" } else { "False" };
            query.push(("enabled", word.to_owned()));
        }
        if let Some(kind) = kind {
            query.push(("type", kind.to_owned()));
        }
        let part = search.unwrap_or_default().to_lowercase();
        let rules = self.rules.iter().filter(|rule| {
            rule.is_of(by.user)
                && enabled.is_none_or(|enabled| rule.active == enabled)
                && rule.draft.kept_name().to_lowercase().contains(&part)
                && matches!(kind, None | Some("my"))
        });
        let rows = rules.map(Rule::row).collect();
        let wrong_kind = kind.is_some_and(|kind| !["my", "vendor", "used"].contains(&kind));
        let refused = self.without_page(by, READ, Family::Jwt, page);
        let refused = refused.or_else(|| wrong_kind.then(|| Family::Jwt.field("type")));
        let expect = refused.unwrap_or_else(|| page.reply("rows", rows, 25, usize::MAX));
        let path = with_query("/AlertRules/lists_api", &query);
        Plan::new(by, "GET", path, Body::Nothing(READ), expect)
    }

    fn set_notification(
        &mut self,
        by: Who,
        kind: &'static str,
        ids: &[String],
        mistakes: Map<String, Value>,
        shown: impl Fn() -> Value,
    ) -> Expect {
        if let Some(refused) = self.turned_away(by, WRITE, Family::Jwt) {
            return refused;
        }
        let found = self.own_rules(by.user, ids);
        let mut mistakes = mistakes;
        if ids.is_empty() || ids.iter().any(|id| id == MALFORMED) {
            mistakes.insert("ids".to_owned(), text());
        }
        if !mistakes.is_empty() {
            return Family::Jwt.invalid(mistakes);
        }
        let found = match found {
            Ok(found) => found,
            Err(refused) => return refused,
        };
        self.told(by.user);
        let mut set = Vec::new();
        for at in found {
            let rule = &mut self.rules[at];
            rule.notifications.insert(kind, shown());
            let channel = if kind == "HTTP" { "http" } else { "email" };
            set.push(json!({"id": rule.id, "type": channel}));
            self.tell_untold(at, channel);
        }
        ok(json!({"success": true, "data": set, "message": text()}))
    }

    pub(super) fn set_email(&mut self, by: Who, ids: &[RuleRef], mail: &EmailDraft) -> Plan {
        let ids = self.texts(by.user, ids);
        let mistakes = mail.mistakes();
        let expect = self.set_notification(by, "Email", &ids, mistakes, || mail.shown());
        let fields = mail.fields(&ids);
        let part = |(name, content)| Part {
            name,
            file: None,
            content,
        };
        let body = if mail.multipart {
            Body::Multipart(WRITE, fields.into_iter().map(part).collect())
        } else {
            Body::Form(WRITE, fields)
        };
        let path = "/pluggables/Notification/EmailNotification/create_api";
        Plan::new(by, "POST", path, body, expect)
    }

    pub(super) fn set_http(&mut self, by: Who, ids: &[RuleRef], http: &HttpDraft) -> Plan {
        let ids = self.texts(by.user, ids);
        let mistakes = http.mistakes();
        let expect = self.set_notification(by, "HTTP", &ids, mistakes, || http.shown());
        let body = Body::Json(WRITE, http.body(&ids));
        let path = "/pluggables/Notification/HTTPNotification/create_api";
        Plan::new(by, "POST", path, body, expect)
    }
}

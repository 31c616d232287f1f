//! The model: plain maps of what there is, and what the server should answer.
//!
//! It follows the specification and docs/compatibility.md, and uses none of the server's code
//! to do so.

use super::calls::{Call, IncidentRef, Page, Proof, RuleRef, User, Who};
use super::compare::{at_least, text};
use super::deliveries::Delivery;
use super::incidents::Incident;
use super::lists::List;
use super::rules::Rule;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// An id that nothing has, and a text that is no id.
pub(super) const UNKNOWN: &str = "67f8ae6fbe9edae2fcfbc1ee";
pub(super) const MALFORMED: &str = "no-id";
pub(super) const MINUTE: i64 = 60_000_000;

/// Everything that is.
#[derive(Default)]
pub(super) struct World {
    /// Microseconds since 1970.
    pub(super) now: i64,
    pub(super) accounts: BTreeMap<User, Account>,
    /// All that ever were, in the order of their creation.
    pub(super) rules: Vec<Rule>,
    pub(super) lists: BTreeMap<String, List>,
    /// In the order of their detection.
    pub(super) incidents: Vec<Incident>,
    pub(super) groups: BTreeMap<&'static str, Group>,
    /// By incident and channel.
    pub(super) deliveries: BTreeMap<(String, &'static str), Delivery>,
    /// Who changed something, for the audit log.
    pub(super) changes: Vec<User>,
    /// How often the detector was told of changes.
    pub(super) announced: usize,
}

pub(super) struct Account {
    pub(super) id: String,
    pub(super) disabled: bool,
}

pub(super) struct Group {
    pub(super) id: String,
    pub(super) members: BTreeSet<User>,
}

/// A request, and what should come back.
pub(super) struct Plan {
    pub(super) by: Who,
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) body: Body,
    pub(super) expect: Expect,
}

impl Plan {
    pub(super) fn new(
        by: Who,
        method: &'static str,
        path: impl Into<String>,
        body: Body,
        expect: Expect,
    ) -> Self {
        let path = path.into();
        Self {
            by,
            method,
            path,
            body,
            expect,
        }
    }
}

pub(super) enum Body {
    /// With a token that has this scope.
    Nothing(Scope),
    Json(Scope, Value),
    Form(Scope, Vec<(&'static str, String)>),
    Multipart(Scope, Vec<Part>),
    /// `requestData` beside user name and secret key.
    Data(Value),
}

/// A scope by its name.
pub(super) type Scope = &'static str;

/// A part of a form.
pub(super) struct Part {
    pub(super) name: &'static str,
    pub(super) file: Option<String>,
    pub(super) content: String,
}

/// A status and a body, see [`super::compare`].
#[derive(Debug, Clone)]
pub(super) struct Expect {
    /// Any of these.
    pub(super) status: &'static [u16],
    pub(super) body: Value,
}

/// How errors look.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Jwt,
    Native,
    Credential,
}

pub(super) fn ok(body: Value) -> Expect {
    let status = &[200];
    Expect { status, body }
}

impl Family {
    /// A refusal; `message` is a pattern.
    pub(super) fn refuses(self, status: &'static [u16], message: Value) -> Expect {
        let body = match (self, status) {
            (Self::Credential, _) => return ok(json!({"success": false, "message": message})),
            (Self::Jwt, [401 | 403, ..]) => json!({"error": message, "status_code": status[0]}),
            (Self::Jwt, _) => json!({"success": false, "message": message}),
            (Self::Native, _) => json!({"type": "about:blank", "title": text(),
                "status": status[0], "detail": message}),
        };
        Expect { status, body }
    }

    /// 422 with errors by field.
    pub(super) fn invalid(self, errors: Map<String, Value>) -> Expect {
        let mut expect = self.refuses(&[422], text());
        let key = match self {
            Self::Native => "errors",
            _ => "validationErrors",
        };
        expect.body[key] = errors.into();
        expect
    }

    /// 422 with one error.
    pub(super) fn field(self, name: &str) -> Expect {
        self.invalid([(name.to_owned(), text())].into_iter().collect())
    }
}

impl World {
    pub(super) fn account(&self, user: User) -> &Account {
        &self.accounts[&user]
    }

    /// Why a caller with a token gets no further, if so.
    pub(super) fn turned_away(&self, by: Who, scope: Scope, family: Family) -> Option<Expect> {
        if by.proof == Proof::Missing {
            return Some(family.refuses(&[401], text()));
        }
        if self.account(by.user).disabled {
            // Failures are slowed down, so that it may be either.
            let status = &[401, 429];
            let body = match family {
                Family::Native => at_least(json!({"detail": text()})),
                _ => at_least(json!({"error": text()})),
            };
            return Some(Expect { status, body });
        }
        let reads = scope.ends_with(":read");
        let allowed = reads || matches!(by.user.role(), "administrator" | "manager");
        (by.proof == Proof::Wrong || !allowed).then(|| family.refuses(&[403], text()))
    }

    /// Why a caller with a token does not get this page, if so.
    pub(super) fn without_page(
        &self,
        by: Who,
        scope: Scope,
        family: Family,
        page: Page,
    ) -> Option<Expect> {
        let refused = self.turned_away(by, scope, family);
        refused.or_else(|| page.mistake().map(|field| family.field(field)))
    }

    /// The same of a caller with a secret key.
    pub(super) fn unproven(&self, by: Who) -> Option<Expect> {
        let proven = by.proof == Proof::Good && !self.account(by.user).disabled;
        let refused = || Family::Credential.refuses(&[200], json!("Authentication Failed"));
        (!proven).then(refused)
    }

    /// The text that stands for a rule in a call by `user`.
    pub(super) fn rule_id(&self, user: User, which: RuleRef) -> String {
        let nth = |rules: Vec<&Rule>, n: u8| {
            let at = usize::from(n).checked_rem(rules.len());
            at.map(|at| rules[at].id.clone())
        };
        let id = match which {
            RuleRef::Own(n) => {
                let own = self.rules.iter().filter(|r| r.is_of(user));
                nth(own.collect(), n)
            }
            RuleRef::Any(n) => nth(self.rules.iter().collect(), n),
            RuleRef::Unknown => None,
            RuleRef::Malformed => return MALFORMED.to_owned(),
        };
        id.unwrap_or_else(|| UNKNOWN.to_owned())
    }

    /// The text that stands for an incident.
    pub(super) fn incident_id(&self, user: User, which: IncidentRef) -> String {
        let nth = |incidents: Vec<&Incident>, n: u8| {
            let at = usize::from(n).checked_rem(incidents.len());
            at.map_or(UNKNOWN, |at| &incidents[at].id).to_owned()
        };
        match which {
            IncidentRef::Theirs(n) => {
                let theirs = self.incidents.iter().filter(|i| i.is_settled_by(user));
                nth(theirs.collect(), n)
            }
            IncidentRef::Any(n) => nth(self.incidents.iter().collect(), n),
            IncidentRef::Unknown => UNKNOWN.to_owned(),
            IncidentRef::Malformed => MALFORMED.to_owned(),
        }
    }

    /// The request for a call, and what should come back; the world is then as it should be
    /// after the call. `None` for what is done otherwise than by a request.
    pub(super) fn answer(&mut self, call: &Call) -> Option<Plan> {
        Some(match call {
            Call::CreateRule(by, rule) => self.create_rule(*by, rule),
            Call::UpdateRule(by, id, rule) => self.update_rule(*by, *id, rule),
            Call::SwitchRules(by, ids, on) => self.switch_rules(*by, ids, *on),
            Call::DeleteRules(by, ids) => self.delete_rules(*by, ids),
            Call::ReadRule(by, id, post) => self.read_rule(*by, *id, *post),
            Call::ListRules {
                by,
                page,
                search,
                enabled,
                kind,
            } => self.list_rules(*by, *page, (*search, *enabled, *kind)),
            Call::SetEmail(by, ids, mail) => self.set_email(*by, ids, mail),
            Call::ReadEmail(by, id) => self.read_notification(*by, *id, "Email"),
            Call::SetHttp(by, ids, http) => self.set_http(*by, ids, http),
            Call::ReadHttp(by, id) => self.read_notification(*by, *id, "HTTP"),
            Call::ImportList(by, name, file) => self.import_list(*by, *name, file.as_ref()),
            Call::ListLists(by, page) => self.list_lists(*by, *page),
            Call::PutList(by, name, content) => self.put_list(*by, name, content),
            Call::ReadList(by, name, page) => self.read_list(*by, name, *page),
            Call::AllLists(by, page) => self.all_lists(*by, *page),
            Call::DeleteList(by, name) => self.delete_list(*by, name),
            Call::ListIncidents(by, filters, span) => {
                self.list_incidents(*by, filters, *span, false)
            }
            Call::ListStates(by, filters, span) => self.list_incidents(*by, filters, *span, true),
            Call::Comment(by, comments) => self.comment(*by, comments),
            Call::Assign(by, ids, to) => self.assign(*by, ids, *to),
            Call::Act(by, ids, act) => self.act(*by, ids, *act),
            Call::IncidentRows(by, id) => self.incident_rows(*by, *id),
            Call::Notify(by, id) => self.notify(*by, *id),
            Call::GetUsers(by) => self.get_users(*by),
            Call::Fire(..)
            | Call::Feed(..)
            | Call::Group(..)
            | Call::Disable(..)
            | Call::Wait { .. } => return None,
        })
    }
}

//! What would have to change on an instance so that it has what a folder says.

use crate::document::{Email, Http, MacroDoc, RuleDoc, SecretRef};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What a folder says: rules, lists and macros.
#[derive(Debug, Clone, Default)]
pub struct Folder {
    /// The rules, by name.
    pub rules: BTreeMap<String, RuleDoc>,
    /// The lists, by name in upper case.
    pub lists: BTreeMap<String, ListFile>,
    /// The macros, by name in upper case.
    pub macros: BTreeMap<String, MacroDoc>,
}

/// A list's file.
#[derive(Debug, Clone)]
pub struct ListFile {
    /// The file's name, which ends in `.txt` or `.csv`.
    pub filename: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// What an instance has.
#[derive(Debug, Clone, Default)]
pub struct Present {
    /// Ids of all rules, by name.
    pub ids: BTreeMap<String, String>,
    /// The rules that the folder names too.
    pub rules: BTreeMap<String, RuleDoc>,
    /// Names of lists in upper case; `None` if the folder has none, so nobody asked.
    pub lists: Option<BTreeSet<String>>,
    /// The macros, by name in upper case, if the folder has any.
    pub macros: BTreeMap<String, MacroDoc>,
}

/// What is to be done besides creating and updating.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Delete rules that the folder does not have.
    pub prune: bool,
    /// Send secrets again, which cannot be compared.
    pub update_secrets: bool,
    /// Import lists again, whose values cannot be read back.
    pub update_lists: bool,
}

/// One field with its value on the instance and in the folder.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldChange {
    /// Such as `notifications.email.to`.
    pub path: String,
    /// On the instance; null if it is absent.
    pub old: Value,
    /// In the folder; null if it is absent.
    pub new: Value,
}

/// What is to be done with one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is not there.
    Create,
    /// Something but its state differs.
    Update,
    /// Only its state differs.
    Activate,
    /// Only its state differs.
    Deactivate,
    /// The folder does not have it.
    Delete,
    /// Nothing.
    Unchanged,
}

/// One rule of the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleStep {
    /// The rule.
    pub name: String,
    /// Its id, if the instance has it.
    pub id: Option<String>,
    /// What is done, in one word.
    pub action: Action,
    /// The differences.
    pub changes: Vec<FieldChange>,
    /// Whether the rule itself is sent.
    pub body: bool,
    /// The e-mail notification to send.
    pub email: Option<Email>,
    /// The HTTP notification to send.
    pub http: Option<Http>,
    /// The state to set.
    pub active: Option<bool>,
    /// Why it cannot be done.
    pub problem: Option<String>,
}

/// What is to be done on one instance.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// The rules, by name.
    pub rules: Vec<RuleStep>,
    /// Lists to import; true if the instance does not have it.
    pub lists: Vec<(String, bool)>,
    /// Macros to send; true if the instance does not have it.
    pub macros: Vec<(String, bool)>,
}

impl Plan {
    /// How many rules have this action.
    pub fn count(&self, action: Action) -> usize {
        self.rules.iter().filter(|r| r.action == action).count()
    }

    /// How many rules, lists and macros would change.
    pub fn changes(&self) -> usize {
        let rules = self.rules.len() - self.count(Action::Unchanged);
        rules + self.lists.len() + self.macros.len()
    }
}

/// Compares a folder with an instance whose user is `user`.
pub fn plan(folder: &Folder, present: &Present, user: &str, options: Options) -> Plan {
    let mut rules: Vec<RuleStep> = folder
        .rules
        .iter()
        .map(|(name, wanted)| {
            let id = present.ids.get(name);
            step(wanted, id, present.rules.get(name), user, options)
        })
        .collect();
    if options.prune {
        let extra = present
            .ids
            .iter()
            .filter(|(name, _)| !folder.rules.contains_key(*name));
        rules.extend(extra.map(|(name, id)| RuleStep {
            id: Some(id.clone()),
            ..nothing(name, Action::Delete)
        }));
    }
    let known = |name: &String| present.lists.as_ref().is_some_and(|l| l.contains(name));
    let lists = folder.lists.keys().filter_map(|name| {
        let missing = !known(name);
        (missing || options.update_lists).then(|| (name.clone(), missing))
    });
    let macros = folder.macros.iter().filter_map(|(name, wanted)| {
        let found = present.macros.get(name);
        (found != Some(wanted)).then(|| (name.clone(), found.is_none()))
    });
    Plan {
        rules,
        lists: lists.collect(),
        macros: macros.collect(),
    }
}

fn nothing(name: &str, action: Action) -> RuleStep {
    RuleStep {
        name: name.to_owned(),
        id: None,
        action,
        changes: Vec::new(),
        body: false,
        email: None,
        http: None,
        active: None,
        problem: None,
    }
}

fn step(
    wanted: &RuleDoc,
    id: Option<&String>,
    found: Option<&RuleDoc>,
    user: &str,
    options: Options,
) -> RuleStep {
    let (Some(id), Some(found)) = (id, found) else {
        let notifications = wanted.notifications.clone();
        return RuleStep {
            body: true,
            email: notifications.email,
            http: notifications.http,
            active: Some(wanted.active),
            problem: unknown_secret(wanted),
            ..nothing(&wanted.name, Action::Create)
        };
    };
    let found = &without_silent(found, wanted);
    let changes = differences(&comparable(found, user), &comparable(wanted, user));
    let under = |part: &str| changes.iter().any(|c| c.path.starts_with(part));
    let other = |c: &FieldChange| c.path != "active" && !c.path.starts_with("notifications");
    let mut step = RuleStep {
        id: Some(id.clone()),
        body: changes.iter().any(other),
        active: (found.active != wanted.active).then_some(wanted.active),
        ..nothing(&wanted.name, Action::Unchanged)
    };
    let (ours, theirs) = (&wanted.notifications, &found.notifications);
    if under("notifications.email") {
        // Nothing deletes a notification, so one that must go is switched off.
        let off = |email: &Email| Email {
            enabled: false,
            ..email.clone()
        };
        step.email = ours.email.clone().or(theirs.email.as_ref().map(off));
    }
    let again = options.update_secrets && ours.http.as_ref().is_some_and(has_reference);
    if under("notifications.http") || again {
        let off = |http: &Http| Http {
            enabled: false,
            auth: None,
            ..http.clone()
        };
        step.http = ours.http.clone().or(theirs.http.as_ref().map(off));
        step.problem = unknown_secret(wanted);
    }
    step.action = match step.active {
        _ if step.body || step.email.is_some() || step.http.is_some() => Action::Update,
        Some(true) => Action::Activate,
        Some(false) => Action::Deactivate,
        None => Action::Unchanged,
    };
    step.changes = changes;
    step
}

/// What an instance has, without notifications that are switched off and that the file
/// does not name: nothing deletes them, and they do nothing.
fn without_silent(found: &RuleDoc, wanted: &RuleDoc) -> RuleDoc {
    let mut found = found.clone();
    let notifications = &mut found.notifications;
    if wanted.notifications.email.is_none() {
        notifications.email.take_if(|email| !email.enabled);
    }
    if wanted.notifications.http.is_none() {
        notifications.http.take_if(|http| !http.enabled);
    }
    found
}

fn has_reference(http: &Http) -> bool {
    let auth = http.auth.as_ref();
    auth.is_some_and(|auth| auth.secret() != SecretRef::Kept)
}

/// A secret that would have to be sent but that nobody named.
fn unknown_secret(wanted: &RuleDoc) -> Option<String> {
    let http = wanted.notifications.http.as_ref()?;
    let unknown = http.auth.is_some() && !has_reference(http);
    unknown.then(|| {
        "the HTTP notification has to be sent with its secret: add secret_env or secret_file to \
         notifications.http.auth"
            .to_owned()
    })
}

/// A rule as it can be compared: no tests, no references to secrets, the assignee named.
fn comparable(rule: &RuleDoc, user: &str) -> Value {
    let mut rule = rule.clone().normalised();
    rule.tests.clear();
    rule.notifications.http = rule.notifications.http.map(Http::without_secret);
    rule.assignee.get_or_insert_with(|| user.to_owned());
    serde_json::to_value(&rule).unwrap_or_default()
}

fn differences(old: &Value, new: &Value) -> Vec<FieldChange> {
    let mut found = Vec::new();
    compare("", old, new, &mut found);
    found
}

fn compare(path: &str, old: &Value, new: &Value, found: &mut Vec<FieldChange>) {
    if old == new {
        return;
    }
    let empty = serde_json::Map::new();
    // Lists and scalars are told as a whole; only objects are gone through.
    let (Some(before), Some(after)) = (object(old, &empty), object(new, &empty)) else {
        found.push(FieldChange {
            path: path.to_owned(),
            old: old.clone(),
            new: new.clone(),
        });
        return;
    };
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in names {
        let inner = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        let null = &Value::Null;
        let (before, after) = (before.get(name), after.get(name));
        compare(&inner, before.unwrap_or(null), after.unwrap_or(null), found);
    }
}

/// An object, or nothing where there could be one.
fn object<'a>(
    value: &'a Value,
    empty: &'a serde_json::Map<String, Value>,
) -> Option<&'a serde_json::Map<String, Value>> {
    match value {
        Value::Object(map) => Some(map),
        Value::Null => Some(empty),
        _ => None,
    }
}

#[cfg(test)]
mod tests;

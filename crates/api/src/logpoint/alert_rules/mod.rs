//! Alert rules (spec/logpoint-api.md §2.1 to §2.5).

pub(crate) mod activate;
pub(crate) mod create;
pub(crate) mod deactivate;
pub(crate) mod delete;
pub(crate) mod lists;
pub(crate) mod read;
pub(crate) mod runnable;
pub mod shape;
mod spec;
pub(crate) mod update;

use crate::auth::{AlertrulesWrite, Authorized, Caller};
use crate::error::{Error, Result, ValidationErrors};
use crate::logpoint::search::problems_in_place;
use crate::state::Context;
use cresset_catalog::port::RuleWithOwner;
use cresset_model::ObjectId;
use cresset_model::grants::Ability;
use cresset_model::rule::{AlertRule, RuleSpec};
use cresset_model::user::Scope;
use cresset_query::{Diagnostic, Macros, Severity};
use cresset_search::why_not_fed;
use serde_json::{Map, Value, json};

/// What create and update answer.
fn saved(rule: &AlertRule, message: &str) -> Value {
    json!({"name": rule.spec.name, "id": rule.id.to_string(), "message": message})
}

/// A taken name is the one conflict that saving a rule can meet.
fn taken(error: cresset_catalog::Error) -> Error {
    match error {
        cresset_catalog::Error::Exists { .. } => {
            Error::NameTaken("Alert rule name already exists".to_owned())
        }
        other => other.into(),
    }
}

/// Reads and checks a rule from a body, and looks up what it names; `saved` are the repos that
/// the rule has so far.
async fn checked_spec(
    api: &Context,
    caller: &Authorized<AlertrulesWrite>,
    body: &Map<String, Value>,
    saved: &[String],
    mut errors: ValidationErrors,
) -> Result<RuleSpec> {
    let macros = api.macros.current().await?;
    let spec = spec::read(body, &macros, &mut errors);
    let display = &spec.incident_display_data;
    // One that is switched off harms nobody, and may be written for another server.
    if let Some(template) = display.jinja_template.clone()
        && display.apply_jinja_template
    {
        let path: &'static [&'static str] = &["incident_display_data", "jinja_template"];
        api.refuse_templates(vec![(path, template)], &mut errors)
            .await?;
    }
    let repos = &spec.search_params.repos;
    if let Some(problem) = api.unsearchable(&caller.user, repos, saved).await? {
        errors.add(&["search_params", "repos"], problem.to_string());
    }
    let plan = cresset_query::compile_with(&spec.search_params.query, &macros).ok();
    if let Some(problem) = plan.and_then(|plan| runnable::why_not(api, &plan)) {
        errors.add(&["search_params", "query"], problem);
    }
    if let Some(problem) = unfed_list(api, caller, &spec.search_params.query, &macros).await? {
        errors.add(&["search_params", "query"], problem);
    }
    let assignee = &spec.incident_ownership.assignee;
    if let Some(problem) = unassignable(api, caller, assignee).await? {
        errors.add(&["incident_ownership", "assignee"], problem);
    }
    errors.into_result(Some(spec))
}

/// Why incidents cannot be assigned to the user of that name.
async fn unassignable(api: &Context, caller: &Caller, name: &str) -> Result<Option<String>> {
    // The usual one, who has just been looked up.
    if caller.user.username == name {
        return Ok(None);
    }
    Ok(match api.catalog.user_by_name(name).await? {
        None => Some(format!("there is no user {name:?}")),
        Some(user) if user.disabled => Some(format!("the user {name:?} is disabled")),
        Some(_) => None,
    })
}

/// Where and why a query cannot feed a list (`process toList`): every run of it would fail, or
/// whoever saves it may not write lists.
async fn unfed_list(
    api: &Context,
    caller: &Authorized<AlertrulesWrite>,
    query: &str,
    macros: &Macros,
) -> Result<Option<String>> {
    // A query that does not compile was refused already.
    let Ok(plan) = cresset_query::compile_with(query, macros) else {
        return Ok(None);
    };
    let fed = plan.lists_fed();
    if fed.is_empty() {
        return Ok(None);
    }
    let write = Scope::SearchWrite;
    if !caller.credential_has(write) {
        return Ok(Some(format!(
            "to fill lists (`process toList`) takes {write}, which the token's scope does not include",
            write = write.as_str()
        )));
    }
    if !api.may(&caller.user, Ability::Scope(write)).await? {
        let problem = "the user's role does not permit to fill lists (`process toList`)";
        return Ok(Some(problem.to_owned()));
    }
    for (name, span) in fed {
        let kind = api.catalog.list(&name).await?.map(|list| list.kind);
        if let Some(message) = why_not_fed(&name, kind) {
            let mistake = Diagnostic {
                severity: Severity::Error,
                span,
                message,
                help: None,
            };
            return Ok(Some(problems_in_place(query, &[mistake])));
        }
    }
    Ok(None)
}

/// The ids of a body `{"ids": […]}`.
fn ids(body: &Map<String, Value>) -> Result<Vec<ObjectId>> {
    let ids = body
        .get("ids")
        .ok_or_else(|| Error::field("ids", "is required"))?;
    super::fields::object_ids(ids).map_err(|message| Error::field("ids", message))
}

/// The rule of that id if it is the caller's: another's looks as if it did not exist.
pub(crate) async fn own_rule(api: &Context, caller: &Caller, id: ObjectId) -> Result<AlertRule> {
    own_rule_with_owner(api, caller, id)
        .await
        .map(|own| own.rule)
}

/// [`own_rule`], with what its owner decides about it.
pub(crate) async fn own_rule_with_owner(
    api: &Context,
    caller: &Caller,
    id: ObjectId,
) -> Result<RuleWithOwner> {
    let found = api.catalog.rule(id).await?;
    found
        .filter(|found| found.rule.owner == caller.user.id)
        .ok_or_else(|| Error::NotFound(format!("there is no alert rule {id}")))
}

/// Tells the audit log and the detector about changed rules.
pub(crate) async fn announce(api: &Context, caller: &Caller, action: &str, ids: &[ObjectId]) {
    let listed: Vec<String> = ids.iter().take(20).map(ToString::to_string).collect();
    let detail = match ids.len() - listed.len() {
        0 => listed.join(" "),
        more => format!("{} and {more} more", listed.join(" ")),
    };
    api.audit(&caller.user.username, caller.peer, action, detail)
        .await;
    // Last, because the work that it sets off would hold up this request.
    (api.on_rules_changed)();
}

/// Switches the rules of a body on or off.
async fn switch(
    api: &Context,
    caller: &Caller,
    body: &Map<String, Value>,
    active: bool,
) -> Result<Value> {
    let (action, message) = if active {
        ("rules_activated", "Alert rules activated")
    } else {
        ("rules_deactivated", "Alert rules deactivated")
    };
    let ids = ids(body)?;
    if active {
        runnable::demand(api, caller, &ids).await?;
    }
    api.catalog
        .set_rules_active(&ids, caller.user.id, active, api.now())
        .await?;
    announce(api, caller, action, &ids).await;
    Ok(done(&ids, message))
}

/// What activate, deactivate and delete answer.
fn done(ids: &[ObjectId], message: &str) -> Value {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    json!({"success": true, "ids": ids, "message": message})
}

//! Reads what an instance has, and carries a plan out.

use crate::document::{Http, RuleDoc, SecretRef};
use crate::member::{Error, Member};
use crate::plan::{Action, Folder, Plan, Present, RuleStep};
use crate::rules_api::by_name;
use cresset_model::SecretString;
use std::collections::BTreeMap;

/// Gives the secrets that rules refer to.
pub trait Secrets: Send + Sync {
    /// The secret, or why there is none.
    fn resolve(&self, reference: &SecretRef<'_>) -> Result<SecretString, String>;
}

/// What came of a plan.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Rules created, by number.
    pub created: usize,
    /// Rules changed.
    pub updated: usize,
    /// Rules switched on or off only.
    pub switched: usize,
    /// Rules deleted.
    pub deleted: usize,
    /// Lists imported.
    pub imported: usize,
    /// What failed: the rule or list, and why.
    pub failed: Vec<(String, String)>,
    /// Steps that were not tried because the instance went away.
    pub left: usize,
}

impl Outcome {
    /// Whether all is as the folder says.
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty() && self.left == 0
    }
}

/// Reads of an instance what a plan needs: which rules it has, and those that the folder
/// names in full. `progress` is called with how many of how many rules are read.
pub async fn present(
    member: &Member,
    folder: &Folder,
    progress: &(dyn Fn(usize, usize) + Send + Sync),
) -> Result<Present, Error> {
    let ids = by_name(member.rules().await?);
    let mut rules = BTreeMap::new();
    let shared: Vec<(&String, &String)> = ids
        .iter()
        .filter(|(name, _)| folder.rules.contains_key(*name))
        .collect();
    for (done, (name, id)) in shared.iter().enumerate() {
        progress(done, shared.len());
        match member.rule(id).await {
            Ok(rule) => drop(rules.insert((*name).clone(), rule)),
            // Deleted since it was listed.
            Err(error) if error.is_missing() => {}
            Err(error) => return Err(error),
        }
    }
    progress(shared.len(), shared.len());
    let lists = if folder.lists.is_empty() {
        None
    } else {
        Some(member.list_names().await?.into_iter().collect())
    };
    Ok(Present { ids, rules, lists })
}

/// All rules of an instance, in full.
pub async fn export(
    member: &Member,
    progress: &(dyn Fn(usize, usize) + Send + Sync),
) -> Result<Vec<RuleDoc>, Error> {
    let listed = member.rules().await?;
    let mut rules = Vec::with_capacity(listed.len());
    for (done, row) in listed.iter().enumerate() {
        progress(done, listed.len());
        rules.push(member.rule(&row.id).await?);
    }
    progress(listed.len(), listed.len());
    Ok(rules)
}

/// Carries a plan out, one request after the other. What is done stays done: after an
/// interruption a new plan holds the rest. `progress` is called after each step.
pub async fn apply(
    member: &Member,
    folder: &Folder,
    plan: &Plan,
    secrets: &dyn Secrets,
    progress: &(dyn Fn(&str) + Send + Sync),
) -> Outcome {
    let mut outcome = Outcome::default();
    let total = plan.changes();
    let mut done = 0;
    for (name, _) in &plan.lists {
        let imported = import(member, folder, name).await;
        done += 1;
        progress(name);
        match imported {
            Ok(()) => outcome.imported += 1,
            Err(error) => {
                outcome
                    .failed
                    .push((format!("list {name}"), error.to_string()));
                if error.is_outage() {
                    outcome.left = total - done;
                    return outcome;
                }
            }
        }
    }
    for step in plan.rules.iter().filter(|s| s.action != Action::Unchanged) {
        let carried = carry(member, folder.rules.get(&step.name), step, secrets).await;
        done += 1;
        progress(&step.name);
        match (carried, step.action) {
            (Ok(()), Action::Create) => outcome.created += 1,
            (Ok(()), Action::Update) => outcome.updated += 1,
            (Ok(()), Action::Activate | Action::Deactivate) => outcome.switched += 1,
            (Ok(()), Action::Delete) => outcome.deleted += 1,
            (Ok(()), Action::Unchanged) => {}
            (Err(Failure::Here(reason)), _) => outcome.failed.push((step.name.clone(), reason)),
            (Err(Failure::There(error)), _) => {
                outcome.failed.push((step.name.clone(), error.to_string()));
                if error.is_outage() {
                    outcome.left = total - done;
                    return outcome;
                }
            }
        }
    }
    outcome
}

async fn import(member: &Member, folder: &Folder, name: &str) -> Result<(), Error> {
    match folder.lists.get(name) {
        Some(file) => member.import_list(name, &file.filename, &file.bytes).await,
        None => Ok(()),
    }
}

enum Failure {
    /// Before anything was sent.
    Here(String),
    /// At the instance.
    There(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::There(error)
    }
}

async fn carry(
    member: &Member,
    wanted: Option<&RuleDoc>,
    step: &RuleStep,
    secrets: &dyn Secrets,
) -> Result<(), Failure> {
    if let Some(problem) = &step.problem {
        return Err(Failure::Here(problem.clone()));
    }
    // Looked up before anything is sent, so that a missing secret leaves no half rule.
    let secret = match &step.http {
        Some(http) => secret_of(http, secrets).map_err(Failure::Here)?,
        None => SecretString::new(String::new()),
    };
    let id = match (&step.id, wanted) {
        (Some(id), _) if step.action == Action::Delete => {
            return Ok(member.delete_rule(id).await?);
        }
        (Some(id), Some(wanted)) => {
            if step.body {
                member.update_rule(id, wanted).await?;
            }
            id.clone()
        }
        (None, Some(wanted)) => {
            let id = member.create_rule(wanted).await?;
            // Servers differ in whether a new rule is active. One that must not be is
            // switched off before anything else, so that nobody is told.
            member
                .set_active(std::slice::from_ref(&id), wanted.active)
                .await?;
            id
        }
        (_, None) => return Ok(()),
    };
    if let Some(email) = &step.email {
        member.set_email(&id, email).await?;
    }
    if let Some(http) = &step.http {
        member.set_http(&id, http, secret.expose()).await?;
    }
    if let (Some(_), Some(active)) = (&step.id, step.active) {
        member.set_active(&[id], active).await?;
    }
    Ok(())
}

fn secret_of(http: &Http, secrets: &dyn Secrets) -> Result<SecretString, String> {
    match &http.auth {
        None => Ok(SecretString::new(String::new())),
        Some(auth) => secrets.resolve(&auth.secret()),
    }
}

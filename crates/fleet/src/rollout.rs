//! Reads what an instance has, and carries a plan out.

use crate::abreast::{abreast, read_all};
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
    /// Macros sent.
    pub macros: usize,
    /// What failed: the rule, list or macro, and why. A rule that was created or changed, but not
    /// whole, is counted there too.
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
    let jobs = ids
        .iter()
        .filter(|(name, _)| folder.rules.contains_key(*name))
        .map(|(name, id)| async move {
            match member.rule(id).await {
                Ok(rule) => Ok(Some((name.clone(), rule))),
                // Deleted since it was listed.
                Err(error) if error.is_missing() => Ok(None),
                Err(error) => Err(error),
            }
        })
        .collect();
    let found = read_all(jobs, progress).await?;
    let rules = found.into_iter().flatten().collect();
    let lists = if folder.lists.is_empty() {
        None
    } else {
        Some(member.list_names().await?.into_iter().collect())
    };
    let macros = if folder.macros.is_empty() {
        BTreeMap::new()
    } else {
        match member.macros().await {
            // A server of another make, which is told when they are sent.
            Err(error) if error.is_missing() => BTreeMap::new(),
            found => found?,
        }
    };
    Ok(Present {
        ids,
        rules,
        lists,
        macros,
    })
}

/// All rules of an instance, in full.
pub async fn export(
    member: &Member,
    progress: &(dyn Fn(usize, usize) + Send + Sync),
) -> Result<Vec<RuleDoc>, Error> {
    let listed = member.rules().await?;
    let jobs = listed.iter().map(|row| member.rule(&row.id)).collect();
    read_all(jobs, progress).await
}

/// Carries a plan out: macros and lists one after the other, then rules, some at the same time. What
/// is done stays done: after an interruption a new plan holds the rest. `progress` is
/// called after each step.
pub async fn apply(
    member: &Member,
    folder: &Folder,
    plan: &Plan,
    secrets: &dyn Secrets,
    progress: &(dyn Fn(&str) + Send + Sync),
) -> Outcome {
    let mut outcome = Outcome::default();
    if send_macros(member, folder, plan, &mut outcome, progress).await {
        outcome.left += plan.lists.len() + steps(plan).count();
        return outcome;
    }
    let mut lists = plan.lists.iter();
    // Before the rules, whose queries may name them.
    for (name, _) in lists.by_ref() {
        let imported = import(member, folder, name).await;
        progress(name);
        match imported {
            Ok(()) => outcome.imported += 1,
            Err(error) => {
                let away = error.is_outage();
                let failed = (format!("list {name}"), error.to_string());
                outcome.failed.push(failed);
                if away {
                    outcome.left = lists.len() + steps(plan).count();
                    return outcome;
                }
            }
        }
    }
    let jobs = steps(plan)
        .map(|step| async move {
            let wanted = folder.rules.get(&step.name);
            (step, carry(member, wanted, step, secrets).await)
        })
        .collect();
    let left = abreast(jobs, |(step, carried)| {
        progress(&step.name);
        outcome.note(step, carried)
    })
    .await;
    outcome.left += left;
    outcome.failed.sort();
    outcome
}

impl Plan {
    /// Looks for the secrets that would be sent, and notes which are not there. Without
    /// this they are looked for when the step is carried out.
    pub fn look_for_secrets(&mut self, secrets: &dyn Secrets) {
        for step in &mut self.rules {
            if let (Some(http), None) = (&step.http, &step.problem) {
                step.problem = secret_of(http, secrets).err();
            }
        }
    }
}

/// The steps that change something.
fn steps(plan: &Plan) -> impl Iterator<Item = &RuleStep> {
    let changed = |step: &&RuleStep| step.action != Action::Unchanged;
    plan.rules.iter().filter(changed)
}

impl Outcome {
    /// Takes down what came of a step; false if the instance is away.
    fn note(&mut self, step: &RuleStep, carried: Result<(), Failure>) -> bool {
        let reason = match carried {
            Ok(()) => {
                self.count(step.action);
                return true;
            }
            Err(reason) => reason,
        };
        let (reason, away) = match reason {
            Failure::Partly(done, error) => {
                self.count(step.action);
                (format!("{done}: {error}"), error.is_outage())
            }
            Failure::Here(reason) => (reason, false),
            Failure::There(error) => (error.to_string(), error.is_outage()),
        };
        self.failed.push((step.name.clone(), reason));
        !away
    }

    fn count(&mut self, action: Action) {
        match action {
            Action::Create => self.created += 1,
            Action::Update => self.updated += 1,
            Action::Activate | Action::Deactivate => self.switched += 1,
            Action::Delete => self.deleted += 1,
            Action::Unchanged => {}
        }
    }
}

/// Sends macros, those that others call before these; true if the instance went away.
async fn send_macros(
    member: &Member,
    folder: &Folder,
    plan: &Plan,
    outcome: &mut Outcome,
    progress: &(dyn Fn(&str) + Send + Sync),
) -> bool {
    let mut waiting: Vec<&String> = plan.macros.iter().map(|(name, _)| name).collect();
    loop {
        let (before, mut refused) = (waiting.len(), Vec::new());
        for (at, name) in waiting.iter().enumerate() {
            let Some(one) = folder.macros.get(*name) else {
                continue;
            };
            match member.put_macro(name, one).await {
                Ok(()) => {
                    outcome.macros += 1;
                    progress(name);
                }
                Err(error) if error.is_outage() => {
                    let failed = (format!("macro {name}"), error.to_string());
                    outcome.failed.push(failed);
                    outcome.left = before - at - 1;
                    return true;
                }
                Err(error) => refused.push((*name, error)),
            }
        }
        // What was refused may call what has come since.
        if refused.is_empty() || refused.len() == before {
            for (name, error) in refused {
                progress(name);
                let failed = (format!("macro {name}"), error.to_string());
                outcome.failed.push(failed);
            }
            return false;
        }
        waiting = refused.into_iter().map(|(name, _)| name).collect();
    }
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
    /// At the instance, which did nothing.
    There(Error),
    /// At the instance, after some of it was done: what that was, and what failed.
    Partly(String, Error),
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
            let switch = member.set_active(std::slice::from_ref(&id), wanted.active);
            let word = if wanted.active { "on" } else { "off" };
            let done = || format!("the rule is there now, but could not be switched {word}");
            switch.await.map_err(|e| Failure::Partly(done(), e))?;
            id
        }
        (_, None) => return Ok(()),
    };
    let mut done = done_before(step, wanted);
    let partly = |done: &str, what: &str, error: Error| match done {
        "" => Failure::There(error),
        done => Failure::Partly(format!("{done}, but not {what}"), error),
    };
    if let Some(email) = &step.email {
        let set = member.set_email(&id, email).await;
        set.map_err(|e| partly(&done, "its e-mail notification", e))?;
        done = with(&done, "its e-mail notification is set");
    }
    if let Some(http) = &step.http {
        let set = member.set_http(&id, http, secret.expose()).await;
        set.map_err(|e| partly(&done, "its HTTP notification", e))?;
        done = with(&done, "its HTTP notification is set");
    }
    if let (Some(_), Some(active)) = (&step.id, step.active) {
        let set = member.set_active(&[id], active).await;
        set.map_err(|e| partly(&done, "its state", e))?;
    }
    Ok(())
}

/// What has been done of a step before its notifications, in words.
fn done_before(step: &RuleStep, wanted: Option<&RuleDoc>) -> String {
    let active = wanted.is_some_and(|rule| rule.active);
    let text = match step.action {
        Action::Create if active => "the rule is there now and active",
        Action::Create => "the rule is there now",
        _ if step.body => "the rule is changed",
        _ => "",
    };
    text.to_owned()
}

fn with(done: &str, more: &str) -> String {
    if done.is_empty() {
        more.to_owned()
    } else {
        format!("{done}, {more}")
    }
}

fn secret_of(http: &Http, secrets: &dyn Secrets) -> Result<SecretString, String> {
    match &http.auth {
        None => Ok(SecretString::new(String::new())),
        Some(auth) => secrets.resolve(&auth.secret()),
    }
}

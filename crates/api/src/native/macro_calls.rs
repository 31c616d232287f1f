//! Who calls a macro, and what a change of it would break.

use crate::auth::Caller;
use crate::error::{Error, Result};
use crate::state::Context;
use cresset_catalog::port::RuleWithOwner;
use cresset_model::ObjectId;
use cresset_query::{Macros, compile_with};
use std::sync::Arc;

/// Most rules and macros named in a refusal.
const MOST_NAMED: usize = 10;

/// How many active rules call the macro of that upper-case name; refuses its change if a rule
/// or a macro that can run before could not run after it, unless it is `forced`.
pub(super) async fn refuse_what_breaks(
    api: &Context,
    caller: &Caller,
    name: &str,
    before: Arc<Macros>,
    after: Macros,
    forced: bool,
) -> Result<usize> {
    let rules = api.catalog.active_rules().await?;
    let (name, user) = (name.to_owned(), caller.user.id);
    let work = move || Effect::of(&name, user, &rules, &before, &after);
    let effect = tokio::task::spawn_blocking(work).await;
    let effect = effect.map_err(|e| Error::Internal(e.to_string()))?;
    match effect.told() {
        Some(broken) if !forced => Err(Error::Conflict(format!(
            "{broken} could not run any more; change them first, or send force=true"
        ))),
        _ => Ok(effect.rules),
    }
}

/// What a change means for those who call the macro.
#[derive(Debug, Default)]
struct Effect {
    /// Active rules that call it.
    rules: usize,
    /// What breaks, as far as the caller may know its name.
    broken: Vec<String>,
    /// Rules of others that break: their names are their owners' alone.
    broken_of_others: usize,
}

impl Effect {
    fn of(
        name: &str,
        caller: ObjectId,
        rules: &[RuleWithOwner],
        before: &Macros,
        after: &Macros,
    ) -> Self {
        let mut effect = Self::default();
        for one in after.iter().filter(|one| one.name != name) {
            if before.check(one).is_ok()
                && let Err(why) = after.check(one)
            {
                effect
                    .broken
                    .push(format!("the macro {} ({why})", one.name));
            }
        }
        for source in rules {
            let query = &source.rule.spec.search_params.query;
            // Most call none, and need no look.
            if !query.contains('`') {
                continue;
            }
            let calls = |plan: cresset_query::Plan| plan.macros().contains(name);
            if !compile_with(query, before).is_ok_and(calls) {
                continue;
            }
            effect.rules += 1;
            let Err(mistakes) = compile_with(query, after) else {
                continue;
            };
            if source.rule.owner == caller {
                let why = mistakes.first().map_or("", |first| &first.message);
                let rule = &source.rule.spec.name;
                effect.broken.push(format!("the rule {rule:?} ({why})"));
            } else {
                effect.broken_of_others += 1;
            }
        }
        effect.broken.sort();
        effect
    }

    /// What breaks, for people.
    fn told(&self) -> Option<String> {
        let mut parts: Vec<String> = self.broken.iter().take(MOST_NAMED).cloned().collect();
        match self.broken.len().saturating_sub(MOST_NAMED) {
            0 => {}
            more => parts.push(format!("{more} more")),
        }
        match self.broken_of_others {
            0 => {}
            1 => parts.push("an active rule of another user".to_owned()),
            more => parts.push(format!("{more} active rules of other users")),
        }
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

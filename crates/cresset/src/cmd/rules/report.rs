//! Plans and outcomes as people read them. What a server says is made inert first.

use crate::cmd::told::{plain, plain_lines};
use cresset_fleet::plan::{Action, FieldChange, Plan, RuleStep};
use cresset_fleet::rollout::Outcome;
use cresset_fleet::{Error, Member};
use serde_json::Value;
use std::time::Duration;

/// Rules that a plan names per action; the others are counted.
const NAMED: usize = 20;

const ACTIONS: [(Action, &str, char); 5] = [
    (Action::Create, "create", '+'),
    (Action::Update, "update", '~'),
    (Action::Activate, "activate", '^'),
    (Action::Deactivate, "deactivate", 'v'),
    (Action::Delete, "delete", '-'),
];

/// One line per rule that changes, then the numbers. Without `all` only some rules are named
/// per action, but always those to be deleted and those with a problem.
pub(crate) fn plan(member: &Member, plan: &Plan, all: bool) {
    println!("{} ({})", member.name(), member.url());
    for (action, word, sign) in ACTIONS {
        let all = all || action == Action::Delete;
        let steps = plan.rules.iter().filter(|s| s.action == action);
        let mut more = 0;
        for (number, step) in steps.enumerate() {
            if !all && number >= NAMED && step.problem.is_none() {
                more += 1;
                continue;
            }
            println!("  {sign} {word} {}{}", plain(&step.name), details(step));
            if let Some(problem) = &step.problem {
                println!("      cannot be done: {}", plain_lines(problem));
            }
        }
        if more > 0 {
            println!("  {sign} {word} {more} more (--all names them)");
        }
    }
    for (name, missing) in &plan.lists {
        let word = if *missing { "new" } else { "again" };
        println!("  + import list {name} ({word})");
    }
    for (name, missing) in &plan.macros {
        let word = if *missing { "new" } else { "changed" };
        println!("  + send macro {name} ({word})");
    }
    println!("  {}", numbers(plan));
}

fn details(step: &RuleStep) -> String {
    if step.action != Action::Update {
        return String::new();
    }
    let paths: Vec<&str> = step.changes.iter().map(|c| c.path.as_str()).collect();
    if paths.is_empty() {
        return " (secret)".to_owned();
    }
    format!(" ({})", plain(&paths.join(", ")))
}

fn numbers(plan: &Plan) -> String {
    let mut parts: Vec<String> = ACTIONS
        .iter()
        .map(|(action, word, _)| (plan.count(*action), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} to {word}"))
        .collect();
    if !plan.lists.is_empty() {
        parts.push(format!("{} list(s) to import", plan.lists.len()));
    }
    if !plan.macros.is_empty() {
        parts.push(format!("{} macro(s) to send", plan.macros.len()));
    }
    parts.push(format!("{} unchanged", plan.count(Action::Unchanged)));
    format!("{} change(s): {}", plan.changes(), parts.join(", "))
}

/// Every field that differs, old and new.
pub(crate) fn diff(member: &Member, plan: &Plan) {
    println!("{} ({})", member.name(), member.url());
    for step in plan.rules.iter().filter(|s| s.action != Action::Unchanged) {
        let word = ACTIONS.iter().find(|(a, _, _)| *a == step.action);
        let word = word.map_or("", |(_, word, _)| word);
        println!("  {word} {}", plain(&step.name));
        for change in &step.changes {
            field(change);
        }
    }
    println!("  {}", numbers(plan));
}

fn field(change: &FieldChange) {
    println!("    {}", plain(&change.path));
    for (sign, value) in [('-', &change.old), ('+', &change.new)] {
        for line in shown(value).lines() {
            println!("      {sign} {}", plain(&line.replace('\t', "    ")));
        }
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "(default)".to_owned(),
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Why a server could not be asked what it has.
pub(crate) fn unplanned(member: &Member, error: &Error) {
    println!("{} ({})", member.name(), member.url());
    println!("  failed: {}", plain_lines(&error.to_string()));
}

/// What was done, and what was not.
pub(crate) fn outcome(member: &Member, outcome: &Outcome, took: Duration, all: bool) {
    let Outcome {
        created,
        updated,
        switched,
        deleted,
        imported,
        macros,
        ..
    } = outcome;
    let failed = outcome.failed.len();
    println!(
        "{}: {created} created, {updated} updated, {switched} switched, {deleted} deleted, \
         {imported} list(s) imported, {macros} macro(s) sent, {failed} failed, {} not tried; {:.1} s",
        member.name(),
        outcome.left,
        took.as_secs_f64()
    );
    let named = if all { failed } else { NAMED };
    for (name, reason) in outcome.failed.iter().take(named) {
        println!("  {}: {}", plain(name), plain_lines(reason));
    }
    if failed > named {
        println!("  and {} more (--all names them)", failed - named);
    }
    if outcome.left > 0 {
        println!("  the same command goes on from here");
    }
}

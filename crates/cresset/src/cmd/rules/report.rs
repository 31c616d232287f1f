//! Plans and outcomes as people read them.

use cresset_fleet::Member;
use cresset_fleet::plan::{Action, FieldChange, Plan, RuleStep};
use cresset_fleet::rollout::Outcome;
use serde_json::Value;

/// Rules that a plan names per action; the others are counted.
const NAMED: usize = 20;

const ACTIONS: [(Action, &str, char); 5] = [
    (Action::Create, "create", '+'),
    (Action::Update, "update", '~'),
    (Action::Activate, "activate", '^'),
    (Action::Deactivate, "deactivate", 'v'),
    (Action::Delete, "delete", '-'),
];

/// One line per rule that changes, then the numbers.
pub(crate) fn plan(member: &Member, plan: &Plan) {
    println!("{} ({})", member.name(), member.url());
    for (action, word, sign) in ACTIONS {
        let steps = plan.rules.iter().filter(|s| s.action == action);
        for step in steps.take(NAMED) {
            println!("  {sign} {word} {}{}", step.name, details(step));
            if let Some(problem) = &step.problem {
                println!("      cannot be done: {problem}");
            }
        }
        let more = plan.count(action).saturating_sub(NAMED);
        if more > 0 {
            println!("  {sign} {word} {more} more");
        }
    }
    for (name, missing) in &plan.lists {
        let word = if *missing { "new" } else { "again" };
        println!("  + import list {name} ({word})");
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
    format!(" ({})", paths.join(", "))
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
    parts.push(format!("{} unchanged", plan.count(Action::Unchanged)));
    format!("{} change(s): {}", plan.changes(), parts.join(", "))
}

/// Every field that differs, old and new.
pub(crate) fn diff(member: &Member, plan: &Plan) {
    println!("{} ({})", member.name(), member.url());
    for step in plan.rules.iter().filter(|s| s.action != Action::Unchanged) {
        let word = ACTIONS.iter().find(|(a, _, _)| *a == step.action);
        println!("  {} {}", word.map_or("", |(_, word, _)| word), step.name);
        for change in &step.changes {
            field(change);
        }
    }
    println!("  {}", numbers(plan));
}

fn field(change: &FieldChange) {
    println!("    {}", change.path);
    for (sign, value) in [('-', &change.old), ('+', &change.new)] {
        for line in shown(value).lines() {
            println!("      {sign} {line}");
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

/// What was done, and what was not.
pub(crate) fn outcome(member: &Member, outcome: &Outcome) {
    let Outcome {
        created,
        updated,
        switched,
        deleted,
        imported,
        ..
    } = outcome;
    let failed = outcome.failed.len();
    println!(
        "{}: {created} created, {updated} updated, {switched} switched, {deleted} deleted, \
         {imported} list(s) imported, {failed} failed, {} not tried",
        member.name(),
        outcome.left
    );
    for (name, reason) in outcome.failed.iter().take(NAMED) {
        println!("  {name}: {reason}");
    }
    if failed > NAMED {
        println!("  and {} more", failed - NAMED);
    }
    if outcome.left > 0 {
        println!("  the same command goes on from here");
    }
}

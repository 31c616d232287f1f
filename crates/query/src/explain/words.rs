//! Tells in words how a plan runs.

use super::condition::{aggregate_text, condition, group_text, name, push_column};
use super::{command, time_span};
use crate::ast::{
    Chart, Command, CommandKind, Group, Head, Name, OrderKey, Part, Search, Set, Stream, TimeSpan,
};
use crate::plan::Plan;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter, Write as _};

/// How a plan runs, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The query, fully parenthesised, as [`Plan::explain`] gives it.
    pub tree: String,
    /// What events have to meet: all that stands here, or, for a pattern, all that stands
    /// under the name of one stream.
    pub filter: Vec<FilterPart>,
    /// The fields that are read of events that meet it; absent where it is all of them.
    pub fields_read: Option<Vec<String>>,
    /// What is done with events that meet it, one step after the other.
    pub steps: Vec<String>,
}

/// A condition on events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterPart {
    /// The stream of a pattern that it belongs to.
    pub stream: Option<String>,
    /// The condition, fully parenthesised.
    pub condition: String,
    /// What tells whether an event meets it.
    pub decided_by: DecidedBy,
    /// The columns that are read for it.
    pub columns: Vec<String>,
    /// The lists that are looked into.
    pub lists: Vec<String>,
}

/// What tells whether an event meets a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecidedBy {
    /// Columns of fields: a value that many events share is looked at once.
    Columns,
    /// The raw text `msg` of each event that the other conditions leave.
    RawText,
}

impl Explanation {
    pub(crate) fn of(plan: &Plan) -> Self {
        let query = plan.query();
        let (mut filter, mut steps) = (Vec::new(), vec![taking(plan)]);
        let mut commands = query.commands.as_slice();
        match &query.head {
            Head::Search(search) => {
                parts_into(None, search, &mut filter);
                // They are part of the filter as long as nothing else stands before them.
                while let [first, rest @ ..] = commands
                    && let CommandKind::Search(search) = &first.kind
                {
                    parts_into(None, search, &mut filter);
                    commands = rest;
                }
            }
            Head::Pattern(parts) => {
                for (at, part) in parts.iter().enumerate() {
                    let name = stream_name(at, part);
                    if part.stream.table.is_none() {
                        parts_into(Some(&name), &part.stream.search, &mut filter);
                    }
                    stream_steps(&name, part, &mut steps);
                }
            }
        }
        steps.extend(commands.iter().map(step));
        let fields = plan.fields_needed();
        Self {
            tree: plan.explain(),
            filter,
            fields_read: fields.map(|fields| fields.into_iter().collect()),
            steps,
        }
    }
}

/// What becomes of the events that meet the filter.
fn taking(plan: &Plan) -> String {
    if let Some(counting) = plan.counting() {
        let by = match counting.fields.as_slice() {
            [] => String::new(),
            fields => format!(" by {}", fields.join(", ")),
        };
        return format!("counts them{by} in the columns; no event is put together");
    }
    let which = if plan.rows_are_events() {
        "puts together the newest of them, as many as rows are wanted"
    } else {
        "puts together each of them"
    };
    match plan.fields_needed() {
        None => format!("{which}, with all fields"),
        Some(fields) if fields.is_empty() => format!("{which}, without any field"),
        Some(fields) => {
            let fields: Vec<String> = fields.into_iter().collect();
            format!("{which}, with {} alone", fields.join(", "))
        }
    }
}

/// The conditions that must all hold.
fn parts_into(stream: Option<&str>, search: &Search, parts: &mut Vec<FilterPart>) {
    if let Search::And(all) = search {
        return all.iter().for_each(|one| parts_into(stream, one, parts));
    }
    if *search == Search::All {
        return;
    }
    let mut reads = Reads::default();
    reads.add(search);
    let raw = reads.columns.contains("msg");
    parts.push(FilterPart {
        stream: stream.map(str::to_owned),
        condition: condition(search),
        decided_by: if raw {
            DecidedBy::RawText
        } else {
            DecidedBy::Columns
        },
        columns: reads.columns.into_iter().collect(),
        lists: reads.lists.into_iter().collect(),
    });
}

#[derive(Default)]
struct Reads {
    columns: BTreeSet<String>,
    lists: BTreeSet<String>,
}

impl Reads {
    fn add(&mut self, search: &Search) {
        match search {
            Search::And(parts) | Search::Or(parts) => parts.iter().for_each(|p| self.add(p)),
            Search::Not(inner) => self.add(inner),
            Search::Compare { operand, .. } => _ = self.columns.insert(operand.field().to_owned()),
            Search::In { operand, set, .. } => {
                self.columns.insert(operand.field().to_owned());
                if let Set::List(list) = set {
                    self.lists.insert(list.text.clone());
                }
            }
            Search::Keyword(_) => _ = self.columns.insert("msg".to_owned()),
            Search::All | Search::Macro(_) => {}
        }
    }
}

fn stream_name(at: usize, part: &Part) -> String {
    let alias = part.alias.as_ref().map(|alias| alias.text.clone());
    alias.unwrap_or_else(|| (at + 1).to_string())
}

fn stream_steps(stream: &str, part: &Part, steps: &mut Vec<String>) {
    steps.extend(found(stream, &part.stream));
    let commands = part.stream.commands.iter();
    steps.extend(commands.map(|command| format!("stream {stream}: {}", step(command))));
    let Some(link) = part.link else { return };
    let not = if link.negated { "not " } else { "" };
    let mut text = format!(
        "ties what stands before to stream {stream}: {not}{}",
        link.kind.text()
    );
    if let Some(span) = part.within {
        text.push_str(" within ");
        time_span(&mut text, span);
    }
    if let Some(on) = &part.on {
        let _ = write!(text, ", where {}", condition(on));
    }
    steps.push(text);
}

/// What makes a row of a stream, if it is not simply an event that meets the filter.
fn found(stream: &str, of: &Stream) -> Option<String> {
    if let Some(table) = &of.table {
        let which = match &of.search {
            Search::All => "all rows".to_owned(),
            search => format!("the rows with {}", condition(search)),
        };
        return Some(format!(
            "stream {stream}: {which} of the table {}",
            table.text
        ));
    }
    let count = of.count?;
    let mut text = format!("stream {stream}: the last of {count} events");
    if !of.having_same.is_empty() {
        let _ = write!(text, " with the same {}", names(&of.having_same));
    }
    if let Some(span) = of.within {
        text.push_str(" within ");
        time_span(&mut text, span);
    }
    Some(text)
}

/// What a command does.
fn step(one: &Command) -> String {
    match &one.kind {
        CommandKind::Search(search) => format!("keeps rows with {}", condition(search)),
        CommandKind::Chart(chart) => grouping(chart, groups(chart)),
        CommandKind::Timechart(chart, every) => {
            let mut by = vec![span(*every)];
            by.extend(groups(chart));
            grouping(chart, by)
        }
        CommandKind::Rename(_) => written("gives fields other names", one),
        CommandKind::Fields(fields) => format!("keeps only {}", columns(fields)),
        CommandKind::Process(process) => match process.plugin.text.to_ascii_lowercase().as_str() {
            "tolist" | "totable" => written("adds to a list when the search has ended", one),
            "json_expand" => written("makes a row of each item", one),
            "median" | "percentile" | "quantile" | "quartile" => {
                written("compares each row with all rows", one)
            }
            _ => written("makes new fields", one),
        },
        CommandKind::Norm(..) | CommandKind::Rex(..) => written("makes new fields", one),
        CommandKind::Latest(fields) if fields.is_empty() => "keeps the newest row".to_owned(),
        CommandKind::Latest(fields) => format!("keeps the newest row of each {}", names(fields)),
        CommandKind::Order(keys) => format!("sorts by {}", order(keys)),
        CommandKind::Limit(n) => format!("keeps the first {n} rows"),
        CommandKind::Macro(name) => format!("`{}`", name.text),
    }
}

/// A step in the words of the query, which say more than others would.
fn written(what: &str, one: &Command) -> String {
    let mut text = format!("{what}: ");
    command(&mut text, &one.kind);
    text
}

fn groups(chart: &Chart) -> Vec<String> {
    let shown = |group: &Group| match group {
        Group::Field(field) => name(&field.text),
        other => group_text(other),
    };
    chart.groups.iter().map(shown).collect()
}

fn span(every: Option<TimeSpan>) -> String {
    let Some(every) = every else {
        return "spans of time that suit the time range".to_owned();
    };
    let mut text = "spans of ".to_owned();
    time_span(&mut text, every);
    text
}

fn grouping(chart: &Chart, by: Vec<String>) -> String {
    let aggregates: Vec<String> = chart
        .aggregates
        .iter()
        .map(|one| {
            let alias = one.alias.as_ref();
            let alias =
                alias.map_or_else(String::new, |alias| format!(" as {}", name(&alias.text)));
            format!("{}{alias}", aggregate_text(one))
        })
        .collect();
    let mut text = if by.is_empty() {
        "makes one row of all: ".to_owned()
    } else {
        format!("makes a row of each {}: ", by.join(" and "))
    };
    text.push_str(&aggregates.join(", "));
    if !chart.order.is_empty() {
        let _ = write!(text, "; sorts by {}", order(&chart.order));
    }
    if let Some(limit) = chart.limit {
        let _ = write!(text, "; keeps the first {limit} rows");
    }
    text
}

fn order(keys: &[OrderKey]) -> String {
    let key = |key: &OrderKey| {
        let mut text = String::new();
        push_column(&mut text, &key.column);
        text.push_str(if key.descending {
            ", largest first"
        } else {
            ", smallest first"
        });
        text
    };
    keys.iter().map(key).collect::<Vec<_>>().join(", then ")
}

fn columns(fields: &[Name]) -> String {
    let mut text = String::new();
    super::separated(&mut text, fields, push_column);
    text
}

fn names(fields: &[Name]) -> String {
    let fields: Vec<String> = fields.iter().map(|field| name(&field.text)).collect();
    fields.join(", ")
}

impl Display for Explanation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let tree = if self.tree.is_empty() {
            "*"
        } else {
            &self.tree
        };
        writeln!(f, "Query, as it is read:\n  {tree}\nEvents that meet:")?;
        if self.filter.is_empty() {
            writeln!(f, "  nothing: all are wanted")?;
        }
        let mut stream = None;
        for part in &self.filter {
            if part.stream != stream {
                stream.clone_from(&part.stream);
                writeln!(f, "  stream {}:", stream.as_deref().unwrap_or_default())?;
            }
            let indent = part.stream.as_ref().map_or("  ", |_| "    ");
            writeln!(f, "{indent}{}    ({part})", part.condition)?;
        }
        writeln!(f, "Then the search:")?;
        for (at, step) in self.steps.iter().enumerate() {
            writeln!(f, "  {}. {step}", at + 1)?;
        }
        Ok(())
    }
}

/// What decides.
impl Display for FilterPart {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let others = self.columns.iter().filter(|column| *column != "msg");
        let others: Vec<&str> = others.map(String::as_str).collect();
        match self.decided_by {
            DecidedBy::Columns => write!(f, "columns: {}", others.join(", "))?,
            DecidedBy::RawText if others.is_empty() => write!(f, "raw text")?,
            DecidedBy::RawText => write!(f, "raw text, and columns: {}", others.join(", "))?,
        }
        match self.lists.as_slice() {
            [] => Ok(()),
            lists => write!(f, "; lists: {}", lists.join(", ")),
        }
    }
}

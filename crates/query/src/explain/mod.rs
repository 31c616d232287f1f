//! Prints a tree in one way, fully parenthesised, such that parsing the print
//! gives the same tree.

mod condition;
mod words;

pub(crate) use condition::{aggregate_text, group_text};
pub use words::{DecidedBy, Explanation, FilterPart};

use crate::ast::{
    Chart, Command, CommandKind, Group, Head, Name, OrderKey, Part, Process, Query, Search, Stream,
    TimeSpan,
};
use condition::{condition, name, operand, push_column, push_name, quoted, search, separated};
use std::fmt::Write;

/// The whole query.
pub(crate) fn query(query: &Query) -> String {
    let mut out = String::new();
    match &query.head {
        Head::Search(Search::All) => {}
        Head::Search(s) => search(&mut out, s),
        Head::Pattern(parts) => pattern(&mut out, parts),
    }
    commands(&mut out, &query.commands);
    out
}

fn commands(out: &mut String, commands: &[Command]) {
    for one in commands {
        if !out.is_empty() && !out.ends_with('[') {
            out.push(' ');
        }
        out.push_str("| ");
        command(out, &one.kind);
    }
}

fn command(out: &mut String, kind: &CommandKind) {
    match kind {
        CommandKind::Search(condition) => {
            out.push_str("search ");
            search(out, condition);
        }
        CommandKind::Chart(c) => chart(out, "chart", c, None),
        CommandKind::Timechart(c, every) => chart(out, "timechart", c, *every),
        CommandKind::Rename(pairs) => {
            out.push_str("rename ");
            separated(out, pairs, |out, (source, target)| {
                operand(out, source);
                out.push_str(" as ");
                push_name(out, target);
            });
        }
        CommandKind::Fields(fields) => {
            out.push_str("fields ");
            separated(out, fields, push_column);
        }
        CommandKind::Process(p) => process(out, p),
        CommandKind::Norm(on, pattern) => extraction(out, "norm", on.as_ref(), pattern),
        CommandKind::Rex(on, pattern) => extraction(out, "rex", on.as_ref(), pattern),
        CommandKind::Latest(fields) => {
            out.push_str("latest");
            if !fields.is_empty() {
                out.push_str(" by ");
                separated(out, fields, push_name);
            }
        }
        CommandKind::Order(keys) => order(out, keys),
        CommandKind::Limit(n) => {
            let _ = write!(out, "limit {n}");
        }
        CommandKind::Macro(name) => {
            let _ = write!(out, "`{}`", name.text);
        }
    }
}

fn chart(out: &mut String, word: &str, chart: &Chart, every: Option<TimeSpan>) {
    out.push_str(word);
    out.push(' ');
    separated(out, &chart.aggregates, |out, aggregate| {
        out.push_str(&aggregate_text(aggregate));
        if let Some(alias) = &aggregate.alias {
            out.push_str(" as ");
            push_name(out, alias);
        }
    });
    if !chart.groups.is_empty() {
        out.push_str(" by ");
        separated(out, &chart.groups, |out, group| match group {
            Group::Field(field) => push_name(out, field),
            other => out.push_str(&group_text(other)),
        });
    }
    if let Some(span) = every {
        out.push_str(" every ");
        time_span(out, span);
    }
    if !chart.order.is_empty() {
        out.push(' ');
        order(out, &chart.order);
    }
    if let Some(limit) = chart.limit {
        let _ = write!(out, " limit {limit}");
    }
}

fn order(out: &mut String, keys: &[OrderKey]) {
    out.push_str("order by ");
    separated(out, keys, |out, key| {
        push_column(out, &key.column);
        out.push_str(if key.descending { " desc" } else { " asc" });
    });
}

fn process(out: &mut String, process: &Process) {
    out.push_str("process ");
    push_name(out, &process.plugin);
    out.push('(');
    separated(out, &process.args, |out, arg| {
        let shown = if arg.quoted {
            quoted(&arg.text)
        } else {
            arg.text.clone()
        };
        out.push_str(&shown);
    });
    out.push(')');
    if !process.targets.is_empty() {
        out.push_str(" as ");
        separated(out, &process.targets, push_name);
    }
}

fn extraction(out: &mut String, word: &str, on: Option<&Name>, pattern: &str) {
    out.push_str(word);
    if let Some(field) = on {
        out.push_str(" on ");
        push_name(out, field);
    }
    out.push(' ');
    out.push_str(pattern);
}

fn time_span(out: &mut String, span: TimeSpan) {
    let plural = if span.amount == 1 { "" } else { "s" };
    let _ = write!(out, "{} {}{plural}", span.amount, span.unit.name());
}

fn pattern(out: &mut String, parts: &[Part]) {
    for part in parts {
        if let Some(link) = part.link {
            out.push_str(if link.negated { " not " } else { " " });
            out.push_str(link.kind.text());
            out.push(' ');
        }
        stream(out, &part.stream);
        if let Some(alias) = &part.alias {
            out.push_str(" as ");
            push_name(out, alias);
        }
        if let Some(span) = part.within {
            out.push_str(" within ");
            time_span(out, span);
        }
        if let Some(on) = &part.on {
            out.push_str(" on ");
            search(out, on);
        }
    }
}

fn stream(out: &mut String, stream: &Stream) {
    out.push('[');
    let mut words = Vec::new();
    if let Some(count) = stream.count {
        words.push(count.to_string());
    }
    if let Some(table) = &stream.table {
        words.push(format!("table {}", name(&table.text)));
    }
    if stream.search != Search::All {
        words.push(condition(&stream.search));
    }
    if !stream.having_same.is_empty() {
        let fields: Vec<String> = stream.having_same.iter().map(|f| name(&f.text)).collect();
        words.push(format!("having same {}", fields.join(", ")));
    }
    out.push_str(&words.join(" "));
    if let Some(span) = stream.within {
        out.push_str(if words.is_empty() {
            "within "
        } else {
            " within "
        });
        time_span(out, span);
    }
    commands(out, &stream.commands);
    out.push(']');
}

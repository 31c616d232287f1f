//! Where a query calls macros.

use crate::ast::{Command, CommandKind, Head, Name, Query, Search};
use std::ops::Range;

/// A call in a query.
#[derive(Debug)]
pub(super) struct Place {
    /// What stands between the back-ticks.
    pub(super) call: String,
    /// Back-ticks included.
    pub(super) span: Range<usize>,
    pub(super) stands: Stands,
}

/// What a call stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stands {
    /// All that is before the commands of a query, if there are any.
    Head {
        /// Whether there are none.
        alone: bool,
    },
    /// A condition.
    Condition,
    /// A command.
    Command,
}

/// The calls of a query that was read without mistakes, in order.
pub(super) fn places(query: &Query) -> Vec<Place> {
    let mut places = Vec::new();
    match &query.head {
        Head::Search(Search::Macro(name)) => {
            let alone = query.commands.is_empty();
            places.push(place(name, Stands::Head { alone }));
        }
        Head::Search(search) => in_search(search, &mut places),
        Head::Pattern(parts) => {
            for part in parts {
                in_search(&part.stream.search, &mut places);
                in_commands(&part.stream.commands, &mut places);
                if let Some(on) = &part.on {
                    in_search(on, &mut places);
                }
            }
        }
    }
    in_commands(&query.commands, &mut places);
    places
}

fn in_commands(commands: &[Command], places: &mut Vec<Place>) {
    for command in commands {
        match &command.kind {
            CommandKind::Macro(name) => places.push(place(name, Stands::Command)),
            CommandKind::Search(search) => in_search(search, places),
            CommandKind::Chart(chart) | CommandKind::Timechart(chart, _) => {
                for aggregate in &chart.aggregates {
                    if let crate::ast::AggArg::Condition(condition) = &aggregate.argument {
                        in_search(condition, places);
                    }
                }
            }
            _ => {}
        }
    }
}

fn in_search(search: &Search, places: &mut Vec<Place>) {
    match search {
        Search::Macro(name) => places.push(place(name, Stands::Condition)),
        Search::And(parts) | Search::Or(parts) => {
            parts.iter().for_each(|part| in_search(part, places));
        }
        Search::Not(inner) => in_search(inner, places),
        Search::All | Search::Compare { .. } | Search::In { .. } | Search::Keyword(_) => {}
    }
}

fn place(name: &Name, stands: Stands) -> Place {
    Place {
        call: name.text.clone(),
        span: name.span.clone(),
        stands,
    }
}

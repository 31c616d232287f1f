//! From a syntax tree to the stages of a plan.

use super::QueryKind;
use super::lower::Lowering;
use super::pattern::Pattern;
use super::scope::Scope;
use super::stage::{Aggregate, Argument, Chart, Grouping, Key, Renaming, SortKey, Stage};
use crate::ast::{self, CommandKind, Head};
use crate::eval::{Expr, Operand};
use crate::explain;
use cresset_model::FieldName;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Most commands of a query: each may go over all rows.
const MAX_COMMANDS: usize = 1_000;
/// Most aggregates of a chart, and most groupings: each takes memory for each group.
const MAX_COLUMNS: usize = 100;

/// The typed parts of a plan.
#[derive(Debug)]
pub(super) struct Typed {
    pub filter: Expr,
    /// True as long as a `search` command is part of the filter: nothing stands between.
    pub filtering: bool,
    /// Streams instead of the events that meet the filter.
    pub pattern: Option<Pattern>,
    pub stages: Vec<Stage>,
    pub kind: QueryKind,
    pub columns: Vec<String>,
    pub grouping: Vec<String>,
}

impl Typed {
    /// The events that meet a condition.
    pub(super) const fn of_filter(filter: Expr) -> Self {
        Self {
            filter,
            filtering: true,
            pattern: None,
            stages: Vec::new(),
            kind: QueryKind::Simple,
            columns: Vec::new(),
            grouping: Vec::new(),
        }
    }
}

impl Lowering {
    pub(super) fn query(&mut self, query: &ast::Query) -> Typed {
        let mut typed = match &query.head {
            Head::Search(search) => Typed::of_filter(self.condition(search)),
            Head::Pattern(parts) => {
                let pattern = self.pattern(parts);
                Typed {
                    filtering: false,
                    pattern: Some(pattern.clone()),
                    ..Typed::of_filter(pattern.filter())
                }
            }
        };
        self.commands(&query.commands, &mut typed);
        typed
    }

    pub(super) fn commands(&mut self, commands: &[ast::Command], typed: &mut Typed) {
        let room = MAX_COMMANDS.saturating_sub(self.commands);
        if let Some(command) = commands.get(room) {
            let message = format!("a query has at most {MAX_COMMANDS} commands");
            self.error(command.span.clone(), message);
        }
        self.commands += commands.len();
        for command in commands.iter().take(room) {
            self.command(command, typed);
        }
    }

    fn command(&mut self, command: &ast::Command, typed: &mut Typed) {
        let span = command.span.clone();
        let stages = &mut typed.stages;
        match &command.kind {
            CommandKind::Search(search) => {
                let condition = self.condition(search);
                // A search that nothing stands before is part of the filter.
                if stages.is_empty() && typed.filtering {
                    let filter = std::mem::replace(&mut typed.filter, Expr::Const(true));
                    typed.filter = filter.and(condition);
                } else {
                    stages.push(Stage::Search(condition));
                }
            }
            CommandKind::Chart(chart) => self.chart(chart, None, typed),
            CommandKind::Timechart(chart, every) => {
                let width = every.map(ast::TimeSpan::seconds);
                if width == Some(None) {
                    return self.error(span, "this span of time is too long");
                }
                let key = Key::Bucket(width.flatten());
                let text = "log_ts".to_owned();
                self.field(&ast::Name { text, span });
                self.chart(chart, Some(key), typed);
            }
            CommandKind::Rename(pairs) => {
                if self.has_room(pairs.len(), span) {
                    stages.push(self.rename(pairs));
                    rename_columns(pairs, &mut typed.columns);
                    rename_columns(pairs, &mut typed.grouping);
                }
            }
            CommandKind::Fields(fields) => {
                if self.has_room(fields.len(), span) {
                    let mut kept = HashSet::new();
                    let once = fields.iter().filter(|f| kept.insert(f.text.as_str()));
                    let names: Vec<FieldName> = once.map(|f| self.field(f)).collect();
                    self.scope = Scope::columns(names.iter().map(FieldName::as_str));
                    typed.columns.retain(|c| kept.contains(c.as_str()));
                    typed.grouping.retain(|c| kept.contains(c.as_str()));
                    stages.push(Stage::Fields(names));
                }
            }
            CommandKind::Latest(fields) => {
                if self.has_room(fields.len(), span) {
                    let names = fields.iter().map(|f| self.field(f)).collect();
                    stages.push(Stage::Latest(names));
                }
            }
            CommandKind::Order(keys) => stages.extend(self.order(keys)),
            CommandKind::Limit(n) => stages.push(limit(*n)),
            CommandKind::Process(process) => {
                let stage = self.process(process);
                push_computed(stage, typed);
            }
            CommandKind::Norm(on, pattern) => {
                let stage = self.norm(on.as_ref(), pattern, span);
                push_computed(stage, typed);
            }
            CommandKind::Rex(on, pattern) => {
                let stage = self.rex(on.as_ref(), pattern, span);
                push_computed(stage, typed);
            }
            CommandKind::Macro(name) => self.unknown_macro(name),
        }
    }

    fn order(&mut self, keys: &[ast::OrderKey]) -> Option<Stage> {
        let span = keys.first()?.column.span.clone();
        if !self.has_room(keys.len(), span) {
            return None;
        }
        let key = |k: &ast::OrderKey| SortKey {
            column: self.field(&k.column),
            descending: k.descending,
        };
        Some(Stage::Order(keys.iter().map(key).collect()))
    }

    fn rename(&mut self, pairs: &[(ast::Operand, ast::Name)]) -> Stage {
        let mut renamings: Vec<Renaming> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut gone = HashSet::new();
        for (source, target) in pairs {
            if let ast::Operand::Field(field) = source {
                gone.insert(field.text.as_str());
            }
            let source = self.operand(source);
            let place = *places.entry(&target.text).or_insert(renamings.len());
            match renamings.get_mut(place) {
                Some(renaming) => renaming.sources.push(source),
                None => renamings.push(Renaming {
                    target: FieldName::from(target.text.as_str()),
                    sources: vec![source],
                }),
            }
        }
        let targets: Vec<&str> = pairs.iter().map(|(_, t)| t.text.as_str()).collect();
        self.scope.rename(&gone, &targets);
        Stage::Rename(renamings)
    }

    fn chart(&mut self, chart: &ast::Chart, bucket: Option<Key>, typed: &mut Typed) {
        if let Some(one) = chart.aggregates.get(MAX_COLUMNS) {
            let message = format!("a chart has at most {MAX_COLUMNS} aggregates");
            return self.error(one.span.clone(), message);
        }
        if let Some(one) = chart.groups.get(MAX_COLUMNS) {
            let message = format!("a chart has at most {MAX_COLUMNS} groupings");
            return self.error(one.field().span.clone(), message);
        }
        let mut groups: Vec<Grouping> = Vec::new();
        let over_time = bucket.is_some();
        if let Some(key) = bucket {
            let column = FieldName::from("log_ts");
            groups.push(Grouping { column, key });
        }
        groups.extend(chart.groups.iter().map(|g| self.grouping(g)));
        let aggregates: Vec<Aggregate> =
            chart.aggregates.iter().map(|a| self.aggregate(a)).collect();
        let mut seen = BTreeSet::new();
        let names = groups
            .iter()
            .map(|g| &g.column)
            .chain(aggregates.iter().map(|a| &a.column));
        if let Some(twice) = names.into_iter().find(|n| !seen.insert((*n).clone())) {
            let message = format!("two columns of this chart are called `{twice}`");
            let span = chart.aggregates.first().map_or(0..0, |a| a.span.clone());
            self.error(span, message);
        }
        typed.grouping = groups.iter().map(|g| g.column.to_string()).collect();
        typed.columns = aggregates.iter().map(|a| a.column.to_string()).collect();
        typed.kind = if over_time {
            QueryKind::Timechart
        } else {
            QueryKind::Chart
        };
        let columns = typed.grouping.iter().chain(&typed.columns);
        self.scope = Scope::columns(columns.map(String::as_str));
        let sorted = chart.order.is_empty();
        typed.stages.push(Stage::Chart(Chart {
            groups,
            aggregates,
            sorted,
        }));
        typed.stages.extend(self.order(&chart.order));
        typed.stages.extend(chart.limit.map(limit));
    }

    fn grouping(&mut self, group: &ast::Group) -> Grouping {
        let column = FieldName::from(explain::group_text(group));
        let key = match group {
            ast::Group::Field(field) => Key::Operand(Operand::Field(self.field(field))),
            ast::Group::Call(function, field) => Key::Operand(self.call(*function, field)),
            ast::Group::Step(field, width) => {
                let width = i64::try_from(*width).unwrap_or(i64::MAX);
                Key::Step(self.field(field), width)
            }
        };
        Grouping { column, key }
    }

    fn aggregate(&mut self, aggregate: &ast::Aggregate) -> Aggregate {
        let column = match &aggregate.alias {
            Some(alias) => alias.text.clone(),
            None => explain::aggregate_text(aggregate),
        };
        let argument = match &aggregate.argument {
            ast::AggArg::None => Argument::None,
            ast::AggArg::Value(value) => Argument::Value(self.formula(value)),
            ast::AggArg::Condition(condition) => Argument::Condition(self.condition(condition)),
        };
        Aggregate {
            column: FieldName::from(column),
            function: aggregate.function,
            argument,
        }
    }
}

/// Adds the stage, and after a chart its fields to the columns of the result.
fn push_computed(stage: Option<Stage>, typed: &mut Typed) {
    let Some(stage) = stage else { return };
    let made = match &stage {
        Stage::Compute(step) => step.makes(),
        Stage::Rank(rank) => vec![&rank.target],
        _ => Vec::new(),
    };
    if typed.kind != QueryKind::Simple {
        for name in made {
            let known = |column: &String| name == column.as_str();
            if !typed.columns.iter().chain(&typed.grouping).any(known) {
                typed.columns.push(name.to_string());
            }
        }
    }
    typed.stages.push(stage);
}

fn limit(n: u64) -> Stage {
    Stage::Limit(usize::try_from(n).unwrap_or(usize::MAX))
}

/// Gives the columns of a result their new names.
fn rename_columns(pairs: &[(ast::Operand, ast::Name)], columns: &mut [String]) {
    let mut names = HashMap::new();
    for (source, target) in pairs {
        if let ast::Operand::Field(field) = source {
            names.entry(field.text.as_str()).or_insert(&target.text);
        }
    }
    for column in columns {
        if let Some(target) = names.get(column.as_str()) {
            column.clone_from(target);
        }
    }
}

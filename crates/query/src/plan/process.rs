//! From `process`, `rex` and `norm` to steps.

use super::lower::Lowering;
use super::scope::Scope;
use super::stage::Stage;
use crate::ast;
use crate::diag::nearest;
use crate::process::{
    Arg, ArgKind, Calc, Entry, Extraction, Filter, Function, PatternError, Step, is_path,
};
use cresset_model::{FieldName, Value};
use std::ops::Range;

/// Functions that would ask another server about each row.
const ELSEWHERE: [(&str, &str); 3] = [
    (
        "dns",
        "put the names into a table and use `process lookup(TABLE, field)`",
    ),
    (
        "ti",
        "put the indicators into a list, `field in LIST`, or into a table, \
         `process lookup(TABLE, field)`",
    ),
    (
        "whoislookup",
        "use `process ip_lookup(field)` for who runs the network, or a table",
    ),
];

/// The names of commands that are not among [`Function::names`].
const OTHERS: [&str; 15] = [
    "current_time",
    "eval",
    "geoip",
    "grok",
    "ip_lookup",
    "jq_parser",
    "json_expand",
    "lookup",
    "median",
    "percentile",
    "quantile",
    "quartile",
    "regex",
    "toList",
    "toTable",
];

/// Most regular expressions of a query: each may take some megabytes when compiled.
const MAX_EXTRACTIONS: usize = 50;

impl Lowering {
    /// `process`.
    pub(super) fn process(&mut self, process: &ast::Process) -> Option<Stage> {
        let name = process.plugin.text.as_str();
        let step = match name.to_ascii_lowercase().as_str() {
            "tolist" => return self.feed_list(process),
            "totable" => return self.feed_table(process),
            "json_expand" => return self.json_expand(process),
            "median" | "percentile" | "quantile" | "quartile" => return self.rank(process),
            "eval" => self.eval(process)?,
            "regex" => self.regex(process)?,
            "grok" => self.grok(process)?,
            "jq_parser" => self.jq_parser(process)?,
            "lookup" => self.table_lookup(process)?,
            "ip_lookup" => self.ip_lookup(process)?,
            "geoip" => self.geoip(process)?,
            "current_time" => self.current_time(process)?,
            _ => match Function::named(name) {
                Some(entry) => self.function(process, entry)?,
                None => {
                    self.unknown(&process.plugin);
                    return None;
                }
            },
        };
        self.compute(step, process.plugin.span.clone())
    }

    /// `rex on field pattern`.
    pub(super) fn rex(
        &mut self,
        on: Option<&ast::Name>,
        pattern: &str,
        span: Range<usize>,
    ) -> Option<Stage> {
        let field = self.source(on, &span);
        let read = Extraction::regex(field, pattern);
        self.extraction(read, span)
    }

    /// `norm on field signature`.
    pub(super) fn norm(
        &mut self,
        on: Option<&ast::Name>,
        pattern: &str,
        span: Range<usize>,
    ) -> Option<Stage> {
        let field = self.source(on, &span);
        let read = Extraction::norm(field, pattern);
        self.extraction(read, span)
    }

    /// The field that is read; without `on` it is the raw text.
    fn source(&mut self, on: Option<&ast::Name>, span: &Range<usize>) -> FieldName {
        match on {
            Some(field) => self.field(field),
            None => self.field(&ast::Name {
                text: "msg".to_owned(),
                span: span.clone(),
            }),
        }
    }

    fn extraction(
        &mut self,
        read: Result<Extraction, PatternError>,
        span: Range<usize>,
    ) -> Option<Stage> {
        match read {
            Ok(extraction) => self.compute(Step::Extract(extraction), span),
            Err(error) => {
                self.error(span, error.to_string());
                None
            }
        }
    }

    /// The step as a stage, after which its fields are known.
    fn compute(&mut self, step: Step, span: Range<usize>) -> Option<Stage> {
        if !self.has_room(step.makes().len(), span.clone()) {
            return None;
        }
        if matches!(step, Step::Extract(_)) {
            self.extractions += 1;
            if self.extractions > MAX_EXTRACTIONS {
                let message = format!(
                    "a query has at most {MAX_EXTRACTIONS} regular expressions that give fields"
                );
                self.error(span, message);
                return None;
            }
        }
        let made: Vec<&str> = step.makes().into_iter().map(FieldName::as_str).collect();
        self.scope.add(&made);
        let hyphened = made.iter().filter(|name| name.contains('-'));
        self.hyphened
            .extend(hyphened.map(|name| (*name).to_owned()));
        if step.makes_any() {
            self.scope = Scope::Open;
        }
        Some(Stage::Compute(step))
    }

    fn eval(&mut self, process: &ast::Process) -> Option<Step> {
        let [text] = process.args.as_slice() else {
            let help = "write `process eval(\"name=expression\")`";
            self.error_help(
                process.plugin.span.clone(),
                "`eval` takes one expression in quotes",
                help,
            );
            return None;
        };
        self.no_targets(process, "the name stands before the `=`")?;
        match Calc::assignment(&text.text, &self.hyphened) {
            Ok((target, calc)) => {
                let mut fields = std::collections::BTreeSet::new();
                calc.fields_into(&mut fields);
                for field in fields {
                    self.field(&ast::Name {
                        text: field,
                        span: text.span.clone(),
                    });
                }
                Some(Step::Eval {
                    target: FieldName::from(target),
                    calc,
                })
            }
            Err(error) => {
                let begin = text.span.start + usize::from(text.quoted) + error.at;
                let end = begin.min(text.span.end.saturating_sub(1));
                self.error(end..end + 1, error.message);
                None
            }
        }
    }

    /// `process regex("pattern", field)`; the field may be left out.
    fn regex(&mut self, process: &ast::Process) -> Option<Step> {
        let (pattern, field) = match process.args.as_slice() {
            [pattern] => (pattern, None),
            [pattern, field] => (pattern, Some(as_name(field))),
            _ => {
                let help = "write `process regex(\"(?P<name>pattern)\", field)`";
                let message = "`regex` takes a pattern in quotes and a field";
                self.error_help(process.plugin.span.clone(), message, help);
                return None;
            }
        };
        self.no_targets(process, "the names stand in the pattern: `(?P<name>…)`")?;
        let field = self.source(field.as_ref(), &process.plugin.span);
        match Extraction::regex(field, &pattern.text) {
            Ok(extraction) => Some(Step::Extract(extraction)),
            Err(error) => {
                self.error(pattern.span.clone(), error.to_string());
                None
            }
        }
    }

    /// `process grok("%{NAME:field}", field)`; the field may be left out.
    fn grok(&mut self, process: &ast::Process) -> Option<Step> {
        let (pattern, field) = match process.args.as_slice() {
            [pattern] => (pattern, None),
            [pattern, field] => (pattern, Some(as_name(field))),
            _ => return self.written(process, "grok(\"%{IP:address}\", field)"),
        };
        self.no_targets(process, "the names stand in the pattern: `%{WORD:name}`")?;
        let field = self.source(field.as_ref(), &process.plugin.span);
        match Extraction::grok(field, &pattern.text) {
            Ok(extraction) => Some(Step::Extract(extraction)),
            Err(error) => {
                self.error(pattern.span.clone(), error.to_string());
                None
            }
        }
    }

    /// `process jq_parser(field, "filter") as name`.
    fn jq_parser(&mut self, process: &ast::Process) -> Option<Step> {
        let usage = "jq_parser(field, \".a[].b\") as name";
        let [field, filter] = process.args.as_slice() else {
            return self.written(process, usage);
        };
        let target = match process.targets.as_slice() {
            [] => "jq_parser",
            [target] => &target.text,
            _ => return self.written(process, usage),
        };
        match Filter::new(&filter.text) {
            Ok(filter) => Some(Step::Filter {
                field: self.field(&as_name(field)),
                filter,
                target: FieldName::from(target),
            }),
            Err(message) => {
                let help = "docs/language.md tells which part of jq is known";
                self.error_help(filter.span.clone(), message, help);
                None
            }
        }
    }

    pub(super) fn no_targets(&mut self, process: &ast::Process, help: &str) -> Option<()> {
        let Some(target) = process.targets.first() else {
            return Some(());
        };
        let message = format!("`{}` takes no `as`", process.plugin.text);
        self.error_help(target.span.clone(), message, help);
        None
    }

    fn function(&mut self, process: &ast::Process, entry: &'static Entry) -> Option<Step> {
        let count = process.args.len();
        let fits = count >= entry.least && (count == 0 || entry.arg(count - 1).is_some());
        let targets = targets(process, entry).filter(|_| fits);
        let Some(targets) = targets else {
            return self.written(process, entry.usage);
        };
        let mut args = Vec::with_capacity(count);
        for (place, arg) in in_order(process, entry).into_iter().enumerate() {
            args.push(self.argument(arg, entry.arg(place)?)?);
        }
        Some(Step::Call {
            function: entry.function,
            args,
            targets,
        })
    }

    fn argument(&mut self, arg: &ast::Text, kind: ArgKind) -> Option<Arg> {
        let text = arg.text.trim();
        let wrong = match kind {
            ArgKind::Number if text.parse::<f64>().is_err() => "expected a number",
            ArgKind::Path if !is_path(text) => "expected a path such as `.a.b[0]`",
            _ if text.is_empty() && !arg.quoted => "this argument is empty",
            _ => "",
        };
        if !wrong.is_empty() {
            self.error(arg.span.clone(), wrong);
            return None;
        }
        let is_field = kind == ArgKind::Field || kind == ArgKind::Either && !arg.quoted;
        Some(if is_field {
            Arg::Field(self.field(&as_name(arg)))
        } else {
            Arg::Constant(Value::str(if arg.quoted { &arg.text } else { text }))
        })
    }

    fn unknown(&mut self, plugin: &ast::Name) {
        let elsewhere = ELSEWHERE
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(&plugin.text));
        if let Some((name, instead)) = elsewhere {
            let message = format!(
                "`process {name}` would ask another server about each row, which is not done"
            );
            return self.error_help(plugin.span.clone(), message, *instead);
        }
        let names = || Function::names().chain(OTHERS);
        let help = match nearest(&plugin.text, names()) {
            Some(name) => format!("did you mean `{name}`?"),
            None => {
                let names: Vec<&str> = names().collect();
                format!("there are {}", names.join(", "))
            }
        };
        let message = format!("there is no `process {}`", plugin.text);
        self.error_help(plugin.span.clone(), message, help);
    }
}

pub(super) fn as_name(text: &ast::Text) -> ast::Name {
    ast::Name {
        text: text.text.trim().to_owned(),
        span: text.span.clone(),
    }
}

/// The arguments as the table of functions has them: the unit of a time may stand first, too.
fn in_order<'p>(process: &'p ast::Process, entry: &Entry) -> Vec<&'p ast::Text> {
    let mut args: Vec<&ast::Text> = process.args.iter().collect();
    if entry.function == Function::DatetimeDiff
        && args.len() == 3
        && args[0].quoted
        && !args[2].quoted
    {
        args.rotate_left(1);
    }
    args
}

/// The names of what is made; `None` if there are too few or too many.
fn targets(process: &ast::Process, entry: &Entry) -> Option<Vec<FieldName>> {
    let named = process
        .targets
        .iter()
        .map(|t| FieldName::from(t.text.as_str()));
    if entry.function == Function::CompareNetwork {
        let public = process
            .args
            .iter()
            .map(|a| format!("{}_public", a.text.trim()));
        let made = public
            .chain(["same_network".to_owned()])
            .map(FieldName::from);
        return process.targets.is_empty().then(|| made.collect());
    }
    let named: Vec<FieldName> = named.collect();
    match (named.len(), entry.gives(process.args.len())) {
        // Without a name it is called like the function.
        (0, 1) => Some(vec![FieldName::from(entry.names[0])]),
        (named_count, given) if named_count == given => Some(named),
        _ => None,
    }
}

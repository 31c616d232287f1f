//! From `process`, `rex` and `norm` to steps.

use super::lower::Lowering;
use super::stage::Stage;
use crate::ast;
use crate::diag::nearest;
use crate::process::{
    Arg, ArgKind, Calc, Entry, Extraction, Function, PatternError, Step, is_path,
};
use cresset_model::{FieldName, Value};
use std::ops::Range;

/// Functions of other servers that this one has not, and why.
const ABSENT: [(&[&str], &str); 4] = [
    (
        &["dns", "whoislookup", "ti"],
        "it would ask another server about each row; compare with a list instead",
    ),
    (
        &["geoip", "ip_lookup"],
        "compare the address with a list of networks instead",
    ),
    (
        &["lookup", "totable"],
        "use a list: `field IN LIST`, `process toList(LIST, field)`",
    ),
    (&["grok", "jq_parser"], "use `rex` or `process json_parser`"),
];

impl Lowering {
    /// `process`, except for `toList`.
    pub(super) fn process(&mut self, process: &ast::Process) -> Option<Stage> {
        let name = process.plugin.text.as_str();
        let step = match name.to_ascii_lowercase().as_str() {
            "eval" => self.eval(process)?,
            "regex" => self.regex(process)?,
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
        if !self.has_room(step.makes().len(), span) {
            return None;
        }
        let made: Vec<&str> = step.makes().into_iter().map(FieldName::as_str).collect();
        self.scope.add(&made);
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
        match Calc::assignment(&text.text) {
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

    fn no_targets(&mut self, process: &ast::Process, help: &str) -> Option<()> {
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
            let message = format!("`{}` is not written like this", process.plugin.text);
            let help = format!("write `process {}`", entry.usage);
            self.error_help(process.plugin.span.clone(), message, help);
            return None;
        };
        let mut args = Vec::with_capacity(count);
        for (place, arg) in process.args.iter().enumerate() {
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
        let lower = plugin.text.to_ascii_lowercase();
        let absent = ABSENT
            .iter()
            .find(|(names, _)| names.contains(&lower.as_str()));
        if let Some((_, instead)) = absent {
            let construct = format!("`process {}`", plugin.text);
            return self.unsupported(plugin.span.clone(), &construct, instead);
        }
        let names = || Function::names().chain(["eval", "regex", "toList"]);
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

fn as_name(text: &ast::Text) -> ast::Name {
    ast::Name {
        text: text.text.trim().to_owned(),
        span: text.span.clone(),
    }
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

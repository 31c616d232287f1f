//! From syntax trees to typed plans: conditions and calculations.

use super::scope::Scope;
use crate::ast::{self, CmpOp, Function, Search, Set, Text};
use crate::diag::{Diagnostic, Findings, Severity};
use crate::eval::{Check, Expr, Formula, Literal, Operand, Pattern, Relation, ValueSet, Words};
use cresset_model::FieldName;
use std::ops::Range;

/// Longest pattern with inner wildcards, in characters: such patterns take time
/// in proportion to their length for every character of a value.
const MAX_GLOB: usize = 1_024;
/// Longest word or phrase in bytes.
const MAX_WORDS: usize = 4_096;
/// Most words with inner wildcards: each becomes a regular expression.
const MAX_WILD: usize = 500;
/// Most bytes of them in all: each character takes up to a kilobyte when compiled.
const MAX_WILD_BYTES: usize = 1 << 16;
/// Most names in commands that keep, rename or order by fields: each is looked at for
/// each row, once for each name that is read.
const MAX_NAMES: usize = 2_000;

/// Collects findings while a tree is typed.
#[derive(Debug, Default)]
pub(super) struct Lowering {
    pub findings: Findings,
    /// The columns that rows have at this point of the plan.
    pub scope: Scope,
    /// Words with inner wildcards so far.
    pub wild: usize,
    /// Their bytes.
    pub wild_bytes: usize,
    /// Names in commands so far.
    pub names: usize,
    /// Commands so far.
    pub commands: usize,
    /// Regular expressions that give fields so far.
    pub extractions: usize,
    /// Names with a hyphen that commands have made so far: `eval` reads them whole.
    pub hyphened: Vec<String>,
}

impl Lowering {
    pub(super) fn error(&mut self, span: Range<usize>, message: impl Into<String>) {
        self.findings.push(Diagnostic::error(span, message));
    }

    pub(super) fn error_help(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.findings
            .push(Diagnostic::error(span, message).with_help(help));
    }

    /// Reports a macro: those that there are have been put in.
    pub(super) fn unknown_macro(&mut self, name: &ast::Name) {
        if self.findings.is_full(Severity::Error) {
            return;
        }
        let called = name.text.split('(').next().unwrap_or_default().trim();
        let message = format!("there is no macro `{called}`");
        let help = "a server keeps macros: `PUT /api/v1/macros/NAME` makes one";
        self.error_help(name.span.clone(), message, help);
    }

    /// Whether the commands of the query may hold so many more names.
    pub(super) fn has_room(&mut self, names: usize, span: Range<usize>) -> bool {
        self.names = self.names.saturating_add(names);
        let fits = self.names <= MAX_NAMES;
        if !fits {
            let message = format!(
                "the commands `fields`, `rename`, `latest` and `order by` of a query name at most \
                 {MAX_NAMES} fields"
            );
            self.error(span, message);
        }
        fits
    }

    pub(super) fn condition(&mut self, node: &Search) -> Expr {
        match node {
            Search::All => Expr::Const(true),
            Search::And(parts) => Expr::And(parts.iter().map(|p| self.condition(p)).collect()),
            Search::Or(parts) => Expr::Or(parts.iter().map(|p| self.condition(p)).collect()),
            Search::Not(inner) => Expr::Not(Box::new(self.condition(inner))),
            Search::Compare {
                operand, op, value, ..
            } => self.comparison(operand, *op, value),
            Search::In { operand, set, .. } => {
                let operand = self.operand(operand);
                let check = match set {
                    Set::List(list) => Check::InList(list.text.as_str().into()),
                    Set::Values(values) => {
                        for value in values {
                            self.check_pattern(value);
                        }
                        Check::In(ValueSet::new(values.iter().map(|v| v.text.as_str())))
                    }
                };
                Expr::Test(operand, check)
            }
            Search::Keyword(word) => self.words(word),
            Search::Macro(name) => {
                self.unknown_macro(name);
                Expr::Const(true)
            }
        }
    }

    fn comparison(&mut self, operand: &ast::Operand, op: CmpOp, value: &Text) -> Expr {
        let operand = self.operand(operand);
        let relation = match op {
            CmpOp::Eq | CmpOp::Ne => {
                self.check_pattern(value);
                let test = Expr::Test(operand, Check::Is(Pattern::new(&value.text)));
                return if op == CmpOp::Ne {
                    Expr::Not(Box::new(test))
                } else {
                    test
                };
            }
            CmpOp::Lt => Relation::Less,
            CmpOp::Le => Relation::AtMost,
            CmpOp::Gt => Relation::Greater,
            CmpOp::Ge => Relation::AtLeast,
        };
        if value.text.contains(['*', '?']) {
            let message = format!("`{}` needs a value without wildcards", op.symbol());
            self.error(value.span.clone(), message);
        }
        Expr::Test(operand, Check::Ordered(relation, Literal::new(&value.text)))
    }

    fn words(&mut self, word: &Text) -> Expr {
        self.scope.check_words(&word.span, &mut self.findings);
        let wild = word.text.trim_matches('*').contains(['*', '?']);
        if wild {
            self.wild += 1;
            self.wild_bytes = self.wild_bytes.saturating_add(word.text.len());
        }
        if wild && self.wild > MAX_WILD {
            let message = format!("a query has at most {MAX_WILD} words with inner wildcards");
            self.error(word.span.clone(), message);
        } else if wild && self.wild_bytes > MAX_WILD_BYTES {
            let message = format!(
                "the words with inner wildcards have at most {MAX_WILD_BYTES} bytes in all"
            );
            self.error(word.span.clone(), message);
        } else if word.text.is_empty() {
            self.error(
                word.span.clone(),
                "expected a word or phrase between the quotes",
            );
        } else if word.text.len() > MAX_WORDS {
            let message = format!("a phrase has at most {MAX_WORDS} bytes");
            self.error(word.span.clone(), message);
        } else if let Ok(words) = Words::new(&word.text) {
            return match words {
                Words::Any => Expr::Const(true),
                words => Expr::Words(words),
            };
        } else {
            self.error(word.span.clone(), "this word has too many wildcards");
        }
        Expr::Const(true)
    }

    fn check_pattern(&mut self, value: &Text) {
        let inner = value.text.trim_matches('*');
        if inner.contains(['*', '?']) && inner.chars().count() > MAX_GLOB {
            let message = format!("a value with inner wildcards has at most {MAX_GLOB} characters");
            self.error(value.span.clone(), message);
        }
    }

    pub(super) fn operand(&mut self, operand: &ast::Operand) -> Operand {
        match operand {
            ast::Operand::Field(field) => Operand::Field(self.field(field)),
            ast::Operand::Call(function, field) => self.call(*function, field),
        }
    }

    pub(super) fn call(&mut self, function: Function, field: &ast::Name) -> Operand {
        if function.is_time_part() && self.scope.is_open() && !field.text.ends_with("_ts") {
            let message = format!("{}() takes a part of a time", function.name());
            let help = "times are log_ts, col_ts and fields whose names end in _ts";
            self.findings
                .push(Diagnostic::warning(field.span.clone(), message).with_help(help));
        }
        Operand::Call(function, self.field(field))
    }

    pub(super) fn field(&mut self, field: &ast::Name) -> FieldName {
        self.scope.check(field, &mut self.findings);
        FieldName::from(field.text.as_str())
    }

    pub(super) fn formula(&mut self, node: &ast::Arith) -> Formula {
        match node {
            ast::Arith::Number(n) => Formula::Number(*n),
            ast::Arith::Field(field) => Formula::Operand(Operand::Field(self.field(field))),
            ast::Arith::Call(function, field) => Formula::Operand(self.call(*function, field)),
            ast::Arith::Neg(inner) => Formula::Neg(Box::new(self.formula(inner))),
            ast::Arith::Binary(left, op, right) => {
                let left = self.formula(left);
                Formula::Binary(Box::new(left), *op, Box::new(self.formula(right)))
            }
        }
    }
}

//! The expressions of `process eval("name=expression")`.
//!
//! Weakest first: `||` (`or`), `&&` (`and`), comparisons (`==`, `=`, `!=`, `<>`, `<`, `<=`, `>`,
//! `>=`), `+ -`, `* / %`, `!` (`not`) and `-` before a value, `^`. Texts stand in single quotes,
//! fields by their names, or in back-ticks where a name holds other characters. `case(condition
//! -> value, …)` gives the value of the first condition that holds, or a last value without
//! condition; `if (condition) {value} else {value}` may leave out `return` and `else`.
//!
//! An absent field has no value, and what is calculated from it has none either, except by the
//! functions that ask for it. Values are compared as in a search: letter case ignored, numbers
//! as numbers. `+` joins texts where one side is not a number.

mod functions;
mod lex;
mod parse;

use super::MAX_MADE;
use super::extract::compile;
use crate::eval::{Context, Num, Row, order, same};
use cresset_model::{FieldName, Value};
use functions::Function;
use regex::Regex;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// An expression.
#[derive(Debug, Clone)]
pub(crate) enum Calc {
    Value(Value),
    Field(FieldName),
    Not(Box<Calc>),
    Neg(Box<Calc>),
    Binary(Box<Calc>, Op, Box<Calc>),
    Call(Function, Vec<Calc>),
    /// Whether the expression is found in the text.
    Match(Box<Calc>, Regex),
    /// Conditions and their values, and the value if none holds.
    Case(Vec<(Calc, Calc)>, Option<Box<Calc>>),
}

/// Between two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    Pow,
}

/// What is wrong with an expression, and where in it, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CalcError {
    pub at: usize,
    pub message: String,
}

impl Calc {
    /// Reads `name=expression`. Names in the expression hold no hyphen, which is a minus, but
    /// for those that are given.
    pub(crate) fn assignment(text: &str, hyphened: &[String]) -> Result<(String, Self), CalcError> {
        parse::assignment(text, hyphened)
    }

    /// The value for `row`.
    pub(crate) fn value(&self, row: &dyn Row, ctx: &Context<'_>) -> Option<Value> {
        if ctx.lists.given_up() {
            return None;
        }
        self.read(row).map(Cow::into_owned)
    }

    fn read<'r>(&'r self, row: &'r dyn Row) -> Option<Cow<'r, Value>> {
        let own = |value: Option<Value>| value.map(Cow::Owned);
        match self {
            Self::Value(value) => Some(Cow::Borrowed(value)),
            Self::Field(field) => row.get(field),
            Self::Not(inner) => own(Some(Value::Bool(!inner.holds(row)))),
            Self::Neg(inner) => own(number(-Num::of(&*inner.read(row)?)?.as_f64())),
            Self::Binary(left, op, right) => own(binary(left, *op, right, row)),
            Self::Call(function, args) => {
                let args: Vec<Option<Cow<'_, Value>>> = args.iter().map(|a| a.read(row)).collect();
                own(function.call(&args))
            }
            Self::Match(text, regex) => {
                let value = text.read(row)?;
                own(Some(Value::Bool(match &*value {
                    Value::List(items) => items.iter().any(|item| regex.is_match(item)),
                    value => regex.is_match(&value.text()),
                })))
            }
            Self::Case(cases, default) => {
                let first = cases.iter().find(|(condition, _)| condition.holds(row));
                match (first, default) {
                    (Some((_, value)), _) => value.read(row),
                    (None, Some(default)) => default.read(row),
                    (None, None) => None,
                }
            }
        }
    }

    /// Whether a condition holds: true, the text `true`, or a number other than zero.
    fn holds(&self, row: &dyn Row) -> bool {
        match self.read(row).as_deref() {
            None => false,
            Some(Value::Bool(b)) => *b,
            Some(value) => match Num::of(value) {
                Some(number) => number != Num::Int(0),
                None => value.text().eq_ignore_ascii_case("true"),
            },
        }
    }

    /// Adds the fields that it reads.
    pub(crate) fn fields_into(&self, fields: &mut BTreeSet<String>) {
        match self {
            Self::Value(_) => {}
            Self::Field(field) => {
                fields.insert(field.to_string());
            }
            Self::Not(inner) | Self::Neg(inner) | Self::Match(inner, _) => {
                inner.fields_into(fields);
            }
            Self::Binary(left, _, right) => {
                left.fields_into(fields);
                right.fields_into(fields);
            }
            Self::Call(_, args) => args.iter().for_each(|arg| arg.fields_into(fields)),
            Self::Case(cases, default) => {
                for (condition, value) in cases {
                    condition.fields_into(fields);
                    value.fields_into(fields);
                }
                if let Some(default) = default {
                    default.fields_into(fields);
                }
            }
        }
    }
}

fn number(n: f64) -> Option<Value> {
    n.is_finite().then(|| Num::from_f64(n).to_value())
}

fn binary(left: &Calc, op: Op, right: &Calc, row: &dyn Row) -> Option<Value> {
    match op {
        Op::Or => return Some(Value::Bool(left.holds(row) || right.holds(row))),
        Op::And => return Some(Value::Bool(left.holds(row) && right.holds(row))),
        _ => {}
    }
    let (left, right) = (left.read(row)?, right.read(row)?);
    let ordered =
        |wanted: fn(Ordering) -> bool| Some(Value::Bool(order(&left, &right).is_some_and(wanted)));
    match op {
        Op::Equal => Some(Value::Bool(same(&left, &right))),
        Op::Unequal => Some(Value::Bool(!same(&left, &right))),
        Op::Less => ordered(Ordering::is_lt),
        Op::AtMost => ordered(Ordering::is_le),
        Op::Greater => ordered(Ordering::is_gt),
        Op::AtLeast => ordered(Ordering::is_ge),
        _ => match (Num::of(&left), Num::of(&right)) {
            (Some(a), Some(b)) => arithmetic(a, op, b),
            _ if op == Op::Add => {
                let (a, b) = (left.text(), right.text());
                (a.len() + b.len() <= MAX_MADE).then(|| Value::from(format!("{a}{b}")))
            }
            _ => None,
        },
    }
}

fn arithmetic(left: Num, op: Op, right: Num) -> Option<Value> {
    if let (Num::Int(a), Num::Int(b)) = (left, right) {
        let exact = match op {
            Op::Add => a.checked_add(b),
            Op::Sub => a.checked_sub(b),
            Op::Mul => a.checked_mul(b),
            Op::Rem => a.checked_rem(b),
            _ => None,
        };
        if let Some(n) = exact {
            return Some(Num::Int(n).to_value());
        }
    }
    let (a, b) = (left.as_f64(), right.as_f64());
    number(match op {
        Op::Add => a + b,
        Op::Sub => a - b,
        Op::Mul => a * b,
        Op::Div => a / b,
        Op::Rem => a % b,
        Op::Pow => a.powf(b),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;

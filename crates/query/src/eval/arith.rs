//! Calculations on one row.

use super::expr::Operand;
use super::number::Num;
use super::row::{Context, Row};
use crate::ast::ArithOp;
use cresset_model::Value;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// A calculation, typed.
#[derive(Debug, Clone)]
pub(crate) enum Formula {
    Number(f64),
    Operand(Operand),
    Neg(Box<Formula>),
    Binary(Box<Formula>, ArithOp, Box<Formula>),
}

impl Formula {
    /// The value, if every field that it needs is there and, in a calculation, a
    /// number. A division by zero has no value.
    pub(crate) fn value<'r>(&self, row: &'r dyn Row, ctx: &Context<'_>) -> Option<Cow<'r, Value>> {
        match self {
            Self::Operand(operand) => operand.value(row, ctx),
            _ => self.number(row, ctx).map(|n| Cow::Owned(n.to_value())),
        }
    }

    /// The number, exact as long as whole numbers stay small.
    pub(crate) fn number(&self, row: &dyn Row, ctx: &Context<'_>) -> Option<Num> {
        match self {
            Self::Number(n) => Some(Num::from_f64(*n)),
            Self::Operand(operand) => Num::of(&*operand.value(row, ctx)?),
            Self::Neg(inner) => combine(Num::Int(0), ArithOp::Sub, inner.number(row, ctx)?),
            Self::Binary(left, op, right) => {
                combine(left.number(row, ctx)?, *op, right.number(row, ctx)?)
            }
        }
    }

    /// Adds the fields that the calculation reads.
    pub(crate) fn fields_into(&self, fields: &mut BTreeSet<String>) {
        match self {
            Self::Number(_) => {}
            Self::Operand(operand) => {
                fields.insert(operand.field().to_string());
            }
            Self::Neg(inner) => inner.fields_into(fields),
            Self::Binary(left, _, right) => {
                left.fields_into(fields);
                right.fields_into(fields);
            }
        }
    }
}

fn combine(left: Num, op: ArithOp, right: Num) -> Option<Num> {
    if let (Num::Int(a), Num::Int(b)) = (left, right) {
        let exact = match op {
            ArithOp::Add => a.checked_add(b),
            ArithOp::Sub => a.checked_sub(b),
            ArithOp::Mul => a.checked_mul(b),
            ArithOp::Div => None,
        };
        if let Some(n) = exact {
            return Some(Num::Int(n));
        }
    }
    let (a, b) = (left.as_f64(), right.as_f64());
    let n = match op {
        ArithOp::Add => a + b,
        ArithOp::Sub => a - b,
        ArithOp::Mul => a * b,
        ArithOp::Div => a / b,
    };
    n.is_finite().then(|| Num::from_f64(n))
}

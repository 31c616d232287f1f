//! Calculations in arguments of aggregates.
//!
//! They have tokens of their own: `time-max_time_ts` is one word in a condition
//! and a subtraction here.

use super::{Fail, Parser, Result};
use crate::ast::{Arith, ArithOp, Function, Name};
use crate::lex::skip_blanks;
use cresset_model::event::parse_number;

impl Parser<'_> {
    pub(super) fn arith(&mut self) -> Result<Arith> {
        let mut left = self.product()?;
        while let Some(op) = self.arith_op(&[ArithOp::Add, ArithOp::Sub]) {
            let right = self.product()?;
            left = self.binary(left, op, right)?;
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Arith> {
        let mut left = self.factor()?;
        while let Some(op) = self.arith_op(&[ArithOp::Mul, ArithOp::Div]) {
            let right = self.factor()?;
            left = self.binary(left, op, right)?;
        }
        Ok(left)
    }

    /// Left-associative chains make trees as deep as they are long, so that
    /// every operator counts.
    fn binary(&mut self, left: Arith, op: ArithOp, right: Arith) -> Result<Arith> {
        self.operators += 1;
        if self.operators > super::MAX_DEPTH {
            let at = self.pos;
            return Err(self.error(at..at, "this calculation is too long"));
        }
        Ok(Arith::Binary(Box::new(left), op, Box::new(right)))
    }

    fn factor(&mut self) -> Result<Arith> {
        let (start, first) = self.arith_peek();
        match first {
            Some('-') => {
                self.go_to(start + 1);
                let inner = self.nested(start..start + 1, Self::factor)?;
                Ok(match inner {
                    Arith::Number(n) => Arith::Number(-n),
                    inner => Arith::Neg(Box::new(inner)),
                })
            }
            Some('(') => {
                self.go_to(start + 1);
                let inner = self.nested(start..start + 1, Self::arith)?;
                self.expect_close()?;
                Ok(inner)
            }
            Some('"' | '\'') => Ok(Arith::Field(self.name("a field")?)),
            Some(_) => self.operand(start),
            None => Err(Fail),
        }
    }

    /// The next place and character. A whole token would be a long word that
    /// is read again after every operator in it.
    fn arith_peek(&self) -> (usize, Option<char>) {
        let (start, closed) = skip_blanks(self.text, self.pos);
        (start, self.text[start..].chars().next().filter(|_| closed))
    }

    /// A number, a field, or a function of a field.
    fn operand(&mut self, start: usize) -> Result<Arith> {
        let rest = &self.text[start..];
        let len = rest
            .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.')))
            .unwrap_or(rest.len());
        let word = &rest[..len];
        let span = start..start + len;
        if len == 0 {
            return Err(Fail);
        }
        self.go_to(start + len);
        if let Some(n) = parse_number(word) {
            return Ok(Arith::Number(n));
        }
        if let Some(function) = Function::named(word)
            && self.opens_directly()
        {
            self.bump();
            let field = self.name("a field")?;
            self.expect_close()?;
            return Ok(Arith::Call(function, field));
        }
        Ok(Arith::Field(Name {
            text: word.to_owned(),
            span,
        }))
    }

    fn arith_op(&mut self, wanted: &[ArithOp]) -> Option<ArithOp> {
        let (start, first) = self.arith_peek();
        let op = wanted
            .iter()
            .copied()
            .find(|op| Some(op.symbol()) == first)?;
        self.go_to(start + 1);
        Some(op)
    }
}

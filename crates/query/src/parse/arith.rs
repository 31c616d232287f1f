//! Calculations in arguments of aggregates.
//!
//! They have tokens of their own: `time-max_time_ts` is one word in a condition
//! and a subtraction here.

use super::{Fail, Parser, Result};
use crate::ast::{Arith, ArithOp, Function, Name};
use cresset_model::event::parse_number;

impl Parser<'_> {
    pub(super) fn arith(&mut self) -> Result<Arith> {
        let mut left = self.product()?;
        while let Some(op) = self.arith_op(&[ArithOp::Add, ArithOp::Sub])? {
            let right = self.product()?;
            left = self.binary(left, op, right)?;
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Arith> {
        let mut left = self.factor()?;
        while let Some(op) = self.arith_op(&[ArithOp::Mul, ArithOp::Div])? {
            let right = self.factor()?;
            left = self.binary(left, op, right)?;
        }
        Ok(left)
    }

    fn binary(&mut self, left: Arith, op: ArithOp, right: Arith) -> Result<Arith> {
        self.one_more()?;
        Ok(Arith::Binary(Box::new(left), op, Box::new(right)))
    }

    /// Counts operators, because left-associative chains make trees as deep as they
    /// are long, and comments, because each attempt at a calculation must be short.
    fn one_more(&mut self) -> Result<()> {
        self.operators += 1;
        if self.operators > super::MAX_DEPTH {
            let at = self.pos;
            return Err(self.error(at..at, "this calculation is too long"));
        }
        Ok(())
    }

    fn factor(&mut self) -> Result<Arith> {
        let first = self.arith_peek()?;
        let start = self.pos;
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

    /// Goes to the next character that is not blank. A whole token would be a long
    /// word that is read again after every operator in it.
    fn arith_peek(&mut self) -> Result<Option<char>> {
        while let Some((pos, comment)) = self.source.skip_blank(self.pos) {
            self.go_to(pos);
            if !comment {
                return Ok(self.text[pos..].chars().next());
            }
            self.one_more()?;
        }
        Ok(None)
    }

    /// A number, a field, or a function of a field.
    fn operand(&mut self, start: usize) -> Result<Arith> {
        let rest = &self.text[start..];
        let len = rest
            .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.')))
            .unwrap_or(rest.len());
        let word = &rest[..len];
        let span = start..start + len;
        self.source.count(len);
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
            self.go_to(self.pos + 1);
            self.arith_peek()?;
            let field = self.name("a field")?;
            self.arith_peek()?;
            self.expect_close()?;
            return Ok(Arith::Call(function, field));
        }
        Ok(Arith::Field(Name {
            text: word.to_owned(),
            span,
        }))
    }

    fn arith_op(&mut self, wanted: &[ArithOp]) -> Result<Option<ArithOp>> {
        let first = self.arith_peek()?;
        let op = wanted.iter().copied().find(|op| Some(op.symbol()) == first);
        if op.is_some() {
            self.go_to(self.pos + 1);
        }
        Ok(op)
    }
}

//! From text to an expression.

use super::functions::{self, Function};
use super::lex::{Token, tokens};
use super::{Calc, CalcError, Op, compile};
use crate::eval::Num;
use cresset_model::{FieldName, Value};

/// Deepest nesting.
const MAX_DEPTH: usize = 64;
/// Most operators and functions.
const MAX_PARTS: usize = 2_000;

pub(super) fn assignment(text: &str, hyphened: &[String]) -> Result<(String, Calc), CalcError> {
    let mut parser = Parser {
        tokens: tokens(text, hyphened)?,
        at: 0,
        depth: 0,
        parts: 0,
    };
    let Token::Name(name) = parser.next() else {
        return Err(parser.error_before("an expression begins with a name and `=`"));
    };
    if !parser.eat("=") {
        return Err(parser.error("expected `=` and an expression after the name"));
    }
    let calc = parser.or()?;
    if parser.peek() != Token::End {
        return Err(parser.error("expected an operator or the end of the expression"));
    }
    Ok((name.to_owned(), calc))
}

struct Parser<'a> {
    tokens: Vec<(usize, Token<'a>)>,
    at: usize,
    depth: usize,
    parts: usize,
}

type Read<T> = Result<T, CalcError>;

/// Operators by their signs and words, weakest first.
const LEVELS: [&[(&str, Op)]; 5] = [
    &[("||", Op::Or), ("or", Op::Or)],
    &[("&&", Op::And), ("and", Op::And)],
    &[
        ("==", Op::Equal),
        ("=", Op::Equal),
        ("!=", Op::Unequal),
        ("<>", Op::Unequal),
        ("<=", Op::AtMost),
        ("<", Op::Less),
        (">=", Op::AtLeast),
        (">", Op::Greater),
    ],
    &[("+", Op::Add), ("-", Op::Sub)],
    &[("*", Op::Mul), ("/", Op::Div), ("%", Op::Rem)],
];

impl<'a> Parser<'a> {
    fn peek(&self) -> Token<'a> {
        self.tokens
            .get(self.at)
            .map_or(Token::End, |(_, token)| *token)
    }

    fn next(&mut self) -> Token<'a> {
        let token = self.peek();
        self.at += 1;
        token
    }

    fn is(&self, word: &str) -> bool {
        match self.peek() {
            Token::Sign(sign) => sign == word,
            Token::Name(name) => name.eq_ignore_ascii_case(word),
            _ => false,
        }
    }

    fn eat(&mut self, word: &str) -> bool {
        let found = self.is(word);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Read<()> {
        if self.eat(sign) {
            return Ok(());
        }
        Err(self.error(format!("expected `{sign}`")))
    }

    fn error(&self, message: impl Into<String>) -> CalcError {
        self.error_at(self.at, message)
    }

    fn error_before(&self, message: impl Into<String>) -> CalcError {
        self.error_at(self.at.saturating_sub(1), message)
    }

    fn error_at(&self, token: usize, message: impl Into<String>) -> CalcError {
        let last = self.tokens.last();
        CalcError {
            at: self.tokens.get(token).or(last).map_or(0, |(at, _)| *at),
            message: message.into(),
        }
    }

    fn part(&mut self, calc: Calc) -> Read<Calc> {
        self.parts += 1;
        if self.parts > MAX_PARTS {
            return Err(self.error(format!("an expression has at most {MAX_PARTS} parts")));
        }
        Ok(calc)
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(format!("an expression is nested at most {MAX_DEPTH} deep")));
        }
        let calc = read(self);
        self.depth -= 1;
        calc
    }

    fn or(&mut self) -> Read<Calc> {
        self.deeper(|parser| parser.level(0))
    }

    fn level(&mut self, level: usize) -> Read<Calc> {
        let Some(operators) = LEVELS.get(level) else {
            return self.unary();
        };
        let mut left = self.level(level + 1)?;
        while let Some((_, op)) = operators.iter().find(|(sign, _)| self.is(sign)) {
            self.at += 1;
            let right = self.level(level + 1)?;
            left = self.part(Calc::Binary(Box::new(left), *op, Box::new(right)))?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Read<Calc> {
        if self.eat("!") || self.eat("not") {
            let inner = self.deeper(Self::unary)?;
            return self.part(Calc::Not(Box::new(inner)));
        }
        if self.eat("-") {
            let inner = self.deeper(Self::unary)?;
            return self.part(Calc::Neg(Box::new(inner)));
        }
        let base = self.primary()?;
        if self.eat("^") {
            let power = self.deeper(Self::unary)?;
            return self.part(Calc::Binary(Box::new(base), Op::Pow, Box::new(power)));
        }
        Ok(base)
    }

    fn primary(&mut self) -> Read<Calc> {
        let calc = match self.next() {
            Token::Number(n) => Calc::Value(Num::from_f64(n).to_value()),
            Token::Text(text) => Calc::Value(Value::str(text)),
            Token::Sign("(") => {
                let inner = self.or()?;
                self.expect(")")?;
                inner
            }
            Token::Name(name) => return self.named(name),
            _ => return Err(self.error_before("expected a value, a field or a function")),
        };
        self.part(calc)
    }

    fn named(&mut self, name: &str) -> Read<Calc> {
        let calc = if !self.is("(") {
            match name {
                "true" => Calc::Value(Value::Bool(true)),
                "false" => Calc::Value(Value::Bool(false)),
                field => Calc::Field(FieldName::from(field)),
            }
        } else if name.eq_ignore_ascii_case("case") {
            self.case()?
        } else if name.eq_ignore_ascii_case("if") {
            self.condition()?
        } else {
            self.call(name)?
        };
        self.part(calc)
    }

    /// `case(condition -> value, …, default)`.
    fn case(&mut self) -> Read<Calc> {
        self.expect("(")?;
        let (mut cases, mut default) = (Vec::new(), None);
        loop {
            let condition = self.or()?;
            if self.eat("->") {
                cases.push((condition, self.or()?));
            } else if self.is(")") && !cases.is_empty() {
                default = Some(Box::new(condition));
            } else {
                return Err(self.error("expected `->` and a value after the condition"));
            }
            if default.is_none() && self.eat(",") {
                continue;
            }
            self.expect(")")?;
            return Ok(Calc::Case(cases, default));
        }
    }

    /// `if (condition) {return value} else {return value}`, or `if(condition, value, value)`.
    fn condition(&mut self) -> Read<Calc> {
        self.expect("(")?;
        let condition = self.or()?;
        if self.eat(",") {
            let value = self.or()?;
            let default = if self.eat(",") {
                Some(Box::new(self.or()?))
            } else {
                None
            };
            self.expect(")")?;
            return Ok(Calc::Case(vec![(condition, value)], default));
        }
        self.expect(")")?;
        let value = self.braces()?;
        let default = match self.eat("else") {
            false => None,
            true if self.is("if") => {
                self.at += 1;
                Some(Box::new(self.deeper(Self::condition)?))
            }
            true => Some(Box::new(self.braces()?)),
        };
        Ok(Calc::Case(vec![(condition, value)], default))
    }

    fn braces(&mut self) -> Read<Calc> {
        self.expect("{")?;
        self.eat("return");
        let value = self.or()?;
        self.eat(";");
        self.expect("}")?;
        Ok(value)
    }

    fn call(&mut self, name: &str) -> Read<Calc> {
        let place = self.at.saturating_sub(1);
        self.expect("(")?;
        let mut args = Vec::new();
        if !self.eat(")") {
            loop {
                args.push(self.or()?);
                if !self.eat(",") {
                    break;
                }
            }
            self.expect(")")?;
        }
        if name.eq_ignore_ascii_case("match") {
            return self.matching(place, args);
        }
        let Some(function) = Function::named(name) else {
            let names = functions::names().chain(["case", "if", "match"]);
            let help = match crate::diag::nearest(name, names) {
                Some(near) => format!("; did you mean `{near}`?"),
                None => String::new(),
            };
            let message = format!("there is no function `{name}`{help}");
            return Err(self.error_at(place, message));
        };
        match function.takes(args.len()) {
            Ok(()) => Ok(Calc::Call(function, args)),
            Err(usage) => Err(self.error_at(place, format!("write `{usage}`"))),
        }
    }

    /// `match(text, 'regular expression')`.
    fn matching(&self, place: usize, args: Vec<Calc>) -> Read<Calc> {
        let count = args.len();
        let mut args = args.into_iter();
        match (args.next(), args.next(), count) {
            (Some(text), Some(Calc::Value(Value::Str(pattern))), 2) => match compile(&pattern) {
                Ok(regex) => Ok(Calc::Match(Box::new(text), regex)),
                Err(error) => Err(self.error_at(place, error.to_string())),
            },
            _ => Err(self.error_at(place, "write `match(field, 'regular expression')`")),
        }
    }
}

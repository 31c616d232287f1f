//! Right sides of predicates: values and sets of them.

use super::{Parser, Result};
use crate::ast::{Name, Operand, Set, Span, Text};
use crate::diag::Diagnostic;
use crate::lex::Token;

impl Parser<'_> {
    pub(super) fn value(&mut self, expected: &str) -> Result<Text> {
        let token = self.source.value_mode(self.pos);
        self.check_closed(token)?;
        match token.token {
            Token::Quoted(text) => {
                self.go_to(token.end);
                Ok(Text {
                    text: text.to_owned(),
                    quoted: true,
                    span: token.span(),
                })
            }
            Token::Word(text) if !text.is_empty() => {
                self.go_to(token.end);
                Ok(Text {
                    text: text.to_owned(),
                    quoted: false,
                    span: token.span(),
                })
            }
            _ => {
                let message = format!("expected {expected}");
                let found = self.peek();
                let span = found.start..found.end.max(found.start);
                Err(self.error_help(
                    span,
                    message,
                    "`field=*` asks whether the field is there, `field=\"\"` whether it is empty",
                ))
            }
        }
    }

    pub(super) fn set(&mut self, operand: &Operand) -> Result<Set> {
        let token = self.peek();
        match token.token {
            Token::OpenList => {
                self.bump();
                self.members(token.span(), Token::CloseList)
                    .map(Set::Values)
            }
            Token::Open => Err(self.error_help(
                token.span(),
                "expected `[` or the name of a list after `in`",
                "values stand in square brackets: field in [a, b]",
            )),
            Token::Word(word) if !word.contains(['*', '?']) => {
                self.bump();
                self.warn_of_words(operand, word, token.span());
                Ok(Set::List(Name {
                    text: word.to_owned(),
                    span: token.span(),
                }))
            }
            Token::Quoted(_) => Err(self.error_help(
                token.span(),
                "expected `[` or the name of a list after `in`",
                "put values into square brackets; write the name of a list without quotes",
            )),
            _ => Err(self.unexpected(token, "`[` or the name of a list after `in`")),
        }
    }

    /// `logged in from` is a search in a list, which surprises.
    fn warn_of_words(&mut self, operand: &Operand, list: &str, span: Span) {
        if let Operand::Field(field) = operand
            && !list.bytes().any(|b| b.is_ascii_uppercase())
        {
            let message = format!(
                "this asks whether the field `{}` is in the list `{list}`",
                field.text
            );
            let help = "to search for the words, put them into quotes";
            self.report(Diagnostic::warning(span, message).with_help(help));
        }
    }

    fn members(&mut self, open: Span, close: Token<'_>) -> Result<Vec<Text>> {
        let mut values = Vec::new();
        loop {
            values.push(self.value("a value")?);
            let token = self.peek();
            if self.eat(close) {
                return Ok(values);
            }
            if self.eat(Token::Comma) {
                continue;
            }
            if matches!(token.token, Token::End | Token::Pipe) && token.closed {
                return Err(self.error_help(open, "this `[` is not closed", "add `]`"));
            }
            return Err(self.unexpected(token, "`,` or `]`"));
        }
    }
}

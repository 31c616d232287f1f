//! Conditions. `or` binds tighter than `and`, which is mostly left out.

use super::{Ends, Parser, Result, is_word};
use crate::ast::{AggFn, CmpOp, Function, Name, Operand, Search, Set, Span, Text};
use crate::diag::{Diagnostic, nearest};
use crate::explain;
use crate::lex::{Lexed, Token, value_mode};

/// Commands that the product reserves, so that they cannot be meant as words.
const RESERVED: [&str; 5] = ["chart", "timechart", "search", "filter", "process"];

impl Parser<'_> {
    /// Conditions one after another: all must hold.
    pub(super) fn search(&mut self) -> Result<Search> {
        let mut all = vec![self.alternatives()?];
        loop {
            if self.eat_word("and") {
                all.push(self.alternatives()?);
            } else if self.at_search_end() {
                return Ok(join(all, |s| matches!(s, Search::And(_)), Search::And));
            } else {
                all.push(self.alternatives()?);
            }
        }
    }

    /// Whether the next token cannot be part of a condition.
    pub(super) fn at_search_end(&mut self) -> bool {
        let token = self.peek();
        match token.token {
            Token::End | Token::Pipe | Token::Close | Token::CloseList | Token::Comma => true,
            Token::Word(_) if self.ends != Ends::Nothing => self.at_ending_word(),
            _ => false,
        }
    }

    fn at_ending_word(&mut self) -> bool {
        let (first, second) = (self.peek(), self.peek_second());
        let pair = |a: &str, b: &str| is_word(first, a) && is_word(second, b);
        let number =
            matches!(second.token, Token::Word(w) if w.bytes().all(|b| b.is_ascii_digit()));
        if is_word(first, "within") && number {
            return true;
        }
        match self.ends {
            Ends::Nothing => false,
            Ends::Stream => pair("having", "same"),
            Ends::Link => {
                pair("followed", "by")
                    || pair("left", "join")
                    || pair("right", "join")
                    || pair("not", "followed")
                    || (is_word(first, "join") && second.token == Token::OpenList)
            }
        }
    }

    fn alternatives(&mut self) -> Result<Search> {
        let mut any = vec![self.negation()?];
        while self.eat_word("or") {
            any.push(self.negation()?);
        }
        Ok(join(any, |s| matches!(s, Search::Or(_)), Search::Or))
    }

    fn negation(&mut self) -> Result<Search> {
        let mut negated = false;
        while self.at(Token::Minus) || self.at_word("not") {
            self.bump();
            negated = !negated;
        }
        let inner = if self.at(Token::Open) {
            self.group()?
        } else {
            self.predicate()?
        };
        Ok(if negated { negate(inner) } else { inner })
    }

    fn group(&mut self) -> Result<Search> {
        let open = self.bump().span();
        let outer = std::mem::replace(&mut self.ends, Ends::Nothing);
        let inner = self.nested(open.clone(), Self::search)?;
        self.ends = outer;
        let close = self.peek();
        match close.token {
            Token::Close => {
                self.bump();
                Ok(inner)
            }
            Token::End | Token::Pipe if close.closed => {
                Err(self.error_help(open, "this `(` is not closed", "add `)` after its group"))
            }
            _ => Err(self.unexpected(close, "`)` or another condition")),
        }
    }

    fn predicate(&mut self) -> Result<Search> {
        let token = self.peek();
        match token.token {
            Token::Quoted(text) => {
                self.bump();
                self.check_closed(token)?;
                let name = Name {
                    text: text.to_owned(),
                    span: token.span(),
                };
                if self.at_operator() {
                    return self.comparison(Operand::Field(name), token.start);
                }
                Ok(Search::Keyword(Text {
                    text: name.text,
                    quoted: true,
                    span: name.span,
                }))
            }
            Token::Word(word) => self.word_predicate(word, token),
            Token::Macro(name) => {
                self.bump();
                self.check_closed(token)?;
                Ok(Search::Macro(Name {
                    text: name.to_owned(),
                    span: token.span(),
                }))
            }
            Token::Cmp(op) => {
                let message = format!("expected a field before `{}`", op.symbol());
                Err(self.error(token.span(), message))
            }
            _ => Err(self.unexpected(token, "a condition")),
        }
    }

    fn word_predicate(&mut self, word: &str, token: Lexed<'_>) -> Result<Search> {
        if ["and", "or", "in"]
            .iter()
            .any(|w| word.eq_ignore_ascii_case(w))
        {
            let message = format!("expected a condition before `{word}`");
            let help = format!("to search for the word itself, quote it: \"{word}\"");
            return Err(self.error_help(token.span(), message, help));
        }
        self.bump();
        if self.opens_directly() {
            if let Some(operand) = self.call(word, token)? {
                return self.comparison(operand, token.start);
            }
        } else if self.at_operator() {
            let name = self.plain_name(word, token.span())?;
            return self.comparison(Operand::Field(name), token.start);
        }
        if let Some(command) = RESERVED.iter().find(|r| word.eq_ignore_ascii_case(r)) {
            let message = format!("`{command}` is a command: expected `|` before it");
            let help = format!("write `| {command} …`; to search for the word, quote it");
            return Err(self.error_help(token.span(), message, help));
        }
        Ok(Search::Keyword(Text {
            text: word.to_owned(),
            quoted: false,
            span: token.span(),
        }))
    }

    /// Whether a comparison, `in` or `not in` follows.
    fn at_operator(&mut self) -> bool {
        let token = self.peek();
        matches!(token.token, Token::Cmp(_))
            || is_word(token, "in")
            || (is_word(token, "not") && is_word(self.peek_second(), "in"))
    }

    /// Whether `(` follows without a blank.
    pub(super) fn opens_directly(&mut self) -> bool {
        let pos = self.pos;
        let token = self.peek();
        token.token == Token::Open && token.start == pos
    }

    /// `word(field)` as a left side, or `None` if it is a word and then a group.
    fn call(&mut self, word: &str, token: Lexed<'_>) -> Result<Option<Operand>> {
        if let Some(function) = Function::named(word) {
            self.bump();
            let field = self.name("a field")?;
            self.expect_close()?;
            if !self.at_operator() {
                let next = self.peek();
                return Err(self.unexpected(next, "a comparison such as `=` or `<`"));
            }
            return Ok(Some(Operand::Call(function, field)));
        }
        let mark = self.mark();
        if AggFn::named(word).is_some() {
            self.go_to(token.start);
            if let Ok(aggregate) = self.aggregate_call()
                && self.at_operator()
            {
                let span = token.start..self.pos;
                let text = explain::aggregate_text(&aggregate);
                return Ok(Some(Operand::Field(Name { text, span })));
            }
            self.reset(&mark);
            return Ok(None);
        }
        self.bump();
        let looks_like_call = self.name("").is_ok() && self.eat(Token::Close) && self.at_operator();
        self.reset(&mark);
        if !looks_like_call {
            return Ok(None);
        }
        let names = Function::ALL.iter().map(|(n, _)| *n);
        let help = match nearest(word, names) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!(
                "the functions are {}",
                list_of(Function::ALL.iter().map(|(n, _)| *n))
            ),
        };
        Err(self.error_help(token.span(), format!("there is no function `{word}`"), help))
    }

    pub(super) fn expect_close(&mut self) -> Result<()> {
        let token = self.peek();
        if self.eat(Token::Close) {
            return Ok(());
        }
        Err(self.unexpected(token, "`)`"))
    }

    /// The rest of a predicate, from its operator on.
    fn comparison(&mut self, operand: Operand, start: usize) -> Result<Search> {
        let token = self.bump();
        let Token::Cmp(op) = token.token else {
            let negated = is_word(token, "not");
            if negated {
                self.bump();
            }
            let set = self.set(&operand)?;
            let found = Search::In {
                operand,
                set,
                span: start..self.pos,
            };
            return Ok(if negated { negate(found) } else { found });
        };
        if op == CmpOp::Eq && self.text[token.end..].starts_with('=') {
            let span = token.start..token.end + 1;
            return Err(self.error_help(span, "`==` is not an operator", "write `=`"));
        }
        let after = format!("a value after `{}`", op.symbol());
        let value = self.value(&after)?;
        Ok(Search::Compare {
            operand,
            op,
            value,
            span: start..self.pos,
        })
    }

    fn value(&mut self, expected: &str) -> Result<Text> {
        let token = value_mode(self.text, self.pos);
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

    fn set(&mut self, operand: &Operand) -> Result<Set> {
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

/// The opposite condition; two negations are none.
fn negate(condition: Search) -> Search {
    match condition {
        Search::Not(inner) => *inner,
        other => Search::Not(Box::new(other)),
    }
}

/// Several conditions as one; conditions of the same kind are merged into it.
fn join(
    mut parts: Vec<Search>,
    same: impl Fn(&Search) -> bool,
    build: impl Fn(Vec<Search>) -> Search,
) -> Search {
    if parts.len() == 1 {
        return parts.pop().unwrap_or(Search::All);
    }
    if !parts.iter().any(&same) {
        return build(parts);
    }
    let mut flat = Vec::with_capacity(parts.len());
    for part in parts {
        let merge = same(&part);
        match part {
            Search::And(inner) | Search::Or(inner) if merge => flat.extend(inner),
            other => flat.push(other),
        }
    }
    build(flat)
}

/// Names in a sentence: "a, b and c".
pub(super) fn list_of<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        Some((last, _)) => (*last).to_owned(),
        None => String::new(),
    }
}

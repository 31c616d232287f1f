//! Conditions. `or` binds tighter than `and`, which is mostly left out.

use super::{Ends, Fail, Parser, Result, is_word};
use crate::ast::{AggFn, CmpOp, Function, Name, Operand, Search, Span, Text};
use crate::diag::nearest;
use crate::lex::{Lexed, Token};

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
        if let Some(ahead) = self.ahead.take_if(|a| a.open == open.start) {
            self.go_to(ahead.end);
            return Ok(ahead.condition);
        }
        let outer = std::mem::replace(&mut self.ends, Ends::Nothing);
        let inner = self.nested(open.clone(), Self::search)?;
        self.ends = outer;
        self.close_group(open)?;
        Ok(inner)
    }

    /// The `)` of the group that begins at `open`.
    pub(super) fn close_group(&mut self, open: Span) -> Result<()> {
        let close = self.peek();
        match close.token {
            Token::Close => {
                self.bump();
                Ok(())
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
            Token::Quoted(text) => self.quoted_predicate(text),
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

    fn quoted_predicate(&mut self, text: &str) -> Result<Search> {
        let token = self.bump();
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

    /// What a word begins. Conditions nest through here, so that it keeps little on the
    /// stack: rare things are done elsewhere.
    fn word_predicate(&mut self, word: &str, token: Lexed<'_>) -> Result<Search> {
        self.bump();
        if is_one_of(word, &["and", "or", "in"]) {
            return Err(self.misplaced(word, token));
        }
        if self.opens_directly() {
            if let Some(operand) = self.call(word, token)? {
                return self.comparison(operand, token.start);
            }
        } else if self.at_operator() {
            let name = self.plain_name(word, token.span())?;
            return self.comparison(Operand::Field(name), token.start);
        }
        if is_one_of(word, &RESERVED) {
            return Err(self.misplaced(word, token));
        }
        Ok(Search::Keyword(Text {
            text: word.to_owned(),
            quoted: false,
            span: token.span(),
        }))
    }

    /// A word that has a meaning of its own where a condition is expected.
    fn misplaced(&mut self, word: &str, token: Lexed<'_>) -> Fail {
        if let Some(command) = RESERVED.iter().find(|r| word.eq_ignore_ascii_case(r)) {
            let message = format!("`{command}` is a command: expected `|` before it");
            let help = format!("write `| {command} …`; to search for the word, quote it");
            return self.error_help(token.span(), message, help);
        }
        let message = format!("expected a condition before `{word}`");
        let help = format!("to search for the word itself, quote it: \"{word}\"");
        self.error_help(token.span(), message, help)
    }

    /// Whether a comparison, `in` or `not in` follows.
    pub(super) fn at_operator(&mut self) -> bool {
        let token = self.peek();
        matches!(token.token, Token::Cmp(_))
            || is_word(token, "in")
            || (is_word(token, "not") && is_word(self.peek_second(), "in"))
    }

    /// Whether `(` follows without a blank.
    pub(super) fn opens_directly(&self) -> bool {
        self.text[self.pos..].starts_with('(')
    }

    /// `word(field)` as a left side, or `None` if it is a word and then a group.
    fn call(&mut self, word: &str, token: Lexed<'_>) -> Result<Option<Operand>> {
        if let Some(function) = AggFn::named(word) {
            self.aggregate_operand(function, token.start)
        } else if let Some(function) = Function::named(word) {
            self.function_operand(function).map(Some)
        } else {
            self.unknown_function(word, token).map(|()| None)
        }
    }

    fn function_operand(&mut self, function: Function) -> Result<Operand> {
        self.bump();
        let field = self.name("a field")?;
        self.expect_close()?;
        if !self.at_operator() {
            let next = self.peek();
            return Err(self.unexpected(next, "a comparison such as `=` or `<`"));
        }
        Ok(Operand::Call(function, field))
    }

    /// Reports `word(field)` before an operator, where `word` is no function.
    fn unknown_function(&mut self, word: &str, token: Lexed<'_>) -> Result<()> {
        let mark = self.mark();
        self.bump();
        let looks_like_call = self.name("").is_ok() && self.eat(Token::Close) && self.at_operator();
        self.reset(&mark);
        if !looks_like_call {
            return Ok(());
        }
        let names = || Function::ALL.iter().map(|(n, _)| *n);
        let help = match nearest(word, names()) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("the functions are {}", list_of(names())),
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
}

fn is_one_of(word: &str, words: &[&str]) -> bool {
    words.iter().any(|w| word.eq_ignore_ascii_case(w))
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

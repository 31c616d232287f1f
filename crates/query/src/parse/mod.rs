//! The parser: total, linear, one pass.
//!
//! Any text gives a tree and a list of findings. After a mistake the parser goes
//! on behind the next pipe, so that one slip gives one message.

mod aggregate;
mod arith;
mod command;
#[cfg(test)]
mod message_tests;
mod pattern;
mod search;
#[cfg(test)]
mod step_tests;
#[cfg(test)]
mod tests;
mod value;

use crate::ast::{Command, Head, Name, Query, Search, Span};
use crate::diag::{Diagnostic, Findings};
use crate::lex::{Lexed, Source, Token};
use aggregate::Ahead;

/// Longest query text in bytes.
pub const MAX_TEXT: usize = 1 << 20;
/// Deepest nesting of brackets.
pub const MAX_DEPTH: usize = 100;
/// A syntax tree and what is wrong with the text.
#[derive(Debug, Clone, Default)]
pub struct Parsed {
    /// The tree, as much of it as could be read.
    pub query: Query,
    /// Findings in order of discovery, at most 50 errors and 50 warnings.
    pub diagnostics: Vec<Diagnostic>,
}

impl Parsed {
    /// True if there is no error, so that the tree is the whole text.
    pub fn is_ok(&self) -> bool {
        !self.diagnostics.iter().any(Diagnostic::is_error)
    }

    /// The query, fully parenthesised, one way to write each construct.
    pub fn explain(&self) -> String {
        crate::explain::query(&self.query)
    }
}

/// Parses any text of at most [`MAX_TEXT`] bytes.
pub fn parse(text: &str) -> Parsed {
    if text.len() > MAX_TEXT {
        let message = format!("the query is longer than {MAX_TEXT} bytes");
        let diagnostic = Diagnostic::error(MAX_TEXT..text.len(), message)
            .with_help("put long lists of values into a named list: `field in LIST_NAME`");
        return Parsed {
            query: Query::default(),
            diagnostics: vec![diagnostic],
        };
    }
    let mut parser = Parser::new(text);
    let query = parser.query();
    Parsed {
        query,
        diagnostics: parser.findings.into_vec(),
    }
}

/// A mistake was reported; the construct is given up.
#[derive(Debug)]
pub(crate) struct Fail;

pub(crate) type Result<T> = std::result::Result<T, Fail>;

/// Which words, beside brackets and pipes, end a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    /// None.
    Nothing,
    /// `having same` and `within N`: inside a stream.
    Stream,
    /// Links and `within N`: after `on`.
    Link,
}

pub(crate) struct Parser<'t> {
    text: &'t str,
    source: Source<'t>,
    pos: usize,
    peeked: Option<Lexed<'t>>,
    depth: usize,
    ends: Ends,
    in_stream: bool,
    /// Operators and comments of the calculation being read.
    operators: usize,
    /// `norm` and `rex` commands so far.
    extractions: usize,
    ahead: Option<Ahead>,
    findings: Findings,
}

/// A place to come back to.
pub(crate) struct Mark {
    pos: usize,
    depth: usize,
    ends: Ends,
    findings: usize,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            source: Source::new(text),
            pos: 0,
            peeked: None,
            depth: 0,
            ends: Ends::Nothing,
            in_stream: false,
            operators: 0,
            extractions: 0,
            ahead: None,
            findings: Findings::default(),
        }
    }

    fn query(&mut self) -> Query {
        let head = self.head().unwrap_or_else(|Fail| {
            self.recover();
            Head::Search(Search::All)
        });
        let mut commands = Vec::new();
        while !self.at(Token::End) {
            if self.commands_into(&mut commands).is_err() {
                self.recover();
            }
        }
        let end = self.peek();
        // The finding is kept; there is nothing left to give up.
        let _ = self.check_closed(end);
        Query { head, commands }
    }

    fn head(&mut self) -> Result<Head> {
        match self.peek().token {
            Token::End | Token::Pipe => Ok(Head::Search(Search::All)),
            Token::OpenList => Ok(Head::Pattern(self.pattern()?)),
            _ => Ok(Head::Search(self.search()?)),
        }
    }

    /// Commands up to the end of the text or of the stream.
    fn commands_into(&mut self, commands: &mut Vec<Command>) -> Result<()> {
        loop {
            let token = self.peek();
            match token.token {
                Token::Pipe => {
                    self.bump();
                    commands.push(self.command()?);
                }
                Token::End => return self.check_closed(token),
                Token::CloseList if self.in_stream => return Ok(()),
                _ => return Err(self.unexpected(token, "`|` and a command, or the end")),
            }
        }
    }

    /// Goes to the next pipe that is not inside quotes.
    fn recover(&mut self) {
        self.depth = 0;
        self.ends = Ends::Nothing;
        self.ahead = None;
        if std::mem::take(&mut self.in_stream) {
            return self.go_to(self.text.len());
        }
        while !matches!(self.peek().token, Token::Pipe | Token::End) {
            self.bump();
        }
        if self.at(Token::End) {
            self.pos = self.text.len();
            self.peeked = None;
        }
    }

    // Tokens.

    fn peek(&mut self) -> Lexed<'t> {
        match self.peeked {
            Some(token) => token,
            None => *self.peeked.insert(self.source.word_mode(self.pos)),
        }
    }

    fn bump(&mut self) -> Lexed<'t> {
        let token = self.peek();
        self.go_to(token.end);
        token
    }

    fn go_to(&mut self, pos: usize) {
        self.pos = pos;
        self.peeked = None;
    }

    /// The token after the next one.
    fn peek_second(&mut self) -> Lexed<'t> {
        let first = self.peek();
        self.source.word_mode(first.end)
    }

    fn at(&mut self, token: Token<'_>) -> bool {
        self.peek().token == token
    }

    fn at_word(&mut self, word: &str) -> bool {
        is_word(self.peek(), word)
    }

    fn eat(&mut self, token: Token<'_>) -> bool {
        let found = self.at(token);
        if found {
            self.bump();
        }
        found
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        if found {
            self.bump();
        }
        found
    }

    fn mark(&self) -> Mark {
        Mark {
            pos: self.pos,
            depth: self.depth,
            ends: self.ends,
            findings: self.findings.len(),
        }
    }

    fn reset(&mut self, mark: &Mark) {
        self.go_to(mark.pos);
        self.depth = mark.depth;
        self.ends = mark.ends;
        self.findings.truncate(mark.findings);
    }

    /// Runs `body` one bracket deeper.
    fn nested<T>(&mut self, span: Span, body: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= MAX_DEPTH {
            let message = format!("brackets are nested more than {MAX_DEPTH} deep");
            return Err(self.error(span, message));
        }
        self.depth += 1;
        let result = body(self);
        self.depth = self.depth.saturating_sub(1);
        result
    }

    // Names and numbers.

    /// A field, column or alias; `what` says which, for the message.
    fn name(&mut self, what: &str) -> Result<Name> {
        let token = self.peek();
        match token.token {
            Token::Word(w) => {
                self.bump();
                self.plain_name(w, token.span())
            }
            Token::Quoted(w) => {
                self.bump();
                self.check_closed(token)?;
                Ok(Name {
                    text: w.to_owned(),
                    span: token.span(),
                })
            }
            _ => Err(self.unexpected(token, what)),
        }
    }

    fn plain_name(&mut self, word: &str, span: Span) -> Result<Name> {
        if word.contains(['*', '?']) {
            return Err(self.error(span, "a field name cannot hold the wildcards `*` and `?`"));
        }
        Ok(Name {
            text: word.to_owned(),
            span,
        })
    }

    /// Names with commas between them.
    fn names(&mut self, what: &str) -> Result<Vec<Name>> {
        let mut names = vec![self.name(what)?];
        while self.eat(Token::Comma) {
            names.push(self.name(what)?);
        }
        Ok(names)
    }

    fn number(&mut self, what: &str) -> Result<u64> {
        let token = self.peek();
        if let Token::Word(w) = token.token
            && w.bytes().all(|b| b.is_ascii_digit())
        {
            self.bump();
            return w
                .parse()
                .map_err(|_| self.error(token.span(), "this number is too large"));
        }
        Err(self.unexpected(token, what))
    }

    // Findings.

    fn report(&mut self, diagnostic: Diagnostic) {
        self.findings.push(diagnostic);
    }

    fn error(&mut self, span: Span, message: impl Into<String>) -> Fail {
        self.report(Diagnostic::error(span, message));
        Fail
    }

    fn error_help(
        &mut self,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Fail {
        self.report(Diagnostic::error(span, message).with_help(help));
        Fail
    }

    fn unexpected(&mut self, token: Lexed<'t>, expected: &str) -> Fail {
        if self.check_closed(token).is_err() {
            return Fail;
        }
        let message = format!("expected {expected}, found {}", describe(token.token));
        match token.token {
            Token::Close => self.error_help(
                token.span(),
                message,
                "remove this `)`, or open its group with `(` earlier",
            ),
            _ => self.error(token.span(), message),
        }
    }

    /// Reports a quote, back-tick or comment that is not closed.
    fn check_closed(&mut self, token: Lexed<'t>) -> Result<()> {
        if token.closed {
            return Ok(());
        }
        let (width, what, end) = match token.token {
            Token::Macro(_) => (1, "this back-tick", "a second back-tick"),
            Token::End => (2, "this comment", "`*/`"),
            _ if self.text[token.start..].starts_with('\'') => (1, "this quote", "a second `'`"),
            _ => (1, "this quote", "a second `\"`"),
        };
        let span = token.start..token.start + width;
        let message = format!("{what} is not closed: expected {end} before the end of the query");
        Err(self.error(span, message))
    }
}

fn is_word(token: Lexed<'_>, word: &str) -> bool {
    matches!(token.token, Token::Word(w) if w.eq_ignore_ascii_case(word))
}

fn describe(token: Token<'_>) -> String {
    let shorten = |s: &str| match s.char_indices().nth(30) {
        Some((i, _)) => format!("{}…", &s[..i]),
        None => s.to_owned(),
    };
    match token {
        Token::Word(w) => format!("`{}`", shorten(w)),
        Token::Quoted(w) => format!("the quoted text `{}`", shorten(w)),
        Token::Macro(w) => format!("the macro `{}`", shorten(w)),
        Token::Cmp(op) => format!("`{}`", op.symbol()),
        Token::Minus => "`-`".to_owned(),
        Token::Open => "`(`".to_owned(),
        Token::Close => "`)`".to_owned(),
        Token::OpenList => "`[`".to_owned(),
        Token::CloseList => "`]`".to_owned(),
        Token::Comma => "`,`".to_owned(),
        Token::Pipe => "`|`".to_owned(),
        Token::End => "the end of the query".to_owned(),
    }
}

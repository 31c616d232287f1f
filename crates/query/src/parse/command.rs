//! Commands after a pipe.

use super::search::list_of;
use super::{Parser, Result};
use crate::ast::{Command, CommandKind, Function, Name, Operand, Process, Text};
use crate::diag::nearest;
use crate::lex::{Token, pattern_end, raw_end};

/// Names of all commands.
const COMMANDS: [&str; 12] = [
    "search",
    "filter",
    "chart",
    "timechart",
    "rename",
    "fields",
    "process",
    "norm",
    "rex",
    "latest",
    "order",
    "limit",
];

/// Most `norm` and `rex` commands: the end of each may be sought in the whole text.
const MAX_EXTRACTIONS: usize = 20;

impl Parser<'_> {
    /// One command, from its name to its end.
    pub(super) fn command(&mut self) -> Result<Command> {
        let token = self.peek();
        let kind = match token.token {
            Token::Word(word) => self.named_command(word)?,
            Token::Macro(name) => {
                self.bump();
                self.check_closed(token)?;
                CommandKind::Macro(Name {
                    text: name.to_owned(),
                    span: token.span(),
                })
            }
            _ => return Err(self.unexpected(token, "a command after `|`")),
        };
        Ok(Command {
            kind,
            span: token.start..self.pos,
        })
    }

    fn named_command(&mut self, word: &str) -> Result<CommandKind> {
        let token = self.bump();
        Ok(match word.to_ascii_lowercase().as_str() {
            "search" | "filter" => CommandKind::Search(self.search()?),
            "chart" => CommandKind::Chart(self.chart()?),
            "timechart" => self.timechart()?,
            "rename" => CommandKind::Rename(self.renamings()?),
            "fields" => CommandKind::Fields(self.projection()?),
            "process" => CommandKind::Process(self.process()?),
            "norm" => self.extraction(CommandKind::Norm)?,
            "rex" => self.extraction(CommandKind::Rex)?,
            "latest" => {
                let by = self.eat_word("by");
                let fields = if by {
                    self.names("a field after `by`")?
                } else {
                    Vec::new()
                };
                CommandKind::Latest(fields)
            }
            "order" => CommandKind::Order(self.order()?),
            "limit" => CommandKind::Limit(self.number("a number of rows after `limit`")?),
            _ => {
                let help = match nearest(word, COMMANDS) {
                    Some(name) => format!("did you mean `{name}`?"),
                    None => format!("the commands are {}", list_of(COMMANDS.into_iter())),
                };
                let message = format!("there is no command `{word}`");
                return Err(self.error_help(token.span(), message, help));
            }
        })
    }

    fn renamings(&mut self) -> Result<Vec<(Operand, Name)>> {
        let mut pairs = Vec::new();
        loop {
            let source = self.rename_source()?;
            if !self.eat_word("as") {
                let next = self.peek();
                return Err(self.unexpected(next, "`as` and the new name"));
            }
            pairs.push((source, self.name("the new name")?));
            if !self.eat(Token::Comma) {
                return Ok(pairs);
            }
        }
    }

    fn rename_source(&mut self) -> Result<Operand> {
        let token = self.peek();
        if let Token::Word(word) = token.token
            && let Some(function) = Function::named(word)
        {
            let mark = self.mark();
            self.bump();
            if self.opens_directly() {
                self.bump();
                let field = self.name("a field")?;
                self.expect_close()?;
                return Ok(Operand::Call(function, field));
            }
            self.reset(&mark);
        }
        Ok(Operand::Field(self.column("a field to rename")?))
    }

    /// Fields; the commas between them may be left out.
    fn projection(&mut self) -> Result<Vec<Name>> {
        let mut fields = vec![self.column("a field")?];
        loop {
            let comma = self.eat(Token::Comma);
            let token = self.peek();
            match token.token {
                Token::Word(_) | Token::Quoted(_) => fields.push(self.column("a field")?),
                _ if comma => return Err(self.unexpected(token, "a field after `,`")),
                _ => return Ok(fields),
            }
        }
    }

    fn process(&mut self) -> Result<Process> {
        let plugin = self.name("the name of a process command")?;
        let open = self.peek();
        if !self.eat(Token::Open) {
            let message = format!("expected `(` after `process {}`", plugin.text);
            return Err(self.error(open.span(), message));
        }
        let mut process = Process {
            plugin,
            ..Process::default()
        };
        if !self.eat(Token::Close) {
            loop {
                process.args.push(self.process_argument()?);
                if self.eat(Token::Comma) {
                    continue;
                }
                let next = self.peek();
                if self.eat(Token::Close) {
                    break;
                }
                let message = "expected `,` or `)` after this argument";
                let help = "a quoted argument cannot hold its own quote: use the other kind";
                return Err(self.error_help(next.span(), message, help));
            }
        }
        if self.eat_word("as") {
            process.targets = self.names("a name after `as`")?;
        }
        Ok(process)
    }

    fn process_argument(&mut self) -> Result<Text> {
        let token = self.peek();
        if let Token::Quoted(text) = token.token {
            self.check_closed(token)?;
            self.bump();
            return Ok(Text {
                text: text.to_owned(),
                quoted: true,
                span: token.span(),
            });
        }
        let end = raw_end(self.text, token.start, b",)");
        self.source.count(end - token.start);
        let text = self.text[token.start..end].trim_end();
        if text.is_empty() {
            return Err(self.unexpected(token, "an argument"));
        }
        let span = token.start..token.start + text.len();
        self.go_to(end);
        Ok(Text {
            text: text.to_owned(),
            quoted: false,
            span,
        })
    }

    /// `norm` and `rex`: an optional field, then text of its own kind.
    fn extraction(
        &mut self,
        build: impl Fn(Option<Name>, String) -> CommandKind,
    ) -> Result<CommandKind> {
        let on = if self.eat_word("on") {
            Some(self.name("a field after `on`")?)
        } else {
            None
        };
        let start = self.peek().start;
        self.extractions += 1;
        if self.extractions > MAX_EXTRACTIONS {
            let message =
                format!("a query has at most {MAX_EXTRACTIONS} commands `norm` and `rex`");
            return Err(self.error(start..start, message));
        }
        // A pattern whose brackets do not balance is looked for up to the end.
        self.source.count(self.text.len() - start);
        let end = pattern_end(self.text, start, self.in_stream);
        let pattern = self.text[start..end].trim();
        if pattern.is_empty() {
            let next = self.peek();
            return Err(self.unexpected(next, "a pattern"));
        }
        self.go_to(end);
        Ok(build(on, pattern.to_owned()))
    }
}

//! Pattern finding: streams in square brackets, tied by `followed by` and `join`.

use super::{Ends, Parser, Result, is_word};
use crate::ast::{Link, LinkKind, Part, Search, Stream};
use crate::lex::Token;

impl Parser<'_> {
    /// Streams and their links, up to a pipe or the end.
    pub(super) fn pattern(&mut self) -> Result<Vec<Part>> {
        let mut parts = vec![self.part(None)?];
        while let Some(link) = self.link()? {
            parts.push(self.part(Some(link))?);
        }
        Ok(parts)
    }

    fn link(&mut self) -> Result<Option<Link>> {
        let negated = self.eat_word("not");
        let kind = if self.eat_word("followed") {
            if !self.eat_word("by") {
                let next = self.peek();
                return Err(self.unexpected(next, "`by` after `followed`"));
            }
            LinkKind::FollowedBy
        } else if self.eat_word("join") {
            LinkKind::Join
        } else if self.at_word("left") || self.at_word("right") {
            let left = self.at_word("left");
            self.bump();
            if !self.eat_word("join") {
                let next = self.peek();
                return Err(self.unexpected(next, "`join`"));
            }
            if left {
                LinkKind::LeftJoin
            } else {
                LinkKind::RightJoin
            }
        } else {
            let next = self.peek();
            if negated || !matches!(next.token, Token::Pipe | Token::End) {
                return Err(self.unexpected(
                    next,
                    "`as`, `followed by`, `join`, `within`, `on` or `|` after a stream",
                ));
            }
            return Ok(None);
        };
        if negated && kind != LinkKind::FollowedBy {
            let next = self.peek();
            return Err(self.error(next.span(), "`not` can only stand before `followed by`"));
        }
        Ok(Some(Link { negated, kind }))
    }

    fn part(&mut self, link: Option<Link>) -> Result<Part> {
        let stream = self.stream()?;
        let mut part = Part {
            link,
            stream,
            alias: None,
            within: None,
            on: None,
        };
        loop {
            if self.eat_word("as") {
                part.alias = Some(self.name("a name after `as`")?);
            } else if self.eat_word("within") {
                part.within = Some(self.time_span()?);
            } else if self.eat_word("on") {
                self.ends = Ends::Link;
                part.on = Some(self.search()?);
                self.ends = Ends::Nothing;
            } else {
                return Ok(part);
            }
        }
    }

    fn stream(&mut self) -> Result<Stream> {
        let open = self.peek();
        if !self.eat(Token::OpenList) {
            return Err(self.unexpected(open, "a stream in square brackets"));
        }
        let mut stream = Stream {
            count: None,
            table: None,
            search: Search::All,
            having_same: Vec::new(),
            within: None,
            commands: Vec::new(),
            span: open.span(),
        };
        self.ends = Ends::Stream;
        self.in_stream = true;
        self.stream_source(&mut stream)?;
        self.stream_window(&mut stream)?;
        self.ends = Ends::Nothing;
        self.commands_into(&mut stream.commands)?;
        self.in_stream = false;
        let close = self.peek();
        if !self.eat(Token::CloseList) {
            let help = "add `]` after the stream";
            return Err(self.error_help(open.span(), "this `[` is not closed", help));
        }
        stream.span = open.start..close.end;
        Ok(stream)
    }

    fn stream_source(&mut self, stream: &mut Stream) -> Result<()> {
        let second = self.peek_second().token;
        if let Token::Word(word) = self.peek().token
            && word.bytes().all(|b| b.is_ascii_digit())
            && !matches!(second, Token::Cmp(_))
        {
            stream.count = Some(self.number("a number of events")?);
        } else if is_word(self.peek(), "table")
            && matches!(second, Token::Word(_) | Token::Quoted(_))
        {
            self.bump();
            stream.table = Some(self.name("the name of a table")?);
        }
        if !self.at_search_end() {
            stream.search = self.search()?;
        }
        Ok(())
    }

    /// `having same` and `within`, in either order.
    fn stream_window(&mut self, stream: &mut Stream) -> Result<()> {
        loop {
            if self.eat_word("having") {
                if !self.eat_word("same") {
                    let next = self.peek();
                    return Err(self.unexpected(next, "`same` after `having`"));
                }
                stream.having_same = self.names("a field after `having same`")?;
            } else if self.eat_word("within") {
                stream.within = Some(self.time_span()?);
            } else {
                return Ok(());
            }
        }
    }
}

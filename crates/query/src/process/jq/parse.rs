//! The grammar of filters, loosest first: `|`, `,`, `or`, `and`, a comparison, a path.

use super::functions::Function;
use super::{Filter, Relation};
use crate::diag::nearest;
use serde_json::Value as Json;

/// Deepest nesting of brackets.
const MAX_DEPTH: usize = 32;
/// Longest filter in bytes.
const MAX_TEXT: usize = 2_000;

type Result<T> = std::result::Result<T, String>;

pub(super) fn filter(text: &str) -> Result<Filter> {
    if text.len() > MAX_TEXT {
        return Err(format!("a filter has at most {MAX_TEXT} bytes"));
    }
    let mut parser = Parser { text, depth: 0 };
    let filter = parser.pipe()?;
    match parser.rest() {
        "" => Ok(filter),
        rest => Err(format!("`{rest}` is not understood here")),
    }
}

struct Parser<'t> {
    text: &'t str,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn rest(&mut self) -> &'t str {
        self.text = self.text.trim_start();
        self.text
    }

    fn eat(&mut self, token: &str) -> bool {
        let rest = self.rest().strip_prefix(token);
        self.text = rest.unwrap_or(self.text);
        rest.is_some()
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let rest = self.rest().strip_prefix(word);
        let rest = rest.filter(|rest| !rest.starts_with(is_name));
        self.text = rest.unwrap_or(self.text);
        rest.is_some()
    }

    fn expect(&mut self, token: &str) -> Result<()> {
        if self.eat(token) {
            return Ok(());
        }
        let found = match self.rest() {
            "" => "the end".to_owned(),
            rest => format!("`{rest}`"),
        };
        Err(format!("expected `{token}`, found {found}"))
    }

    fn pipe(&mut self) -> Result<Filter> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("brackets are nested more than {MAX_DEPTH} deep"));
        }
        let mut filter = self.comma()?;
        while self.eat("|") {
            filter = Filter::Pipe(filter.into(), self.comma()?.into());
        }
        self.depth -= 1;
        Ok(filter)
    }

    fn comma(&mut self) -> Result<Filter> {
        let mut filter = self.any()?;
        while self.eat(",") {
            filter = Filter::Comma(filter.into(), self.any()?.into());
        }
        Ok(filter)
    }

    fn any(&mut self) -> Result<Filter> {
        let mut filter = self.all()?;
        while self.eat_word("or") {
            filter = Filter::Or(filter.into(), self.all()?.into());
        }
        Ok(filter)
    }

    fn all(&mut self) -> Result<Filter> {
        let mut filter = self.comparison()?;
        while self.eat_word("and") {
            filter = Filter::And(filter.into(), self.comparison()?.into());
        }
        Ok(filter)
    }

    fn comparison(&mut self) -> Result<Filter> {
        let left = self.term()?;
        let relations = [
            ("==", Relation::Equal),
            ("!=", Relation::Unequal),
            ("<=", Relation::AtMost),
            (">=", Relation::AtLeast),
            ("<", Relation::Less),
            (">", Relation::Greater),
        ];
        for (token, relation) in relations {
            if self.eat(token) {
                return Ok(Filter::Compare(left.into(), relation, self.term()?.into()));
            }
        }
        Ok(left)
    }

    fn term(&mut self) -> Result<Filter> {
        let rest = self.rest();
        let first = rest.chars().next();
        let mut filter = match first {
            Some('.') => self.path_start()?,
            Some('(') => {
                self.eat("(");
                let inner = self.pipe()?;
                self.expect(")")?;
                inner
            }
            Some('[') => {
                self.eat("[");
                let inner = if self.eat("]") {
                    return Ok(Filter::Literal(Json::Array(Vec::new())));
                } else {
                    self.pipe()?
                };
                self.expect("]")?;
                Filter::Collect(inner.into())
            }
            Some('"') => Filter::Literal(Json::from(self.string()?)),
            Some(c) if c == '-' || c.is_ascii_digit() => self.number()?,
            Some(c) if is_name(c) => self.word()?,
            Some(_) => return Err(format!("`{rest}` is not understood here")),
            None => return Err("expected a path such as `.a.b`, found the end".to_owned()),
        };
        // Suffixes stand without blanks before them.
        loop {
            let step = if self.text.starts_with(".[") || self.text.starts_with('[') {
                self.text = self.text.trim_start_matches('.');
                self.bracket()?
            } else if self.text.starts_with('.') {
                self.text = &self.text[1..];
                self.name()?
            } else if let Some(rest) = self.text.strip_prefix('?') {
                self.text = rest;
                continue;
            } else {
                return Ok(filter);
            };
            filter = Filter::Pipe(filter.into(), step.into());
        }
    }

    /// What begins with a dot.
    fn path_start(&mut self) -> Result<Filter> {
        self.text = &self.text[1..];
        match self.text.chars().next() {
            Some('[') => self.bracket(),
            Some(c) if c == '"' || is_name(c) => self.name(),
            Some('.') => Err("`..` is not among the parts of jq that are known here".to_owned()),
            _ => Ok(Filter::Identity),
        }
    }

    /// A name after a dot.
    fn name(&mut self) -> Result<Filter> {
        if self.text.starts_with('"') {
            return Ok(Filter::Name(self.string()?));
        }
        let end = self.text.find(|c| !is_name(c)).unwrap_or(self.text.len());
        let (name, rest) = self.text.split_at(end);
        if name.is_empty() {
            return Err("expected a name after `.`".to_owned());
        }
        self.text = rest;
        Ok(Filter::Name(name.to_owned()))
    }

    /// `[]`, `[0]`, `["name"]`.
    fn bracket(&mut self) -> Result<Filter> {
        self.expect("[")?;
        if self.eat("]") {
            return Ok(Filter::Each);
        }
        let step = if self.rest().starts_with('"') {
            Filter::Name(self.string()?)
        } else {
            match self.number()? {
                Filter::Literal(Json::Number(n)) if n.is_i64() => {
                    Filter::Place(n.as_i64().unwrap_or_default())
                }
                _ => return Err("a place in an array is a whole number".to_owned()),
            }
        };
        self.expect("]")?;
        Ok(step)
    }

    /// A text in double quotes, or in single ones, which JSON does not have, but which can stand
    /// inside of an argument in double quotes.
    fn string(&mut self) -> Result<String> {
        let mut stream = serde_json::Deserializer::from_str(self.text).into_iter::<String>();
        match stream.next() {
            Some(Ok(text)) => {
                self.text = &self.text[stream.byte_offset()..];
                Ok(text)
            }
            _ => Err(format!("`{}` is no text in quotes", self.text)),
        }
    }

    fn number(&mut self) -> Result<Filter> {
        let text = self.rest();
        let part = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
        let end = text.find(|c| !part(c)).unwrap_or(text.len());
        let (number, rest) = text.split_at(end);
        let number: serde_json::Number = serde_json::from_str(number)
            .map_err(|_| format!("expected a number, found `{text}`"))?;
        self.text = rest;
        Ok(Filter::Literal(Json::Number(number)))
    }

    fn word(&mut self) -> Result<Filter> {
        let text = self.rest();
        let end = text.find(|c| !is_name(c)).unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        self.text = rest;
        match word {
            "true" => return Ok(Filter::Literal(Json::Bool(true))),
            "false" => return Ok(Filter::Literal(Json::Bool(false))),
            "null" => return Ok(Filter::Literal(Json::Null)),
            _ => {}
        }
        let Some((_, function, takes)) = Function::ALL.iter().find(|(name, ..)| *name == word)
        else {
            return Err(unknown(word));
        };
        if !takes {
            return Ok(Filter::Call(*function, None));
        }
        self.expect("(")?;
        let argument = self.pipe()?;
        self.expect(")")?;
        Ok(Filter::Call(*function, Some(argument.into())))
    }
}

fn unknown(word: &str) -> String {
    let names = || Function::ALL.iter().map(|(name, ..)| *name);
    let help = match nearest(word, names()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("there are {}", names().collect::<Vec<_>>().join(", ")),
    };
    format!("there is no function `{word}` here; {help}")
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

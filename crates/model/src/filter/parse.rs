//! The grammar of filters.
//!
//! ```text
//! filter    = group *( "||" group )
//! group     = condition *( "," condition )
//! condition = field operator values | field ( ":::" | "!::" ) ( "empty" | "null" )
//! field     = name *( "." name )                 ; _all: every column of text
//! operator  = ":" | "!:" | ">" | ">:" | ">=" | "<" | "<:" | "<=" | "~" | "!~"
//! values    = value *( "|" value )
//! value     = DQUOTE *char DQUOTE | bare         ; "*" is any run of characters
//! bare      = 1*( any character but "," "|" DQUOTE ), without blanks at its ends
//! ```
//!
//! Blanks may stand between all of these. A backslash takes the meaning from a character
//! that has one. A bare value does not begin like an operator, so that a mistyped operator
//! is not taken for a value; an IPv6 address that begins with `::` may.

use super::pattern::is_escapable;
use super::{
    Absence, Condition, Filter, FilterError, MAX_CONDITIONS, MAX_TEXT, MAX_VALUE, MAX_VALUES, Op,
    Pattern,
};

/// Longest name of a field in bytes.
const MAX_FIELD: usize = 128;
/// The operators, those that begin like another one before it.
const OPERATORS: [(&str, Op); 12] = [
    (":::", Op::Is(Absence::Empty)),
    ("!::", Op::IsNot(Absence::Empty)),
    (">:", Op::GreaterOrEqual),
    (">=", Op::GreaterOrEqual),
    ("<:", Op::LessOrEqual),
    ("<=", Op::LessOrEqual),
    ("!:", Op::NotEqual),
    ("!~", Op::NotContains),
    (":", Op::Equal),
    (">", Op::Greater),
    ("<", Op::Less),
    ("~", Op::Contains),
];
const ARE: &str = "the operators are : !: > >: < <: ~ !~ ::: and !::";

type Result<T> = std::result::Result<T, FilterError>;

/// Reads a filter. Does not look at which fields there are: [`Filter::check`] does.
pub fn parse(text: &str) -> Result<Filter> {
    if text.len() > MAX_TEXT {
        return Err(FilterError {
            message: format!(
                "it has {} bytes, and {MAX_TEXT} is the limit; ask in several requests",
                text.len()
            ),
            character: None,
        });
    }
    let mut parser = Parser {
        chars: text.chars().collect(),
        at: 0,
        conditions: 0,
        values: 0,
    };
    if let Some(at) = parser.chars.iter().position(|c| *c == '\0') {
        return Err(FilterError::at(at + 1, "NUL is not accepted"));
    }
    parser.filter()
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    conditions: usize,
    values: usize,
}

impl Parser {
    fn filter(&mut self) -> Result<Filter> {
        let mut any = Vec::new();
        let mut group = Vec::new();
        loop {
            group.push(self.condition()?);
            self.skip_blanks();
            if self.at == self.chars.len() {
                any.push(group);
                return Ok(Filter { any });
            }
            if self.take("||") {
                any.push(std::mem::take(&mut group));
            } else if !self.take(",") {
                return self.refuse("a comma, | or || is expected after a value");
            }
        }
    }

    fn condition(&mut self) -> Result<Condition> {
        self.skip_blanks();
        let character = self.at + 1;
        self.conditions += 1;
        if self.conditions > MAX_CONDITIONS {
            return self.refuse(format!(
                "it has more than {MAX_CONDITIONS} conditions; several values of one field need only one: name:a|b"
            ));
        }
        let field = self.field()?;
        self.skip_blanks();
        let (op, values) = self.question(&field)?;
        Ok(Condition {
            field,
            op,
            values,
            character,
        })
    }

    fn field(&mut self) -> Result<String> {
        let start = self.at;
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        while self.peek().is_some_and(is_name) {
            self.at += 1;
        }
        let name: String = self.chars[start..self.at].iter().collect();
        if name.is_empty() {
            return self.refuse(match self.peek() {
                None if self.conditions == 1 => "it is empty",
                Some('(' | ')') => "a field is expected; parentheses do not group conditions",
                Some('"') => "a field is expected; its name has no quotes",
                _ => "a field is expected",
            });
        }
        let error = |message: String| Err(FilterError::at(start + 1, message));
        if name.len() > MAX_FIELD {
            return error(format!("a field has at most {MAX_FIELD} characters"));
        }
        if name.split('.').any(str::is_empty) {
            return error(format!("{name:?} is not a field; a dot joins two names"));
        }
        Ok(name)
    }

    /// An operator and its values.
    fn question(&mut self, field: &str) -> Result<(Op, Vec<Pattern>)> {
        let start = self.at;
        let Some((_, op)) = OPERATORS.into_iter().find(|(text, _)| self.take(text)) else {
            let run = self.operator_run(start);
            return self.refuse(if run.is_empty() {
                format!("an operator is expected after {field:?}; {ARE}")
            } else {
                format!("unknown operator {run:?}; {ARE}")
            });
        };
        let op = match op {
            Op::Is(_) | Op::IsNot(_) => match (self.absence(), op) {
                (Some(absence), Op::Is(_)) => return Ok((Op::Is(absence), Vec::new())),
                (Some(absence), _) => return Ok((Op::IsNot(absence), Vec::new())),
                (None, _) => self.address_after(start, op)?,
            },
            other => other,
        };
        let values = self.all_values(start, op)?;
        Ok((op, values))
    }

    /// `empty` or `null`, if that is all there is before the end of the condition.
    fn absence(&mut self) -> Option<Absence> {
        let start = self.at;
        self.skip_blanks();
        let quoted = self.take("\"");
        let word = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_alphabetic()) {
            self.at += 1;
        }
        let word: String = self.chars[word..self.at].iter().collect();
        let absence = if word.eq_ignore_ascii_case("empty") {
            Some(Absence::Empty)
        } else if word.eq_ignore_ascii_case("null") {
            Some(Absence::Null)
        } else {
            None
        };
        let closed = !quoted || self.take("\"");
        self.skip_blanks();
        let ended = matches!(self.peek(), None | Some(',')) || self.is_next("||");
        if closed && ended && absence.is_some() {
            return absence;
        }
        self.at = start;
        None
    }

    /// Reads `:::1` and `!:::1` as `:` and `!:` before an address that begins with `::`.
    fn address_after(&mut self, start: usize, op: Op) -> Result<Op> {
        let (shorter, op) = match op {
            Op::Is(_) => (1, Op::Equal),
            _ => (2, Op::NotEqual),
        };
        let end = (start + shorter..self.chars.len())
            .find(|at| matches!(self.chars[*at], ',' | '|'))
            .unwrap_or(self.chars.len());
        if is_address(&self.chars[start + shorter..end]) {
            self.at = start + shorter;
            return Ok(op);
        }
        self.refuse("::: and !:: take empty or null")
    }

    fn all_values(&mut self, operator: usize, op: Op) -> Result<Vec<Pattern>> {
        let mut values = Vec::new();
        loop {
            let after_operator = values.is_empty().then_some(operator);
            self.skip_blanks();
            self.values += 1;
            if self.values > MAX_VALUES {
                return self.refuse(format!("it has more than {MAX_VALUES} values"));
            }
            let start = self.at;
            let value = if self.peek() == Some('"') {
                self.quoted()?
            } else {
                self.bare(after_operator)?
            };
            let size: usize = value.parts().iter().map(String::len).sum();
            if size + value.parts().len() - 1 > MAX_VALUE {
                let message = format!("a value has at most {MAX_VALUE} bytes");
                return Err(FilterError::at(start + 1, message));
            }
            if op.compares() && value.literal().is_none() {
                let message = format!(
                    "{} compares with one value and takes no *; the character is \\*",
                    op.text()
                );
                return Err(FilterError::at(start + 1, message));
            }
            values.push(value);
            self.skip_blanks();
            if self.is_next("||") || !self.take("|") {
                return Ok(values);
            }
        }
    }

    fn quoted(&mut self) -> Result<Pattern> {
        let start = self.at;
        self.at += 1;
        let mut parts = vec![String::new()];
        loop {
            match self.peek() {
                None => {
                    let message = "the quote is not closed; inside quotes, \\\" is a quote";
                    return Err(FilterError::at(start + 1, message));
                }
                Some('"') => break,
                Some(_) => self.part(&mut parts),
            }
        }
        self.at += 1;
        self.skip_blanks();
        match self.peek() {
            None | Some(',' | '|') => Ok(Pattern::between_stars(parts)),
            Some(_) => self.refuse("a comma, | or || is expected after the closing quote"),
        }
    }

    /// A value without quotes. `operator` is where the operator before it begins, if it is
    /// the first value.
    fn bare(&mut self, operator: Option<usize>) -> Result<Pattern> {
        let start = self.at;
        let mut parts = vec![String::new()];
        while let Some(c) = self.peek() {
            match c {
                ',' | '|' => break,
                '"' => {
                    return self.refuse(
                        "a quote inside a value without quotes; put the value in quotes, and \\ before the quote",
                    );
                }
                _ => self.part(&mut parts),
            }
        }
        if self.at == start {
            return self.refuse("a value is expected; the empty text is \"\"");
        }
        let written = &self.chars[start..self.at];
        if written.first().is_some_and(|c| is_operator(*c)) && !is_address(written) {
            return Err(self.begins_like_operator(start, operator));
        }
        if let Some(last) = parts.last_mut() {
            last.truncate(last.trim_end().len());
        }
        Ok(Pattern::between_stars(parts))
    }

    fn begins_like_operator(&self, start: usize, operator: Option<usize>) -> FilterError {
        match operator {
            Some(at) if !self.chars[at..start].iter().any(|c| c.is_whitespace()) => {
                let run = self.operator_run(at);
                let message =
                    format!("unknown operator {run:?}; {ARE}, and a value may be in quotes");
                FilterError::at(at + 1, message)
            }
            _ => {
                let c = self.chars[start];
                FilterError::at(
                    start + 1,
                    format!("a value that begins with {c} has to be in quotes"),
                )
            }
        }
    }

    /// The next character of a value.
    fn part(&mut self, parts: &mut Vec<String>) {
        let Some(mut c) = self.peek() else {
            return;
        };
        self.at += 1;
        if c == '*' {
            parts.push(String::new());
            return;
        }
        if c == '\\'
            && let Some(escaped) = self.peek().filter(|next| is_escapable(*next))
        {
            c = escaped;
            self.at += 1;
        }
        if let Some(last) = parts.last_mut() {
            last.push(c);
        }
    }

    /// The characters from there on that operators are made of.
    fn operator_run(&self, start: usize) -> String {
        let run = self.chars[start..].iter().copied();
        run.take_while(|c| is_operator(*c)).take(8).collect()
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn is_next(&self, text: &str) -> bool {
        let mut rest = self.chars[self.at..].iter().copied();
        text.chars().all(|c| rest.next() == Some(c))
    }

    fn take(&mut self, text: &str) -> bool {
        let found = self.is_next(text);
        if found {
            self.at += text.len();
        }
        found
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn refuse<T>(&self, message: impl Into<String>) -> Result<T> {
        Err(FilterError::at(self.at + 1, message))
    }
}

fn is_operator(c: char) -> bool {
    matches!(c, ':' | '~' | '!' | '<' | '>' | '=')
}

/// Whether text is an IPv6 address, or the beginning of some, that begins with `::`.
fn is_address(text: &[char]) -> bool {
    let text: String = text.iter().collect();
    text.trim_end().strip_prefix("::").is_some_and(|rest| {
        let part = |c: char| c.is_ascii_hexdigit() || matches!(c, ':' | '.' | '*');
        !rest.is_empty() && !rest.starts_with(':') && rest.chars().all(part)
    })
}

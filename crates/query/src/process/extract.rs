//! Named groups of regular expressions, for `rex`, `norm`, `process regex` and `process grok`.

use super::{grok, norm};
use crate::eval::Row;
use cresset_model::{FieldName, Value};
use regex::{Regex, RegexBuilder};

/// Most memory of a compiled expression, in bytes, and of its cache.
const REGEX_SIZE: usize = 4 << 20;

/// Finds an expression anywhere in a field and gives its named groups.
#[derive(Debug, Clone)]
pub(crate) struct Extraction {
    pub field: FieldName,
    regex: Regex,
    /// Number of the group, and the field that it becomes.
    pub names: Vec<(usize, FieldName)>,
}

/// Why a pattern cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PatternError {
    /// It is not a regular expression: what is wrong.
    Syntax(String),
    /// It is too large when compiled.
    TooLarge,
    /// It names nothing.
    NoName,
    /// Something that `norm` or `grok` does not know.
    Signature(String),
}

impl std::fmt::Display for PatternError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Syntax(what) => write!(f, "this is not a regular expression: {what}"),
            Self::TooLarge => f.write_str("this regular expression is too large when compiled"),
            Self::NoName => f.write_str("this pattern gives no field a value"),
            Self::Signature(what) => f.write_str(what),
        }
    }
}

/// Compiles a regular expression whose groups need no names.
pub(crate) fn compile(pattern: &str) -> Result<Regex, PatternError> {
    RegexBuilder::new(pattern)
        .size_limit(REGEX_SIZE)
        .dfa_size_limit(REGEX_SIZE)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => PatternError::TooLarge,
            // The last line says what is wrong, those before draw the pattern.
            other => {
                let text = other.to_string();
                let last = text.lines().last().unwrap_or_default().trim();
                PatternError::Syntax(last.trim_start_matches("error: ").to_owned())
            }
        })
}

impl Extraction {
    /// An extraction by a regular expression with named groups, `(?P<name>…)` or `(?<name>…)`.
    pub(crate) fn regex(field: FieldName, pattern: &str) -> Result<Self, PatternError> {
        let (pattern, names) = without_names(pattern);
        Self::new(field, &pattern, names)
    }

    /// An extraction by a signature: see [`norm`].
    pub(crate) fn norm(field: FieldName, pattern: &str) -> Result<Self, PatternError> {
        let (pattern, names) = norm::to_regex(pattern)?;
        Self::new(field, &pattern, names)
    }

    /// An extraction by a grok pattern: see [`grok`].
    pub(crate) fn grok(field: FieldName, pattern: &str) -> Result<Self, PatternError> {
        Self::regex(field, &grok::to_regex(pattern)?)
    }

    /// `names` are those of the groups that the pattern calls `g0`, `g1` and so on.
    fn new(field: FieldName, pattern: &str, names: Vec<String>) -> Result<Self, PatternError> {
        let regex = compile(pattern)?;
        let place = |number: usize| {
            let group = format!("g{number}");
            regex
                .capture_names()
                .position(|n| n == Some(group.as_str()))
        };
        let places = names.into_iter().enumerate();
        let names: Vec<(usize, FieldName)> = places
            .filter_map(|(number, name)| Some((place(number)?, FieldName::from(name))))
            .collect();
        if names.is_empty() {
            return Err(PatternError::NoName);
        }
        Ok(Self {
            field,
            regex,
            names,
        })
    }

    /// The groups that took part in the first match. Of a field with several values, each is
    /// tried until one matches.
    pub(super) fn made(&self, row: &dyn Row) -> Vec<(FieldName, Value)> {
        let Some(value) = row.get(&self.field) else {
            return Vec::new();
        };
        match &*value {
            Value::List(items) => {
                let found = items.iter().map(|item| self.groups(item));
                found
                    .into_iter()
                    .find(|made| !made.is_empty())
                    .unwrap_or_default()
            }
            value => self.groups(&value.text()),
        }
    }

    fn groups(&self, text: &str) -> Vec<(FieldName, Value)> {
        let Some(found) = self.regex.captures(text) else {
            return Vec::new();
        };
        let group = |(place, name): &(usize, FieldName)| {
            Some((name.clone(), Value::str(found.get(*place)?.as_str())))
        };
        self.names.iter().filter_map(group).collect()
    }
}

/// The pattern with its groups called `g0`, `g1` and so on, and the names that they had: fields
/// have names that groups of a regular expression may not have.
fn without_names(pattern: &str) -> (String, Vec<String>) {
    let mut plain = String::with_capacity(pattern.len());
    let mut names = Vec::new();
    let (mut class, mut at) = (false, 0);
    while let Some(c) = pattern[at..].chars().next() {
        let rest = &pattern[at..];
        let opened = ["(?P<", "(?<"]
            .into_iter()
            .find(|open| rest.starts_with(open));
        if !class
            && let Some(open) = opened
            && let Some(end) = rest.find('>')
            && !rest[open.len()..].starts_with(['=', '!'])
        {
            plain.push_str(&format!("(?P<g{}>", names.len()));
            names.push(rest[open.len()..end].to_owned());
            at += end + 1;
            continue;
        }
        plain.push(c);
        at += c.len_utf8();
        match c {
            '\\' => {
                if let Some(escaped) = pattern[at..].chars().next() {
                    plain.push(escaped);
                    at += escaped.len_utf8();
                }
            }
            '[' => class = true,
            ']' => class = false,
            _ => {}
        }
    }
    (plain, names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_set_aside() {
        let check = |pattern: &str, expect: &str, names: &[&str]| {
            let (plain, found) = without_names(pattern);
            assert_eq!(
                (plain.as_str(), found),
                (expect, names.iter().map(|n| (*n).to_owned()).collect()),
                "{pattern}"
            );
        };
        check("a(?P<cs-uri>b)", "a(?P<g0>b)", &["cs-uri"]);
        check("(?<a.b>x)(?P<c>y)", "(?P<g0>x)(?P<g1>y)", &["a.b", "c"]);
        check(r"\(?P<a>", r"\(?P<a>", &[]);
        check("[(?P<a>]", "[(?P<a>]", &[]);
        check("(?P<open", "(?P<open", &[]);
        check("(?i)é(?:b)", "(?i)é(?:b)", &[]);
    }

    #[test]
    fn what_is_wrong_is_told() {
        let wrong = |pattern: &str| {
            Extraction::regex("f".into(), pattern)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            wrong("(?P<a>("),
            "this is not a regular expression: unclosed group"
        );
        assert_eq!(wrong("abc"), "this pattern gives no field a value");
        assert_eq!(
            wrong(r"(?P<a>(\w{500}){500})"),
            "this regular expression is too large when compiled"
        );
    }
}

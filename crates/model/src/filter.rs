//! The filters, sort orders and pages of LogicMonitor's lists.
//!
//! A filter is text such as `status:2,note~"ci"||id>:100`: conditions joined by `,`
//! (and, which binds tighter) and `||` (or). [`parse()`] reads it, [`Filter::check`]
//! compares it with the columns of a list, and [`Filter::matches`] says what it means;
//! a catalog that answers from a database must agree with that.
//!
//! # What is the same text
//!
//! Letters are compared without regard to case, never with: `A` is `a`, `É` is `é`. Two
//! characters are a pair if each is the only upper or lower case of the other and both or
//! none are ASCII; all others (`ß`, `İ`, the Kelvin sign) are only themselves. Accents
//! count. `>` and `<` order text by code points, ASCII letters as lower case.
//!
//! # Missing values
//!
//! A condition that asks for something is false of a missing value, and one that excludes
//! something (`!:`, `!~`) is true of it.

mod decode;
mod evaluate;
mod number;
mod parse;
mod pattern;
mod sort;
#[cfg(test)]
mod tests;

pub use decode::decode;
pub use evaluate::{Cell, Row};
pub use number::{as_bool, range};
pub use parse::parse;
pub use pattern::{Pattern, case_pair, fold};
pub use sort::{Sort, SortError};

use std::fmt;

/// Longest filter in bytes.
pub const MAX_TEXT: usize = 32 * 1024;
/// Longest value of a condition in bytes, without its quotes and escapes.
pub const MAX_VALUE: usize = 2048;
/// Most conditions of a filter.
pub const MAX_CONDITIONS: usize = 64;
/// Most values of a filter, over all its conditions.
pub const MAX_VALUES: usize = 256;
/// The field that stands for every column of text.
pub const ALL: &str = "_all";

/// Why a filter is not accepted. Prints as `invalid filter: …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterError {
    /// What is wrong and what to do, without a full stop.
    pub message: String,
    /// The character at which it is, from 1. None if the filter as a whole is at fault.
    pub character: Option<usize>,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid filter: {}", self.message)?;
        match self.character {
            Some(character) => write!(f, " (at character {character})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for FilterError {}

impl FilterError {
    pub(crate) fn at(character: usize, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            character: Some(character),
        }
    }
}

/// A filter: true if all conditions of any of its groups are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Filter {
    /// Groups joined by `||`, of conditions joined by `,`. None is empty.
    pub any: Vec<Vec<Condition>>,
}

/// What a filter asks of one field.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Condition {
    /// The field as it was written, with its dots; [`ALL`] for every column of text.
    pub field: String,
    /// What is asked.
    pub op: Op,
    /// Values, of which any counts. Empty for [`Op::Is`] and [`Op::IsNot`], else not.
    pub values: Vec<Pattern>,
    /// The character of the filter at which the field begins, from 1.
    pub character: usize,
}

/// What a condition asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// `:` equals any of the values.
    Equal,
    /// `!:` equals none of the values.
    NotEqual,
    /// `>` is more than any of the values.
    Greater,
    /// `>:` or `>=`.
    GreaterOrEqual,
    /// `<` is less than any of the values.
    Less,
    /// `<:` or `<=`.
    LessOrEqual,
    /// `~` contains any of the values.
    Contains,
    /// `!~` contains none of the values.
    NotContains,
    /// `:::` is absent in a way.
    Is(Absence),
    /// `!::` is not absent in a way.
    IsNot(Absence),
}

/// A way to be absent. A list without elements is absent in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Absence {
    /// `empty`: no value, or a text without characters.
    Empty,
    /// `null`: no value.
    Null,
}

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Text.
    Text,
    /// A whole number.
    Number,
    /// True or false.
    Bool,
    /// A list of texts. A condition asks for one element of which it is true.
    Texts,
}

/// A column of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The name in JSON, of which filters may change upper and lower case.
    pub name: &'static str,
    /// What its values are.
    pub kind: ColumnKind,
}

impl Column {
    /// A column of texts.
    pub const fn text(name: &'static str) -> Self {
        Self::new(name, ColumnKind::Text)
    }

    /// A column of numbers.
    pub const fn number(name: &'static str) -> Self {
        Self::new(name, ColumnKind::Number)
    }

    /// A column of lists of texts.
    pub const fn texts(name: &'static str) -> Self {
        Self::new(name, ColumnKind::Texts)
    }

    /// A column of any kind.
    pub const fn new(name: &'static str, kind: ColumnKind) -> Self {
        Self { name, kind }
    }
}

/// What a caller wants of a list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListQuery {
    /// Which rows. None: all.
    pub filter: Option<Filter>,
    /// In which order, the first being the most important; then by id.
    pub sort: Vec<Sort>,
    /// Rows to leave out at the start.
    pub offset: u64,
    /// Most rows to return.
    pub size: u32,
}

impl ListQuery {
    /// Rows of a page where the caller does not say.
    pub const DEFAULT_SIZE: u32 = 50;
    /// Most rows of a page.
    pub const MAX_SIZE: u32 = 1000;
}

impl Default for ListQuery {
    /// The first page of everything.
    fn default() -> Self {
        Self {
            filter: None,
            sort: Vec::new(),
            offset: 0,
            size: Self::DEFAULT_SIZE,
        }
    }
}

/// Part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// Rows of the whole list that pass the filter.
    pub total: u64,
    /// Those of this page.
    pub items: Vec<T>,
}

impl<T> Page<T> {
    /// The page with something else made of each row.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page {
            total: self.total,
            items: self.items.into_iter().map(change).collect(),
        }
    }
}

impl Op {
    /// The operator as it is written.
    pub fn text(self) -> &'static str {
        match self {
            Self::Equal => ":",
            Self::NotEqual => "!:",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">:",
            Self::Less => "<",
            Self::LessOrEqual => "<:",
            Self::Contains => "~",
            Self::NotContains => "!~",
            Self::Is(_) => ":::",
            Self::IsNot(_) => "!::",
        }
    }

    /// The operator of which this is the opposite, if it is one that excludes.
    pub fn excluded(self) -> Option<Self> {
        match self {
            Self::NotEqual => Some(Self::Equal),
            Self::NotContains => Some(Self::Contains),
            Self::IsNot(absence) => Some(Self::Is(absence)),
            _ => None,
        }
    }

    /// Whether it asks which of two values is the greater.
    pub fn compares(self) -> bool {
        matches!(
            self,
            Self::Greater | Self::GreaterOrEqual | Self::Less | Self::LessOrEqual
        )
    }
}

impl Filter {
    /// Whether every condition names one of the columns, in a way that its kind allows.
    pub fn check(&self, columns: &[Column]) -> Result<(), FilterError> {
        self.conditions().try_for_each(|c| c.check(columns))
    }

    /// Every condition, in the order of the text.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        self.any.iter().flatten()
    }
}

impl Condition {
    /// Whether it asks every column of text.
    pub fn asks_all(&self) -> bool {
        self.field.eq_ignore_ascii_case(ALL)
    }

    /// Checks it against the columns of a list, as [`Filter::check`] does.
    pub fn check(&self, columns: &[Column]) -> Result<(), FilterError> {
        let refuse = |message: String| Err(FilterError::at(self.character, message));
        if self.asks_all() {
            return match self.op.excluded().unwrap_or(self.op) {
                Op::Equal | Op::Contains => Ok(()),
                _ => refuse(format!("{ALL} takes only : !: ~ and !~")),
            };
        }
        let Some(column) = find(columns, &self.field) else {
            return refuse(unknown(&self.field, columns));
        };
        let name = column.name;
        match column.kind {
            ColumnKind::Text | ColumnKind::Texts => Ok(()),
            ColumnKind::Number => match self.values.iter().find(|v| !number::fits(self.op, v)) {
                Some(value) => refuse(format!("{name} is a number, and {value} is not")),
                None => Ok(()),
            },
            ColumnKind::Bool => match self.op {
                Op::Equal | Op::NotEqual => match self.values.iter().find(|v| !is_bool(v)) {
                    Some(value) => refuse(format!("{name} is true or false, not {value}")),
                    None => Ok(()),
                },
                Op::Is(_) | Op::IsNot(_) => Ok(()),
                _ => refuse(format!("{name} is true or false and takes only : and !:")),
            },
        }
    }
}

/// The column of that name, in upper or lower case.
pub fn find<'a>(columns: &'a [Column], name: &str) -> Option<&'a Column> {
    columns.iter().find(|c| c.name.eq_ignore_ascii_case(name))
}

fn is_bool(value: &Pattern) -> bool {
    value.is_any() || value.literal().is_some_and(|text| as_bool(text).is_some())
}

fn unknown(name: &str, columns: &[Column]) -> String {
    let known: Vec<&str> = columns.iter().map(|c| c.name).collect();
    format!(
        "there is no field {name:?}; the fields are {}",
        known.join(", ")
    )
}

impl fmt::Display for Filter {
    /// The filter with every value in quotes; [`parse()`] reads it back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, group) in self.any.iter().enumerate() {
            f.write_str(if place == 0 { "" } else { "||" })?;
            for (place, condition) in group.iter().enumerate() {
                f.write_str(if place == 0 { "" } else { "," })?;
                write!(f, "{condition}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.field, self.op.text())?;
        match self.op {
            Op::Is(Absence::Empty) | Op::IsNot(Absence::Empty) => f.write_str("empty"),
            Op::Is(Absence::Null) | Op::IsNot(Absence::Null) => f.write_str("null"),
            _ => {
                for (place, value) in self.values.iter().enumerate() {
                    f.write_str(if place == 0 { "" } else { "|" })?;
                    write!(f, "{value}")?;
                }
                Ok(())
            }
        }
    }
}

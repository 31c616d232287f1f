//! Syntax trees, as the parser reads them. Spans are byte offsets into the query text.

mod words;

pub use words::{AggFn, ArithOp, CmpOp, Function, LinkKind, TimeSpan, Unit};

use std::ops::Range;

/// A place in the query text, in bytes.
pub type Span = Range<usize>;

/// A query: where rows come from, and what is done to them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Query {
    /// Where rows come from.
    pub head: Head,
    /// The commands after the pipes, in order.
    pub commands: Vec<Command>,
}

/// Where rows come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Head {
    /// Events that meet a condition.
    Search(Search),
    /// Streams of events, joined.
    Pattern(Vec<Part>),
}

impl Default for Head {
    fn default() -> Self {
        Self::Search(Search::All)
    }
}

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Search {
    /// No condition.
    All,
    /// All of them hold.
    And(Vec<Search>),
    /// One of them holds.
    Or(Vec<Search>),
    /// It does not hold.
    Not(Box<Search>),
    /// `operand op value`.
    Compare {
        /// The left side.
        operand: Operand,
        /// The operator.
        op: CmpOp,
        /// The right side.
        value: Text,
        /// The whole predicate.
        span: Span,
    },
    /// `operand in …`.
    In {
        /// The left side.
        operand: Operand,
        /// The right side.
        set: Set,
        /// The whole predicate.
        span: Span,
    },
    /// A word or phrase of the raw text.
    Keyword(Text),
    /// A stored fragment, by name.
    Macro(Name),
}

impl Search {
    /// Adds copies of the conditions, all of which hold where this one does, that mean the
    /// same at any server.
    pub(crate) fn keep_portable(&self, kept: &mut Vec<Self>) {
        match self {
            Self::And(all) => all.iter().for_each(|one| one.keep_portable(kept)),
            Self::All => {}
            other if other.is_local() => {}
            other => kept.push(other.clone()),
        }
    }

    /// Whether it depends on who asks where: it looks into a list, or reads a part of a time
    /// in the account's time zone.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::And(all) | Self::Or(all) => all.iter().any(Self::is_local),
            Self::Not(one) => one.is_local(),
            Self::In { operand, set, .. } => matches!(set, Set::List(_)) || operand.is_time_part(),
            Self::Compare { operand, .. } => operand.is_time_part(),
            Self::All | Self::Keyword(_) | Self::Macro(_) => false,
        }
    }
}

/// The left side of a predicate.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// A field.
    Field(Name),
    /// A function of a field.
    Call(Function, Name),
}

impl Operand {
    /// The field that it reads.
    pub fn field(&self) -> &str {
        match self {
            Self::Field(field) | Self::Call(_, field) => &field.text,
        }
    }

    const fn is_time_part(&self) -> bool {
        matches!(self, Self::Call(function, _) if function.is_time_part())
    }
}

/// What `in` looks into.
#[derive(Debug, Clone, PartialEq)]
pub enum Set {
    /// Values written out.
    Values(Vec<Text>),
    /// A named list.
    List(Name),
}

/// A name of a field, column, alias or list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Name {
    /// The name without quotes. A column without alias is named by its text: `count()`.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// A value, word or phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The text without quotes.
    pub text: String,
    /// True if it was quoted.
    pub quoted: bool,
    /// Where it stands.
    pub span: Span,
}

/// A command after a pipe.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// What it does.
    pub kind: CommandKind,
    /// From its name to its end.
    pub span: Span,
}

/// What a command does.
#[derive(Debug, Clone, PartialEq)]
pub enum CommandKind {
    /// `search` or `filter`: keeps rows.
    Search(Search),
    /// `chart`: groups and aggregates.
    Chart(Chart),
    /// `timechart`: groups by spans of time and aggregates.
    Timechart(Chart, Option<TimeSpan>),
    /// `rename`: source and target, in order.
    Rename(Vec<(Operand, Name)>),
    /// `fields`: keeps only these.
    Fields(Vec<Name>),
    /// `process plugin(args) as targets`.
    Process(Process),
    /// `norm on field pattern`.
    Norm(Option<Name>, String),
    /// `rex on field regex`.
    Rex(Option<Name>, String),
    /// `latest by fields`: the newest row of each group.
    Latest(Vec<Name>),
    /// `order by`.
    Order(Vec<OrderKey>),
    /// `limit`.
    Limit(u64),
    /// A stored fragment, by name.
    Macro(Name),
}

/// `chart` without its name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Chart {
    /// The aggregates, at least one.
    pub aggregates: Vec<Aggregate>,
    /// What rows are grouped by.
    pub groups: Vec<Group>,
    /// The order of the result.
    pub order: Vec<OrderKey>,
    /// Most rows of the result.
    pub limit: Option<u64>,
}

/// `function(argument) as alias`.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// The function.
    pub function: AggFn,
    /// Its argument.
    pub argument: AggArg,
    /// The column's name, if it is not the aggregate's text.
    pub alias: Option<Name>,
    /// Without the alias.
    pub span: Span,
}

/// The argument of an aggregate.
#[derive(Debug, Clone, PartialEq)]
pub enum AggArg {
    /// None.
    None,
    /// A field or a calculation.
    Value(Arith),
    /// A condition that is counted when it holds.
    Condition(Search),
}

/// A calculation.
#[derive(Debug, Clone, PartialEq)]
pub enum Arith {
    /// A number.
    Number(f64),
    /// The value of a field.
    Field(Name),
    /// A function of a field.
    Call(Function, Name),
    /// The opposite number.
    Neg(Box<Arith>),
    /// Two numbers combined.
    Binary(Box<Arith>, ArithOp, Box<Arith>),
}

/// What rows are grouped by.
#[derive(Debug, Clone, PartialEq)]
pub enum Group {
    /// The value of a field.
    Field(Name),
    /// A function of a field.
    Call(Function, Name),
    /// The value rounded down to a multiple of the step.
    Step(Name, u64),
}

impl Group {
    /// The field that it reads.
    pub const fn field(&self) -> &Name {
        match self {
            Self::Field(field) | Self::Call(_, field) | Self::Step(field, _) => field,
        }
    }
}

/// A sort key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderKey {
    /// The column.
    pub column: Name,
    /// Largest first.
    pub descending: bool,
}

/// `plugin(args) as targets`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Process {
    /// The plug-in.
    pub plugin: Name,
    /// Its arguments; unquoted ones as raw text.
    pub args: Vec<Text>,
    /// New fields.
    pub targets: Vec<Name>,
}

/// One stream of a pattern and how it is tied to the one before.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// How it is tied to the part before; `None` for the first.
    pub link: Option<Link>,
    /// The stream.
    pub stream: Stream,
    /// The stream's name.
    pub alias: Option<Name>,
    /// Most time between the two parts.
    pub within: Option<TimeSpan>,
    /// A condition on both parts.
    pub on: Option<Search>,
}

/// How two parts of a pattern are tied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Link {
    /// `not` before the link.
    pub negated: bool,
    /// The kind.
    pub kind: LinkKind,
}

/// What stands between square brackets.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    /// Least number of events.
    pub count: Option<u64>,
    /// A table instead of events.
    pub table: Option<Name>,
    /// The condition on rows.
    pub search: Search,
    /// Fields that are equal in all events.
    pub having_same: Vec<Name>,
    /// The window.
    pub within: Option<TimeSpan>,
    /// Commands inside the stream.
    pub commands: Vec<Command>,
    /// Brackets included.
    pub span: Span,
}

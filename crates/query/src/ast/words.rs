//! The closed sets of words of the language: functions, aggregates, operators, units.

/// What is called `name`, letter case ignored.
fn named<T: Copy>(all: &[(&'static str, T)], name: &str) -> Option<T> {
    let found = all.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
    found.map(|(_, value)| *value)
}

/// The name of `value`.
fn name_of<T: Copy + PartialEq>(all: &[(&'static str, T)], value: T) -> &'static str {
    let found = all.iter().find(|(_, v)| *v == value);
    found.map_or("", |(name, _)| name)
}

/// A function of one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Function {
    /// Second of the minute, 0 to 59.
    Second,
    /// Minute of the hour, 0 to 59.
    Minute,
    /// Hour of the day, 0 to 23.
    Hour,
    /// Day of the month, 1 to 31.
    Day,
    /// Day of the week: its English name, or its number from 1 = Sunday.
    DayOfWeek,
    /// Month, 1 to 12.
    Month,
    /// Lower case.
    Lower,
    /// Upper case.
    Upper,
}

impl Function {
    /// Every function with its name.
    pub const ALL: [(&'static str, Self); 8] = [
        ("second", Self::Second),
        ("minute", Self::Minute),
        ("hour", Self::Hour),
        ("day", Self::Day),
        ("day_of_week", Self::DayOfWeek),
        ("month", Self::Month),
        ("lower", Self::Lower),
        ("upper", Self::Upper),
    ];

    /// The function called `name`, letter case ignored.
    pub fn named(name: &str) -> Option<Self> {
        named(&Self::ALL, name)
    }

    /// The function's name.
    pub fn name(self) -> &'static str {
        name_of(&Self::ALL, self)
    }

    /// True for the functions that take a part of a time.
    pub const fn is_time_part(self) -> bool {
        !matches!(self, Self::Lower | Self::Upper)
    }
}

/// A comparison operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CmpOp {
    /// `=`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
}

impl CmpOp {
    /// The operator as it is written.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
        }
    }
}

/// An aggregate function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AggFn {
    /// Rows, or rows that have a value or meet a condition.
    Count,
    /// Different values, letter case ignored.
    DistinctCount,
    /// Sum of numbers.
    Sum,
    /// Mean of numbers.
    Avg,
    /// Smallest number.
    Min,
    /// Largest number.
    Max,
    /// Population variance of numbers.
    Var,
    /// All values in order of arrival.
    List,
    /// Different values in order, letter case ignored.
    DistinctList,
}

impl AggFn {
    /// Every aggregate function with its name.
    pub const ALL: [(&'static str, Self); 9] = [
        ("count", Self::Count),
        ("distinct_count", Self::DistinctCount),
        ("sum", Self::Sum),
        ("avg", Self::Avg),
        ("min", Self::Min),
        ("max", Self::Max),
        ("var", Self::Var),
        ("list", Self::List),
        ("distinct_list", Self::DistinctList),
    ];

    /// The function called `name`, letter case ignored.
    pub fn named(name: &str) -> Option<Self> {
        named(&Self::ALL, name)
    }

    /// The function's name.
    pub fn name(self) -> &'static str {
        name_of(&Self::ALL, self)
    }
}

/// An operator of calculations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArithOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
}

impl ArithOp {
    /// The operator as it is written.
    pub const fn symbol(self) -> char {
        match self {
            Self::Add => '+',
            Self::Sub => '-',
            Self::Mul => '*',
            Self::Div => '/',
        }
    }

    /// True for the operators that bind tighter.
    pub const fn binds_tight(self) -> bool {
        matches!(self, Self::Mul | Self::Div)
    }
}

/// The kind of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LinkKind {
    /// The second is later.
    FollowedBy,
    /// In any order.
    Join,
    /// Unmatched rows of the first are kept.
    LeftJoin,
    /// Unmatched rows of the second are kept.
    RightJoin,
}

impl LinkKind {
    /// The link as it is written.
    pub const fn text(self) -> &'static str {
        match self {
            Self::FollowedBy => "followed by",
            Self::Join => "join",
            Self::LeftJoin => "left join",
            Self::RightJoin => "right join",
        }
    }
}

/// A span of time as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeSpan {
    /// How many units.
    pub amount: u64,
    /// The unit.
    pub unit: Unit,
}

impl TimeSpan {
    /// The span in seconds, or `None` if it does not fit.
    pub fn seconds(self) -> Option<i64> {
        i64::try_from(self.amount)
            .ok()?
            .checked_mul(self.unit.seconds())
    }
}

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Seconds.
    Second,
    /// Minutes.
    Minute,
    /// Hours.
    Hour,
    /// Days of 24 hours.
    Day,
}

impl Unit {
    /// Every unit with its name.
    pub const ALL: [(&'static str, Self); 4] = [
        ("second", Self::Second),
        ("minute", Self::Minute),
        ("hour", Self::Hour),
        ("day", Self::Day),
    ];

    /// The unit called `name`, with or without a plural `s`, letter case ignored.
    pub fn named(name: &str) -> Option<Self> {
        let singular = name.strip_suffix(['s', 'S']).unwrap_or(name);
        named(&Self::ALL, singular)
    }

    /// The unit's name in the singular.
    pub fn name(self) -> &'static str {
        name_of(&Self::ALL, self)
    }

    /// The unit in seconds.
    pub const fn seconds(self) -> i64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }
}

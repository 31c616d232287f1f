//! Filters and sort orders of lists as SQL.
//!
//! The SQL is made of the expressions that a list gives for its columns and of bound
//! parameters; nothing that a caller wrote becomes part of it. It says the same of a row as
//! [`Filter::matches`], also of NULL: what asks for something may be NULL where it is false,
//! which `AND`, `OR` and `WHERE` take for the same, and what excludes something is
//! `(…) IS NOT TRUE`.

pub(super) mod holds;
#[cfg(test)]
mod tests;

use crate::{Error, Result};
use cresset_model::filter::{
    Absence, Column, ColumnKind, Condition, Filter, Op, Pattern, Sort, as_bool, case_pair, range,
};
use holds::{HOLDS_ANY, HOLDS_LOWER, needles};
use rusqlite::types::Value;

/// Where a column's values come from. Every expression is one that needs no parentheses
/// around it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    /// From an expression over the row: text without NUL characters, a whole number, or 0
    /// and 1 for false and true, as the column's kind is; or NULL.
    One(&'static str),
    /// A list of texts, from other rows.
    Elements {
        /// An expression over the row that those others name, say `t.user_id`.
        of: &'static str,
        /// The same in the other rows, say `r.user_id`.
        owner: &'static str,
        /// The tables of the other rows as after FROM, say `user_roles r`.
        rows: &'static str,
        /// The element, say `r.role`.
        item: &'static str,
    },
}

/// A condition of SQL.
#[derive(Debug, PartialEq)]
pub(super) struct Where {
    /// What stands after WHERE, in parentheses.
    pub(super) text: String,
    /// Values of its parameters, in the order of their numbers.
    pub(super) bound: Vec<Value>,
}

/// What a filter asks, as SQL whose parameters are `?first`, the next, and so on. `all_texts` is
/// an expression that has all texts of a row, in lower case and with NUL between them.
///
/// [`Error::Refused`] tells what is wrong with the filter.
pub(super) fn condition(
    filter: Option<&Filter>,
    columns: &[(Column, Source)],
    all_texts: Option<&'static str>,
    first: usize,
) -> Result<Where> {
    let Some(filter) = filter else {
        return Ok(Where {
            text: "(TRUE)".to_owned(),
            bound: Vec::new(),
        });
    };
    let named: Vec<Column> = columns.iter().map(|(column, _)| *column).collect();
    filter.check(&named).map_err(refused)?;
    let mut writer = Writer {
        columns,
        all_texts,
        first,
        bound: Vec::new(),
    };
    let mut groups = Vec::new();
    for group in &filter.any {
        let conditions: Vec<String> = group.iter().map(|c| writer.condition(c)).collect();
        groups.push(conditions.join(" AND "));
    }
    Ok(Where {
        text: any_of(groups),
        bound: writer.bound,
    })
}

/// Whether a filter only asks what some text of a row holds, or an element of its lists.
pub(super) fn asks_texts_alone(filter: &Filter) -> bool {
    let alone = |condition: &Condition| {
        let op = condition.op.excluded().unwrap_or(condition.op);
        let needles = needles(op, &condition.values);
        condition.asks_all() && needles.is_some_and(|all| all.iter().all(|n| n.suffices))
    };
    filter.any.iter().flatten().all(alone)
}

/// What stands after ORDER BY. `tie` are the terms that tell rows apart which are equal so far.
///
/// Text is in the order of [`Op::Less`]; NULL comes first, or last if descending.
/// [`Error::Refused`] tells what is wrong with the order.
pub(super) fn order(sort: &[Sort], columns: &[(Column, Source)], tie: &str) -> Result<String> {
    let named: Vec<Column> = columns.iter().map(|(column, _)| *column).collect();
    let mut terms = Vec::new();
    for key in sort {
        let column = key.check(&named).map_err(refused)?;
        let source = columns.iter().find(|(c, _)| c.name == column.name);
        if let Some((column, Source::One(expression))) = source {
            let collation = match column.kind {
                ColumnKind::Text => " COLLATE NOCASE",
                _ => "",
            };
            let direction = if key.descending { " DESC" } else { "" };
            terms.push(format!("{expression}{collation}{direction}"));
        }
    }
    terms.push(tie.to_owned());
    Ok(terms.join(", "))
}

fn refused(error: impl std::error::Error) -> Error {
    Error::Refused(error.to_string())
}

struct Writer<'a> {
    columns: &'a [(Column, Source)],
    all_texts: Option<&'static str>,
    first: usize,
    bound: Vec<Value>,
}

impl Writer<'_> {
    fn condition(&mut self, condition: &Condition) -> String {
        let op = condition.op.excluded().unwrap_or(condition.op);
        let asked = if condition.asks_all() {
            self.any_column(op, &condition.values)
        } else {
            let named = |(column, _): &&(Column, Source)| {
                column.name.eq_ignore_ascii_case(&condition.field)
            };
            match self.columns.iter().find(named) {
                Some((column, source)) => self.one(column.kind, source, op, &condition.values),
                None => "FALSE".to_owned(),
            }
        };
        if op == condition.op {
            asked
        } else {
            format!("({asked}) IS NOT TRUE")
        }
    }

    /// Whether a text of any column passes.
    fn any_column(&mut self, op: Op, values: &[Pattern]) -> String {
        let tests = self.tests(op, values);
        let (mut texts, mut lists) = (Vec::new(), Vec::new());
        for (column, source) in self.columns {
            match (column.kind, source) {
                (ColumnKind::Text, Source::One(expression)) => texts.push(*expression),
                (ColumnKind::Texts, _) => lists.push(source.passes_once_asked(&tests)),
                _ => {}
            }
        }
        let each = texts.iter().map(|text| Source::One(text).passes(&tests));
        let mut asked = any_of(each.collect());
        if let Some(needles) = needles(op, values)
            && texts.len() > 1
        {
            let (function, texts) = match self.all_texts {
                Some(all) => (HOLDS_LOWER, all.to_owned()),
                None => (HOLDS_ANY, texts.join(", ")),
            };
            let suffices = needles.iter().all(|needle| needle.suffices);
            let held = needles.into_iter().map(|needle| {
                let needle = self.bind(Value::Text(needle.text));
                format!("{function}({needle}, {texts})")
            });
            let held = any_of(held.collect());
            asked = if suffices {
                held
            } else {
                format!("({held} AND {asked})")
            };
        }
        any_of(std::iter::once(asked).chain(lists).collect())
    }

    fn one(&mut self, kind: ColumnKind, source: &Source, op: Op, values: &[Pattern]) -> String {
        if let Op::Is(absence) = op {
            return source.is_absent(kind, absence);
        }
        match (kind, source) {
            (ColumnKind::Number, Source::One(expression)) => any_of(
                values
                    .iter()
                    .map(|value| self.number(expression, op, value))
                    .collect(),
            ),
            (ColumnKind::Bool, Source::One(expression)) => any_of(
                values
                    .iter()
                    .map(|value| truth(expression, value))
                    .collect(),
            ),
            _ => {
                let tests = self.tests(op, values);
                source.passes(&tests)
            }
        }
    }

    fn number(&mut self, expression: &str, op: Op, value: &Pattern) -> String {
        let numbers = match (op, value.literal()) {
            (Op::Contains, _) | (_, None) => {
                let digits = format!("CAST({expression} AS TEXT)");
                return self.test(op, value).asks(&digits);
            }
            (_, Some(text)) => range(op, text),
        };
        let Some(numbers) = numbers.filter(|numbers| !numbers.is_empty()) else {
            return "FALSE".to_owned();
        };
        match (*numbers.start(), *numbers.end()) {
            (i64::MIN, i64::MAX) => format!("{expression} IS NOT NULL"),
            (i64::MIN, most) => format!("{expression} <= {}", self.bind(Value::Integer(most))),
            (least, i64::MAX) => format!("{expression} >= {}", self.bind(Value::Integer(least))),
            (least, most) if least == most => {
                format!("{expression} = {}", self.bind(Value::Integer(least)))
            }
            (least, most) => {
                let (least, most) = (Value::Integer(least), Value::Integer(most));
                let (least, most) = (self.bind(least), self.bind(most));
                format!("{expression} BETWEEN {least} AND {most}")
            }
        }
    }

    fn tests(&mut self, op: Op, values: &[Pattern]) -> Vec<Test> {
        values.iter().map(|value| self.test(op, value)).collect()
    }

    fn test(&mut self, op: Op, value: &Pattern) -> Test {
        let wanted = match op {
            Op::Contains => value.anywhere(),
            _ => value.clone(),
        };
        if wanted.is_any() {
            return Test::Present;
        }
        let cased = wanted.parts().iter().any(|part| has_cased(part));
        match (op.compares(), wanted.literal()) {
            (true, literal) => {
                let bound = self.bind(Value::Text(literal.unwrap_or_default().to_owned()));
                let same = cased.then(|| Box::new(self.cased(&wanted)));
                Test::Order { op, bound, same }
            }
            (false, Some(literal)) if !cased => {
                Test::Same(self.bind(Value::Text(literal.to_owned())))
            }
            (false, None) if !cased => Test::Like(self.bind(Value::Text(like(&wanted)))),
            (false, _) => self.cased(&wanted),
        }
    }

    /// The test for equality with letters whose other case only GLOB is told.
    fn cased(&mut self, value: &Pattern) -> Test {
        Test::Cased {
            like: self.bind(Value::Text(like(value))),
            glob: self.bind(Value::Text(glob(value))),
        }
    }

    fn bind(&mut self, value: Value) -> String {
        let number = self.first + self.bound.len();
        self.bound.push(value);
        format!("?{number}")
    }
}

impl Source {
    /// Whether any value passes any of the tests.
    fn passes(&self, tests: &[Test]) -> String {
        let any = |expression: &str| any_of(tests.iter().map(|t| t.asks(expression)).collect());
        match self {
            Self::One(expression) => any(expression),
            Self::Elements {
                of,
                owner,
                rows,
                item,
            } => format!("{of} IN (SELECT {owner} FROM {rows} WHERE {})", any(item)),
        }
    }

    /// The same, but where no value of any row passes, that is found out once for all rows.
    fn passes_once_asked(&self, tests: &[Test]) -> String {
        let passes = self.passes(tests);
        match self {
            Self::One(_) => passes,
            Self::Elements { rows, item, .. } => {
                let any = any_of(tests.iter().map(|t| t.asks(item)).collect());
                format!("(EXISTS (SELECT 1 FROM {rows} WHERE {any}) AND {passes})")
            }
        }
    }

    fn is_absent(&self, kind: ColumnKind, absence: Absence) -> String {
        match self {
            Self::One(expression) if kind == ColumnKind::Text && absence == Absence::Empty => {
                format!("({expression} IS NULL OR {expression} = '')")
            }
            Self::One(expression) => format!("{expression} IS NULL"),
            Self::Elements {
                of, owner, rows, ..
            } => format!("({of} IN (SELECT {owner} FROM {rows})) IS NOT TRUE"),
        }
    }
}

/// A question to a text, with the parameters that it needs.
enum Test {
    Present,
    /// Without a star, and without letters of which SQLite does not know the other case.
    Same(String),
    /// The same with stars.
    Like(String),
    /// With such letters. GLOB is slow, so it sees only what could be.
    Cased {
        like: String,
        glob: String,
    },
    Order {
        op: Op,
        bound: String,
        /// What is neither more nor less, where the collation does not tell.
        same: Option<Box<Test>>,
    },
}

impl Test {
    fn asks(&self, expression: &str) -> String {
        match self {
            Self::Present => format!("{expression} IS NOT NULL"),
            Self::Same(bound) => format!("{expression} = {bound} COLLATE NOCASE"),
            Self::Like(bound) => format!("{expression} LIKE {bound} ESCAPE '\\'"),
            Self::Cased { like, glob } => {
                format!("({expression} LIKE {like} ESCAPE '\\' AND {expression} GLOB {glob})")
            }
            Self::Order { op, bound, same } => {
                let sign = match op {
                    Op::Greater => ">",
                    Op::GreaterOrEqual => ">=",
                    Op::Less => "<",
                    _ => "<=",
                };
                let order = format!("{expression} {sign} {bound} COLLATE NOCASE");
                let includes = matches!(op, Op::GreaterOrEqual | Op::LessOrEqual);
                match same {
                    None => order,
                    Some(same) if includes => format!("({order} OR {})", same.asks(expression)),
                    Some(same) => format!("({order} AND NOT {})", same.asks(expression)),
                }
            }
        }
    }
}

fn truth(expression: &str, value: &Pattern) -> String {
    match value.literal().and_then(as_bool) {
        Some(true) => format!("{expression} = 1"),
        Some(false) => format!("{expression} = 0"),
        None => format!("{expression} IS NOT NULL"),
    }
}

fn any_of(conditions: Vec<String>) -> String {
    match conditions.len() {
        0 => "FALSE".to_owned(),
        _ => format!("({})", conditions.join(" OR ")),
    }
}

/// Whether there are letters whose other case SQLite does not know, which are those beyond
/// ASCII.
fn has_cased(text: &str) -> bool {
    text.chars().any(is_cased)
}

fn is_cased(c: char) -> bool {
    !c.is_ascii() && case_pair(c).is_some()
}

/// A pattern of LIKE, which ignores the case of ASCII letters. In place of letters whose
/// other case it does not know, it takes any character.
fn like(value: &Pattern) -> String {
    let escape = |part: &String| {
        let escaped = part.chars().flat_map(|c| {
            let escape = matches!(c, '%' | '_' | '\\').then_some('\\');
            escape
                .into_iter()
                .chain([if is_cased(c) { '_' } else { c }])
        });
        escaped.collect::<String>()
    };
    let parts: Vec<String> = value.parts().iter().map(escape).collect();
    parts.join("%")
}

/// A pattern of GLOB, which does not ignore case, with both letters wherever there are two.
fn glob(value: &Pattern) -> String {
    let mut glob = String::new();
    for (place, part) in value.parts().iter().enumerate() {
        glob.push_str(if place == 0 { "" } else { "*" });
        for c in part.chars() {
            match (c, case_pair(c)) {
                (_, Some((lower, upper))) => glob.extend(['[', lower, upper, ']']),
                ('*' | '?' | '[', None) => glob.extend(['[', c, ']']),
                (_, None) => glob.push(c),
            }
        }
    }
    glob
}

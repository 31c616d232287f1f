//! The functions of expressions.

use super::super::MAX_MADE;
use super::number;
use crate::eval::{Num, fold};
use cresset_model::Value;
use std::borrow::Cow;

/// What a function is given; `None` where a value is absent.
type Args<'a> = [Option<Cow<'a, Value>>];

/// A function of values.
#[derive(Clone, Copy)]
pub(crate) struct Function(&'static Entry);

struct Entry {
    name: &'static str,
    least: usize,
    most: usize,
    usage: &'static str,
    call: for<'a> fn(&Args<'a>) -> Option<Value>,
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.name)
    }
}

macro_rules! table {
    ($(($name:literal, $least:literal..=$most:expr, $usage:literal, $call:expr),)*) => {
        &[$(Entry { name: $name, least: $least, most: $most, usage: $usage, call: $call },)*]
    };
}

const MANY: usize = 100;

static TABLE: &[Entry] = table![
    ("abs", 1..=1, "abs(number)", |a| number(num(a, 0)?.abs())),
    ("ceil", 1..=1, "ceil(number)", |a| number(num(a, 0)?.ceil())),
    ("floor", 1..=1, "floor(number)", |a| number(
        num(a, 0)?.floor()
    )),
    ("round", 1..=2, "round(number, digits)", |a| round(a)),
    ("sqrt", 1..=1, "sqrt(number)", |a| number(num(a, 0)?.sqrt())),
    ("exp", 1..=1, "exp(number)", |a| number(num(a, 0)?.exp())),
    ("pow", 2..=2, "pow(number, number)", |a| number(
        num(a, 0)?.powf(num(a, 1)?)
    )),
    ("ln", 1..=1, "ln(number)", |a| number(num(a, 0)?.ln())),
    ("log", 1..=2, "log(number, base)", |a| {
        number(num(a, 0)?.log(if a.len() > 1 { num(a, 1)? } else { 10.0 }))
    }),
    ("min", 1..=MANY, "min(number, …)", |a| extreme(
        a,
        f64::min
    )),
    ("max", 1..=MANY, "max(number, …)", |a| extreme(
        a,
        f64::max
    )),
    ("len", 1..=1, "len(text)", |a| Some(count(
        text(a, 0)?.chars().count()
    ))),
    ("lower", 1..=1, "lower(text)", |a| Some(Value::from(
        text(a, 0)?.to_lowercase()
    ))),
    ("upper", 1..=1, "upper(text)", |a| Some(Value::from(
        text(a, 0)?.to_uppercase()
    ))),
    ("trim", 1..=1, "trim(text)", |a| Some(Value::str(
        text(a, 0)?.trim()
    ))),
    ("ltrim", 1..=1, "ltrim(text)", |a| Some(Value::str(
        text(a, 0)?.trim_start()
    ))),
    ("rtrim", 1..=1, "rtrim(text)", |a| Some(Value::str(
        text(a, 0)?.trim_end()
    ))),
    ("substr", 2..=3, "substr(text, first, length)", |a| substr(
        a
    )),
    ("replace", 3..=3, "replace(text, 'what', 'with')", |a| {
        replace(a)
    }),
    ("concat", 1..=MANY, "concat(text, …)", |a| concat(a)),
    ("indexof", 2..=2, "indexof(text, 'part')", |a| {
        let text = text(a, 0)?;
        let at = text.find(&*self::text(a, 1)?)?;
        Some(count(text[..at].chars().count() + 1))
    }),
    ("issubstr", 2..=2, "issubstr('part', text)", |a| {
        Some(Value::Bool(
            fold(&text(a, 1)?).contains(&*fold(&text(a, 0)?)),
        ))
    }),
    ("startswith", 2..=2, "startswith(text, 'part')", |a| {
        Some(Value::Bool(
            fold(&text(a, 0)?).starts_with(&*fold(&text(a, 1)?)),
        ))
    }),
    ("endswith", 2..=2, "endswith(text, 'part')", |a| {
        Some(Value::Bool(
            fold(&text(a, 0)?).ends_with(&*fold(&text(a, 1)?)),
        ))
    }),
    ("isnull", 1..=1, "isnull(field)", |a| Some(Value::Bool(
        value(a, 0).is_none()
    ))),
    ("isnotnull", 1..=1, "isnotnull(field)", |a| Some(
        Value::Bool(value(a, 0).is_some())
    )),
    ("isnum", 1..=1, "isnum(field)", |a| Some(Value::Bool(
        num(a, 0).is_some()
    ))),
    ("coalesce", 1..=MANY, "coalesce(field, …)", |a| {
        a.iter().flatten().next().map(|v| v.clone().into_owned())
    }),
    ("tonumber", 1..=1, "tonumber(text)", |a| number(num(a, 0)?)),
    ("tostring", 1..=1, "tostring(number)", |a| Some(
        Value::from(text(a, 0)?.into_owned())
    )),
    ("cidrmatch", 2..=2, "cidrmatch(field, '10.0.0.0/8')", |a| {
        let (one, other) = (text(a, 0)?, text(a, 1)?);
        // Which comes first differs between products.
        let (address, network) = if one.contains('/') {
            (other, one)
        } else {
            (one, other)
        };
        let network = crate::eval::network(&network)?;
        Some(Value::Bool(
            crate::eval::address(&address).is_some_and(|a| network.contains(&a)),
        ))
    }),
];

/// The names of all functions.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|entry| entry.name)
}

impl Function {
    pub(super) fn named(name: &str) -> Option<Self> {
        let is = |entry: &&Entry| entry.name.eq_ignore_ascii_case(name);
        TABLE.iter().find(is).map(Self)
    }

    /// Whether it takes so many arguments, or how it is written.
    pub(super) const fn takes(self, args: usize) -> Result<(), &'static str> {
        if self.0.least <= args && args <= self.0.most {
            Ok(())
        } else {
            Err(self.0.usage)
        }
    }

    pub(super) fn call(self, args: &Args<'_>) -> Option<Value> {
        (self.0.call)(args)
    }
}

fn value<'a>(args: &'a Args<'_>, place: usize) -> Option<&'a Value> {
    args.get(place)?.as_deref()
}

fn text<'a>(args: &'a Args<'_>, place: usize) -> Option<Cow<'a, str>> {
    value(args, place).map(Value::text)
}

fn num(args: &Args<'_>, place: usize) -> Option<f64> {
    Num::of(value(args, place)?).map(Num::as_f64)
}

fn count(n: usize) -> Value {
    Value::Int(i64::try_from(n).unwrap_or(i64::MAX))
}

fn round(args: &Args<'_>) -> Option<Value> {
    let digits = if args.len() > 1 { num(args, 1)? } else { 0.0 };
    let scale = 10_f64.powi(digits.clamp(0.0, 15.0) as i32);
    number((num(args, 0)? * scale).round() / scale)
}

fn extreme(args: &Args<'_>, pick: fn(f64, f64) -> f64) -> Option<Value> {
    let numbers = (0..args.len()).filter_map(|place| num(args, place));
    number(numbers.reduce(pick)?)
}

/// Characters from the one at `first`, which is counted from 1.
fn substr(args: &Args<'_>) -> Option<Value> {
    let first = num(args, 1)?.max(1.0) as usize;
    let length = if args.len() > 2 {
        num(args, 2)?.max(0.0) as usize
    } else {
        usize::MAX
    };
    let part: String = text(args, 0)?
        .chars()
        .skip(first - 1)
        .take(length)
        .collect();
    Some(Value::from(part))
}

fn replace(args: &Args<'_>) -> Option<Value> {
    let (text, what, with) = (text(args, 0)?, text(args, 1)?, text(args, 2)?);
    if what.is_empty() {
        return Some(Value::from(text.into_owned()));
    }
    let grown = text.len() + text.matches(&*what).count() * with.len();
    (grown <= MAX_MADE * 2).then(|| Value::from(text.replace(&*what, &with)))
}

fn concat(args: &Args<'_>) -> Option<Value> {
    let texts: Vec<Cow<'_, str>> = (0..args.len())
        .filter_map(|place| text(args, place))
        .collect();
    let bytes: usize = texts.iter().map(|text| text.len()).sum();
    (bytes <= MAX_MADE).then(|| Value::from(texts.concat()))
}

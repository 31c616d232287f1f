//! Metered operators, each a filter that takes the place of an engine instruction.

use super::meter::Meter;
use minijinja::machinery::Instruction;
use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, Value};
use std::cmp::Ordering;
use std::fmt::Write as _;
use std::sync::Arc;

/// What compiling a small expression counts.
const EXPRESSION: u64 = 4096;

/// The filter that stands for `instruction`, and its number of arguments.
pub(super) const fn metered(instruction: &Instruction<'_>) -> Option<(&'static str, u16)> {
    Some(match instruction {
        Instruction::Add => ("cresset.add", 2),
        Instruction::Mul => ("cresset.mul", 2),
        Instruction::StringConcat => ("cresset.concat", 2),
        Instruction::Eq => ("cresset.eq", 2),
        Instruction::Ne => ("cresset.ne", 2),
        Instruction::Lt => ("cresset.lt", 2),
        Instruction::Lte => ("cresset.lte", 2),
        Instruction::Gt => ("cresset.gt", 2),
        Instruction::Gte => ("cresset.gte", 2),
        Instruction::In => ("cresset.in", 2),
        Instruction::GetItem => ("cresset.item", 2),
        Instruction::Slice => ("cresset.slice", 4),
        _ => return None,
    })
}

/// No place in the engine's cache of filters.
pub(super) const UNCACHED: u8 = u8::MAX;

/// A look at the clock, which leaves the stack as it was.
const TICK: [Instruction<'static>; 3] = [
    Instruction::LoadConst(Value::UNDEFINED),
    Instruction::ApplyFilter("cresset.tick", Some(1), UNCACHED),
    Instruction::DiscardTop,
];
/// Charges for the topmost value of the stack and leaves it there.
const WEIGH: [Instruction<'static>; 1] =
    [Instruction::ApplyFilter("cresset.weigh", Some(1), UNCACHED)];

/// What runs before `instruction`: the engine's own functions are not metered, and every
/// round of a loop looks at the clock.
pub(super) fn before(instruction: &Instruction<'_>) -> &'static [Instruction<'static>] {
    match instruction {
        // The loop compares the value with that of the round before.
        Instruction::CallMethod("changed", Some(2)) => &WEIGH,
        Instruction::Iterate(_)
        | Instruction::CallFunction(..)
        | Instruction::CallMethod(..)
        | Instruction::CallObject(_)
        | Instruction::PerformTest(..) => &TICK,
        _ => &[],
    }
}

/// Adds the operators to `env`.
pub(super) fn install(env: &mut Environment<'_>, meter: &Arc<Meter>) {
    type Op = fn(&Meter, &Value, &Value) -> Result<Value, Error>;
    let binary: [(&'static str, Op); 11] = [
        ("cresset.add", add),
        ("cresset.mul", mul),
        ("cresset.concat", concat),
        ("cresset.eq", |m, a, b| {
            compare(m, a, b, |o| o == Ordering::Equal)
        }),
        ("cresset.ne", |m, a, b| {
            compare(m, a, b, |o| o != Ordering::Equal)
        }),
        ("cresset.lt", |m, a, b| compare(m, a, b, Ordering::is_lt)),
        ("cresset.lte", |m, a, b| compare(m, a, b, Ordering::is_le)),
        ("cresset.gt", |m, a, b| compare(m, a, b, Ordering::is_gt)),
        ("cresset.gte", |m, a, b| compare(m, a, b, Ordering::is_ge)),
        ("cresset.in", contains),
        ("cresset.item", item),
    ];
    for (name, op) in binary {
        let meter = Arc::clone(meter);
        env.add_filter(name, move |a: &Value, b: &Value| op(&meter, a, b));
    }
    let m = Arc::clone(meter);
    env.add_filter("cresset.tick", move |_: &Value| m.tick());
    let m = Arc::clone(meter);
    env.add_filter("cresset.weigh", move |value: &Value| {
        m.weigh(value).map(|()| value.clone())
    });
    let meter = Arc::clone(meter);
    env.add_filter(
        "cresset.slice",
        move |v: &Value, from: &Value, to: &Value, step: &Value| {
            by_character(&meter, v)?;
            meter.charge(EXPRESSION)?;
            let env = Environment::new();
            let expression = env.compile_expression("v[from:to:step]")?;
            expression.eval(minijinja::context! { v, from, to, step })
        },
    );
}

/// Adds the tests that compare, under all their names, to `env`.
pub(super) fn install_tests(env: &mut Environment<'_>, meter: &Arc<Meter>) {
    type Holds = fn(Ordering) -> bool;
    let tests: [(&[&'static str], Holds); 6] = [
        (&["eq", "equalto", "=="], Ordering::is_eq),
        (&["ne", "!="], Ordering::is_ne),
        (&["lt", "lessthan", "<"], Ordering::is_lt),
        (&["le", "<="], Ordering::is_le),
        (&["gt", "greaterthan", ">"], Ordering::is_gt),
        (&["ge", ">="], Ordering::is_ge),
    ];
    for (names, holds) in tests {
        for name in names {
            let meter = Arc::clone(meter);
            env.add_test(*name, move |a: &Value, b: &Value| {
                compare(&meter, a, b, holds).map(|verdict| verdict.is_true())
            });
        }
    }
    let meter = Arc::clone(meter);
    env.add_test("in", move |a: &Value, b: &Value| {
        contains(&meter, a, b).map(|v| v.is_true())
    });
}

fn impossible(op: &str, a: &Value, b: &Value) -> Error {
    let detail = format!("cannot compute {op} of {} and {}", a.kind(), b.kind());
    Error::new(ErrorKind::InvalidOperation, detail)
}

fn integers(a: &Value, b: &Value) -> Option<(i128, i128)> {
    let both = a.is_integer() && b.is_integer();
    both.then(|| {
        Some((
            i128::try_from(a.clone()).ok()?,
            i128::try_from(b.clone()).ok()?,
        ))
    })?
}

fn floats(a: &Value, b: &Value) -> Option<(f64, f64)> {
    let both = a.kind() == ValueKind::Number && b.kind() == ValueKind::Number;
    both.then(|| {
        Some((
            f64::try_from(a.clone()).ok()?,
            f64::try_from(b.clone()).ok()?,
        ))
    })?
}

fn is_list(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable)
}

fn add(meter: &Meter, a: &Value, b: &Value) -> Result<Value, Error> {
    if let Some((x, y)) = integers(a, b) {
        return x
            .checked_add(y)
            .map(Value::from)
            .ok_or_else(|| impossible("the sum", a, b));
    }
    if let Some((x, y)) = floats(a, b) {
        return Ok(Value::from(x + y));
    }
    if a.as_str().is_some() && b.as_str().is_some() {
        return concat(meter, a, b);
    }
    if is_list(a) && is_list(b) {
        meter.weigh(a)?;
        meter.weigh(b)?;
        return Ok(Value::from(
            a.try_iter()?.chain(b.try_iter()?).collect::<Vec<_>>(),
        ));
    }
    Err(impossible("the sum", a, b))
}

fn mul(meter: &Meter, a: &Value, b: &Value) -> Result<Value, Error> {
    if let Some((x, y)) = integers(a, b) {
        return x
            .checked_mul(y)
            .map(Value::from)
            .ok_or_else(|| impossible("the product", a, b));
    }
    if let Some((x, y)) = floats(a, b) {
        return Ok(Value::from(x * y));
    }
    let (body, times) = if b.is_integer() { (a, b) } else { (b, a) };
    let times = usize::try_from(times.clone()).map_err(|_| impossible("the product", a, b))?;
    if let Some(text) = body.as_str() {
        meter.charge((text.len() as u64).saturating_mul(times as u64))?;
        return Ok(Value::from(text.repeat(times)));
    }
    if is_list(body) {
        meter.weigh(body)?;
        let parts: Vec<Value> = body.try_iter()?.collect();
        meter.charge(
            (parts.len() as u64)
                .saturating_mul(64)
                .saturating_mul(times as u64),
        )?;
        let repeated = (0..times)
            .flat_map(|_| parts.iter().cloned())
            .collect::<Vec<_>>();
        return Ok(Value::from(repeated));
    }
    Err(impossible("the product", a, b))
}

fn concat(meter: &Meter, a: &Value, b: &Value) -> Result<Value, Error> {
    meter.weigh(a)?;
    meter.weigh(b)?;
    let mut text = String::new();
    write!(text, "{a}{b}").map_err(Error::from)?;
    meter.charge(text.len() as u64)?;
    Ok(Value::from(text))
}

fn compare(
    meter: &Meter,
    a: &Value,
    b: &Value,
    holds: impl Fn(Ordering) -> bool,
) -> Result<Value, Error> {
    meter.weigh(a)?;
    meter.weigh(b)?;
    Ok(Value::from(holds(if a == b {
        Ordering::Equal
    } else {
        unequal(a, b)
    })))
}

/// The order of two values that are not equal; incomparable ones are ordered by kind.
fn unequal(a: &Value, b: &Value) -> Ordering {
    match a.cmp(b) {
        Ordering::Equal => Ordering::Less,
        other => other,
    }
}

fn contains(meter: &Meter, needle: &Value, hay: &Value) -> Result<Value, Error> {
    meter.weigh(hay)?;
    meter.weigh(needle)?;
    if let Some(text) = hay.as_str() {
        return Ok(Value::from(match needle.as_str() {
            Some(part) => text.contains(part),
            None => text.contains(&needle.to_string()),
        }));
    }
    Ok(Value::from(match hay.kind() {
        ValueKind::Map => hay.try_iter()?.any(|key| key == *needle),
        ValueKind::Seq | ValueKind::Iterable => hay.try_iter()?.any(|part| part == *needle),
        ValueKind::Undefined | ValueKind::None => false,
        _ => return Err(impossible("a membership", needle, hay)),
    }))
}

/// Charges for a text that the engine walks character by character, which is slow.
fn by_character(meter: &Meter, value: &Value) -> Result<(), Error> {
    meter.weigh(value)?;
    meter.charge(7 * value.as_str().map_or(0, str::len) as u64)
}

fn item(meter: &Meter, value: &Value, key: &Value) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::String | ValueKind::Iterable => by_character(meter, value)?,
        _ => meter.weigh(key)?,
    }
    value.get_item(key)
}

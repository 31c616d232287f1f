//! Filters: our own, and the engine's behind the meter.

use super::Escape;
use super::escape::percent_encode;
use super::meter::Meter;
use super::variables::Times;
use super::{dates, operators};
use cresset_model::html;
use minijinja::value::{Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, Value};
use std::fmt::Write as _;
use std::sync::Arc;

/// Filters of the engine whose work is in proportion to their input.
const PROPORTIONAL: [&str; 39] = [
    "safe",
    "escape",
    "e",
    "lower",
    "upper",
    "title",
    "capitalize",
    "length",
    "count",
    "dictsort",
    "items",
    "reverse",
    "trim",
    "split",
    "lines",
    "default",
    "d",
    "round",
    "abs",
    "int",
    "float",
    "attr",
    "first",
    "last",
    "min",
    "max",
    "sort",
    "list",
    "string",
    "bool",
    "select",
    "reject",
    "selectattr",
    "rejectattr",
    "map",
    "groupby",
    "unique",
    "chain",
    "zip",
];
/// Tests of the engine that read their input.
const TESTS: [&str; 4] = ["startingwith", "endingwith", "lower", "upper"];
/// Filters whose work is not: they are replaced by our own or left out.
const REPLACED: [&str; 9] = [
    "replace", "join", "indent", "format", "batch", "slice", "sum", "tojson", "pprint",
];
/// Widest indentation of `tojson`.
const MAX_INDENT: usize = 16;

/// Puts all filters and tests into `env`.
pub(super) fn install(
    env: &mut Environment<'_>,
    meter: &Arc<Meter>,
    times: &Times,
    escape: Escape,
) {
    let mut inner = Environment::new();
    for name in REPLACED {
        inner.remove_filter(name);
        env.remove_filter(name);
    }
    inner.remove_test("in");
    own(&mut inner, meter, times, escape);
    own(env, meter, times, escape);
    operators::install_tests(env, meter);
    let inner = Arc::new(inner);
    for name in PROPORTIONAL {
        let (inner, meter) = (Arc::clone(&inner), Arc::clone(meter));
        env.add_filter(name, move |args: Rest<ValueOrKwargs>| {
            let args = args.into_values();
            meter.weigh_all(&args)?;
            let result = inner
                .empty_state()
                .apply_filter(name, &args)
                .map_err(named(name))?;
            meter.weigh(&result)?;
            Ok::<_, Error>(result)
        });
    }
    for name in TESTS {
        let (inner, meter) = (Arc::clone(&inner), Arc::clone(meter));
        env.add_test(name, move |args: Rest<ValueOrKwargs>| {
            let args = args.into_values();
            meter.weigh_all(&args)?;
            inner
                .empty_state()
                .perform_test(name, &args)
                .map_err(named(name))
        });
    }
}

/// Filters called from within `map` and `select` are looked up by the inner engine, whose
/// errors do not say by whom.
fn named(name: &'static str) -> impl Fn(Error) -> Error {
    move |error| match error.kind() {
        ErrorKind::UnknownFilter | ErrorKind::UnknownTest => Error::new(
            ErrorKind::InvalidOperation,
            format!("{name} cannot apply a filter or test of that name"),
        ),
        _ => error,
    }
}

/// How far `tojson` is to indent; what is no number is left to the engine to judge.
fn json_indent(args: &[Value]) -> Result<usize, Error> {
    let widest = args
        .iter()
        .skip(1)
        .filter_map(|arg| match arg.kind() {
            ValueKind::Map => arg.get_attr("indent").ok(),
            _ => Some(arg.clone()),
        })
        .filter_map(|indent| match bool::try_from(indent.clone()) {
            Ok(indent) => Some(usize::from(indent) * 2),
            Err(_) => usize::try_from(indent).ok(),
        })
        .max()
        .unwrap_or(0);
    if widest > MAX_INDENT {
        return Err(invalid(format!("tojson indents by at most {MAX_INDENT}")));
    }
    Ok(widest)
}

/// The engine's filters that indent what they write.
fn indenting(env: &mut Environment<'_>, meter: &Arc<Meter>) {
    for name in ["tojson", "pprint"] {
        let (plain, meter) = (Environment::new(), Arc::clone(meter));
        env.add_filter(name, move |args: Rest<ValueOrKwargs>| {
            let args = args.into_values();
            let indent = if name == "tojson" {
                json_indent(&args)?
            } else {
                4
            };
            for arg in &args {
                meter.weigh_indented(arg, indent as u64)?;
            }
            let result = plain.empty_state().apply_filter(name, &args)?;
            meter.weigh(&result)?;
            Ok::<_, Error>(result)
        });
    }
}

fn own(env: &mut Environment<'_>, meter: &Arc<Meter>, times: &Times, escape: Escape) {
    dates::install(env, meter, times);
    indenting(env, meter);
    let m = Arc::clone(meter);
    env.add_filter("readable", move |value: &Value| {
        m.weigh(value)?;
        readable(value, escape)
    });
    let m = Arc::clone(meter);
    env.add_filter("urlencode", move |value: &Value| {
        m.weigh(value)?;
        let text = percent_encode(&value.to_string());
        Ok::<_, Error>(if escape == Escape::Query {
            Value::from_safe_string(text)
        } else {
            text.into()
        })
    });
    let m = Arc::clone(meter);
    env.add_filter("join", move |value: &Value, glue: Option<&str>| {
        join(&m, value, glue.unwrap_or(""))
    });
    let m = Arc::clone(meter);
    env.add_filter("replace", move |value: &Value, from: &str, to: &str| {
        replace(&m, value, from, to)
    });
    let m = Arc::clone(meter);
    env.add_filter(
        "indent",
        move |value: &Value, width: usize, first: Option<bool>| {
            indent(&m, value, width, first.unwrap_or(false))
        },
    );
    let m = Arc::clone(meter);
    env.add_filter("sum", move |value: &Value| sum(&m, value));
}

pub(super) fn invalid(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, text.into())
}

/// A record as a table, a list of records as several; HTML where the result is HTML.
fn readable(value: &Value, escape: Escape) -> Result<Value, Error> {
    let records: Vec<Value> = match value.kind() {
        ValueKind::Map => vec![value.clone()],
        ValueKind::Seq | ValueKind::Iterable => value.try_iter()?.collect(),
        _ => return Ok(value.clone()),
    };
    let html = escape == Escape::Html;
    let mut text = String::new();
    for (i, record) in records.iter().enumerate() {
        if html {
            text.push_str("<table>");
        } else if i > 0 {
            text.push('\n');
        }
        if record.kind() == ValueKind::Map {
            for key in record.try_iter()? {
                line(
                    &mut text,
                    &key.to_string(),
                    &record.get_item(&key)?.to_string(),
                    html,
                )?;
            }
        } else {
            line(&mut text, "", &record.to_string(), html)?;
        }
        if html {
            text.push_str("</table>");
        }
    }
    Ok(if html {
        Value::from_safe_string(text)
    } else {
        Value::from(text)
    })
}

fn line(text: &mut String, name: &str, value: &str, html: bool) -> Result<(), Error> {
    let colon = if name.is_empty() { "" } else { ": " };
    if html {
        let (name, value) = (html::escape(name), html::escape(value));
        write!(
            text,
            "<tr><th align=\"left\">{name}</th><td>{value}</td></tr>"
        )
    } else {
        writeln!(text, "{name}{colon}{value}")
    }
    .map_err(Error::from)
}

fn join(meter: &Meter, value: &Value, glue: &str) -> Result<Value, Error> {
    meter.weigh(value)?;
    let mut text = String::new();
    for (i, part) in value.try_iter()?.enumerate() {
        if i > 0 {
            meter.charge(glue.len() as u64)?;
            text.push_str(glue);
        }
        write!(text, "{part}").map_err(Error::from)?;
    }
    Ok(Value::from(text))
}

fn replace(meter: &Meter, value: &Value, from: &str, to: &str) -> Result<Value, Error> {
    meter.weigh(value)?;
    let text = value.to_string();
    meter.charge((from.len() + to.len()) as u64)?;
    let growth = (text.matches(from).count() as u64).saturating_mul(to.len() as u64);
    meter.charge(growth.saturating_add(text.len() as u64))?;
    Ok(Value::from(text.replace(from, to)))
}

fn indent(meter: &Meter, value: &Value, width: usize, first: bool) -> Result<Value, Error> {
    if width > 200 {
        return Err(invalid("indent takes at most 200 spaces"));
    }
    meter.weigh(value)?;
    let text = value.to_string();
    meter.charge(text.lines().count() as u64 * width as u64)?;
    let space = " ".repeat(width);
    let lines: Vec<String> = text
        .lines()
        .enumerate()
        .map(|(i, line)| match (i, line) {
            (0, _) if !first => line.to_owned(),
            (_, "") => String::new(),
            _ => format!("{space}{line}"),
        })
        .collect();
    Ok(Value::from(lines.join("\n")))
}

fn sum(meter: &Meter, value: &Value) -> Result<Value, Error> {
    meter.weigh(value)?;
    let (mut whole, mut exact, mut total) = (0_i128, true, 0.0_f64);
    for part in value.try_iter()? {
        let number = match part.as_str() {
            Some(text) => cresset_model::event::parse_number(text),
            None => f64::try_from(part.clone()).ok(),
        };
        total += number.ok_or_else(|| invalid("sum adds numbers only"))?;
        match i64::try_from(part) {
            Ok(n) => whole += i128::from(n),
            Err(_) => exact = false,
        }
    }
    Ok(if exact {
        Value::from(whole)
    } else {
        Value::from(total)
    })
}

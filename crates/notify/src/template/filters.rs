//! Filters: our own, and the engine's behind the meter.

use super::Escape;
use super::escape::{html_escape, percent_encode};
use super::meter::Meter;
use super::operators;
use jiff::tz::TimeZone;
use minijinja::value::{Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, Value};
use std::fmt::Write as _;
use std::sync::Arc;

/// The format of `datetime`, and of `date` without arguments.
const DATE_TIME: &str = "%Y/%m/%d %H:%M:%S";

/// Filters of the engine whose work is in proportion to their input.
const PROPORTIONAL: [&str; 39] = [
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
    "pprint",
];
/// Tests of the engine that read their input.
const TESTS: [&str; 4] = ["startingwith", "endingwith", "lower", "upper"];
/// Filters whose work is not: they are replaced by our own or left out.
const REPLACED: [&str; 7] = [
    "replace", "join", "indent", "format", "batch", "slice", "sum",
];

/// Puts all filters and tests into `env`.
pub(super) fn install(
    env: &mut Environment<'_>,
    meter: &Arc<Meter>,
    zone: &TimeZone,
    escape: Escape,
) {
    let mut inner = Environment::new();
    for name in REPLACED {
        inner.remove_filter(name);
        env.remove_filter(name);
    }
    inner.remove_test("in");
    own(&mut inner, meter, zone, escape);
    own(env, meter, zone, escape);
    operators::install_tests(env, meter);
    let inner = Arc::new(inner);
    for name in PROPORTIONAL.into_iter().chain(["tojson"]) {
        let (inner, meter) = (Arc::clone(&inner), Arc::clone(meter));
        env.add_filter(name, move |args: Rest<ValueOrKwargs>| {
            let args = args.into_values();
            meter.weigh_all(&args)?;
            if name == "tojson" {
                check_indent(&args)?;
            }
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

fn check_indent(args: &[Value]) -> Result<(), Error> {
    let indents = args.iter().skip(1).filter_map(|arg| match arg.kind() {
        ValueKind::Map => arg.get_attr("indent").ok(),
        _ => Some(arg.clone()),
    });
    for indent in indents {
        if usize::try_from(indent).is_ok_and(|n| n > 16) {
            return Err(invalid("tojson indents by at most 16"));
        }
    }
    Ok(())
}

fn own(env: &mut Environment<'_>, meter: &Arc<Meter>, zone: &TimeZone, escape: Escape) {
    let tz = zone.clone();
    env.add_filter("datetime", move |value: &Value| date(value, DATE_TIME, &tz));
    let tz = zone.clone();
    env.add_filter(
        "date",
        move |value: &Value, format: Option<&str>, name: Option<&str>| {
            let tz = match name.filter(|name| !name.is_empty()) {
                Some(name) => {
                    TimeZone::get(name).map_err(|_| invalid(format!("no time zone {name:?}")))?
                }
                None => tz.clone(),
            };
            date(value, format.unwrap_or(DATE_TIME), &tz)
        },
    );
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

fn invalid(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, text.into())
}

/// Seconds since the epoch, milliseconds if they would lie after the year 5138, or
/// RFC 3339 text; anything else stays as it is, because a log's field may hold anything.
fn date(value: &Value, format: &str, tz: &TimeZone) -> Result<Value, Error> {
    if format.len() > 200 {
        return Err(invalid("the date format is longer than 200 bytes"));
    }
    let number = match value.as_str() {
        Some(text) => cresset_model::event::parse_number(text.trim()),
        None if value.kind() == ValueKind::Number => f64::try_from(value.clone()).ok(),
        None => None,
    };
    let moment = match number {
        Some(n) if n.abs() >= 1e11 => jiff::Timestamp::from_millisecond(n as i64).ok(),
        Some(n) => jiff::Timestamp::from_microsecond((n * 1e6) as i64).ok(),
        None => value.as_str().and_then(|text| text.trim().parse().ok()),
    };
    let Some(moment) = moment else {
        return Ok(value.clone());
    };
    jiff::fmt::strtime::format(format, &moment.to_zoned(tz.clone()))
        .map(Value::from)
        .map_err(|error| invalid(format!("date format {format:?}: {error}")))
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
        let (name, value) = (html_escape(name), html_escape(value));
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

//! Prints conditions, calculations and names.

use crate::ast::{AggArg, AggFn, Aggregate, Arith, Group, Name, Operand, Search, Set, Text};
use cresset_model::event::parse_number;
use std::fmt::Write;

/// Words that end or begin a construct and so are quoted as names.
const QUOTED_NAMES: [&str; 29] = [
    "and",
    "or",
    "not",
    "in",
    "as",
    "by",
    "on",
    "asc",
    "desc",
    "order",
    "limit",
    "every",
    "within",
    "having",
    "same",
    "followed",
    "join",
    "left",
    "right",
    "table",
    "search",
    "filter",
    "chart",
    "timechart",
    "process",
    "rename",
    "fields",
    "latest",
    "step",
];

/// A condition alone.
pub(super) fn condition(condition: &Search) -> String {
    let mut out = String::new();
    search(&mut out, condition);
    out
}

/// An aggregate without its alias: the name of its column.
pub(crate) fn aggregate_text(aggregate: &Aggregate) -> String {
    let mut out = String::new();
    out.push_str(aggregate.function.name());
    out.push('(');
    match &aggregate.argument {
        AggArg::None => {}
        AggArg::Value(value) => arith(&mut out, value),
        AggArg::Condition(condition) => search(&mut out, condition),
    }
    out.push(')');
    out
}

/// A group: the name of its column, except that a field's own name has no quotes.
pub(crate) fn group_text(group: &Group) -> String {
    match group {
        Group::Field(field) => field.text.clone(),
        Group::Call(function, field) => format!("{}({})", function.name(), name(&field.text)),
        Group::Step(field, width) => format!("step({},{width})", name(&field.text)),
    }
}

pub(super) fn search(out: &mut String, node: &Search) {
    match node {
        Search::All => out.push('*'),
        Search::And(parts) => joined(out, parts, " and "),
        Search::Or(parts) => joined(out, parts, " or "),
        Search::Not(inner) => {
            out.push_str("not ");
            search(out, inner);
        }
        Search::Compare {
            operand: left,
            op,
            value,
            ..
        } => {
            operand(out, left);
            out.push_str(op.symbol());
            text(out, value);
        }
        Search::In {
            operand: left,
            set: Set::List(list),
            ..
        } => {
            operand(out, left);
            out.push_str(" in ");
            out.push_str(&list.text);
        }
        Search::In {
            operand: left,
            set: Set::Values(values),
            ..
        } => {
            operand(out, left);
            out.push_str(" in [");
            separated(out, values, text);
            out.push(']');
        }
        Search::Keyword(word) => out.push_str(&quoted(&word.text)),
        Search::Macro(name) => {
            let _ = write!(out, "`{}`", name.text);
        }
    }
}

fn joined(out: &mut String, parts: &[Search], word: &str) {
    out.push('(');
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            out.push_str(word);
        }
        search(out, part);
    }
    out.push(')');
}

pub(super) fn separated<T>(out: &mut String, items: &[T], print: impl Fn(&mut String, &T)) {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        print(out, item);
    }
}

pub(super) fn operand(out: &mut String, operand: &Operand) {
    match operand {
        Operand::Field(field) => push_column(out, field),
        Operand::Call(function, field) => {
            let _ = write!(out, "{}({})", function.name(), name(&field.text));
        }
    }
}

/// A value: numbers bare, everything else in the quotes that it does not hold.
fn text(out: &mut String, value: &Text) {
    let number = value
        .text
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'));
    if number && parse_number(&value.text).is_some() {
        out.push_str(&value.text);
    } else {
        out.push_str(&quoted(&value.text));
    }
}

/// Text with both kinds of quotes can only have been written without any.
pub(super) fn quoted(text: &str) -> String {
    match (text.contains('"'), text.contains('\'')) {
        (false, _) => format!("\"{text}\""),
        (true, false) => format!("'{text}'"),
        (true, true) => text.to_owned(),
    }
}

/// A name, in quotes if it could be read as something else.
pub(super) fn name(text: &str) -> String {
    let first = text.chars().next();
    let plain = first.is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'));
    let reserved = QUOTED_NAMES.iter().any(|w| text.eq_ignore_ascii_case(w));
    if plain && !reserved {
        text.to_owned()
    } else {
        quoted(text)
    }
}

/// A name where also the text of an aggregate such as `count()` may stand.
pub(super) fn push_column(out: &mut String, column: &Name) {
    let text = &column.text;
    let call = text
        .strip_suffix(')')
        .and_then(|t| t.split_once('('))
        .is_some_and(|(f, arg)| {
            AggFn::ALL.iter().any(|(n, _)| *n == f)
                && (name(arg) == arg || (f == "count" && arg.is_empty()))
        });
    if call {
        out.push_str(text);
    } else {
        push_name(out, column);
    }
}

pub(super) fn push_name(out: &mut String, field: &Name) {
    out.push_str(&name(&field.text));
}

fn arith(out: &mut String, node: &Arith) {
    match node {
        Arith::Number(n) => {
            let _ = write!(out, "{n}");
        }
        Arith::Field(field) => push_name(out, field),
        Arith::Call(function, field) => {
            let _ = write!(out, "{}({})", function.name(), name(&field.text));
        }
        Arith::Neg(inner) => {
            out.push('-');
            bracketed(
                out,
                inner,
                matches!(**inner, Arith::Binary(..) | Arith::Number(_)),
            );
        }
        Arith::Binary(left, op, right) => {
            let looser = |side: &Arith| match side {
                Arith::Binary(_, inner, _) => op.binds_tight() && !inner.binds_tight(),
                _ => false,
            };
            let same_level = |side: &Arith| match side {
                Arith::Binary(_, inner, _) => op.binds_tight() == inner.binds_tight(),
                _ => false,
            };
            bracketed(out, left, looser(left));
            out.push(op.symbol());
            bracketed(out, right, looser(right) || same_level(right));
        }
    }
}

fn bracketed(out: &mut String, node: &Arith, brackets: bool) {
    if brackets {
        out.push('(');
    }
    arith(out, node);
    if brackets {
        out.push(')');
    }
}

//! Conditions, compiled, and their evaluation on one row.

use super::fold::{cmp_folded, fold};
use super::number::Num;
use super::pattern::Pattern;
use super::row::{Context, Row};
use super::set::ValueSet;
use super::time;
use super::watch::Watch;
use super::words::Words;
use crate::ast::Function;
use cresset_model::{FieldName, Value};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// What a condition costs besides the text that it looks at, in the steps of a
/// [`Watch`]: the field has to be found.
pub(super) const NODE: usize = 64;

/// A condition on one row.
///
/// A test on a field that the row does not have is false, so its negation is true.
#[derive(Debug, Clone)]
pub enum Expr {
    /// Always or never.
    Const(bool),
    /// All of them hold.
    And(Vec<Expr>),
    /// One of them holds.
    Or(Vec<Expr>),
    /// It does not hold.
    Not(Box<Expr>),
    /// The value of an operand passes a check.
    Test(Operand, Check),
    /// The raw text `msg` holds a word or phrase.
    Words(Words),
}

/// What a test looks at.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// A field.
    Field(FieldName),
    /// A function of a field.
    Call(Function, FieldName),
}

/// What a test asks of a value. Of several texts in one field, one is enough.
#[derive(Debug, Clone)]
pub enum Check {
    /// The value matches.
    Is(Pattern),
    /// The value is a member.
    In(ValueSet),
    /// The value is in the named list.
    InList(Box<str>),
    /// The value stands in this order to the literal.
    Ordered(Relation, Literal),
}

/// An order between a value and a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relation {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

impl Relation {
    pub(super) fn holds(self, order: Option<Ordering>) -> bool {
        let Some(order) = order else { return false };
        match self {
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::AtLeast => order.is_ge(),
        }
    }
}

/// What a value is ordered against. Beside a number only numbers have an order; beside
/// an IP address, addresses of its family are ordered as such; anything else is ordered
/// as folded text.
#[derive(Debug, Clone, PartialEq)]
pub struct Literal {
    /// The folded text.
    pub text: Box<str>,
    /// The text as a number.
    pub number: Option<Num>,
    /// The text as an address.
    pub ip: Option<IpAddr>,
}

impl Literal {
    /// Reads a literal as it stands in a query.
    pub fn new(text: &str) -> Self {
        Self {
            text: fold(text).into(),
            number: Num::parse(text),
            ip: text.parse().ok(),
        }
    }

    fn order(&self, text: &str) -> Option<Ordering> {
        if let Some(number) = self.number {
            return Num::parse(text).map(|other| other.order(number));
        }
        if let Some(ip) = self.ip
            && let Ok(other) = text.parse::<IpAddr>()
            && other.is_ipv4() == ip.is_ipv4()
        {
            return Some(other.cmp(&ip));
        }
        Some(cmp_folded(text, &self.text))
    }

    /// The order of a number, which is that of `value`.
    fn order_number(&self, number: Num, value: &Value) -> Ordering {
        match self.number {
            Some(own) => number.order(own),
            None => cmp_folded(&value.text(), &self.text),
        }
    }
}

impl Expr {
    /// Whether `row` meets the condition. Meaningless if the run is given up
    /// meanwhile: see [`ListLookup::given_up`](super::ListLookup::given_up).
    pub fn matches(&self, row: &dyn Row, ctx: &Context<'_>) -> bool {
        let given_up = || ctx.lists.given_up();
        // Asked here too, so that many rows of little work each end as soon.
        !given_up() && self.holds(row, ctx, &Watch::new(&given_up))
    }

    fn holds(&self, row: &dyn Row, ctx: &Context<'_>, watch: &Watch<'_>) -> bool {
        if watch.spend(NODE) {
            return false;
        }
        match self {
            Self::Const(always) => *always,
            Self::And(all) => all.iter().all(|e| e.holds(row, ctx, watch)),
            Self::Or(any) => any.iter().any(|e| e.holds(row, ctx, watch)),
            Self::Not(inner) => !inner.holds(row, ctx, watch),
            Self::Test(operand, check) => operand.passes(check, row, ctx, watch),
            Self::Words(words) => row
                .get("msg")
                .is_some_and(|msg| words.text_within(&msg.text(), watch)),
        }
    }

    /// Both conditions.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Const(true), e) | (e, Self::Const(true)) => e,
            (Self::And(mut a), Self::And(b)) => {
                a.extend(b);
                Self::And(a)
            }
            (Self::And(mut a), e) => {
                a.push(e);
                Self::And(a)
            }
            (a, b) => Self::And(vec![a, b]),
        }
    }

    /// Whether no row meets the condition that lacks the fields which `lacks` is true for. It
    /// may say no where in truth none does.
    pub fn cannot_hold(&self, lacks: &dyn Fn(&str) -> bool) -> bool {
        match self {
            Self::Const(always) => !always,
            Self::And(all) => all.iter().any(|part| part.cannot_hold(lacks)),
            Self::Or(any) => any.iter().all(|part| part.cannot_hold(lacks)),
            // What is absent meets the opposite of any test.
            Self::Not(_) => false,
            Self::Test(operand, _) => lacks(operand.field()),
            Self::Words(_) => lacks("msg"),
        }
    }

    /// Adds the fields that the condition reads.
    pub(crate) fn fields_into(&self, fields: &mut BTreeSet<String>) {
        match self {
            Self::Const(_) => {}
            Self::And(parts) | Self::Or(parts) => {
                for part in parts {
                    part.fields_into(fields);
                }
            }
            Self::Not(inner) => inner.fields_into(fields),
            Self::Test(operand, _) => {
                fields.insert(operand.field().to_string());
            }
            Self::Words(_) => {
                fields.insert("msg".to_owned());
            }
        }
    }

    /// Adds the fields of which a number, a truth value or a list of one text may be judged
    /// otherwise than its text alone.
    pub(crate) fn judged_by_kind_into(&self, fields: &mut BTreeSet<String>) {
        match self {
            Self::And(parts) | Self::Or(parts) => {
                for part in parts {
                    part.judged_by_kind_into(fields);
                }
            }
            Self::Not(inner) => inner.judged_by_kind_into(fields),
            Self::Test(operand, check) => {
                if !operand.is_as_written() || !check.judges_by_text() {
                    fields.insert(operand.field().to_string());
                }
            }
            Self::Const(_) | Self::Words(_) => {}
        }
    }

    /// Adds the names of lists that the condition looks into.
    pub(crate) fn lists_into(&self, lists: &mut BTreeSet<String>) {
        match self {
            Self::And(parts) | Self::Or(parts) => {
                for part in parts {
                    part.lists_into(lists);
                }
            }
            Self::Not(inner) => inner.lists_into(lists),
            Self::Test(_, Check::InList(list)) => {
                lists.insert(list.to_string());
            }
            Self::Const(_) | Self::Test(..) | Self::Words(_) => {}
        }
    }
}

impl Operand {
    /// The field that is read.
    pub const fn field(&self) -> &FieldName {
        match self {
            Self::Field(field) | Self::Call(_, field) => field,
        }
    }

    /// The value of the operand, if the row has it.
    pub(crate) fn value<'r>(&self, row: &'r dyn Row, ctx: &Context<'_>) -> Option<Cow<'r, Value>> {
        match self {
            Self::Field(field) => row.get(field),
            Self::Call(function, field) => {
                let value = row.get(field)?;
                time::call(*function, &value, &ctx.timezone).map(Cow::Owned)
            }
        }
    }

    fn passes(&self, check: &Check, row: &dyn Row, ctx: &Context<'_>, watch: &Watch<'_>) -> bool {
        row.get(self.field())
            .is_some_and(|value| self.accepts(check, &value, ctx, watch))
    }

    /// Whether the operand passes where its field has this value.
    pub(super) fn accepts(
        &self,
        check: &Check,
        value: &Value,
        ctx: &Context<'_>,
        watch: &Watch<'_>,
    ) -> bool {
        let Self::Call(function, _) = self else {
            return check.passes(value, ctx, watch);
        };
        if self.is_as_written() {
            return check.passes(value, ctx, watch);
        }
        let Some(number) = time::part(*function, value, &ctx.timezone) else {
            return false;
        };
        let named = *function == Function::DayOfWeek
            && !matches!(check, Check::Ordered(..))
            && check.passes(&Value::str(time::day_name(number)), ctx, watch);
        named || check.passes(&Value::Int(number), ctx, watch)
    }

    /// Whether checks may look at the field's own value. Case does not matter to any check,
    /// so that folding it is idle.
    pub(crate) const fn is_as_written(&self) -> bool {
        matches!(
            self,
            Self::Field(_) | Self::Call(Function::Lower | Function::Upper, _)
        )
    }
}

impl Check {
    fn passes(&self, value: &Value, ctx: &Context<'_>, watch: &Watch<'_>) -> bool {
        if matches!(value, Value::List(items) if items.is_empty()) {
            return false;
        }
        match value {
            Value::Str(text) => self.passes_text(text, ctx, watch),
            Value::List(items) => items
                .iter()
                .any(|item| watch.ended() || self.passes_text(item, ctx, watch)),
            Value::Bool(truth) => {
                self.passes_text(if *truth { "true" } else { "false" }, ctx, watch)
            }
            Value::Int(_) | Value::Float(_) => self.passes_number(value, ctx, watch),
        }
    }

    /// Whether a value that is no text passes if and only if its text does. Where digits of a
    /// number may be lost, it does not.
    fn judges_by_text(&self) -> bool {
        match self {
            Self::Is(Pattern::Exact(text, None)) => Num::parse(text).is_none(),
            Self::Is(Pattern::Exact(_, Some(number))) => number.is_small(),
            Self::Is(_) | Self::InList(_) => true,
            Self::In(set) => set.judges_by_text(),
            Self::Ordered(_, literal) => literal.number.is_none_or(Num::is_small),
        }
    }

    /// Whether a text passes.
    pub(super) fn passes_text(&self, text: &str, ctx: &Context<'_>, watch: &Watch<'_>) -> bool {
        match self {
            Self::Is(pattern) => pattern.text_within(text, watch),
            Self::In(set) => set.text_within(text, watch),
            Self::InList(list) => !watch.spend(NODE + text.len()) && ctx.lists.contains(list, text),
            Self::Ordered(relation, literal) => {
                watch.spend(text.len());
                relation.holds(literal.order(text))
            }
        }
    }

    fn passes_number(&self, value: &Value, ctx: &Context<'_>, watch: &Watch<'_>) -> bool {
        match self {
            Self::Is(pattern) => pattern.matches_within(value, watch),
            Self::In(set) => set.matches_within(value, watch),
            Self::InList(_) => self.passes_text(&value.text(), ctx, watch),
            Self::Ordered(relation, literal) => {
                let number = Num::of(value);
                relation.holds(number.map(|number| literal.order_number(number, value)))
            }
        }
    }
}

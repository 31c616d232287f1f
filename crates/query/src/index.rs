//! Which of many conditions an event can meet at all.
//!
//! Most conditions of most rules ask for a certain value of a field. So a condition is filed
//! under what an event needs to meet it, and an event is shown only to the conditions that are
//! filed under something that it has. What that costs grows with the fields of the event and
//! with the conditions that are found, not with all that there are.

use crate::ast::Function;
use crate::eval::{Check, Expr, Num, Operand, Pattern, ValueSet, fold};
use cresset_model::{Event, FieldName, Value};
use std::collections::HashMap;
use std::hash::Hash;

/// The bits of a number: equal for equal numbers.
type Bits = (bool, i128);

/// Something that an event has or has not.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Trait {
    field: FieldName,
    value: Wanted,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    /// The field is there.
    Any,
    /// One of its texts is this one, folded.
    Text(Box<str>),
    /// It is this number.
    Number(Bits),
}

/// Conditions, filed under what an event needs to meet them.
///
/// ```
/// use cresset_model::{Event, Timestamp};
/// use cresset_query::{ConditionIndex, compile};
///
/// let mut index = ConditionIndex::default();
/// for (number, query) in ["user=ann", "user=bob", "not user=bob"].iter().enumerate() {
///     index.insert(number, compile(query).unwrap().filter());
/// }
/// let mut event = Event::new(Timestamp(0), Timestamp(0));
/// event.set("user", "Bob");
/// let mut found = Vec::new();
/// index.candidates(&event, &mut found);
/// found.sort_unstable();
/// assert_eq!(found, [1, 2]);
/// ```
#[derive(Debug, Default)]
pub struct ConditionIndex {
    /// Those that need nothing that could be looked up.
    always: Vec<usize>,
    by_field: HashMap<FieldName, Shelf>,
    /// What each condition is filed under; none is under `always`.
    filed: HashMap<usize, Option<Vec<Trait>>>,
}

/// The conditions that ask for a field.
#[derive(Debug, Default)]
struct Shelf {
    any: Vec<usize>,
    texts: HashMap<Box<str>, Vec<usize>>,
    numbers: HashMap<Bits, Vec<usize>>,
}

impl ConditionIndex {
    /// Files a condition under a number, in place of the one that has it.
    pub fn insert(&mut self, number: usize, condition: &Expr) {
        self.remove(number);
        // Of all that the event needs, the rarest among the conditions so far.
        let demand = demands(condition)
            .into_iter()
            .min_by_key(|demand| self.company(demand));
        match &demand {
            None => self.always.push(number),
            Some(traits) => {
                for wanted in traits {
                    let shelf = self.by_field.entry(wanted.field.clone()).or_default();
                    shelf.slot(&wanted.value).push(number);
                }
            }
        }
        self.filed.insert(number, demand);
    }

    /// Takes the condition with that number out.
    pub fn remove(&mut self, number: usize) {
        match self.filed.remove(&number) {
            None => {}
            Some(None) => take_out(&mut self.always, number),
            Some(Some(traits)) => {
                for wanted in traits {
                    if let Some(shelf) = self.by_field.get_mut(&wanted.field) {
                        shelf.take_out(&wanted.value, number);
                        if shelf.is_empty() {
                            self.by_field.remove(&wanted.field);
                        }
                    }
                }
            }
        }
    }

    /// Whether no condition is filed.
    pub fn is_empty(&self) -> bool {
        self.filed.is_empty()
    }

    /// Adds the numbers of all conditions that `event` meets, and of some that it does not
    /// meet; a number may come more than once.
    pub fn candidates(&self, event: &Event, found: &mut Vec<usize>) {
        found.extend_from_slice(&self.always);
        if self.by_field.is_empty() {
            return;
        }
        for (field, value) in event.shown() {
            if let Some(shelf) = self.by_field.get(field) {
                shelf.candidates(value, found);
            }
        }
    }

    /// How many conditions would be found together with one of this demand; what is asked
    /// of a value beats what is asked of the field's presence, as long as it is as rare.
    fn company(&self, demand: &[Trait]) -> usize {
        let others = |wanted: &Trait| {
            let shelf = self.by_field.get(&wanted.field);
            let others = shelf.map_or(0, |shelf| shelf.company(&wanted.value));
            2 * others + 1 + usize::from(wanted.value == Wanted::Any)
        };
        demand.iter().map(others).sum()
    }
}

impl Shelf {
    fn slot(&mut self, wanted: &Wanted) -> &mut Vec<usize> {
        match wanted {
            Wanted::Any => &mut self.any,
            Wanted::Text(text) => self.texts.entry(text.clone()).or_default(),
            Wanted::Number(bits) => self.numbers.entry(*bits).or_default(),
        }
    }

    fn company(&self, wanted: &Wanted) -> usize {
        let slot = match wanted {
            Wanted::Any => Some(&self.any),
            Wanted::Text(text) => self.texts.get(text),
            Wanted::Number(bits) => self.numbers.get(bits),
        };
        slot.map_or(0, Vec::len)
    }

    fn take_out(&mut self, wanted: &Wanted, number: usize) {
        match wanted {
            Wanted::Any => take_out(&mut self.any, number),
            Wanted::Text(text) => take_out_of(&mut self.texts, text, number),
            Wanted::Number(bits) => take_out_of(&mut self.numbers, bits, number),
        }
    }

    fn is_empty(&self) -> bool {
        self.any.is_empty() && self.texts.is_empty() && self.numbers.is_empty()
    }

    fn candidates(&self, value: &Value, found: &mut Vec<usize>) {
        found.extend_from_slice(&self.any);
        match value {
            Value::Str(text) => self.with_text(text, found),
            Value::List(items) => items.iter().for_each(|item| self.with_text(item, found)),
            Value::Bool(b) => self.with_text(if *b { "true" } else { "false" }, found),
            Value::Int(_) | Value::Float(_) => self.with_number(Num::of(value), found),
        }
    }

    fn with_text(&self, text: &str, found: &mut Vec<usize>) {
        if !self.texts.is_empty() {
            found.extend(self.texts.get(&*fold(text)).into_iter().flatten());
        }
        if !self.numbers.is_empty() {
            self.with_number(Num::exact(text), found);
        }
    }

    fn with_number(&self, number: Option<Num>, found: &mut Vec<usize>) {
        let same = number.and_then(|number| self.numbers.get(&number.key()));
        found.extend(same.into_iter().flatten());
    }
}

fn take_out(slot: &mut Vec<usize>, number: usize) {
    if let Some(at) = slot.iter().position(|n| *n == number) {
        slot.swap_remove(at);
    }
}

fn take_out_of<K, Q>(slots: &mut HashMap<K, Vec<usize>>, key: &Q, number: usize)
where
    K: Hash + Eq + std::borrow::Borrow<Q>,
    Q: Hash + Eq + ?Sized,
{
    if let Some(slot) = slots.get_mut(key) {
        take_out(slot, number);
        if slot.is_empty() {
            slots.remove(key);
        }
    }
}

/// What an event needs to meet `condition`: of each of these, at least one. Nothing if it may
/// meet it whatever it has.
fn demands(condition: &Expr) -> Vec<Vec<Trait>> {
    match condition {
        Expr::Const(false) => vec![Vec::new()],
        Expr::Const(true) | Expr::Not(_) | Expr::Words(_) => Vec::new(),
        Expr::And(parts) => parts.iter().flat_map(demands).collect(),
        Expr::Or(parts) => {
            let smallest = |part| demands(part).into_iter().min_by_key(Vec::len);
            let all: Option<Vec<_>> = parts.iter().map(smallest).collect();
            all.map(|all| all.concat()).into_iter().collect()
        }
        Expr::Test(operand, check) => test(operand, check).into_iter().collect(),
    }
}

fn test(operand: &Operand, check: &Check) -> Option<Vec<Trait>> {
    let field = operand.field();
    // No event lacks them, and they are no stored fields.
    if field == "log_ts" || field == "col_ts" {
        return None;
    }
    let wanted = match (operand, check) {
        (Operand::Field(_) | Operand::Call(Function::Lower | Function::Upper, _), check) => {
            values(check)
        }
        (Operand::Call(..), _) => vec![Wanted::Any],
    };
    let traits = wanted.into_iter().map(|value| Trait {
        field: field.clone(),
        value,
    });
    Some(traits.collect())
}

fn values(check: &Check) -> Vec<Wanted> {
    let is_or_text = |text: &str, number: Option<Num>| {
        // A literal with an exponent is a number beside a value that is one.
        let number = number.or_else(|| Num::parse(text));
        let number = number.map(|number| Wanted::Number(number.key()));
        std::iter::once(Wanted::Text(text.into())).chain(number)
    };
    match check {
        Check::Is(Pattern::Exact(text, number)) => is_or_text(text, *number).collect(),
        Check::In(set) if set.patterns().is_empty() => {
            let texts = ValueSet::exact_texts(set);
            texts
                .flat_map(|text| is_or_text(text, Num::exact(text)))
                .collect()
        }
        _ => vec![Wanted::Any],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile;
    use cresset_model::Timestamp;

    fn event(fields: &[(&str, Value)]) -> Event {
        let mut event = Event::new(Timestamp(0), Timestamp(0));
        event.fields = fields
            .iter()
            .map(|(f, v)| ((*f).into(), v.clone()))
            .collect();
        event
    }

    fn index(queries: &[&str]) -> ConditionIndex {
        let mut index = ConditionIndex::default();
        for (number, query) in queries.iter().enumerate() {
            index.insert(number, compile(query).unwrap().filter());
        }
        index
    }

    fn found(index: &ConditionIndex, event: &Event) -> Vec<usize> {
        let mut found = Vec::new();
        index.candidates(event, &mut found);
        found.sort_unstable();
        found.dedup();
        found
    }

    #[test]
    fn an_event_is_shown_to_conditions_that_it_has_something_for() {
        let check = |query: &str, fields: &[(&str, Value)], expect: bool| {
            let found = found(&index(&[query]), &event(fields));
            assert_eq!(!found.is_empty(), expect, "{query} {fields:?}");
        };
        let text = Value::str;
        let labels = Value::List(vec!["Login".into(), "Fail".into()]);
        check("user=ann", &[("user", text("ANN"))], true);
        check("user=ann", &[("user", text("bob"))], false);
        check("user=ann", &[("host", text("ann"))], false);
        check("user=ann", &[], false);
        check("user=*", &[("user", text("bob"))], true);
        check("user=a*", &[("user", text("bob"))], true);
        check("user=a*", &[("host", text("bob"))], false);
        check("label=fail", &[("label", labels.clone())], true);
        check("label=success", &[("label", labels)], false);
        check("id=4625", &[("id", Value::Int(4625))], true);
        check("id=4625", &[("id", Value::Float(4625.0))], true);
        check("id=4625", &[("id", text("04625.0"))], true);
        check("id=4625", &[("id", Value::Int(4624))], false);
        check("id=1e2", &[("id", Value::Int(100))], true);
        check("id=1e2", &[("id", text("1E2"))], true);
        check("id in [4624, 4625]", &[("id", Value::Int(4625))], true);
        check("id in [4624, 46*]", &[("id", Value::Int(1))], true);
        check("id in [4624, 4625]", &[("id", Value::Int(1))], false);
        check("ok=true", &[("ok", Value::Bool(true))], true);
        check("ok=true", &[("ok", Value::Bool(false))], false);
        check("upper(user)=ANN", &[("user", text("ann"))], true);
        check("hour(start_ts)=5", &[("start_ts", text("x"))], true);
        check("hour(start_ts)=5", &[], false);
        check("hour(log_ts)=5", &[], true);
        check("log_ts=5", &[], true);
        check("count>=5", &[("count", Value::Int(1))], true);
        check("count>=5", &[], false);
        check("user in ADMINS", &[("user", text("ann"))], true);
        check("user in ADMINS", &[], false);
        check("user!=ann", &[], true);
        check("some words", &[], true);
        check("a=1 b=2", &[("b", text("2"))], false);
        check("a=1 or b=2", &[("b", text("2"))], true);
        check("a=1 or b=2", &[("b", text("3"))], false);
        check("a=1 or not b=2", &[], true);
        check("(a=1 c=1) or b=2", &[("a", Value::Int(1))], true);
        check("not a=1 c=1", &[("a", Value::Int(2))], false);
    }

    #[test]
    fn the_rarest_of_what_is_asked_for_decides() {
        let queries = ["os=win id=1", "os=win id=2", "os=win id=3", "os=win user=*"];
        let index = index(&queries);
        let event = event(&[("os", Value::str("win")), ("id", Value::Int(3))]);
        let all = found(&index, &event);
        assert!(all.contains(&2), "{all:?}");
        assert!(all.len() <= 2, "{all:?}");
    }

    #[test]
    fn what_is_taken_out_is_not_found_and_leaves_nothing() {
        let queries = ["a=1", "a=1 or b=x", "a=*", "not c=1", "a in [1, 2]"];
        let event = event(&[("a", Value::Int(1)), ("b", Value::str("x"))]);
        let mut index = index(&queries);
        let mut left: Vec<usize> = (0..queries.len()).collect();
        for gone in [1, 0, 4, 3, 2] {
            assert_eq!(found(&index, &event), left);
            index.remove(gone);
            left.retain(|n| *n != gone);
        }
        assert!(index.is_empty() && index.always.is_empty() && index.by_field.is_empty());
    }
}

//! Macros are put into the text of a query before it is typed.
//!
//! A macro's text is a condition, which is put in brackets; commands, each behind a pipe (the
//! first pipe may be left out); or a whole query. A condition may stand wherever a condition
//! may. Commands stand for a command, or alone as a query. A whole query stands alone before the
//! commands of a query. It may call other macros, [`MAX_DEPTH`] deep.

mod call;
mod expand;
mod place;

pub(crate) use expand::{Expanded, expand};

use crate::diag::Diagnostic;
use cresset_model::macros::Macro;
use std::collections::HashMap;

/// How deep macros may call each other.
const MAX_DEPTH: usize = 10;
/// Most calls of macros in one query, those in macros included.
const MAX_CALLS: usize = 1_000;

/// The macros that there are. Letter case of names does not matter.
#[derive(Debug, Clone, Default)]
pub struct Macros {
    /// By upper-case name.
    by_name: HashMap<String, Macro>,
}

impl Macros {
    /// The macro of that name.
    pub fn get(&self, name: &str) -> Option<&Macro> {
        self.by_name.get(&name.to_ascii_uppercase())
    }

    /// The same with this one, in place of another of its name.
    #[must_use]
    pub fn with(mut self, one: Macro) -> Self {
        self.by_name.insert(one.name.to_ascii_uppercase(), one);
        self
    }

    /// The same without the one of that name.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.by_name.remove(&name.to_ascii_uppercase());
        self
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Macro> {
        self.by_name.values()
    }

    /// Whether a macro of these can be put into a query, whatever else that says; otherwise a
    /// sentence that says why not. One with parameters is tried with words and with numbers.
    pub fn check(&self, one: &Macro) -> Result<(), String> {
        let mut first = None;
        for trial in trials(one) {
            match self.expand_call(&trial) {
                Ok(expanded) => {
                    let unknown = expanded.unknown.first();
                    let told = |name| format!("it calls the macro `{name}`, which there is not");
                    return unknown.map_or(Ok(()), |name| Err(told(name)));
                }
                Err(mistake) => _ = first.get_or_insert(mistake),
            }
        }
        Err(first.unwrap_or_default())
    }

    fn expand_call(&self, call: &str) -> Result<Expanded, String> {
        let wrong = |mistakes: Vec<Diagnostic>| {
            let first = mistakes.into_iter().next();
            first.map(|first| first.message).unwrap_or_default()
        };
        // A piece that is a command, and one that may stand alone.
        let alone = expand(call, self).map_err(wrong);
        alone.or_else(|why| expand(&format!("| {call}"), self).map_err(|_| why))
    }
}

impl FromIterator<Macro> for Macros {
    fn from_iter<I: IntoIterator<Item = Macro>>(macros: I) -> Self {
        macros.into_iter().fold(Self::default(), Self::with)
    }
}

/// Calls with arguments that may fit: words and numbers, of a few parameters in every mixture.
fn trials(one: &Macro) -> Vec<String> {
    const MIXED: usize = 5;
    let count = one.parameters.len();
    if count == 0 {
        return vec![format!("`{}`", one.name)];
    }
    let call = |number: &dyn Fn(usize) -> bool| {
        let argument = |at: usize| if number(at) { "1" } else { "word" };
        let arguments: Vec<&str> = (0..count).map(argument).collect();
        format!("`{}({})`", one.name, arguments.join(", "))
    };
    if count > MIXED {
        return vec![call(&|_| false), call(&|_| true)];
    }
    (0..1_u32 << count)
        .map(|mixture| call(&|at| mixture >> at & 1 == 1))
        .collect()
}

#[cfg(test)]
mod tests;

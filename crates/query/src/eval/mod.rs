//! Evaluation of one row.

mod arith;
pub(crate) mod compare;
mod expr;
mod fold;
mod lookup;
mod number;
mod pattern;
mod probe;
mod row;
mod set;
mod table;
#[cfg(test)]
mod tests;
pub(crate) mod time;
mod watch;
mod words;

pub(crate) use arith::Formula;
pub(crate) use compare::{keys_of, order, same};
pub use expr::{Check, Expr, Literal, Operand, Relation};
pub use fold::fold;
pub(crate) use fold::fold_char;
pub use lookup::{ListLookup, NoLists, Place};
pub use number::Num;
pub use pattern::{Glob, Pattern, Subject, wildcard_match};
pub use probe::Probe;
pub use row::{Context, ResultRow, Row};
pub use set::ValueSet;
pub use table::LookupTable;
pub(crate) use table::{address, from_json, network};
pub(crate) use time::moment;
pub use watch::Watch;
pub use words::Words;

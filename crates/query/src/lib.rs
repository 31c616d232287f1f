//! The search language: lexer, total parser, typed plan, evaluator of one row,
//! executor, explain and diagnostics. No I/O, no clock, no randomness.
//!
//! What was left open by the language's description, and what is done here:
//!
//! - `or` binds tighter than `and`; [`Plan::explain`] shows the reading.
//! - Texts are compared without regard to letter case ([`fold`]), IP addresses as
//!   addresses, numbers and numeric texts as numbers. For `=` and `in` too, where no
//!   digit is lost ([`Num::exact`]): `port=22` finds `0022`, but `hash=0e46` does not
//!   find `0e83`. No text that is not a number stands in any order to a number, so
//!   `status>=500` does not find `timeout`; beside a literal that is a text, `<` and
//!   `>` follow the order of texts.
//! - A test on an absent field is false and its negation true, so `f!=x` holds
//!   where `f` is absent. A field with an empty list is absent.
//! - Words and phrases: see [`Words`]. They are sought in `msg` only.
//! - `chart` without `by` gives one row if there is any event, otherwise none.
//!   Events without a value for a group are left out. Groups are told apart by
//!   exact text; `distinct_count` and `distinct_list` ignore letter case and
//!   take the members of a list one by one. `var` is the population variance.
//! - Without `order by`, a chart is ordered by its first aggregate, largest
//!   first; events are ordered newest first.
//! - `rename` takes the first source that is there, and all its sources go; a
//!   target keeps its value if no source is there.
//! - After `chart` or `fields` the columns are known, so that any other name is
//!   an error.
//!
//! ```
//! use cresset_model::{Event, Timestamp};
//! use cresset_query::{Context, compile};
//!
//! let query = "label=Fail | chart count() as cnt by user | search cnt>=2";
//! let plan = compile(query).map_err(|e| e[0].render(query)).unwrap();
//! let mut run = plan.executor(Context::bare());
//! for second in 0..3 {
//!     let mut event = Event::new(Timestamp::from_secs(second), Timestamp::from_secs(second));
//!     event.add_label("Fail");
//!     event.set("user", "bob");
//!     run.push(&event);
//! }
//! assert_eq!(run.finish().rows.len(), 1);
//! ```

pub mod ast;
mod diag;
mod eval;
mod exec;
mod explain;
mod index;
mod lex;
mod live;
mod macros;
mod parse;
mod plan;
mod process;
pub mod terms;

pub use diag::{Diagnostic, Severity};
pub use eval::{
    Check, Context, Expr, Glob, ListLookup, Literal, LookupTable, NoLists, Num, Operand, Pattern,
    Place, Probe, Relation, ResultRow, Row, Subject, ValueSet, Watch, Words, fold, wildcard_match,
};
pub use exec::{Executor, Limits, ListAdditions, LookedAt, ResultSet, Share};
pub use explain::{DecidedBy, Explanation, FilterPart};
pub use index::ConditionIndex;
pub use live::{LiveShape, Measure};
pub use macros::Macros;
pub use parse::{MAX_DEPTH, MAX_TEXT, Parsed, parse};
pub use plan::{Counting, Plan, QueryKind, compile, compile_with};

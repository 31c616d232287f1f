//! `holds_any(needle, text, …)`: whether one of the texts holds the needle, which is in lower
//! case; the case of ASCII letters does not matter. NULL holds nothing.
//! `holds_lower(needle, text)` is the same for one text that is in lower case, too.
//!
//! A question to all columns is a row of LIKEs, and what a LIKE costs is mostly its call: one
//! call for all columns first sorts out the rows that none of them can be true of.

use super::has_cased;
use crate::Result;
use cresset_model::filter::{Op, Pattern};
use memchr::memmem::Finder;
use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{FromSqlError, ValueRef};

/// What a text must hold to pass a test, in lower case.
pub(super) struct Needle {
    pub(super) text: String,
    /// Whether that is all that it must.
    pub(super) suffices: bool,
}

/// What a text must hold to pass the test for each value; `None` if for one there is nothing.
pub(super) fn needles(op: Op, values: &[Pattern]) -> Option<Vec<Needle>> {
    let needle = |value: &Pattern| {
        let wanted = match op {
            Op::Contains => value.anywhere(),
            _ => value.clone(),
        };
        if op.compares() || wanted.literal().is_some() {
            return None;
        }
        let parts = wanted.parts();
        let plain = parts.iter().filter(|part| !has_cased(part));
        let longest = plain.max_by_key(|part| part.len())?;
        let alone = matches!(parts, [start, _, end] if start.is_empty() && end.is_empty());
        (!longest.is_empty()).then(|| Needle {
            text: longest.to_ascii_lowercase(),
            suffices: alone,
        })
    };
    values.iter().map(needle).collect()
}

/// The name of the function for texts as they are.
pub(in crate::sqlite) const HOLDS_ANY: &str = "holds_any";

/// The name of the function for a text in lower case.
pub(in crate::sqlite) const HOLDS_LOWER: &str = "holds_lower";

/// Makes the functions known to a connection.
pub(in crate::sqlite) fn add(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    let any = |context: &Context<'_>| {
        let needle = text(context, 0).unwrap_or_default();
        let mut texts = (1..context.len()).filter_map(|place| text(context, place));
        Ok(texts.any(|text| holds(text, needle)))
    };
    connection.create_scalar_function(HOLDS_ANY, -1, flags, any)?;
    let lower = |context: &Context<'_>| {
        // Made once for all rows.
        let finder = context.get_or_create_aux(0, |needle| {
            let needle = needle.as_bytes()?.to_vec();
            Ok::<_, FromSqlError>(Finder::new(&needle).into_owned())
        })?;
        Ok(text(context, 1).is_some_and(|text| finder.find(text).is_some()))
    };
    Ok(connection.create_scalar_function(HOLDS_LOWER, 2, flags, lower)?)
}

fn text<'a>(context: &'a Context<'_>, place: usize) -> Option<&'a [u8]> {
    match context.get_raw(place) {
        ValueRef::Text(text) => Some(text),
        _ => None,
    }
}

fn holds(text: &[u8], needle: &[u8]) -> bool {
    let Some(first) = needle.first() else {
        return true;
    };
    let Some(last) = text.len().checked_sub(needle.len()) else {
        return false;
    };
    memchr::memchr2_iter(*first, first.to_ascii_uppercase(), &text[..=last])
        .any(|at| text[at..at + needle.len()].eq_ignore_ascii_case(needle))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_the_texts_holds_the_needle() {
        let database = Connection::open_in_memory().unwrap();
        add(&database).unwrap();
        let check = |arguments: &str, expected: bool| {
            let ask = |asked: &str| {
                let found = database.query_row(asked, [], |row| row.get::<_, bool>(0));
                assert_eq!(found.unwrap(), expected, "{asked}");
            };
            ask(&format!("SELECT holds_any({arguments})"));
            if let Some((needle, text)) = arguments.split_once(", ")
                && !text.contains(", ")
            {
                ask(&format!("SELECT holds_lower({needle}, lower({text}))"));
            }
        };
        check("'er 7', 'a runner', 'RUNNER 77'", true);
        check("'er 7', 'a runner', '7', 'er7'", false);
        check("'é', 'CAFÉ'", false);
        check("'é', 'CAFé'", true);
        check("'日本', 'x日本'", true);
        check("'ab', 'aab'", true);
        check("'abc', 'ab', NULL, ''", false);
        check("'', ''", true);
        check("'', NULL", false);
        check("'x'", false);
    }
    #[test]
    fn a_statement_that_runs_again_looks_for_another_needle() {
        let database = Connection::open_in_memory().unwrap();
        add(&database).unwrap();
        let mut prepared = database.prepare("SELECT holds_lower(?1, 'abc')").unwrap();
        for (needle, expected) in [("b", true), ("x", false), ("bc", true)] {
            let found = prepared.query_row([needle], |row| row.get::<_, bool>(0));
            assert_eq!(found.unwrap(), expected, "{needle}");
        }
    }
}

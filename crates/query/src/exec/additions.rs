//! Values that a run gathers for lists.

use crate::eval::{ResultRow, Row, fold};
use crate::plan::{Fed, ToList};
use cresset_model::{FieldName, Value};
use std::collections::{BTreeMap, HashMap};

/// Most different values that one run gathers, over all lists.
const MAX_VALUES: usize = 100_000;
/// Longest value in bytes; longer ones are left out.
const MAX_VALUE: usize = 1_024;
/// Most bytes of them together.
const MAX_BYTES: usize = 32 << 20;

/// What a run adds to one list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListAdditions {
    /// Name of the list in upper case.
    pub list: String,
    /// Different values, letter case ignored, in the order of their text.
    pub values: Vec<String>,
}

/// Values by list; of those that differ in case only, the first.
#[derive(Debug, Default)]
pub(super) struct Gathered<'p> {
    lists: BTreeMap<&'p str, HashMap<Box<str>, String>>,
    values: usize,
    bytes: usize,
    full: bool,
}

impl<'p> Gathered<'p> {
    /// Takes the field's value, or each of its values, if the row has it; or several fields.
    pub(super) fn take(&mut self, to_list: &'p ToList, row: &dyn Row) {
        let field = match &to_list.fed {
            Fed::Values(field) => field,
            Fed::Row(fields) => return self.take_row(to_list, fields, row),
        };
        let Some(value) = row.get(field) else {
            return;
        };
        match &*value {
            Value::List(items) => items.iter().for_each(|item| self.add(to_list, item)),
            value => self.add(to_list, &value.text()),
        }
    }

    /// Takes those of the fields that the row has, as a row of a table.
    fn take_row(&mut self, to_list: &'p ToList, fields: &[FieldName], row: &dyn Row) {
        let present = |field: &FieldName| Some((field.clone(), row.get(field)?.into_owned()));
        let row = ResultRow {
            fields: fields.iter().filter_map(present).collect(),
        };
        if !row.fields.is_empty() {
            self.add(
                to_list,
                &serde_json::Value::Object(row.to_json()).to_string(),
            );
        }
    }

    fn add(&mut self, to_list: &'p ToList, text: &str) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        let values = self.lists.entry(&to_list.list).or_default();
        let folded = fold(text);
        if values.contains_key(&*folded) {
            return;
        }
        let bytes = self.bytes + text.len();
        if self.values == MAX_VALUES || text.len() > MAX_VALUE || bytes > MAX_BYTES {
            self.full = true;
            return;
        }
        (self.values, self.bytes) = (self.values + 1, bytes);
        values.insert(folded.into(), text.to_owned());
    }

    /// True if a value was left out.
    pub(super) const fn is_full(&self) -> bool {
        self.full
    }

    pub(super) fn into_additions(self) -> Vec<ListAdditions> {
        let sorted = |(list, values): (&str, HashMap<Box<str>, String>)| {
            let mut values: Vec<String> = values.into_values().collect();
            values.sort_unstable();
            ListAdditions {
                list: list.to_owned(),
                values,
            }
        };
        let some = |(_, values): &(&str, HashMap<Box<str>, String>)| !values.is_empty();
        self.lists.into_iter().filter(some).map(sorted).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Context, compile};
    use cresset_model::{Event, Timestamp};

    fn event(user: &str, host: &str) -> Event {
        let mut event = Event::new(Timestamp::from_secs(1), Timestamp::from_secs(1));
        event.set("user", user);
        event.set("host", host);
        event
    }

    fn run(query: &str, events: &[Event]) -> (Vec<(String, Vec<String>)>, usize, bool) {
        let plan = compile(query).unwrap_or_else(|e| panic!("{}", e[0].render(query)));
        let mut run = plan.executor(Context::bare());
        events.iter().for_each(|e| run.push(e));
        let result = run.finish();
        let shown = result.additions.into_iter().map(|a| (a.list, a.values));
        (shown.collect(), result.rows.len(), result.truncated)
    }

    #[test]
    fn values_of_the_rows_that_reach_the_command() {
        let events = [
            event("bob", "a"),
            event("BOB", "b"),
            event("amy", "a"),
            event(" ", "a"),
        ];
        let check = |query: &str, expect: &[(&str, &[&str])], rows: usize| {
            let owned = |v: &&[&str]| v.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
            let expect: Vec<_> = expect
                .iter()
                .map(|(l, v)| ((*l).to_owned(), owned(v)))
                .collect();
            assert_eq!(run(query, &events), (expect, rows, false), "{query}");
        };
        check(
            "host=* | process toList(bad_users, user)",
            &[("BAD_USERS", &["amy", "bob"])],
            4,
        );
        check(
            "host=a | process tolist(AA, user) | process toList(BB, host)",
            &[("AA", &["amy", "bob"]), ("BB", &["a"])],
            3,
        );
        check(
            "host=* | search user=bob | process toList(AA, host)",
            &[("AA", &["a", "b"])],
            2,
        );
        check(
            "host=* | chart count() as cnt by host | search cnt>=2 | process toList(AA, host)",
            &[("AA", &["a"])],
            1,
        );
        check(
            "host=* | process toList(AA, user) | chart count() as cnt by host",
            &[("AA", &["amy", "bob"])],
            2,
        );
        check(
            "host=* | rename user as who | process toList(AA, who) | search who=amy",
            &[("AA", &["amy", "bob"])],
            1,
        );
        check("never=seen | process toList(AA, user)", &[], 0);
        check("host=* | process toList(AA, absent)", &[], 4);
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let long = event(&"x".repeat(MAX_VALUE + 1), "a");
        let query = "host=* | process toList(AA, user)";
        let (additions, rows, truncated) = run(query, &[long, event("bob", "a")]);
        assert_eq!(additions, [("AA".to_owned(), vec!["bob".to_owned()])]);
        assert!(truncated && rows == 2);
        let many: Vec<Event> = (0..=MAX_VALUES)
            .map(|n| event(&format!("u{n}"), "a"))
            .collect();
        let (additions, _, truncated) = run(query, &many);
        assert!(truncated && additions[0].1.len() == MAX_VALUES);
    }

    #[test]
    fn mistakes_are_told_at_their_place() {
        let check = |query: &str, at: &str, message: &str| {
            let mistakes = compile(query).map(|_| ()).unwrap_err();
            assert_eq!(mistakes[0].message, message, "{query}");
            assert_eq!(&query[mistakes[0].span.clone()], at, "{query}");
        };
        let takes = "`toList` takes a list and a field";
        check("a | process toList(AA)", "toList", takes);
        check("a | process toList()", "toList", takes);
        check("a | process toList(AA, b, c)", "toList", takes);
        check("a | process toList(_A, b)", "_A", "`_A` cannot name a list");
        check(
            "a | process toList(AA, b) as c",
            "c",
            "`toList` gives no value that could have a name",
        );
        assert!(compile("a | chart count() by b | process toList(AA, c)").is_err());
        let plan = compile("a | process toList(aa, b) | fields c").unwrap();
        let fed: Vec<_> = plan.lists_fed().into_iter().collect();
        assert_eq!(fed, [("AA".to_owned(), 19..21)]);
        assert!(plan.lists().is_empty() && plan.live().is_err());
        assert!(plan.fields_read().unwrap().contains("b"));
        assert!(!plan.rows_are_events());
        assert_eq!(plan.explain(), compile(&plan.explain()).unwrap().explain());
    }
}

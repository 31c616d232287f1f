//! The memory that the rows of a run take, before there is a result.

use cresset_model::{Event, Timestamp, Value};
use cresset_query::ast::{CommandKind, Head, Name};
use cresset_query::{Limits, Plan};
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// Sizes of the events whose rows a run keeps. This follows what [`Limits`] and the
/// plan's first command over several rows let the executor keep, which may be few of
/// very many matches.
#[derive(Debug)]
pub(crate) struct Kept {
    rows: Rows,
    /// The fields that rows hold at most; `None` means all.
    only: Option<Vec<String>>,
    bytes: usize,
}

#[derive(Debug)]
enum Rows {
    /// So many of the newest, and their sizes.
    Newest(usize, BinaryHeap<Reverse<(Timestamp, usize)>>),
    /// The newest of each group.
    Latest(Latest),
    /// Which ones only the executor knows: as if it kept all.
    All,
}

#[derive(Debug)]
struct Latest {
    keys: Vec<String>,
    groups: HashMap<Vec<String>, (Timestamp, usize)>,
    max_groups: usize,
}

impl Kept {
    /// For a run of a plan that keeps rows.
    pub(crate) fn of(plan: &Plan, limits: Limits) -> Self {
        let mut only = None;
        let rows = Rows::of(plan, limits, &mut only);
        let bytes = 0;
        Self { rows, only, bytes }
    }

    /// Takes an event that met the filter; the bytes that are kept now, in the measure
    /// of [`Event::size`].
    pub(crate) fn add(&mut self, event: &Event) -> usize {
        let size = match &self.only {
            None => event.size(),
            Some(names) => size_of_fields(event, names),
        };
        let (more, less) = match &mut self.rows {
            Rows::All => (size, 0),
            Rows::Newest(room, sizes) => {
                sizes.push(Reverse((event.log_ts, size)));
                let oldest = (sizes.len() > *room).then(|| sizes.pop()).flatten();
                (size, oldest.map_or(0, |Reverse((_, size))| size))
            }
            Rows::Latest(latest) => latest.add(event, size),
        };
        self.bytes = self.bytes + more - less;
        self.bytes
    }
}

/// What [`Event::size`] would be with these fields only.
fn size_of_fields(event: &Event, names: &[String]) -> usize {
    let present = |name: &String| Some((name.len(), event.lookup(name)?));
    let field = |(name, value): (usize, Cow<'_, Value>)| {
        let value = match &*value {
            Value::Str(text) => text.len(),
            Value::List(items) => items.iter().map(|item| item.len() + 24).sum(),
            Value::Int(_) | Value::Float(_) | Value::Bool(_) => 0,
        };
        56 + name + value
    };
    64 + names.iter().filter_map(present).map(field).sum::<usize>()
}

impl Rows {
    /// Also says which fields are left of the events, if not all.
    fn of(plan: &Plan, limits: Limits, only: &mut Option<Vec<String>>) -> Self {
        let newest = |room: usize| Self::Newest(room.min(limits.max_rows), BinaryHeap::new());
        // Each stream keeps rows of its own.
        if matches!(plan.query().head, Head::Pattern(_)) {
            return Self::All;
        }
        let (mut changed, mut renamed) = (false, false);
        for command in &plan.query().commands {
            match &command.kind {
                // Part of the filter.
                CommandKind::Search(_) if !changed => {}
                // New names do not say which fields of the event are left.
                CommandKind::Fields(_) if renamed => {}
                CommandKind::Fields(names) => {
                    changed = true;
                    *only = Some(names.iter().map(|n| n.text.clone()).collect());
                }
                // What a plan can have of them leaves rows as they are.
                CommandKind::Process(_) => changed = true,
                CommandKind::Rename(_) => (changed, renamed) = (true, true),
                CommandKind::Limit(n) => return newest(usize::try_from(*n).unwrap_or(usize::MAX)),
                CommandKind::Order(_) => return newest(usize::MAX),
                CommandKind::Latest(keys) if !changed => {
                    return Self::Latest(Latest::new(keys, limits.max_groups));
                }
                _ => return Self::All,
            }
        }
        newest(usize::MAX)
    }
}

impl Latest {
    fn new(keys: &[Name], max_groups: usize) -> Self {
        Self {
            keys: keys.iter().map(|k| k.text.clone()).collect(),
            groups: HashMap::new(),
            max_groups,
        }
    }

    /// The bytes that come and those that go.
    fn add(&mut self, event: &Event, size: usize) -> (usize, usize) {
        let value = |key: &String| Some(event.lookup(key)?.text().into_owned());
        // An event without a value for a key belongs to no group.
        let Some(group) = self.keys.iter().map(value).collect::<Option<Vec<_>>>() else {
            return (0, 0);
        };
        // The group's name is kept here and by the executor.
        let size = size + 2 * group.iter().map(String::len).sum::<usize>();
        let at = event.log_ts;
        let full = self.groups.len() >= self.max_groups;
        match self.groups.get_mut(&group) {
            Some(old) if old.0 < at => (size, std::mem::replace(old, (at, size)).1),
            Some(_) => (0, 0),
            None if full => (0, 0),
            None => {
                self.groups.insert(group, (at, size));
                (size, 0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cresset_query::compile;

    fn event(at: i64, user: &str, len: usize) -> Event {
        let mut event = Event::new(Timestamp::from_secs(at), Timestamp::from_secs(at));
        if !user.is_empty() {
            event.set("user", user);
        }
        event.set("msg", "x".repeat(len));
        event
    }

    #[test]
    fn what_is_not_kept_is_not_charged() {
        let events = [
            event(5, "bob", 100),
            event(3, "bob", 90_000),
            event(9, "eve", 200),
            event(8, "", 70_000),
            event(7, "bob", 300),
            event(6, "bob", 80_000),
            event(7, "bob", 60_000),
        ];
        let sizes = |expect: &[usize]| expect.iter().map(|i| events[*i].size()).sum::<usize>();
        let users = |expect: &[usize]| {
            let user = |i: &usize| match events[*i].lookup("user") {
                Some(user) => 64 + 56 + 4 + user.text().len(),
                None => 64,
            };
            expect.iter().map(user).sum::<usize>()
        };
        let limits = Limits {
            max_rows: 4,
            max_groups: 2,
            ..Limits::default()
        };
        let check = |query: &str, expect: usize| {
            let plan = compile(query).unwrap();
            assert!(plan.keeps_rows(), "{query}");
            let mut kept = Kept::of(&plan, limits);
            let bytes = events.iter().map(|e| kept.add(e)).last().unwrap();
            assert_eq!(bytes, expect, "{query}");
        };
        let all = [0, 1, 2, 3, 4, 5, 6];
        check("| limit 1", sizes(&[2]));
        check("| limit 2", sizes(&[2, 3]));
        check("msg=* | search msg=* | limit 1", sizes(&[2]));
        check("| rename user as u | limit 2 | order by u", sizes(&[2, 3]));
        check("| limit 100", sizes(&[2, 3, 4, 6]));
        check("| order by user | limit 1", sizes(&[2, 3, 4, 6]));
        check("| latest by user", sizes(&[2, 4]) + 2 * "bobeve".len());
        check("| latest by msg", sizes(&[0, 1]) + 2 * 90_100);
        check("| latest by nothing", 0);
        check("| fields user, msg | fields user | limit 2", users(&[2, 3]));
        check(
            "msg=* | fields user | rename user as u | limit 1",
            users(&[2]),
        );
        check("| rename msg as m | fields m | limit 1", sizes(&[2]));
        // Here only the executor knows.
        check("| fields user | search user=bob | limit 1", users(&all));
        check("| rename user as u | search u=bob | limit 1", sizes(&all));
        check("| rename user as u | latest by u", sizes(&all));
    }
}

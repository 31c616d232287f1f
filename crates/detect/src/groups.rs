//! Counts per group over a sliding window, as a cheap necessary test.
//!
//! The test may say yes where the exact run says no (it counts on both sides of an event
//! that arrives late, and events that no longer count after a firing), never the reverse. Groups are exactly those of the query: the texts of the
//! grouping fields, and no group for an event that lacks one.

use cresset_model::{Event, Timestamp, Value};
use cresset_query::{Measure, fold};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt::Write;

/// Most other groups whose counts are looked up exactly at one event.
const MAX_LOOKED_UP: usize = 64;

/// The group of an event that belongs to none.
pub(crate) const NO_GROUP: u32 = u32::MAX;

/// What one group counts.
#[derive(Debug)]
enum Tally {
    /// Event times, ascending.
    Times(VecDeque<Timestamp>),
    /// Per value: number of events and latest event time; and the values by that time.
    Values {
        of: HashMap<Box<str>, (u32, Timestamp)>,
        by_time: BTreeSet<(Timestamp, Box<str>)>,
    },
}

#[derive(Debug)]
struct Group {
    key: Box<str>,
    tally: Tally,
    events: u32,
    /// The group cannot pass at or after this moment without further events.
    until: Option<Timestamp>,
}

/// All groups of one window.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    ids: HashMap<Box<str>, u32>,
    slots: Vec<Option<Group>>,
    free: Vec<u32>,
    /// Groups that may pass, by the moment until which they may.
    passing: BTreeSet<(Timestamp, u32)>,
    key: String,
}

/// What a window counts, borrowed from its rule.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counting<'a> {
    pub(crate) group_by: &'a [String],
    pub(crate) measure: &'a Measure,
    pub(crate) threshold: usize,
    pub(crate) range: cresset_model::Duration,
}

impl Groups {
    /// Adds an event that counts at `at` and returns its group; [`NO_GROUP`] if it belongs
    /// to none.
    pub(crate) fn add(&mut self, event: &Event, at: Timestamp, counting: Counting<'_>) -> u32 {
        let id = self.group_of(event, counting);
        let Some(group) = self.slots.get_mut(id as usize).and_then(Option::as_mut) else {
            return NO_GROUP;
        };
        group.events += 1;
        match &mut group.tally {
            Tally::Times(times) => {
                let place = times.partition_point(|t| *t <= at);
                times.insert(place, at);
            }
            Tally::Values { of, by_time } => {
                for_values(event, counting.measure, |value| {
                    add_value(of, by_time, value, at);
                });
            }
        }
        self.refresh(id, counting);
        id
    }

    /// Removes an event of group `id` that counts at `at`.
    pub(crate) fn remove(&mut self, id: u32, event: &Event, at: Timestamp, counting: Counting<'_>) {
        let Some(group) = self.slots.get_mut(id as usize).and_then(Option::as_mut) else {
            return;
        };
        group.events = group.events.saturating_sub(1);
        match &mut group.tally {
            Tally::Times(times) => {
                let place = times.partition_point(|t| *t < at);
                times.remove(place);
            }
            Tally::Values { of, by_time } => {
                for_values(event, counting.measure, |value| {
                    remove_value(of, by_time, &value);
                });
            }
        }
        self.refresh(id, counting);
        self.drop_if_empty(id);
    }

    /// Whether at least `need` groups may pass at a point in `at..=last`, `at`
    /// being the place of the event just added.
    pub(crate) fn may_pass(
        &self,
        at: Timestamp,
        last: Timestamp,
        need: usize,
        counting: Counting<'_>,
    ) -> bool {
        let above = self
            .passing
            .range((at + cresset_model::Duration(1), 0)..)
            .rev();
        let (mut passed, mut looked) = (0, 0);
        for (_, id) in above {
            looked += 1;
            let sure = looked > need.saturating_add(MAX_LOOKED_UP);
            if sure || self.count_between(*id, at - counting.range, last, counting) {
                passed += 1;
            }
            if passed >= need {
                return true;
            }
        }
        false
    }

    /// Number of groups.
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether the group reaches the threshold with events in `(from, to]`.
    fn count_between(
        &self,
        id: u32,
        from: Timestamp,
        to: Timestamp,
        counting: Counting<'_>,
    ) -> bool {
        match self
            .slots
            .get(id as usize)
            .and_then(Option::as_ref)
            .map(|g| &g.tally)
        {
            Some(Tally::Times(times)) => {
                let begin = times.partition_point(|t| *t <= from);
                let end = times.partition_point(|t| *t <= to);
                end.saturating_sub(begin) >= counting.threshold
            }
            Some(Tally::Values { .. }) => true,
            None => false,
        }
    }

    fn group_of(&mut self, event: &Event, counting: Counting<'_>) -> u32 {
        if !write_key(&mut self.key, event, counting.group_by) {
            return NO_GROUP;
        }
        if let Some(id) = self.ids.get(self.key.as_str()) {
            return *id;
        }
        let key: Box<str> = self.key.as_str().into();
        let tally = match counting.measure {
            Measure::DistinctCount(_) => Tally::Values {
                of: HashMap::new(),
                by_time: BTreeSet::new(),
            },
            _ => Tally::Times(VecDeque::new()),
        };
        let group = Group {
            key: key.clone(),
            tally,
            events: 0,
            until: None,
        };
        let id = match self.free.pop() {
            Some(id) => id,
            None => {
                self.slots.push(None);
                (self.slots.len() - 1) as u32
            }
        };
        if let Some(slot) = self.slots.get_mut(id as usize) {
            *slot = Some(group);
        }
        self.ids.insert(key, id);
        id
    }

    /// Recomputes until when the group may pass.
    fn refresh(&mut self, id: u32, counting: Counting<'_>) {
        let Some(group) = self.slots.get_mut(id as usize).and_then(Option::as_mut) else {
            return;
        };
        let back = counting.threshold.max(1) - 1;
        let nth_latest = match &group.tally {
            Tally::Times(times) => times
                .len()
                .checked_sub(back + 1)
                .and_then(|i| times.get(i))
                .copied(),
            Tally::Values { by_time, .. } => by_time.iter().rev().nth(back).map(|(t, _)| *t),
        };
        let until = nth_latest.map(|t| t + counting.range);
        if until != group.until {
            if let Some(old) = group.until {
                self.passing.remove(&(old, id));
            }
            if let Some(new) = until {
                self.passing.insert((new, id));
            }
            group.until = until;
        }
    }

    fn drop_if_empty(&mut self, id: u32) {
        let Some(slot) = self.slots.get_mut(id as usize) else {
            return;
        };
        if let Some(group) = slot.take_if(|g| g.events == 0) {
            if let Some(until) = group.until {
                self.passing.remove(&(until, id));
            }
            self.ids.remove(&group.key);
            self.free.push(id);
        }
    }
}

fn add_value(
    of: &mut HashMap<Box<str>, (u32, Timestamp)>,
    by_time: &mut BTreeSet<(Timestamp, Box<str>)>,
    value: Box<str>,
    ts: Timestamp,
) {
    if let Some((count, latest)) = of.get_mut(&value) {
        *count += 1;
        if ts > *latest {
            by_time.remove(&(*latest, value.clone()));
            *latest = ts;
            by_time.insert((ts, value));
        }
    } else {
        by_time.insert((ts, value.clone()));
        of.insert(value, (1, ts));
    }
}

fn remove_value(
    of: &mut HashMap<Box<str>, (u32, Timestamp)>,
    by_time: &mut BTreeSet<(Timestamp, Box<str>)>,
    value: &str,
) {
    if let Some((count, latest)) = of.get_mut(value) {
        *count -= 1;
        if *count == 0 {
            let latest = *latest;
            if let Some((value, _)) = of.remove_entry(value) {
                by_time.remove(&(latest, value));
            }
        }
    }
}

/// Calls `with` for every value that counts as one; members of a list count singly.
fn for_values(event: &Event, measure: &Measure, mut with: impl FnMut(Box<str>)) {
    let Measure::DistinctCount(field) = measure else {
        return;
    };
    match event.lookup(field).as_deref() {
        Some(Value::List(items)) => {
            items.iter().for_each(|item| with(fold(item).into()));
        }
        Some(value) => with(fold(&value.text()).into()),
        None => {}
    }
}

/// Writes the group key; false if the event belongs to no group.
fn write_key(key: &mut String, event: &Event, group_by: &[String]) -> bool {
    key.clear();
    for field in group_by {
        let Some(value) = event.lookup(field) else {
            return false;
        };
        if matches!(&*value, Value::List(items) if items.is_empty()) {
            return false;
        }
        let text = value.text();
        // The length keeps `ab` + `c` apart from `a` + `bc`; writing to a string cannot fail.
        let _ = write!(key, "{}:{text}", text.len());
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use cresset_model::Duration;

    fn event(ts: i64, user: &str) -> Event {
        let mut e = Event::new(Timestamp(ts), Timestamp(ts));
        e.set("user", user);
        e
    }

    fn counting<'a>(
        group_by: &'a [String],
        measure: &'a Measure,
        threshold: usize,
    ) -> Counting<'a> {
        Counting {
            group_by,
            measure,
            threshold,
            range: Duration(10),
        }
    }

    #[test]
    fn a_group_passes_while_its_events_are_in_range() {
        let by = ["user".to_owned()];
        let c = counting(&by, &Measure::Count, 2);
        let mut groups = Groups::default();
        groups.add(&event(1, "ann"), Timestamp(1), c);
        assert!(!groups.may_pass(Timestamp(1), Timestamp(1), 1, c));
        groups.add(&event(5, "ann"), Timestamp(5), c);
        assert!(groups.may_pass(Timestamp(5), Timestamp(5), 1, c));
        assert!(!groups.may_pass(Timestamp(5), Timestamp(5), 2, c));
        groups.add(&event(9, "bob"), Timestamp(9), c);
        assert!(
            groups.may_pass(Timestamp(9), Timestamp(9), 1, c),
            "ann still passes"
        );
        assert!(
            !groups.may_pass(Timestamp(11), Timestamp(11), 1, c),
            "ann's first is out"
        );
    }

    #[test]
    fn removed_events_leave_nothing_behind() {
        let by = ["user".to_owned()];
        for measure in [Measure::Count, Measure::DistinctCount("user".into())] {
            let c = counting(&by, &measure, 1);
            let mut groups = Groups::default();
            let events = [event(1, "ann"), event(2, "bob"), event(3, "ann")];
            let ids: Vec<u32> = events.iter().map(|e| groups.add(e, e.log_ts, c)).collect();
            for (id, e) in ids.iter().zip(&events) {
                groups.remove(*id, e, e.log_ts, c);
            }
            assert_eq!(groups.len(), 0);
            assert!(groups.passing.is_empty(), "{measure:?}");
        }
    }

    #[test]
    fn distinct_values_count_once() {
        let measure = Measure::DistinctCount("user".into());
        let c = counting(&[], &measure, 2);
        let mut groups = Groups::default();
        groups.add(&event(1, "ann"), Timestamp(1), c);
        groups.add(&event(2, "ann"), Timestamp(2), c);
        assert!(!groups.may_pass(Timestamp(2), Timestamp(2), 1, c));
        groups.add(&event(3, "bob"), Timestamp(3), c);
        assert!(groups.may_pass(Timestamp(3), Timestamp(3), 1, c));
        assert!(!groups.may_pass(Timestamp(13), Timestamp(13), 1, c));
    }
}

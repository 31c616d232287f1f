//! Every name once, and a quick answer to which are not there.

use cresset_model::{FieldName, Value};
use std::collections::HashMap;

/// Up to here, a look at the names before beats a hash map.
const FEW_FIELDS: usize = 64;

/// Of fields with equal names, keeps the place of the first and the value of the last; gives the
/// marks of their names.
pub(crate) fn keep_last_of_equal(fields: &mut Vec<(FieldName, Value)>) -> Marks {
    if fields.len() > FEW_FIELDS {
        keep_last_among_many(fields);
        return Marks::of(fields);
    }
    let mut seen = Marks::default();
    let mut at = 0;
    while at < fields.len() {
        let maybe = seen.add(&fields[at].0);
        let name = &fields[at].0;
        match (0..at).find(|&earlier| maybe && fields[earlier].0 == *name) {
            Some(earlier) => fields[earlier].1 = fields.remove(at).1,
            None => at += 1,
        }
    }
    seen
}

fn keep_last_among_many(fields: &mut Vec<(FieldName, Value)>) {
    let mut places: HashMap<FieldName, usize> = HashMap::with_capacity(fields.len());
    let mut kept: Vec<(FieldName, Value)> = Vec::with_capacity(fields.len());
    for (name, value) in fields.drain(..) {
        match places.get(&name) {
            Some(&earlier) => kept[earlier].1 = value,
            None => {
                places.insert(name.clone(), kept.len());
                kept.push((name, value));
            }
        }
    }
    *fields = kept;
}

/// A small filter: a name whose mark is not set is not there, so that most names are compared with
/// none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Marks([u64; 8]);

impl Marks {
    /// The marks of the names of fields.
    pub(crate) fn of(fields: &[(FieldName, Value)]) -> Self {
        let mut marks = Self::default();
        for (name, _) in fields {
            marks.add(name);
        }
        marks
    }

    /// Marks `name`; true if something with the same mark was here before.
    pub(crate) fn add(&mut self, name: &str) -> bool {
        let (word, bit) = Self::place(name);
        let before = self.0[word] & bit != 0;
        self.0[word] |= bit;
        before
    }

    /// The place of `name` in fields whose names are all marked.
    pub(crate) fn find(&self, fields: &[(FieldName, Value)], name: &str) -> Option<usize> {
        let (word, bit) = Self::place(name);
        let may_be_there = self.0[word] & bit != 0;
        debug_assert!(may_be_there || fields.iter().all(|(other, _)| other != name));
        let mut names = fields.iter().map(|(name, _)| name);
        may_be_there.then(|| names.position(|other| other == name))?
    }

    fn place(name: &str) -> (usize, u64) {
        let bytes = name.as_bytes();
        let sample = |at: usize| bytes.get(at).copied().map_or(0, usize::from);
        let len = bytes.len();
        let hash = len
            ^ (sample(0) * 5)
            ^ (sample(len / 2) * 37)
            ^ (sample(len.saturating_sub(1)) * 101)
            ^ (sample(len.saturating_sub(3)) * 211);
        ((hash >> 6) % Self::default().0.len(), 1 << (hash & 63))
    }
}

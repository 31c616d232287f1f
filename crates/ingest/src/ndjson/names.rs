//! Every name once.

use cresset_model::{FieldName, Value};
use std::collections::HashMap;

/// Up to here, a look at the names before beats a hash map.
const FEW_FIELDS: usize = 64;

/// Of fields with equal names, keeps the place of the first and the value of the last.
pub(crate) fn keep_last_of_equal(fields: &mut Vec<(FieldName, Value)>) {
    if fields.len() > FEW_FIELDS {
        return keep_last_among_many(fields);
    }
    let mut seen = Marks::default();
    let mut at = 0;
    while at < fields.len() {
        let maybe = seen.was_marked(&fields[at].0);
        let name = &fields[at].0;
        match (0..at).find(|&earlier| maybe && fields[earlier].0 == *name) {
            Some(earlier) => fields[earlier].1 = fields.remove(at).1,
            None => at += 1,
        }
    }
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

/// A small filter: a name that finds its mark unset has not been here before, so
/// that most names are compared with none.
#[derive(Default)]
struct Marks([u64; 8]);

impl Marks {
    /// Marks `name`; true if something with the same mark was here before.
    fn was_marked(&mut self, name: &str) -> bool {
        let bytes = name.as_bytes();
        let sample = |at: usize| bytes.get(at).copied().map_or(0, usize::from);
        let len = bytes.len();
        let hash = len
            ^ (sample(0) * 5)
            ^ (sample(len / 2) * 37)
            ^ (sample(len.saturating_sub(1)) * 101)
            ^ (sample(len.saturating_sub(3)) * 211);
        let (word, bit) = ((hash >> 6) % self.0.len(), 1 << (hash & 63));
        let before = self.0[word] & bit != 0;
        self.0[word] |= bit;
        before
    }
}

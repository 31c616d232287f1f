//! Answers that hold in one version of the database.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::hash::Hash;

/// Most answers.
const ANSWERS: usize = 256;

/// A question to the database. Each kind is a type of its own and has one kind of answer.
pub(super) trait Question: Clone + Eq + Hash + Send + 'static {
    /// What is read. It is cloned for each who asks.
    type Answer: Clone + Send + 'static;
}

/// Answers by question.
#[derive(Debug, Default)]
pub(super) struct Memory {
    version: i64,
    /// A `HashMap<Q, Q::Answer>` for each kind of question `Q`.
    kinds: HashMap<TypeId, Box<dyn Any + Send>>,
    answers: usize,
}

impl Memory {
    /// The version of the database in which they hold, as SQLite counts.
    pub(super) const fn version(&self) -> i64 {
        self.version
    }

    /// Nothing that was read in another version holds in this one. Read a moment later, what
    /// is new may be newer than this version; it goes with the next one all the same.
    pub(super) fn forget_before(&mut self, version: i64) {
        if version != self.version {
            self.forget();
            self.version = version;
        }
    }

    /// The answer, if it is known.
    pub(super) fn known<Q: Question>(&self, question: &Q) -> Option<&Q::Answer> {
        let kind = self.kinds.get(&TypeId::of::<Q>())?;
        kind.downcast_ref::<HashMap<Q, Q::Answer>>()?.get(question)
    }

    /// Keeps an answer; if there are too many, the others go.
    pub(super) fn keep<Q: Question>(&mut self, question: Q, answer: Q::Answer) {
        if self.answers >= ANSWERS {
            self.forget();
        }
        let kind = self.kinds.entry(TypeId::of::<Q>());
        let kind = kind.or_insert_with(|| Box::new(HashMap::<Q, Q::Answer>::new()));
        if let Some(kind) = kind.downcast_mut::<HashMap<Q, Q::Answer>>() {
            kind.insert(question, answer);
            self.answers += 1;
        }
    }

    fn forget(&mut self) {
        self.kinds.clear();
        self.answers = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, PartialEq, Eq, Hash)]
    struct Name(u32);
    impl Question for Name {
        type Answer = String;
    }

    #[derive(Clone, PartialEq, Eq, Hash)]
    struct Age(u32);
    impl Question for Age {
        type Answer = u32;
    }

    #[test]
    fn answers_hold_in_one_version_and_kinds_are_apart() {
        let mut memory = Memory::default();
        memory.forget_before(3);
        memory.keep(Name(1), "ann".to_owned());
        memory.keep(Age(1), 40);
        memory.forget_before(3);
        assert_eq!(memory.known(&Name(1)).map(String::as_str), Some("ann"));
        assert_eq!(memory.known(&Age(1)), Some(&40));
        assert_eq!(memory.known(&Age(2)), None);
        memory.forget_before(4);
        assert_eq!(memory.version(), 4);
        assert_eq!(memory.known(&Name(1)), None);
        assert_eq!(memory.known(&Age(1)), None);
    }

    #[test]
    fn there_are_never_more_than_fit() {
        let mut memory = Memory::default();
        for n in 0..1_000 {
            memory.keep(Age(n), n);
            memory.keep(Name(n), n.to_string());
            assert_eq!(memory.known(&Name(n)), Some(&n.to_string()));
            let ages = (0..=n).filter(|n| memory.known(&Age(*n)).is_some());
            let names = (0..=n).filter(|n| memory.known(&Name(*n)).is_some());
            let held = ages.count() + names.count();
            assert!((1..=ANSWERS).contains(&held), "{held}");
        }
    }
}

//! Techniques of MITRE ATT&CK in a file.
//!
//! On the wire a technique is one hash per tactic. A file says `T1078` for all tactics of a
//! technique and `T1078 persistence` for one of them; hashes are read too, and those that stand
//! for nothing known are kept.

use cresset_model::attack::{self, Tag};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeSet;

/// What one entry stands for: tags of the table, or `None` if it is a hash of no known meaning.
fn tags(entry: &str) -> Result<Option<Vec<&'static Tag>>, String> {
    let entry = entry.trim();
    if let Some(tag) = attack::tag(entry) {
        return Ok(Some(vec![tag]));
    }
    let (id, tactic) = match entry.split_once(char::is_whitespace) {
        Some((id, tactic)) => (id, tactic.trim()),
        None => (entry, ""),
    };
    if !attack::looks_like_id(id) {
        return Ok(None);
    }
    let all = attack::tags_of(id);
    if all.is_empty() {
        return Err(format!(
            "{id} is no technique of ATT&CK {}; a technique of another version is named by its hashes",
            attack::VERSION
        ));
    }
    let short = tactic.to_ascii_lowercase().replace(' ', "-");
    let meant = |tag: &&Tag| short.is_empty() || tag.tactic.short == short;
    let found: Vec<&Tag> = all.iter().filter(meant).collect();
    if found.is_empty() {
        let shorts: Vec<&str> = all.iter().map(|tag| tag.tactic.short).collect();
        return Err(format!(
            "{id} has no tactic {tactic:?}, but {}",
            shorts.join(", ")
        ));
    }
    Ok(Some(found))
}

/// The tags of all entries, in the order of the table, and the entries that stand for none.
fn sorted(entries: &[String]) -> (BTreeSet<(&'static str, usize)>, BTreeSet<String>) {
    let (mut known, mut unknown) = (BTreeSet::new(), BTreeSet::new());
    for entry in entries {
        let Ok(Some(tags)) = tags(entry) else {
            unknown.insert(entry.trim().to_owned());
            continue;
        };
        for tag in tags {
            let all = attack::tags_of(tag.technique.id);
            let place = all.iter().position(|other| other == tag);
            known.insert((tag.technique.id, place.unwrap_or_default()));
        }
    }
    unknown.remove("");
    (known, unknown)
}

/// The hashes of the wire. Their order means nothing there.
pub(super) fn hashes(entries: &[String]) -> Vec<String> {
    let (known, unknown) = sorted(entries);
    let tag = |(id, place): (&str, usize)| attack::tags_of(id).get(place);
    let known = known.into_iter().filter_map(tag);
    known.map(|tag| tag.hash.clone()).chain(unknown).collect()
}

/// The same in the shortest words, in one order: entries that mean the same become the same.
pub(super) fn shortest(entries: &[String]) -> Vec<String> {
    let (known, unknown) = sorted(entries);
    let mut words = Vec::new();
    let mut known = known.into_iter().peekable();
    while let Some((id, first)) = known.next() {
        let all = attack::tags_of(id);
        let mut places = vec![first];
        while let Some((_, place)) = known.next_if(|(next, _)| *next == id) {
            places.push(place);
        }
        if places.len() == all.len() {
            words.push(id.to_owned());
            continue;
        }
        let some = places.iter().filter_map(|place| all.get(*place));
        words.extend(some.map(|tag| format!("{id} {}", tag.tactic.short)));
    }
    words.extend(unknown);
    words
}

/// An entry that means something or may be a hash.
struct Entry(String);

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match tags(&text) {
            Ok(_) => Ok(Self(text)),
            Err(mistake) => Err(serde::de::Error::custom(mistake)),
        }
    }
}

/// Reads the entries of a file.
pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let entries = Vec::<Entry>::deserialize(deserializer)?;
    Ok(entries.into_iter().map(|entry| entry.0).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SCANNING: &str = "94711e5d399c28939c688f086b7faf85";

    fn texts(entries: &[&str]) -> Vec<String> {
        entries.iter().map(|&entry| entry.to_owned()).collect()
    }

    #[test]
    fn entries_in_the_shortest_words() {
        let check = |entries: &[&str], expected: &[&str]| {
            let short = shortest(&texts(entries));
            assert_eq!(short, expected, "{entries:?}");
            assert_eq!(hashes(&short), hashes(&texts(entries)), "{entries:?}");
        };
        let all = hashes(&texts(&["T1078"]));
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        assert_eq!(all.len(), 4);
        check(&[], &[]);
        check(&[" ", ""], &[]);
        check(&[SCANNING], &["T1595"]);
        check(&[&SCANNING.to_uppercase(), "t1595"], &["T1595"]);
        check(&[all[3], all[0], all[2], all[1], all[0]], &["T1078"]);
        check(
            &[all[2], all[0]],
            &["T1078 initial-access", "T1078 privilege-escalation"],
        );
        check(
            &["T1078 Privilege Escalation", "t1078  INITIAL-ACCESS"],
            &["T1078 initial-access", "T1078 privilege-escalation"],
        );
        check(&["T1078 persistence", "T1078"], &["T1078"]);
        check(
            &["zz", "T1595.001", "abcd", "T1059", "zz"],
            &["T1059", "T1595.001", "abcd", "zz"],
        );
    }

    #[test]
    fn mistakes() {
        let check = |entry: &str, part: Option<&str>| match (tags(entry), part) {
            (Ok(_), None) => {}
            (Err(mistake), Some(part)) => assert!(mistake.contains(part), "{mistake}"),
            (found, _) => panic!("{entry:?}: {found:?}"),
        };
        check("T9999", Some("T9999 is no technique"));
        check("T1059.999", Some("no technique"));
        check(
            "T1078 impact",
            Some("initial-access, persistence, privilege-escalation"),
        );
        check("T1078 initial access", None);
        check("Valid Accounts", None);
        check("0123", None);
    }

    proptest! {
        #[test]
        fn shortest_words_mean_the_same(
            picks in prop::collection::vec((0_usize..887, any::<bool>()), 0..12),
            odd in prop::collection::vec("[0-9a-fA-F]{32}", 0..3),
        ) {
            let all = attack::tags();
            let mut entries: Vec<String> = picks
                .iter()
                .map(|(n, whole)| {
                    let tag = &all[*n];
                    if *whole { tag.technique.id.to_owned() } else { tag.hash.clone() }
                })
                .collect();
            entries.extend(odd);
            let short = shortest(&entries);
            prop_assert_eq!(shortest(&short), short.clone());
            prop_assert_eq!(hashes(&short), hashes(&entries));
            prop_assert_eq!(shortest(&hashes(&entries)), short);
        }
    }
}

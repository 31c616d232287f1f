//! MITRE ATT&CK® for Enterprise: the names behind the tag hashes of alert rules.
//!
//! A rule is tagged with hashes, one per technique and tactic: the MD5, in lower-case hex, of
//! `<id> <name> <tactic>` (spec/logpoint-api.md §2.9). The table is MITRE's own, with its
//! copyright in the file.

use crate::rule::Taxonomy;
use md5::{Digest, Md5};
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::LazyLock;

/// The version of ATT&CK whose names these are.
pub const VERSION: &str = "18.1";

/// What MITRE asks to be said wherever its names are shown.
pub const ATTRIBUTION: &str = "© 2025 The MITRE Corporation. This work is reproduced and \
    distributed with the permission of The MITRE Corporation.";

/// One technique or sub-technique a line: id, name, short names of tactics.
const SOURCE: &str = include_str!("../data/attack.tsv");

/// Why an attacker does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tactic {
    /// Such as `lateral-movement`.
    pub short: &'static str,
    /// Such as `Lateral Movement`.
    pub name: &'static str,
}

const fn tactic(short: &'static str, name: &'static str) -> Tactic {
    Tactic { short, name }
}

/// All tactics, in the order of an attack.
pub static TACTICS: [Tactic; 14] = [
    tactic("reconnaissance", "Reconnaissance"),
    tactic("resource-development", "Resource Development"),
    tactic("initial-access", "Initial Access"),
    tactic("execution", "Execution"),
    tactic("persistence", "Persistence"),
    tactic("privilege-escalation", "Privilege Escalation"),
    tactic("defense-evasion", "Defense Evasion"),
    tactic("credential-access", "Credential Access"),
    tactic("discovery", "Discovery"),
    tactic("lateral-movement", "Lateral Movement"),
    tactic("collection", "Collection"),
    tactic("command-and-control", "Command and Control"),
    tactic("exfiltration", "Exfiltration"),
    tactic("impact", "Impact"),
];

/// What an attacker does: a technique, or a sub-technique.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Technique {
    /// Such as `T1059` or `T1059.001`.
    pub id: &'static str,
    /// Its own name, without that of the technique above it.
    pub name: &'static str,
}

/// A technique used for a tactic, and the hash that stands for both on a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// 32 lower-case hex digits.
    pub hash: String,
    /// The `attack_id` and `attack_tag` of the wire.
    pub technique: Technique,
    /// The `attack_category` of the wire.
    pub tactic: Tactic,
}

impl Tag {
    fn new(technique: Technique, tactic: Tactic) -> Self {
        let text = format!("{} {} {}", technique.id, technique.name, tactic.name);
        let digest = Md5::digest(text.as_bytes());
        Self {
            hash: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            technique,
            tactic,
        }
    }
}

#[derive(Default)]
struct Table {
    tags: Vec<Tag>,
    by_hash: HashMap<String, usize>,
    by_id: HashMap<&'static str, Range<usize>>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table::default();
    for (technique, tactics) in SOURCE.lines().filter_map(parse_line) {
        let first = table.tags.len();
        let tags = tactics.map(|tactic| Tag::new(technique, tactic));
        table.tags.extend(tags);
        table.by_id.insert(technique.id, first..table.tags.len());
    }
    let numbered = table.tags.iter().enumerate();
    table.by_hash = numbered.map(|(n, tag)| (tag.hash.clone(), n)).collect();
    table
});

fn parse_line(line: &'static str) -> Option<(Technique, impl Iterator<Item = Tactic>)> {
    let mut columns = line.split('\t');
    let (Some(id), Some(name), Some(tactics)) = (columns.next(), columns.next(), columns.next())
    else {
        return None;
    };
    let tactics = tactics
        .split(',')
        .filter_map(|short| TACTICS.iter().copied().find(|t| t.short == short));
    Some((Technique { id, name }, tactics))
}

/// All tags, by id and then in the order of [`TACTICS`].
pub fn tags() -> &'static [Tag] {
    &TABLE.tags
}

/// The tag that a hash stands for, in either case.
pub fn tag(hash: &str) -> Option<&'static Tag> {
    let number = TABLE.by_hash.get(&hash.trim().to_ascii_lowercase())?;
    TABLE.tags.get(*number)
}

/// The tags of a technique, one per tactic; empty if no technique has this id.
pub fn tags_of(id: &str) -> &'static [Tag] {
    let range = TABLE.by_id.get(id.trim().to_ascii_uppercase().as_str());
    range
        .and_then(|range| TABLE.tags.get(range.clone()))
        .unwrap_or_default()
}

/// Whether a text has the form of a technique's id, known or not.
pub fn looks_like_id(text: &str) -> bool {
    let digits =
        |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some(rest) = text.trim().strip_prefix(['T', 't']) else {
        return false;
    };
    match rest.split_once('.') {
        Some((technique, part)) => digits(technique, 4) && digits(part, 3),
        None => digits(rest, 4),
    }
}

/// What a rule says of attacks, in words: the names behind its hashes, then the values of its
/// metadata fields `attack_id`, `attack_tag` and `attack_category`, each of which may hold several,
/// separated by commas. Nothing stands there twice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attack {
    /// Ids of techniques.
    pub ids: Vec<String>,
    /// Names of techniques, and hashes that the table does not have.
    pub tags: Vec<String>,
    /// Names of tactics.
    pub categories: Vec<String>,
}

impl Attack {
    /// What `taxonomy` says.
    pub fn of(taxonomy: &Taxonomy) -> Self {
        let (mut ids, mut tags) = (Words::default(), Words::default());
        let mut categories = Words::default();
        for hash in &taxonomy.attack_tag_hashes {
            let Some(tag) = tag(hash) else {
                tags.add(hash);
                continue;
            };
            ids.add(tag.technique.id);
            tags.add(tag.technique.name);
            categories.add(tag.tactic.name);
        }
        for item in &taxonomy.metadata {
            let words = match item.field.as_str() {
                "attack_id" => &mut ids,
                "attack_tag" => &mut tags,
                "attack_category" => &mut categories,
                _ => continue,
            };
            item.value.split(',').for_each(|word| words.add(word));
        }
        Self {
            ids: ids.list,
            tags: tags.list,
            categories: categories.list,
        }
    }
}

/// Words in order, none of them twice in whatever case. A rule may hold very many.
#[derive(Default)]
struct Words {
    list: Vec<String>,
    seen: HashSet<String>,
}

impl Words {
    fn add(&mut self, word: &str) {
        let word = word.trim();
        if !word.is_empty() && self.seen.insert(word.to_lowercase()) {
            self.list.push(word.to_owned());
        }
    }
}

#[cfg(test)]
mod tests;

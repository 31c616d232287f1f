//! Pairs of which some are labels of others: `cs1=drop cs1Label=Rule Action`.

use std::collections::{HashMap, HashSet};

/// What the name of a label ends with.
const LABEL: &str = "Label";
/// Longest label that becomes a name.
const MAX_NAME: usize = 64;

/// Pairs, and the names that their labels give them.
pub(super) struct Labelled<'p> {
    pairs: Vec<(&'p str, &'p str)>,
    /// From the name to the label, for labels that have a value to explain.
    labels: HashMap<&'p str, String>,
}

impl<'p> Labelled<'p> {
    /// Labels that are not `free`, or that another value has already, give no name.
    pub(super) fn new(
        pairs: impl Iterator<Item = (&'p str, &'p str)>,
        free: impl Fn(&str) -> bool,
    ) -> Self {
        let pairs: Vec<_> = pairs.collect();
        let mut labels = HashMap::new();
        let mut taken = HashSet::new();
        for (name, label) in &pairs {
            if let Some(explained) = name.strip_suffix(LABEL)
                && !explained.is_empty()
                && let Some(label) = field_name(label).filter(|label| free(label))
                && pairs.iter().any(|(n, _)| *n == explained)
                && taken.insert(label.clone())
            {
                labels.insert(explained, label);
            }
        }
        Self { pairs, labels }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'p str, &'p str)> {
        self.pairs.iter().copied()
    }

    /// The name that a label gives to the value of `name`.
    pub(super) fn label_of(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(String::as_str)
    }

    /// True for a label that has become the name of a field.
    pub(super) fn is_spent(&self, name: &str) -> bool {
        name.strip_suffix(LABEL)
            .is_some_and(|explained| self.labels.contains_key(explained))
    }
}

/// `Rule Name` as a field is called: `rule_name`.
fn field_name(label: &str) -> Option<String> {
    let mut name = String::with_capacity(label.len());
    for c in label.trim().chars() {
        if c.is_alphanumeric() || c == '.' {
            name.extend(c.to_lowercase());
        } else if !name.ends_with('_') {
            name.push('_');
        }
    }
    let name = name.trim_matches('_');
    let starts_well = name.chars().next().is_some_and(char::is_alphabetic);
    (starts_well && name.len() <= MAX_NAME).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::field_name;

    #[test]
    fn labels_as_names() {
        let check = |label: &str, expect: Option<&str>| {
            assert_eq!(field_name(label).as_deref(), expect, "{label:?}");
        };
        check("Rule Name", Some("rule_name"));
        check(" File / Hash (MD5) ", Some("file_hash_md5"));
        check("x.y", Some("x.y"));
        check("Größe", Some("größe"));
        check("", None);
        check("--", None);
        check("1st", None);
        check(&"n".repeat(65), None);
    }
}

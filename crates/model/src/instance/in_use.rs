//! Rules that an instance must not be taken away from.

use super::{Instance, split_address};

/// Most rules that a refusal names.
const NAMED: usize = 5;

/// Active rules name repos of the instance, and would fail without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InUse {
    instance: String,
    rules: Vec<String>,
    count: usize,
}

impl InUse {
    /// Looks for `instance` in the `repos` of active rules, given with their names.
    pub fn by<'a>(
        instance: &Instance,
        active: impl IntoIterator<Item = (&'a str, &'a [String])>,
    ) -> Option<Self> {
        let means = |repos: &[String]| {
            let mut nodes = repos.iter().map(|repo| split_address(repo.trim()).0);
            nodes.any(|node| node == instance.node)
        };
        let found = active.into_iter().filter(|(_, repos)| means(repos));
        let mut rules: Vec<String> = found.map(|(name, _)| format!("{name:?}")).collect();
        let count = rules.len();
        rules.sort_unstable();
        rules.truncate(NAMED);
        (count > 0).then(|| Self {
            instance: instance.name.clone(),
            rules,
            count,
        })
    }
}

impl std::fmt::Display for InUse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (instance, rules) = (&self.instance, self.rules.join(", "));
        write!(f, "the instance {instance:?} is searched by {rules}")?;
        match self.count - self.rules.len() {
            0 => {}
            1 => write!(f, " and 1 more active rule")?,
            more => write!(f, " and {more} more active rules")?,
        }
        f.write_str(", which would fail without it; change or deactivate them, or use force")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::{InstanceHealth, Trust};
    use crate::{ObjectId, Timestamp};

    #[test]
    fn rules_are_found_by_the_node_of_their_repos() {
        let instance = Instance {
            id: ObjectId::from_bytes([1; 12]),
            name: "berlin".to_owned(),
            url: "http://10.0.0.7:7070".to_owned(),
            node: "10.0.0.7:7070".to_owned(),
            user: "reader".to_owned(),
            trust: Trust::System,
            by_operator: true,
            created_at: Timestamp(0),
            health: InstanceHealth::default(),
        };
        let check = |repos: &[&str], expected: bool| {
            let repos: Vec<String> = repos.iter().map(ToString::to_string).collect();
            let found = InUse::by(&instance, [("r", repos.as_slice())]);
            assert_eq!(found.is_some(), expected, "{repos:?}");
        };
        check(&[], false);
        check(&["web", "10.0.0.8:7070/web", "10.0.0.7:70701/web"], false);
        check(&["web", " 10.0.0.7:7070/web"], true);
        check(&["10.0.0.7:7070"], true);
        check(&["10.0.0.7:7070/"], true);

        let repos = ["10.0.0.7:7070/web".to_owned()];
        let names: Vec<String> = (1..=7).map(|n| format!("Rule {n}")).collect();
        let told = |count: usize| {
            let rules = names[..count]
                .iter()
                .rev()
                .map(|n| (n.as_str(), &repos[..]));
            InUse::by(&instance, rules).unwrap().to_string()
        };
        assert!(
            told(1).contains("searched by \"Rule 1\", which"),
            "{}",
            told(1)
        );
        assert!(
            told(6).contains("\"Rule 5\" and 1 more active rule,"),
            "{}",
            told(6)
        );
        assert!(told(7).contains(" and 2 more active rules,"), "{}", told(7));
    }
}

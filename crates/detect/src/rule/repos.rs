//! Which repos a rule searches.

use super::CompileError;
use cresset_model::instance::{Meaning, Nodes, is_remote, split_address};
use cresset_model::user::RepoAccess;
use cresset_search::HERE;

/// The repos at `addresses` that the rule's owner may search: names here and addresses at
/// other instances, [`HERE`] for all that are here; empty means just that.
pub(super) fn searched(
    addresses: &[String],
    access: &RepoAccess,
    nodes: &Nodes,
) -> Result<Vec<String>, CompileError> {
    permitted(entries(addresses, nodes)?, access)
}

/// What the addresses of a rule's `repos` mean.
fn entries(addresses: &[String], nodes: &Nodes) -> Result<Vec<String>, CompileError> {
    let mut entries = Vec::new();
    for address in addresses.iter().map(|a| a.trim()) {
        let entry = entry(address, nodes)?;
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    if entries.iter().any(|entry| entry == HERE) {
        entries.retain(|entry| entry == HERE || is_remote(entry));
    }
    if entries == [HERE] {
        entries.clear();
    }
    Ok(entries)
}

fn entry(address: &str, nodes: &Nodes) -> Result<String, CompileError> {
    match nodes.meaning(address) {
        Meaning::Here => Ok(HERE.to_owned()),
        Meaning::Repo(name) if cresset_model::repo::valid_name(&name) => Ok(name),
        Meaning::Repo(_) => Err(CompileError::Repo(address.to_owned())),
        Meaning::Elsewhere { node, repo: None } => Ok(node),
        Meaning::Elsewhere {
            node,
            repo: Some(repo),
        } => Ok(format!("{node}/{repo}")),
        Meaning::Removed => Err(CompileError::Removed(address.to_owned())),
    }
}

/// What the owner may search of `entries`; empty means all that is here, before and after.
fn permitted(entries: Vec<String>, access: &RepoAccess) -> Result<Vec<String>, CompileError> {
    let RepoAccess::Only(granted) = access else {
        return Ok(entries);
    };
    let all = [HERE.to_owned()];
    let asked: &[String] = if entries.is_empty() { &all } else { &entries };
    let mut left: Vec<String> = Vec::new();
    for entry in asked {
        let meant = |repo: &&String| match split_address(entry) {
            (HERE, None) => !is_remote(repo),
            (node, None) if is_remote(entry) => split_address(repo).0 == node,
            _ => *repo == entry,
        };
        for repo in granted.iter().filter(meant) {
            if !left.contains(repo) {
                left.push(repo.clone());
            }
        }
    }
    if left.is_empty() {
        return Err(CompileError::NoRepo);
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_searches_what_its_owner_may_search() {
        let check = |names: &[&str], granted: Option<&[&str]>, expected: Option<&[&str]>| {
            let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
            let access = granted.map_or(RepoAccess::All, |granted| {
                RepoAccess::Only(owned(granted).into_iter().collect())
            });
            let expected = expected.map(owned).ok_or(CompileError::NoRepo);
            assert_eq!(permitted(owned(names), &access), expected, "{names:?}");
        };
        check(&[], None, Some(&[]));
        check(&["a"], None, Some(&["a"]));
        check(&[], Some(&["b", "c"]), Some(&["b", "c"]));
        check(&["a", "b"], Some(&["b", "c"]), Some(&["b"]));
        check(&["a"], Some(&["b"]), None);
        check(&[], Some(&[]), None);
    }

    #[test]
    fn addresses_become_names() {
        let check = |given: &[&str], expect: &[&str]| {
            let given: Vec<String> = given.iter().map(ToString::to_string).collect();
            let found = entries(&given, &Nodes::default());
            assert_eq!(found.unwrap(), expect, "{given:?}");
        };
        check(&[], &[]);
        check(&["127.0.0.1:5504/default"], &["default"]);
        check(
            &[
                "127.0.0.1:5504/_cresset",
                "default",
                "10.0.0.1:5504/default",
            ],
            &["_cresset", "default"],
        );
        check(&["default", "127.0.0.1:5504"], &[]);
        check(&["192.168.2.1"], &[]);
        check(&["[::1]:5504/Windows"], &["windows"]);
        check(&[""], &[]);
        assert_eq!(
            entries(&["a b".into()], &Nodes::default()),
            Err(CompileError::Repo("a b".into()))
        );
    }

    #[test]
    fn addresses_of_other_instances_stay_addresses() {
        let set = |nodes: &[&str]| nodes.iter().map(ToString::to_string).collect();
        let nodes = Nodes {
            registered: set(&["b:7077"]),
            removed: set(&["c:7077"]),
        };
        let check = |given: &[&str], expect: &[&str]| {
            let given: Vec<String> = given.iter().map(ToString::to_string).collect();
            assert_eq!(entries(&given, &nodes).unwrap(), expect, "{given:?}");
        };
        check(&["B:7077/web", "web"], &["b:7077/web", "web"]);
        check(&["b:7077", "127.0.0.1:5504"], &["b:7077", "*"]);
        check(&["web", "b:7077/", "127.0.0.1:5504"], &["b:7077", "*"]);
        check(&["x:1/web"], &["web"]);
        assert_eq!(
            entries(&["c:7077/web".into()], &nodes),
            Err(CompileError::Removed("c:7077/web".into()))
        );
    }

    #[test]
    fn permission_reaches_to_other_instances() {
        let granted = ["a", "b:1/x", "b:1/y", "c:1/z"].map(str::to_owned);
        let access = RepoAccess::Only(granted.into_iter().collect());
        let check = |asked: &[&str], expect: Option<&[&str]>| {
            let asked = asked.iter().map(ToString::to_string).collect();
            let expect = expect.map(|e| e.iter().map(ToString::to_string).collect());
            assert_eq!(permitted(asked, &access).ok(), expect);
        };
        check(&[], Some(&["a"]));
        check(&["*", "b:1/x"], Some(&["a", "b:1/x"]));
        check(&["b:1"], Some(&["b:1/x", "b:1/y"]));
        check(&["b:1/q"], None);
        check(&["c:1/z", "q"], Some(&["c:1/z"]));
    }
}

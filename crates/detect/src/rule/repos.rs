//! Which repos a rule searches.

use super::CompileError;
use cresset_model::user::RepoAccess;

/// Names of the repos at `addresses` that the rule's owner may search; empty means all.
pub(super) fn searched(
    addresses: &[String],
    access: &RepoAccess,
) -> Result<Vec<String>, CompileError> {
    permitted(repo_names(addresses)?, access)
}

/// Names behind the addresses of a rule's `repos`; empty means all.
fn repo_names(addresses: &[String]) -> Result<Vec<String>, CompileError> {
    let mut names = Vec::new();
    for address in addresses.iter().map(|a| a.trim()) {
        let name = match address.rsplit_once('/') {
            Some((_, name)) => name,
            // A bare address of an instance stands for all of its repos.
            None if address.contains([':', '.']) => "",
            None => address,
        };
        if name.is_empty() {
            return Ok(Vec::new());
        }
        let name = name.to_ascii_lowercase();
        if !cresset_model::repo::valid_name(&name) {
            return Err(CompileError::Repo(address.to_owned()));
        }
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

/// What the owner may search of `names`; empty means all, before and after.
fn permitted(names: Vec<String>, access: &RepoAccess) -> Result<Vec<String>, CompileError> {
    let RepoAccess::Only(granted) = access else {
        return Ok(names);
    };
    let left: Vec<String> = if names.is_empty() {
        granted.iter().cloned().collect()
    } else {
        names.into_iter().filter(|n| granted.contains(n)).collect()
    };
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
            assert_eq!(repo_names(&given).unwrap(), expect, "{given:?}");
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
            repo_names(&["a b".into()]),
            Err(CompileError::Repo("a b".into()))
        );
    }
}

use super::*;
use cresset_model::instance::{InstanceHealth, Trust};
use cresset_model::user::{DateFormat, HourFormat};
use cresset_model::{ObjectId, Timestamp};

fn directory(role: &str, granted: Option<&[&str]>) -> RepoDirectory {
    let user = User {
        id: ObjectId::from_bytes([1; 12]),
        number: 1,
        username: "ann".to_owned(),
        email: String::new(),
        roles: vec![role.to_owned()],
        disabled: false,
        timezone: "UTC".to_owned(),
        date_format: DateFormat::default(),
        hour_format: HourFormat::default(),
        repos: granted.map(|names| names.iter().map(|n| (*n).to_owned()).collect()),
        created_at: Timestamp(0),
    };
    let names = ["default", "_cresset", "web"].map(str::to_owned);
    let instances = vec![
        instance("berlin", "10.0.0.7:7070", Some(&["_cresset", "web"])),
        instance("new", "new.example:443", None),
        instance("empty", "10.0.0.9:7070", Some(&[])),
        // This server's own node goes first.
        instance("shadow", "127.0.0.1:5504", Some(&["shadowed"])),
    ];
    let removed = BTreeSet::from(["10.0.0.6:7070".to_owned()]);
    RepoDirectory::new(&ApiSettings::default(), names, instances, removed, &user)
}

/// An instance that has answered with its repos, or never.
fn instance(name: &str, node: &str, repos: Option<&[&str]>) -> Instance {
    let repos_of = |names: &[&str]| {
        let repo = |name: &&str| RemoteRepo {
            name: (*name).to_owned(),
            address: format!("127.0.0.1:5504/{name}"),
        };
        names.iter().map(repo).collect()
    };
    Instance {
        id: ObjectId::from_bytes([2; 12]),
        name: name.to_owned(),
        url: format!("https://{node}"),
        node: node.to_owned(),
        user: "reader".to_owned(),
        trust: Trust::System,
        by_operator: true,
        created_at: Timestamp(0),
        health: InstanceHealth {
            seen_at: repos.map(|_| Timestamp(1)),
            repos: repos.map(repos_of).unwrap_or_default(),
            ..InstanceHealth::default()
        },
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Asserts what addresses resolve to, or which of them is unknown.
fn resolves(directory: &RepoDirectory, addresses: &[&str], expected: Result<&[&str], &str>) {
    let found = directory.resolve(addresses.iter().copied());
    let expected = expected
        .map(owned)
        .map_err(|unknown| RepoError::Unknown(unknown.to_owned()));
    assert_eq!(found, expected, "{addresses:?}");
}

#[test]
fn every_form_of_address() {
    let directory = directory("administrator", None);
    let check = |addresses: &[&str], expected: Result<&[&str], &str>| {
        resolves(&directory, addresses, expected);
    };
    check(&[], Ok(&[]));
    check(&[""], Ok(&[]));
    check(&["127.0.0.1:5504"], Ok(&[]));
    check(&["127.0.0.1"], Ok(&[]));
    check(&["Cresset"], Err("Cresset"));
    check(&["web", "127.0.0.1:5504"], Ok(&[]));
    check(&["127.0.0.1:5504/default"], Ok(&["default"]));
    check(
        &[" web ", "127.0.0.1:5504/default", "default"],
        Ok(&["default", "web"]),
    );
    check(&["127.0.0.1:5504/nope"], Err("127.0.0.1:5504/nope"));
    check(&["10.0.0.2:5504/default"], Err("10.0.0.2:5504/default"));
    check(&["10.0.0.2:5504"], Err("10.0.0.2:5504"));
    check(&["default", "nope"], Err("nope"));
    check(&["127.0.0.1:5504/"], Ok(&[]));
    check(&["127.0.0.1:5504/Default", "WEB"], Ok(&["default", "web"]));
    check(&["web/"], Err("web/"));
}

#[test]
fn all_is_what_the_user_may_search() {
    let check = |granted: Option<&[&str]>, addresses: &[&str], expected: Option<&[&str]>| {
        let directory = directory("manager", granted);
        let found = directory.resolve(addresses.iter().copied());
        let left = directory.remaining(&owned(addresses));
        assert_eq!(found.ok(), expected.map(owned), "{granted:?} {addresses:?}");
        if expected.is_some() {
            assert_eq!(left, expected.map(owned), "{granted:?} {addresses:?}");
        }
    };
    for all in [&[][..], &[""], &["127.0.0.1:5504"], &["127.0.0.1", "web"]] {
        check(None, all, Some(&["default", "web"]));
        check(Some(&["web", "gone"]), all, Some(&["web"]));
        check(Some(&[]), all, None);
    }
    check(None, &["127.0.0.1:5504/_cresset"], None);
    check(Some(&["_cresset"]), &["_cresset"], Some(&["_cresset"]));
    check(Some(&["web"]), &["web", "127.0.0.1:5504/default"], None);
}

#[test]
fn what_remains_of_saved_addresses() {
    let check = |granted: Option<&[&str]>, addresses: &[&str], expected: Option<&[&str]>| {
        let left = directory("manager", granted).remaining(&owned(addresses));
        assert_eq!(left, expected.map(owned), "{granted:?} {addresses:?}");
    };
    check(Some(&["web"]), &["web", "default"], Some(&["web"]));
    check(Some(&["web"]), &["default"], None);
    check(
        Some(&["web"]),
        &["gone", "127.0.0.1:5504/web"],
        Some(&["web"]),
    );
    check(Some(&["web"]), &["gone"], None);
    check(Some(&[]), &[], None);
    // From when this server had another address.
    let web = "192.168.2.1:5504/web";
    check(None, &[web], Some(&["web"]));
    check(Some(&["web"]), &["192.168.2.1"], Some(&["web"]));
    check(Some(&["default"]), &[web], None);
    check(None, &["10.0.0.6:7070/web"], None);
}

#[test]
fn an_address_that_this_server_had_is_taken_where_it_was_saved() {
    let directory = directory("administrator", None);
    let check = |saved: &[&str], addresses: &[&str], expected: Result<&[&str], &str>| {
        let found = directory.resolve_beside(addresses.iter().copied(), &owned(saved));
        let expected = expected
            .map(owned)
            .map_err(|unknown| RepoError::Unknown(unknown.to_owned()));
        assert_eq!(found, expected, "{saved:?} {addresses:?}");
    };
    let (web, default) = ("192.168.2.1:5504/web", "192.168.2.1:5504/default");
    check(&[web], &[web, "default"], Ok(&["default", "web"]));
    check(&[web], &[web, default], Err(default));
    check(&[], &[web], Err(web));
    check(
        &["192.168.2.1:5504/x"],
        &["192.168.2.1:5504/x"],
        Err("192.168.2.1:5504/x"),
    );
    let gone = ["10.0.0.6:7070/web"];
    let found = directory.resolve_beside(gone, &owned(&gone));
    assert_eq!(found, Err(RepoError::Removed(gone[0].to_owned())));
}

#[test]
fn who_is_refused_learns_why() {
    let directory = directory("manager", Some(&["web"]));
    let refused = directory.resolve(["web", "127.0.0.1:5504/default"]);
    let expected = RepoError::NotPermitted("127.0.0.1:5504/default".to_owned());
    assert_eq!(refused, Err(expected));
}

#[test]
fn addresses_at_other_instances() {
    let directory = directory("administrator", None);
    let check = |addresses: &[&str], expected: Result<&[&str], &str>| {
        resolves(&directory, addresses, expected);
        if let Ok(expected) = expected {
            let left = directory.remaining(&owned(addresses));
            assert_eq!(left, Some(owned(expected)), "{addresses:?}");
        }
    };
    let (system, web) = ("10.0.0.7:7070/_cresset", "10.0.0.7:7070/web");
    check(&[web], Ok(&[web]));
    check(&[" 10.0.0.7:7070 "], Ok(&[system, web]));
    check(&["10.0.0.7:7070/", web], Ok(&[system, web]));
    check(&["default", web], Ok(&[web, "default"]));
    check(&["web", "127.0.0.1", web], Ok(&[HERE, web]));
    check(&["web", "127.0.0.1:5504/", web], Ok(&[HERE, web]));
    check(&["10.0.0.7:7070/nope"], Err("10.0.0.7:7070/nope"));
    check(&["10.0.0.7:7071/web"], Err("10.0.0.7:7071/web"));
    check(&["10.0.0.7"], Err("10.0.0.7"));
    check(&["berlin"], Err("berlin"));
    check(&["new.example:443/any"], Ok(&["new.example:443/any"]));
    check(&["new.example:443"], Ok(&["new.example:443"]));
    check(&["10.0.0.9:7070"], Ok(&["10.0.0.9:7070"]));
    check(&["10.0.0.9:7070/web"], Err("10.0.0.9:7070/web"));
    check(&["127.0.0.1:5504/shadowed"], Err("127.0.0.1:5504/shadowed"));
}

#[test]
fn grants_count_at_other_instances() {
    let check = |granted: Option<&[&str]>, address: &str, expected: Option<&[&str]>| {
        let directory = directory("manager", granted);
        let found = directory.resolve([address]);
        assert_eq!(found.ok(), expected.map(owned), "{granted:?} {address}");
        let left = directory.remaining(&owned(&[address]));
        assert_eq!(left, expected.map(owned), "{granted:?} {address}");
        // What is left of two is what may be searched, never all that is here.
        let both = directory.remaining(&owned(&[address, "10.0.0.7:7070/nope"]));
        assert_eq!(both, expected.map(owned), "{granted:?} {address}");
    };
    let (node, web, unseen) = ("10.0.0.7:7070", "10.0.0.7:7070/web", "new.example:443/any");
    check(None, web, None);
    check(None, node, None);
    check(None, "10.0.0.7:7070/_cresset", None);
    check(None, unseen, None);
    check(None, "new.example:443", None);
    check(None, "10.0.0.9:7070", None);
    check(Some(&["web"]), web, None);
    check(Some(&["web"]), node, None);
    check(Some(&[web]), web, Some(&[web]));
    check(Some(&[web]), node, Some(&[web]));
    check(Some(&[web]), "web", None);
    check(Some(&[web]), "127.0.0.1", None);
    check(Some(&[unseen]), unseen, Some(&[unseen]));

    let granted = directory("manager", Some(&["default", "web", web, node]));
    let all = granted.resolve(["127.0.0.1", web]);
    assert_eq!(all, Ok(owned(&[web, "default", "web"])));
    assert_eq!(granted.resolve([]), Ok(owned(&["default", "web"])));
}

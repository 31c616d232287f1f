use crate::support::{OWNER, at, id, spec, with_owner};
use cresset_catalog::port::MAX_INSTANCES;
use cresset_catalog::{Catalog, Error};
use cresset_model::instance::{Instance, InstanceHealth, Product, RemoteRepo, Trust};
use cresset_model::user::RepoAccess;
use cresset_model::{ObjectId, SecretString};

pub(crate) fn instance(n: u64, name: &str) -> Instance {
    let node = format!("10.0.0.{n}:7077");
    Instance {
        id: id(n),
        name: name.to_owned(),
        url: format!("https://{node}"),
        node,
        user: "reader".to_owned(),
        trust: Trust::Authorities("pem".to_owned()),
        by_operator: true,
        created_at: at(0),
        health: InstanceHealth::default(),
    }
}

fn key(text: &str) -> SecretString {
    SecretString::new(text)
}

async fn instances_come_and_go(catalog: &dyn Catalog) {
    let (b, a) = (instance(3, "b"), instance(2, "a"));
    catalog.add_instance(&b, &key("of b")).await.unwrap();
    catalog.add_instance(&a, &key("of a")).await.unwrap();
    assert_eq!(catalog.instances().await.unwrap(), [a.clone(), b.clone()]);
    let found = catalog.instance_key(b.id).await.unwrap();
    assert_eq!(found.expose(), "of b");
    catalog
        .replace_instance_key(b.id, &key("new"))
        .await
        .unwrap();
    let found = catalog.instance_key(b.id).await.unwrap();
    assert_eq!(found.expose(), "new");

    catalog.remove_instance("a", at(9)).await.unwrap();
    assert_eq!(catalog.instances().await.unwrap(), [b]);
    let removed = catalog.removed_nodes().await.unwrap();
    assert!(removed.into_iter().eq([a.node.clone()]));
    for error in [
        catalog.remove_instance("a", at(9)).await.unwrap_err(),
        catalog.instance_key(a.id).await.unwrap_err(),
        catalog
            .replace_instance_key(a.id, &key("k"))
            .await
            .unwrap_err(),
    ] {
        let what = "instance";
        assert!(
            matches!(error, Error::NotFound { what: w, .. } if w == what),
            "{error}"
        );
    }
    catalog.add_instance(&a, &key("of a")).await.unwrap();
    assert!(catalog.removed_nodes().await.unwrap().is_empty());
}

async fn a_name_and_a_node_are_there_once(catalog: &dyn Catalog) {
    let first = instance(2, "a");
    catalog.add_instance(&first, &key("k")).await.unwrap();
    let same_name = instance(3, "a");
    let same_node = Instance {
        id: id(4),
        name: "c".to_owned(),
        ..first.clone()
    };
    for (other, named) in [(same_name, "\"a\""), (same_node, "a at 10.0.0.2:7077")] {
        let error = catalog.add_instance(&other, &key("k")).await.unwrap_err();
        assert!(error.to_string().contains(named), "{error}");
        assert!(matches!(error, Error::Exists { .. }), "{error}");
    }
    for bad in ["", "a b", "-a", "a/b"] {
        let error = catalog.add_instance(&instance(9, bad), &key("k")).await;
        assert!(matches!(error, Err(Error::Refused(_))), "{bad:?}");
    }
    assert_eq!(catalog.instances().await.unwrap(), [first]);
}

async fn health_is_kept(catalog: &dyn Catalog) {
    let a = instance(2, "a");
    catalog.add_instance(&a, &key("k")).await.unwrap();
    let health = InstanceHealth {
        checked_at: Some(at(5)),
        seen_at: Some(at(4)),
        error: Some("connection refused".to_owned()),
        product: Product::Cresset,
        repos: vec![RemoteRepo {
            name: "web".to_owned(),
            address: "127.0.0.1:5504/web".to_owned(),
        }],
    };
    catalog.record_health(a.id, &health).await.unwrap();
    catalog.record_health(id(77), &health).await.unwrap();
    assert_eq!(
        catalog.instances().await.unwrap(),
        [Instance { health, ..a }]
    );
}

async fn what_is_granted_there_reaches_the_rules(catalog: &dyn Catalog) {
    with_owner(catalog).await;
    let made = catalog
        .create_rule(id(50), id(OWNER), spec("rule"), at(1), None)
        .await
        .unwrap();
    let before = catalog.rules_version().await.unwrap();
    let (seen, unseen) = (instance(2, "seen"), instance(3, "unseen"));
    catalog.add_instance(&seen, &key("k")).await.unwrap();
    assert!(
        catalog.rules_version().await.unwrap() > before,
        "rules that name it run differently"
    );
    catalog.add_instance(&unseen, &key("k")).await.unwrap();
    let repo = |name: &str| RemoteRepo {
        name: name.to_owned(),
        address: format!("127.0.0.1:5504/{name}"),
    };
    let health = InstanceHealth {
        repos: vec![repo("web"), repo("_cresset")],
        ..InstanceHealth::default()
    };
    catalog.record_health(seen.id, &health).await.unwrap();
    let may_search = async |expected: &[&str]| {
        let rule = catalog.rule(made.id).await.unwrap().unwrap();
        let expected = expected.iter().map(ToString::to_string).collect();
        assert_eq!(rule.repos, RepoAccess::Only(expected));
        let changes = catalog.rule_changes(0).await.unwrap();
        assert_eq!(changes.owners[0].repos, rule.repos);
        assert_eq!(changes.changed, [rule]);
        assert_eq!(catalog.active_rules().await.unwrap(), changes.changed);
    };
    may_search(&[]).await;
    let granted = [
        "10.0.0.2:7077/gone",
        "10.0.0.2:7077/web",
        "10.0.0.3:7077/web",
    ];
    let names = granted.map(str::to_owned).into_iter().collect();
    catalog.grant_repos(id(OWNER), Some(&names)).await.unwrap();
    // Also what has never been seen there: left out here, nobody would hear of it.
    may_search(&granted).await;
    catalog.remove_instance("unseen", at(9)).await.unwrap();
    may_search(&granted[..2]).await;
}

async fn the_own_nodes_are_those_kept_last(catalog: &dyn Catalog) {
    assert!(catalog.own_nodes().await.unwrap().is_empty());
    for nodes in [&["localhost:7070", "logs:7070"][..], &["10.0.0.1:80"]] {
        let nodes = nodes.iter().map(ToString::to_string).collect();
        catalog.keep_own_nodes(&nodes).await.unwrap();
        assert_eq!(catalog.own_nodes().await.unwrap(), nodes);
    }
}

async fn their_repos_may_be_granted(catalog: &dyn Catalog) {
    with_owner(catalog).await;
    catalog
        .add_instance(&instance(2, "a"), &key("k"))
        .await
        .unwrap();
    let set = |address: &str| [address.to_owned()].into_iter().collect();
    let at_a = set("10.0.0.2:7077/web");
    catalog.grant_repos(id(OWNER), Some(&at_a)).await.unwrap();
    for unknown in ["10.0.0.3:7077/web", "10.0.0.2:7078/web", "nowhere"] {
        let granted = catalog.grant_repos(id(OWNER), Some(&set(unknown))).await;
        assert!(granted.is_err(), "{unknown}");
    }
    let owner = catalog.user_by_name("owner").await.unwrap().unwrap();
    assert_eq!(owner.repos, Some(at_a));
}

async fn there_is_a_bound(catalog: &dyn Catalog) {
    let numbered = |n: usize| Instance {
        id: ObjectId::from_bytes([n as u8; 12]),
        node: format!("h{n}:1"),
        ..instance(0, &format!("i{n}"))
    };
    for n in 0..MAX_INSTANCES {
        catalog.add_instance(&numbered(n), &key("k")).await.unwrap();
    }
    let one_more = numbered(MAX_INSTANCES);
    let error = catalog.add_instance(&one_more, &key("k")).await;
    assert!(matches!(error, Err(Error::Refused(_))));
}

conformance!(
    instances_come_and_go,
    a_name_and_a_node_are_there_once,
    health_is_kept,
    what_is_granted_there_reaches_the_rules,
    the_own_nodes_are_those_kept_last,
    their_repos_may_be_granted,
    there_is_a_bound,
);

use crate::support::{OWNER, at, commit, firing, id, new_user, spec, with_owner};
use cresset_catalog::port::IncidentFilter;
use cresset_catalog::{Catalog, Error};
use cresset_model::ObjectId;
use cresset_model::group::UserGroup;

async fn members_come_and_go(catalog: &dyn Catalog) {
    with_owner(catalog).await;
    catalog.create_user(new_user(2, "bob")).await.unwrap();
    let night = catalog.create_group(id(31), "Night", at(1)).await.unwrap();
    catalog.create_group(id(30), "Day", at(2)).await.unwrap();
    let error = catalog
        .create_group(id(32), "Night", at(3))
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Exists { what: "group", .. }),
        "{error}"
    );
    catalog
        .add_group_members("Night", &[id(2), id(OWNER), id(2)])
        .await
        .unwrap();
    catalog.add_group_members("Night", &[id(2)]).await.unwrap();
    let groups = catalog.groups().await.unwrap();
    let names: Vec<&str> = groups.iter().map(|g| g.name.as_str()).collect();
    assert_eq!(names, ["Day", "Night"]);
    let expected = UserGroup {
        members: vec![id(OWNER), id(2)],
        ..night
    };
    assert_eq!(groups[1], expected);

    let error = catalog
        .add_group_members("Day", &[id(2), id(9)])
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::NotFound { what: "user", .. }),
        "{error}"
    );
    assert!(
        catalog.groups().await.unwrap()[0].members.is_empty(),
        "all or none"
    );
    catalog
        .remove_group_members("Night", &[id(2), id(9)])
        .await
        .unwrap();
    assert_eq!(catalog.groups().await.unwrap()[1].members, [id(OWNER)]);

    catalog.delete_group("Night").await.unwrap();
    assert_eq!(catalog.groups().await.unwrap().len(), 1);
    for error in [
        catalog.delete_group("Night").await.unwrap_err(),
        catalog.add_group_members("night", &[]).await.unwrap_err(),
        catalog
            .remove_group_members("Night", &[])
            .await
            .unwrap_err(),
    ] {
        assert!(
            matches!(error, Error::NotFound { what: "group", .. }),
            "{error}"
        );
    }
}

async fn names_that_no_rule_could_carry_are_refused(catalog: &dyn Catalog) {
    for name in ["", " Night", "Night ", "a\nb", &"x".repeat(256)] {
        let error = catalog.create_group(id(30), name, at(0)).await.unwrap_err();
        assert!(matches!(error, Error::Refused(_)), "{name:?}: {error}");
    }
    catalog
        .create_group(id(30), "Nacht & Täg", at(0))
        .await
        .unwrap();
}

async fn seen_by(catalog: &dyn Catalog, user: ObjectId) -> Vec<ObjectId> {
    let filter = IncidentFilter {
        visible_to: Some(user),
        ..IncidentFilter::default()
    };
    let listed = catalog.incidents(&filter).await.unwrap();
    let ids: Vec<ObjectId> = listed.iter().map(|incident| incident.id).collect();
    for n in 1..=2 {
        let sees = catalog.sees_incident(user, id(n)).await.unwrap();
        assert_eq!(sees, ids.contains(&id(n)), "{user} {n}");
    }
    ids
}

async fn groups_that_a_rule_names_see_its_incidents(catalog: &dyn Catalog) {
    with_owner(catalog).await;
    catalog.create_user(new_user(2, "bob")).await.unwrap();
    for (n, name) in [(30, "Day"), (31, "Night"), (32, "Other")] {
        catalog.create_group(id(n), name, at(0)).await.unwrap();
    }
    catalog.add_group_members("Night", &[id(2)]).await.unwrap();
    let mut named = spec("rule of groups");
    named.incident_ownership.visible_to_usergroups = ["Night", "Unknown", "Day", "Night"]
        .map(str::to_owned)
        .into();
    for (n, spec) in [(10, named), (11, spec("rule of one"))] {
        catalog
            .create_rule(id(n), id(OWNER), spec, at(0), None)
            .await
            .unwrap();
    }
    let firings = vec![firing(1, id(10), 600), firing(2, id(11), 600)];
    catalog.commit_firings(commit(firings)).await.unwrap();

    let listed = catalog
        .listed_incidents(&IncidentFilter::default())
        .await
        .unwrap();
    assert_eq!(listed[0].groups, [id(30), id(31)]);
    assert!(listed[1].groups.is_empty());
    assert_eq!(seen_by(catalog, id(2)).await, [id(1)]);
    assert_eq!(seen_by(catalog, id(OWNER)).await, [id(1), id(2)]);
    assert!(!catalog.sees_incident(id(OWNER), id(9)).await.unwrap());

    catalog.delete_group("Night").await.unwrap();
    assert!(seen_by(catalog, id(2)).await.is_empty());
    // A group that comes later sees what happened before.
    for (n, name) in [(33, "Unknown"), (34, "Night")] {
        catalog.create_group(id(n), name, at(9)).await.unwrap();
        catalog.add_group_members(name, &[id(2)]).await.unwrap();
        assert_eq!(seen_by(catalog, id(2)).await, [id(1)], "{name}");
        catalog.remove_group_members(name, &[id(2)]).await.unwrap();
        assert!(seen_by(catalog, id(2)).await.is_empty(), "{name}");
    }
    let listed = catalog
        .listed_incidents(&IncidentFilter::default())
        .await
        .unwrap();
    assert_eq!(listed[0].groups, [id(30), id(33), id(34)]);
    // What the rule names after that counts for what comes after that.
    catalog
        .update_rule(id(10), id(OWNER), spec("rule of groups"), at(9))
        .await
        .unwrap();
    let listed = catalog
        .listed_incidents(&IncidentFilter::default())
        .await
        .unwrap();
    assert_eq!(listed[0].groups.len(), 3);
}

conformance!(
    members_come_and_go,
    names_that_no_rule_could_carry_are_refused,
    groups_that_a_rule_names_see_its_incidents,
);

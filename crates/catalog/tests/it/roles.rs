use crate::support::{at, id, new_user, told};
use crate::tokens::asked;
use cresset_catalog::port::{AccountChange, MAX_ROLE_DOCUMENT, NewRole, RoleChange, RoleRef};
use cresset_catalog::{Catalog, Error};
use cresset_model::filter::ListQuery;
use cresset_model::role::{Privilege, Right, Role, own_tokens, role_access, user_access};
use cresset_model::user::BUILT_IN_ROLES;
use serde_json::{Map, Value, json};

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

fn privilege(object_id: &str, operation: &str) -> Privilege {
    Privilege {
        object_type: "setting".to_owned(),
        object_id: object_id.to_owned(),
        operation: operation.to_owned(),
        extra: object(json!({"objectName": "x"})),
    }
}

pub(crate) fn new_role(name: &str) -> NewRole {
    NewRole {
        name: name.to_owned(),
        description: format!("{name} of the house"),
        privileges: vec![privilege("useraccess.*", "write")],
        extra: object(json!({"customHelpLabel": "Help", "requireEULA": false})),
    }
}

async fn names(catalog: &dyn Catalog, filter: &str, sort: &str) -> Vec<String> {
    let page = catalog.roles(&asked(filter, sort)).await.unwrap();
    assert_eq!(page.total, page.items.len() as u64);
    page.items.into_iter().map(|role| role.name).collect()
}

async fn the_built_in_roles_are_there_and_stay_as_they_are(catalog: &dyn Catalog) {
    let page = catalog.roles(&ListQuery::default()).await.unwrap();
    let seen: Vec<_> = page.items.iter().map(|r| (r.id, r.name.as_str())).collect();
    let expected: Vec<_> = (1..).zip(BUILT_IN_ROLES).collect();
    assert_eq!(seen, expected);
    for role in &page.items {
        let strong = role.id == 1;
        let roles = std::slice::from_ref(role);
        let expected = if strong { Right::Write } else { Right::None };
        assert_eq!(
            (user_access(roles), role_access(roles)),
            (expected, expected)
        );
        assert!(own_tokens(roles) && role.built_in && role.users == 0);
        assert_eq!(catalog.role(role.id).await.unwrap().as_ref(), Some(role));

        let same = RoleChange {
            name: Some(role.name.clone()),
            description: Some(role.description.clone()),
            privileges: Some(role.privileges.clone()),
            extra: None,
        };
        let changed = catalog
            .change_role(role.id, &same, &told("x"))
            .await
            .unwrap();
        assert_eq!(changed.as_ref(), Some(role));
        let weak = RoleChange {
            privileges: Some(Vec::new()),
            ..RoleChange::default()
        };
        let error = catalog
            .change_role(role.id, &weak, &told("x"))
            .await
            .unwrap_err();
        assert!(error.to_string().contains("built in"), "{error}");
        let error = catalog.delete_role(role.id, &told("x")).await.unwrap_err();
        assert!(error.to_string().contains("built in"), "{error}");
    }
    assert_eq!(catalog.audit_entries(9).await.unwrap(), []);
}

async fn a_role_is_kept_as_it_was_given(catalog: &dyn Catalog) {
    let new = new_role("Night shift");
    let made = catalog
        .create_role(new.clone(), &told("made"))
        .await
        .unwrap();
    let expected = Role {
        id: 5,
        name: new.name,
        description: new.description,
        privileges: new.privileges,
        built_in: false,
        extra: new.extra,
        users: 0,
    };
    assert_eq!(made, expected);
    assert_eq!(catalog.role(5).await.unwrap(), Some(expected));
    assert_eq!(catalog.role(6).await.unwrap(), None);
    let told = catalog.audit_entries(9).await.unwrap();
    assert_eq!((told.len(), told[0].action.as_str()), (1, "made"));
}

async fn names_differ_in_more_than_case(catalog: &dyn Catalog) {
    catalog
        .create_role(new_role("\u{c9}quipe"), &told("made"))
        .await
        .unwrap();
    for name in ["Administrator", "\u{e9}quipe", "\u{c9}QUIPE"] {
        let error = catalog
            .create_role(new_role(name), &told("x"))
            .await
            .unwrap_err();
        assert!(
            matches!(&error, Error::Exists { what: "role", .. }),
            "{error}"
        );
    }
    let other = catalog
        .create_role(new_role("other"), &told("made"))
        .await
        .unwrap();
    let rename = |name: &str| RoleChange {
        name: Some(name.to_owned()),
        ..RoleChange::default()
    };
    let taken = catalog
        .change_role(other.id, &rename("MANAGER"), &told("x"))
        .await
        .unwrap_err();
    assert!(matches!(&taken, Error::Exists { .. }), "{taken}");
    let renamed = catalog
        .change_role(other.id, &rename("OTHER"), &told("renamed"))
        .await;
    assert_eq!(renamed.unwrap().unwrap().name, "OTHER");
    for name in ["", " ", &"x".repeat(256)] {
        let error = catalog
            .create_role(new_role(name), &told("x"))
            .await
            .unwrap_err();
        assert!(matches!(&error, Error::Refused(_)), "{error}");
    }
    let description = "x".repeat(MAX_ROLE_DOCUMENT + 1);
    let long = NewRole {
        description,
        ..new_role("long")
    };
    let error = catalog.create_role(long, &told("x")).await.unwrap_err();
    assert!(matches!(&error, Error::Refused(_)), "{error}");
    assert_eq!(catalog.audit_entries(9).await.unwrap().len(), 3);
}

async fn a_change_reaches_the_users_of_the_role(catalog: &dyn Catalog) {
    let made = catalog
        .create_role(new_role("crew"), &told("made"))
        .await
        .unwrap();
    catalog.create_user(new_user(1, "alice")).await.unwrap();
    let roles = vec![
        RoleRef::Id(made.id),
        RoleRef::Name("READONLY".to_owned()),
        RoleRef::Id(5),
    ];
    let change = AccountChange {
        roles: Some(roles),
        ..AccountChange::default()
    };
    catalog
        .change_account(1, &change, &told("given"))
        .await
        .unwrap();

    let change = RoleChange {
        name: Some("gang".to_owned()),
        description: Some(String::new()),
        privileges: Some(vec![privilege("roleaccess.*", "read")]),
        extra: Some(Map::new()),
    };
    let changed = catalog
        .change_role(made.id, &change, &told("changed"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((changed.users, changed.extra.len()), (1, 0));
    assert_eq!(catalog.role(made.id).await.unwrap(), Some(changed.clone()));
    let of_alice = catalog.roles_of(id(1)).await.unwrap();
    let seen: Vec<_> = of_alice.iter().map(|role| role.name.as_str()).collect();
    assert_eq!(seen, ["gang", "readonly"]);
    assert_eq!(of_alice[0], changed);
    let alice = catalog.user_by_id(id(1)).await.unwrap().unwrap();
    assert_eq!(alice.roles, ["gang", "readonly"]);
    assert_eq!(catalog.roles_of(id(2)).await.unwrap(), []);
    assert_eq!(
        catalog.change_role(99, &change, &told("x")).await.unwrap(),
        None
    );
}

async fn a_role_that_somebody_has_is_not_deleted(catalog: &dyn Catalog) {
    let made = catalog
        .create_role(new_role("crew"), &told("made"))
        .await
        .unwrap();
    catalog.create_user(new_user(1, "alice")).await.unwrap();
    let roles = |roles: Vec<RoleRef>| AccountChange {
        roles: Some(roles),
        ..AccountChange::default()
    };
    let given = roles(vec![RoleRef::Id(made.id)]);
    catalog
        .change_account(1, &given, &told("given"))
        .await
        .unwrap();
    let error = catalog.delete_role(made.id, &told("x")).await.unwrap_err();
    assert!(error.to_string().contains("depends on it"), "{error}");
    catalog
        .change_account(1, &roles(Vec::new()), &told("taken"))
        .await
        .unwrap();
    assert!(catalog.delete_role(made.id, &told("gone")).await.unwrap());
    assert!(!catalog.delete_role(made.id, &told("gone")).await.unwrap());
    assert_eq!(catalog.role(made.id).await.unwrap(), None);
    let next = catalog
        .create_role(new_role("crew"), &told("made"))
        .await
        .unwrap();
    assert_eq!(next.id, made.id + 1, "an id is not used again");
}

async fn roles_are_filtered_and_sorted(catalog: &dyn Catalog) {
    let extra = object(json!({"roleGroupId": 7}));
    let new = NewRole {
        extra,
        ..new_role("tok-admins")
    };
    catalog.create_role(new, &told("made")).await.unwrap();
    catalog.create_user(new_user(1, "alice")).await.unwrap();
    let check = async |filter: &str, sort: &str, expected: &[&str]| {
        assert_eq!(
            names(catalog, filter, sort).await,
            expected,
            "{filter} {sort}"
        );
    };
    check("name:\"tok-admins\"", "", &["tok-admins"]).await;
    check("id<3", "-id", &["manager", "administrator"]).await;
    check("description~house", "", &["tok-admins"]).await;
    check("associatedUserCount:1", "name", &["manager", "readonly"]).await;
    check("roleGroupId:7", "", &["tok-admins"]).await;
    check("roleGroupId:1,id:4", "", &["readonly"]).await;
    check(
        "customHelpLabel:::null",
        "-name",
        &[
            "tok-admins",
            "readonly",
            "manager",
            "administrator",
            "ackonly",
        ],
    )
    .await;
    let page = ListQuery {
        offset: 3,
        size: 1,
        ..asked("", "name")
    };
    let page = catalog.roles(&page).await.unwrap();
    assert_eq!((page.total, page.items[0].name.as_str()), (5, "readonly"));
    let error = catalog.roles(&asked("privileges:1", "")).await.unwrap_err();
    assert!(error.to_string().contains("invalid filter"), "{error}");
    assert!(catalog.audit_entries(9).await.unwrap()[0].at == at(0));
}

conformance!(
    the_built_in_roles_are_there_and_stay_as_they_are,
    a_role_is_kept_as_it_was_given,
    names_differ_in_more_than_case,
    a_change_reaches_the_users_of_the_role,
    a_role_that_somebody_has_is_not_deleted,
    roles_are_filtered_and_sorted,
);

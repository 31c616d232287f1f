use crate::support::{OWNER, at, id, new_user, spec, told, with_rule};
use crate::tokens::asked;
use cresset_catalog::port::{AccountChange, NewAccount, NewUser, RoleRef};
use cresset_catalog::{Catalog, Error};
use cresset_model::SecretString;
use cresset_model::account::Account;
use cresset_model::filter::ListQuery;
use cresset_model::user::{DateFormat, HourFormat, User};
use serde_json::{Map, Value, json};

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

fn new_account(n: u64, name: &str, roles: &[i64]) -> NewAccount {
    NewAccount {
        id: id(n),
        username: name.to_owned(),
        email: String::new(),
        first_name: "First".to_owned(),
        last_name: "Last".to_owned(),
        note: "a note".to_owned(),
        disabled: false,
        api_only: false,
        timezone: None,
        roles: roles.iter().copied().map(RoleRef::Id).collect(),
        password: None,
        api_access_key: SecretString::new(format!("key-of-{name}")),
        extra: object(json!({"phone": "+49 30", "viewPermission": {"Logs": true}})),
        created_at: at(0),
        created_by: "root".to_owned(),
    }
}

async fn make(catalog: &dyn Catalog, new: NewAccount) -> Account {
    catalog.create_account(new, &told("made")).await.unwrap()
}

async fn change(catalog: &dyn Catalog, number: i64, change: AccountChange) -> Account {
    let changed = catalog
        .change_account(number, &change, &told("changed"))
        .await;
    changed.unwrap().unwrap()
}

fn roles(roles: &[i64]) -> AccountChange {
    AccountChange {
        roles: Some(roles.iter().copied().map(RoleRef::Id).collect()),
        ..AccountChange::default()
    }
}

fn disabled(disabled: bool) -> AccountChange {
    AccountChange {
        disabled: Some(disabled),
        ..AccountChange::default()
    }
}

async fn actions(catalog: &dyn Catalog) -> Vec<String> {
    let entries = catalog.audit_entries(99).await.unwrap();
    entries.into_iter().map(|entry| entry.action).collect()
}

async fn an_account_is_kept_as_it_was_given(catalog: &dyn Catalog) {
    let mut new = new_account(1, "svc", &[4, 2]);
    new.roles.push(RoleRef::Name("ReadOnly".to_owned()));
    new.timezone = Some("Europe/Berlin".to_owned());
    new.password = Some(SecretString::new("correct horse"));
    let made = make(catalog, new.clone()).await;
    let expected = Account {
        user: User {
            id: id(1),
            number: 1,
            username: "svc".to_owned(),
            email: String::new(),
            roles: vec!["readonly".to_owned(), "manager".to_owned()],
            disabled: false,
            timezone: "Europe/Berlin".to_owned(),
            date_format: DateFormat::default(),
            hour_format: HourFormat::default(),
            repos: None,
            created_at: at(0),
        },
        first_name: "First".to_owned(),
        last_name: "Last".to_owned(),
        note: "a note".to_owned(),
        api_only: false,
        has_password: true,
        roles: catalog.roles_of(id(1)).await.unwrap(),
        created_by: "root".to_owned(),
        last_action_at: None,
        extra: new.extra,
    };
    assert_eq!(made, expected);
    assert_eq!(
        made.roles.iter().map(|role| role.users).collect::<Vec<_>>(),
        [1, 1]
    );
    assert_eq!(catalog.account(1).await.unwrap(), Some(expected));
    assert_eq!(catalog.account(2).await.unwrap(), None);
    assert_eq!(catalog.user_by_name("svc").await.unwrap(), Some(made.user));
    let key = catalog.api_access_key(id(1)).await.unwrap().unwrap();
    assert_eq!(key.expose(), "key-of-svc");
    assert!(
        catalog
            .check_password(id(1), &SecretString::new("correct horse"))
            .await
            .unwrap()
    );
    assert_eq!(actions(catalog).await, ["made"]);
}

async fn what_is_not_fit_to_be_an_account_is_refused(catalog: &dyn Catalog) {
    make(catalog, new_account(1, "svc", &[])).await;
    let refused = async |new: NewAccount| {
        catalog
            .create_account(new, &told("x"))
            .await
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refused(new_account(2, "svc", &[])).await,
        r#"user "svc" already exists"#
    );
    assert_eq!(
        refused(new_account(2, "x", &[9])).await,
        r#"role "9" does not exist"#
    );
    let mut new = new_account(2, "x", &[]);
    new.roles = vec![RoleRef::Name("nobody".to_owned())];
    assert_eq!(refused(new).await, r#"role "nobody" does not exist"#);
    assert!(
        refused(new_account(2, "", &[]))
            .await
            .contains("1 to 255 bytes")
    );
    assert!(
        refused(new_account(2, "x", &[4; 65]))
            .await
            .contains("at most 64 roles")
    );
    let note = "x".repeat(20_000);
    let new = NewAccount {
        note,
        ..new_account(2, "x", &[])
    };
    assert!(refused(new).await.contains("16384 bytes"));
    assert_eq!(catalog.users().await.unwrap().len(), 1);
    assert_eq!(actions(catalog).await, ["made"], "what failed left no line");
    // Numbers of users that were not made in the end are not lost for good.
    assert_eq!(
        make(catalog, new_account(2, "next", &[])).await.user.number,
        2
    );
}

async fn an_account_of_the_api_only_has_no_password(catalog: &dyn Catalog) {
    let password = Some(SecretString::new("correct horse"));
    let robot = NewAccount {
        api_only: true,
        password: password.clone(),
        ..new_account(1, "r", &[])
    };
    let robot = make(catalog, robot).await;
    assert!(robot.api_only && !robot.has_password);
    let person = make(
        catalog,
        NewAccount {
            password,
            ..new_account(2, "p", &[])
        },
    )
    .await;
    assert!(!person.api_only && person.has_password);
    let api_only = |api_only: bool| AccountChange {
        api_only: Some(api_only),
        ..AccountChange::default()
    };
    let password = AccountChange {
        password: Some(SecretString::new("another")),
        ..AccountChange::default()
    };
    assert!(!change(catalog, 1, password.clone()).await.has_password);
    assert!(!change(catalog, 2, api_only(true)).await.has_password);
    assert!(!change(catalog, 2, api_only(false)).await.has_password);
    assert!(change(catalog, 2, password).await.has_password);
    assert!(
        catalog
            .check_password(id(2), &SecretString::new("another"))
            .await
            .unwrap()
    );
}

async fn changes_touch_only_what_they_name(catalog: &dyn Catalog) {
    let mut expected = make(catalog, new_account(1, "svc", &[4])).await;
    assert_eq!(change(catalog, 1, AccountChange::default()).await, expected);
    let all = AccountChange {
        username: Some("service".to_owned()),
        email: Some("s@example.org".to_owned()),
        first_name: Some("A".to_owned()),
        last_name: Some("B".to_owned()),
        note: Some(String::new()),
        disabled: Some(true),
        api_only: Some(true),
        timezone: Some("Asia/Tokyo".to_owned()),
        roles: Some(vec![RoleRef::Id(2), RoleRef::Name("ackonly".to_owned())]),
        password: None,
        extra: Some(Map::new()),
    };
    let changed = change(catalog, 1, all).await;
    expected.user.username = String::from("service");
    expected.user.email = String::from("s@example.org");
    expected.user.disabled = true;
    expected.user.timezone = String::from("Asia/Tokyo");
    expected.user.roles = vec!["manager".to_owned(), "ackonly".to_owned()];
    expected.first_name = String::from("A");
    expected.last_name = String::from("B");
    expected.note = String::new();
    expected.api_only = true;
    expected.extra = Map::new();
    expected.roles = catalog.roles_of(id(1)).await.unwrap();
    assert_eq!(changed, expected);
    assert_eq!(catalog.account(1).await.unwrap(), Some(expected.clone()));

    make(catalog, new_account(2, "taken", &[])).await;
    let username = Some("taken".to_owned());
    let rename = AccountChange {
        username,
        ..AccountChange::default()
    };
    let error = catalog
        .change_account(1, &rename, &told("x"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Exists { what: "user", .. }),
        "{error}"
    );
    let error = catalog
        .change_account(1, &roles(&[99]), &told("x"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::NotFound { what: "role", .. }),
        "{error}"
    );
    assert_eq!(
        catalog.account(1).await.unwrap(),
        Some(expected),
        "nothing changed"
    );
    assert_eq!(
        catalog
            .change_account(9, &rename, &told("x"))
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        actions(catalog).await,
        ["made", "changed", "changed", "made"]
    );
}

fn named(name: &str) -> AccountChange {
    AccountChange {
        username: Some(name.to_owned()),
        ..AccountChange::default()
    }
}

async fn changes_reach_the_rules_of_the_user(catalog: &dyn Catalog) {
    let rule = with_rule(catalog, 5).await;
    let before = catalog.rules_version().await.unwrap();
    let timezone = Some("Europe/Berlin".to_owned());
    change(
        catalog,
        1,
        AccountChange {
            timezone,
            ..AccountChange::default()
        },
    )
    .await;
    assert_ne!(catalog.rules_version().await.unwrap(), before);
    let found = catalog.rule(rule).await.unwrap().unwrap();
    assert_eq!(found.timezone, "Europe/Berlin");
    let before = catalog.rules_version().await.unwrap();
    change(catalog, 1, named("owner")).await;
    let after = catalog.rules_version().await.unwrap();
    assert_eq!(after, before + 1, "handed over with the same name");
}

async fn rules_follow_their_assignee(catalog: &dyn Catalog) {
    with_rule(catalog, 5).await;
    let owner = catalog.user_by_id(id(OWNER)).await.unwrap().unwrap();
    let made = make(catalog, new_account(7, "night", &[2])).await;
    let other = make(catalog, new_account(8, "day", &[2])).await;
    let mut spec = spec("assigned");
    " night ".clone_into(&mut spec.incident_ownership.assignee);
    let rule = catalog
        .create_rule(id(6), id(OWNER), spec, at(0), None)
        .await
        .unwrap();
    let assignee = async || {
        let found = catalog.rule(rule.id).await.unwrap().unwrap();
        assert_eq!(found.rule.version, rule.version);
        found.rule.spec.incident_ownership.assignee
    };
    change(catalog, other.user.number, named("late")).await;
    assert_eq!(assignee().await, " night ");
    let before = catalog.rules_version().await.unwrap();
    change(catalog, made.user.number, named("dawn")).await;
    assert_eq!(assignee().await, "dawn");
    let changes = catalog.rule_changes(before).await.unwrap();
    let changed: Vec<_> = changes.changed.iter().map(|c| c.rule.id).collect();
    assert_eq!(changed, [rule.id]);
    // Whoever takes the old name later is somebody else.
    let namesake = make(catalog, new_account(9, "night", &[2])).await;
    assert_eq!(assignee().await, "dawn");
    // A name that is taken changes nothing.
    let taken = named("night");
    let told_of = told("x");
    let refused = catalog.change_account(made.user.number, &taken, &told_of);
    assert!(refused.await.is_err());
    assert_eq!(assignee().await, "dawn");
    for number in [namesake.user.number, made.user.number] {
        assert!(catalog.delete_account(number, &told("gone")).await.unwrap());
    }
    assert_eq!(assignee().await, owner.username);
}

async fn the_last_administrator_stays(catalog: &dyn Catalog) {
    // Without any administrator, nothing is in the way.
    make(catalog, new_account(1, "svc", &[4])).await;
    change(catalog, 1, disabled(true)).await;
    make(catalog, new_account(2, "root", &[1])).await;
    let refuse = async || {
        for bad in [disabled(true), roles(&[2, 3, 4]), roles(&[])] {
            let error = catalog
                .change_account(2, &bad, &told("x"))
                .await
                .unwrap_err();
            assert!(error.to_string().contains("last administrator"), "{error}");
        }
        let error = catalog.delete_account(2, &told("x")).await.unwrap_err();
        assert!(error.to_string().contains("last administrator"), "{error}");
    };
    refuse().await;
    change(catalog, 1, roles(&[1])).await;
    refuse().await; // the other one is disabled
    change(catalog, 1, disabled(false)).await;
    change(catalog, 2, roles(&[4])).await;
    change(catalog, 2, roles(&[1])).await;
    assert!(catalog.delete_account(1, &told("gone")).await.unwrap());
    refuse().await;
    assert!(!actions(catalog).await.contains(&"x".to_owned()));
}

async fn an_account_with_rules_is_not_deleted(catalog: &dyn Catalog) {
    let rule = with_rule(catalog, 5).await;
    let error = catalog.delete_account(1, &told("x")).await.unwrap_err();
    assert!(error.to_string().contains("owns 1 alert rules"), "{error}");
    catalog.delete_rules(&[rule], id(1)).await.unwrap();
    assert!(catalog.delete_account(1, &told("gone")).await.unwrap());
    assert!(!catalog.delete_account(1, &told("gone")).await.unwrap());
    assert_eq!(catalog.account(1).await.unwrap(), None);
    assert_eq!(catalog.user_by_name("owner").await.unwrap(), None);
    assert_eq!(catalog.role(2).await.unwrap().unwrap().users, 0);
    assert_eq!(actions(catalog).await, ["gone"]);
    let next = make(catalog, new_account(1, "next", &[])).await;
    assert_eq!(next.user.number, 2, "a number is not used again");
}

async fn users_of_both_kinds_of_making_are_listed(catalog: &dyn Catalog) {
    let twice = NewUser {
        roles: vec!["readonly".to_owned(); 2],
        ..new_user(1, "Alice")
    };
    catalog.create_user(twice).await.unwrap();
    let bob = NewAccount {
        disabled: true,
        note: "CI".to_owned(),
        ..new_account(2, "bob", &[1])
    };
    make(catalog, bob).await;
    make(
        catalog,
        NewAccount {
            api_only: true,
            ..new_account(3, "svc", &[4, 2])
        },
    )
    .await;
    let check = async |filter: &str, sort: &str, expected: &[i64]| {
        let page = catalog.accounts(&asked(filter, sort)).await.unwrap();
        let numbers: Vec<i64> = page
            .items
            .iter()
            .map(|account| account.user.number)
            .collect();
        assert_eq!(numbers, expected, "{filter} {sort}");
        assert_eq!(page.total, expected.len() as u64, "{filter} {sort}");
    };
    check("", "", &[1, 2, 3]).await;
    check("username:\"ALICE\"", "", &[1]).await;
    check("email~example", "", &[1]).await;
    check("firstName:first,lastName:last", "-id", &[3, 2]).await;
    check("note:ci", "", &[2]).await;
    check("status:\"suspended\"", "", &[2]).await;
    check("status:active", "", &[1, 3]).await;
    check("apionly:true", "", &[3]).await;
    check("roles:readonly", "-username", &[3, 1]).await;
    check("roles.name:administrator|manager", "", &[2, 3]).await;
    check("createdBy:root", "", &[2, 3]).await;
    check("phone~49", "", &[2, 3]).await;
    check("phone:::null", "", &[1]).await;
    check("lastActionOn:0", "username", &[1, 2, 3]).await;
    let page = ListQuery {
        offset: 1,
        size: 1,
        ..asked("", "-username")
    };
    let page = catalog.accounts(&page).await.unwrap();
    assert_eq!(
        (page.total, page.items[0].user.username.as_str()),
        (3, "bob")
    );
    let error = catalog
        .accounts(&asked("password~a", ""))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("invalid filter"), "{error}");
}

conformance!(
    an_account_is_kept_as_it_was_given,
    what_is_not_fit_to_be_an_account_is_refused,
    an_account_of_the_api_only_has_no_password,
    changes_touch_only_what_they_name,
    changes_reach_the_rules_of_the_user,
    rules_follow_their_assignee,
    the_last_administrator_stays,
    an_account_with_rules_is_not_deleted,
    users_of_both_kinds_of_making_are_listed,
);

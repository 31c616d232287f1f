//! What a file of an earlier Cresset keeps when the tokens gain their columns.

use crate::support::{at, id, new_user, run_sql, sealer, told};
use crate::tokens::{asked, new_token};
use cresset_catalog::port::{Accounts, ApiTokens, Roles, RuleFilter, Rules, Users};
use cresset_catalog::seal::Place;
use cresset_catalog::sqlite::SqliteCatalog;
use cresset_model::SecretString;
use cresset_model::filter::ListQuery;
use cresset_model::token::TokenKind;

const BEFORE: &str = concat!(
    include_str!("../../src/sqlite/migrations/0001_catalog.sql"),
    include_str!("../../src/sqlite/migrations/0002_groups.sql"),
    include_str!("../../src/sqlite/migrations/0003_dynamic_lists.sql"),
    include_str!("../../src/sqlite/migrations/0004_preferences.sql"),
    include_str!("../../src/sqlite/migrations/0005_instances.sql"),
    include_str!("../../src/sqlite/migrations/0006_rule_lists.sql"),
    include_str!("../../src/sqlite/migrations/0007_groups_by_name.sql"),
    include_str!("../../src/sqlite/migrations/0008_asked_deliveries.sql"),
    include_str!("../../src/sqlite/migrations/0009_one_statement.sql"),
);

/// Bob came first although his id is the greater one; alice has a role twice.
const USERS: &str = "
    INSERT INTO users (id, username, email, api_access_key, disabled, created_at) VALUES
      ('000000000000000000000001', 'alice', 'a@example.org', 'x', 0, 7000000),
      ('000000000000000000000002', 'bob', '', 'x', 1, 5000000);
    INSERT INTO user_roles (user_id, place, role) VALUES
      ('000000000000000000000001', 0, 'readonly'), ('000000000000000000000001', 1, 'manager'),
      ('000000000000000000000001', 2, 'readonly'), ('000000000000000000000002', 0, 'administrator');
    INSERT INTO rules (id, owner, name, active, version, created_at, updated_at, activated_at, spec)
    VALUES ('000000000000000000000005', '000000000000000000000001', 'old', 1, 1, 0, 0, 0, '{}');
    PRAGMA application_id = 1129468756; PRAGMA user_version = 9;";

#[tokio::test]
async fn users_roles_rules_and_tokens_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("old.db");
    let token = |number: i64, access_id: &str, user: u64, disabled: u8| {
        let place = Place {
            table: "api_tokens",
            column: "access_key",
            row: access_id,
        };
        let key = SecretString::new(format!("key-of-{access_id}"));
        let sealed = sealer(0).seal(place, &key).unwrap();
        format!(
            "INSERT INTO api_tokens (id, access_id, access_key, user_id, note, disabled, created_at)
             VALUES ({number}, '{access_id}', '{sealed}', '{}', 'n{number}', {disabled}, 9500000);",
            id(user)
        )
    };
    let tokens = token(3, "AAA", 1, 0) + &token(7, "BBB", 2, 1);
    run_sql(&path, format!("{BEFORE}{USERS}{tokens}")).await;

    let catalog = SqliteCatalog::open(&path, sealer(0)).await.unwrap();
    let accounts = catalog.accounts(&ListQuery::default()).await.unwrap();
    let seen = accounts.items.iter().map(|account| {
        let user = &account.user;
        (
            user.number,
            user.username.as_str(),
            user.disabled,
            user.roles.join(" "),
        )
    });
    let expected = [
        (1, "bob", true, "administrator".to_owned()),
        (2, "alice", false, "readonly manager".to_owned()),
    ];
    assert_eq!(seen.collect::<Vec<_>>(), expected);
    let roles = catalog.roles(&ListQuery::default()).await.unwrap();
    let users: Vec<_> = roles
        .items
        .iter()
        .map(|role| (role.id, role.users))
        .collect();
    assert_eq!(users, [(1, 1), (2, 1), (3, 0), (4, 1)]);

    let found = catalog.signing_token("AAA").await.unwrap().unwrap();
    let (user, token, key) = (found.user, found.token, found.key);
    assert_eq!((user.number, user.id), (2, id(1)));
    assert_eq!((token.id, token.user_number, token.disabled), (3, 2, false));
    assert_eq!((token.note.as_str(), token.created_at.0), ("n3", 9_000_000));
    assert_eq!(key.secret().expose(), "key-of-AAA");
    let disabled = catalog
        .tokens(TokenKind::Lmv1, None, &asked("status:1", ""), None)
        .await
        .unwrap();
    assert_eq!((disabled.total, disabled.items[0].id), (1, 7));
    assert_eq!(disabled.items[0].user_name, "bob");

    let all = RuleFilter {
        take: 9,
        ..RuleFilter::default()
    };
    assert_eq!(catalog.list_rules(id(1), &all).await.unwrap().total, 1);
    // What comes now goes on from there.
    assert_eq!(
        catalog
            .create_user(new_user(3, "carol"))
            .await
            .unwrap()
            .number,
        3
    );
    let made = catalog
        .create_token(new_token(3, "CCC"), &told("made"))
        .await
        .unwrap();
    assert_eq!((made.id, made.created_at), (8, at(5)));
    assert!(catalog.check().await.unwrap().is_empty());
}

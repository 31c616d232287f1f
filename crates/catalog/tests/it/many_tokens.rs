//! A hundred thousand tokens.

use crate::support::{new_user, run_sql, sqlite, told};
use crate::tokens::{asked, new_token};
use cresset_catalog::port::{ApiTokens as _, Users as _};
use cresset_model::filter::ListQuery;
use cresset_model::token::TokenKind;
use std::time::{Duration, Instant};

/// A thousand users with a hundred tokens each. `benches/signed.sh` fills servers with it too.
const MANY: &str = include_str!("many_tokens.sql");

/// Counts what each list has; with `--nocapture` it also tells how long they take.
#[tokio::test]
async fn lists_of_many_tokens_are_whole() {
    let (dir, catalog) = sqlite().await;
    run_sql(&dir.path().join("catalog.db"), MANY).await;
    let measure = async |name: &str, owner: Option<i64>, query: ListQuery, total: u64| {
        let mut best = Duration::MAX;
        for _ in 0..5 {
            let started = Instant::now();
            let page = catalog
                .tokens(TokenKind::Lmv1, owner, &query, None)
                .await
                .unwrap();
            best = best.min(started.elapsed());
            assert_eq!(page.total, total, "{name}");
        }
        println!("{name}: {best:?}");
    };
    let page = |filter: &str, sort: &str| asked(filter, sort);
    let all = 80_000;
    measure("first page", None, page("", ""), all).await;
    let size = 1000;
    measure(
        "page of 1000",
        None,
        ListQuery {
            size,
            ..page("", "")
        },
        all,
    )
    .await;
    for column in cresset_model::token::TOKEN_COLUMNS {
        if column.name != "roles" {
            let sort = format!("-{}", column.name);
            measure(&format!("sort={sort}"), None, page("", &sort), all).await;
        }
    }
    let offset = 79_000;
    measure(
        "last page by note",
        None,
        ListQuery {
            offset,
            ..page("", "note")
        },
        all,
    )
    .await;
    measure("one user", Some(8), page("", "-note"), 100).await;
    measure(
        "accessId",
        None,
        page("accessId:\"00000000000000007919\"", ""),
        1,
    )
    .await;
    measure("adminId", None, page("adminId:8", "-lastUsedOn"), 100).await;
    measure("status:2", None, page("status:2", ""), 71_111).await;
    measure("status:2 by note", None, page("status:2", "-note"), 71_111).await;
    measure(
        "status:1 by name",
        None,
        page("status:1", "adminName"),
        8_889,
    )
    .await;
    measure("note~", None, page("note~\"runner 777\"", ""), 89).await;
    measure(
        "note~ by name",
        None,
        page("note~\"runner 777\"", "-adminName"),
        89,
    )
    .await;
    measure(
        "note~ in all",
        None,
        page("note~\"farm\"", "adminName"),
        all,
    )
    .await;
    measure(
        "unused since",
        None,
        page("lastUsedOn<:700000", "lastUsedOn"),
        8_000,
    )
    .await;
    measure("roles", None, page("roles:administrator", "note"), 10_000).await;
    measure("_all~", None, page("_all~\"runner 777\"", "note"), 89).await;
    measure(
        "two columns",
        None,
        page("status:2,note~\"er 77*7 \"", "-note"),
        97,
    )
    .await;
}

/// Two threads look through a long list, each in a moment of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_comes_meanwhile_spoils_no_list() {
    let (dir, catalog) = sqlite().await;
    run_sql(&dir.path().join("catalog.db"), MANY).await;
    let user = catalog.create_user(new_user(1 << 40, "maker")).await;
    let number = user.unwrap().number;
    let making = async {
        for n in 0..60 {
            let mut new = new_token(number, &format!("NEW{n}"));
            new.note = "brand new".to_owned();
            catalog.create_token(new, &told("made")).await.unwrap();
        }
    };
    let listing = async {
        let query = ListQuery {
            size: 1000,
            ..asked("note~\"brand new\"", "")
        };
        let mut before = 0;
        while before < 60 {
            let page = catalog
                .tokens(TokenKind::Lmv1, None, &query, None)
                .await
                .unwrap();
            assert_eq!(page.total, page.items.len() as u64);
            assert!(page.total >= before, "{} after {before}", page.total);
            before = page.total;
        }
    };
    futures::join!(making, listing);
}

/// Finding the token behind a credential looks at one row of each table, however many there are.
#[tokio::test]
async fn the_number_of_tokens_does_not_slow_the_look_for_one() {
    let (dir, catalog) = sqlite().await;
    run_sql(&dir.path().join("catalog.db"), MANY).await;
    let user = catalog.create_user(new_user(1 << 40, "signer")).await;
    let number = user.unwrap().number;
    let new = new_token(number, "AAA");
    catalog.create_token(new, &told("made")).await.unwrap();
    assert!(catalog.signing_token("AAA").await.unwrap().is_some());
    assert!(catalog.signing_token("AAB").await.unwrap().is_none());
}

//! What the server does about tokens by itself, and what is done to many at once.

use crate::support::{at, id, new_user, told};
use crate::tokens::{alice_and_bob, asked, bearer, new_token};
use cresset_catalog::port::{
    AttemptOutcome, AttemptRecord, AuditEntry, NewToken, NewUser, Revocation, TokenChange,
    TokenMail, TokenPolicy,
};
use cresset_catalog::{Catalog, Error};
use cresset_model::token::{ApiToken, TokenAct, TokenKind};
use cresset_model::{Duration, Timestamp};

const SECRET: &str = "lmb_0123456789abcdefghijklmnopqrstuvwxyz";

async fn mails_on(catalog: &dyn Catalog) {
    let policy = TokenPolicy {
        mail_owners: true,
        ..TokenPolicy::default()
    };
    catalog.set_token_policy(policy).await.unwrap();
}

async fn made(catalog: &dyn Catalog, new: NewToken) -> ApiToken {
    catalog.create_token(new, &told("made")).await.unwrap()
}

async fn due(catalog: &dyn Catalog) -> Vec<TokenMail> {
    catalog.due_token_mails(at(0), 100).await.unwrap()
}

async fn ends(catalog: &dyn Catalog, mail: i64, outcome: AttemptOutcome) {
    let record = AttemptRecord {
        at: at(0),
        detail: "said".to_owned(),
        duration_us: 1,
        outcome,
    };
    catalog.finish_token_mail(mail, &record).await.unwrap();
}

async fn no_more(catalog: &dyn Catalog) -> Vec<TokenMail> {
    let mails = due(catalog).await;
    for mail in &mails {
        ends(catalog, mail.id, AttemptOutcome::Delivered).await;
    }
    mails
}

async fn the_limit_of_tokens_is_a_policy(catalog: &dyn Catalog) {
    alice_and_bob(catalog).await;
    let allow = async |per_user| {
        let policy = TokenPolicy {
            per_user,
            mail_owners: false,
        };
        catalog.set_token_policy(policy).await
    };
    for bad in [0, 1001, u32::MAX] {
        let error = allow(bad).await.unwrap_err();
        assert!(matches!(error, Error::Refused(_)), "{error}");
    }
    allow(2).await.unwrap();
    made(catalog, new_token(1, "A")).await;
    made(catalog, bearer(1, SECRET)).await;
    let third = async || catalog.create_token(new_token(1, "C"), &told("x")).await;
    let text = async |outcome: cresset_catalog::Result<ApiToken>| outcome.unwrap_err().to_string();
    assert!(text(third().await).await.contains("at most 2 API tokens"));
    made(catalog, new_token(2, "B")).await;
    allow(1).await.unwrap();
    let both = catalog.tokens_of(&[1]).await.unwrap();
    assert_eq!(both.len(), 2, "what is there stays");
    allow(3).await.unwrap();
    made(catalog, new_token(1, "C")).await;
    assert!(text(third().await).await.contains("at most 3 API tokens"));
}

async fn owners_are_told_of_every_change_once(catalog: &dyn Catalog) {
    alice_and_bob(catalog).await;
    let quiet = made(catalog, new_token(1, "QUIET")).await;
    assert_eq!(due(catalog).await, [], "nobody is told unless it is wanted");
    mails_on(catalog).await;

    let one = async |act: TokenAct, tokens: &[&str]| {
        let mails = no_more(catalog).await;
        assert_eq!(mails.len(), 1, "{act:?}: {mails:?}");
        let TokenMail { username, news, .. } = &mails[0];
        assert_eq!((username.as_str(), news.act), ("alice", act));
        assert_eq!(mails[0].address, "alice@example.org");
        assert_eq!((news.tokens.as_slice(), news.others), (&*owned(tokens), 0));
        assert_eq!((&*news.actor, &*news.address), ("root", "192.0.2.7"));
        assert_eq!(news.at, at(0));
        let text = format!("{mails:?}");
        assert!(
            !text.contains("secret-of") && !text.contains("lmb_"),
            "{text}"
        );
    };
    let note = format!("a  b\n{}", "x".repeat(100));
    let a = made(
        catalog,
        NewToken {
            note,
            ..new_token(1, "AAA")
        },
    )
    .await;
    let long = format!("API token AAA (a b {}…)", "x".repeat(76));
    one(TokenAct::Created, &[&long]).await;
    let note = String::new();
    let b = made(
        catalog,
        NewToken {
            note,
            ..bearer(1, SECRET)
        },
    )
    .await;
    let bearer_name = format!("bearer token {}", b.id);
    one(TokenAct::Created, &[&bearer_name]).await;

    let change = async |change: TokenChange| {
        let changed = catalog
            .change_token(1, a.id, &change, &told("changed"))
            .await;
        assert!(changed.unwrap().is_some());
    };
    let disabled = |disabled| TokenChange {
        disabled: Some(disabled),
        ..TokenChange::default()
    };
    let note = TokenChange {
        note: Some("n".to_owned()),
        ..disabled(false)
    };
    change(note).await;
    one(TokenAct::Changed, &["API token AAA (n)"]).await;
    change(disabled(true)).await;
    one(TokenAct::Disabled, &["API token AAA (n)"]).await;
    change(disabled(false)).await;
    one(TokenAct::Enabled, &["API token AAA (n)"]).await;

    let next = NewToken {
        note: "n".to_owned(),
        ..new_token(1, "NEXT")
    };
    let rotated = catalog
        .rotate_token(a.id, next, at(9), &told("rotated"))
        .await;
    rotated.unwrap().unwrap();
    one(
        TokenAct::Rotated,
        &["API token AAA (n)", "API token NEXT (n)"],
    )
    .await;
    assert!(catalog.delete_token(1, a.id, &told("gone")).await.unwrap());
    one(TokenAct::Deleted, &["API token AAA (n)"]).await;

    // What changes nothing tells nobody.
    assert!(!catalog.delete_token(2, quiet.id, &told("x")).await.unwrap());
    let missing = catalog
        .change_token(2, quiet.id, &disabled(true), &told("x"))
        .await;
    assert_eq!(missing.unwrap(), None);
    let taken = catalog
        .create_token(new_token(1, "QUIET"), &told("x"))
        .await;
    assert!(taken.is_err());
    let nobody = NewUser {
        email: String::new(),
        ..new_user(3, "carl")
    };
    catalog.create_user(nobody).await.unwrap();
    made(catalog, new_token(3, "CCC")).await;
    assert_eq!(due(catalog).await, []);
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

async fn mails_stay_due_until_an_attempt_ends_them(catalog: &dyn Catalog) {
    alice_and_bob(catalog).await;
    mails_on(catalog).await;
    for access_id in ["A", "B", "C"] {
        made(catalog, new_token(1, access_id)).await;
    }
    let ids = |mails: &[TokenMail]| mails.iter().map(|m| (m.id, m.attempts)).collect::<Vec<_>>();
    assert_eq!(ids(&due(catalog).await), [(1, 0), (2, 0), (3, 0)]);
    assert_eq!(ids(&due(catalog).await).len(), 3, "reading ends nothing");
    ends(catalog, 1, AttemptOutcome::RetryAt(at(60))).await;
    ends(catalog, 2, AttemptOutcome::Dead).await;
    assert_eq!(ids(&due(catalog).await), [(3, 0)]);
    let later = catalog.due_token_mails(at(60), 1).await.unwrap();
    assert_eq!(ids(&later), [(3, 0)], "those due longest come first");
    ends(catalog, 3, AttemptOutcome::Delivered).await;
    let later = catalog.due_token_mails(at(60), 9).await.unwrap();
    assert_eq!(ids(&later), [(1, 1)]);
    ends(catalog, 3, AttemptOutcome::RetryAt(at(0))).await;
    assert_eq!(due(catalog).await, [], "what has ended does not come back");
    assert_eq!(catalog.forget_token_mails(at(0)).await.unwrap(), 0);
    assert_eq!(catalog.forget_token_mails(at(1)).await.unwrap(), 2);

    // Off is off, for what waits as well.
    catalog
        .set_token_policy(TokenPolicy::default())
        .await
        .unwrap();
    mails_on(catalog).await;
    assert_eq!(catalog.due_token_mails(at(99), 9).await.unwrap(), []);
}

/// The time before which tokens count as idle.
fn before() -> Timestamp {
    at(1000)
}

async fn idle(catalog: &dyn Catalog, limit: u32) -> Vec<String> {
    let told = AuditEntry {
        at: at(2000),
        actor: "system".to_owned(),
        detail: ", idle".to_owned(),
        ..told("api_token_disabled")
    };
    let idle = catalog.disable_idle_tokens(before(), limit, &told).await;
    let idle = idle.unwrap();
    assert!(idle.iter().all(|token| token.disabled));
    idle.into_iter().map(|token| token.access_id).collect()
}

async fn only_tokens_that_nobody_uses_are_disabled(catalog: &dyn Catalog) {
    alice_and_bob(catalog).await;
    mails_on(catalog).await;
    let created = |access_id: &str, secs| NewToken {
        created_at: at(secs),
        ..new_token(1, access_id)
    };
    made(catalog, created("OLD", 5)).await;
    made(catalog, created("NEW", 1000)).await;
    let used = made(catalog, created("USED", 5)).await;
    catalog.token_used(used.id, at(1500), "::1").await.unwrap();
    let long_ago = made(catalog, created("LONG_AGO", 5)).await;
    catalog
        .token_used(long_ago.id, at(900), "::1")
        .await
        .unwrap();
    let expired = NewToken {
        expires_at: Some(at(1999)),
        ..created("EXPIRED", 5)
    };
    made(catalog, expired).await;
    let off = NewToken {
        disabled: true,
        ..created("OFF", 5)
    };
    let off = made(catalog, off).await;
    made(
        catalog,
        NewToken {
            created_at: at(5),
            ..new_token(2, "BOBS")
        },
    )
    .await;
    no_more(catalog).await;

    assert_eq!(idle(catalog, 2).await, ["OLD", "LONG_AGO"]);
    assert_eq!(idle(catalog, 2).await, ["BOBS"]);
    assert_eq!(idle(catalog, 2).await, [""; 0]);
    let mails = catalog.due_token_mails(at(3000), 9).await.unwrap();
    let heard: Vec<_> = mails
        .iter()
        .map(|m| (&*m.username, m.news.act, m.news.tokens.len()))
        .collect();
    assert_eq!(
        heard,
        [("alice", TokenAct::Idle, 2), ("bob", TokenAct::Idle, 1)]
    );
    let lines = catalog.audit_entries(3).await.unwrap();
    let lines: Vec<_> = lines.iter().map(|l| (&*l.actor, &*l.detail)).collect();
    let line = |name: &str| format!("Disable api tokens - {name}, idle");
    let expected = [
        line("BOBS of bob"),
        line("LONG_AGO of alice"),
        line("OLD of alice"),
    ];
    assert!(
        expected
            .iter()
            .all(|e| lines.contains(&("system", e.as_str()))),
        "{lines:?}"
    );

    // Who enables one gives it the same time again.
    let enable = TokenChange {
        disabled: Some(false),
        ..TokenChange::default()
    };
    let now = AuditEntry {
        at: at(1500),
        ..told("changed")
    };
    catalog
        .change_token(1, off.id, &enable, &now)
        .await
        .unwrap();
    assert_eq!(idle(catalog, 9).await, [""; 0]);
}

async fn standstills_are_remembered(catalog: &dyn Catalog) {
    let hour = |n: i64| at(n * 3600);
    let day = Duration::hours(24);
    for (now, before) in [(0, -24), (100, -24), (101, -23), (102, -22)] {
        let uptime = catalog.note_up(hour(now)).await.unwrap();
        assert_eq!(uptime.before(hour(now), day), hour(before), "{now}");
    }
}

async fn the_last_token_of_an_administrator_stays(catalog: &dyn Catalog) {
    for (n, name) in [(1, "root"), (2, "chief")] {
        let user = NewUser {
            roles: vec!["administrator".to_owned()],
            ..new_user(n, name)
        };
        catalog.create_user(user).await.unwrap();
    }
    catalog.create_user(new_user(3, "ann")).await.unwrap();
    let created = |user, access_id: &str, secs| NewToken {
        created_at: at(secs),
        ..new_token(user, access_id)
    };
    made(catalog, created(1, "R1", 5)).await;
    let last = made(catalog, created(2, "C1", 5)).await;
    catalog.token_used(last.id, at(700), "::1").await.unwrap();
    made(catalog, created(1, "R2", 600)).await;
    let narrow = NewToken {
        scopes: Some(vec!["logs:write".to_owned()]),
        ..created(1, "NARROW", 999)
    };
    made(catalog, narrow).await;
    made(catalog, created(3, "ANN", 900)).await;
    assert_eq!(idle(catalog, 99).await, ["R1", "R2", "NARROW", "ANN"]);
    assert_eq!(idle(catalog, 99).await, [""; 0]);
    // With a newer one in use, the old one has to go too.
    made(catalog, created(1, "R3", 1500)).await;
    assert_eq!(idle(catalog, 99).await, ["C1"]);
    // What a disabled administrator has is of no use.
    catalog.set_user_disabled(id(1), true).await.unwrap();
    made(catalog, created(2, "C2", 500)).await;
    assert_eq!(idle(catalog, 99).await, [""; 0]);
}

async fn many_are_revoked_together(catalog: &dyn Catalog) {
    alice_and_bob(catalog).await;
    mails_on(catalog).await;
    let mut ids = Vec::new();
    for n in 0..60 {
        ids.push(made(catalog, new_token(1, &format!("A{n}"))).await.id);
    }
    ids.push(made(catalog, bearer(2, SECRET)).await.id);
    let kept = made(catalog, new_token(2, "KEPT")).await;
    no_more(catalog).await;
    let mut told = told("api_token_revoked");
    " at once".clone_into(&mut told.detail);

    ids.push(999_999);
    let met = catalog
        .revoke_tokens(&ids, Revocation::Disable, &told)
        .await;
    let met = met.unwrap();
    assert_eq!(met.len(), 61);
    assert!(met.iter().all(|token| token.disabled));
    let mails = no_more(catalog).await;
    let counts = mails
        .iter()
        .map(|m| (&*m.username, m.news.tokens.len(), m.news.others));
    assert_eq!(
        counts.collect::<Vec<_>>(),
        [("alice", 50, 10), ("bob", 1, 0)]
    );
    let line = &catalog.audit_entries(1).await.unwrap()[0].detail;
    let expected = format!(
        "Disable api tokens - {}*** (id {}) of bob at once",
        &SECRET[..20],
        ids[60]
    );
    assert_eq!(*line, expected);

    let again = catalog
        .revoke_tokens(&ids, Revocation::Disable, &told)
        .await;
    assert_eq!(again.unwrap(), []);
    assert_eq!(due(catalog).await, []);
    let lines = catalog.audit_entries(1000).await.unwrap();
    let revoked = lines
        .iter()
        .filter(|l| l.action == "api_token_revoked")
        .count();
    assert_eq!(revoked, 61);

    let gone = catalog.revoke_tokens(&ids, Revocation::Delete, &told).await;
    assert_eq!(gone.unwrap().len(), 61);
    let left = catalog.tokens_of(&[1, 2]).await.unwrap();
    assert_eq!(left, [kept]);
}

async fn tokens_of_many_users_come_together(catalog: &dyn Catalog) {
    alice_and_bob(catalog).await;
    catalog.create_user(new_user(3, "carl")).await.unwrap();
    made(catalog, bearer(2, SECRET)).await;
    for (user, access_id) in [(2, "B1"), (1, "A1"), (3, "C1"), (1, "A2")] {
        made(catalog, new_token(user, access_id)).await;
    }
    let found = catalog.tokens_of(&[2, 1, 77]).await.unwrap();
    let names: Vec<&str> = found.iter().map(|token| token.access_id.as_str()).collect();
    assert_eq!(names, ["A1", "A2", "B1", ""]);
    for token in &found {
        assert_eq!(
            catalog.token(None, token.id).await.unwrap().as_ref(),
            Some(token)
        );
    }
    assert_eq!(catalog.tokens_of(&[]).await.unwrap(), []);
    let all = catalog
        .tokens(TokenKind::Lmv1, Some(1), &asked("", ""), None)
        .await;
    assert_eq!(all.unwrap().items, found[..2]);
}

conformance!(
    the_limit_of_tokens_is_a_policy,
    owners_are_told_of_every_change_once,
    mails_stay_due_until_an_attempt_ends_them,
    only_tokens_that_nobody_uses_are_disabled,
    standstills_are_remembered,
    the_last_token_of_an_administrator_stays,
    many_are_revoked_together,
    tokens_of_many_users_come_together,
);

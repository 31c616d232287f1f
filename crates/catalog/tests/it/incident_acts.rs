use crate::support::{OWNER, at, commit, email, firing, http, id, new_user, spec, with_rule};
use cresset_catalog::port::{
    Actor, AttemptOutcome, AttemptRecord, IncidentActs, IncidentChange, IncidentFilter,
    IncidentTime,
};
use cresset_catalog::{Catalog, Error};
use cresset_model::incident::{Comment, IncidentAct, IncidentStatus};
use cresset_model::notification::{Channel, DeliveryState, DispatchOption, HttpAuth};
use cresset_model::{Duration, ObjectId};

fn actor(n: u64, name: &str) -> Actor {
    Actor {
        user: id(n),
        name: name.to_owned(),
        administrator: false,
    }
}

fn change(n: u64, act: IncidentAct) -> IncidentChange {
    IncidentChange {
        incident: id(n),
        act,
    }
}

fn note(text: &str) -> IncidentAct {
    IncidentAct::Comment(vec![text.to_owned()])
}

/// Incidents 1 to 3 of a rule of [`OWNER`]; users 2 `bob`, who is in the group `Night` that
/// sees them, and 3 `eve`.
async fn populate(catalog: &dyn Catalog) -> ObjectId {
    let rule = with_rule(catalog, 10).await;
    for (n, name) in [(2, "bob"), (3, "eve")] {
        catalog.create_user(new_user(n, name)).await.unwrap();
    }
    catalog.create_group(id(30), "Night", at(0)).await.unwrap();
    catalog.add_group_members("Night", &[id(2)]).await.unwrap();
    let mut named = spec("rule 10");
    named.incident_ownership.visible_to_usergroups = vec!["Night".to_owned()];
    catalog
        .update_rule(rule, id(OWNER), named, at(0))
        .await
        .unwrap();
    let firings = (1..=3).map(|n| firing(n, rule, 600 * n as i64)).collect();
    catalog.commit_firings(commit(firings)).await.unwrap();
    rule
}

async fn a_life(catalog: &dyn Catalog) {
    populate(catalog).await;
    let (owner, bob, eve) = (actor(OWNER, "owner"), actor(2, "bob"), actor(3, "eve"));
    let assign = |n| IncidentAct::Assign(id(n));
    use IncidentAct::{Close, Reopen, Resolve};
    use IncidentStatus::{Closed, Resolved, Unresolved};
    // Who does what, what becomes of the incident, or what is said against it.
    for (secs, (by, act, expected)) in (1..).zip([
        (&eve, note("hello"), Err("does not exist")),
        (&bob, note("looking"), Ok(Unresolved)),
        (&bob, Resolve, Err("assigned to somebody else")),
        (&owner, Close, Err("resolve it first")),
        (&bob, assign(9), Err("user")),
        (&bob, assign(3), Ok(Unresolved)),
        (&owner, Resolve, Err("assigned to somebody else")),
        (&eve, Resolve, Ok(Resolved)),
        (&eve, Resolve, Err("resolved already")),
        (&bob, Close, Err("assigned to somebody else")),
        (&bob, Reopen, Err("owner, its assignee")),
        (&eve, Close, Ok(Closed)),
        (&eve, Close, Err("closed")),
        (&eve, Resolve, Err("reopen it first")),
        (&owner, Reopen, Ok(Unresolved)),
        (&owner, Reopen, Err("open already")),
    ]) {
        let before = catalog.incident(id(1)).await.unwrap().unwrap();
        let result = catalog
            .change_incidents(vec![change(1, act.clone())], by, at(secs))
            .await;
        let after = catalog.incident(id(1)).await.unwrap().unwrap();
        match expected {
            Ok(status) => {
                result.unwrap();
                assert_eq!(after.status, status, "{act:?}");
                let last = after.comments.last().unwrap();
                assert_eq!((&last.title, last.time), (&by.name, at(secs)));
            }
            Err(words) => {
                let said = result.unwrap_err().to_string();
                assert!(said.contains(words), "{act:?}: {said}");
                assert_eq!(after, before, "{act:?}");
            }
        }
    }
    let comments = catalog.incident(id(1)).await.unwrap().unwrap().comments;
    let words: Vec<&str> = comments.iter().map(|c| c.comment.as_str()).collect();
    let expected = ["looking", "Reassigned", "Resolved", "Completed", "Reopened"];
    assert_eq!(words, expected);
}

async fn one_bad_id_stops_all(catalog: &dyn Catalog) {
    populate(catalog).await;
    let owner = actor(OWNER, "owner");
    for bad in [9, 2] {
        let acts = [
            change(1, IncidentAct::Resolve),
            change(2, IncidentAct::Resolve),
            change(bad, IncidentAct::Resolve),
        ];
        let result = catalog.change_incidents(acts.into(), &owner, at(1)).await;
        let said = result.unwrap_err().to_string();
        assert!(said.contains(&id(bad).to_string()), "{said}");
        let open = catalog.incidents(&IncidentFilter::default()).await.unwrap();
        assert!(open.iter().all(|i| i.status == IncidentStatus::Unresolved));
        assert!(open.iter().all(|i| i.comments.is_empty()));
    }
    catalog.set_user_disabled(id(3), true).await.unwrap();
    let assign = vec![change(1, IncidentAct::Assign(id(3)))];
    let error = catalog
        .change_incidents(assign, &owner, at(1))
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::NotFound { what: "user", .. }),
        "{error}"
    );
    let many = (0..1_001).map(|_| change(1, note("x"))).collect();
    let error = catalog
        .change_incidents(many, &owner, at(1))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error}");
}

async fn states_are_listed_by_the_time_of_the_change(catalog: &dyn Catalog) {
    populate(catalog).await;
    let mut admin = actor(2, "bob");
    admin.administrator = true;
    for (n, secs) in [(3, 10), (1, 20), (3, 30)] {
        catalog
            .change_incidents(vec![change(n, note("x"))], &admin, at(secs))
            .await
            .unwrap();
    }
    let filter = |from, to| IncidentFilter {
        by: IncidentTime::Modified,
        from: Some(at(from)),
        to: Some(at(to)),
        ..IncidentFilter::default()
    };
    for (from, to, expected) in [
        (0, 99, vec![(1, 20), (3, 30)]),
        (20, 20, vec![(1, 20)]),
        (21, 30, vec![(3, 30)]),
        (0, 19, vec![]),
    ] {
        let listed = catalog.listed_incidents(&filter(from, to)).await.unwrap();
        let found: Vec<_> = listed.iter().map(|l| (l.incident.id, l.time)).collect();
        let expected: Vec<_> = expected.into_iter().map(|(n, t)| (id(n), at(t))).collect();
        assert_eq!(found, expected, "{from} {to}");
    }
}

async fn comments_are_bounded_and_leave_room_for_acts(catalog: &dyn Catalog) {
    populate(catalog).await;
    let owner = actor(OWNER, "owner");
    let say = async |text: String| {
        let act = IncidentAct::Comment(vec![text]);
        catalog
            .change_incidents(vec![change(1, act)], &owner, at(1))
            .await
    };
    let error = say("x".repeat(65_537)).await.unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error}");
    let mut said = 0;
    let error = loop {
        match say("x".repeat(60_000)).await {
            Ok(()) => said += 1,
            Err(error) => break error,
        }
        assert!(said < 100);
    };
    assert!(error.to_string().contains("takes no more"), "{error}");
    catalog
        .change_incidents(vec![change(1, IncidentAct::Resolve)], &owner, at(2))
        .await
        .unwrap();
    let read = catalog.incident(id(1)).await.unwrap().unwrap();
    let resolved = Comment {
        title: "owner".to_owned(),
        comment: "Resolved".to_owned(),
        time: at(2),
    };
    assert_eq!(read.comments.len(), said + 1);
    assert_eq!(read.comments.last(), Some(&resolved));
}

async fn notifications_go_out_when_asked_for(catalog: &dyn Catalog) {
    let rule = populate(catalog).await;
    let ask = async |n: u64, secs: i64| {
        let ids = [id(100 + 2 * n), id(101 + 2 * n)];
        catalog.notify_of_incident(id(2), ids, at(secs)).await
    };
    let error = ask(0, 5000).await.unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error}");
    let mut mail = email();
    mail.dispatch = DispatchOption::Manual;
    let mut hook = http(HttpAuth::None);
    hook.dispatch = DispatchOption::Manual;
    catalog
        .put_email_notification(&[rule], id(OWNER), &mail, at(1000))
        .await
        .unwrap();
    catalog
        .put_http_notification(&[rule], id(OWNER), &hook, at(1000))
        .await
        .unwrap();
    let before = catalog.deliveries_of(id(2)).await.unwrap().len();
    // The request that went out by itself is still on its way.
    let pending = id(1_000_002);
    assert_eq!(ask(1, 5000).await.unwrap(), [id(102), pending]);
    assert_eq!(ask(2, 9000).await.unwrap(), [id(102), pending]);
    let made = catalog.deliveries_of(id(2)).await.unwrap();
    assert_eq!(made.len(), before + 1);
    let delivery = catalog.delivery(id(102)).await.unwrap().unwrap();
    assert_eq!(delivery.channel, Channel::Email);
    assert_eq!(delivery.state, DeliveryState::Pending);
    assert_eq!((delivery.rule_id, delivery.due_at), (rule, at(5000)));

    mail.enabled = false;
    catalog
        .put_email_notification(&[rule], id(OWNER), &mail, at(5060))
        .await
        .unwrap();
    assert_eq!(ask(3, 5060).await.unwrap(), [pending]);
    let due = catalog
        .claim_due(at(9000), Duration::minutes(1), 10, 10)
        .await
        .unwrap();
    let its = due.into_iter().find(|d| d.delivery.id == pending).unwrap();
    let sent = AttemptRecord {
        at: at(9000),
        outcome: AttemptOutcome::Delivered,
        detail: String::new(),
        duration_us: 1,
    };
    assert!(catalog.finish_attempt(&its, sent).await.unwrap());
    // What went out by itself does not stand for what a person asks for, however recent.
    assert_eq!(ask(4, 1203).await.unwrap(), [id(108)]);
    let due = catalog
        .claim_due(at(9010), Duration::minutes(1), 10, 10)
        .await
        .unwrap();
    let its = due.into_iter().find(|d| d.delivery.id == id(108)).unwrap();
    let sent = AttemptRecord {
        at: at(9010),
        outcome: AttemptOutcome::Delivered,
        detail: String::new(),
        duration_us: 1,
    };
    assert!(catalog.finish_attempt(&its, sent).await.unwrap());
    // What a person asked for does, for a minute.
    assert_eq!(ask(5, 1262).await.unwrap(), [id(108)]);
    assert_eq!(ask(6, 1263).await.unwrap(), [id(112)]);
    let error = catalog
        .notify_of_incident(id(9), [id(110), id(111)], at(5060))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::NotFound {
                what: "incident",
                ..
            }
        ),
        "{error}"
    );
}

conformance!(
    a_life,
    one_bad_id_stops_all,
    states_are_listed_by_the_time_of_the_change,
    comments_are_bounded_and_leave_room_for_acts,
    notifications_go_out_when_asked_for,
);

/// Several at once, from two processes: one resolves, the others are told so.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_resolvers_one_succeeds() {
    let (dir, first) = crate::support::sqlite().await;
    populate(&first).await;
    let path = dir.path().join("catalog.db");
    let second = cresset_catalog::sqlite::SqliteCatalog::open(&path, crate::support::sealer(0))
        .await
        .unwrap();
    let catalogs = [std::sync::Arc::new(first), std::sync::Arc::new(second)];
    let racers: Vec<_> = (0..16)
        .map(|n| {
            let catalog = catalogs[n % 2].clone();
            tokio::spawn(async move {
                let acts = vec![
                    change(1, IncidentAct::Resolve),
                    change(2, IncidentAct::Resolve),
                ];
                let owner = actor(OWNER, "owner");
                catalog.change_incidents(acts, &owner, at(1)).await
            })
        })
        .collect();
    let mut done = 0;
    for racer in racers {
        match racer.await.unwrap() {
            Ok(()) => done += 1,
            Err(error) => assert!(error.to_string().contains("resolved already"), "{error}"),
        }
    }
    assert_eq!(done, 1);
    for n in 1..=2 {
        let incident = cresset_catalog::port::Incidents::incident(&*catalogs[0], id(n))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(incident.comments.len(), 1);
    }
}

use crate::support::{OWNER, at, email, evaluation, id, new_user, spec, with_owner, with_rule};
use cresset_catalog::port::AuditEntry;
use cresset_catalog::{Catalog, Error};
use cresset_model::incident::{Gap, RuleState};

fn is_missing(error: &Error, what: &str, id: impl ToString) -> bool {
    matches!(error, Error::NotFound { what: w, name } if *w == what && *name == id.to_string())
}

async fn a_created_rule_reads_back_with_its_owner(catalog: &dyn Catalog) {
    with_owner(catalog).await;
    let made = catalog
        .create_rule(id(10), id(OWNER), spec("brute force"), at(7), None)
        .await
        .unwrap();
    assert!(made.active);
    assert_eq!(
        (made.version, made.created_at, made.activated_at),
        (1, at(7), at(7))
    );
    let read = catalog.rule(id(10)).await.unwrap().unwrap();
    assert_eq!(read.rule, made);
    assert_eq!(
        (read.owner_name.as_str(), read.timezone.as_str()),
        ("owner", "UTC")
    );
    assert_eq!(catalog.rule(id(11)).await.unwrap(), None);
}

async fn who_made_a_rule_is_recorded_with_it_or_not_at_all(catalog: &dyn Catalog) {
    with_owner(catalog).await;
    let told = AuditEntry {
        at: at(7),
        actor: "owner".to_owned(),
        address: "127.0.0.1".to_owned(),
        action: "rule_created".to_owned(),
        detail: id(10).to_string(),
    };
    let make = |n, name| catalog.create_rule(id(n), id(OWNER), spec(name), at(7), Some(&told));
    make(10, "brute force").await.unwrap();
    let version = catalog.rules_version().await.unwrap();
    assert_eq!(
        catalog.audit_entries(9).await.unwrap(),
        std::slice::from_ref(&told)
    );
    make(11, "brute force").await.unwrap_err();
    assert_eq!(
        catalog.audit_entries(9).await.unwrap(),
        std::slice::from_ref(&told)
    );
    assert_eq!(catalog.rules_version().await.unwrap(), version);
    let changes = catalog.rule_changes(version - 1).await.unwrap();
    assert_eq!(changes.changed.len(), 1);
}

async fn names_are_unique_per_owner(catalog: &dyn Catalog) {
    with_owner(catalog).await;
    catalog.create_user(new_user(2, "other")).await.unwrap();
    catalog
        .create_rule(id(10), id(OWNER), spec("same name"), at(0), None)
        .await
        .unwrap();
    catalog
        .create_rule(id(11), id(2), spec("same name"), at(0), None)
        .await
        .unwrap();
    let error = catalog
        .create_rule(id(12), id(OWNER), spec("same name"), at(0), None)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"alert rule "same name" already exists"#
    );

    catalog
        .create_rule(id(13), id(OWNER), spec("another"), at(0), None)
        .await
        .unwrap();
    let error = catalog
        .update_rule(id(13), id(OWNER), spec("same name"), at(1))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Exists { .. }), "{error}");
    let orphan = catalog
        .create_rule(id(14), id(99), spec("orphan"), at(0), None)
        .await
        .unwrap_err();
    assert!(is_missing(&orphan, "user", id(99)), "{orphan}");
}

async fn an_update_keeps_active_and_counts(catalog: &dyn Catalog) {
    let rule = with_rule(catalog, 10).await;
    catalog
        .set_rules_active(&[rule], id(OWNER), false, at(1))
        .await
        .unwrap();
    let changed = catalog
        .update_rule(rule, id(OWNER), spec("new name"), at(2))
        .await
        .unwrap();
    assert!(!changed.active);
    assert_eq!(
        (changed.version, changed.created_at, changed.updated_at),
        (3, at(0), at(2))
    );
    assert_eq!(changed.spec, spec("new name"));
    assert_eq!(catalog.rule(rule).await.unwrap().unwrap().rule, changed);
    for (rule, owner) in [(id(11), id(OWNER)), (rule, id(2))] {
        let error = catalog
            .update_rule(rule, owner, spec("x"), at(3))
            .await
            .unwrap_err();
        assert!(is_missing(&error, "alert rule", rule), "{error}");
    }
}

async fn rules_of_an_owner_are_listed_oldest_first(catalog: &dyn Catalog) {
    with_owner(catalog).await;
    catalog.create_user(new_user(2, "other")).await.unwrap();
    for (n, owner, secs) in [(30, OWNER, 1), (20, OWNER, 2), (10, OWNER, 2), (40, 2, 0)] {
        let spec = spec(&format!("rule {n}"));
        catalog
            .create_rule(id(n), id(owner), spec, at(secs), None)
            .await
            .unwrap();
    }
    let ids: Vec<_> = catalog
        .rules_of(id(OWNER))
        .await
        .unwrap()
        .iter()
        .map(|r| r.id)
        .collect();
    assert_eq!(ids, [id(30), id(10), id(20)]);
    assert_eq!(catalog.active_rules().await.unwrap().len(), 4);
}

async fn switching_is_all_or_none_and_keeps_times_honest(catalog: &dyn Catalog) {
    let (a, b) = (with_rule(catalog, 10).await, with_rule(catalog, 11).await);
    let error = catalog
        .set_rules_active(&[a, id(98), b, id(99)], id(OWNER), false, at(1))
        .await
        .unwrap_err();
    assert!(is_missing(&error, "alert rule", id(98)), "{error}");
    assert_eq!(
        catalog.active_rules().await.unwrap().len(),
        2,
        "none was switched"
    );

    catalog
        .set_rules_active(&[a, b, a], id(OWNER), false, at(2))
        .await
        .unwrap();
    assert!(catalog.active_rules().await.unwrap().is_empty());
    catalog
        .set_rules_active(&[a], id(OWNER), true, at(3))
        .await
        .unwrap();
    catalog
        .set_rules_active(&[a], id(OWNER), true, at(4))
        .await
        .unwrap();
    let rule = catalog.rule(a).await.unwrap().unwrap().rule;
    assert_eq!(
        (rule.version, rule.updated_at, rule.activated_at),
        (3, at(3), at(3))
    );
    let rule = catalog.rule(b).await.unwrap().unwrap().rule;
    assert_eq!(
        (rule.version, rule.updated_at, rule.activated_at),
        (2, at(2), at(0))
    );

    let error = catalog
        .set_rules_active(&[a], id(2), false, at(5))
        .await
        .unwrap_err();
    assert!(is_missing(&error, "alert rule", a), "{error}");
}

async fn deletion_is_all_or_none_and_takes_everything_along(catalog: &dyn Catalog) {
    let (a, b) = (with_rule(catalog, 10).await, with_rule(catalog, 11).await);
    catalog
        .put_email_notification(&[a], id(OWNER), &email(), at(0))
        .await
        .unwrap();
    let state = RuleState {
        evaluated_to: Some(at(1)),
        ..RuleState::default()
    };
    catalog
        .record_evaluations(&[evaluation(a, 1)], &[(a, state)])
        .await
        .unwrap();

    let error = catalog
        .delete_rules(&[a, id(99)], id(OWNER))
        .await
        .unwrap_err();
    assert!(is_missing(&error, "alert rule", id(99)), "{error}");
    assert!(catalog.rule(a).await.unwrap().is_some());

    catalog.delete_rules(&[a, a], id(OWNER)).await.unwrap();
    assert_eq!(catalog.rule(a).await.unwrap(), None);
    assert_eq!(catalog.email_notification(a).await.unwrap(), None);
    assert_eq!(catalog.rule_state(a).await.unwrap(), RuleState::default());
    assert!(catalog.evaluations(a, 10).await.unwrap().is_empty());
    assert!(catalog.rule(b).await.unwrap().is_some());

    // The id may come back (it does not, but nothing of the old rule would).
    assert_eq!(with_rule(catalog, 10).await, a);
    assert!(catalog.evaluations(a, 10).await.unwrap().is_empty());
}

async fn the_version_grows_with_every_change(catalog: &dyn Catalog) {
    let mut seen = vec![catalog.rules_version().await.unwrap()];
    let rule = with_rule(catalog, 10).await;
    seen.push(catalog.rules_version().await.unwrap());
    catalog
        .update_rule(rule, id(OWNER), spec("changed"), at(1))
        .await
        .unwrap();
    seen.push(catalog.rules_version().await.unwrap());
    catalog
        .set_rules_active(&[rule], id(OWNER), false, at(2))
        .await
        .unwrap();
    seen.push(catalog.rules_version().await.unwrap());
    catalog
        .put_email_notification(&[rule], id(OWNER), &email(), at(0))
        .await
        .unwrap();
    seen.push(catalog.rules_version().await.unwrap());
    catalog.delete_rules(&[rule], id(OWNER)).await.unwrap();
    seen.push(catalog.rules_version().await.unwrap());
    assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");

    catalog.delete_rules(&[rule], id(OWNER)).await.unwrap_err();
    assert_eq!(
        catalog.rules_version().await.unwrap(),
        seen[5],
        "a failure changes nothing"
    );
}

async fn state_is_default_then_what_was_stored(catalog: &dyn Catalog) {
    let rule = with_rule(catalog, 10).await;
    assert_eq!(
        catalog.rule_state(rule).await.unwrap(),
        RuleState::default()
    );
    catalog
        .record_evaluations(&[evaluation(rule, 1)], &[])
        .await
        .unwrap();
    assert_eq!(
        catalog.rule_state(rule).await.unwrap(),
        RuleState::default()
    );
    let state = RuleState {
        last_fired_slot: Some(at(60)),
        evaluated_to: None,
        throttled: [("root".to_owned(), at(90))].into(),
        gaps: vec![Gap {
            slot_end: at(300),
            last_fired_slot: None,
            rows_told: None,
        }],
        ..RuleState::default()
    };
    catalog
        .record_evaluations(&[], &[(rule, state.clone())])
        .await
        .unwrap();
    assert_eq!(catalog.rule_state(rule).await.unwrap(), state);
    assert_eq!(catalog.evaluations(rule, 10).await.unwrap().len(), 1);
}

async fn the_newest_200_evaluations_are_kept(catalog: &dyn Catalog) {
    let (a, b) = (with_rule(catalog, 10).await, with_rule(catalog, 11).await);
    catalog
        .record_evaluations(&[evaluation(b, 0)], &[])
        .await
        .unwrap();
    let all: Vec<_> = (0..450).map(|n| evaluation(a, n)).collect();
    for part in all.chunks(130) {
        catalog.record_evaluations(part, &[]).await.unwrap();
    }
    let kept = catalog.evaluations(a, u32::MAX).await.unwrap();
    let expect: Vec<_> = (250..450).rev().map(|n| evaluation(a, n)).collect();
    assert_eq!(kept, expect);
    assert_eq!(catalog.evaluations(a, 2).await.unwrap(), expect[..2]);
    assert_eq!(catalog.evaluations(b, 9).await.unwrap(), [evaluation(b, 0)]);

    // Of several rules by turns, in one call.
    let c = with_rule(catalog, 12).await;
    let mixed: Vec<_> = (0..450)
        .flat_map(|n| [evaluation(c, n), evaluation(b, n + 1)])
        .collect();
    catalog.record_evaluations(&mixed, &[]).await.unwrap();
    let newest = |rule, last: i64| -> Vec<_> {
        let ns = (last - 199..=last).rev();
        ns.map(|n| evaluation(rule, n)).collect()
    };
    assert_eq!(catalog.evaluations(c, 999).await.unwrap(), newest(c, 449));
    assert_eq!(catalog.evaluations(b, 999).await.unwrap(), newest(b, 450));
}

async fn records_of_a_deleted_rule_are_dropped(catalog: &dyn Catalog) {
    let (gone, here) = (with_rule(catalog, 10).await, with_rule(catalog, 11).await);
    catalog.delete_rules(&[gone], id(OWNER)).await.unwrap();
    let evaluations = [evaluation(gone, 1), evaluation(here, 1)];
    let states = [gone, here].map(|rule| (rule, RuleState::default()));
    catalog
        .record_evaluations(&evaluations, &states)
        .await
        .unwrap();
    assert!(catalog.evaluations(gone, 9).await.unwrap().is_empty());
    assert_eq!(catalog.evaluations(here, 9).await.unwrap().len(), 1);
}

conformance!(
    a_created_rule_reads_back_with_its_owner,
    who_made_a_rule_is_recorded_with_it_or_not_at_all,
    names_are_unique_per_owner,
    an_update_keeps_active_and_counts,
    rules_of_an_owner_are_listed_oldest_first,
    switching_is_all_or_none_and_keeps_times_honest,
    deletion_is_all_or_none_and_takes_everything_along,
    the_version_grows_with_every_change,
    state_is_default_then_what_was_stored,
    the_newest_200_evaluations_are_kept,
    records_of_a_deleted_rule_are_dropped,
);

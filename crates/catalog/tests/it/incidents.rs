use crate::support::{OWNER, at, commit, firing, id, with_rule};
use cresset_catalog::Catalog;
use cresset_catalog::port::{FiringCommit, FiringOutcome, IncidentFilter};
use cresset_model::incident::{Incident, IncidentStatus};

async fn a_firing_is_written_whole(catalog: &dyn Catalog) {
    let rule = with_rule(catalog, 10).await;
    let fired = firing(1, rule, 600);
    let written = catalog
        .commit_firings(FiringCommit {
            firings: vec![fired.clone()],
            cursor: Some(("detect", 77)),
        })
        .await
        .unwrap();
    assert_eq!(written, [FiringOutcome::Written]);
    assert_eq!(catalog.incident(id(1)).await.unwrap(), Some(fired.incident));
    assert_eq!(
        catalog.deliveries_of(id(1)).await.unwrap(),
        fired.deliveries
    );
    assert_eq!(
        catalog.evaluations(rule, 9).await.unwrap(),
        [fired.evaluation]
    );
    assert_eq!(catalog.rule_state(rule).await.unwrap(), fired.state);
    assert_eq!(catalog.cursor("detect").await.unwrap(), 77);
    assert_eq!(catalog.incident(id(2)).await.unwrap(), None);
}

async fn the_same_slot_fires_once_and_leaves_no_second_delivery(catalog: &dyn Catalog) {
    let (rule, other) = (with_rule(catalog, 10).await, with_rule(catalog, 11).await);
    let first = firing(1, rule, 600);
    catalog
        .commit_firings(commit(vec![first.clone()]))
        .await
        .unwrap();

    let mut again = firing(2, rule, 600);
    again.state.last_fired_slot = None;
    let batch = vec![
        again,
        firing(3, rule, 1200),
        firing(4, other, 600),
        firing(5, rule, 1200),
    ];
    let cursor = Some(("detect", 5));
    let outcomes = catalog
        .commit_firings(FiringCommit {
            firings: batch,
            cursor,
        })
        .await
        .unwrap();
    use FiringOutcome::{Duplicate, Written};
    assert_eq!(outcomes, [Duplicate, Written, Written, Duplicate]);

    for gone in [2, 5] {
        assert_eq!(catalog.incident(id(gone)).await.unwrap(), None);
        assert!(catalog.deliveries_of(id(gone)).await.unwrap().is_empty());
    }
    assert_eq!(catalog.deliveries(None, 99).await.unwrap().len(), 3);
    assert_eq!(catalog.evaluations(rule, 9).await.unwrap().len(), 2);
    assert_eq!(
        catalog.rule_state(rule).await.unwrap().last_fired_slot,
        Some(at(1200))
    );
    assert_eq!(
        catalog.cursor("detect").await.unwrap(),
        5,
        "the cursor moves in any case"
    );

    let outcomes = catalog
        .commit_firings(commit(vec![firing(6, rule, 600)]))
        .await
        .unwrap();
    assert_eq!(outcomes, [Duplicate]);
    assert_eq!(
        catalog.deliveries_of(id(1)).await.unwrap(),
        first.deliveries
    );
}

async fn a_rule_deleted_meanwhile_still_leaves_its_incident(catalog: &dyn Catalog) {
    let (gone, here) = (with_rule(catalog, 10).await, with_rule(catalog, 11).await);
    catalog.delete_rules(&[gone], id(OWNER)).await.unwrap();
    let batch = commit(vec![firing(1, gone, 600), firing(2, here, 600)]);
    let outcomes = catalog.commit_firings(batch).await.unwrap();
    assert_eq!(outcomes, [FiringOutcome::Written; 2]);
    assert!(catalog.incident(id(1)).await.unwrap().is_some());
    assert!(catalog.evaluations(gone, 9).await.unwrap().is_empty());

    catalog.delete_rules(&[here], id(OWNER)).await.unwrap();
    assert!(
        catalog.incident(id(2)).await.unwrap().is_some(),
        "incidents outlive their rule"
    );
    assert_eq!(catalog.deliveries(None, 9).await.unwrap().len(), 2);
}

async fn ids(catalog: &dyn Catalog, filter: IncidentFilter) -> Vec<u64> {
    let number = |i: &Incident| u64::from_be_bytes(i.id.bytes()[4..].try_into().unwrap());
    let incidents = catalog.incidents(&filter).await.unwrap();
    assert!(
        incidents.iter().all(|i| i.rows.is_empty()),
        "rows are left empty"
    );
    incidents.iter().map(number).collect()
}

async fn filters_select(catalog: &dyn Catalog) {
    let (a, b) = (with_rule(catalog, 10).await, with_rule(catalog, 11).await);
    let mut firings = vec![
        firing(1, a, 600),
        firing(2, b, 300),
        firing(3, a, 1200),
        firing(4, b, 900),
    ];
    firings[0].incident.assignee = Some(id(2));
    firings[1].incident.owner = id(3);
    firings[2].incident.status = IncidentStatus::Resolved;
    firings[3].incident.status = IncidentStatus::Closed;
    catalog.commit_firings(commit(firings)).await.unwrap();

    let all = IncidentFilter::default;
    let statuses = |list: &[IncidentStatus]| IncidentFilter {
        statuses: list.to_vec(),
        ..all()
    };
    for (filter, expect) in [
        (all(), vec![2, 1, 3]),
        (IncidentFilter { limit: 2, ..all() }, vec![2, 1]),
        (
            IncidentFilter {
                from: Some(at(600)),
                ..all()
            },
            vec![1, 3],
        ),
        (
            IncidentFilter {
                to: Some(at(600)),
                ..all()
            },
            vec![2, 1],
        ),
        (
            IncidentFilter {
                from: Some(at(301)),
                to: Some(at(1199)),
                ..all()
            },
            vec![1],
        ),
        (
            IncidentFilter {
                rule_id: Some(a),
                ..all()
            },
            vec![1, 3],
        ),
        (
            IncidentFilter {
                visible_to: Some(id(2)),
                ..all()
            },
            vec![1],
        ),
        (
            IncidentFilter {
                visible_to: Some(id(3)),
                ..all()
            },
            vec![2],
        ),
        (
            IncidentFilter {
                visible_to: Some(id(OWNER)),
                ..all()
            },
            vec![1, 3],
        ),
        (
            IncidentFilter {
                visible_to: Some(id(4)),
                ..all()
            },
            vec![],
        ),
        (statuses(&[IncidentStatus::Closed]), vec![4]),
        (
            statuses(&[IncidentStatus::Closed, IncidentStatus::Resolved]),
            vec![4, 3],
        ),
    ] {
        assert_eq!(ids(catalog, filter.clone()).await, expect, "{filter:?}");
    }
}

async fn pages_continue_where_the_last_one_ended(catalog: &dyn Catalog) {
    let (a, b) = (with_rule(catalog, 10).await, with_rule(catalog, 11).await);
    let mut firings: Vec<_> = (1..=5).map(|n| firing(n, a, 600 * n as i64)).collect();
    firings.push(firing(6, b, 600));
    catalog.commit_firings(commit(firings)).await.unwrap();
    let mut filter = IncidentFilter {
        limit: 2,
        ..IncidentFilter::default()
    };
    let mut seen = Vec::new();
    loop {
        let page = catalog.listed_incidents(&filter).await.unwrap();
        let Some(last) = page.last() else { break };
        assert_eq!(last.time, last.incident.detected_at);
        filter.after = Some((last.time, last.incident.id));
        seen.extend(page.iter().map(|l| l.incident.id));
    }
    assert_eq!(seen, [1, 6, 2, 3, 4, 5].map(id));
}

async fn what_many_rules_remember_is_read_at_once(catalog: &dyn Catalog) {
    let (one, two) = (with_rule(catalog, 10).await, with_rule(catalog, 11).await);
    let quiet = with_rule(catalog, 12).await;
    let fired = firing(1, one, 600);
    let detected = fired.incident.detected_at;
    let firings = vec![fired.clone(), firing(2, one, 1_200), firing(3, two, 600)];
    catalog.commit_firings(commit(firings)).await.unwrap();
    let states = catalog.rule_states(&[one, quiet, id(99)]).await.unwrap();
    assert_eq!(states.keys().copied().collect::<Vec<_>>(), [one]);
    assert_eq!(states[&one], catalog.rule_state(one).await.unwrap());
    let mut slots = catalog.fired_slots(&[one, quiet], detected).await.unwrap();
    slots.sort_unstable();
    assert_eq!(slots, [(one, at(600)), (one, at(1_200))]);
    let later = detected + cresset_model::Duration::days(1);
    let none = catalog.fired_slots(&[one, two], later).await.unwrap();
    assert!(none.is_empty());
}

conformance!(
    a_firing_is_written_whole,
    the_same_slot_fires_once_and_leaves_no_second_delivery,
    a_rule_deleted_meanwhile_still_leaves_its_incident,
    filters_select,
    what_many_rules_remember_is_read_at_once,
    pages_continue_where_the_last_one_ended,
);

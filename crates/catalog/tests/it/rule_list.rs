use crate::support::{OWNER, at, id, new_user, spec, with_owner, with_rule};
use cresset_catalog::Catalog;
use cresset_catalog::port::{RuleChanges, RuleFilter, RulePage, RuleSummary};
use cresset_model::repo::Repo;
use cresset_model::rule::AlertRule;
use std::collections::BTreeMap;

/// More than one statement reads.
const MANY: u64 = 450;

/// The page as it follows from all rules.
fn expected(rules: &[AlertRule], filter: &RuleFilter<'_>) -> RulePage {
    let part = filter.name_part.to_lowercase();
    let met: Vec<&AlertRule> = rules
        .iter()
        .filter(|rule| filter.active.is_none_or(|active| active == rule.active))
        .filter(|rule| rule.spec.name.to_lowercase().contains(&part))
        .collect();
    let at_most = |n: u64| usize::try_from(n).unwrap();
    let rows = met
        .iter()
        .skip(at_most(filter.skip))
        .take(at_most(filter.take));
    RulePage {
        rows: rows
            .map(|rule| RuleSummary {
                id: rule.id,
                name: rule.spec.name.clone(),
                description: rule.spec.description.clone(),
                active: rule.active,
            })
            .collect(),
        total: met.len() as u64,
    }
}

async fn a_page_is_a_part_of_all_rules(catalog: &dyn Catalog) {
    with_owner(catalog).await;
    catalog.create_user(new_user(2, "other")).await.unwrap();
    let theirs = catalog.create_rule(id(9_999), id(2), spec("of another"), at(0), None);
    theirs.await.unwrap();
    for n in 0..MANY {
        let mut spec = spec(&format!(
            "Rule {n} {}",
            ["\"ÄRGER\"", "\u{1f525}"][n as usize % 2]
        ));
        spec.description = format!("{n} \u{0}\u{1b}\"\\ {}", "\u{e9}".repeat(n as usize % 7));
        // Ids in another order than times, and many of one time.
        let made = catalog.create_rule(id(1_000 - n), id(OWNER), spec, at(n as i64 / 5), None);
        made.await.unwrap();
    }
    let off: Vec<_> = (0..MANY / 3).map(|n| id(1_000 - n * 3)).collect();
    let switched = catalog.set_rules_active(&off, id(OWNER), false, at(500));
    switched.await.unwrap();
    let mut changed = spec("Rule that changed");
    changed.description = "changed".into();
    let changed = catalog.update_rule(id(900), id(OWNER), changed, at(501));
    changed.await.unwrap();

    let rules = catalog.rules_of(id(OWNER)).await.unwrap();
    assert_eq!(rules.len() as u64, MANY);
    for active in [None, Some(true), Some(false)] {
        for name_part in ["", "ärger", "RULE 44", "nowhere", "%", "\"", "changed"] {
            for (skip, take) in [
                (0, u64::MAX),
                (0, MANY),
                (0, 25),
                (25, 200),
                (199, 201),
                (200, 200),
                (440, 25),
                (MANY, 25),
                (u64::MAX, u64::MAX),
            ] {
                let filter = RuleFilter {
                    active,
                    name_part,
                    skip,
                    take,
                };
                let page = catalog.list_rules(id(OWNER), &filter).await.unwrap();
                assert_eq!(page, expected(&rules, &filter), "{filter:?}");
            }
        }
    }
    let nobody = catalog.list_rules(id(77), &RuleFilter::default()).await;
    assert_eq!(nobody.unwrap(), RulePage::default());
}

/// What a reader knows who has followed the changes.
#[derive(Default)]
struct Follower {
    version: u64,
    active: BTreeMap<cresset_model::ObjectId, AlertRule>,
}

impl Follower {
    /// Follows, and tells what was told.
    async fn follow(&mut self, catalog: &dyn Catalog) -> RuleChanges {
        let version = catalog.rules_version().await.unwrap();
        let changes = catalog.rule_changes(self.version).await.unwrap();
        self.version = version;
        for found in &changes.changed {
            let rule = found.rule.clone();
            self.active.remove(&rule.id);
            if rule.active {
                self.active.insert(rule.id, rule);
            }
        }
        changes
    }

    async fn knows_all(&self, catalog: &dyn Catalog) -> bool {
        let active = catalog.active_rules().await.unwrap();
        active.len() == self.active.len()
            && active
                .iter()
                .all(|r| self.active.get(&r.rule.id) == Some(&r.rule))
    }
}

async fn changes_add_up_to_the_active_rules(catalog: &dyn Catalog) {
    let mut follower = Follower::default();
    assert_eq!(follower.follow(catalog).await.active, 0);
    let (a, b) = (with_rule(catalog, 10).await, with_rule(catalog, 11).await);
    let told = follower.follow(catalog).await;
    assert_eq!((told.changed.len(), told.active), (2, 2));
    assert_eq!(told.changed[0], catalog.rule(a).await.unwrap().unwrap());
    assert!(follower.follow(catalog).await.changed.is_empty());

    let update = catalog.update_rule(b, id(OWNER), spec("changed"), at(1));
    update.await.unwrap();
    let told = follower.follow(catalog).await;
    assert_eq!(told.changed.len(), 1, "only the one that changed");
    assert!(follower.knows_all(catalog).await);

    let off = catalog
        .set_rules_active(&[a], id(OWNER), false, at(2))
        .await;
    off.unwrap();
    let told = follower.follow(catalog).await;
    assert_eq!((told.changed.len(), told.active), (1, 1));
    assert!(follower.knows_all(catalog).await);

    // A refused change leaves no trace.
    let both = [a, id(99)];
    let refused = catalog
        .set_rules_active(&both, id(OWNER), true, at(3))
        .await;
    refused.unwrap_err();
    let taken = catalog.create_rule(id(12), id(OWNER), spec("changed"), at(3), None);
    taken.await.unwrap_err();
    assert!(follower.follow(catalog).await.changed.is_empty());

    // A deletion shows in the number alone, whatever was made meanwhile.
    catalog.delete_rules(&[b], id(OWNER)).await.unwrap();
    with_rule(catalog, 13).await;
    let told = follower.follow(catalog).await;
    assert_eq!((told.changed.len(), told.active), (1, 1));
    assert_eq!(follower.active.len(), 2, "more than there are");
}

async fn owners_of_rules_are_told_as_they_are_now(catalog: &dyn Catalog) {
    with_rule(catalog, 10).await;
    catalog
        .create_user(new_user(2, "without rules"))
        .await
        .unwrap();
    let owners = async || catalog.rule_changes(u64::MAX).await.unwrap().owners;
    let before = owners().await;
    assert_eq!(before.len(), 1);
    let known = catalog.rule(id(10)).await.unwrap().unwrap();
    assert_eq!(
        (before[0].id, &before[0].name, &before[0].repos),
        (id(OWNER), &known.owner_name, &known.repos)
    );
    let repo = Repo {
        name: "new".into(),
        retention_days: 1,
    };
    catalog.create_repo(repo).await.unwrap();
    let granted = ["new".to_owned()].into();
    catalog
        .grant_repos(id(OWNER), Some(&granted))
        .await
        .unwrap();
    let after = owners().await;
    assert_ne!(after, before);
    let known = catalog.rule(id(10)).await.unwrap().unwrap();
    assert_eq!(after[0].repos, known.repos);
}

conformance!(
    a_page_is_a_part_of_all_rules,
    changes_add_up_to_the_active_rules,
    owners_of_rules_are_told_as_they_are_now,
);

//! What rules remember, and the records of their evaluations.

use super::SqliteCatalog;
use super::columns::{Columns, from_json, to_json};
use crate::Result;
use cresset_model::ObjectId;
use cresset_model::incident::{Evaluation, RuleState};
use serde_json::json;
use sqlx::SqliteConnection;
use std::collections::{BTreeMap, HashMap};

/// Records kept per rule.
const KEPT: i64 = 200;
/// Rules whose records one transaction writes. Slots of thousands of rules end together; who
/// else writes gets in between, and waits for a few milliseconds rather than for all of them.
const RULES_AT_ONCE: usize = 50;

/// What is to be recorded of one rule.
type OfRule<'a> = (Vec<&'a Evaluation>, Vec<&'a RuleState>);

impl SqliteCatalog {
    pub(super) async fn state_of(&self, rule: ObjectId) -> Result<RuleState> {
        let state: Option<Option<String>> =
            sqlx::query_scalar("SELECT state FROM rule_states WHERE rule_id = $1")
                .bind(rule.to_string())
                .fetch_optional(&self.reader)
                .await?;
        state
            .flatten()
            .map_or_else(|| Ok(RuleState::default()), |s| from_json("rule state", &s))
    }

    pub(super) async fn record(
        &self,
        evaluations: &[Evaluation],
        states: &[(ObjectId, RuleState)],
    ) -> Result<()> {
        let mut rules: BTreeMap<ObjectId, OfRule<'_>> = BTreeMap::new();
        for evaluation in evaluations {
            let of_rule = rules.entry(evaluation.rule_id).or_default();
            of_rule.0.push(evaluation);
        }
        for (rule, state) in states {
            rules.entry(*rule).or_default().1.push(state);
        }
        let rules: Vec<(ObjectId, OfRule<'_>)> = rules.into_iter().collect();
        for some in rules.chunks(RULES_AT_ONCE) {
            let mut tx = self.begin().await?;
            let (mut made, mut left) = (Vec::new(), Vec::new());
            for (rule, (evaluations, states)) in some {
                made.extend_from_slice(evaluations);
                left.extend(states.iter().map(|state| (*rule, *state)));
            }
            record_evaluations(&mut tx, &made).await?;
            store_states(&mut tx, &left).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    pub(super) async fn newest_evaluations(
        &self,
        rule: ObjectId,
        limit: u32,
    ) -> Result<Vec<Evaluation>> {
        sqlx::query(
            "SELECT evaluation FROM evaluations WHERE rule_id = $1 ORDER BY n DESC LIMIT $2",
        )
        .bind(rule.to_string())
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?
        .iter()
        .map(|row| row.json("evaluation"))
        .collect()
    }
}

/// Nothing is recorded for a rule that was deleted while it was evaluated.
///
/// All of them in two statements: each one is a way to the database's thread and back, and
/// while the transaction lasts nobody else writes.
pub(super) async fn record_evaluations(
    connection: &mut SqliteConnection,
    evaluations: &[&Evaluation],
) -> Result<()> {
    if evaluations.is_empty() {
        return Ok(());
    }
    let mut of_rule: HashMap<ObjectId, u64> = HashMap::new();
    let mut records = Vec::new();
    for evaluation in evaluations.iter().rev() {
        // How many of the rule come after this one.
        let after = of_rule.entry(evaluation.rule_id).or_default();
        let text = to_json("evaluation", evaluation)?;
        records.push(json!([evaluation.rule_id.to_string(), *after, text]));
        *after += 1;
    }
    records.reverse();
    let counts: Vec<_> = of_rule
        .into_iter()
        .map(|(rule, count)| json!([rule.to_string(), count]))
        .collect();
    sqlx::query(
        "INSERT INTO rule_states (rule_id, evaluations)
         SELECT r.id, e.value ->> 1 FROM json_each($1) e JOIN rules r ON r.id = e.value ->> 0
         WHERE true
         ON CONFLICT (rule_id) DO UPDATE SET
           evaluations = rule_states.evaluations + excluded.evaluations",
    )
    .bind(to_json("counts of evaluations", &counts)?)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT INTO evaluations (rule_id, n, place, evaluation)
         SELECT s.rule_id, s.evaluations - (e.value ->> 1),
           (s.evaluations - (e.value ->> 1)) % $2, e.value ->> 2
         FROM json_each($1) e JOIN rule_states s ON s.rule_id = e.value ->> 0
         WHERE true ORDER BY e.key
         ON CONFLICT (rule_id, place)
         DO UPDATE SET n = excluded.n, evaluation = excluded.evaluation",
    )
    .bind(to_json("evaluations", &records)?)
    .bind(KEPT)
    .execute(connection)
    .await?;
    Ok(())
}

/// Nothing is stored for a rule that was deleted while it was evaluated.
pub(super) async fn store_states(
    connection: &mut SqliteConnection,
    states: &[(ObjectId, &RuleState)],
) -> Result<()> {
    if states.is_empty() {
        return Ok(());
    }
    let states = states
        .iter()
        .map(|(rule, state)| Ok(json!([rule.to_string(), to_json("rule state", state)?])))
        .collect::<Result<Vec<_>>>()?;
    sqlx::query(
        "INSERT INTO rule_states (rule_id, state)
         SELECT r.id, e.value ->> 1 FROM json_each($1) e JOIN rules r ON r.id = e.value ->> 0
         WHERE true ORDER BY e.key
         ON CONFLICT (rule_id) DO UPDATE SET state = excluded.state",
    )
    .bind(to_json("rule states", &states)?)
    .execute(connection)
    .await?;
    Ok(())
}

//! What rules remember, and the records of their evaluations.

use super::SqliteCatalog;
use super::columns::{Columns, from_json, to_json};
use crate::Result;
use cresset_model::ObjectId;
use cresset_model::incident::{Evaluation, RuleState};
use sqlx::SqliteConnection;
use std::collections::BTreeMap;

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
            for (rule, (evaluations, states)) in some {
                for evaluation in evaluations {
                    record_evaluation(&mut tx, evaluation).await?;
                }
                for state in states {
                    store_state(&mut tx, *rule, state).await?;
                }
            }
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
pub(super) async fn record_evaluation(
    connection: &mut SqliteConnection,
    evaluation: &Evaluation,
) -> Result<()> {
    let rule = evaluation.rule_id.to_string();
    let n: Option<i64> = sqlx::query_scalar(
        "INSERT INTO rule_states (rule_id, evaluations) SELECT id, 1 FROM rules WHERE id = $1
         ON CONFLICT (rule_id) DO UPDATE SET evaluations = rule_states.evaluations + 1
         RETURNING evaluations",
    )
    .bind(&rule)
    .fetch_optional(&mut *connection)
    .await?;
    let Some(n) = n else { return Ok(()) };
    sqlx::query(
        "INSERT INTO evaluations (rule_id, place, n, evaluation) VALUES ($1, $2, $3, $4)
         ON CONFLICT (rule_id, place)
         DO UPDATE SET n = excluded.n, evaluation = excluded.evaluation",
    )
    .bind(&rule)
    .bind(n % KEPT)
    .bind(n)
    .bind(to_json("evaluation", evaluation)?)
    .execute(connection)
    .await?;
    Ok(())
}

/// Nothing is stored for a rule that was deleted while it was evaluated.
pub(super) async fn store_state(
    connection: &mut SqliteConnection,
    rule: ObjectId,
    state: &RuleState,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO rule_states (rule_id, state) SELECT id, $2 FROM rules WHERE id = $1
         ON CONFLICT (rule_id) DO UPDATE SET state = excluded.state",
    )
    .bind(rule.to_string())
    .bind(to_json("rule state", state)?)
    .execute(connection)
    .await?;
    Ok(())
}

//! What rules remember, and the records of their evaluations.

use super::SqliteCatalog;
use super::columns::{Columns, from_json, to_json};
use crate::Result;
use cresset_model::ObjectId;
use cresset_model::incident::{Evaluation, RuleState};
use serde_json::json;
use sqlx::sqlite::SqliteExecutor;
use std::collections::{BTreeMap, HashMap};

/// Records kept per rule.
const KEPT: i64 = 200;
/// Rules whose records one transaction writes. Slots of thousands of rules end together; who
/// else writes gets in between, and waits for a few milliseconds rather than for all of them.
const RULES_AT_ONCE: usize = 50;

/// What is to be recorded of a rule: an evaluation, what it leaves behind, or both.
pub(super) type Remembered<'a> = (ObjectId, Option<&'a Evaluation>, Option<&'a RuleState>);

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

    pub(super) async fn states_of(
        &self,
        rules: &[ObjectId],
    ) -> Result<HashMap<ObjectId, RuleState>> {
        let rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
        sqlx::query(
            "SELECT s.rule_id, s.state FROM json_each($1) e
             JOIN rule_states s ON s.rule_id = e.value WHERE s.state IS NOT NULL",
        )
        .bind(to_json("ids of rules", &rules)?)
        .fetch_all(&self.reader)
        .await?
        .iter()
        .map(|row| Ok((row.id("rule_id")?, row.json("state")?)))
        .collect()
    }

    pub(super) async fn record(
        &self,
        evaluations: &[Evaluation],
        states: &[(ObjectId, RuleState)],
    ) -> Result<()> {
        let mut rules: BTreeMap<ObjectId, Vec<Remembered<'_>>> = BTreeMap::new();
        for evaluation in evaluations {
            let of_rule = rules.entry(evaluation.rule_id).or_default();
            of_rule.push((evaluation.rule_id, Some(evaluation), None));
        }
        for (rule, state) in states {
            rules
                .entry(*rule)
                .or_default()
                .push((*rule, None, Some(state)));
        }
        let rules: Vec<Vec<Remembered<'_>>> = rules.into_values().collect();
        for some in rules.chunks(RULES_AT_ONCE) {
            remember(&mut *self.writer.turn().await?, &some.concat()).await?;
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

/// Records all of them, or none. Nothing is recorded for a rule that was deleted while it was
/// evaluated.
pub(super) async fn remember(
    executor: impl SqliteExecutor<'_>,
    rows: &[Remembered<'_>],
) -> Result<()> {
    let document = |(rule, evaluation, state): &Remembered<'_>| {
        let evaluation = evaluation.map(|e| to_json("evaluation", e)).transpose()?;
        let state = state.map(|s| to_json("rule state", s)).transpose()?;
        Ok(json!([rule.to_string(), evaluation, state]))
    };
    let rows = rows.iter().map(document).collect::<Result<Vec<_>>>()?;
    sqlx::query(
        "INSERT INTO remembered (rule_id, evaluation, state, kept)
         SELECT e.value ->> 0, e.value ->> 1, e.value ->> 2, $2 FROM json_each($1) e
         ORDER BY e.key",
    )
    .bind(to_json("evaluations", &rows)?)
    .bind(KEPT)
    .execute(executor)
    .await?;
    Ok(())
}

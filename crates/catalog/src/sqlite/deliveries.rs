//! The outbox.
//!
//! Pending rows stand in lanes, one per rule and channel. A claim steps from lane
//! to lane along an index and takes a few rows of each, so that its cost grows
//! with the lanes and not with the rows that a sick destination has piled up.

use super::SqliteCatalog;
use super::audit::cut;
use super::columns::{Columns, int, not_found, to_word};
use crate::port::{AttemptOutcome, AttemptRecord, Deliveries, DueDelivery};
use crate::{Error, Result};
use async_trait::async_trait;
use cresset_model::notification::{Channel, Delivery, DeliveryState};
use cresset_model::{Duration, ObjectId, Timestamp};
use serde::de::Error as _;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

/// Longest detail of an attempt in bytes; the rest is cut off.
const MAX_DETAIL: usize = 4096;

macro_rules! select_deliveries {
    ($rest:literal) => {
        concat!(
            "SELECT id, incident_id, rule_id, channel, state, attempts, due_at, ",
            "last_error, created_at, finished_at FROM deliveries ",
            $rest
        )
    };
}

/// Due rows, of each lane at most `$2` less those under a lease. A lease ends at `$4` or
/// before, which keeps the search for them away from retries that are due in hours.
const CLAIMABLE: &str = "
    WITH RECURSIVE lanes (lane) AS (
      SELECT min(lane) FROM deliveries WHERE state = 'pending'
      UNION ALL
      SELECT (SELECT min(p.lane) FROM deliveries p
              WHERE p.state = 'pending' AND p.lane > lanes.lane)
      FROM lanes WHERE lanes.lane IS NOT NULL
    ),
    held (lane, leases) AS MATERIALIZED (
      SELECT p.lane, count(*) FROM deliveries p
      WHERE p.state = 'pending' AND p.available_at > $1 AND p.available_at <= $4
        AND p.leased <> 0
      GROUP BY p.lane
    ),
    room (lane, leases) AS MATERIALIZED (
      SELECT lanes.lane, coalesce(held.leases, 0)
      FROM lanes LEFT JOIN held ON held.lane = lanes.lane
      WHERE coalesce(held.leases, 0) < $2
    ),
    next (id, due_at, place) AS (
      SELECT d.id, d.due_at,
        room.leases + row_number() OVER (PARTITION BY d.lane ORDER BY d.due_at, d.id)
      FROM room CROSS JOIN deliveries d ON d.id IN (
        SELECT p.id FROM deliveries p
        WHERE p.state = 'pending' AND p.lane = room.lane
          AND p.due_at <= $1 AND p.available_at <= $1
        ORDER BY p.due_at, p.id LIMIT $2)
    )
    SELECT id FROM next WHERE place <= $2 ORDER BY place, due_at, id LIMIT $3";

// What the column `leased` says of a pending row: 0 that nobody has it, and less than 0
// that it was given back unused; such a row counts as leased until it is available.
/// Leased for the first time since its last outcome.
const LEASED: i64 = 1;
/// Leased again after a lease that ended without an outcome. Each piece of work that was
/// begun since and not ended adds one.
const ABANDONED: i64 = 2;

#[async_trait]
impl Deliveries for SqliteCatalog {
    async fn claim_due(
        &self,
        now: Timestamp,
        lease: Duration,
        limit: u32,
        per_rule: u32,
    ) -> Result<Vec<DueDelivery>> {
        // Most calls find nothing; those leave the write lock alone.
        if self.next_due().await?.is_none_or(|next| next > now) {
            return Ok(Vec::new());
        }
        let mut tx = self.begin().await?;
        let ids: Vec<String> = sqlx::query_scalar(CLAIMABLE)
            .bind(now.0)
            .bind(i64::from(per_rule))
            .bind(i64::from(limit))
            .bind((now + lease + lease).0)
            .fetch_all(&mut *tx)
            .await?;
        let mut claimed = Vec::with_capacity(ids.len());
        for id in ids {
            let row = sqlx::query(
                "UPDATE deliveries SET lease = lease + 1, available_at = $2,
                   leased = CASE WHEN leased > 0 THEN max(leased, $4)
                     WHEN leased < 0 THEN -leased ELSE $3 END
                 WHERE id = $1
                 RETURNING id, incident_id, rule_id, channel, state, attempts, due_at,
                   last_error, created_at, finished_at, lease, leased",
            )
            .bind(id)
            .bind((now + lease).0)
            .bind(LEASED)
            .bind(ABANDONED)
            .fetch_one(&mut *tx)
            .await?;
            let leased = row.int("leased")?;
            claimed.push(DueDelivery {
                delivery: delivery(&row)?,
                lease: row.int("lease")?,
                abandoned: leased >= ABANDONED,
                unfinished: u32::try_from(leased - ABANDONED).unwrap_or(0),
            });
        }
        tx.commit().await?;
        Ok(claimed)
    }

    async fn renew(&self, due: &DueDelivery, until: Timestamp) -> Result<bool> {
        let renewed = "UPDATE deliveries SET available_at = $3
             WHERE id = $1 AND lease = $2 AND leased > 0";
        self.change_lease(due, renewed, until.0).await
    }

    async fn set_aside(&self, due: &[DueDelivery], until: Timestamp) -> Result<()> {
        let mut tx = self.begin().await?;
        for due in due {
            sqlx::query(
                "UPDATE deliveries SET leased = -leased, available_at = $3
                 WHERE id = $1 AND lease = $2 AND leased > 0",
            )
            .bind(due.delivery.id.to_string())
            .bind(due.lease)
            .bind(until.0)
            .execute(&mut *tx)
            .await?;
        }
        Ok(tx.commit().await?)
    }

    async fn begin_work(&self, due: &DueDelivery) -> Result<bool> {
        let begun = "UPDATE deliveries SET leased = max(leased, $3) + 1
             WHERE id = $1 AND lease = $2 AND leased > 0";
        self.change_lease(due, begun, ABANDONED).await
    }

    async fn end_work(&self, due: &DueDelivery) -> Result<bool> {
        let ended = "UPDATE deliveries SET leased = min(leased, $3)
             WHERE id = $1 AND lease = $2 AND leased > 0";
        self.change_lease(due, ended, ABANDONED).await
    }

    async fn finish_attempt(&self, due: &DueDelivery, record: AttemptRecord) -> Result<bool> {
        let (state, retry_at) = match record.outcome {
            AttemptOutcome::Delivered => (DeliveryState::Delivered, None),
            AttemptOutcome::RetryAt(at) => (DeliveryState::Pending, Some(at.0)),
            AttemptOutcome::Dead => (DeliveryState::Dead, None),
            AttemptOutcome::Suppressed => (DeliveryState::Suppressed, None),
        };
        let (id, detail) = (due.delivery.id.to_string(), cut(&record.detail, MAX_DETAIL));
        let mut tx = self.begin().await?;
        let met = sqlx::query(
            "UPDATE deliveries SET state = $3, leased = 0, last_error = $4,
               attempts = attempts + $5,
               due_at = coalesce($6, due_at), available_at = coalesce($6, due_at),
               finished_at = $7
             WHERE id = $1 AND lease = $2 AND leased > 0",
        )
        .bind(&id)
        .bind(due.lease)
        .bind(state.as_str())
        .bind(detail)
        .bind(i64::from(state != DeliveryState::Suppressed))
        .bind(retry_at)
        .bind(retry_at.is_none().then_some(record.at.0))
        .execute(&mut *tx)
        .await?;
        if met.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO delivery_attempts (delivery_id, at, detail, duration_us, outcome, retry_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(&id)
        .bind(record.at.0)
        .bind(detail)
        .bind(int(record.duration_us))
        .bind(outcome_word(&record.outcome))
        .bind(retry_at)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn next_due(&self) -> Result<Option<Timestamp>> {
        let next: Option<i64> =
            sqlx::query_scalar("SELECT min(available_at) FROM deliveries WHERE state = 'pending'")
                .fetch_one(&self.reader)
                .await?;
        Ok(next.map(Timestamp))
    }

    async fn deliveries(&self, state: Option<DeliveryState>, limit: u32) -> Result<Vec<Delivery>> {
        let query = match state {
            Some(state) => sqlx::query(select_deliveries!(
                "WHERE state = $2 ORDER BY created_at DESC, id DESC LIMIT $1"
            ))
            .bind(i64::from(limit))
            .bind(state.as_str()),
            None => sqlx::query(select_deliveries!(
                "ORDER BY created_at DESC, id DESC LIMIT $1"
            ))
            .bind(i64::from(limit)),
        };
        query
            .fetch_all(&self.reader)
            .await?
            .iter()
            .map(delivery)
            .collect()
    }

    async fn delivery(&self, id: ObjectId) -> Result<Option<Delivery>> {
        sqlx::query(select_deliveries!("WHERE id = $1"))
            .bind(id.to_string())
            .fetch_optional(&self.reader)
            .await?
            .as_ref()
            .map(delivery)
            .transpose()
    }

    async fn deliveries_of(&self, incident: ObjectId) -> Result<Vec<Delivery>> {
        sqlx::query(select_deliveries!(
            "WHERE incident_id = $1 ORDER BY created_at, id"
        ))
        .bind(incident.to_string())
        .fetch_all(&self.reader)
        .await?
        .iter()
        .map(delivery)
        .collect()
    }

    async fn attempts(&self, id: ObjectId) -> Result<Vec<AttemptRecord>> {
        sqlx::query(
            "SELECT at, detail, duration_us, outcome, retry_at
             FROM delivery_attempts WHERE delivery_id = $1 ORDER BY id",
        )
        .bind(id.to_string())
        .fetch_all(&self.reader)
        .await?
        .iter()
        .map(|row| {
            Ok(AttemptRecord {
                at: row.time("at")?,
                detail: row.text("detail")?,
                duration_us: row.natural("duration_us")?,
                outcome: outcome(&row.text("outcome")?, row.time_or_null("retry_at")?)?,
            })
        })
        .collect()
    }

    async fn resend(&self, id: ObjectId, now: Timestamp) -> Result<()> {
        let mut tx = self.begin().await?;
        let state: Option<String> =
            sqlx::query_scalar("SELECT state FROM deliveries WHERE id = $1")
                .bind(id.to_string())
                .fetch_optional(&mut *tx)
                .await?;
        match state.as_deref() {
            None => return Err(not_found("delivery", id)),
            Some("dead" | "delivered") => {}
            Some(other) => {
                return Err(Error::Refused(format!(
                    "delivery {id} is {other}; only a dead or delivered one can be sent again"
                )));
            }
        }
        sqlx::query(
            "UPDATE deliveries SET state = 'pending', attempts = 0, due_at = $2,
               available_at = $2, leased = 0, finished_at = NULL
             WHERE id = $1",
        )
        .bind(id.to_string())
        .bind(now.0)
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    async fn recent_count(
        &self,
        rule: ObjectId,
        channel: Channel,
        since: Timestamp,
    ) -> Result<u64> {
        let count: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM deliveries
             WHERE lane = $1 AND created_at >= $2 AND state IN ('delivered', 'pending')",
        )
        .bind(lane(rule, channel))
        .bind(since.0)
        .fetch_one(&self.reader)
        .await?;
        Ok(count as u64)
    }
}

impl SqliteCatalog {
    /// Runs `change` with `value` on a row; false if `due` does not hold it any more.
    async fn change_lease(
        &self,
        due: &DueDelivery,
        change: &'static str,
        value: i64,
    ) -> Result<bool> {
        let mut tx = self.begin().await?;
        let met = sqlx::query(change)
            .bind(due.delivery.id.to_string())
            .bind(due.lease)
            .bind(value)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(met.rows_affected() > 0)
    }
}

/// Writes an outbox row in the transaction of its incident.
pub(super) async fn insert_delivery(
    connection: &mut SqliteConnection,
    delivery: &Delivery,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO deliveries (id, incident_id, rule_id, channel, lane, state, attempts,
           due_at, available_at, last_error, created_at, finished_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11)",
    )
    .bind(delivery.id.to_string())
    .bind(delivery.incident_id.to_string())
    .bind(delivery.rule_id.to_string())
    .bind(to_word("channel", &delivery.channel)?)
    .bind(lane(delivery.rule_id, delivery.channel))
    .bind(delivery.state.as_str())
    .bind(i64::from(delivery.attempts))
    .bind(delivery.due_at.0)
    .bind(cut(&delivery.last_error, MAX_DETAIL))
    .bind(delivery.created_at.0)
    .bind(delivery.finished_at.map(|t| t.0))
    .execute(connection)
    .await?;
    Ok(())
}

fn lane(rule: ObjectId, channel: Channel) -> String {
    format!("{rule}:{}", channel.as_str())
}

fn delivery(row: &SqliteRow) -> Result<Delivery> {
    Ok(Delivery {
        id: row.id("id")?,
        incident_id: row.id("incident_id")?,
        rule_id: row.id("rule_id")?,
        channel: row.word("channel")?,
        state: row.word("state")?,
        attempts: row.natural("attempts")? as u32,
        due_at: row.time("due_at")?,
        last_error: row.text("last_error")?,
        created_at: row.time("created_at")?,
        finished_at: row.time_or_null("finished_at")?,
    })
}

const fn outcome_word(outcome: &AttemptOutcome) -> &'static str {
    match outcome {
        AttemptOutcome::Delivered => "delivered",
        AttemptOutcome::RetryAt(_) => "retry",
        AttemptOutcome::Dead => "dead",
        AttemptOutcome::Suppressed => "suppressed",
    }
}

fn outcome(word: &str, retry_at: Option<Timestamp>) -> Result<AttemptOutcome> {
    match (word, retry_at) {
        ("delivered", None) => Ok(AttemptOutcome::Delivered),
        ("retry", Some(at)) => Ok(AttemptOutcome::RetryAt(at)),
        ("dead", None) => Ok(AttemptOutcome::Dead),
        ("suppressed", None) => Ok(AttemptOutcome::Suppressed),
        _ => Err(Error::Stored {
            what: "outcome of an attempt",
            source: serde_json::Error::custom(format!("unknown outcome {word:?}")),
        }),
    }
}

//! Incidents that came before their rule's notifications.
//!
//! A rule and its notifications are made by separate calls, and a rule that finds its
//! events present fires between them. Nobody would be told of that incident, so
//! setting a notification of a new rule tells what the rule has found so far. The rows
//! come into being in the transaction that sets the notification or makes the incident,
//! whichever is later, so that no interleaving leaves one out.

use super::columns::{Columns, to_word};
use super::deliveries::insert_delivery;
use crate::Result;
use cresset_model::notification::{Channel, Delivery, DeliveryState};
use cresset_model::{Duration, ObjectId, Timestamp};
use sqlx::SqliteConnection;

/// How long after its creation a rule is new.
const NEW: Duration = Duration::minutes(5);
/// Most incidents told at once, the newest.
const MOST: i64 = 100;

/// Tells through `channel` of the incidents of `rule` that it has not told of, if the rule
/// is new at `now`.
pub(super) async fn tell_untold(
    connection: &mut SqliteConnection,
    rule: &str,
    channel: Channel,
    now: Timestamp,
) -> Result<()> {
    let untold = sqlx::query(
        "SELECT i.id, i.rule_id FROM rules r JOIN incidents i ON i.rule_id = r.id
         WHERE r.id = $1 AND r.created_at > $2 AND NOT EXISTS (
           SELECT 1 FROM deliveries d WHERE d.incident_id = i.id AND d.channel = $3)
         ORDER BY i.slot_end DESC LIMIT $4",
    )
    .bind(rule)
    .bind((now - NEW).0)
    .bind(to_word("channel", &channel)?)
    .bind(MOST)
    .fetch_all(&mut *connection)
    .await?;
    for row in &untold {
        let delivery = first_delivery(row.id("id")?, row.id("rule_id")?, channel, now);
        insert_delivery(connection, &delivery).await?;
    }
    Ok(())
}

/// The channels of a rule that go out by themselves.
pub(super) async fn auto_channels<'c>(
    executor: impl sqlx::SqliteExecutor<'c>,
    rule: ObjectId,
) -> Result<Vec<Channel>> {
    sqlx::query(
        "SELECT 'email' AS channel FROM email_notifications
         WHERE rule_id = $1 AND enabled = 1 AND dispatch = 'auto'
         UNION ALL
         SELECT 'http' FROM http_notifications
         WHERE rule_id = $1 AND enabled = 1 AND dispatch = 'auto'",
    )
    .bind(rule.to_string())
    .fetch_all(executor)
    .await?
    .iter()
    .map(|row| row.word("channel"))
    .collect()
}

/// The channels of a rule that can carry something, whether they do so by themselves or not.
pub(super) async fn enabled_channels<'c>(
    executor: impl sqlx::SqliteExecutor<'c>,
    rule: ObjectId,
) -> Result<Vec<Channel>> {
    sqlx::query(
        "SELECT 'email' AS channel FROM email_notifications WHERE rule_id = $1 AND enabled = 1
         UNION ALL
         SELECT 'http' FROM http_notifications WHERE rule_id = $1 AND enabled = 1",
    )
    .bind(rule.to_string())
    .fetch_all(executor)
    .await?
    .iter()
    .map(|row| row.word("channel"))
    .collect()
}

/// An outbox row whose id follows from the incident and the channel, so that no second
/// one can be made.
pub(super) fn first_delivery(
    incident: ObjectId,
    rule: ObjectId,
    channel: Channel,
    now: Timestamp,
) -> Delivery {
    let mut id = *incident.bytes();
    id[11] ^= match channel {
        Channel::Email => 1,
        Channel::Http => 2,
    };
    Delivery {
        id: ObjectId::from_bytes(id),
        incident_id: incident,
        rule_id: rule,
        channel,
        state: DeliveryState::Pending,
        attempts: 0,
        due_at: now,
        last_error: String::new(),
        created_at: now,
        finished_at: None,
    }
}

//! One delivery: what it needs, one attempt, and its record.

use super::places::Destination;
use crate::email::{Email, EmailSender};
use crate::http::GuardedClient;
use crate::outcome::Outcome;
use crate::render;
use crate::retry::RetrySchedule;
use crate::template::Link;
use crate::webhook::{self, Webhook};
use cresset_catalog::port::{AttemptOutcome, AttemptRecord, DueDelivery, RuleWithOwner};
use cresset_catalog::{Catalog, Result};
use cresset_model::incident::Incident;
use cresset_model::notification::{
    Channel, Delivery, EmailNotification, HttpNotification, Threshold, ThresholdUnit,
};
use cresset_model::{Clock, Duration, Entropy};
use metrics::{counter, histogram};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Semaphore;

const NO_SMTP: &str =
    "no mail server is configured; set host in the section [smtp] and send it again";

/// A leased delivery with the notification that it carries out.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) due: DueDelivery,
    pub(super) notification: Notification,
    pub(super) destination: Destination,
    /// When the lease ends.
    pub(super) until: Instant,
}

#[derive(Debug, Clone)]
pub(super) enum Notification {
    Email(EmailNotification),
    Http(Box<HttpNotification>),
}

impl Notification {
    const fn enabled(&self) -> bool {
        match self {
            Self::Email(email) => email.enabled,
            Self::Http(http) => http.enabled,
        }
    }

    const fn threshold(&self) -> Option<Threshold> {
        match self {
            Self::Email(email) => email.threshold,
            Self::Http(http) => http.threshold,
        }
    }

    fn destination(&self) -> Destination {
        match self {
            Self::Email(_) => "smtp".to_owned(),
            Self::Http(http) => webhook::destination(http),
        }
    }
}

/// What every delivery needs.
pub(super) struct Sender {
    pub(super) catalog: Arc<dyn Catalog>,
    pub(super) email: Option<EmailSender>,
    pub(super) http: GuardedClient,
    pub(super) link: Link,
    pub(super) schedule: RetrySchedule,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    /// Places to render in. Rendering is work for the processor and reserves a large
    /// stack, so more at once would only cost memory.
    pub(super) renderers: Semaphore,
    /// Longest time of one attempt.
    pub(super) longest: std::time::Duration,
}

impl Sender {
    /// Finds the notification of a delivery; `None` if it must not go out, which is
    /// recorded.
    pub(super) async fn prepare(&self, due: DueDelivery, until: Instant) -> Result<Option<Job>> {
        let Delivery {
            rule_id, channel, ..
        } = due.delivery;
        let notification = match channel {
            Channel::Email => self
                .catalog
                .email_notification(rule_id)
                .await?
                .map(Notification::Email),
            Channel::Http => {
                let found = self.catalog.http_notification(rule_id).await?;
                found.map(|http| Notification::Http(Box::new(http)))
            }
        };
        let refusal = match &notification {
            None => Some("the rule's notification was removed".to_owned()),
            Some(found) if !found.enabled() => {
                Some("the rule's notification is disabled".to_owned())
            }
            Some(found) => {
                self.over_threshold(&due.delivery, found.threshold())
                    .await?
            }
        };
        match (notification, refusal) {
            (Some(notification), None) => {
                let destination = notification.destination();
                Ok(Some(Job {
                    due,
                    notification,
                    destination,
                    until,
                }))
            }
            (_, refusal) => {
                let detail = refusal.unwrap_or_default();
                self.record(&due, &Outcome::Suppressed { detail }, Instant::now())
                    .await;
                Ok(None)
            }
        }
    }

    /// Why the threshold holds a delivery back, if it does. A delivery that was attempted
    /// before has passed it.
    async fn over_threshold(
        &self,
        delivery: &Delivery,
        threshold: Option<Threshold>,
    ) -> Result<Option<String>> {
        let Some(threshold) = threshold.filter(|_| delivery.attempts == 0) else {
            return Ok(None);
        };
        let (unit, span) = match threshold.unit {
            ThresholdUnit::Minute => ("minute", Duration::minutes(1)),
            ThresholdUnit::Hour => ("hour", Duration::hours(1)),
            ThresholdUnit::Day => ("day", Duration::days(1)),
        };
        // Only older ones count, so that the answer does not depend on who asks first.
        let Delivery {
            rule_id,
            channel,
            created_at,
            ..
        } = *delivery;
        let since_then = self
            .catalog
            .recent_count(rule_id, channel, created_at - span)
            .await?;
        let newer = self
            .catalog
            .recent_count(rule_id, channel, created_at + Duration(1))
            .await?;
        let others = since_then.saturating_sub(newer).saturating_sub(1);
        let value = threshold.value;
        Ok((others >= u64::from(value))
            .then(|| format!("over the threshold of {value} notifications per {unit}")))
    }

    /// Makes one attempt and records it.
    pub(super) async fn attempt(&self, job: Job) -> Outcome {
        let started = Instant::now();
        let outcome = match self.send(&job).await {
            Ok(outcome) => outcome,
            Err(error) => {
                // Not the destination's fault and not recordable: the lease runs out.
                tracing::error!(delivery = %job.due.delivery.id, %error, "a delivery cannot be made; it is tried again");
                return Outcome::Suppressed {
                    detail: String::new(),
                };
            }
        };
        self.record(&job.due, &outcome, started).await;
        outcome
    }

    async fn send(&self, job: &Job) -> Result<Outcome> {
        let delivery = &job.due.delivery;
        if matches!(job.notification, Notification::Email(_)) && self.email.is_none() {
            return Ok(Outcome::dead(NO_SMTP));
        }
        let Some(incident) = self.catalog.incident(delivery.incident_id).await? else {
            return Ok(Outcome::Suppressed {
                detail: "the incident was removed".to_owned(),
            });
        };
        let rule = self.catalog.rule(delivery.rule_id).await?;
        Ok(match (&job.notification, &self.email) {
            (Notification::Email(notification), Some(sender)) => {
                let rendered = self
                    .render(notification.clone(), incident, rule, render::email)
                    .await;
                let Some(rendered) = rendered else {
                    return Ok(not_rendered());
                };
                let email = Email {
                    delivery: delivery.id,
                    to: notification.recipients.clone(),
                    subject: rendered.subject,
                    html: rendered.html,
                    date: self.clock.now(),
                };
                with_template_error(sender.send(&email).await, rendered.error)
            }
            (Notification::Email(_), None) => Outcome::dead(NO_SMTP),
            (Notification::Http(notification), _) => {
                let owned = notification.as_ref().clone();
                let Some(rendered) = self.render(owned, incident, rule, render::http).await else {
                    return Ok(not_rendered());
                };
                let webhook = Webhook {
                    delivery: delivery.id,
                    notification,
                    query: rendered.query,
                    body: rendered.body,
                    at: self.clock.now(),
                };
                with_template_error(self.http.deliver(&webhook).await, rendered.error)
            }
        })
    }

    async fn render<N: Send + 'static, R: Send + 'static>(
        &self,
        notification: N,
        incident: Incident,
        rule: Option<RuleWithOwner>,
        render: fn(&N, &Incident, Option<&RuleWithOwner>, &Link) -> R,
    ) -> Option<R> {
        let _place = self.renderers.acquire().await.ok()?;
        let link = self.link.clone();
        tokio::task::spawn_blocking(move || render(&notification, &incident, rule.as_ref(), &link))
            .await
            .ok()
    }

    async fn record(&self, due: &DueDelivery, outcome: &Outcome, started: Instant) {
        let delivery = &due.delivery;
        let taken = started.elapsed();
        let now = self.clock.now();
        let next = self
            .schedule
            .decide(outcome, delivery.attempts + 1, now, &*self.entropy);
        let given_up = next == AttemptOutcome::Dead && matches!(outcome, Outcome::Retry { .. });
        let detail = if given_up {
            format!(
                "{}; given up after {} attempts",
                outcome.detail(),
                delivery.attempts + 1
            )
        } else {
            outcome.detail().to_owned()
        };
        let word = if given_up { "dead" } else { outcome.word() };
        let channel = delivery.channel.as_str();
        counter!("cresset_notify_attempts_total", "channel" => channel, "outcome" => word)
            .increment(1);
        histogram!("cresset_notify_attempt_seconds", "channel" => channel)
            .record(taken.as_secs_f64());
        if next == AttemptOutcome::Delivered {
            let waited = now.since(delivery.created_at).as_secs_f64();
            histogram!("cresset_notify_delivery_seconds", "channel" => channel).record(waited);
        }
        if next == AttemptOutcome::Dead {
            tracing::warn!(delivery = %delivery.id, channel, "a notification became a dead letter");
        }
        let record = AttemptRecord {
            at: now,
            detail,
            duration_us: u64::try_from(taken.as_micros()).unwrap_or(u64::MAX),
            outcome: next,
        };
        match self.catalog.finish_attempt(due, record).await {
            Ok(true) => {}
            Ok(false) => {
                let id = delivery.id;
                tracing::warn!(delivery = %id, "a delivery's lease was lost; it may be sent twice");
            }
            Err(error) => {
                let id = delivery.id;
                tracing::error!(delivery = %id, %error, "an attempt is not recorded; it is made again");
            }
        }
    }
}

fn not_rendered() -> Outcome {
    Outcome::retry("the message could not be rendered")
}

fn with_template_error(outcome: Outcome, error: Option<String>) -> Outcome {
    match (outcome, error) {
        (Outcome::Delivered { detail }, Some(error)) => Outcome::Delivered {
            detail: format!("{detail}; with a built-in message, because {error}"),
        },
        (outcome, _) => outcome,
    }
}

//! One delivery: what it needs, one attempt, and its record.

use super::job::{Job, Lease, Notification};
use crate::email::{Email, EmailSender};
use crate::http::GuardedClient;
use crate::outcome::Outcome;
use crate::render;
use crate::retry::RetrySchedule;
use crate::template::Link;
use crate::webhook::Webhook;
use cresset_catalog::port::{AttemptOutcome, AttemptRecord, DueDelivery, RuleWithOwner};
use cresset_catalog::{Catalog, Result};
use cresset_model::incident::Incident;
use cresset_model::notification::{Channel, Delivery, Threshold, ThresholdUnit};
use cresset_model::{Clock, Duration, Entropy};
use metrics::{counter, histogram};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const NO_SMTP: &str =
    "no mail server is configured; set host in the section [smtp] and send it again";

/// How often in a row the server may stop while it renders a message.
const MAX_UNFINISHED: u32 = 3;

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
    pub(super) renderers: Arc<Semaphore>,
    /// One place for messages whose last attempt came to no end: if the server dies of
    /// one of them, it is clear of which.
    pub(super) suspects: Semaphore,
    /// Length of a lease; one is extended when a quarter has passed.
    pub(super) lease: std::time::Duration,
}

impl Sender {
    /// Finds the notification of a delivery; `None` if it must not go out, which is
    /// recorded.
    pub(super) async fn prepare(&self, due: DueDelivery, until: Instant) -> Result<Option<Job>> {
        if due.unfinished >= MAX_UNFINISHED {
            self.record(&due, None, &unsurvived(&due), Instant::now())
                .await;
            return Ok(None);
        }
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
                    lease: Lease::new(due.lease),
                    due,
                    notification,
                    destination,
                    until,
                }))
            }
            (_, refusal) => {
                let detail = refusal.unwrap_or_default();
                let suppressed = Outcome::Suppressed { detail };
                self.record(&due, None, &suppressed, Instant::now()).await;
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
        let sent = tokio::select! {
            sent = self.send(&job) => sent,
            () = self.keep(&job) => {
                tracing::warn!(delivery = %job.id(), "a delivery's lease was lost; its attempt is stopped");
                return unrecorded();
            }
        };
        let outcome = match sent {
            Ok(outcome) => outcome,
            Err(error) => {
                // Not the destination's fault and not recordable: the lease runs out.
                tracing::error!(delivery = %job.id(), %error, "a delivery cannot be made; it is tried again");
                return unrecorded();
            }
        };
        self.record(&job.due, Some(&job.lease), &outcome, started)
            .await;
        outcome
    }

    /// Extends the lease again and again, however long the job waits for its turn; ends
    /// only when the lease is lost.
    async fn keep(&self, job: &Job) {
        loop {
            tokio::time::sleep(self.lease / 4).await;
            let due = job.due();
            let until = self.clock.now() + Duration(self.lease.as_micros() as i64);
            match self.catalog.renew(&due, until).await {
                Ok(true) => {}
                // Leased again just now, by this worker.
                Ok(false) if job.due().lease != due.lease => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(delivery = %job.id(), %error, "a lease is not extended yet");
                }
            }
        }
    }

    async fn send(&self, job: &Job) -> Result<Outcome> {
        let delivery = &job.due.delivery;
        Ok(match (&job.notification, &self.email) {
            (Notification::Email(notification), Some(sender)) => {
                let rendered = match self
                    .render(job, notification.clone(), render::email)
                    .await?
                {
                    Ok(rendered) => rendered,
                    Err(outcome) => return Ok(outcome),
                };
                let email = Email {
                    delivery: delivery.id,
                    attempt: delivery.attempts,
                    to: notification.recipients.clone(),
                    subject: rendered.subject,
                    html: rendered.html,
                    logo: rendered.logo,
                    date: self.clock.now(),
                };
                with_template_error(sender.send(&email).await, rendered.error)
            }
            (Notification::Email(_), None) => Outcome::dead(NO_SMTP),
            (Notification::Http(notification), _) => {
                let owned = notification.as_ref().clone();
                let rendered = match self.render(job, owned, render::http).await? {
                    Ok(rendered) => rendered,
                    Err(outcome) => return Ok(outcome),
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

    /// Waits for a place to render in, then renders the message; an outcome if there is
    /// nothing to send.
    async fn render<N: Send + 'static, R: Send + 'static>(
        &self,
        job: &Job,
        notification: N,
        render: Render<N, R>,
    ) -> Result<std::result::Result<R, Outcome>> {
        let suspect = job.due.abandoned;
        let _alone = if suspect {
            self.suspects.acquire().await.ok()
        } else {
            None
        };
        // The place goes with the thread, which works on even if this attempt is stopped.
        let Ok(place) = Arc::clone(&self.renderers).acquire_owned().await else {
            return Ok(Err(not_rendered()));
        };
        if suspect && !self.catalog.begin_work(&job.due()).await? {
            return Ok(Err(not_rendered()));
        }
        let rendered = self.render_at(place, job, notification, render).await;
        if suspect {
            self.catalog.end_work(&job.due()).await?;
        }
        rendered
    }

    async fn render_at<N: Send + 'static, R: Send + 'static>(
        &self,
        place: OwnedSemaphorePermit,
        job: &Job,
        notification: N,
        render: Render<N, R>,
    ) -> Result<std::result::Result<R, Outcome>> {
        let delivery = &job.due.delivery;
        let Some(incident) = self.catalog.incident(delivery.incident_id).await? else {
            return Ok(Err(Outcome::Suppressed {
                detail: "the incident was removed".to_owned(),
            }));
        };
        let rule = self.catalog.rule(delivery.rule_id).await?;
        let link = self.link.clone();
        let rendered = tokio::task::spawn_blocking(move || {
            let _place = place;
            render(&notification, &incident, rule.as_ref(), &link)
        });
        Ok(rendered.await.map_err(|_| not_rendered()))
    }

    /// Records an attempt under the newest token of its lease, or of `due` if there is none.
    async fn record(
        &self,
        due: &DueDelivery,
        lease: Option<&Lease>,
        outcome: &Outcome,
        started: Instant,
    ) {
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
        let finished = match lease {
            None => self.catalog.finish_attempt(due, record).await,
            Some(lease) => self.finish(due.clone(), lease, record).await,
        };
        match finished {
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

impl Sender {
    /// Records the end of an attempt whose row may be leased again at this very moment, by this
    /// worker, which hands the token over as soon as it has it. Ends the lease.
    async fn finish(
        &self,
        mut due: DueDelivery,
        lease: &Lease,
        record: AttemptRecord,
    ) -> Result<bool> {
        for _ in 0..HANDOVERS {
            due.lease = lease.token();
            let finished = self.catalog.finish_attempt(&due, record.clone()).await;
            if finished.as_ref().is_ok_and(|finished| !finished) {
                tokio::time::sleep(HANDOVER).await;
                continue;
            }
            // Leased after that, for its next attempt, which nobody makes under this token.
            let newest = lease.end();
            if newest != due.lease {
                due.lease = newest;
                self.catalog.set_aside(&[due], self.clock.now()).await?;
            }
            return finished;
        }
        lease.end();
        Ok(false)
    }
}

/// How often an attempt is recorded whose lease is not the newest, and the pause between.
const HANDOVERS: usize = 20;
const HANDOVER: std::time::Duration = std::time::Duration::from_millis(25);

type Render<N, R> = fn(&N, &Incident, Option<&RuleWithOwner>, &Link) -> R;

/// The end of a delivery that the server has died of.
fn unsurvived(due: &DueDelivery) -> Outcome {
    Outcome::dead(format!(
        "the server stopped {} times in a row while it rendered this message; change the \
         notification's template, then send it again",
        due.unfinished
    ))
}

/// Stands for an attempt of which nothing is recorded.
const fn unrecorded() -> Outcome {
    Outcome::Suppressed {
        detail: String::new(),
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

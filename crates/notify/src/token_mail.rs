//! E-mails to the owners of API tokens about what happened to them.
//!
//! The catalog makes a mail in the transaction of the change that it tells of. It is sent at
//! least once: what happened to it is recorded after the attempt, so that a crash between the
//! two sends it again, under the same message id.

use crate::egress::EgressGuard;
use crate::email::{Email, EmailError, EmailSender};
use crate::outcome::Outcome;
use crate::retry::RetrySchedule;
use crate::settings::NotifySettings;
use cresset_catalog::Catalog;
use cresset_catalog::port::{AttemptOutcome, AttemptRecord, TokenMail};
use cresset_model::html::escape;
use cresset_model::token::{TokenAct, TokenNews};
use cresset_model::{Clock, Entropy, ObjectId, Timestamp};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Mails taken out of the catalog at once.
const ROUND: u32 = 20;
/// Pause after the catalog failed.
const CATALOG_PAUSE: Duration = Duration::from_secs(1);
/// How long mails are remembered after they ended.
const KEEP: cresset_model::Duration = cresset_model::Duration::days(30);
/// How often those that ended long ago are forgotten.
const CLEAN: Duration = Duration::from_hours(1);

/// Sends mails to the owners of tokens, one after the other.
pub struct TokenMailer {
    catalog: Arc<dyn Catalog>,
    sender: EmailSender,
    schedule: RetrySchedule,
    server_name: String,
    poll: Duration,
    grace: Duration,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl TokenMailer {
    /// Sets it up with the mail server of `settings`, if there is one; connects to nothing yet.
    pub fn new(
        catalog: Arc<dyn Catalog>,
        settings: NotifySettings,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Option<Self>, EmailError> {
        let Some(smtp) = settings.smtp else {
            return Ok(None);
        };
        let guard = Arc::new(EgressGuard::new(settings.egress_allow));
        Ok(Some(Self {
            catalog,
            sender: EmailSender::new(smtp, guard)?,
            schedule: settings.retry_schedule,
            server_name: settings.server_name,
            poll: settings.poll,
            grace: settings.grace,
            clock,
            entropy,
        }))
    }

    /// Works until `shutdown` turns true or its sender is gone. The mail under way may finish
    /// within the grace period; otherwise it is sent again later.
    pub async fn run(self, mut shutdown: watch::Receiver<bool>) {
        let mut cleaned: Option<Instant> = None;
        while !*shutdown.borrow_and_update() {
            if cleaned.is_none_or(|at| at.elapsed() > CLEAN) {
                self.clean().await;
                cleaned = Some(Instant::now());
            }
            let pause = match self.round(&mut shutdown).await {
                Ok(0) => self.poll,
                Ok(_) => Duration::ZERO,
                Err(error) => {
                    tracing::error!(%error, "mails about API tokens cannot be read or recorded");
                    CATALOG_PAUSE
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                changed = shutdown.changed() => if changed.is_err() { break },
            }
        }
    }

    /// Sends what is due and says how many those were.
    async fn round(&self, shutdown: &mut watch::Receiver<bool>) -> cresset_catalog::Result<usize> {
        let due = self
            .catalog
            .due_token_mails(self.clock.now(), ROUND)
            .await?;
        for mail in &due {
            let started = Instant::now();
            let Some(outcome) = self.send(mail, shutdown).await else {
                break;
            };
            self.record(mail, &outcome, started.elapsed()).await?;
            if shutdown.has_changed().unwrap_or(true) {
                break;
            }
        }
        Ok(due.len())
    }

    /// `None` if it did not end before the server has to.
    async fn send(
        &self,
        mail: &TokenMail,
        shutdown: &mut watch::Receiver<bool>,
    ) -> Option<Outcome> {
        let email = self.email(mail);
        let sending = self.sender.send(&email);
        tokio::pin!(sending);
        tokio::select! {
            outcome = &mut sending => Some(outcome),
            _ = shutdown.changed() => {
                shutdown.mark_changed();
                tokio::time::timeout(self.grace, sending).await.ok()
            }
        }
    }

    async fn record(
        &self,
        mail: &TokenMail,
        outcome: &Outcome,
        took: Duration,
    ) -> cresset_catalog::Result<()> {
        let now = self.clock.now();
        let attempt = mail.attempts.saturating_add(1);
        let decided = self
            .schedule
            .decide(outcome, attempt, now, self.entropy.as_ref());
        metrics::counter!("cresset_token_mails_total", "outcome" => outcome.word()).increment(1);
        if decided == AttemptOutcome::Dead {
            tracing::warn!(
                mail = mail.id,
                user = %mail.username,
                detail = outcome.detail(),
                "an owner of API tokens could not be told of a change"
            );
        }
        let record = AttemptRecord {
            at: now,
            detail: outcome.detail().to_owned(),
            duration_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            outcome: decided,
        };
        self.catalog.finish_token_mail(mail.id, &record).await
    }

    async fn clean(&self) {
        let before = self.clock.now() - KEEP;
        if let Err(error) = self.catalog.forget_token_mails(before).await {
            tracing::warn!(%error, "old mails about API tokens could not be forgotten");
        }
    }

    fn email(&self, mail: &TokenMail) -> Email {
        Email {
            delivery: message_id(mail),
            attempt: mail.attempts,
            to: vec![mail.address.clone()],
            subject: subject(&self.server_name, &mail.news),
            html: html(&self.server_name, mail),
            logo: None,
            date: mail.news.at,
        }
    }
}

/// The same for every attempt.
fn message_id(mail: &TokenMail) -> ObjectId {
    let mut bytes = [0; 12];
    bytes[..4].copy_from_slice(&(mail.news.at.secs() as u32).to_be_bytes());
    bytes[4..].copy_from_slice(&mail.id.to_be_bytes());
    ObjectId::from_bytes(bytes)
}

/// What happened, as a participle.
const fn word(act: TokenAct) -> &'static str {
    match act {
        TokenAct::Created => "created",
        TokenAct::Changed => "changed",
        TokenAct::Enabled => "enabled",
        TokenAct::Disabled | TokenAct::Idle => "disabled",
        TokenAct::Rotated => "rotated",
        TokenAct::Deleted => "deleted",
    }
}

fn count(news: &TokenNews) -> u64 {
    news.tokens.len() as u64 + news.others
}

fn subject(server: &str, news: &TokenNews) -> String {
    let word = word(news.act);
    match count(news) {
        // Of a rotation two are named.
        _ if news.act == TokenAct::Rotated => format!("{server}: an API token of yours was {word}"),
        1 => format!("{server}: an API token of yours was {word}"),
        many => format!("{server}: {many} API tokens of yours were {word}"),
    }
}

fn html(server: &str, mail: &TokenMail) -> String {
    let news = &mail.news;
    let mut items = String::new();
    for name in &news.tokens {
        items.push_str(&format!("<li>{}</li>", escape(name)));
    }
    if news.others > 0 {
        items.push_str(&format!("<li>and {} more</li>", news.others));
    }
    let what = match news.act {
        TokenAct::Rotated => {
            "The second of these API tokens takes the place of the first, which works for a while longer:"
        }
        TokenAct::Idle => "These API tokens were disabled because nobody used them:",
        TokenAct::Created => "These API tokens were created:",
        TokenAct::Changed => "These API tokens were changed:",
        TokenAct::Enabled => "These API tokens were enabled:",
        TokenAct::Disabled => "These API tokens were disabled:",
        TokenAct::Deleted => "These API tokens were deleted:",
    };
    let from = match news.address.as_str() {
        "" => String::new(),
        address => format!(" from {}", escape(address)),
    };
    format!(
        "<p>Hello {},</p><p>{what}</p><ul>{items}</ul><p>By {}{from}, {}, on the server {}.</p>\
         <p>If you do not know why, ask an administrator at once. A token that nobody should \
         have can be disabled or deleted.</p>",
        escape(&mail.username),
        escape(&news.actor),
        moment(news.at),
        escape(server),
    )
}

fn moment(at: Timestamp) -> String {
    jiff::Timestamp::from_microsecond(at.0).map_or_else(
        |_| String::new(),
        |at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(act: TokenAct, tokens: &[&str], others: u64) -> TokenMail {
        TokenMail {
            id: 7,
            address: "ann@example.org".to_owned(),
            username: "ann <b>".to_owned(),
            news: TokenNews {
                act,
                tokens: tokens.iter().map(|t| (*t).to_owned()).collect(),
                others,
                actor: "root & co".to_owned(),
                address: "192.0.2.7".to_owned(),
                at: Timestamp::from_secs(1_700_000_000),
            },
            attempts: 0,
        }
    }

    #[test]
    fn what_owners_read() {
        let check = |act, tokens: &[&str], others, in_subject: &str, in_text: &[&str]| {
            let mail = mail(act, tokens, others);
            let subject = subject("Cresset", &mail.news);
            assert_eq!(subject, format!("Cresset: {in_subject}"));
            let html = html("Cresset", &mail);
            for part in in_text {
                assert!(html.contains(part), "{part} in {html}");
            }
            assert!(!html.contains("<b>"), "{html}");
        };
        let common = [
            "Hello ann &lt;b&gt;,",
            "By root &amp; co from 192.0.2.7, 2023-11-14 22:13:20 UTC, on the server Cresset.",
            "<li>A (&lt;b&gt;)</li>",
        ];
        let a = &["A (<b>)"];
        check(
            TokenAct::Created,
            a,
            0,
            "an API token of yours was created",
            &common,
        );
        check(
            TokenAct::Deleted,
            a,
            0,
            "an API token of yours was deleted",
            &common,
        );
        check(
            TokenAct::Idle,
            a,
            70,
            "71 API tokens of yours were disabled",
            &["and 70 more", "because nobody used them"],
        );
        check(
            TokenAct::Rotated,
            &["A", "B"],
            0,
            "an API token of yours was rotated",
            &["<li>A</li><li>B</li>", "takes the place of the first"],
        );
    }

    #[test]
    fn every_attempt_has_the_same_id_and_every_mail_another() {
        let first = mail(TokenAct::Created, &["A"], 0);
        let again = TokenMail {
            attempts: 3,
            ..first.clone()
        };
        assert_eq!(message_id(&first), message_id(&again));
        let other = TokenMail {
            id: 8,
            ..first.clone()
        };
        assert_ne!(message_id(&first), message_id(&other));
    }
}

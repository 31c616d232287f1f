//! E-mail over SMTP.

mod parts;
mod session;
mod settings;
#[cfg(test)]
mod tests;
mod told;

pub use settings::{SmtpMode, SmtpSettings};

use crate::egress::EgressGuard;
use crate::logo::Logo;
use crate::outcome::Outcome;
use crate::tls::{self, TlsError};
use cresset_model::{ObjectId, Timestamp};
use lettre::Message;
use lettre::address::{Address, AddressError};
use lettre::message::Mailbox;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, Tls, TlsParameters,
};
use session::{Failure, Report};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use told::Told;

/// Least time for one of a mail server's addresses.
const LEAST: Duration = Duration::from_secs(3);
/// Most recipients of one notification.
const MAX_RECIPIENTS: usize = 100;
/// Longest subject, in characters.
const MAX_SUBJECT: usize = 500;

/// The mail settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EmailError {
    /// The sender is no address.
    #[error("[smtp] from {from:?} is no mail address: {source}")]
    From {
        /// What was written.
        from: String,
        /// What is wrong with it.
        source: AddressError,
    },
    /// TLS could not be set up.
    #[error("[smtp]: {0}")]
    Tls(#[from] TlsError),
    /// The mail library refused the TLS settings.
    #[error("[smtp]: {0}")]
    Transport(#[from] lettre::transport::smtp::Error),
}

/// A rendered e-mail.
#[derive(Debug, Clone)]
pub struct Email {
    /// The delivery that it carries out; names the message.
    pub delivery: ObjectId,
    /// Attempts before this one. A first attempt goes to all recipients, a later one to
    /// those that have not accepted it yet.
    pub attempt: u32,
    /// Recipients.
    pub to: Vec<String>,
    /// Subject; line breaks and control characters become spaces.
    pub subject: String,
    /// HTML body; the text part is derived from it.
    pub html: String,
    /// Image on top of the HTML body.
    pub logo: Option<Logo>,
    /// The `Date` of the message.
    pub date: Timestamp,
}

/// Sends e-mails through one server.
#[derive(Debug)]
pub struct EmailSender {
    settings: SmtpSettings,
    from: Mailbox,
    tls: Tls,
    credentials: Option<Credentials>,
    guard: Arc<EgressGuard>,
    told: Told,
}

impl EmailSender {
    /// Checks the settings and reads the certificates; connects to nothing.
    pub fn new(settings: SmtpSettings, guard: Arc<EgressGuard>) -> Result<Self, EmailError> {
        let from = settings.from.parse().map_err(|source| EmailError::From {
            from: settings.from.clone(),
            source,
        })?;
        let tls = match settings.mode {
            SmtpMode::Plain => Tls::None,
            SmtpMode::Starttls => Tls::Required(tls_parameters(&settings)?),
            SmtpMode::Tls => Tls::Wrapper(tls_parameters(&settings)?),
        };
        let login = settings.user.clone().zip(settings.password.as_ref());
        let credentials =
            login.map(|(user, password)| Credentials::new(user, password.expose().to_owned()));
        Ok(Self {
            settings,
            from,
            tls,
            credentials,
            guard,
            told: Told::default(),
        })
    }

    /// Makes one attempt; never takes much longer than the time-out.
    pub async fn send(&self, email: &Email) -> Outcome {
        let (message, note) = match self.message(email) {
            Ok(built) => built,
            Err(detail) => return Outcome::dead(detail),
        };
        if email.attempt == 0 {
            self.told.forget(email.delivery);
        }
        let limit = self.settings.timeout;
        let outcome = match tokio::time::timeout(limit, self.transmit(email, &message)).await {
            Ok(Outcome::Delivered { detail }) => Outcome::Delivered {
                detail: detail + &note,
            },
            Ok(outcome) => outcome,
            Err(_) => Outcome::retry(format!(
                "the mail server {} did not finish within {} s",
                self.settings.host,
                limit.as_secs_f64()
            )),
        };
        if !matches!(outcome, Outcome::Retry { .. }) {
            self.told.forget(email.delivery);
        }
        outcome
    }

    async fn transmit(&self, email: &Email, message: &Message) -> Outcome {
        let host = &self.settings.host;
        let found = match tokio::net::lookup_host((host.as_str(), self.settings.port)).await {
            Ok(found) => found,
            Err(error) => {
                return Outcome::retry(format!("mail server {host:?} not found: {error}"));
            }
        };
        match self.guard.filter(found) {
            Ok(addresses) => self.transmit_to(addresses, email, message).await,
            Err(refusal) => Outcome::dead(format!("mail server {host:?}: {refusal}")),
        }
    }

    /// Talks to the first of `addresses` that answers; each attempt begins with another,
    /// so that one that swallows everything does not stop the mail.
    async fn transmit_to(
        &self,
        mut addresses: Vec<SocketAddr>,
        email: &Email,
        message: &Message,
    ) -> Outcome {
        let host = &self.settings.host;
        let limit = self.settings.timeout;
        let count = addresses.len().max(1);
        let share = (limit / count as u32).max(LEAST).min(limit);
        let tried = (limit.as_millis() / share.as_millis().max(1)) as usize;
        let step = if tried >= count { 1 } else { tried };
        addresses.rotate_left(email.attempt as usize * step % count);
        let mut outcome = Outcome::retry(format!("mail server {host:?} has no address"));
        for address in addresses {
            let connect = session::connect(address, &self.tls, self.credentials.as_ref(), share);
            match tokio::time::timeout(share, connect).await {
                Ok(Ok(connection)) => return self.converse(connection, email, message).await,
                Ok(Err(error)) => {
                    outcome = classify(&error);
                    if error.status().is_some() {
                        break;
                    }
                }
                Err(_) => {
                    outcome = Outcome::retry(format!(
                        "mail server {host:?} did not answer at {} within {} s",
                        address.ip(),
                        share.as_secs_f64()
                    ));
                }
            }
        }
        outcome
    }

    async fn converse(
        &self,
        mut connection: AsyncSmtpConnection,
        email: &Email,
        message: &Message,
    ) -> Outcome {
        let told = self.told.who(email.delivery);
        let envelope = message.envelope();
        let mut to = envelope.to().to_vec();
        to.retain(|address| !told.contains(address));
        if to.is_empty() {
            session::leave(connection);
            return Outcome::Delivered {
                detail: "all recipients have it already".to_owned(),
            };
        }
        let sent = session::send(&mut connection, envelope, &to, &message.formatted()).await;
        session::leave(connection);
        match sent {
            Ok(report) => self.judge(email.delivery, report, told),
            Err(Failure::Smtp(error)) => classify(&error),
            Err(unsupported) => Outcome::retry(unsupported.to_string()),
        }
    }

    /// What a conversation comes to. One recipient that is rejected must not cost the
    /// others their mail, nor be forgotten.
    fn judge(&self, delivery: ObjectId, report: Report, told: Vec<Address>) -> Outcome {
        let mut parts = Vec::new();
        if !report.reply.is_empty() {
            parts.push(report.reply);
        }
        if !report.refused.is_empty() {
            let refused = session::listed(&report.refused);
            parts.push(format!("the mail server rejects {refused}"));
            metrics::counter!("cresset_notify_rejected_recipients_total")
                .increment(report.refused.len() as u64);
            tracing::warn!(
                %delivery,
                rejected = report.refused.len(),
                "the mail server rejects recipients of a notification"
            );
        }
        if !report.deferred.is_empty() {
            let deferred = session::listed(&report.deferred);
            let have = told.len() + report.accepted.len();
            parts.push(format!(
                "{have} recipients have it, not yet accepted for {deferred}"
            ));
            self.told.add(delivery, report.accepted);
            return Outcome::retry(parts.join("; "));
        }
        let detail = parts.join("; ");
        if report.accepted.is_empty() && told.is_empty() {
            Outcome::dead(detail)
        } else {
            Outcome::Delivered { detail }
        }
    }

    /// The message, and a note about recipients that were left out.
    fn message(&self, email: &Email) -> Result<(Message, String), String> {
        let mut recipients: Vec<Mailbox> = Vec::new();
        let mut invalid: Vec<String> = Vec::new();
        for text in email
            .to
            .iter()
            .map(|to| to.trim())
            .filter(|to| !to.is_empty())
        {
            match text.parse::<Mailbox>() {
                Ok(mailbox) => recipients.push(mailbox),
                Err(_) => invalid.push(clean(text, 100)),
            }
        }
        if recipients.is_empty() {
            return Err(if invalid.is_empty() {
                "the notification has no recipients".to_owned()
            } else {
                format!("no recipient is a mail address: {}", invalid.join(", "))
            });
        }
        if recipients.len() > MAX_RECIPIENTS {
            return Err(format!(
                "more than {MAX_RECIPIENTS} recipients; use a mailing list"
            ));
        }
        let date = std::time::UNIX_EPOCH + Duration::from_secs(email.date.secs().max(0) as u64);
        let domain = self.from.email.domain();
        let mut builder = Message::builder()
            .from(self.from.clone())
            .subject(clean(&email.subject, MAX_SUBJECT))
            .message_id(Some(format!("<{}@{domain}>", email.delivery)))
            .date(date);
        for recipient in recipients {
            builder = builder.to(recipient);
        }
        let mut message = builder
            .multipart(parts::of(email, domain)?)
            .map_err(|error| error.to_string())?;
        let delivery = email.delivery.to_string();
        for (name, value) in [
            ("X-Cresset-Delivery", delivery.as_str()),
            ("Auto-Submitted", "auto-generated"),
        ] {
            let name = HeaderName::new_from_ascii(name.to_owned()).map_err(|e| e.to_string())?;
            message
                .headers_mut()
                .insert_raw(HeaderValue::new(name, value.to_owned()));
        }
        let note = if invalid.is_empty() {
            String::new()
        } else {
            format!("; left out, no mail addresses: {}", invalid.join(", "))
        };
        Ok((message, note))
    }
}

fn tls_parameters(settings: &SmtpSettings) -> Result<TlsParameters, EmailError> {
    let system = tls::system_certificates();
    let mut builder =
        TlsParameters::builder(settings.host.clone()).certificate_store(if system.is_empty() {
            CertificateStore::WebpkiRoots
        } else {
            CertificateStore::None
        });
    let extra = match &settings.ca_file {
        Some(path) => tls::read_ca_file(path)?,
        None => Vec::new(),
    };
    for certificate in system {
        // A store may hold certificates that the library cannot use; they are no loss.
        if let Ok(certificate) = Certificate::from_der(certificate.to_vec()) {
            builder = builder.add_root_certificate(certificate);
        }
    }
    for certificate in extra {
        builder = builder.add_root_certificate(Certificate::from_der(certificate.to_vec())?);
    }
    Ok(builder.build_rustls()?)
}

/// Replies that reject the message are final; those about the connection, the login or
/// the protocol may pass once somebody has corrected the settings.
fn classify(error: &lettre::transport::smtp::Error) -> Outcome {
    let mut detail = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let text = cause.to_string();
        if !detail.contains(&text) {
            detail = format!("{detail}: {text}");
        }
        source = cause.source();
    }
    let detail = clean(&detail, 1000);
    let code = error.status().map_or(0, u16::from);
    if error.is_permanent() && code >= session::FINAL {
        Outcome::dead(detail)
    } else {
        Outcome::retry(detail)
    }
}

/// `text` on one line: control characters become spaces, at most `limit` characters.
fn clean(text: &str, limit: usize) -> String {
    let cleaned: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(limit)
        .collect();
    cleaned.trim().to_owned()
}

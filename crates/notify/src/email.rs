//! E-mail over SMTP.

#[cfg(test)]
mod tests;

use crate::egress::EgressGuard;
use crate::outcome::Outcome;
use crate::tls::{self, TlsError};
use cresset_model::{ObjectId, SecretString, Timestamp};
use lettre::address::AddressError;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Most recipients of one notification.
const MAX_RECIPIENTS: usize = 100;
/// Longest subject, in characters.
const MAX_SUBJECT: usize = 500;

/// How the connection to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpMode {
    /// Plain at first, then upgraded; never sent without the upgrade. Usually port 587.
    #[default]
    Starttls,
    /// TLS from the first byte. Usually port 465.
    Tls,
    /// Not at all. Usually port 25.
    Plain,
}

impl SmtpMode {
    /// The port that servers usually use for this mode.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Starttls => 587,
            Self::Tls => 465,
            Self::Plain => 25,
        }
    }
}

/// The mail server.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// Name or address of the server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub mode: SmtpMode,
    /// Sender, `name@example.org` or `Name <name@example.org>`.
    pub from: String,
    /// User to authenticate as; no authentication if absent.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<SecretString>,
    /// PEM file of authorities to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Longest time of one delivery.
    pub timeout: Duration,
}

impl SmtpSettings {
    /// Settings for `host` with the usual port of `mode` and a time-out of 30 seconds.
    pub fn new(host: impl Into<String>, mode: SmtpMode, from: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            port: mode.default_port(),
            mode,
            from: from.into(),
            user: None,
            password: None,
            ca_file: None,
            timeout: Duration::from_secs(30),
        }
    }
}

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
    /// Recipients.
    pub to: Vec<String>,
    /// Subject; line breaks and control characters become spaces.
    pub subject: String,
    /// HTML body; the text part is derived from it.
    pub html: String,
    /// The `Date` of the message.
    pub date: Timestamp,
}

/// Sends e-mails through one server.
#[derive(Debug)]
pub struct EmailSender {
    settings: SmtpSettings,
    from: Mailbox,
    tls: Tls,
    guard: Arc<EgressGuard>,
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
        Ok(Self {
            settings,
            from,
            tls,
            guard,
        })
    }

    /// Makes one attempt; never takes much longer than the time-out.
    pub async fn send(&self, email: &Email) -> Outcome {
        let (message, note) = match self.message(email) {
            Ok(built) => built,
            Err(detail) => return Outcome::dead(detail),
        };
        let limit = self.settings.timeout;
        match tokio::time::timeout(limit, self.transmit(message)).await {
            Ok(Outcome::Delivered { detail }) => Outcome::Delivered {
                detail: detail + &note,
            },
            Ok(outcome) => outcome,
            Err(_) => Outcome::retry(format!(
                "the mail server {} did not finish within {} s",
                self.settings.host,
                limit.as_secs_f64()
            )),
        }
    }

    async fn transmit(&self, message: Message) -> Outcome {
        let host = &self.settings.host;
        let found = match tokio::net::lookup_host((host.as_str(), self.settings.port)).await {
            Ok(found) => found,
            Err(error) => {
                return Outcome::retry(format!("mail server {host:?} not found: {error}"));
            }
        };
        let addresses = match self.guard.filter(found) {
            Ok(addresses) => addresses,
            Err(refusal) => return Outcome::dead(format!("mail server {host:?}: {refusal}")),
        };
        let mut outcome = Outcome::retry(format!("mail server {host:?} has no address"));
        for address in addresses {
            match self.transport(address.ip()).send(message.clone()).await {
                Ok(response) => {
                    let said = response.message().collect::<Vec<_>>().join(" ");
                    let code = response.code();
                    return Outcome::Delivered {
                        detail: clean(&format!("{code} {said}"), 500),
                    };
                }
                Err(error) => {
                    let answered = error.status().is_some();
                    outcome = classify(&error);
                    if answered {
                        break;
                    }
                }
            }
        }
        outcome
    }

    /// A transport to exactly the address that was checked; TLS still proves the name.
    fn transport(&self, address: IpAddr) -> AsyncSmtpTransport<Tokio1Executor> {
        let mut builder =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(address.to_string())
                .port(self.settings.port)
                .tls(self.tls.clone())
                .hello_name(ClientId::default())
                .timeout(Some(self.settings.timeout));
        if let (Some(user), Some(password)) = (&self.settings.user, &self.settings.password) {
            builder =
                builder.credentials(Credentials::new(user.clone(), password.expose().to_owned()));
        }
        builder.build()
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
        let parts = MultiPart::alternative_plain_html(
            crate::plain_text::from_html(&email.html),
            email.html.clone(),
        );
        let mut message = builder
            .multipart(parts)
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
    if error.is_permanent() && code >= 550 {
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

//! One conversation with a mail server, recipient by recipient.

use super::clean;
use lettre::address::{Address, Envelope};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Tls};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use std::net::SocketAddr;
use std::time::Duration;

/// Replies from this code on reject a recipient or a message for good.
pub(super) const FINAL: u16 = 550;
/// The reply of a server that hangs up.
const CLOSING: u16 = 421;
/// Longest goodbye.
const GOODBYE: Duration = Duration::from_secs(5);
/// Recipients named in a record.
const NAMED: usize = 10;

/// What became of the recipients.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// The server's word on the message, empty if no recipient was accepted.
    pub(super) reply: String,
    /// Those that the message went to.
    pub(super) accepted: Vec<Address>,
    /// Those that the server may accept later, with its reply.
    pub(super) deferred: Vec<(Address, String)>,
    /// Those that the server rejects, with its reply.
    pub(super) refused: Vec<(Address, String)>,
}

/// Why a conversation came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Smtp(#[from] Error),
    #[error("the mail server does not support {0}, which this message needs")]
    Unsupported(&'static str),
}

/// Connects to exactly the address that was checked; TLS still proves the name.
pub(super) async fn connect(
    server: SocketAddr,
    tls: &Tls,
    credentials: Option<&Credentials>,
    limit: Duration,
) -> Result<AsyncSmtpConnection, Error> {
    let hello = ClientId::default();
    let wrapper = match tls {
        Tls::Wrapper(parameters) => Some(parameters.clone()),
        _ => None,
    };
    let mut connection =
        AsyncSmtpConnection::connect_tokio1(server, Some(limit), &hello, wrapper, None).await?;
    if let Tls::Required(parameters) = tls {
        connection.starttls(parameters.clone(), &hello).await?;
    }
    if let Some(credentials) = credentials {
        connection.auth(DEFAULT_MECHANISMS, credentials).await?;
    }
    Ok(connection)
}

/// Sends `message` to those of `to` that the server accepts.
pub(super) async fn send(
    connection: &mut AsyncSmtpConnection,
    envelope: &Envelope,
    to: &[Address],
    message: &[u8],
) -> Result<Report, Failure> {
    let international = connection
        .server_info()
        .supports_feature(Extension::SmtpUtfEight);
    let options = options(connection, envelope, to, message)?;
    let from = envelope.from().cloned();
    connection.command(Mail::new(from, options)).await?;
    let mut report = Report::default();
    for address in to {
        if !is_ascii(address) && !international {
            let said = "the mail server takes no such addresses".to_owned();
            report.refused.push((address.clone(), said));
            continue;
        }
        let command = Rcpt::new(address.clone(), Vec::new());
        let Err(error) = connection.command(command).await else {
            report.accepted.push(address.clone());
            continue;
        };
        let refusal = (address.clone(), clean(&error.to_string(), 200));
        match error.status().map(u16::from) {
            None | Some(CLOSING) => return Err(error.into()),
            Some(code) if error.is_permanent() && code >= FINAL => report.refused.push(refusal),
            Some(_) => report.deferred.push(refusal),
        }
    }
    if !report.accepted.is_empty() {
        connection.command(Data).await?;
        let reply = connection.message(message).await?;
        let said = reply.message().collect::<Vec<_>>().join(" ");
        report.reply = clean(&format!("{} {said}", reply.code()), 500);
    }
    Ok(report)
}

/// What the server must be told about the message.
fn options(
    connection: &AsyncSmtpConnection,
    envelope: &Envelope,
    to: &[Address],
    message: &[u8],
) -> Result<Vec<MailParameter>, Failure> {
    let mut options = Vec::new();
    let server = connection.server_info();
    let international = server.supports_feature(Extension::SmtpUtfEight);
    if !international && envelope.from().is_some_and(|from| !is_ascii(from)) {
        return Err(Failure::Unsupported("SMTPUTF8"));
    }
    if international && envelope.from().into_iter().chain(to).any(|a| !is_ascii(a)) {
        options.push(MailParameter::SmtpUtfEight);
    }
    if !message.is_ascii() {
        if !server.supports_feature(Extension::EightBitMime) {
            return Err(Failure::Unsupported("8BITMIME"));
        }
        options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    Ok(options)
}

fn is_ascii(address: &Address) -> bool {
    AsRef::<str>::as_ref(address).is_ascii()
}

/// Ends the conversation without waiting: the server has taken the message or not, and a
/// goodbye that hangs changes nothing about it.
pub(super) fn leave(mut connection: AsyncSmtpConnection) {
    tokio::spawn(async move {
        let _ = tokio::time::timeout(GOODBYE, connection.abort()).await;
    });
}

/// Recipients with what the server said about each, for a record.
pub(super) fn listed(recipients: &[(Address, String)]) -> String {
    let mut words: Vec<String> = recipients
        .iter()
        .take(NAMED)
        .map(|(address, said)| format!("{address} ({said})"))
        .collect();
    if recipients.len() > NAMED {
        words.push(format!("{} more", recipients.len() - NAMED));
    }
    words.join(", ")
}

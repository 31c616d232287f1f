//! Notifications on their way out: the outbox worker, templates, e-mail, HTTP.
//!
//! This is the only crate that opens outgoing connections; every one of them passes the
//! [`egress`] guard. The detector writes outbox rows in the transaction of the incident;
//! the [`worker::Worker`] here takes them from there, at least once each.

mod builtin;
pub mod egress;
pub mod email;
pub mod http;
pub mod logo;
pub mod outcome;
pub mod peer;
mod plain_text;
mod redact;
pub mod render;
pub mod retry;
pub mod settings;
pub mod storage;
pub mod template;
#[cfg(test)]
pub(crate) mod test_support;
pub mod tls;
mod token_mail;
pub mod webhook;
pub mod worker;

pub use egress::{Cidr, EgressError, EgressGuard};
pub use email::{SmtpMode, SmtpSettings};
pub use http::{GuardedClient, HttpSettings, guarded_client};
pub use peer::peer_client;
pub use retry::RetrySchedule;
pub use settings::NotifySettings;
pub use storage::storage_client;
pub use token_mail::TokenMailer;
pub use worker::{Waker, Worker};

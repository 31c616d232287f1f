//! Settings of the mail server.

use cresset_model::SecretString;
use std::path::PathBuf;
use std::time::Duration;

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

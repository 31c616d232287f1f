//! Settings of the notification worker.

use crate::egress::Cidr;
use crate::email::SmtpSettings;
use crate::http::HttpSettings;
use crate::retry::RetrySchedule;
use std::time::Duration;

/// Settings of the notification worker.
#[derive(Debug, Clone)]
pub struct NotifySettings {
    /// The mail server; without it e-mails become dead letters that say so.
    pub smtp: Option<SmtpSettings>,
    /// Networks that destinations may be in besides the public ones.
    pub egress_allow: Vec<Cidr>,
    /// Time-outs and trust of HTTP notifications.
    pub http: HttpSettings,
    /// When failed attempts are made again.
    pub retry_schedule: RetrySchedule,
    /// Base of the page's address for links; empty leaves links out.
    pub public_url: String,
    /// What the server calls itself in messages.
    pub server_name: String,
    /// Deliveries under way at once. A quarter of them may be to destinations that
    /// failed last time.
    pub concurrency: usize,
    /// Deliveries under way at once to one HTTP host or to the mail server.
    pub per_destination: usize,
    /// How often the outbox is looked at without being woken, for rows of other processes.
    pub poll: Duration,
    /// How long deliveries under way may take to finish after the order to stop.
    pub grace: Duration,
}

impl Default for NotifySettings {
    fn default() -> Self {
        Self {
            smtp: None,
            egress_allow: Vec::new(),
            http: HttpSettings::default(),
            retry_schedule: RetrySchedule::default(),
            public_url: String::new(),
            server_name: "cresset".to_owned(),
            concurrency: 256,
            per_destination: 4,
            poll: Duration::from_secs(2),
            grace: Duration::from_secs(10),
        }
    }
}

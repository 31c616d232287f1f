//! Notifications: what a rule's owner asked to be told, and the outbox rows
//! that carry it out (spec/logpoint-api.md §2.6, §2.7).

mod target;

pub use target::{MAX_RECIPIENTS, UrlProblem, check_url, is_mail_address, request_url};

use crate::{ObjectId, SecretString, Timestamp};
use serde::{Deserialize, Serialize};

/// Whether a notification goes out by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DispatchOption {
    /// When the rule fires.
    #[default]
    Auto,
    /// When an analyst says so.
    Manual,
}

/// The unit of a notification threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThresholdUnit {
    /// Per minute.
    Minute,
    /// Per hour.
    Hour,
    /// Per day.
    Day,
}

/// At most `value` notifications per `unit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Threshold {
    /// Most notifications.
    pub value: u32,
    /// In this span.
    pub unit: ThresholdUnit,
}

/// The mail that a rule sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailNotification {
    /// False keeps the settings but sends nothing.
    pub enabled: bool,
    /// Recipients.
    pub recipients: Vec<String>,
    /// Template of the subject.
    pub subject: String,
    /// Template of the HTML body.
    pub template: String,
    /// When it goes out.
    pub dispatch: DispatchOption,
    /// Leave the link to the search out.
    pub disable_search_link: bool,
    /// The wire's `simple_view`, kept as sent.
    pub simple_view: bool,
    /// Show a logo.
    pub logo_enable: bool,
    /// The wire's `logo_type`, kept as sent.
    pub logo_type: String,
    /// The wire's `logo`, kept as sent.
    pub logo: String,
    /// Limit on the volume.
    pub threshold: Option<Threshold>,
}

/// The HTTP methods that a notification may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum HttpMethod {
    /// GET
    Get,
    /// POST
    Post,
    /// PUT
    Put,
    /// DELETE
    Delete,
    /// PATCH
    Patch,
    /// HEAD
    Head,
}

impl HttpMethod {
    /// True if a body is sent (spec: POST, PUT, PATCH only).
    pub const fn has_body(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }

    /// The method's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Patch => "PATCH",
            Self::Head => "HEAD",
        }
    }
}

/// How an HTTP notification proves who it is.
///
/// The catalog seals the secrets; the API never returns them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpAuth {
    /// Not at all.
    None,
    /// Header `name: value`.
    ApiToken {
        /// Header name.
        name: String,
        /// Header value.
        value: SecretString,
    },
    /// Basic authentication.
    Basic {
        /// User.
        user: String,
        /// Password.
        password: SecretString,
    },
    /// Bearer token.
    Bearer {
        /// Token.
        token: SecretString,
    },
}

/// The HTTP request that a rule sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpNotification {
    /// False keeps the settings but sends nothing.
    pub enabled: bool,
    /// Where to; may carry the scheme, else `protocol` gives it.
    pub url: SecretString,
    /// `HTTP` or `HTTPS`, as the wire says.
    pub protocol: String,
    /// The method.
    pub method: HttpMethod,
    /// Template of the query string.
    pub query_string: String,
    /// The wire's `http_format_query`, kept as sent.
    pub format_query: String,
    /// Template of the body.
    pub body: String,
    /// How it proves who it is.
    pub auth: HttpAuth,
    /// When it goes out.
    pub dispatch: DispatchOption,
    /// Limit on the volume.
    pub threshold: Option<Threshold>,
}

/// Which of a rule's notifications an outbox row carries out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// The e-mail notification.
    Email,
    /// The HTTP notification.
    Http,
}

impl Channel {
    /// The word used in the database and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Http => "http",
        }
    }
}

/// Where an outbox row is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// Waits for its first or next attempt.
    Pending,
    /// Accepted by the destination.
    Delivered,
    /// Given up; a person can send it again.
    Dead,
    /// Held back by the rule's threshold, or its notification is gone or disabled.
    Suppressed,
}

impl DeliveryState {
    /// The word used in the database and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
            Self::Suppressed => "suppressed",
        }
    }
}

/// One notification of one incident: a row of the outbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Fixed before the first attempt and repeated on every retry.
    pub id: ObjectId,
    /// The incident.
    pub incident_id: ObjectId,
    /// The rule, whose notification settings are read at each attempt.
    pub rule_id: ObjectId,
    /// Mail or HTTP.
    pub channel: Channel,
    /// Where it is in its life.
    pub state: DeliveryState,
    /// Attempts made.
    pub attempts: u32,
    /// When the next attempt is due.
    pub due_at: Timestamp,
    /// What the last attempt met, empty before the first.
    pub last_error: String,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Time of delivery or of giving up.
    pub finished_at: Option<Timestamp>,
}

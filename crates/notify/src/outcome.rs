//! How an attempt to deliver ended, before the retry schedule has its say.

use cresset_model::Duration;

/// How an attempt ended. Details name statuses and causes, never secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The destination accepted the notification.
    Delivered {
        /// What it said.
        detail: String,
    },
    /// It may work later.
    Retry {
        /// What went wrong.
        detail: String,
        /// The shortest wait that the destination asked for.
        after: Option<Duration>,
    },
    /// It will not work as things are.
    Dead {
        /// What went wrong.
        detail: String,
    },
    /// It must not go out.
    Suppressed {
        /// Why.
        detail: String,
    },
}

impl Outcome {
    /// A failure that may pass.
    pub fn retry(detail: impl Into<String>) -> Self {
        Self::Retry {
            detail: detail.into(),
            after: None,
        }
    }

    /// A failure that will not pass.
    pub fn dead(detail: impl Into<String>) -> Self {
        Self::Dead {
            detail: detail.into(),
        }
    }

    /// What happened, for people.
    pub fn detail(&self) -> &str {
        match self {
            Self::Delivered { detail }
            | Self::Retry { detail, .. }
            | Self::Dead { detail }
            | Self::Suppressed { detail } => detail,
        }
    }

    /// The word used in metrics.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Delivered { .. } => "delivered",
            Self::Retry { .. } => "retry",
            Self::Dead { .. } => "dead",
            Self::Suppressed { .. } => "suppressed",
        }
    }
}

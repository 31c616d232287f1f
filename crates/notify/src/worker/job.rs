//! A leased delivery on its way through the worker.

use super::places::Destination;
use crate::webhook;
use cresset_catalog::port::DueDelivery;
use cresset_model::ObjectId;
use cresset_model::notification::{EmailNotification, HttpNotification, Threshold};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

/// A leased delivery with the notification that it carries out.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) due: DueDelivery,
    pub(super) notification: Notification,
    pub(super) destination: Destination,
    /// When the lease ends, unless it is extended.
    pub(super) until: Instant,
    /// The newest fencing token.
    pub(super) lease: Lease,
}

/// The fencing token of a job, which changes if its row is leased again meanwhile.
#[derive(Debug, Clone)]
pub(super) struct Lease(Arc<AtomicI64>);

/// No token: the job's outcome is recorded, or never will be.
const OVER: i64 = i64::MIN;

impl Lease {
    /// Hands the job a newer token; false if it is over and has no use for one.
    pub(super) fn replace(&self, token: i64) -> bool {
        let newer = |old| (old != OVER).then_some(token);
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, newer)
            .is_ok()
    }

    pub(super) fn new(token: i64) -> Self {
        Self(Arc::new(AtomicI64::new(token)))
    }

    /// The newest token.
    pub(super) fn token(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// The newest token, after which none is taken any more.
    pub(super) fn end(&self) -> i64 {
        self.0.swap(OVER, Ordering::Relaxed)
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Job {
    pub(super) const fn id(&self) -> ObjectId {
        self.due.delivery.id
    }

    /// The delivery under its newest lease.
    pub(super) fn due(&self) -> DueDelivery {
        DueDelivery {
            lease: self.lease.token(),
            ..self.due.clone()
        }
    }
}

#[derive(Debug, Clone)]
pub(super) enum Notification {
    Email(EmailNotification),
    Http(Box<HttpNotification>),
}

impl Notification {
    pub(super) const fn enabled(&self) -> bool {
        match self {
            Self::Email(email) => email.enabled,
            Self::Http(http) => http.enabled,
        }
    }

    pub(super) const fn threshold(&self) -> Option<Threshold> {
        match self {
            Self::Email(email) => email.threshold,
            Self::Http(http) => http.threshold,
        }
    }

    pub(super) fn destination(&self) -> Destination {
        match self {
            Self::Email(_) => "smtp".to_owned(),
            Self::Http(http) => webhook::destination(http),
        }
    }
}

//! What can go wrong in a handler, in the handler's words.
//!
//! A handler does not choose a status. It returns an [`Error`], which travels in the
//! response's extensions to [`render`], where the API family of the path decides
//! about status and body.

pub mod render;
mod validation;

use axum::response::{IntoResponse, Response};
use cresset_model::{Duration, Timestamp};
use std::sync::Arc;
pub use validation::ValidationErrors;

/// A result of a handler.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a request was not carried out.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// No acceptable token or signature.
    #[error("{0}")]
    Unauthenticated(String),
    /// A signature that fits, of a time too far from the server's. Only who holds the key
    /// reads this, so it may be told.
    #[error("Authentication failed")]
    ClockSkew {
        /// What the server's clock says.
        server_time: Timestamp,
    },
    /// User name and secret key do not fit together.
    #[error("Authentication Failed")]
    Credentials,
    /// Known, but not permitted.
    #[error("{0}")]
    Forbidden(String),
    /// Too many failed authentications from there.
    #[error("too many failed authentications; try again later")]
    Throttled(Duration),
    /// More requests than the account may send in a minute.
    #[error("Too many requests (exceeded rate limits)")]
    OverQuota,
    /// Fields of the body or the query string are not acceptable.
    #[error("Validation error")]
    Invalid(ValidationErrors),
    /// A rule's name is taken.
    #[error("{0}")]
    NameTaken(String),
    /// The request cannot be read at all.
    #[error("{0}")]
    Malformed(String),
    /// The request reads but cannot be carried out as things are.
    #[error("{0}")]
    Refused(String),
    /// A thing of that id or name does not exist, or not for this user.
    #[error("{0}")]
    NotFound(String),
    /// A thing of that name exists.
    #[error("{0}")]
    Conflict(String),
    /// No endpoint has this path.
    #[error("{0} was not found on this server.")]
    UnknownPath(String),
    /// The endpoint does not know this method.
    #[error("the method {0} is not allowed here")]
    WrongMethod(String),
    /// The body is larger than allowed.
    #[error("{what} is larger than {limit} bytes; send smaller ones")]
    TooLarge {
        /// What was measured.
        what: &'static str,
        /// The limit in bytes.
        limit: usize,
    },
    /// The body has more parts than are taken at once.
    #[error("more than {limit} {what}; send smaller batches")]
    TooMany {
        /// What was counted.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The content encoding or type is not known.
    #[error("{0}")]
    UnsupportedMedia(String),
    /// The server has too much to do; the same request may succeed later.
    #[error("{message}")]
    Busy {
        /// What is full.
        message: String,
        /// When to try again.
        retry_after: Duration,
    },
    /// The user has as much under way as one user may; the same request may succeed later.
    #[error("{message}")]
    OverShare {
        /// What there is too much of.
        message: String,
        /// When to try again.
        retry_after: Duration,
    },
    /// The client sends its body too slowly.
    #[error(
        "the body came too slowly: at least {bytes} bytes are expected every {seconds} seconds"
    )]
    TooSlow {
        /// Least bytes per span.
        bytes: usize,
        /// The span in seconds.
        seconds: f64,
    },
    /// The request took longer than it may.
    #[error("the request took longer than the server allows")]
    Timeout,
    /// Something failed that the client cannot help. The text goes to the log only.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// A body beyond `limit` bytes.
    pub(crate) const fn too_large(limit: usize) -> Self {
        let what = "the body";
        Self::TooLarge { what, limit }
    }

    /// One unacceptable field.
    pub fn field(name: &'static str, message: impl Into<String>) -> Self {
        let mut errors = ValidationErrors::default();
        errors.add(&[name], message);
        Self::Invalid(errors)
    }
}

impl From<cresset_catalog::Error> for Error {
    fn from(error: cresset_catalog::Error) -> Self {
        use cresset_catalog::Error as E;
        match error {
            E::Exists { .. } => Self::Conflict(error.to_string()),
            E::NotFound { .. } => Self::NotFound(error.to_string()),
            E::Refused(message) => Self::Refused(message),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl IntoResponse for Error {
    /// Carries the error to [`render`]; the body is written there.
    fn into_response(self) -> Response {
        let mut response = Response::default();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

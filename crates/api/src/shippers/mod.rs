//! The ways in for log shippers, in the protocols of other products (docs/inputs.md).
//!
//! [`router::routes`] is the table of contents. A handler reads its request with
//! [`received::Received`], which proves the caller and takes the body, and stores it with
//! [`received::Received::store`]. Every protocol has its own words for what goes wrong:
//! [`around::around`] finds them for the [`crate::error::Error`] of a handler.
//!
//! What decides about a status is what the shippers do with it: most drop a batch for good that
//! is refused with 400, and send one again that is answered 503.

mod around;
mod elastic;
mod loki;
mod otlp;
mod received;
mod router;
mod splunk;
mod token;

pub(crate) use around::around;
pub(crate) use router::routes;

//! `POST /services/collector/event`

use super::super::received::Received;
use super::{answer, defaults, has_channel};
use crate::error::Result;
use crate::state::Api;
use axum::extract::State;
use axum::response::Response;
use cresset_ingest::shippers::Format;

/// Stores events. Success means that all are on stable storage. Where some are refused, the
/// others are stored.
pub(in super::super) async fn event(
    State(api): State<Api>,
    received: Received,
) -> Result<Response> {
    let (encoding, with_ack) = (received.encoding()?, has_channel(&received));
    let format = Format::SplunkEvents(defaults(&received));
    let receipt = received.store(&api, format, encoding, None).await?;
    answer(receipt, with_ack)
}

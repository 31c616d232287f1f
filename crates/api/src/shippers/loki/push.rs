//! `POST /loki/api/v1/push`

use super::super::received::Received;
use crate::error::{Error, Result};
use crate::native::ingest::refused;
use crate::state::Api;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use cresset_ingest::decompress::Encoding;
use cresset_ingest::shippers::Format;

/// Stores the lines of streams. 204 means that all are on stable storage. Where some are
/// refused, the others are stored.
pub(in super::super) async fn push(
    State(api): State<Api>,
    received: Received,
) -> Result<StatusCode> {
    let media = received.header(CONTENT_TYPE.as_str()).to_ascii_lowercase();
    let media = media.split(';').next().unwrap_or_default().trim();
    // Anything else is protobuf, which some clients do not say.
    let format = if media == "application/json" {
        Format::LokiJson
    } else {
        Format::LokiProtobuf
    };
    // Protobuf is always a snappy block, whether the header says so or not.
    let snappy = received
        .header(CONTENT_ENCODING.as_str())
        .trim()
        .eq_ignore_ascii_case("snappy");
    let encoding = if snappy && format == Format::LokiProtobuf {
        Encoding::Identity
    } else {
        received.encoding()?
    };
    let tenant = received.header("x-scope-orgid");
    let tenant = Some(tenant.to_owned()).filter(|tenant| !tenant.is_empty());
    let receipt = received.store(&api, format, encoding, tenant).await?;
    if let Some(stop) = receipt.stop {
        return Err(refused(stop.error));
    }
    let fault = receipt.first_fault.map(|(_, fault)| {
        let (stored, rejected) = (receipt.accepted, receipt.rejected);
        format!(
            "{rejected} entries refused, {stored} stored: {}",
            fault.reason
        )
    });
    match receipt.broken.or(fault) {
        Some(reason) => Err(Error::Malformed(reason)),
        None => Ok(StatusCode::NO_CONTENT),
    }
}

//! `POST /elastic/_bulk` and `POST /elastic/{index}/_bulk`

use super::super::received::Received;
use crate::body::PathText;
use crate::error::{Error, Result, render};
use crate::native::ingest::refused;
use crate::state::{Api, Context};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use cresset_ingest::shippers::{Action, BulkItem, Format, Receipt};
use serde_json::json;
use std::fmt::Write as _;

/// Stores documents. A 200 means that every item of status 201 is on stable storage.
pub(in super::super) async fn bulk(State(api): State<Api>, received: Received) -> Result<Response> {
    store(&api, received, None).await
}

/// The same, for documents that go to one index unless they name another.
pub(in super::super) async fn of_index(
    State(api): State<Api>,
    PathText(index): PathText,
    received: Received,
) -> Result<Response> {
    store(&api, received, Some(index)).await
}

async fn store(api: &Context, received: Received, index: Option<String>) -> Result<Response> {
    let encoding = received.encoding()?;
    let format = Format::ElasticBulk(index);
    let receipt = received.store(api, format, encoding, None).await?;
    if let Some(reason) = receipt.broken {
        return Err(Error::Malformed(reason));
    }
    if receipt.actions.is_empty() {
        return Err(Error::Malformed("request body is required".to_owned()));
    }
    let json = [(CONTENT_TYPE, "application/json")];
    Ok((json, answer(&receipt)).into_response())
}

/// Every action with its status. Shippers look for the literal beginning, in this order.
fn answer(receipt: &Receipt) -> String {
    let stop = receipt.stop.as_ref().map(|stop| {
        let error = refused(stop.error.clone());
        let status = match error {
            Error::Busy { .. } => 429,
            _ => 503,
        };
        (stop.item, status, render::text(&error))
    });
    let stopped = |at: usize| stop.as_ref().filter(|(first, ..)| at as u64 >= *first);
    let mut text = String::with_capacity(40 + 45 * receipt.actions.len());
    let errors = receipt.rejected > 0 || stop.is_some();
    // Writing to a text does not fail.
    let _ = write!(text, "{{\"took\":0,\"errors\":{errors},\"items\":[");
    for (at, BulkItem { action, refusal }) in receipt.actions.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        let word = action.as_str();
        let item = match (action, refusal, stopped(at)) {
            // As Elasticsearch answers where there is no such document.
            (Action::Delete, ..) => Item::done("not_found", 404),
            (_, Some(reason), _) => Item::failed("mapper_parsing_exception", reason, 400),
            (_, None, Some((_, status, reason))) => {
                Item::failed("es_rejected_execution_exception", reason, *status)
            }
            (Action::Update, ..) => Item::done("updated", 200),
            _ => Item::done("created", 201),
        };
        let _ = write!(text, "{{\"{word}\":{}}}", item.0);
    }
    text.push_str("]}");
    text
}

struct Item(String);

impl Item {
    fn done(result: &str, status: u16) -> Self {
        Self(format!("{{\"result\":\"{result}\",\"status\":{status}}}"))
    }

    fn failed(kind: &str, reason: &str, status: u16) -> Self {
        Self(json!({"error": {"type": kind, "reason": reason}, "status": status}).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cresset_ingest::IngestError;
    use cresset_ingest::shippers::Stop;

    fn item(action: Action, refusal: Option<&str>) -> BulkItem {
        BulkItem {
            action,
            refusal: refusal.map(Into::into),
        }
    }

    #[test]
    fn every_action_has_its_status() {
        let all_good = Receipt {
            accepted: 2,
            actions: vec![item(Action::Create, None), item(Action::Index, None)],
            ..Receipt::default()
        };
        assert_eq!(
            answer(&all_good),
            r#"{"took":0,"errors":false,"items":[{"create":{"result":"created","status":201}},{"index":{"result":"created","status":201}}]}"#
        );
        let mixed = Receipt {
            accepted: 2,
            rejected: 1,
            actions: vec![
                item(Action::Update, None),
                item(Action::Index, Some("no \"object\"")),
                item(Action::Delete, None),
                item(Action::Create, None),
            ],
            stop: Some(Stop {
                item: 3,
                error: IngestError::Full {
                    retry_after_secs: 5,
                },
            }),
            ..Receipt::default()
        };
        insta::assert_snapshot!(answer(&mixed), @r#"{"took":0,"errors":true,"items":[{"update":{"result":"updated","status":200}},{"index":{"error":{"reason":"no \"object\"","type":"mapper_parsing_exception"},"status":400}},{"delete":{"result":"not_found","status":404}},{"create":{"error":{"reason":"the server is busy storing earlier events; try again in 5 s","type":"es_rejected_execution_exception"},"status":429}}]}"#);
    }
}

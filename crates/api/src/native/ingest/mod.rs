//! `POST /api/v1/ingest`

pub(crate) mod authorized;
mod pieces;

use self::authorized::{TokenOf, authorized_body};
use crate::auth::{Peer, bearer};
use crate::body::Params;
use crate::error::{Error, Result};
use crate::logpoint::schemas::errors::Problem;
use crate::native::schemas::BatchReply;
use crate::state::Api;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_ENCODING;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use cresset_ingest::{BodyFormat, HttpBatch, IngestError, IngestReply};
use cresset_model::repo::{DEFAULT_REPO, OWN_REPO};
use cresset_model::{Duration, ObjectId};
use serde_json::{Value, json};
use std::borrow::Cow;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const MAX_KEY_BYTES: usize = 256;

/// Stores a batch of logs. A 200 means that every accepted item is on stable storage.
///
/// NDJSON or a JSON array, plain, or compressed with gzip, deflate or zstd. With an `Idempotency-Key` a batch that the
/// same user sends again is stored once; another body is another batch.
#[utoipa::path(
    post, path = "/api/v1/ingest", tag = "Ingest",
    security(("jwt" = ["logs:write"])),
    params(
        ("repo" = Option<String>, Query, description = "Name of the repo, `default` if not given"),
        ("format" = Option<String>, Query, description = "`ndjson` (the default), `syslog` or `raw`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Names the batch"),
        ("Content-Encoding" = Option<String>, Header, description = "`gzip`, `deflate` or `zstd`"),
    ),
    request_body(content = String, content_type = "application/x-ndjson"),
    responses(
        (status = 200, description = "At least one item was accepted", body = BatchReply, example =
            json!({"accepted": 2, "rejected": 1, "duplicate": false,
                "errors": [{"index": 2, "line": 3, "reason": "…"}]})),
        (status = 400, description = "No item was accepted, or the body cannot be read", content(
            (BatchReply = "application/json"),
            (Problem = "application/problem+json"),
        )),
        (status = 403, description = "Not permitted; nobody may send to `_cresset`"),
        (status = 404, description = "No such repo"),
        (status = 408, description = "The body comes too slowly"),
        (status = 413, description = "The body is too large, as sent or expanded"),
        (status = 503, description = "The server is busy; send the batch again. Of a large batch a part may be \
            stored, which the detail says and the same key passes over"),
    )
)]
pub(crate) async fn ingest(
    State(api): State<Api>,
    Peer(peer): Peer,
    params: Params,
    request: Request,
) -> Result<Response> {
    let (parts, body) = request.into_parts();
    let headers = &parts.headers;
    let key = idempotency_key(headers)?;
    let encoding = header(headers, &CONTENT_ENCODING)?;
    let token: TokenOf = |headers| bearer(headers).map(Cow::Borrowed);
    let (caller, body, held) = authorized_body(&api, &parts, peer, body, token).await?;
    let repo = params
        .0
        .get("repo")
        .map_or(DEFAULT_REPO, String::as_str)
        .to_owned();
    // Whoever may send logs must not be able to forge the server's own.
    if repo == OWN_REPO {
        let message = format!("the repo {OWN_REPO} holds the server's own log; send to another");
        return Err(Error::Forbidden(message));
    }
    let format = params
        .0
        .get("format")
        .map_or(Ok(BodyFormat::Json), |word| word.parse());
    let format =
        format.map_err(|()| Error::field("format", "must be one of ndjson, syslog, raw"))?;
    let batch = HttpBatch {
        repo,
        key: key.map(|key| key_of(caller.user.id, &key)),
        encoding,
        format,
        body,
        peer,
    };
    let reply = pieces::store(&api, batch, held).await?;
    Ok(answer(&reply))
}

/// The key under which a batch is remembered: two users who choose the same one must not
/// take each other's batches for their own.
fn key_of(user: ObjectId, key: &str) -> String {
    let text = format!("{user}\0{key}");
    let hash = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    hash.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

fn header(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>> {
    let text = headers
        .get(name)
        .map(|value| value.to_str().map(str::to_owned));
    text.transpose()
        .map_err(|_| Error::Malformed(format!("the header {name} is not ASCII")))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>> {
    let key = header(headers, &IDEMPOTENCY_KEY)?;
    match &key {
        Some(text) if text.is_empty() || text.len() > MAX_KEY_BYTES => Err(Error::Malformed(
            format!("the header {IDEMPOTENCY_KEY} must have 1 to {MAX_KEY_BYTES} characters"),
        )),
        _ => Ok(key),
    }
}

fn answer(reply: &IngestReply) -> Response {
    let errors: Vec<Value> = reply
        .errors
        .iter()
        .map(|e| json!({"index": e.index, "line": e.line, "reason": e.reason}))
        .collect();
    let body = json!({
        "accepted": reply.accepted,
        "rejected": reply.rejected,
        "errors": errors,
        "duplicate": reply.duplicate,
    });
    let nothing = reply.accepted == 0 && reply.rejected > 0;
    let status = if nothing {
        StatusCode::BAD_REQUEST
    } else {
        StatusCode::OK
    };
    (status, Json(body)).into_response()
}

pub(crate) fn refused(error: IngestError) -> Error {
    let message = error.to_string();
    match error {
        IngestError::TooLarge { what, limit } => Error::TooLarge { what, limit },
        IngestError::TooMany { what, limit } => Error::TooMany { what, limit },
        IngestError::BadEncoding(_) | IngestError::Malformed(_) => Error::Malformed(message),
        IngestError::UnknownEncoding(_) => Error::UnsupportedMedia(message),
        IngestError::UnknownRepo { .. } => Error::NotFound(message),
        IngestError::Full { retry_after_secs } => Error::Busy {
            message,
            retry_after: Duration::seconds(retry_after_secs.into()),
        },
        IngestError::Disk(_) | IngestError::Closed => Error::Busy {
            message,
            retry_after: Duration::seconds(10),
        },
        IngestError::Catalog(_) => Error::Internal(message),
    }
}

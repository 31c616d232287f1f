//! `POST /api/v1/ingest`

use crate::auth::{Caller, Peer, bearer, signer};
use crate::body::Params;
use crate::error::{Error, Result};
use crate::state::{Api, Context};
use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_ENCODING};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use cresset_auth::lmv1::SignedRequest;
use cresset_ingest::{BodyFormat, HttpBatch, IngestError, IngestReply};
use cresset_model::Duration;
use cresset_model::repo::{DEFAULT_REPO, OWN_REPO};
use cresset_model::user::Scope;
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use serde_json::{Value, json};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const MAX_KEY_BYTES: usize = 256;

/// Stores a batch of logs. A 200 means that every accepted item is on stable storage.
///
/// NDJSON or a JSON array, plain, gzip or zstd. With an `Idempotency-Key` a batch that is
/// sent again is stored once.
#[utoipa::path(
    post, path = "/api/v1/ingest", tag = "Ingest",
    security(("jwt" = ["logs:write"]), ("lmv1" = [])),
    params(
        ("repo" = Option<String>, Query, description = "Name of the repo, `default` if not given"),
        ("format" = Option<String>, Query, description = "`ndjson` (the default), `syslog` or `raw`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Names the batch"),
        ("Content-Encoding" = Option<String>, Header, description = "`gzip` or `zstd`"),
    ),
    request_body(content = String, content_type = "application/x-ndjson"),
    responses(
        (status = 200, description = "At least one item was accepted", body = Value, example =
            json!({"accepted": 2, "rejected": 1, "duplicate": false,
                "errors": [{"index": 2, "line": 3, "reason": "…"}]})),
        (status = 400, description = "No item was accepted"),
        (status = 403, description = "Not permitted; nobody may send to `_cresset`"),
        (status = 404, description = "No such repo"),
        (status = 413, description = "The body is too large, as sent or expanded"),
        (status = 503, description = "The server is busy storing; nothing of the batch is stored"),
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
    let path = parts.uri.path();
    let (_caller, body, _held) =
        authorized_body(&api, headers, parts.method.as_str(), path, peer, body).await?;
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
        key,
        encoding,
        format,
        body,
        peer,
    };
    let reply = api.ingestor.ingest_http(batch).await.map_err(refused)?;
    Ok(answer(&reply))
}

/// Proves the caller and reads the body, in the order that costs a stranger most
/// and the server least.
async fn authorized_body(
    api: &Context,
    headers: &HeaderMap,
    method: &str,
    path: &str,
    peer: IpAddr,
    body: Body,
) -> Result<(Caller, Bytes, Held)> {
    let scope = Scope::LogsWrite;
    let credential = headers
        .get(AUTHORIZATION)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    if credential.starts_with("LMv1 ") && headers.get_all(AUTHORIZATION).iter().count() == 1 {
        let signer = signer(api, credential, peer).await?;
        let (body, held) = read(api, body).await?;
        let signed = SignedRequest {
            method,
            path,
            body: &body,
        };
        let caller = signer.verify(api, &signed, scope).await?;
        return Ok((caller, body, held));
    }
    let caller = api.authorize(bearer(headers)?, peer, scope).await?;
    let (body, held) = read(api, body).await?;
    Ok((caller, body, held))
}

/// The share of the common budget that a body in memory takes up.
struct Held {
    budget: Arc<Semaphore>,
    permits: Option<OwnedSemaphorePermit>,
    bytes: usize,
}

impl Held {
    /// Takes up room for `more` bytes, or says that there is none.
    fn grow(&mut self, more: usize) -> Result<()> {
        let wanted = (self.bytes + more).div_ceil(1024) - self.bytes.div_ceil(1024);
        self.bytes += more;
        let permits = u32::try_from(wanted).ok();
        let taken = permits.and_then(|n| self.budget.clone().try_acquire_many_owned(n).ok());
        let Some(taken) = taken else {
            return Err(Error::Busy {
                message: "too many logs are being received at once; try again".to_owned(),
                retry_after: Duration::seconds(2),
            });
        };
        match &mut self.permits {
            Some(permits) => permits.merge(taken),
            None => self.permits = Some(taken),
        }
        Ok(())
    }
}

/// Reads the body within the limit of one request and the budget of all.
async fn read(api: &Context, mut body: Body) -> Result<(Bytes, Held)> {
    let limit = api.settings.max_ingest_body_bytes;
    if body.size_hint().lower() > limit as u64 {
        return Err(Error::TooLarge { limit });
    }
    let mut held = Held {
        budget: api.ingest_budget.clone(),
        permits: None,
        bytes: 0,
    };
    let mut collected = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| Error::Malformed(format!("the body broke off: {e}")))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if collected.len() + data.len() > limit {
            return Err(Error::TooLarge { limit });
        }
        held.grow(data.len())?;
        collected.extend_from_slice(&data);
    }
    Ok((collected.freeze(), held))
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

fn refused(error: IngestError) -> Error {
    let message = error.to_string();
    match error {
        IngestError::TooLarge { limit, .. } => Error::TooLarge { limit },
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

//! Bodies and query strings, read with bounds and in every form that clients send.

use crate::budget::Held;
use crate::error::{Error, Result};
use crate::state::{Api, Context, Pace};
use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Multipart, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use tokio::time::{Instant, timeout_at};

/// Most bytes of a body that are reserved before they come.
const MAX_RESERVED: u64 = 16 << 20;

/// Refuses a body that announces more than `limit` bytes.
pub(crate) fn refuse_announced(body: &Body, limit: usize) -> Result<()> {
    if body.size_hint().lower() > limit as u64 {
        return Err(Error::too_large(limit));
    }
    Ok(())
}

/// Reads a whole body of at most `limit` bytes, which may take up room in a budget and must
/// come at a least pace. A body that announces more is refused before a byte of it is read.
pub(crate) async fn read(
    api: &Context,
    mut body: Body,
    limit: usize,
    mut held: Option<&mut Held>,
) -> Result<Bytes> {
    refuse_announced(&body, limit)?;
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let Pace { bytes, span } = api.settings.body_pace;
    let span = span.to_std();
    // What is announced may never come, and is no memory before it does.
    let announced = body.size_hint().lower().min(MAX_RESERVED) as usize;
    let mut collected = BytesMut::with_capacity(announced);
    let (mut window_end, mut in_window) = (Instant::now() + span, 0);
    loop {
        let frame = match timeout_at(window_end, body.frame()).await {
            Ok(Some(frame)) => frame,
            Ok(None) => return Ok(collected.freeze()),
            Err(_) if in_window < bytes => {
                let seconds = span.as_secs_f64();
                return Err(Error::TooSlow { bytes, seconds });
            }
            Err(_) => {
                (window_end, in_window) = (Instant::now() + span, 0);
                continue;
            }
        };
        let frame = frame.map_err(|e| Error::Malformed(format!("the body broke off: {e}")))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if collected.len() + data.len() > limit {
            return Err(Error::too_large(limit));
        }
        if let Some(held) = &mut held {
            held.grow(data.len())?;
        }
        in_window += data.len();
        collected.extend_from_slice(&data);
    }
}

/// The body as a JSON object, whatever its content type says.
pub(crate) struct JsonObject(pub(crate) Map<String, Value>);

impl FromRequest<Api> for JsonObject {
    type Rejection = Error;

    async fn from_request(request: Request, api: &Api) -> Result<Self> {
        let limit = api.settings.max_body_bytes;
        let bytes = read(api, request.into_body(), limit, None).await?;
        object(&bytes).map(Self)
    }
}

/// Reads `bytes` as a JSON object.
pub(crate) fn object(bytes: &[u8]) -> Result<Map<String, Value>> {
    match serde_json::from_slice(without_mark(bytes)) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Error::Malformed(
            "the body must be a JSON object".to_owned(),
        )),
        Err(error) => Err(Error::Malformed(format!("the body is not JSON: {error}"))),
    }
}

/// Refuses a body that is not one JSON value, even where none is expected. LMv1 does not
/// separate what it signs, so bytes of the path could otherwise be moved to the body.
pub(crate) fn demand_json(bytes: &[u8]) -> Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    let read = serde_json::from_slice::<IgnoredAny>(without_mark(bytes));
    let read = read.map_err(|e| Error::Malformed(format!("the body is not JSON: {e}")));
    read.map(|IgnoredAny| ())
}

/// Whether a body that may be a form is JSON.
pub(crate) fn looks_like_object(bytes: &[u8]) -> bool {
    without_mark(bytes).trim_ascii_start().starts_with(b"{")
}

/// The bytes without the byte order mark that some editors and shells put before UTF-8.
pub(crate) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

/// The body as named texts: a form of either kind, or the strings of a JSON object.
pub(crate) struct Form(pub(crate) BTreeMap<String, String>);

impl FromRequest<Api> for Form {
    type Rejection = Error;

    async fn from_request(request: Request, api: &Api) -> Result<Self> {
        let (parts, body) = request.into_parts();
        let bytes = read(api, body, api.settings.max_body_bytes, None).await?;
        fields(parts, bytes).await.map(Self)
    }
}

/// Splits a form into its fields; of a name that occurs twice the last counts.
pub(crate) async fn fields(parts: Parts, bytes: Bytes) -> Result<BTreeMap<String, String>> {
    if content_type(&parts.headers).starts_with("multipart/form-data") {
        return multipart(Request::from_parts(parts, Body::from(bytes))).await;
    }
    if looks_like_object(&bytes) {
        let text = |value: Value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        return Ok(object(&bytes)?
            .into_iter()
            .map(|(name, v)| (name, text(v)))
            .collect());
    }
    Ok(form_urlencoded::parse(&bytes).into_owned().collect())
}

async fn multipart(request: Request) -> Result<BTreeMap<String, String>> {
    let broken = |e: &dyn std::fmt::Display| Error::Malformed(format!("the form is broken: {e}"));
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|e| broken(&e))?;
    let mut fields = BTreeMap::new();
    while let Some(field) = form.next_field().await.map_err(|e| broken(&e))? {
        let Some(name) = field.name().map(str::to_owned) else {
            continue;
        };
        let upload = field.file_name().map(|_| "application/octet-stream");
        let media = field.content_type().or(upload).map(str::to_owned);
        let bytes = field.bytes().await.map_err(|e| broken(&e))?;
        let text = match (String::from_utf8(bytes.to_vec()), media) {
            (Ok(text), _) => text,
            (Err(_), Some(media)) => format!("data:{media};base64,{}", STANDARD.encode(&bytes)),
            (Err(_), None) => return Err(Error::Malformed(format!("{name} is not UTF-8"))),
        };
        fields.insert(name, text);
    }
    Ok(fields)
}

fn content_type(headers: &HeaderMap) -> String {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok());
    value.unwrap_or_default().to_ascii_lowercase()
}

/// The query string; of a name that occurs twice the last counts.
pub(crate) struct Params(pub(crate) BTreeMap<String, String>);

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self(
            form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
        ))
    }
}

impl Params {
    /// A whole number from 1, or `default` if it is not given.
    pub(crate) fn positive(&self, name: &'static str, default: usize) -> Result<usize> {
        match self.0.get(name).map(|text| text.trim()) {
            None | Some("") => Ok(default),
            Some(text) => text.parse().ok().filter(|n| *n >= 1).ok_or_else(|| {
                let message = format!("must be a whole number from 1 to {}", usize::MAX);
                Error::field(name, message)
            }),
        }
    }

    /// A whole number, or 0 if it is not given.
    pub(crate) fn count(&self, name: &'static str) -> Result<usize> {
        match self.0.get(name).map(|text| text.trim()) {
            None | Some("") => Ok(0),
            Some(text) => text
                .parse()
                .map_err(|_| Error::field(name, "must be a whole number")),
        }
    }

    /// True or false in any of the spellings that clients use, `None` if not given.
    pub(crate) fn flag(&self, name: &'static str) -> Result<Option<bool>> {
        match self.0.get(name).map(|text| text.trim()) {
            None | Some("") => Ok(None),
            Some(text) => parse_flag(text)
                .map(Some)
                .ok_or_else(|| Error::field(name, "must be true or false")),
        }
    }

    /// The object id in `id`.
    pub(crate) fn id(&self) -> Result<cresset_model::ObjectId> {
        let text = self
            .0
            .get("id")
            .ok_or_else(|| Error::field("id", "is required"))?;
        text.parse().map_err(|e| Error::field("id", format!("{e}")))
    }
}

/// `true`, `on`, `1` and their opposites, in any case.
pub(crate) fn parse_flag(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "on" | "1" | "yes" => Some(true),
        "false" | "off" | "0" | "no" => Some(false),
        _ => None,
    }
}

/// The variable part of a path.
pub(crate) struct PathText(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for PathText {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let path = axum::extract::Path::<String>::from_request_parts(parts, state).await;
        let unknown = |_| Error::UnknownPath(parts.uri.path().to_owned());
        path.map(|axum::extract::Path(text)| Self(text))
            .map_err(unknown)
    }
}

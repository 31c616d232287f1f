//! `POST /opentelemetry.proto.collector.logs.v1.LogsService/Export`

use super::super::received::Received;
use super::{outcome, status};
use crate::error::{Error, Result, render};
use crate::state::Api;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::{BufMut as _, Bytes, BytesMut};
use cresset_ingest::decompress::Encoding;
use cresset_ingest::shippers::Format;
use futures::stream;
use http_body_util::StreamBody;
use hyper::body::Frame;
use std::convert::Infallible;
use std::fmt::Write as _;

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const OK: HeaderValue = HeaderValue::from_static("0");

/// Stores log records, as `/v1/logs` does.
pub(in super::super) async fn export(
    State(api): State<Api>,
    mut received: Received,
) -> Result<Response> {
    let (compressed, message) = message(&received.body)?;
    let encoding = received.header("grpc-encoding");
    let encoding = if compressed {
        Encoding::parse(Some(encoding)).map_err(|e| Error::UnsupportedMedia(e.to_string()))?
    } else {
        Encoding::Identity
    };
    received.body = message;
    let receipt = received
        .store(&api, Format::OtlpProtobuf, encoding, None)
        .await?;
    let refused = outcome(receipt)?;
    let refused = refused.as_ref().map(|(n, reason)| (*n, reason.as_str()));
    Ok(answer(&status::response(refused)))
}

/// The one message of a call, and whether it is compressed.
fn message(body: &Bytes) -> Result<(bool, Bytes)> {
    let wrong = |what: &str| Error::Malformed(format!("the gRPC message {what}"));
    let Some((prefix, rest)) = body.split_first_chunk::<5>() else {
        return Err(wrong("is cut off"));
    };
    let [flag, len @ ..] = *prefix;
    let len = u32::from_be_bytes(len) as usize;
    if flag > 1 || rest.len() != len {
        return Err(wrong("is not as long as it says"));
    }
    Ok((flag == 1, body.slice(5..)))
}

fn answer(message: &[u8]) -> Response {
    let mut data = BytesMut::with_capacity(5 + message.len());
    data.put_u8(0);
    data.put_u32(message.len() as u32);
    data.put_slice(message);
    let mut trailers = HeaderMap::new();
    trailers.insert(STATUS, OK);
    let frames = [Frame::data(data.freeze()), Frame::trailers(trailers)];
    let frames = stream::iter(frames.map(Ok::<_, Infallible>));
    ([(CONTENT_TYPE, GRPC)], Body::new(StreamBody::new(frames))).into_response()
}

/// An error: the status of a call stands in the headers where there is no message.
pub(in super::super) fn refusal(error: &Error) -> Response {
    // What is no call cannot be answered as one.
    if let Error::WrongMethod(_) = error {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let (code, text) = (status::code(error), render::text(error));
    let wait = match error {
        Error::Busy {
            retry_after: wait, ..
        }
        | Error::Throttled(wait) => Some(*wait),
        _ => None,
    };
    let details = STANDARD_NO_PAD.encode(status::message(code, &text, wait));
    let mut response = ([(CONTENT_TYPE, GRPC)], Body::empty()).into_response();
    let headers = response.headers_mut();
    headers.insert(STATUS, HeaderValue::from(u16::from(code)));
    for (name, value) in [(MESSAGE, encoded(&text)), (DETAILS, details)] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    response
}

/// A text as the header wants it: printable ASCII, the rest by percent signs.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b' '..=b'~' if byte != b'%' => out.push(byte.into()),
            // Writing to a text does not fail.
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_message_with_its_length() {
        let check = |body: &'static [u8], expected: Option<(bool, &[u8])>| {
            let found = message(&Bytes::from_static(body)).ok();
            let found = found.as_ref().map(|(c, m)| (*c, m.as_ref()));
            assert_eq!(found, expected, "{body:?}");
        };
        check(b"\0\0\0\0\0", Some((false, b"")));
        check(b"\x01\0\0\0\x02ab", Some((true, b"ab")));
        check(b"", None);
        check(b"\0\0\0\0", None);
        check(b"\0\0\0\0\x02a", None);
        check(b"\0\0\0\0\x01ab", None);
        check(b"\x02\0\0\0\0", None);
        check(b"\0\xff\xff\xff\xff", None);
    }

    #[test]
    fn texts_of_headers_are_ascii() {
        assert_eq!(encoded("a 100% \u{e9}\n"), "a 100%25 %C3%A9%0A");
    }
}

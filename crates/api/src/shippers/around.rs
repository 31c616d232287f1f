//! Every error in the words of its protocol.

use super::{elastic, loki, otlp, splunk};
use crate::error::Error;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// Whose words an answer is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Elastic,
    Splunk,
    Loki,
    Otlp,
    Grpc,
}

impl Protocol {
    fn of(path: &str) -> Option<Self> {
        let below = |base: &str| {
            let rest = path.strip_prefix(base);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if below("/elastic") || below("/_bulk") {
            Some(Self::Elastic)
        } else if below("/services/collector") {
            Some(Self::Splunk)
        } else if below("/loki") {
            Some(Self::Loki)
        } else if below("/v1/logs") {
            Some(Self::Otlp)
        } else if below("/opentelemetry.proto.collector.logs.v1.LogsService") {
            Some(Self::Grpc)
        } else {
            None
        }
    }
}

/// What an answer depends on besides the error.
pub(super) struct Asker {
    /// Whether there was a header with a credential.
    pub(super) with_credential: bool,
    /// Whether the request was JSON, and so is the answer.
    pub(super) json: bool,
}

impl Asker {
    fn of(headers: &HeaderMap) -> Self {
        Self {
            with_credential: headers.contains_key(header::AUTHORIZATION),
            json: otlp::is_json(headers),
        }
    }
}

/// Middleware; requests of the other APIs pass untouched.
pub(crate) async fn around(request: Request, next: Next) -> Response {
    let Some(protocol) = Protocol::of(request.uri().path()) else {
        return next.run(request).await;
    };
    let asker = Asker::of(request.headers());
    let mut response = next.run(request).await;
    let error = response.extensions_mut().remove::<Arc<Error>>();
    if let Some(Error::Internal(detail)) = error.as_deref() {
        tracing::error!(detail, "request failed");
    }
    match (protocol, error) {
        (Protocol::Elastic, Some(error)) => elastic::refusal(&error),
        (Protocol::Elastic, None) => elastic::named(response),
        (Protocol::Splunk, Some(error)) => splunk::refusal(&error, &asker),
        (Protocol::Loki, Some(error)) => loki::refusal(&error),
        (Protocol::Otlp, Some(error)) => otlp::refusal(&error, &asker),
        (Protocol::Grpc, Some(error)) => otlp::grpc_refusal(&error),
        (_, None) => response,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_belong_to_protocols() {
        let check = |path: &str, expected| assert_eq!(Protocol::of(path), expected, "{path}");
        check("/elastic", Some(Protocol::Elastic));
        check("/elastic/", Some(Protocol::Elastic));
        check("/elastic/x/_bulk", Some(Protocol::Elastic));
        check("/_bulk", Some(Protocol::Elastic));
        check("/services/collector/raw", Some(Protocol::Splunk));
        check("/loki/api/v1/push", Some(Protocol::Loki));
        check("/v1/logs", Some(Protocol::Otlp));
        check(
            "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            Some(Protocol::Grpc),
        );
        check("/elasticity", None);
        check("/ready", None);
        check("/v1/logsx", None);
        check("/api/v1/ingest", None);
    }
}

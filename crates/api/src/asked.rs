//! What a request asks for, for the audit log.
//!
//! Who refuses a request knows the caller at most, so that method and path travel with the
//! task that answers it.

use crate::state::Context;
use axum::extract::Request;
use axum::http::{Method, Uri};
use axum::middleware::Next;
use axum::response::Response;
use cresset_catalog::port::RefusedRequest;
use std::net::IpAddr;

tokio::task_local! {
    static ASKED: (Method, Uri);
}

/// Outermost, where the path is still as it was sent.
pub(crate) async fn remember(request: Request, next: Next) -> Response {
    let asked = (request.method().clone(), request.uri().clone());
    ASKED.scope(asked, next.run(request)).await
}

/// Method and path. The query string is left out, since it may hold what nobody is to read.
fn asked() -> RefusedRequest {
    let request = ASKED.try_with(|(method, uri)| RefusedRequest {
        method: method.as_str().to_owned(),
        path: uri.path().to_owned(),
    });
    request.unwrap_or_default()
}

impl Context {
    /// Records that the request under way is refused. A failure to do so is logged.
    pub(crate) async fn audit_refused(
        &self,
        actor: &str,
        peer: IpAddr,
        action: &str,
        detail: String,
    ) {
        let entry = self.audit_entry(actor, peer, action, detail);
        if let Err(error) = self.catalog.audit_refused(entry, &asked()).await {
            tracing::error!(%error, action, "audit entry could not be written");
        }
    }
}

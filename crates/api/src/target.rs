//! Request targets that were too long to arrive whole.
//!
//! The HTTP library answers such requests itself, with a bare status that clients of no family
//! can read. So the server cuts the target and marks it, and the refusal is made here.

use crate::error::Error;
use axum::extract::Request;
use axum::http::Uri;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

/// Longest request target in bytes, as it is after what must be encoded was encoded. Whoever cuts
/// longer ones puts [`CUT`] in the place of the rest.
pub const LONGEST: usize = 60_000;
/// The end of a target that was cut. It is the end of nothing that is served.
pub const CUT: &str = "%00target-cut";

/// Middleware: refuses a target that was cut.
pub(crate) async fn whole(request: Request, next: Next) -> Response {
    if is_cut(request.uri()) {
        let (what, limit) = ("the request target", LONGEST);
        return Error::TooLarge { what, limit }.into_response();
    }
    next.run(request).await
}

fn is_cut(uri: &Uri) -> bool {
    uri.query().unwrap_or_else(|| uri.path()).ends_with(CUT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_read_in_paths_and_queries() {
        let check = |target: &str, expected| {
            let uri: Uri = target.parse().expect(target);
            assert_eq!(is_cut(&uri), expected, "{target}");
        };
        check("/a", false);
        check("/a?b=c", false);
        check("/a?b=%00target-cut&c=d", false);
        check("/a%00target-cut?b=c", false);
        check("/a%00target-cut", true);
        check("/a?b=c%2%00target-cut", true);
    }
}

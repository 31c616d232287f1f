//! `apitokens` in any case: the documentation writes both `apitokens` and `apiTokens`.
//!
//! The path is settled before it is routed. What the client sent is kept, since that is
//! what it signed.

use super::{BASE, resource};
use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;

const TOKENS: &str = "apitokens";

/// The path as the client sent it, where it was changed.
#[derive(Clone)]
pub(super) struct AsSent(pub(super) String);

/// Writes the name of the tokens as the router knows it.
pub(crate) async fn settle(mut request: Request) -> Request {
    let path = request.uri().path();
    let Some(settled) = resource(path).and_then(settled) else {
        return request;
    };
    let sent = AsSent(path.to_owned());
    let mut target = format!("{BASE}{settled}");
    if let Some(query) = request.uri().query() {
        target.push('?');
        target.push_str(query);
    }
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(target).ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
        request.extensions_mut().insert(sent);
    }
    request
}

/// The settled path if it differs.
fn settled(resource: &str) -> Option<String> {
    let odd = |part: &str| part != TOKENS && part.eq_ignore_ascii_case(TOKENS);
    if !resource.starts_with("/setting/admins/") || !resource.split('/').any(odd) {
        return None;
    }
    let parts = resource.split('/');
    let parts = parts.map(|part| if odd(part) { TOKENS } else { part });
    Some(parts.collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_tokens_name_is_settled() {
        let check = |path: &str, expected: Option<&str>| {
            assert_eq!(settled(path).as_deref(), expected, "{path}");
        };
        check("/setting/admins/apitokens", None);
        check(
            "/setting/admins/apiTokens",
            Some("/setting/admins/apitokens"),
        );
        check(
            "/setting/admins/32/APITOKENS/7",
            Some("/setting/admins/32/apitokens/7"),
        );
        check("/setting/Admins/apiTokens", None);
        check("/setting/roles/apiTokens", None);
        check("", None);
    }
}

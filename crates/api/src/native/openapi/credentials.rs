//! What an operation that takes a token takes, written into the document in one place.

use crate::endpoints::ENDPOINTS;
use cresset_model::user::Scope;
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Http, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};

const JWT: &str = "jwt";
const BEARER: &str = "bearer";
const LMV1: &str = "lmv1";

/// Names the kinds of credentials, and adds to each operation with a self-signed token the
/// others, which are as good.
pub(crate) fn add(document: &mut OpenApi) {
    let components = document.components.get_or_insert_with(Default::default);
    let jwt = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .build();
    let mut bearer = Http::new(HttpAuthScheme::Bearer);
    bearer.description = Some(
        "A bearer token, `lmb_…`; `setting/admins/{id}/apitokens?type=bearer` makes one".to_owned(),
    );
    let lmv1 = ApiKeyValue::with_description(
        "Authorization",
        "`LMv1 accessId:signature:epochMillis`: base64 of the hex digits of HMAC-SHA-256 over \
         method, epoch, body and path (here the whole path, without the query string)",
    );
    components.add_security_scheme(JWT, SecurityScheme::Http(jwt));
    components.add_security_scheme(BEARER, SecurityScheme::Http(bearer));
    components.add_security_scheme(LMV1, SecurityScheme::ApiKey(ApiKey::Header(lmv1)));
    for endpoint in ENDPOINTS {
        let item = document.paths.paths.get_mut(endpoint.path);
        let Some((scope, item)) = endpoint.access.scope().zip(item) else {
            continue;
        };
        let operations = [
            ("GET", &mut item.get),
            ("POST", &mut item.post),
            ("PUT", &mut item.put),
            ("DELETE", &mut item.delete),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation
                && endpoint.serves(method, endpoint.path)
            {
                add_others(operation, scope);
            }
        }
    }
}

fn add_others(operation: &mut Operation, scope: Scope) {
    let kinds = operation.security.get_or_insert_default();
    for other in [BEARER, LMV1] {
        kinds.push(SecurityRequirement::new(other, [scope.as_str()]));
    }
}

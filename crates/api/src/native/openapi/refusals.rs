//! What every endpoint of a family can refuse, written into the document in one place.
//!
//! Statuses and shapes are those of [`crate::error::render`]; a test holds both together.

use crate::endpoints::{Access, ENDPOINTS, Endpoint, Family};
use utoipa::openapi::path::{HttpMethod, Operation};
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::schema::{AnyOf, Schema};
use utoipa::openapi::{
    Content, Header, OpenApi, Ref, RefOr, Required, Response, ResponseBuilder, Type,
};

/// A refusal that many endpoints share: its name, what it means, and its body's schema.
struct Refusal {
    name: &'static str,
    status: &'static str,
    description: &'static str,
    schema: &'static str,
}

const fn refusal(
    name: &'static str,
    status: &'static str,
    schema: &'static str,
    description: &'static str,
) -> Refusal {
    Refusal {
        name,
        status,
        description,
        schema,
    }
}

const UNREADABLE: &str = "The body cannot be read";
const NO_TOKEN: &str = "No token, or not an acceptable one";
const NO_SCOPE: &str = "The token or the user's role lacks the scope";
const WRONG_METHOD: &str = "The endpoint does not know this method";
const TOO_LARGE: &str = "The body is larger than allowed";
const NOT_ACCEPTABLE: &str = "Fields are not acceptable";
const THROTTLED: &str = "Too many failed authentications";

/// Those of Logpoint's endpoints with a token. The ones without a token have but two of them.
const LOGPOINT: [Refusal; 7] = [
    refusal("Unreadable", "400", "Failure", UNREADABLE),
    refusal("Unauthenticated", "401", "TokenRefused", NO_TOKEN),
    refusal("Forbidden", "403", "TokenRefused", NO_SCOPE),
    refusal("WrongMethod", "405", "Failure", WRONG_METHOD),
    refusal("TooLarge", "413", "Failure", TOO_LARGE),
    refusal("NotAcceptable", "422", "Invalid", NOT_ACCEPTABLE),
    refusal("Throttled", "429", "TokenRefused", THROTTLED),
];

const NATIVE: [Refusal; 7] = [
    refusal("UnreadableProblem", "400", "Problem", UNREADABLE),
    refusal("UnauthenticatedProblem", "401", "Problem", NO_TOKEN),
    refusal("ForbiddenProblem", "403", "Problem", NO_SCOPE),
    refusal("WrongMethodProblem", "405", "Problem", WRONG_METHOD),
    refusal("TooLargeProblem", "413", "Problem", TOO_LARGE),
    refusal("NotAcceptableProblem", "422", "Problem", NOT_ACCEPTABLE),
    refusal("ThrottledProblem", "429", "Problem", THROTTLED),
];

/// Adds to each operation what its family and its kind of request can be refused with, and
/// the body's shape to refusals that the endpoint describes itself.
pub(crate) fn add(document: &mut OpenApi) {
    let components = document.components.get_or_insert_with(Default::default);
    for refusal in LOGPOINT.iter().chain(&NATIVE) {
        let name = refusal.name.to_owned();
        components
            .responses
            .insert(name, RefOr::T(refusal.response()));
    }
    for (path, item) in &mut document.paths.paths {
        let operations = [
            (HttpMethod::Get, &mut item.get),
            (HttpMethod::Post, &mut item.post),
            (HttpMethod::Put, &mut item.put),
            (HttpMethod::Delete, &mut item.delete),
        ];
        for (method, operation) in operations {
            let endpoint = endpoint(path, &method);
            if let Some((operation, endpoint)) = operation.as_mut().zip(endpoint) {
                describe(operation, endpoint);
            }
        }
    }
}

fn endpoint(path: &str, method: &HttpMethod) -> Option<&'static Endpoint> {
    let method = match method {
        HttpMethod::Get => "GET",
        HttpMethod::Post => "POST",
        HttpMethod::Put => "PUT",
        _ => "DELETE",
    };
    let serves = |e: &&Endpoint| e.path == path && e.methods.contains(&method);
    ENDPOINTS.iter().find(serves)
}

fn describe(operation: &mut Operation, endpoint: &Endpoint) {
    let shared = match endpoint.family {
        Family::Native => &NATIVE,
        Family::Jwt | Family::Credential => &LOGPOINT,
    };
    if endpoint.family == Family::Credential {
        may_fail_with_200(operation);
    }
    for refusal in shared {
        if !applies(refusal.status, operation, endpoint) {
            continue;
        }
        let responses = &mut operation.responses.responses;
        // What the endpoint says itself is more exact.
        let own = responses.get(refusal.status);
        let reference = RefOr::Ref(Ref::from_response_name(refusal.name));
        if own.is_none() {
            responses.insert(refusal.status.to_owned(), reference);
        }
    }
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else {
            continue;
        };
        if status.starts_with(['4', '5']) && response.content.is_empty() {
            let of_status = shared.iter().find(|r| r.status == status.as_str());
            let (media, schema) = match endpoint.family {
                Family::Native => (PROBLEM, "Problem"),
                _ => (JSON, of_status.map_or("Failure", |r| r.schema)),
            };
            let content = RefOr::T(content(schema));
            response.content.insert(media.to_owned(), content);
        }
    }
}

/// Whether an operation can be refused with `status`.
fn applies(status: &str, operation: &Operation, endpoint: &Endpoint) -> bool {
    let body = operation.request_body.as_ref();
    let needed = |body: &RefOr<_>| match body {
        RefOr::T(RequestBody { required, .. }) => matches!(required, Some(Required::True)),
        RefOr::Ref(_) => true,
    };
    let must_have_body = body.is_some_and(needed);
    let parameters = operation.parameters.as_ref().is_some_and(|p| !p.is_empty());
    // Credentials and what is asked for are judged with 200 in the third family.
    let judged = endpoint.family != Family::Credential;
    let open = endpoint.access == Access::Open;
    match status {
        "405" => true,
        "413" => body.is_some(),
        "400" => judged && body.is_some(),
        "422" => judged && !open && (must_have_body || parameters),
        _ => judged && !open,
    }
}

/// The answer with 200 is also that of a refusal.
fn may_fail_with_200(operation: &mut Operation) {
    let Some(RefOr::T(response)) = operation.responses.responses.get_mut("200") else {
        return;
    };
    for content in response.content.values_mut() {
        let RefOr::T(content) = content else {
            continue;
        };
        if let Some(schema) = content.schema.take() {
            // Not one of both: a short answer may have the shape of a refusal.
            let mut either = AnyOf::new();
            either.items = vec![schema, Ref::from_schema_name("Failure").into()];
            content.schema = Some(RefOr::T(Schema::AnyOf(either)));
        }
    }
}

const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";

fn content(schema: &str) -> Content {
    Content::new(Some(Ref::from_schema_name(schema)))
}

impl Refusal {
    fn response(&self) -> Response {
        let media = if self.schema == "Problem" {
            PROBLEM
        } else {
            JSON
        };
        let response = ResponseBuilder::new()
            .description(self.description)
            .content(media, content(self.schema));
        if self.status != "429" {
            return response.build();
        }
        let schema = utoipa::openapi::ObjectBuilder::new().schema_type(Type::Integer);
        let mut header = Header::new(schema.build());
        header.description = Some("Seconds to wait".to_owned());
        response.header("Retry-After", header).build()
    }
}

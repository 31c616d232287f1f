//! Every endpoint with its methods, family and what it asks for.
//!
//! The router is built beside this table, and tests hold the two together: each line is
//! served, each served path is a line, and each endpoint refuses who lacks what it says.

use cresset_model::grants::Ability;
use cresset_model::user::Scope;

/// Which conventions an endpoint follows for credentials and errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Logpoint's endpoints with a self-signed token.
    Jwt,
    /// Logpoint's endpoints with `username` and `secret_key` in the body.
    Credential,
    /// Our own.
    Native,
}

impl Family {
    /// The family of a path; paths that no endpoint has count as [`Family::Jwt`]
    /// unless they look like ours.
    pub fn of(path: &str) -> Self {
        if let Some(endpoint) = ENDPOINTS.iter().find(|e| e.path == path) {
            return endpoint.family;
        }
        let ours = path.starts_with("/api/") || path.starts_with("/health");
        if ours { Self::Native } else { Self::Jwt }
    }
}

/// What a caller has to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Open,
    /// A self-signed token, a bearer token or a signature (LMv1). Both the credential and the
    /// user's role have to have this scope.
    Token(Scope),
    /// The same, of an administrator.
    Administrator(Scope),
    /// User name and API access key.
    SecretKey,
}

impl Access {
    /// The scope that the credential has to have, where credentials have scopes.
    pub const fn scope(self) -> Option<Scope> {
        match self {
            Self::Token(scope) | Self::Administrator(scope) => Some(scope),
            Self::Open | Self::SecretKey => None,
        }
    }
}

/// One endpoint.
#[derive(Debug, Clone, Copy)]
pub struct Endpoint {
    /// The methods it answers.
    pub methods: &'static [&'static str],
    /// Its path, with `{name}` for a variable part.
    pub path: &'static str,
    /// Its conventions.
    pub family: Family,
    /// What it asks for.
    pub access: Access,
    /// What the caller's role has to give; `None` where nobody has to be known.
    pub role: Option<Ability>,
}

impl Endpoint {
    /// Whether it answers requests with this method and path, as the router writes it. Where
    /// `GET` is answered, so is `HEAD`.
    pub(crate) fn serves(&self, method: &str, path: &str) -> bool {
        let method = if method == "HEAD" { "GET" } else { method };
        self.path == path && self.methods.contains(&method)
    }
}

const fn jwt(methods: &'static [&'static str], path: &'static str, scope: Scope) -> Endpoint {
    Endpoint {
        methods,
        path,
        family: Family::Jwt,
        access: Access::Token(scope),
        role: Some(Ability::Scope(scope)),
    }
}

const fn credential(
    methods: &'static [&'static str],
    path: &'static str,
    role: Ability,
) -> Endpoint {
    Endpoint {
        methods,
        path,
        family: Family::Credential,
        access: Access::SecretKey,
        role: Some(role),
    }
}

const fn native(methods: &'static [&'static str], path: &'static str, access: Access) -> Endpoint {
    let role = match access.scope() {
        Some(scope) => Some(Ability::Scope(scope)),
        None => None,
    };
    Endpoint {
        methods,
        path,
        family: Family::Native,
        access,
        role,
    }
}

const GET: &[&str] = &["GET"];
const POST: &[&str] = &["POST"];
const DELETE: &[&str] = &["DELETE"];
const GET_DELETE: &[&str] = &["GET", "DELETE"];
const PUT_DELETE: &[&str] = &["PUT", "DELETE"];
const EITHER: &[&str] = &["GET", "POST"];
const SEARCH: Ability = Ability::Scope(Scope::SearchRead);

/// The endpoint that takes bodies larger than any other, and so reads them itself.
pub(crate) const INGEST: &str = "/api/v1/ingest";

/// Every endpoint. A path stands here once per access.
pub const ENDPOINTS: &[Endpoint] = &[
    jwt(POST, "/AlertRules/create_api", Scope::AlertrulesWrite),
    jwt(POST, "/AlertRules/update_api", Scope::AlertrulesWrite),
    jwt(GET, "/AlertRules/lists_api", Scope::AlertrulesRead),
    jwt(EITHER, "/AlertRules/read_api", Scope::AlertrulesRead),
    jwt(POST, "/AlertRules/activate_api", Scope::AlertrulesWrite),
    jwt(POST, "/AlertRules/deactivate_api", Scope::AlertrulesWrite),
    jwt(POST, "/AlertRules/delete_api", Scope::AlertrulesWrite),
    jwt(
        POST,
        "/pluggables/Notification/EmailNotification/create_api",
        Scope::AlertrulesWrite,
    ),
    jwt(
        GET,
        "/pluggables/Notification/EmailNotification/read_api",
        Scope::AlertrulesRead,
    ),
    jwt(
        POST,
        "/pluggables/Notification/HTTPNotification/create_api",
        Scope::AlertrulesWrite,
    ),
    jwt(
        GET,
        "/pluggables/Notification/HTTPNotification/read_api",
        Scope::AlertrulesRead,
    ),
    jwt(
        POST,
        "/Repo/get_all_searchable_logpoint",
        Scope::LogsourceRead,
    ),
    jwt(GET, "/UserDefinedList/lists_api", Scope::SearchRead),
    jwt(POST, "/UserDefinedList/import_api", Scope::SearchWrite),
    credential(POST, "/getalloweddata", SEARCH),
    credential(POST, "/getsearchlogs", SEARCH),
    credential(EITHER, "/incidents", Ability::ReadIncidents),
    credential(EITHER, "/get_data_from_incident", Ability::ReadIncidents),
    credential(EITHER, "/get_users", Ability::ReadIncidents),
    credential(EITHER, "/incident_states", Ability::ReadIncidents),
    credential(POST, "/add_incident_comment", Ability::WorkOnIncidents),
    credential(POST, "/assign_incident", Ability::WorkOnIncidents),
    credential(POST, "/resolve_incident", Ability::WorkOnIncidents),
    credential(POST, "/close_incident", Ability::WorkOnIncidents),
    credential(POST, "/reopen_incident", Ability::WorkOnIncidents),
    native(POST, INGEST, Access::Token(Scope::LogsWrite)),
    native(
        GET,
        "/api/v1/rules/{id}/evaluations",
        Access::Token(Scope::AlertrulesRead),
    ),
    native(
        GET,
        "/api/v1/attack/techniques",
        Access::Token(Scope::AlertrulesRead),
    ),
    native(
        GET,
        "/api/v1/deliveries",
        Access::Token(Scope::AlertrulesRead),
    ),
    native(
        POST,
        "/api/v1/deliveries/{id}/resend",
        Access::Token(Scope::AlertrulesWrite),
    ),
    native(
        POST,
        "/api/v1/incidents/{id}/notify",
        Access::Token(Scope::AlertrulesWrite),
    ),
    native(GET, "/api/v1/repos", Access::Token(Scope::LogsourceRead)),
    native(
        POST,
        "/api/v1/repos",
        Access::Administrator(Scope::LogsWrite),
    ),
    native(POST, "/api/v1/deletions", Access::Token(Scope::LogsDelete)),
    native(
        GET,
        "/api/v1/deletions/{id}",
        Access::Token(Scope::LogsDelete),
    ),
    native(
        GET,
        "/api/v1/instances",
        Access::Token(Scope::LogsourceRead),
    ),
    native(
        POST,
        "/api/v1/instances",
        Access::Administrator(Scope::LogsWrite),
    ),
    native(
        DELETE,
        "/api/v1/instances/{name}",
        Access::Administrator(Scope::LogsWrite),
    ),
    native(GET, "/api/v1/lists", Access::Token(Scope::SearchRead)),
    native(
        GET,
        "/api/v1/lists/{name}",
        Access::Token(Scope::SearchRead),
    ),
    native(
        PUT_DELETE,
        "/api/v1/lists/{name}",
        Access::Token(Scope::SearchWrite),
    ),
    native(GET, "/api/v1/macros", Access::Token(Scope::SearchRead)),
    native(
        GET,
        "/api/v1/macros/{name}",
        Access::Token(Scope::SearchRead),
    ),
    native(
        PUT_DELETE,
        "/api/v1/macros/{name}",
        Access::Token(Scope::SearchWrite),
    ),
    native(POST, "/api/v1/explain", Access::Token(Scope::SearchRead)),
    native(POST, "/api/v1/searches", Access::Token(Scope::SearchRead)),
    native(
        GET_DELETE,
        "/api/v1/searches/{id}",
        Access::Token(Scope::SearchRead),
    ),
    native(GET, "/api/v1/openapi.json", Access::Open),
    native(GET, "/api/v1/docs", Access::Open),
    native(GET, "/search", Access::Open),
    native(GET, "/health/live", Access::Open),
    native(GET, "/health/ready", Access::Open),
    native(GET, "/metrics", Access::Open),
];

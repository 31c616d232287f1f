//! The table of contents. [`crate::endpoints`] says what each endpoint asks for.

use crate::asked;
use crate::auth;
use crate::error::{Error, render};
use crate::layers;
use crate::logicmonitor;
use crate::logpoint::schemas::errors::{Failure, Invalid, Problem, TokenRefused};
use crate::logpoint::{alert_rules, incidents, lists, notifications, repos, search};
use crate::native;
use crate::shippers;
use crate::state::{Api, AppState, Context};
use crate::target;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{from_fn, from_fn_with_state, map_request};
use std::sync::Arc;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Cresset",
        description = "Logpoint's API, and what is Cresset's own. Self-signed JWTs carry \
        `iss: self-signed`, `sub`, `iat`, `exp` and `scope`, signed by the user's API access key."
    ),
    components(schemas(TokenRefused, Failure, Invalid, Problem))
)]
struct Document;

fn endpoints() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(alert_rules::create::create))
        .routes(routes!(alert_rules::update::update))
        .routes(routes!(alert_rules::lists::lists))
        .routes(routes!(alert_rules::read::read))
        .routes(routes!(alert_rules::activate::activate))
        .routes(routes!(alert_rules::deactivate::deactivate))
        .routes(routes!(alert_rules::delete::delete))
        .routes(routes!(notifications::email_create::create))
        .routes(routes!(notifications::email_read::read))
        .routes(routes!(notifications::http_create::create))
        .routes(routes!(notifications::http_read::read))
        .routes(routes!(repos::get_all_searchable_logpoint))
        .routes(routes!(lists::lists_api::lists))
        .routes(routes!(lists::import::import))
        .routes(routes!(search::allowed_data::get_allowed_data))
        .routes(routes!(search::get_search_logs::get_search_logs))
        .routes(routes!(incidents::list::incidents))
        .routes(routes!(incidents::get_data::get_data_from_incident))
        .routes(routes!(incidents::get_users::get_users))
        .routes(routes!(incidents::states::incident_states))
        .routes(routes!(incidents::add_comment::add_incident_comment))
        .routes(routes!(incidents::assign::assign_incident))
        .routes(routes!(incidents::resolve::resolve_incident))
        .routes(routes!(incidents::close::close_incident))
        .routes(routes!(incidents::reopen::reopen_incident))
        .routes(routes!(native::ingest::ingest))
        .routes(routes!(native::evaluations::evaluations))
        .routes(routes!(native::attack_techniques::techniques))
        .routes(routes!(native::deliveries::deliveries))
        .routes(routes!(native::resend::resend))
        .routes(routes!(native::incident_notify::notify))
        .routes(routes!(
            native::repos_list::list,
            native::repos_create::create
        ))
        .routes(routes!(native::deletions_begin::begin))
        .routes(routes!(native::deletions_read::read))
        .routes(routes!(
            native::instances_list::list,
            native::instances_add::add
        ))
        .routes(routes!(native::instances_remove::remove))
        .routes(routes!(native::lists_all::lists))
        .routes(routes!(
            native::lists::put,
            native::lists_read::read,
            native::lists_delete::delete
        ))
        .routes(routes!(native::macros_all::macros))
        .routes(routes!(
            native::macros::put,
            native::macros_read::read,
            native::macros_delete::delete
        ))
        .routes(routes!(native::explain::explain))
        .routes(routes!(native::searches::start::start))
        .routes(routes!(
            native::searches::read::read,
            native::searches::cancel::cancel
        ))
        .routes(routes!(native::openapi::openapi))
        .routes(routes!(native::docs::docs))
        .routes(routes!(native::search_page::page))
        .routes(routes!(native::health::live))
        .routes(routes!(native::health::ready))
        .routes(routes!(native::metrics::metrics))
}

/// The whole HTTP interface.
///
/// The server inserts the peer's address into each request as
/// `axum::extract::ConnectInfo<SocketAddr>`.
pub fn router(state: AppState) -> Router {
    let api: Api = Arc::new(Context::new(state));
    let (router, _) = endpoints().split_for_parts();
    let routed = router
        .merge(logicmonitor::routes())
        .merge(shippers::routes())
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        // Bodies are read by `crate::body`, which has limits of its own.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(api.clone(), auth::prove))
        .layer(from_fn(target::whole))
        .layer(from_fn_with_state(api.clone(), layers::contain))
        .layer(from_fn_with_state(api.clone(), logicmonitor::around))
        .layer(from_fn(shippers::around))
        .layer(from_fn(render::errors))
        .layer(from_fn_with_state(api.clone(), layers::observe))
        .with_state(api);
    // Around the router, because it changes what is routed.
    Router::new()
        .fallback_service(routed)
        .layer(map_request(logicmonitor::settle))
        .layer(from_fn(asked::remember))
}

/// The OpenAPI 3.1 document of [`router`].
pub fn openapi() -> OpenApi {
    let (_, mut document) = endpoints().split_for_parts();
    native::openapi::credentials::add(&mut document);
    name_operations(&mut document);
    native::openapi::refusals::add(&mut document);
    document
}

/// Gives every operation an id of its own: handlers are called alike in many places,
/// and some serve two methods.
fn name_operations(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        let words: Vec<&str> = path
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|w| !w.is_empty())
            .collect();
        let name = words.join("_");
        let operations = [
            ("get", &mut item.get),
            ("post", &mut item.post),
            ("put", &mut item.put),
            ("delete", &mut item.delete),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                operation.operation_id = Some(format!("{method}_{name}"));
            }
        }
    }
}

async fn unknown_path(request: Request) -> Error {
    Error::UnknownPath(request.uri().path().to_owned())
}

async fn wrong_method(request: Request) -> Error {
    Error::WrongMethod(request.method().to_string())
}

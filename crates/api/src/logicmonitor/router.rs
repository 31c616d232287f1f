//! The table of contents of LogicMonitor's API.

use super::{access_logs, company_setting, roles, tokens, users};
use crate::state::Api;
use axum::Router;
use axum::routing::{get, post};

/// Every endpoint, with its path as clients send it. `apitokens` may be in any case.
pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route(
            "/santaba/rest/setting/admins/apitokens",
            get(tokens::list::list),
        )
        .route(
            "/santaba/rest/setting/admins/apitokens/self",
            get(tokens::this::this),
        )
        .route(
            "/santaba/rest/setting/admins/apitokens/revoke",
            post(tokens::revoke::revoke),
        )
        .route(
            "/santaba/rest/setting/admins/apitokens/{tokenId}",
            get(tokens::read::read),
        )
        .route(
            "/santaba/rest/setting/admins/{adminId}/apitokens",
            get(tokens::list_of_user::list).post(tokens::create::create),
        )
        .route(
            "/santaba/rest/setting/admins/{adminId}/apitokens/{tokenId}",
            get(tokens::read::read_of_user)
                .put(tokens::replace::replace)
                .patch(tokens::change::change)
                .delete(tokens::delete::delete),
        )
        .route(
            "/santaba/rest/setting/admins/{adminId}/apitokens/{tokenId}/rotate",
            post(tokens::rotate::rotate),
        )
        .route(
            "/santaba/rest/setting/admins",
            get(users::list::list).post(users::create::create),
        )
        .route(
            "/santaba/rest/setting/admins/{adminId}",
            get(users::read::read)
                .put(users::replace::replace)
                .patch(users::change::change)
                .delete(users::delete::delete),
        )
        .route(
            "/santaba/rest/setting/roles",
            get(roles::list::list).post(roles::create::create),
        )
        .route(
            "/santaba/rest/setting/roles/{roleId}",
            get(roles::read::read)
                .put(roles::replace::replace)
                .patch(roles::change::change)
                .delete(roles::delete::delete),
        )
        .route(
            "/santaba/rest/setting/companySetting",
            get(company_setting::read),
        )
        .route(
            "/santaba/rest/setting/accesslogs",
            get(access_logs::list::list),
        )
        .route(
            "/santaba/rest/setting/accesslogs/{logId}",
            get(access_logs::read::read),
        )
}

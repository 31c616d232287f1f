//! `GET /pluggables/Notification/HTTPNotification/read_api?id=…`

use super::{MASK, dispatch_word, found, unit_word};
use crate::auth::{AlertrulesRead, Authorized};
use crate::body::Params;
use crate::error::Result;
use crate::logpoint::alert_rules::own_rule;
use crate::logpoint::schemas::HexId;
use crate::logpoint::schemas::notifications::HttpFound;
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use cresset_model::notification::{HttpAuth, HttpNotification};
use serde_json::{Value, json};

/// The HTTP notification of one rule, its secrets masked; `data` is empty if it has none.
#[utoipa::path(
    get, path = "/pluggables/Notification/HTTPNotification/read_api", tag = "Notifications",
    security(("jwt" = ["alertrules:read"])),
    params(("id" = inline(HexId), Query, description = "Alert rule id")),
    responses(
        (status = 200, description = "The fields of create", body = HttpFound),
        (status = 404, description = "No such rule of this user"),
    )
)]
pub(crate) async fn read(
    State(api): State<Api>,
    caller: Authorized<AlertrulesRead>,
    params: Params,
) -> Result<Json<Value>> {
    let rule = own_rule(&api, &caller, params.id()?).await?;
    let notification = api.catalog.http_notification(rule.id).await?;
    Ok(Json(found(notification.as_ref().map(data))))
}

fn data(http: &HttpNotification) -> Value {
    let mut data = json!({
        "type": "http",
        // The address is shown to the rule's owner: without it nobody could
        // tell where a rule reports to. It cannot hold a password.
        "http_url": http.url.expose(),
        "http_request_type": http.method.as_str(),
        "http_querystring": http.query_string,
        "http_format_query": http.format_query,
        "http_body": http.body,
        "notify_http": http.enabled,
        "protocol": http.protocol,
        "dispatch_option": dispatch_word(http.dispatch),
        "http_header": header(&http.auth),
    });
    if let Some(threshold) = http.threshold {
        data["http_threshold_option"] = unit_word(threshold.unit).into();
        data["http_threshold_value"] = threshold.value.into();
    }
    data
}

fn header(auth: &HttpAuth) -> Value {
    match auth {
        HttpAuth::None => json!({"auth_type": "None"}),
        HttpAuth::ApiToken { name, .. } => {
            json!({"auth_type": "api_token", "auth_key": name, "auth_value": MASK})
        }
        HttpAuth::Basic { user, .. } => {
            json!({"auth_type": "basic_auth", "auth_key": user, "auth_pass": MASK})
        }
        HttpAuth::Bearer { .. } => json!({"auth_type": "bearer_token", "auth_key": MASK}),
    }
}

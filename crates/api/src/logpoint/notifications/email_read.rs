//! `GET /pluggables/Notification/EmailNotification/read_api?id=…`

use super::{dispatch_word, found, unit_word};
use crate::auth::{AlertrulesRead, Authorized};
use crate::body::Params;
use crate::error::Result;
use crate::logpoint::alert_rules::own_rule;
use crate::logpoint::schemas::HexId;
use crate::logpoint::schemas::notifications::EmailFound;
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use cresset_model::notification::EmailNotification;
use serde_json::{Value, json};

/// The e-mail notification of one rule; `data` is empty if it has none.
#[utoipa::path(
    get, path = "/pluggables/Notification/EmailNotification/read_api", tag = "Notifications",
    security(("jwt" = ["alertrules:read"])),
    params(("id" = inline(HexId), Query, description = "Alert rule id")),
    responses(
        (status = 200, description = "The fields of create", body = EmailFound),
        (status = 404, description = "No such rule of this user"),
    )
)]
pub(crate) async fn read(
    State(api): State<Api>,
    caller: Authorized<AlertrulesRead>,
    params: Params,
) -> Result<Json<Value>> {
    let rule = own_rule(&api, &caller, params.id()?).await?;
    let notification = api.catalog.email_notification(rule.id).await?;
    Ok(Json(found(notification.as_ref().map(data))))
}

fn data(mail: &EmailNotification) -> Value {
    let mut data = json!({
        "type": "email",
        "notify_email": mail.enabled,
        "email_emails": mail.recipients,
        "subject": mail.subject,
        "email_template": mail.template,
        "simple_view": mail.simple_view,
        "dispatch_option": dispatch_word(mail.dispatch),
        "disable_search_link": mail.disable_search_link,
        "logo_enable": mail.logo_enable,
        "logo_type": mail.logo_type,
        "logo": mail.logo,
    });
    if let Some(threshold) = mail.threshold {
        data["threshold_option"] = unit_word(threshold.unit).into();
        data["threshold_value"] = threshold.value.into();
    }
    data
}

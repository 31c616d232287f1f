//! `POST /pluggables/Notification/EmailNotification/create_api`

use super::{dispatch, threshold};
use crate::auth::{AlertrulesWrite, Authorized};
use crate::body::{Form, parse_flag};
use crate::error::{Result, ValidationErrors};
use crate::logpoint::fields::object_ids;
use crate::logpoint::schemas::notifications::{EmailForm, NotificationSet};
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use cresset_model::ObjectId;
use cresset_model::notification::{EmailNotification, MAX_RECIPIENTS, is_mail_address};
use serde_json::Value;
use std::collections::BTreeMap;

/// Sets the e-mail notification of rules, replacing an earlier one.
///
/// A form, multipart or urlencoded; all values are text.
#[utoipa::path(
    post, path = "/pluggables/Notification/EmailNotification/create_api", tag = "Notifications",
    security(("jwt" = ["alertrules:write"])),
    request_body(content(
        (EmailForm = "multipart/form-data"),
        (EmailForm = "application/x-www-form-urlencoded"),
    )),
    responses(
        (status = 200, description = "Set", body = NotificationSet),
        (status = 404, description = "One of the ids is unknown; nothing was changed"),
        (status = 422, description = "`validationErrors` by field"),
    )
)]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Authorized<AlertrulesWrite>,
    Form(form): Form,
) -> Result<Json<Value>> {
    let mut errors = ValidationErrors::default();
    let (ids, notification) = read(&form, &mut errors);
    let EmailNotification {
        logo_enable,
        logo_type,
        logo,
        ..
    } = &notification;
    if let Err(problem) = (api.messages.check_logo)(*logo_enable, logo_type, logo) {
        errors.add(&["logo"], problem);
    }
    let templates: Vec<(&'static [&'static str], String)> = vec![
        (&["subject"], notification.subject.clone()),
        (&["email_template"], notification.template.clone()),
    ];
    api.refuse_templates(templates, &mut errors).await?;
    let ids = errors.into_result(ids)?;
    api.catalog
        .put_email_notification(&ids, caller.user.id, &notification, api.now())
        .await?;
    let reply = super::set(&api, &caller, &ids, "email", "E-mail notification set").await;
    Ok(Json(reply))
}

/// Reads the form and notes every mistake but those in templates and the logo.
fn read(
    form: &BTreeMap<String, String>,
    errors: &mut ValidationErrors,
) -> (Option<Vec<ObjectId>>, EmailNotification) {
    let text = |name: &str| form.get(name).map(String::as_str);
    let ids = ids(text("ids"), errors);
    if text("type") != Some("email") {
        errors.add(&["type"], "must be email");
    }
    let mut flag = |name: &'static str, default: bool| match text(name).map(str::trim) {
        None | Some("") => default,
        Some(word) => parse_flag(word).unwrap_or_else(|| {
            errors.add(&[name], "must be true or false");
            default
        }),
    };
    let enabled = flag("notify_email", true);
    let simple_view = flag("simple_view", false);
    let disable_search_link = flag("disable_search_link", false);
    let logo_enable = flag("logo_enable", false);
    let recipients = recipients(text("email_emails"), enabled, errors);
    let dispatch = dispatch(text("dispatch_option"), errors);
    let value = text("threshold_value").map(Value::from);
    let threshold = threshold(
        ("threshold_option", text("threshold_option")),
        ("threshold_value", value.as_ref()),
        errors,
    );
    let subject = text("subject").unwrap_or_default();
    if subject.contains(['\r', '\n']) {
        errors.add(&["subject"], "must be one line");
    }
    let owned = |name: &str| text(name).unwrap_or_default().to_owned();
    let notification = EmailNotification {
        enabled,
        recipients,
        subject: subject.to_owned(),
        template: owned("email_template"),
        dispatch,
        disable_search_link,
        simple_view,
        logo_enable,
        logo_type: owned("logo_type"),
        logo: owned("logo"),
        threshold,
    };
    (ids, notification)
}

/// The wording is the vendor's; its SDK quotes it.
fn ids(text: Option<&str>, errors: &mut ValidationErrors) -> Option<Vec<ObjectId>> {
    let Some(text) = text else {
        errors.add(&["ids"], "is required");
        return None;
    };
    let shown: String = text.chars().take(100).collect();
    let invalid = |detail: &str| format!("Invalid JSON array of alert_id(s): {shown}{detail}");
    let parsed = match serde_json::from_str::<Value>(text) {
        Ok(value @ Value::Array(_)) => {
            object_ids(&value).map_err(|detail| invalid(&format!(" ({detail})")))
        }
        _ => Err(invalid("")),
    };
    parsed.map_err(|message| errors.add(&["ids"], message)).ok()
}

fn recipients(text: Option<&str>, enabled: bool, errors: &mut ValidationErrors) -> Vec<String> {
    let parsed = text.map(serde_json::from_str::<Vec<String>>);
    let recipients: Vec<String> = match parsed {
        None => {
            errors.add(&["email_emails"], "is required");
            return Vec::new();
        }
        Some(Err(_)) => {
            errors.add(
                &["email_emails"],
                "must be a JSON array of e-mail addresses",
            );
            return Vec::new();
        }
        Some(Ok(list)) => list
            .iter()
            .map(|address| address.trim().to_owned())
            .collect(),
    };
    if let Some(bad) = recipients.iter().find(|address| !is_mail_address(address)) {
        errors.add(
            &["email_emails"],
            format!("{bad:?} is not an e-mail address"),
        );
    } else if recipients.len() > MAX_RECIPIENTS {
        errors.add(
            &["email_emails"],
            format!("must hold at most {MAX_RECIPIENTS} addresses"),
        );
    } else if enabled && recipients.is_empty() {
        errors.add(
            &["email_emails"],
            "must not be empty while notify_email is true",
        );
    }
    recipients
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    const ID: &str = "67f8ae6fbe9edae2fcfbc1ee";

    fn with(changes: &[(&str, Option<&str>)]) -> Result<(Vec<ObjectId>, EmailNotification)> {
        let mut form: BTreeMap<String, String> = [
            ("ids", format!("[\"{ID}\"]")),
            ("type", "email".to_owned()),
            ("email_emails", r#"["soc@example.com"]"#.to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        for (name, value) in changes {
            match value {
                Some(value) => form.insert((*name).to_owned(), (*value).to_owned()),
                None => form.remove(*name),
            };
        }
        let mut errors = ValidationErrors::default();
        let (ids, notification) = read(&form, &mut errors);
        errors.into_result(ids.map(|ids| (ids, notification)))
    }

    #[test]
    fn what_the_vendors_sdk_sends() {
        let (ids, mail) = with(&[
            ("notify_email", Some("true")),
            ("subject", Some("Alert {{alert_name}}")),
            ("email_template", Some("")),
            ("dispatch_option", Some("manual")),
            ("disable_search_link", Some("false")),
            ("simple_view", Some("on")),
            ("logo_enable", Some("false")),
            ("threshold_option", Some("minute")),
            ("threshold_value", Some("5")),
        ])
        .unwrap();
        assert_eq!(ids[0].to_string(), ID);
        assert_eq!(mail.recipients, ["soc@example.com"]);
        assert!(mail.enabled && mail.simple_view && !mail.logo_enable);
        assert_eq!(
            mail.dispatch,
            cresset_model::notification::DispatchOption::Manual
        );
        assert_eq!(mail.threshold.unwrap().value, 5);
        let (_, off) = with(&[
            ("notify_email", Some("false")),
            ("email_emails", Some("[]")),
        ])
        .unwrap();
        assert!(!off.enabled && off.recipients.is_empty());
    }

    #[test]
    fn every_mistake_is_named_by_its_field() {
        let table: &[(&str, Option<&str>, &str)] = &[
            ("ids", None, "is required"),
            (
                "ids",
                Some(ID),
                "Invalid JSON array of alert_id(s): 67f8ae6fbe9edae2fcfbc1ee",
            ),
            ("ids", Some("{}"), "Invalid JSON array of alert_id(s): {}"),
            (
                "ids",
                Some("[]"),
                "Invalid JSON array of alert_id(s): [] (must hold 1 to 10000 alert rule ids)",
            ),
            ("type", None, "must be email"),
            ("type", Some("http"), "must be email"),
            ("notify_email", Some("maybe"), "must be true or false"),
            ("email_emails", None, "is required"),
            (
                "email_emails",
                Some("a@b"),
                "must be a JSON array of e-mail addresses",
            ),
            (
                "email_emails",
                Some("[1]"),
                "must be a JSON array of e-mail addresses",
            ),
            (
                "email_emails",
                Some("[]"),
                "must not be empty while notify_email is true",
            ),
            (
                "email_emails",
                Some(r#"["a@b\r\nBcc: c@d"]"#),
                r#""a@b\r\nBcc: c@d" is not an e-mail address"#,
            ),
            (
                "email_emails",
                Some(r#"["nobody"]"#),
                r#""nobody" is not an e-mail address"#,
            ),
            ("subject", Some("a\nb"), "must be one line"),
            ("dispatch_option", Some("later"), "must be auto or manual"),
            ("threshold_value", Some("5"), ""),
            (
                "threshold_value",
                Some("0"),
                "must be a whole number from 1 to 4294967295",
            ),
            ("threshold_option", Some("minute"), ""),
            (
                "threshold_option",
                Some("week"),
                "must be one of minute, hour, day",
            ),
        ];
        for (field, value, message) in table {
            let Err(Error::Invalid(errors)) = with(&[(field, *value)]) else {
                panic!("{field} {value:?} was accepted");
            };
            if !message.is_empty() {
                assert_eq!(errors.to_json()[field], *message, "{field} {value:?}");
            }
        }
    }
}

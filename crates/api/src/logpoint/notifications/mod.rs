//! Notifications of alert rules (spec/logpoint-api.md §2.6, §2.7).

pub(crate) mod email_create;
pub(crate) mod email_read;
pub(crate) mod http_create;
pub(crate) mod http_read;

use crate::auth::Caller;
use crate::error::ValidationErrors;
use crate::state::Context;
use cresset_model::ObjectId;
use cresset_model::notification::{DispatchOption, Threshold, ThresholdUnit};
use serde_json::{Value, json};

/// Shown in the place of a stored secret.
const MASK: &str = "********";

/// Reads `unit` and `value` of a threshold, which come both or not at all.
fn threshold(
    unit: (&'static str, Option<&str>),
    value: (&'static str, Option<&Value>),
    errors: &mut ValidationErrors,
) -> Option<Threshold> {
    let (unit_field, unit) = unit;
    let (value_field, value) = value;
    let unit = unit.map(str::trim).filter(|text| !text.is_empty());
    let value = value.filter(|value| !value.is_null() && value.as_str() != Some(""));
    let parsed_unit = match unit {
        Some("minute") => Some(ThresholdUnit::Minute),
        Some("hour") => Some(ThresholdUnit::Hour),
        Some("day") => Some(ThresholdUnit::Day),
        Some(_) => {
            errors.add(&[unit_field], "must be one of minute, hour, day");
            None
        }
        None => None,
    };
    let number = value.and_then(|value| match value {
        Value::String(text) => text.trim().parse().ok(),
        other => u32::try_from(super::fields::whole(other)?).ok(),
    });
    let number = number.filter(|n| *n > 0);
    if value.is_some() && number.is_none() {
        errors.add(
            &[value_field],
            "must be a whole number from 1 to 4294967295",
        );
    }
    if unit.is_some() && value.is_none() {
        errors.add(&[value_field], format!("is required with {unit_field}"));
    }
    if value.is_some() && unit.is_none() {
        errors.add(&[unit_field], format!("is required with {value_field}"));
    }
    Some(Threshold {
        value: number?,
        unit: parsed_unit?,
    })
}

/// Reads `dispatch_option`; absent means auto.
fn dispatch(text: Option<&str>, errors: &mut ValidationErrors) -> DispatchOption {
    match text.map(str::trim) {
        None | Some("" | "auto") => DispatchOption::Auto,
        Some("manual") => DispatchOption::Manual,
        Some(_) => {
            errors.add(&["dispatch_option"], "must be auto or manual");
            DispatchOption::Auto
        }
    }
}

const fn dispatch_word(dispatch: DispatchOption) -> &'static str {
    match dispatch {
        DispatchOption::Auto => "auto",
        DispatchOption::Manual => "manual",
    }
}

const fn unit_word(unit: ThresholdUnit) -> &'static str {
    match unit {
        ThresholdUnit::Minute => "minute",
        ThresholdUnit::Hour => "hour",
        ThresholdUnit::Day => "day",
    }
}

/// What both create endpoints answer; `data` names each rule.
async fn set(api: &Context, caller: &Caller, ids: &[ObjectId], kind: &str, message: &str) -> Value {
    super::alert_rules::announce(api, caller, "notification_set", ids).await;
    let data: Vec<Value> = ids
        .iter()
        .map(|id| json!({"id": id.to_string(), "type": kind}))
        .collect();
    json!({"success": true, "data": data, "message": message})
}

/// What both read endpoints answer.
fn found(data: Option<Value>) -> Value {
    let message = if data.is_some() {
        "Notification found"
    } else {
        "No notification is set"
    };
    json!({"success": true, "data": data.unwrap_or_else(|| json!({})), "message": message})
}

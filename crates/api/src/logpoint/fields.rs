//! Reading JSON objects of clients: every mistake is noted under its field's name,
//! and reading goes on, so that a client learns all of them at once.
//!
//! `null` counts as absent, because clients send it for what they do not set.
//! Unknown keys are ignored.

use crate::error::ValidationErrors;
use cresset_model::ObjectId;
use serde_json::{Map, Value};
use std::ops::RangeInclusive;

/// A section of a body, and where its mistakes go.
pub(crate) struct Section<'a> {
    name: Option<&'static str>,
    object: Option<&'a Map<String, Value>>,
    errors: &'a mut ValidationErrors,
}

impl<'a> Section<'a> {
    /// The body itself.
    pub(crate) fn root(object: &'a Map<String, Value>, errors: &'a mut ValidationErrors) -> Self {
        Self {
            name: None,
            object: Some(object),
            errors,
        }
    }

    /// The section `name` of `body`. If it must be there and is not, its fields
    /// read as absent and only the section is complained about.
    pub(crate) fn of(
        body: &'a Map<String, Value>,
        name: &'static str,
        required: bool,
        errors: &'a mut ValidationErrors,
    ) -> Self {
        let object = match body.get(name) {
            Some(Value::Object(object)) => Some(object),
            None | Some(Value::Null) if required => {
                errors.add(&[name], "is required");
                None
            }
            None | Some(Value::Null) => None,
            Some(_) => {
                errors.add(&[name], "must be an object");
                None
            }
        };
        Self {
            name: Some(name),
            object,
            errors,
        }
    }

    /// Notes a mistake in `field`.
    pub(crate) fn refuse(&mut self, field: &str, message: impl Into<String>) {
        match self.name {
            Some(section) => self.errors.add(&[section, field], message),
            None => self.errors.add(&[field], message),
        }
    }

    /// Whether a mistake in `field` was noted already.
    pub(crate) fn refused(&self, field: &str) -> bool {
        match self.name {
            Some(section) => self.errors.has(&[section, field]),
            None => self.errors.has(&[field]),
        }
    }

    /// The field's value; `None` if absent or null.
    pub(crate) fn value(&self, field: &str) -> Option<&'a Value> {
        self.object?.get(field).filter(|value| !value.is_null())
    }

    fn read<T>(
        &mut self,
        field: &str,
        expected: &str,
        convert: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Option<T> {
        let converted = convert(self.value(field)?);
        if converted.is_none() {
            self.refuse(field, format!("must be {expected}"));
        }
        converted
    }

    fn demand(&mut self, field: &str) {
        if self.object.is_some() && self.value(field).is_none() {
            self.refuse(field, "is required");
        }
    }

    /// Text, empty if absent.
    pub(crate) fn text(&mut self, field: &str) -> String {
        self.read(field, "a string", Value::as_str)
            .unwrap_or_default()
            .to_owned()
    }

    /// Text that must be there and not blank.
    pub(crate) fn required_text(&mut self, field: &str) -> String {
        self.demand(field);
        let present = self.value(field).is_some();
        let text = self.text(field);
        if present && text.trim().is_empty() {
            self.refuse(field, "must not be empty");
        }
        text
    }

    /// True or false, false if absent.
    pub(crate) fn flag(&mut self, field: &str) -> bool {
        self.read(field, "true or false", Value::as_bool)
            .unwrap_or(false)
    }

    /// A whole number from 0, or `default` if absent.
    pub(crate) fn number(&mut self, field: &str, default: u32) -> u32 {
        self.number_in(field, default, 0..=u32::MAX)
    }

    /// A whole number in `range`, or `default` if absent.
    pub(crate) fn number_in(
        &mut self,
        field: &str,
        default: u32,
        range: RangeInclusive<u32>,
    ) -> u32 {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        let number = |value| u32::try_from(whole(value)?).ok();
        self.read(field, &expected, |value| {
            number(value).filter(|n| range.contains(n))
        })
        .unwrap_or(default)
    }

    /// A whole number from 0 that must be there.
    pub(crate) fn required_number(&mut self, field: &str) -> u32 {
        self.demand(field);
        self.number(field, 0)
    }

    /// A list of texts without the blank ones, empty if absent.
    pub(crate) fn texts(&mut self, field: &str) -> Vec<String> {
        self.read(field, "a list of strings", text_list)
            .unwrap_or_default()
    }

    /// One of the words that `T` knows.
    pub(crate) fn required_word<T: serde::de::DeserializeOwned>(
        &mut self,
        field: &str,
        words: &str,
    ) -> Option<T> {
        self.demand(field);
        self.read(field, &format!("one of {words}"), |value| {
            value.as_str()?;
            serde_json::from_value(value.clone()).ok()
        })
    }
}

/// A whole number, also when written `10.0`.
pub(crate) fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        let float = value.as_f64()?;
        (float.fract() == 0.0 && (0.0..1e15).contains(&float)).then_some(float as u64)
    })
}

fn text_list(value: &Value) -> Option<Vec<String>> {
    let texts: Option<Vec<&str>> = value.as_array()?.iter().map(Value::as_str).collect();
    Some(
        texts?
            .into_iter()
            .filter(|t| !t.trim().is_empty())
            .map(str::to_owned)
            .collect(),
    )
}

/// A list of object ids, at least one and not absurdly many.
pub(crate) fn object_ids(value: &Value) -> Result<Vec<ObjectId>, String> {
    const MOST: usize = 10_000;
    let Some(items) = value.as_array() else {
        return Err("must be a list of alert rule ids".to_owned());
    };
    if items.is_empty() || items.len() > MOST {
        return Err(format!("must hold 1 to {MOST} alert rule ids"));
    }
    let id = |item: &Value| {
        let parsed = item.as_str().and_then(|text| text.parse().ok());
        parsed.ok_or_else(|| format!("{item} is not an alert rule id of 24 hex characters"))
    };
    let mut ids: Vec<ObjectId> = items.iter().map(id).collect::<Result<_, _>>()?;
    let mut seen = std::collections::HashSet::new();
    ids.retain(|id| seen.insert(*id));
    Ok(ids)
}

//! From the body of create and update to a [`RuleSpec`] (spec/logpoint-api.md §2.1).

use crate::error::ValidationErrors;
use crate::logpoint::fields::Section;
use crate::logpoint::search::problems_in_place;
use cresset_model::rule::{
    ConditionOption, DisplayData, FourEyes, IncidentCondition, MetadataField, Ownership, Risk,
    RiskFunction, RuleSpec, SearchParams, Taxonomy,
};
use cresset_query::Macros;
use serde_json::{Map, Value};
use std::collections::HashSet;

const MAX_RANGE_MINUTES: u64 = 30 * 1440;
/// Minutes; the longest time range.
const MAX_INTERVAL: u32 = 30 * 1440;
/// Minutes.
const MAX_DELAY: u32 = 1440;
const MIN_NAME_CHARS: usize = 5;
/// Not in the spec; keeps pages and mail subjects readable.
const MAX_NAME_CHARS: usize = 500;

/// Reads a rule and notes every mistake. Something stands in the place of what could not be
/// read, so that what is right can be looked into further.
pub(super) fn read(
    body: &Map<String, Value>,
    macros: &Macros,
    errors: &mut ValidationErrors,
) -> RuleSpec {
    let mut root = Section::root(body, errors);
    let name = root.required_text("name").trim().to_owned();
    let length = name.chars().count();
    if length > 0 && !(MIN_NAME_CHARS..=MAX_NAME_CHARS).contains(&length) {
        let message = format!("must have {MIN_NAME_CHARS} to {MAX_NAME_CHARS} characters");
        root.refuse("name", message);
    }
    if name.chars().any(char::is_control) {
        root.refuse("name", "must be one line without control characters");
    }
    let description = root.text("description");
    let search_params = search_params(Section::of(body, "search_params", true, errors), macros);
    let condition = condition(Section::of(body, "incident_condition", true, errors));
    let taxonomy = taxonomy(Section::of(body, "taxonomy", true, errors));
    let ownership = ownership(Section::of(body, "incident_ownership", true, errors));
    let display = display_data(Section::of(body, "incident_display_data", true, errors));
    let mut foureyes = Section::of(body, "foureyes", false, errors);
    let foureyes = FourEyes {
        original_data: foureyes.flag("original_data"),
    };
    RuleSpec {
        name,
        description,
        search_params,
        incident_condition: condition,
        taxonomy,
        incident_ownership: ownership,
        incident_display_data: display,
        foureyes,
    }
}

fn search_params(mut section: Section<'_>, macros: &Macros) -> SearchParams {
    let query = section.required_text("query");
    if !query.trim().is_empty()
        && let Err(diagnostics) = cresset_query::compile_with(&query, macros)
    {
        section.refuse("query", problems_in_place(&query, &diagnostics));
    }
    if section.value("repos").is_none() {
        section.refuse("repos", "is required; [] means all repos");
    }
    let params = SearchParams {
        query,
        timerange_day: section.number("timerange_day", 0),
        timerange_hour: section.number("timerange_hour", 0),
        timerange_minute: section.number("timerange_minute", 0),
        repos: section.texts("repos"),
        limit: section.number_in("limit", 100, 1..=u32::MAX),
        flush_on_trigger: section.flag("flush_on_trigger"),
        search_interval_minute: section.number_in("search_interval_minute", 10, 1..=MAX_INTERVAL),
        delay_interval_minute: section.number_in("delay_interval_minute", 0, 0..=MAX_DELAY),
        throttling_enabled: section.flag("throttling_enabled"),
        throttling_field: section.text("throttling_field").trim().to_owned(),
        throttling_time_range: section.number("throttling_time_range", 0),
    };
    time_range(&mut section, &params);
    throttling(&mut section, &params);
    params
}

fn time_range(section: &mut Section<'_>, params: &SearchParams) {
    let parts = ["timerange_minute", "timerange_hour", "timerange_day"];
    // Of a range that is known in part only, nothing more can be said.
    if parts.iter().any(|part| section.refused(part)) {
        return;
    }
    let range = params.range_minutes();
    let interval = u64::from(params.search_interval_minute);
    if !(1..=MAX_RANGE_MINUTES).contains(&range) {
        // Named after the part that was given, so that a form can show it there.
        let given = parts.into_iter().find(|part| {
            let value = section.value(part).and_then(Value::as_u64);
            value.is_some_and(|n| n > 0)
        });
        let message = "the time range must be 1 minute to 30 days";
        section.refuse(given.unwrap_or("timerange_minute"), message);
    }
    if range > 0 && !range.is_multiple_of(interval) {
        section.refuse(
            "search_interval_minute",
            "must be a factor of the time range",
        );
    }
}

fn throttling(section: &mut Section<'_>, params: &SearchParams) {
    if !params.throttling_enabled {
        return;
    }
    if params.throttling_field.is_empty() {
        section.refuse("throttling_field", "is required when throttling is on");
    }
    if params.throttling_time_range == 0 {
        let message = "must be at least 1 minute when throttling is on";
        section.refuse("throttling_time_range", message);
    }
}

fn condition(mut section: Section<'_>) -> IncidentCondition {
    let option = section.required_word(
        "condition_option",
        "greaterthan, lessthan, equalsto, lessequal, equals, moreequal, notequal",
    );
    let value = section.required_number("condition_value");
    let risk = section.required_word("risk", "low, medium, high, critical");
    let aggregate = section.required_word("aggregate", "min, max, avg");
    IncidentCondition {
        condition_option: option.unwrap_or(ConditionOption::GreaterThan),
        condition_value: value.into(),
        risk: risk.unwrap_or(Risk::Low),
        aggregate: aggregate.unwrap_or(RiskFunction::Max),
    }
}

fn taxonomy(mut section: Section<'_>) -> Taxonomy {
    let attack_tag_hashes = section.texts("attack_tag_hashes");
    let logsources = section.texts("logsources");
    Taxonomy {
        attack_tag_hashes,
        logsources,
        metadata: metadata(&mut section),
    }
}

fn metadata(section: &mut Section<'_>) -> Vec<MetadataField> {
    let Some(value) = section.value("metadata") else {
        return Vec::new();
    };
    let pair = |item: &Value| {
        let field = item.get("field")?.as_str()?.trim().to_owned();
        let value = match item.get("value") {
            None | Some(Value::Null) => String::new(),
            Some(value) => value.as_str()?.to_owned(),
        };
        (!field.is_empty()).then_some(MetadataField { field, value })
    };
    let pairs: Option<Vec<_>> = value
        .as_array()
        .and_then(|items| items.iter().map(pair).collect());
    let Some(pairs) = pairs else {
        section.refuse(
            "metadata",
            "must be a list of objects with the strings field and value",
        );
        return Vec::new();
    };
    let mut seen = HashSet::new();
    if !pairs.iter().all(|pair| seen.insert(pair.field.as_str())) {
        section.refuse("metadata", "Field(s) in metadata must be unique");
    }
    pairs
}

fn ownership(mut section: Section<'_>) -> Ownership {
    Ownership {
        assignee: section.required_text("assignee"),
        visible_to_usergroups: section.texts("visible_to_usergroups"),
    }
}

fn display_data(mut section: Section<'_>) -> DisplayData {
    let template = section.value("jinja_template").is_some();
    let text = section.text("jinja_template");
    DisplayData {
        apply_jinja_template: section.flag("apply_jinja_template"),
        simple_view: section.flag("simple_view"),
        jinja_template: template.then_some(text),
    }
}

#[cfg(test)]
mod tests;

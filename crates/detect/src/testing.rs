//! Rules and events for the unit tests of this crate.

use crate::rule::CompiledRule;
use cresset_catalog::port::RuleWithOwner;
use cresset_model::event::LoggedEvent;
use cresset_model::rule::{
    AlertRule, ConditionOption, IncidentCondition, Risk, RiskFunction, RuleSpec, SearchParams,
};
use cresset_model::user::{DateFormat, HourFormat, RepoAccess};
use cresset_model::{Event, ObjectId, Timestamp};

/// A rule text that fires on any row, every 10 minutes over 10 minutes.
pub(crate) fn spec(query: &str) -> RuleSpec {
    RuleSpec {
        name: "a rule".into(),
        description: String::new(),
        search_params: SearchParams {
            query: query.into(),
            timerange_day: 0,
            timerange_hour: 0,
            timerange_minute: 10,
            repos: Vec::new(),
            limit: 100,
            flush_on_trigger: false,
            search_interval_minute: 10,
            delay_interval_minute: 0,
            throttling_enabled: false,
            throttling_field: String::new(),
            throttling_time_range: 0,
        },
        incident_condition: IncidentCondition {
            condition_option: ConditionOption::GreaterThan,
            condition_value: 0,
            risk: Risk::Medium,
            aggregate: RiskFunction::Max,
        },
        taxonomy: Default::default(),
        incident_ownership: Default::default(),
        incident_display_data: Default::default(),
        foureyes: Default::default(),
    }
}

/// Compiles a rule text.
pub(crate) fn rule(spec: RuleSpec) -> CompiledRule {
    rule_changed_at(spec, 0)
}

/// Compiles a rule text that was changed last at `secs`.
pub(crate) fn rule_changed_at(spec: RuleSpec, secs: i64) -> CompiledRule {
    rule_of_id(ObjectId::from_bytes([1; 12]), spec, secs)
}

/// As [`rule_changed_at`], of an id of its own.
pub(crate) fn rule_of_id(id: ObjectId, spec: RuleSpec, secs: i64) -> CompiledRule {
    let time = Timestamp(0);
    let rule = AlertRule {
        id,
        owner: id,
        active: true,
        version: 1,
        created_at: time,
        updated_at: Timestamp::from_secs(secs),
        activated_at: time,
        spec,
    };
    let source = RuleWithOwner {
        rule,
        owner_name: "ann".into(),
        timezone: "UTC".into(),
        date_format: DateFormat::default(),
        hour_format: HourFormat::default(),
        repos: RepoAccess::All,
    };
    CompiledRule::compile(&source).unwrap()
}

/// An event of `user` in the repo `default`; `seq` is its place, both times are in seconds.
pub(crate) fn event(seq: u64, log: i64, arrival: i64, user: &str) -> LoggedEvent {
    let mut event = Event::new(Timestamp::from_secs(log), Timestamp::from_secs(arrival));
    event.set("user", user);
    LoggedEvent {
        seq,
        repo: "default".into(),
        event: event.into(),
    }
}

//! Rules and events for tests.

use cresset_catalog::port::RuleWithOwner;
use cresset_detect::CompiledRule;
use cresset_model::event::LoggedEvent;
use cresset_model::rule::{
    AlertRule, ConditionOption, IncidentCondition, Risk, RiskFunction, RuleSpec, SearchParams,
};
use cresset_model::user::{DateFormat, HourFormat, RepoAccess};
use cresset_model::{Event, ObjectId, Timestamp};
use std::sync::Arc;

/// A rule text that fires on any row, every `interval` minutes over `range` minutes.
pub(crate) fn spec(query: &str, interval: u32, range: u32) -> RuleSpec {
    RuleSpec {
        name: "a rule".into(),
        description: String::new(),
        search_params: SearchParams {
            query: query.into(),
            timerange_day: 0,
            timerange_hour: 0,
            timerange_minute: range,
            repos: Vec::new(),
            limit: 100,
            flush_on_trigger: false,
            search_interval_minute: interval,
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
pub(crate) fn compiled(spec: RuleSpec) -> Arc<CompiledRule> {
    let id = ObjectId::from_bytes([1; 12]);
    let time = Timestamp(0);
    let rule = AlertRule {
        id,
        owner: id,
        active: true,
        version: 1,
        created_at: time,
        updated_at: time,
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
    match CompiledRule::compile(&source) {
        Ok(rule) => Arc::new(rule),
        Err(error) => panic!("{}: {error}", source.rule.spec.search_params.query),
    }
}

/// What happens in a test: when, when it arrives, and what it says. Times in seconds.
#[derive(Debug, Clone)]
pub(crate) struct Happening {
    pub(crate) log: i64,
    pub(crate) arrival: i64,
    pub(crate) user: Option<&'static str>,
    pub(crate) host: Option<&'static str>,
    pub(crate) size: Option<i64>,
    pub(crate) risk: Option<&'static str>,
    pub(crate) repo: &'static str,
}

impl Happening {
    /// What a user does in the repo `main`, which arrives at once.
    pub(crate) const fn of(log: i64, user: &'static str) -> Self {
        Self {
            log,
            arrival: log,
            user: Some(user),
            host: None,
            size: None,
            risk: None,
            repo: "main",
        }
    }

    pub(crate) fn event(&self) -> Event {
        let mut event = Event::new(
            Timestamp::from_secs(self.log),
            Timestamp::from_secs(self.arrival),
        );
        let texts = [
            ("user", self.user),
            ("host", self.host),
            ("risk", self.risk),
        ];
        for (name, value) in texts {
            if let Some(value) = value {
                event.set(name, value);
            }
        }
        if let Some(size) = self.size {
            event.set("size", size);
        }
        event
    }

    pub(crate) fn logged(&self, seq: u64) -> LoggedEvent {
        LoggedEvent {
            seq,
            repo: self.repo.into(),
            event: self.event().into(),
        }
    }
}

/// Events in the order of arrival, numbered from 1.
pub(crate) fn arrived(happenings: &[Happening]) -> Vec<LoggedEvent> {
    let mut sorted = happenings.to_vec();
    sorted.sort_by_key(|h| h.arrival);
    (1..).zip(&sorted).map(|(seq, h)| h.logged(seq)).collect()
}

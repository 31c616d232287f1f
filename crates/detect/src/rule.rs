//! Alert rules made ready to run.

mod repos;

pub use cresset_model::instance::Nodes;

use crate::slots::CLOCK_SKEW;
use cresset_catalog::port::RuleWithOwner;
use cresset_model::incident::EvaluationMode;
use cresset_model::instance::is_remote;
use cresset_model::rule::{AlertRule, ConditionOption, SearchParams};
use cresset_model::{Duration, Event, ObjectId, Timestamp};
use cresset_query::{Context, ListLookup, Macros, Measure, Plan};
use std::sync::Arc;

/// Most rows kept with an incident of an aggregating query, whose `limit` is ignored.
pub const AGGREGATE_ROWS_KEPT: usize = 1_000;
/// Most rows kept with any incident.
const MAX_ROWS_KEPT: usize = 10_000;

/// How a rule runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// Event by event: it fires at the moment its condition becomes true.
    Live,
    /// Once per search interval, over stored events.
    Scheduled {
        /// Why it cannot run live, as a sentence part for people.
        reason: String,
    },
}

/// Why a rule cannot run at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// The query does not parse or uses what is not supported.
    #[error("the query cannot run: {0}")]
    Query(String),
    /// The interval is zero.
    #[error("the search interval is zero; set search_interval_minute to at least 1")]
    Interval,
    /// The time range is zero.
    #[error("the time range is zero; set timerange_day, timerange_hour or timerange_minute")]
    Range,
    /// Throttling needs a field.
    #[error("throttling is on without a field; set throttling_field")]
    ThrottlingField,
    /// The owner's time zone is unknown.
    #[error("the owner's time zone {0:?} is not in the time zone database")]
    Timezone(String),
    /// An entry of `repos` names no repo.
    #[error("{0:?} is not the address of a repo; write ip:port/name, a name, or ip:port for all")]
    Repo(String),
    /// A repo of an instance that was removed.
    #[error("{0:?} is at an instance that was removed; register it again or change the rule")]
    Removed(String),
    /// The owner lost the permission for everything that the rule searches.
    #[error("its owner may search none of its repos; `cresset user repos` grants them")]
    NoRepo,
    /// The query asks where addresses are, and there is no database of them.
    #[error("{}", cresset_search::Error::NoPlaces)]
    NoPlaces,
}

/// What a live rule counts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LiveCount {
    /// Fields that form a group.
    pub(crate) group_by: Vec<String>,
    /// What is counted per group.
    pub(crate) measure: Measure,
    /// A group passes when it has at least this many.
    pub(crate) threshold: usize,
    /// The condition can hold only if at least this many groups pass.
    pub(crate) groups: usize,
}

/// An alert rule made ready to run. Immutable; cheap to share.
#[derive(Debug, Clone)]
pub struct CompiledRule {
    rule: Arc<AlertRule>,
    owner_name: String,
    zone_name: String,
    zone: jiff::tz::TimeZone,
    plan: Arc<Plan>,
    repos: Vec<String>,
    live: Result<LiveCount, String>,
    grows: bool,
}

impl CompiledRule {
    /// Compiles a rule where no other instances are known, and no macros. Reads nothing but its
    /// argument.
    pub fn compile(source: &RuleWithOwner) -> Result<Self, CompileError> {
        Self::compile_among(source, &Nodes::default(), &Macros::default())
    }

    /// Compiles a rule whose query may call macros, and whose repos may be at other instances.
    /// Such a rule is scheduled: their events do not arrive here. Reads nothing but its
    /// arguments.
    pub fn compile_among(
        source: &RuleWithOwner,
        nodes: &Nodes,
        macros: &Macros,
    ) -> Result<Self, CompileError> {
        let params = &source.rule.spec.search_params;
        if params.search_interval_minute == 0 {
            return Err(CompileError::Interval);
        }
        if params.range_minutes() == 0 {
            return Err(CompileError::Range);
        }
        if params.throttling_enabled && params.throttling_field.is_empty() {
            return Err(CompileError::ThrottlingField);
        }
        let zone_name = if source.timezone.is_empty() {
            "UTC"
        } else {
            &source.timezone
        };
        let zone = jiff::tz::TimeZone::get(zone_name)
            .map_err(|_| CompileError::Timezone(zone_name.to_owned()))?;
        let plan = compile_plan(&params.query, macros)?;
        let condition = &source.rule.spec.incident_condition;
        let mut live = live_count(&plan, condition.condition_option, condition.condition_value);
        let grows = live.is_ok();
        let repos = repos::searched(&params.repos, &source.repos, nodes)?;
        if repos.iter().any(|repo| is_remote(repo)) {
            live = Err("it searches other instances, whose events do not arrive here".to_owned());
        }
        Ok(Self {
            repos,
            rule: Arc::new(source.rule.clone()),
            owner_name: source.owner_name.clone(),
            zone_name: zone_name.to_owned(),
            zone,
            plan: Arc::new(plan),
            live,
            grows,
        })
    }

    /// The rule as its owner wrote it.
    pub fn rule(&self) -> &AlertRule {
        &self.rule
    }

    /// The rule's id.
    pub fn id(&self) -> ObjectId {
        self.rule.id
    }

    /// User name of the owner.
    pub fn owner_name(&self) -> &str {
        &self.owner_name
    }

    /// IANA name of the zone in which time functions of the query run.
    pub fn timezone(&self) -> &str {
        &self.zone_name
    }

    /// The plan of the query.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The repos searched, of which the owner may search every one, as in
    /// [`cresset_search::SearchRequest::repos`].
    pub fn repos(&self) -> &[String] {
        &self.repos
    }

    /// Whether events of `repo` concern this rule.
    pub fn covers(&self, repo: &str) -> bool {
        self.repos.is_empty() || self.repos.iter().any(|r| r == repo)
    }

    /// How the rule runs.
    pub fn mode(&self) -> Mode {
        match &self.live {
            Ok(_) => Mode::Live,
            Err(reason) => Mode::Scheduled {
                reason: reason.clone(),
            },
        }
    }

    /// Whether the rule runs live.
    pub const fn is_live(&self) -> bool {
        self.live.is_ok()
    }

    /// Whether a condition that holds over some events holds over more of them, too.
    pub(crate) const fn grows(&self) -> bool {
        self.grows
    }

    /// Whether the rule searches other instances.
    pub(crate) fn reaches_out(&self) -> bool {
        self.repos.iter().any(|repo| is_remote(repo))
    }

    /// The span between evaluations.
    pub fn interval(&self) -> Duration {
        self.params().interval()
    }

    /// The time range.
    pub fn range(&self) -> Duration {
        self.params().range()
    }

    /// How long the rule waits for late events, besides the server's grace.
    pub fn delay(&self) -> Duration {
        self.params().delay()
    }

    /// Whether events of slots that fired stop counting.
    pub fn flushes(&self) -> bool {
        self.params().flush_on_trigger
    }

    /// Most rows kept with an incident.
    pub fn rows_kept(&self) -> usize {
        if self.is_simple() {
            (self.params().limit as usize).clamp(1, MAX_ROWS_KEPT)
        } else {
            AGGREGATE_ROWS_KEPT
        }
    }

    /// Whether the query gives events rather than groups.
    pub(crate) fn is_simple(&self) -> bool {
        self.plan.kind() == cresset_query::QueryKind::Simple
    }

    pub(crate) fn params(&self) -> &SearchParams {
        &self.rule.spec.search_params
    }

    pub(crate) fn live(&self) -> Option<&LiveCount> {
        self.live.as_ref().ok()
    }

    /// The surroundings of a run over time up to `until`.
    pub(crate) fn context<'a>(&self, lists: &'a dyn ListLookup, until: Timestamp) -> Context<'a> {
        Context {
            lists,
            timezone: self.zone.clone(),
            range: self.range(),
            until,
        }
    }

    /// The moment at which `event` counts for this rule: its event time; for a live rule its
    /// arrival, if it is dated more than [`CLOCK_SKEW`] after that. Scheduled rules reach no
    /// moment before its time, so an event of the future waits for them where it is.
    pub fn counts_at(&self, event: &Event) -> Timestamp {
        if self.is_live() && event.log_ts > event.col_ts + CLOCK_SKEW {
            event.col_ts
        } else {
            event.log_ts
        }
    }

    /// Whether `event` matches the leading filter of the query.
    pub fn matches(&self, event: &Event, lists: &dyn ListLookup) -> bool {
        let context = self.context(lists, event.log_ts);
        self.plan.filter().matches(event, &context)
    }
}

/// How the detector runs a rule and why, for people. What cannot run at all counts as
/// scheduled, with what is wrong with it as the reason.
pub fn told_mode(
    source: &RuleWithOwner,
    nodes: &Nodes,
    macros: &Macros,
) -> (EvaluationMode, String) {
    match CompiledRule::compile_among(source, nodes, macros).map(|rule| rule.mode()) {
        Ok(Mode::Live) => {
            let reason = "the result can only grow with each event";
            (EvaluationMode::Live, reason.to_owned())
        }
        Ok(Mode::Scheduled { reason }) => (EvaluationMode::Scheduled, reason),
        Err(error) => (EvaluationMode::Scheduled, error.to_string()),
    }
}

/// Whether a rule with this query, which calls no macros, and condition would run live, or the reason
/// why it is scheduled. [`CompileError::Query`] if the query cannot run.
pub fn classify(query: &str, option: ConditionOption, value: u64) -> Result<Mode, CompileError> {
    let plan = compile_plan(query, &Macros::default())?;
    Ok(match live_count(&plan, option, value) {
        Ok(_) => Mode::Live,
        Err(reason) => Mode::Scheduled { reason },
    })
}

fn compile_plan(query: &str, macros: &Macros) -> Result<Plan, CompileError> {
    cresset_query::compile_with(query, macros).map_err(|diagnostics| {
        let text = diagnostics
            .iter()
            .map(|d| d.message.as_str())
            .collect::<Vec<_>>()
            .join("; ");
        CompileError::Query(text)
    })
}

fn live_count(plan: &Plan, option: ConditionOption, value: u64) -> Result<LiveCount, String> {
    let rows = match (option, value) {
        (ConditionOption::GreaterThan, n) => n.saturating_add(1),
        (ConditionOption::MoreEqual, n) if n >= 1 => n,
        (ConditionOption::MoreEqual, _) => {
            return Err(
                "its condition holds even without any row, so no event can decide it".into(),
            );
        }
        (ConditionOption::LessThan | ConditionOption::LessEqual, _) => {
            return Err(
                "its condition is met by few rows, which is certain only when the \
                        interval is over"
                    .into(),
            );
        }
        _ => {
            return Err(
                "its condition asks for an exact number of rows, which later events can \
                        change"
                    .into(),
            );
        }
    };
    let shape = plan.live()?;
    let rows = usize::try_from(rows).unwrap_or(usize::MAX);
    let least = if shape.threshold.is_nan() {
        1.0
    } else {
        shape.threshold.ceil().max(1.0)
    };
    Ok(match shape.measure {
        Measure::Rows => LiveCount {
            group_by: Vec::new(),
            measure: Measure::Rows,
            threshold: rows,
            groups: 1,
        },
        measure => LiveCount {
            group_by: shape.group_by,
            measure,
            threshold: least as usize,
            groups: rows,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_on_absence_are_scheduled() {
        let check = |option, value, live: bool| {
            let mode = classify("label=Login", option, value).unwrap();
            assert_eq!(mode == Mode::Live, live, "{option:?} {value}: {mode:?}");
        };
        check(ConditionOption::GreaterThan, 0, true);
        check(ConditionOption::MoreEqual, 1, true);
        check(ConditionOption::MoreEqual, 0, false);
        check(ConditionOption::LessThan, 1, false);
        check(ConditionOption::LessEqual, 0, false);
        check(ConditionOption::Equals, 0, false);
        check(ConditionOption::EqualsTo, 3, false);
        check(ConditionOption::NotEqual, 0, false);
    }

    #[test]
    fn a_query_that_cannot_run_says_why() {
        let err = classify("user=", ConditionOption::GreaterThan, 0).unwrap_err();
        assert!(
            err.to_string().starts_with("the query cannot run: "),
            "{err}"
        );
    }
}

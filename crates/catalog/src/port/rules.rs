//! Alert rules and their notifications.

use super::AuditEntry;
use crate::Result;
use async_trait::async_trait;
use cresset_model::incident::{Evaluation, RuleState};
use cresset_model::notification::{Channel, EmailNotification, HttpNotification};
use cresset_model::rule::{AlertRule, RuleSpec};
use cresset_model::user::{DateFormat, HourFormat, RepoAccess};
use cresset_model::{ObjectId, Timestamp};
use std::collections::HashMap;

/// A rule and what its evaluation needs to know of its owner.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleWithOwner {
    /// The rule.
    pub rule: AlertRule,
    /// Owner's user name.
    pub owner_name: String,
    /// Owner's IANA time zone.
    pub timezone: String,
    /// How the owner writes dates.
    pub date_format: DateFormat,
    /// How the owner writes hours.
    pub hour_format: HourFormat,
    /// The repos that the owner may search now.
    pub repos: RepoAccess,
}

/// A user who owns rules: what their evaluation needs to know, as in [`RuleWithOwner`].
#[derive(Debug, Clone, PartialEq)]
pub struct RuleOwner {
    /// Unique id.
    pub id: ObjectId,
    /// User name.
    pub name: String,
    /// IANA time zone.
    pub timezone: String,
    /// How the user writes dates.
    pub date_format: DateFormat,
    /// How the user writes hours.
    pub hour_format: HourFormat,
    /// The repos that the user may search now.
    pub repos: RepoAccess,
}

/// What changed about rules since a version of them, seen at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleChanges {
    /// Rules made or changed since, active or not. Deleted ones are not told.
    pub changed: Vec<RuleWithOwner>,
    /// How many rules are active. Fewer than expected: some were deleted.
    pub active: u64,
    /// Everyone who owns rules, ordered by id.
    pub owners: Vec<RuleOwner>,
}

/// Which rules of an owner a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RuleFilter<'a> {
    /// Only rules that are active, or only those that are not.
    pub active: Option<bool>,
    /// Only rules whose name has this part, in whatever case; empty means all.
    pub name_part: &'a str,
    /// Rules passed over.
    pub skip: u64,
    /// Most rules shown.
    pub take: u64,
}

/// What a list shows of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSummary {
    /// Unique id.
    pub id: ObjectId,
    /// Name.
    pub name: String,
    /// Free text.
    pub description: String,
    /// True if the rule is evaluated.
    pub active: bool,
}

/// Part of a list of rules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RulePage {
    /// Rules, oldest first.
    pub rows: Vec<RuleSummary>,
    /// How many there are, passed over ones and later ones included.
    pub total: u64,
}

/// Alert rules.
#[async_trait]
pub trait Rules: Send + Sync + 'static {
    /// Creates an active rule. [`crate::Error::Exists`] if its owner has one of that name.
    ///
    /// `told` enters the audit log with it: both are made or none, after one wait for the disk.
    async fn create_rule(
        &self,
        id: ObjectId,
        owner: ObjectId,
        spec: RuleSpec,
        now: Timestamp,
        told: Option<&AuditEntry>,
    ) -> Result<AlertRule>;
    /// Replaces what the owner wrote; `active` stays. Only `owner`'s rules are found.
    async fn update_rule(
        &self,
        id: ObjectId,
        owner: ObjectId,
        spec: RuleSpec,
        now: Timestamp,
    ) -> Result<AlertRule>;
    /// The rule of that id, whoever owns it.
    async fn rule(&self, id: ObjectId) -> Result<Option<RuleWithOwner>>;
    /// All rules of an owner, oldest first.
    async fn rules_of(&self, owner: ObjectId) -> Result<Vec<AlertRule>>;
    /// A part of the rules of an owner, oldest first, without what a list does not show.
    async fn list_rules(&self, owner: ObjectId, filter: &RuleFilter<'_>) -> Result<RulePage>;
    /// What changed after version `since` of the rules, for whoever knows all as of then. The
    /// version up to which this leads is asked for before, so that nothing is missed.
    async fn rule_changes(&self, since: u64) -> Result<RuleChanges>;
    /// Every active rule.
    async fn active_rules(&self) -> Result<Vec<RuleWithOwner>>;
    /// Switches rules of `owner`; all or none: [`crate::Error::NotFound`] names the first unknown id.
    async fn set_rules_active(
        &self,
        ids: &[ObjectId],
        owner: ObjectId,
        active: bool,
        now: Timestamp,
    ) -> Result<()>;
    /// Deletes rules of `owner` with their notifications and state; all or none. Incidents stay.
    async fn delete_rules(&self, ids: &[ObjectId], owner: ObjectId) -> Result<()>;
    /// A number that grows with every change of any rule, by any process.
    async fn rules_version(&self) -> Result<u64>;

    /// Sets the e-mail notification of rules of `owner`; all or none. A rule made in the
    /// last 5 minutes tells of its earlier incidents.
    async fn put_email_notification(
        &self,
        ids: &[ObjectId],
        owner: ObjectId,
        notification: &EmailNotification,
        now: Timestamp,
    ) -> Result<()>;
    /// Sets the HTTP notification of rules of `owner`; all or none. Secrets are sealed. A
    /// rule made in the last 5 minutes tells of its earlier incidents.
    async fn put_http_notification(
        &self,
        ids: &[ObjectId],
        owner: ObjectId,
        notification: &HttpNotification,
        now: Timestamp,
    ) -> Result<()>;
    /// A rule's e-mail notification.
    async fn email_notification(&self, rule: ObjectId) -> Result<Option<EmailNotification>>;
    /// A rule's HTTP notification with its secrets opened.
    async fn http_notification(&self, rule: ObjectId) -> Result<Option<HttpNotification>>;
    /// Channels of a rule that are enabled and go out by themselves.
    async fn auto_channels(&self, rule: ObjectId) -> Result<Vec<Channel>>;

    /// What a rule remembers; default if it has never been evaluated.
    async fn rule_state(&self, rule: ObjectId) -> Result<RuleState>;
    /// What those of `rules` remember that have been evaluated.
    async fn rule_states(&self, rules: &[ObjectId]) -> Result<HashMap<ObjectId, RuleState>>;
    /// Records evaluations that made no incident, with the states they leave behind: of one
    /// rule all or none, of many rules some at a time.
    /// The newest 200 records per rule are kept.
    async fn record_evaluations(
        &self,
        evaluations: &[Evaluation],
        states: &[(ObjectId, RuleState)],
    ) -> Result<()>;
    /// The newest evaluations of a rule, newest first.
    async fn evaluations(&self, rule: ObjectId, limit: u32) -> Result<Vec<Evaluation>>;
}

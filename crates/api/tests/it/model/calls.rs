//! What is done to the server.

use super::drafts::RuleDraft;
use super::files::FileDraft;
use super::notices::{EmailDraft, HttpDraft};
use std::fmt;

/// Everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum User {
    Admin,
    Bob,
    Carol,
    Eve,
    Mia,
}

impl User {
    pub(super) const ALL: [Self; 5] = [Self::Admin, Self::Bob, Self::Carol, Self::Eve, Self::Mia];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Bob => "bob",
            Self::Carol => "carol",
            Self::Eve => "eve",
            Self::Mia => "mia",
        }
    }

    pub(super) const fn role(self) -> &'static str {
        match self {
            Self::Admin => "administrator",
            Self::Bob | Self::Mia => "manager",
            Self::Carol => "ackonly",
            Self::Eve => "readonly",
        }
    }
}

/// How somebody shows who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// As they should.
    Good,
    /// Not at all.
    Missing,
    /// By a token without the scope that is needed, or with a wrong secret key.
    Wrong,
}

/// Who calls.
#[derive(Debug, Clone, Copy)]
pub(super) struct Who {
    pub(super) user: User,
    pub(super) proof: Proof,
}

/// An id of a rule, chosen when the call is made: scripts are made before there are rules.
#[derive(Debug, Clone, Copy)]
pub(super) enum RuleRef {
    /// One of the caller's rules.
    Own(u8),
    /// One of all rules there ever were.
    Any(u8),
    Unknown,
    Malformed,
}

/// The same for incidents.
#[derive(Debug, Clone, Copy)]
pub(super) enum IncidentRef {
    /// One that the caller may resolve.
    Theirs(u8),
    Any(u8),
    Unknown,
    Malformed,
}

/// Parameters of a list.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Page {
    pub(super) limit: Option<usize>,
    pub(super) page: Option<usize>,
    pub(super) all: Option<&'static str>,
}

/// The body of `PUT /api/v1/lists/{name}`.
#[derive(Debug, Clone)]
pub(super) enum PutDraft {
    Values(Vec<&'static str>),
    Numbers(Vec<i64>),
    Dynamic { age_limit: u32 },
    WrongItem,
    WrongKind,
}

/// A part of the query string of `/incidents`.
#[derive(Debug, Clone)]
pub(super) struct Filter {
    pub(super) key: &'static str,
    pub(super) values: Vec<FilterValue>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum FilterValue {
    Text(&'static str),
    Rule(u8),
    Incident(u8),
}

/// The span of a list of incidents, in minutes before the present.
#[derive(Debug, Clone, Copy)]
pub(super) enum Span {
    All,
    Between(u16, u16),
    WithoutEnd,
}

/// What is done to incidents without saying more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Resolve,
    Close,
    Reopen,
}

/// To whom incidents are given.
#[derive(Debug, Clone, Copy)]
pub(super) enum Assignee {
    User(User),
    Unknown,
    Malformed,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum GroupChange {
    Create,
    Delete,
    Add(User),
    Remove(User),
}

/// One step of a script.
#[derive(Debug, Clone)]
pub(super) enum Call {
    CreateRule(Who, RuleDraft),
    UpdateRule(Who, RuleRef, RuleDraft),
    SwitchRules(Who, Vec<RuleRef>, bool),
    DeleteRules(Who, Vec<RuleRef>),
    /// By POST or GET.
    ReadRule(Who, RuleRef, bool),
    ListRules {
        by: Who,
        page: Page,
        search: Option<&'static str>,
        enabled: Option<bool>,
        kind: Option<&'static str>,
    },
    SetEmail(Who, Vec<RuleRef>, EmailDraft),
    ReadEmail(Who, RuleRef),
    SetHttp(Who, Vec<RuleRef>, HttpDraft),
    ReadHttp(Who, RuleRef),
    ImportList(Who, Option<&'static str>, Option<FileDraft>),
    ListLists(Who, Page),
    PutList(Who, &'static str, PutDraft),
    ReadList(Who, &'static str, Page),
    AllLists(Who, Page),
    DeleteList(Who, &'static str),
    ListIncidents(Who, Vec<Filter>, Span),
    ListStates(Who, Vec<Filter>, Span),
    Comment(Who, Vec<(IncidentRef, Vec<&'static str>)>),
    Assign(Who, Vec<IncidentRef>, Assignee),
    Act(Who, Vec<IncidentRef>, Act),
    IncidentRows(Who, IncidentRef),
    GetUsers(Who),
    /// Sends the notifications of an incident.
    Notify(Who, IncidentRef),
    /// As the detector does when a rule fires; the last is whether the assignee is unknown.
    Fire(u8, u8, bool),
    /// As a search with `process toList` does.
    Feed(&'static str, Vec<&'static str>),
    /// As an administrator does at the command line.
    Group(&'static str, GroupChange),
    Disable(User, bool),
    Wait {
        minutes: u8,
    },
}

impl Call {
    /// What kind of call it is, to count them.
    pub(super) fn kind(&self) -> String {
        let text = format!("{self:?}");
        let end = text.find(|c: char| !c.is_alphanumeric());
        text[..end.unwrap_or(text.len())].to_owned()
    }
}

/// Calls in their order.
#[derive(Clone)]
pub(super) struct Script(pub(super) Vec<Call>);

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = self.0.iter().enumerate();
        lines.try_for_each(|(n, call)| writeln!(f, "{:4}. {call:?}", n + 1))
    }
}

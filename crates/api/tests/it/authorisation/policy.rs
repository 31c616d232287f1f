//! The table `policy.txt`, read.

use super::routes::Route;
use std::collections::BTreeSet;

const TABLE: &str = include_str!("policy.txt");

/// How callers of a route prove who they are, and how it refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// Logpoint's with a token in a header.
    Logpoint,
    /// Logpoint's with user name and secret key in the body; a refusal has status 200.
    Body,
    /// Our own.
    Native,
    /// LogicMonitor's.
    LogicMonitor,
    /// In the words of a protocol of log shippers.
    Shipper,
    /// For everybody.
    Open,
}

/// What a route acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thing {
    /// Nothing that belongs to somebody.
    Nothing,
    /// An alert rule.
    Rule,
    /// An incident.
    Incident,
    /// A notification on its way.
    Delivery,
    /// A search that was started.
    Search,
    /// A user.
    User,
    /// The API tokens of a user.
    Tokens,
    /// An API token, named with its owner.
    Token,
    /// An API token by its id alone.
    LoneToken,
    /// A role; one's own is the one that one has.
    Role,
    /// All alert rules that the caller sees.
    AllRules,
    /// All incidents that the caller sees.
    AllIncidents,
    /// All notifications that the caller sees.
    AllDeliveries,
}

impl Thing {
    /// Whether it belongs to somebody.
    pub(super) fn is_owned(self) -> bool {
        !matches!(
            self,
            Self::Nothing | Self::AllRules | Self::AllIncidents | Self::AllDeliveries
        )
    }
}

/// One route, and what it does with whom.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) family: Family,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) thing: Thing,
    pub(super) scope: Option<String>,
    own: String,
    others: String,
    hidden: u16,
    done_own: u16,
    done_others: u16,
    done_by_jwt: Option<u16>,
}

/// Whose thing a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    Own,
    Other,
    /// The path names the caller, and a thing of somebody else.
    Mixed,
}

impl Line {
    /// The route.
    pub(super) fn route(&self) -> Route {
        (self.method.clone(), self.path.clone())
    }

    /// The status that a caller of `role` is answered, and whether the act is carried out.
    pub(super) fn expected(&self, role: char, whose: Whose, by_jwt: bool) -> (u16, bool) {
        let done = |status: u16| {
            let status = self.done_by_jwt.filter(|_| by_jwt).unwrap_or(status);
            (status, status < 300)
        };
        match whose {
            Whose::Own if self.own.contains(role) => done(self.done_own),
            Whose::Other if self.others.contains(role) => done(self.done_others),
            Whose::Other if self.own.contains(role) => (self.hidden, false),
            Whose::Mixed if self.own.contains(role) => (404, false),
            _ => (403, false),
        }
    }

    /// Whether a list shows a caller of `role` what is somebody else's.
    pub(super) fn shows_others(&self, role: char) -> bool {
        self.others.contains(role)
    }
}

/// Every line of the table.
pub(super) fn lines() -> Vec<Line> {
    let written = TABLE.lines().map(str::trim);
    let written = written.filter(|line| !line.is_empty() && !line.starts_with('#'));
    written.map(read).collect()
}

/// The routes that `lines` speak of.
pub(super) fn routes(lines: &[Line]) -> BTreeSet<Route> {
    lines.iter().map(Line::route).collect()
}

fn read(text: &str) -> Line {
    let words: Vec<&str> = text.split_whitespace().collect();
    let [
        family,
        method,
        path,
        thing,
        scope,
        own,
        others,
        hidden,
        done,
    ] = words[..]
    else {
        panic!("nine columns are expected: {text}");
    };
    let family = match family {
        "logpoint" => Family::Logpoint,
        "body" => Family::Body,
        "native" => Family::Native,
        "logicmonitor" => Family::LogicMonitor,
        "shipper" => Family::Shipper,
        "open" => Family::Open,
        _ => panic!("unknown family: {text}"),
    };
    let base = match family {
        Family::LogicMonitor => crate::logicmonitor::BASE,
        _ => "",
    };
    let or_none = |word: &str| (word != "-").then(|| word.to_owned());
    let (done, by_jwt) = match done.split_once('!') {
        Some((done, by_jwt)) => (done, Some(by_jwt.parse().unwrap())),
        None => (done, None),
    };
    let (done_own, done_others) = done.split_once('/').unwrap_or((done, done));
    let line = Line {
        family,
        method: method.to_owned(),
        path: format!("{base}{path}"),
        thing: thing_of(thing),
        scope: or_none(scope),
        own: or_none(own).unwrap_or_default(),
        others: or_none(others).unwrap_or_default(),
        hidden: hidden.parse().unwrap(),
        done_own: done_own.parse().unwrap(),
        done_others: done_others.parse().unwrap(),
        done_by_jwt: by_jwt,
    };
    let known = |c: char| super::callers::ROLES.iter().any(|(letter, _)| *letter == c);
    assert!(line.own.chars().all(known), "{text}");
    assert!(line.others.chars().all(|c| line.own.contains(c)), "{text}");
    line
}

fn thing_of(word: &str) -> Thing {
    match word {
        "nothing" => Thing::Nothing,
        "rule" => Thing::Rule,
        "incident" => Thing::Incident,
        "delivery" => Thing::Delivery,
        "search" => Thing::Search,
        "user" => Thing::User,
        "tokens" => Thing::Tokens,
        "token" => Thing::Token,
        "lone-token" => Thing::LoneToken,
        "role" => Thing::Role,
        "all-rules" => Thing::AllRules,
        "all-incidents" => Thing::AllIncidents,
        "all-deliveries" => Thing::AllDeliveries,
        _ => panic!("unknown thing {word}"),
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

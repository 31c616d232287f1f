//! The life of an incident: who may do what to it, and where that leads
//! (spec/logpoint-api.md §6.4, §8.9, §8.11).

use super::IncidentStatus;
use crate::ObjectId;

/// What somebody is to an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// The rule is theirs.
    pub owner: bool,
    /// They work on it: its assignee, or its owner while it has none.
    pub assignee: bool,
    /// They belong to a group that the rule names.
    pub member: bool,
    /// They may do everything.
    pub administrator: bool,
}

impl Standing {
    /// Whether the incident exists for them. Who sees it may comment on it and hand it on.
    pub const fn sees(self) -> bool {
        self.owner || self.assignee || self.member || self.administrator
    }

    /// Whether they may say that it is dealt with.
    pub const fn settles(self) -> bool {
        self.assignee || self.administrator
    }

    /// Whether they may take that back.
    pub const fn reopens(self) -> bool {
        self.settles() || self.owner
    }
}

/// Something that a person does to an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IncidentAct {
    /// Says something.
    Comment(Vec<String>),
    /// Makes this user work on it.
    Assign(ObjectId),
    /// Says that it is dealt with.
    Resolve,
    /// Puts it away.
    Close,
    /// Takes it up again.
    Reopen,
}

/// Why an act does not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ActRefused {
    /// For this person there is no such incident.
    #[error("does not exist")]
    Unseen,
    /// Only its assignee does that.
    #[error("is assigned to somebody else; only its assignee or an administrator may do that")]
    NotTheirs,
    /// Members of a group may not.
    #[error("can be reopened by its owner, its assignee and administrators only")]
    NotReopened,
    /// It has been dealt with.
    #[error("is resolved already")]
    Resolved,
    /// It has been put away.
    #[error("is closed; reopen it first")]
    Closed,
    /// Nobody has dealt with it yet.
    #[error("is not resolved; resolve it first")]
    NotResolved,
    /// It was never dealt with.
    #[error("is open already")]
    Open,
}

impl IncidentAct {
    /// The status after this act by somebody of that standing.
    pub const fn on(
        &self,
        status: IncidentStatus,
        by: Standing,
    ) -> Result<IncidentStatus, ActRefused> {
        use IncidentStatus::{Closed, Resolved, Unresolved};
        if !by.sees() {
            return Err(ActRefused::Unseen);
        }
        match self {
            Self::Comment(_) | Self::Assign(_) => Ok(status),
            Self::Resolve | Self::Close if !by.settles() => Err(ActRefused::NotTheirs),
            Self::Reopen if !by.reopens() => Err(ActRefused::NotReopened),
            Self::Resolve => match status {
                Unresolved => Ok(Resolved),
                Resolved => Err(ActRefused::Resolved),
                Closed => Err(ActRefused::Closed),
            },
            Self::Close => match status {
                Unresolved => Err(ActRefused::NotResolved),
                Resolved => Ok(Closed),
                Closed => Err(ActRefused::Closed),
            },
            Self::Reopen => match status {
                Unresolved => Err(ActRefused::Open),
                Resolved | Closed => Ok(Unresolved),
            },
        }
    }

    /// What it leaves in the incident's comments: Logpoint's words, or the comments themselves.
    pub fn remarks(self) -> Vec<String> {
        let word = match self {
            Self::Comment(texts) => return texts,
            Self::Assign(_) => "Reassigned",
            Self::Resolve => "Resolved",
            Self::Close => "Completed",
            Self::Reopen => "Reopened",
        };
        vec![word.to_owned()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use IncidentStatus::{Closed, Resolved, Unresolved};

    const STATES: [IncidentStatus; 3] = [Unresolved, Resolved, Closed];

    #[test]
    fn acts_lead_from_state_to_state() {
        let admin = Standing {
            administrator: true,
            ..Standing::default()
        };
        let stays: [Result<_, ActRefused>; 3] = STATES.map(Ok);
        for (act, expected) in [
            (IncidentAct::Comment(vec!["x".to_owned()]), stays),
            (IncidentAct::Assign(ObjectId::from_bytes([1; 12])), stays),
            (
                IncidentAct::Resolve,
                [
                    Ok(Resolved),
                    Err(ActRefused::Resolved),
                    Err(ActRefused::Closed),
                ],
            ),
            (
                IncidentAct::Close,
                [
                    Err(ActRefused::NotResolved),
                    Ok(Closed),
                    Err(ActRefused::Closed),
                ],
            ),
            (
                IncidentAct::Reopen,
                [Err(ActRefused::Open), Ok(Unresolved), Ok(Unresolved)],
            ),
        ] {
            assert_eq!(STATES.map(|from| act.on(from, admin)), expected, "{act:?}");
        }
    }

    #[test]
    fn who_may_do_what() {
        let note = IncidentAct::Comment(vec!["x".to_owned()]);
        let assign = IncidentAct::Assign(ObjectId::from_bytes([1; 12]));
        let acts = [
            (&note, Unresolved),
            (&assign, Unresolved),
            (&IncidentAct::Resolve, Unresolved),
            (&IncidentAct::Close, Resolved),
            (&IncidentAct::Reopen, Closed),
        ];
        let nobody = Standing::default();
        let (mut owner, mut assignee, mut member, mut administrator) =
            (nobody, nobody, nobody, nobody);
        (owner.owner, assignee.assignee) = (true, true);
        (member.member, administrator.administrator) = (true, true);
        for (who, may) in [
            (nobody, [false; 5]),
            (member, [true, true, false, false, false]),
            (owner, [true, true, false, false, true]),
            (assignee, [true; 5]),
            (administrator, [true; 5]),
        ] {
            let done = acts.map(|(act, status)| act.on(status, who).is_ok());
            assert_eq!(done, may, "{who:?}");
        }
        for (act, status) in acts {
            assert_eq!(act.on(status, nobody), Err(ActRefused::Unseen));
        }
    }
}

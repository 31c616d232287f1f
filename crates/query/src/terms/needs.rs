//! What a filter needs of the terms of many events at once.

use super::Demand;
use crate::eval::Expr;

/// What some text of some event must have, or no event meets a filter.
#[derive(Debug)]
pub enum Needs {
    /// All of these.
    Every(Vec<Self>),
    /// One of these.
    Any(Vec<Self>),
    /// A text.
    Text(Demand),
}

impl Needs {
    /// What a filter needs; `None` if it cannot be told.
    pub fn of(filter: &Expr) -> Option<Self> {
        let (field, leaf) = match filter {
            Expr::And(parts) => {
                let needs: Vec<Self> = parts.iter().filter_map(Self::of).collect();
                return (!needs.is_empty()).then_some(Self::Every(needs));
            }
            Expr::Or(parts) => {
                let needs: Option<Vec<Self>> = parts.iter().map(Self::of).collect();
                return needs.map(Self::Any);
            }
            Expr::Const(_) | Expr::Not(_) => return None,
            Expr::Words(_) => ("msg", filter),
            Expr::Test(operand, _) => (operand.field().as_str(), filter),
        };
        let demand = Demand::of(leaf, field)?;
        let says = demand.parts().next().is_some();
        says.then_some(Self::Text(demand))
    }

    /// Whether some of the events whose terms these are may meet the filter.
    pub fn met(&self, vocabulary: &str) -> bool {
        match self {
            Self::Every(needs) => needs.iter().all(|need| need.met(vocabulary)),
            Self::Any(needs) => needs.iter().any(|need| need.met(vocabulary)),
            Self::Text(demand) => demand.met(vocabulary),
        }
    }
}

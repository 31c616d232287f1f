//! Conditions as people write them: `> 0`.

use cresset_model::rule::ConditionOption;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// The signs, longest first. `equals` and `equalsto` mean the same but are kept apart
/// on the wire, so each has its own.
const SIGNS: [(&str, ConditionOption); 7] = [
    (">=", ConditionOption::MoreEqual),
    ("<=", ConditionOption::LessEqual),
    ("!=", ConditionOption::NotEqual),
    ("==", ConditionOption::EqualsTo),
    (">", ConditionOption::GreaterThan),
    ("<", ConditionOption::LessThan),
    ("=", ConditionOption::Equals),
];

/// Compares the number of rows with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Condition {
    /// The comparison.
    pub option: ConditionOption,
    /// What the number of rows is compared with.
    pub value: u64,
}

impl Default for Condition {
    fn default() -> Self {
        Self {
            option: ConditionOption::GreaterThan,
            value: 0,
        }
    }
}

impl Condition {
    /// Reads a sign and a whole number.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (rest, option) = SIGNS
            .iter()
            .find_map(|(sign, option)| Some((text.strip_prefix(sign)?, *option)))?;
        let value = rest.trim().parse().ok()?;
        Some(Self { option, value })
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = SIGNS.iter().find(|(_, option)| *option == self.option);
        write!(f, "{} {}", sign.map_or(">", |(sign, _)| sign), self.value)
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "{text:?} is no condition; write '> 0', with one of > >= < <= = == !="
            ))
        })
    }
}

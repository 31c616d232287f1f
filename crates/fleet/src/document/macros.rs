//! A macro as people keep it in a file, which is called as it is.

use super::yaml::{self, Problem};
use serde::{Deserialize, Serialize};

/// A named piece of queries, without its name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MacroDoc {
    /// Free text.
    #[serde(default)]
    pub description: String,
    /// Names that the text holds between dollar signs, in the order of a call's arguments.
    #[serde(default)]
    pub parameters: Vec<String>,
    /// What stands for the name.
    pub text: String,
}

impl MacroDoc {
    /// Reads a file.
    pub fn from_yaml(text: &str) -> Result<Self, Problem> {
        yaml::read(text)
    }
}

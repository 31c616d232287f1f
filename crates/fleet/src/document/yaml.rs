//! YAML in and out, with mistakes named by line and column.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Largest file that is read, in bytes.
const MOST: usize = 4 << 20;

/// A mistake in a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// Line from 1; 0 if it is about the whole file.
    pub line: usize,
    /// Column from 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

impl Problem {
    fn whole(message: impl Into<String>) -> Self {
        Self {
            line: 0,
            column: 0,
            message: message.into(),
        }
    }
}

pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    if text.len() > MOST {
        return Err(Problem::whole(format!("larger than {} MiB", MOST >> 20)));
    }
    serde_saphyr::from_str(text).map_err(|error| {
        let at = error.location();
        let number = |n: u64| usize::try_from(n).unwrap_or(0);
        Problem {
            line: at.map_or(0, |at| number(at.line())),
            column: at.map_or(0, |at| number(at.column())),
            message: message(&error),
        }
    })
}

/// The first line of the library's text, without the position that it repeats.
fn message(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().to_string();
    let first = text.lines().next().unwrap_or_default();
    let cut = first.rfind(" at line ").unwrap_or(first.len());
    first[..cut].trim_start_matches("error: ").to_owned()
}

pub(super) fn write<T: Serialize>(value: &T) -> Result<String, Problem> {
    serde_saphyr::to_string(value).map_err(|error| Problem::whole(error.to_string()))
}

impl super::TestCase {
    /// Reads a file of tests: a list of them.
    pub fn list_from_yaml(text: &str) -> Result<Vec<Self>, Problem> {
        read(text)
    }
}

//! Mistakes shown at their place in a file.

use std::fmt;

/// A mistake, with the line that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    file: String,
    line: usize,
    column: usize,
    shown: String,
    message: String,
}

impl Mistake {
    /// The file as it is named to people.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// What is wrong.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// A mistake of a whole file.
    pub(crate) fn whole(file: &str, message: impl Into<String>) -> Self {
        Self::at(file, "", 0, 1, message)
    }

    /// A mistake where the last of nested keys stands, or the last of them that is found.
    pub(crate) fn at_path(
        file: &str,
        text: &str,
        path: &[&str],
        message: impl Into<String>,
    ) -> Self {
        let indent = |line: &str| line.len() - line.trim_start().len();
        let (mut place, mut inside) = (0, None);
        for key in path {
            let from = inside.map_or(0, |_| place + 1);
            let lines = text.lines().enumerate().skip(from);
            let mut block = lines
                .filter(|(_, line)| !line.trim().is_empty())
                .take_while(|(_, line)| inside.is_none_or(|outer| indent(line) > outer));
            let found = block.find(|(_, line)| {
                let rest = line.trim_start().strip_prefix(key);
                let outermost = inside.is_some() || indent(line) == 0;
                outermost && rest.is_some_and(|rest| rest.starts_with(':'))
            });
            let Some((number, line)) = found else { break };
            (place, inside) = (number, Some(indent(line)));
        }
        Self::at(file, text, place + 1, inside.unwrap_or(0) + 1, message)
    }

    /// A mistake at `line` and `column`, both from 1; line 0 means the whole file.
    pub(crate) fn at(
        file: &str,
        text: &str,
        line: usize,
        column: usize,
        message: impl Into<String>,
    ) -> Self {
        Self {
            file: file.to_owned(),
            line,
            column: column.max(1),
            shown: line
                .checked_sub(1)
                .and_then(|n| text.lines().nth(n))
                .unwrap_or_default()
                .to_owned(),
            message: message.into(),
        }
    }

    /// A mistake where `key` stands, or in the first line.
    pub(crate) fn at_key(file: &str, text: &str, key: &str, message: impl Into<String>) -> Self {
        Self::at_path(file, text, &[key], message)
    }

    /// A mistake in the query of a file, at `line` and `column` of the query.
    pub(crate) fn in_query(
        file: &str,
        text: &str,
        query: &str,
        (line, column): (usize, usize),
        message: impl Into<String>,
    ) -> Self {
        let key = text.lines().position(|l| l.starts_with("query:"));
        let wanted = query.lines().nth(line.saturating_sub(1)).unwrap_or("");
        // YAML may have indented, quoted or folded the query; its line is looked for as it is.
        let found = key.and_then(|first| {
            let rest = text.lines().enumerate().skip(first);
            rest.take(line + 1)
                .find_map(|(n, l)| Some((n, l.find(wanted)?, l)))
        });
        match found {
            Some((n, at, whole)) => {
                let before = whole[..at].chars().count();
                Self::at(file, text, n + 1, before + column, message)
            }
            None => Self::at(file, text, key.unwrap_or(0) + 1, 1, message),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            return write!(f, "{}: {}", self.file, self.message);
        }
        let (file, line, column) = (&self.file, self.line, self.column);
        writeln!(f, "{file}:{line}:{column}: {}", self.message)?;
        // Tabs are kept, so that the caret stands where the terminal shows the place.
        let before = self.shown.chars().take(column - 1);
        let space: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let number = line.to_string();
        writeln!(f, "  {number} | {}", self.shown)?;
        write!(f, "  {} | {space}^", " ".repeat(number.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_keys_are_found_in_their_block() {
        let text = "url: x\na:\n  b:\n    to: 1\n\n  c:\n    url: 2\nd: 3\n";
        let check = |path: &[&str], line: usize, column: usize| {
            let mistake = Mistake::at_path("r", text, path, "no");
            assert_eq!((mistake.line, mistake.column), (line, column), "{path:?}");
        };
        check(&["a", "c", "url"], 7, 5);
        check(&["a", "b", "url"], 3, 3);
        check(&["url"], 1, 1);
        check(&["to"], 1, 1);
        check(&["d"], 8, 1);
    }

    #[test]
    fn the_caret_is_in_the_file_whatever_the_style() {
        let check = |text: &str, expected: &str| {
            let mistake = Mistake::in_query("r.yaml", text, "a=1\nb==", (2, 3), "no");
            assert_eq!(mistake.to_string(), expected);
        };
        check(
            "name: x\nquery: |-\n  a=1\n  b==\n",
            "r.yaml:4:5: no\n  4 |   b==\n    |     ^",
        );
        check(
            "query: \"a=1\\nb==\"\n",
            "r.yaml:1:16: no\n  1 | query: \"a=1\\nb==\"\n    |                ^",
        );
        check(
            "name: x\nquery: >-\n  other\n",
            "r.yaml:2:1: no\n  2 | query: >-\n    | ^",
        );
    }
}

//! What standard output is.

use std::io::IsTerminal;

/// Columns where nobody says how many there are.
const USUAL: usize = 80;
/// Fewer are not believed.
const LEAST: usize = 20;

/// Where a table or a plot goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Screen {
    /// Columns of a line; `None` for lines of any length.
    pub(super) width: Option<usize>,
    /// Whether people see colours.
    pub(super) colours: bool,
}

impl Screen {
    /// No terminal.
    pub(super) const NONE: Self = Self {
        width: None,
        colours: false,
    };

    /// Standard output; lines of any length, and no colours, if it is no terminal.
    pub(super) fn of_stdout() -> Self {
        let terminal = std::io::stdout().is_terminal();
        let width = || {
            let found = terminal_size::terminal_size();
            found.map_or(USUAL, |(width, _)| usize::from(width.0).max(LEAST))
        };
        Self {
            width: terminal.then(width),
            colours: terminal && coloured(|name| std::env::var(name).ok()),
        }
    }

    /// The same for a plot, which needs to know how wide it is.
    pub(super) fn plot_width(self) -> usize {
        self.width.unwrap_or(USUAL)
    }
}

/// Whether the environment is for colours (<https://no-color.org>).
fn coloured(variable: impl Fn(&str) -> Option<String>) -> bool {
    let unwanted = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
    !unwanted && variable("TERM").is_none_or(|term| term != "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_can_be_unwanted() {
        let check = |name: &str, value: &str, expect: bool| {
            let found = coloured(|asked| (asked == name).then(|| value.to_owned()));
            assert_eq!(found, expect, "{name}={value}");
        };
        check("TERM", "xterm-256color", true);
        check("TERM", "dumb", false);
        check("NO_COLOR", "1", false);
        check("NO_COLOR", "", true);
    }
}

//! How far a search is, on standard error, for people who wait.

use super::remote::Counts;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Searches that are quicker show nothing.
const QUICK: Duration = Duration::from_millis(500);
const BAR: &str = "{spinner} {bar:24.cyan/blue} {percent:>3} %  {msg}  {elapsed}, {eta} left";
/// As long as nothing is known about how long it takes.
const BEGUN: &str = "{spinner} {bar:24.cyan/blue} {percent:>3} %  {msg}  {elapsed}";
const WAITING: &str = "{spinner} {msg}  {elapsed}";

/// A bar that comes when the search takes long, and goes when it has ended.
pub(super) struct Progress {
    started: Instant,
    bar: Option<ProgressBar>,
    wanted: bool,
}

impl Progress {
    /// Shows something only if standard error is a terminal.
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            bar: None,
            wanted: std::io::stderr().is_terminal(),
        }
    }

    /// Takes what the server says, and how many of how many rows have come of a search with
    /// several pages.
    pub(super) fn update(&mut self, counts: Counts, pages: Option<(u64, u64)>) {
        if !self.wanted || self.started.elapsed() < QUICK {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| new_bar(self.started));
        let (done, all) = pages.unwrap_or((counts.events_done, counts.events));
        let template = match (done, all) {
            (_, 0) => WAITING,
            (0, _) => BEGUN,
            _ => BAR,
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(message(counts, pages));
        bar.set_length(all);
        bar.set_position(done.min(all));
    }

    /// Writes to the terminal while the bar is out of the way.
    pub(super) fn beside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Removes the bar.
    pub(super) fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn new_bar(started: Instant) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let bar = bar.with_elapsed(started.elapsed());
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

fn message(counts: Counts, pages: Option<(u64, u64)>) -> String {
    use super::shown::grouped;
    if let Some((given, all)) = pages {
        return format!("{} of {} rows", grouped(given), grouped(all));
    }
    if counts.events == 0 {
        return "waiting for the server".to_owned();
    }
    format!(
        "{} of {} files, {} events found",
        grouped(counts.files_done),
        grouped(counts.files),
        grouped(counts.found)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_bar_says() {
        let counts = Counts {
            files: 12,
            files_done: 3,
            events: 1_000_000,
            events_done: 250_000,
            found: 4_321,
        };
        let said = message(counts, None);
        assert_eq!(said, "3 of 12 files, 4,321 events found");
        let said = message(counts, Some((10_000, 1_234_567)));
        assert_eq!(said, "10,000 of 1,234,567 rows");
        assert_eq!(message(Counts::default(), None), "waiting for the server");
    }
}

//! Which events share a file.

use crate::encode::all_packed;
use cresset_model::event::LoggedEvent;
use cresset_model::{Duration, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Events of one repo that share a file, by event time then `seq`.
#[derive(Debug)]
pub(crate) struct Slice {
    pub(crate) repo: Arc<str>,
    pub(crate) events: Vec<LoggedEvent>,
    pub(crate) min_log_ts: Timestamp,
    pub(crate) max_log_ts: Timestamp,
    pub(crate) min_seq: u64,
    pub(crate) max_seq: u64,
}

/// Time is cut into spans of this length, which begin on Mondays, and events of different
/// spans are in different files: a few with a wrong clock do not keep the others from expiring
/// and do not widen every search, and what several flushes write can be made one.
const SPAN: Duration = Duration::days(7);
/// 1969-12-29, a Monday, from which spans of any length are counted.
const MONDAY: Duration = Duration::days(-3);
/// Most files per repo; beyond, the span is doubled until it fits.
const MAX_FILES: usize = 64;

/// A span of time: its length, and its number.
pub(crate) type Cell = (Duration, i64);

/// The shortest span that holds both moments. There is none if one of them is before the first
/// Monday and the other after: such events are never in one file.
pub(crate) fn cell(from: Timestamp, to: Timestamp) -> Option<Cell> {
    let lengths = std::iter::successors(Some(SPAN), |span| Some(Duration(span.0.checked_mul(2)?)));
    let mut cells = lengths.map(|span| (span, number(from, span)));
    cells.find(|(span, n)| number(to, *span) == *n)
}

/// Which of the spans of that length a moment is in.
const fn number(at: Timestamp, span: Duration) -> i64 {
    at.0.saturating_sub(MONDAY.0).div_euclid(span.0)
}

/// Groups events by repo and time. All of them are packed then.
pub(crate) fn slices(events: &[LoggedEvent]) -> Vec<Slice> {
    let mut repos: BTreeMap<Arc<str>, Vec<LoggedEvent>> = BTreeMap::new();
    for event in all_packed(events) {
        repos.entry(event.repo.clone()).or_default().push(event);
    }
    let mut slices = Vec::new();
    for (repo, mut events) in repos {
        events.sort_unstable_by_key(|e| (e.event.log_ts(), e.seq));
        let mut span = SPAN;
        let mut cuts = cut(&events, span);
        while cuts.len() > MAX_FILES {
            span = span + span;
            cuts = cut(&events, span);
        }
        let mut rest = events.into_iter();
        slices.extend(
            cuts.into_iter()
                .map(|n| slice(repo.clone(), rest.by_ref().take(n).collect())),
        );
    }
    slices
}

/// Numbers of events in each span of that length that has some.
fn cut(events: &[LoggedEvent], span: Duration) -> Vec<usize> {
    let number = |e: &LoggedEvent| number(e.event.log_ts(), span);
    let pieces = events.chunk_by(|a, b| number(a) == number(b));
    pieces.map(<[LoggedEvent]>::len).collect()
}

fn slice(repo: Arc<str>, events: Vec<LoggedEvent>) -> Slice {
    let times = || events.iter().map(|e| e.event.log_ts());
    let seqs = || events.iter().map(|e| e.seq);
    Slice {
        repo,
        min_log_ts: times().min().unwrap_or_default(),
        max_log_ts: times().max().unwrap_or_default(),
        min_seq: seqs().min().unwrap_or_default(),
        max_seq: seqs().max().unwrap_or_default(),
        events,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cresset_model::Event;

    fn at(seq: u64, repo: &str, log_ts: Timestamp) -> LoggedEvent {
        let event = Event::new(log_ts, Timestamp(0)).into();
        LoggedEvent {
            seq,
            repo: repo.into(),
            event,
        }
    }

    #[test]
    fn one_file_per_repo_and_week() {
        let day = |n: i64| Timestamp(0) + Duration::days(n);
        let found = slices(&[
            at(1, "b", day(1)),
            at(2, "a", day(3)),
            at(3, "a", day(0)),
            at(4, "a", day(2_000_000)),
            at(5, "a", day(0)),
        ]);
        let seqs: Vec<(&str, Vec<u64>)> = found
            .iter()
            .map(|s| (&*s.repo, s.events.iter().map(|e| e.seq).collect()))
            .collect();
        assert_eq!(seqs, [("a", vec![3, 5, 2]), ("a", vec![4]), ("b", vec![1])]);
        assert_eq!((found[0].min_seq, found[0].max_seq), (2, 5));
        assert_eq!((found[0].min_log_ts, found[0].max_log_ts), (day(0), day(3)));
    }

    #[test]
    fn the_shortest_span_of_two_moments() {
        let check = |from: i64, to: i64, expect: Option<(i64, i64)>| {
            let day = |n: i64| Timestamp(0) + Duration::days(n);
            let found = cell(day(from), day(to));
            let expect = expect.map(|(days, number)| (Duration::days(days), number));
            assert_eq!(found, expect, "{from} {to}");
        };
        check(-3, 3, Some((7, 0)));
        check(4, 4, Some((7, 1)));
        check(3, 4, Some((14, 0)));
        check(10, 11, Some((28, 0)));
        check(-10, -4, Some((7, -1)));
        check(-11, -4, Some((14, -1)));
        check(-4, -3, None);
        check(0, 36_500, Some((7 << 13, 0)));
        assert_eq!(cell(Timestamp::MIN, Timestamp::MAX), None);
    }

    #[test]
    fn the_number_of_files_is_bounded() {
        let many: Vec<LoggedEvent> = (0..1_000)
            .map(|n| at(n, "a", Timestamp(0) + Duration::days(n as i64 * 3_000)))
            .collect();
        let found = slices(&many);
        assert!(found.len() <= MAX_FILES, "{}", found.len());
        assert_eq!(
            found.iter().map(|s| s.events.len()).sum::<usize>(),
            many.len()
        );
        let extremes = [at(1, "a", Timestamp::MIN), at(2, "a", Timestamp::MAX)];
        assert_eq!(slices(&extremes).len(), 2);
    }
}

//! Where a page of a search begins, as the text that a client hands back.

use cresset_model::Timestamp;
use cresset_search::{Place, Session};

/// What lies behind a row, among the events up to a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    /// The last row so far.
    pub(super) after: Place,
    /// Events that came later belong to no page.
    pub(super) up_to_seq: u64,
}

impl Page {
    /// What lies behind the last row of an ended search, if that had all the rows that it
    /// was to give: then nobody knows yet whether there is more.
    pub(super) fn behind(session: &Session, rows: usize) -> Option<Self> {
        let full = session.request.limit > 0 && rows >= session.request.limit;
        let after = session.progress.last().filter(|_| full)?;
        let up_to_seq = session.progress.up_to_seq();
        Some(Self { after, up_to_seq })
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let at = Timestamp(parts.next()?.parse().ok()?);
        let seq = parts.next()?.parse().ok()?;
        let up_to_seq = parts.next()?.parse().ok()?;
        let after = Place { at, seq };
        parts.next().is_none().then_some(Self { after, up_to_seq })
    }

    pub(super) fn text(&self) -> String {
        format!("{}.{}.{}", self.after.at.0, self.after.seq, self.up_to_seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_and_nothing_else_does() {
        let page = Page {
            after: Place {
                at: Timestamp(-5),
                seq: 7,
            },
            up_to_seq: u64::MAX,
        };
        assert_eq!(Page::read(&page.text()), Some(page));
        for text in [
            "", "1", "1.2", "1.2.3.4", "1.-2.3", "a.b.c", "1.2.", " 1.2.3",
        ] {
            assert_eq!(Page::read(text), None, "{text:?}");
        }
    }
}

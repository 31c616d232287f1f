//! Going through one file: its columns first, then what the search takes of the rows that
//! meet the filter.

use super::handover::Findings;
use super::{Found, Scan, Take};
use crate::columnar;
use crate::progress::Place;
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder};
use cresset_catalog::port::FileEntry;
use cresset_model::event::LoggedEvent;
use cresset_model::{Event, Timestamp};
use cresset_query::{Counting, Expr};
use cresset_store::{ColumnBatch, Fate, Overlap, Own, Result, StoredFile};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A file that is being read.
pub(super) struct FileScan<'a, 'f> {
    scan: &'a Scan<'a>,
    stored: StoredFile,
    repo: Arc<str>,
    /// What the filter reads, but for the two times.
    fields: BTreeSet<String>,
    /// Those of which it asks for more than the texts.
    exact: BTreeSet<String>,
    /// Whether it reads event time and arrival time.
    times: [bool; 2],
    /// Whether the terms of `msg` are asked first.
    by_terms: bool,
    /// No later file has an event after this moment, if only the newest are wanted.
    below: Timestamp,
    found: &'a mut Findings<'f>,
    /// Set when nobody wants more.
    stop: &'a AtomicBool,
}

impl<'a, 'f> FileScan<'a, 'f> {
    pub(super) fn open(
        scan: &'a Scan<'a>,
        (file, below): (&FileEntry, Timestamp),
        found: &'a mut Findings<'f>,
        stop: &'a AtomicBool,
    ) -> Result<Self> {
        let mut fields = scan.plan.filter_fields();
        let stored = scan.store.open_file(file)?;
        Ok(Self {
            scan,
            by_terms: stored.has_terms() && columnar::terms_help(scan.plan.filter()),
            stored,
            repo: file.repo.as_str().into(),
            times: ["log_ts", "col_ts"].map(|time| fields.remove(time)),
            fields,
            exact: scan.plan.fields_judged_by_kind(),
            below,
            found,
            stop,
        })
    }

    /// Finds all that the search takes of the file, or less if it has ended.
    pub(super) fn run(mut self) -> Result<ControlFlow<()>> {
        match self.scan.take {
            Take::Counts(counting) => self.counts(counting),
            Take::Events => self.events(),
            Take::Newest(limit) => self.newest(*limit),
        }
    }

    fn events(&mut self) -> Result<ControlFlow<()>> {
        for group in 0..self.stored.groups() {
            let rows = self.rows_of(group)?;
            if self.ended() || self.rows(group, &rows)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            self.passed(group);
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The last events are the newest.
    fn newest(&mut self, limit: usize) -> Result<ControlFlow<()>> {
        let mut left = limit;
        let counts_rest = self.scan.progress.counts_rest();
        for group in (0..self.stored.groups()).rev() {
            // Older than all that were found, and there are enough of these.
            if self.scan.too_old(self.stored.max_log_ts(group)) {
                left = 0;
            }
            if left == 0 && !counts_rest {
                break;
            }
            let rows = self.rows_of(group)?;
            // Enough may have been found elsewhere meanwhile.
            if self.scan.too_old(self.stored.max_log_ts(group)) {
                left = 0;
            }
            let found = rows.count_set_bits();
            let rows = last(&rows, left);
            let taken = found.min(left);
            left -= taken;
            let others = (found - taken) as u64;
            if self.ended()
                || others > 0 && self.take(Found::Passed(others)).is_break()
                || self.rows(group, &rows)?.is_break()
            {
                return Ok(ControlFlow::Break(()));
            }
            self.passed(group);
            if group > 0 {
                let to = self.stored.max_log_ts(group - 1).max(self.below);
                if self.take(Found::Settled(to)).is_break() || self.found.hand_over().is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn counts(&mut self, counting: &Counting<'_>) -> Result<ControlFlow<()>> {
        let scan = self.scan;
        let fields: BTreeSet<String> = counting.fields.iter().map(|f| (*f).to_owned()).collect();
        // Values are shown as they are.
        let exact = fields.clone();
        let own = Own {
            log_ts: counting.has_spans() || scan.plan.goes_on(),
            ..Own::NONE
        };
        for group in 0..self.stored.groups() {
            let rows = self.rows_of(group)?;
            // After the filter, whose answer means nothing if it was cut short.
            if self.ended() {
                return Ok(ControlFlow::Break(()));
            }
            if rows.count_set_bits() == 0 {
                self.passed(group);
                continue;
            }
            let (mut counted, mut at) = (Vec::new(), 0);
            for batch in self.stored.columns(group, None, own, &fields, &exact)? {
                let batch = batch?;
                let rows = rows.slice(at, batch.rows());
                counted.extend(columnar::count(counting, &batch, &rows, scan.context)?);
                at += batch.rows();
            }
            for (event, times) in counted {
                if self.take(Found::Counted(event, times)).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            self.passed(group);
        }
        Ok(ControlFlow::Continue(()))
    }

    fn ended(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.scan.cancelled.load(Ordering::Relaxed)
    }

    /// Done with a group, or with what an index said about it.
    fn passed(&self, group: usize) {
        self.scan.progress.passed(self.stored.rows(group) as u64);
    }

    fn read(&self, group: usize) {
        let rows = self.stored.rows(group) as u64;
        metrics::counter!("cresset_search_events_read_total").increment(rows);
    }

    fn note_odd(&self, batch: &ColumnBatch) {
        if let Some(odd) = batch.overflowing() {
            self.scan.pruned.judged_whole(odd.count_set_bits());
        }
    }

    /// What it takes to tell which rows are asked about, and what the filter reads.
    const fn own(&self, among: Among) -> Own {
        let [log_ts, col_ts] = self.times;
        Own {
            seq: !among.before || among.after.is_some(),
            log_ts: !among.within || among.after.is_some() || log_ts,
            col_ts,
            terms: false,
        }
    }

    /// Which rows of a group are asked about; `None` for no row. Counts the group.
    fn among(&self, group: usize) -> Result<Option<Among>> {
        let overlap = self.stored.overlap(group, self.scan.range);
        let fate = if overlap == Overlap::None {
            Fate::OutOfTime
        } else if self.nothing_wanted(group)? {
            Fate::NothingWanted
        } else {
            Fate::Read
        };
        self.scan.pruned.block(fate, self.stored.rows(group));
        Ok((fate == Fate::Read).then(|| Among {
            within: overlap == Overlap::Whole,
            before: self.stored.max_seq(group) <= self.scan.up_to_seq,
            after: self
                .scan
                .progress
                .after()
                .filter(|after| self.stored.max_log_ts(group) >= after.at),
        }))
    }

    /// Whether the fields of a group, or the words in it, show that nothing meets the filter.
    fn nothing_wanted(&self, group: usize) -> Result<bool> {
        let filter = self.scan.plan.filter();
        if filter.cannot_hold(&|field| self.stored.lacks(group, field)) {
            return Ok(true);
        }
        match self.scan.needs {
            Some(needs) => Ok(!self.stored.may_meet(group, needs)?),
            None => Ok(false),
        }
    }

    /// The rows of a group that meet the filter.
    fn rows_of(&self, group: usize) -> Result<BooleanBuffer> {
        let (scan, len) = (self.scan, self.stored.rows(group));
        let Some(among) = self.among(group)? else {
            return Ok(BooleanBuffer::new_unset(len));
        };
        self.read(group);
        if among.all() && matches!(scan.plan.filter(), Expr::Const(true)) {
            return Ok(BooleanBuffer::new_set(len));
        }
        if self.by_terms {
            return self.rows_by_terms(group, among);
        }
        let (own, mut rows) = (self.own(among), BooleanBufferBuilder::new(len));
        let columns = self
            .stored
            .columns(group, None, own, &self.fields, &self.exact)?;
        for batch in columns {
            let batch = batch?;
            self.note_odd(&batch);
            let among = among.of(scan, &batch);
            let met = columnar::select(scan.plan.filter(), &batch, &among, scan.context)?;
            rows.append_buffer(&met);
            if self.ended() {
                return Ok(BooleanBuffer::new_unset(len));
            }
        }
        Ok(rows.finish())
    }

    /// The rows of a group that meet the filter, where the texts of `msg` are read of those rows
    /// alone that their terms leave in doubt.
    fn rows_by_terms(&self, group: usize, among: Among) -> Result<BooleanBuffer> {
        let (scan, len) = (self.scan, self.stored.rows(group));
        let (mut surely, mut doubtful) = (
            BooleanBufferBuilder::new(len),
            BooleanBufferBuilder::new(len),
        );
        let mut others = self.fields.clone();
        others.remove("msg");
        let own = Own {
            terms: true,
            ..self.own(among)
        };
        for batch in self
            .stored
            .columns(group, None, own, &others, &self.exact)?
        {
            let batch = batch?;
            let among = among.of(scan, &batch);
            let found = columnar::bounds(scan.plan.filter(), &batch, &among, scan.context)?;
            surely.append_buffer(&found.surely);
            doubtful.append_buffer(&found.doubtful());
            if self.ended() {
                return Ok(BooleanBuffer::new_unset(len));
            }
        }
        let doubtful = doubtful.finish();
        let mut places = doubtful.set_indices();
        if doubtful.count_set_bits() == 0 {
            return Ok(surely.finish());
        }
        let [log_ts, col_ts] = self.times;
        let own = Own {
            log_ts,
            col_ts,
            ..Own::NONE
        };
        let columns =
            self.stored
                .columns(group, Some(&doubtful), own, &self.fields, &self.exact)?;
        for batch in columns {
            let batch = batch?;
            let all = BooleanBuffer::new_set(batch.rows());
            let met = columnar::select(scan.plan.filter(), &batch, &all, scan.context)?;
            for (met, place) in met.iter().zip(&mut places) {
                if met {
                    surely.set_bit(place, true);
                }
            }
            if self.ended() {
                return Ok(BooleanBuffer::new_unset(len));
            }
        }
        Ok(surely.finish())
    }

    /// Hands over the events of these rows.
    fn rows(&mut self, group: usize, rows: &BooleanBuffer) -> Result<ControlFlow<()>> {
        if rows.count_set_bits() == 0 {
            return Ok(ControlFlow::Continue(()));
        }
        let scan = self.scan;
        let fields: Option<&BTreeSet<String>> = scan.fields;
        // Of a copy of the handle, since what is found is put beside it.
        let stored = self.stored.clone();
        for events in stored.events(group, rows, fields)? {
            for (seq, event) in events? {
                if self.event(seq, event).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn event(&mut self, seq: u64, event: Event) -> ControlFlow<()> {
        self.take(Found::Event(LoggedEvent {
            seq,
            repo: Arc::clone(&self.repo),
            event: event.into(),
        }))
    }

    fn take(&mut self, found: Found) -> ControlFlow<()> {
        if self.ended() {
            return ControlFlow::Break(());
        }
        self.found.add(found)
    }
}

/// What is known of the rows of a group without looking at them.
#[derive(Clone, Copy)]
struct Among {
    /// All are in the range of time.
    within: bool,
    /// None came too late.
    before: bool,
    /// Some may be on an earlier page, which ends here.
    after: Option<Place>,
}

impl Among {
    const fn all(self) -> bool {
        self.within && self.before && self.after.is_none()
    }

    /// The rows of a batch that the search is about.
    fn of(self, scan: &Scan<'_>, batch: &ColumnBatch) -> BooleanBuffer {
        let mut rows = if self.within {
            BooleanBuffer::new_set(batch.rows())
        } else {
            batch.within(scan.range)
        };
        if !self.before {
            let seqs = batch.seqs();
            let before = |row: usize| seqs[row] as u64 <= scan.up_to_seq;
            rows = &rows & &BooleanBuffer::collect_bool(seqs.len(), before);
        }
        if let Some(after) = self.after {
            let (seqs, times) = (batch.seqs(), batch.log_ts());
            let behind = |row: usize| after.is_before(Timestamp(times[row]), seqs[row] as u64);
            rows = &rows & &BooleanBuffer::collect_bool(seqs.len(), behind);
        }
        rows
    }
}

/// The last `n` rows of those that are set.
fn last(rows: &BooleanBuffer, n: usize) -> BooleanBuffer {
    let found = rows.count_set_bits();
    if found <= n {
        return rows.clone();
    }
    // The first that stays; none of none.
    let first = rows.set_indices().nth(found - n).unwrap_or(rows.len());
    let mut kept = BooleanBufferBuilder::new(rows.len());
    kept.append_n(first, false);
    kept.append_buffer(&rows.slice(first, rows.len() - first));
    kept.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_rows() {
        let rows = BooleanBuffer::from(vec![true, false, true, true, false]);
        for (n, expect) in [
            (0, vec![]),
            (1, vec![3]),
            (2, vec![2, 3]),
            (3, vec![0, 2, 3]),
            (9, vec![0, 2, 3]),
        ] {
            let kept: Vec<usize> = last(&rows, n).set_indices().collect();
            assert_eq!(kept, expect, "{n}");
        }
    }
}

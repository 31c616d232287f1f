//! Searches whose rows are events: the newest are kept, and given as soon as they are final.

use super::Job;
use crate::Result;
use crate::newest::Newest;
use crate::progress::Place;
use crate::scan::{self, Found, Take, Unread};
use cresset_model::event::LoggedEvent;
use cresset_query::ResultSet;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};

impl Job {
    /// Keeps only the events that will be rows.
    pub(super) fn newest(
        &self,
        fields: Option<&BTreeSet<String>>,
        others: Vec<LoggedEvent>,
    ) -> Result<(ResultSet, Vec<Unread>)> {
        let limit = match self.limit {
            0 => self.settings.limits.max_rows,
            limit => limit.min(self.settings.limits.max_rows),
        };
        // What is added to lists is gathered in one run.
        let early = self.progress.rows_early() && self.plan.lists_fed().is_empty();
        let local = others.is_empty();
        let mut newest = Newest::new(limit, self.settings.max_bytes);
        for event in others {
            newest.push(event)?;
        }
        let floor = AtomicI64::new(newest.floor().0);
        let mut last = None;
        let missing = self.scan(
            &Take::Newest(limit),
            &floor,
            fields,
            &mut |found| match found {
                Found::Event(event) => {
                    newest.push(event)?;
                    floor.store(newest.floor().0, Ordering::Relaxed);
                    Ok(())
                }
                Found::Settled(to) if early => {
                    let settled = newest.settle(to);
                    floor.store(newest.floor().0, Ordering::Relaxed);
                    if let Some(oldest) = settled.last() {
                        last = Some(place(oldest));
                        self.progress.settle(self.rows(&settled)?.rows);
                    }
                    Ok(())
                }
                Found::Counted(..) | Found::Settled(_) => Ok(()),
                Found::Passed(others) => {
                    newest.pass(others);
                    Ok(())
                }
            },
        )?;
        let total = newest.total();
        let rest = newest.into_newest_first();
        last = rest.last().map(place).or(last);
        let mut result = self.rows(&rest)?;
        // The places of other instances' events are not known.
        let mut rows = self.progress.end(last.filter(|_| local));
        rows.append(&mut result.rows);
        result.rows = rows;
        result.total = total;
        result.truncated |= limit != self.limit && total > limit as u64;
        Ok((result, missing))
    }

    fn rows(&self, events: &[LoggedEvent]) -> Result<ResultSet> {
        let executor = self.plan.executor(self.context());
        let mut executor = executor.with_limits(self.limits());
        for event in events {
            scan::check(&self.cancelled)?;
            executor.push_matched(&event.event);
        }
        Ok(executor.finish())
    }
}

fn place(event: &LoggedEvent) -> Place {
    Place {
        at: event.event.log_ts(),
        seq: event.seq,
    }
}

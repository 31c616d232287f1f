//! When a server was up.

use cresset_model::{Duration, Timestamp};
use serde::{Deserialize, Serialize};

/// A standstill up to this long counts as time up: checks come once an hour, and a restart is
/// none.
const NOTICED: Duration = Duration::hours(3);
/// Most standstills that are remembered.
const MOST: usize = 400;

/// The standstills of a server, so that time in which nobody could use it is told from time in
/// which nobody did. Before the first note it counts as up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uptime {
    /// When it was last seen up.
    seen: Option<Timestamp>,
    /// Oldest first, without overlap.
    standstills: Vec<Standstill>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Standstill {
    from: Timestamp,
    to: Timestamp,
}

impl Uptime {
    /// The server is up at `now`. A clock that jumps ahead looks like a standstill; one that was
    /// set back takes what came after `now` with it.
    pub(crate) fn note(&mut self, now: Timestamp) {
        if let Some(seen) = self.seen.replace(now) {
            if now < seen {
                self.standstills.retain(|s| s.from < now);
                if let Some(last) = self.standstills.last_mut() {
                    last.to = last.to.min(now);
                }
            } else if now.since(seen) > NOTICED {
                let (from, to) = (seen, now);
                self.standstills.push(Standstill { from, to });
            }
        }
        // Two become one, and the time between them with it: that is longer than in truth, and
        // so nothing counts as idle too early.
        if self.standstills.len() > MOST {
            let oldest = self.standstills.remove(0);
            self.standstills[0].from = oldest.from;
        }
    }

    /// The latest moment since which, until `now`, the server was up for `span`.
    pub fn before(&self, now: Timestamp, span: Duration) -> Timestamp {
        let (mut end, mut left) = (now, span);
        for standstill in self.standstills.iter().rev() {
            let up = end.since(standstill.to);
            if up > left {
                break;
            }
            left = Duration(left.0 - up.0);
            end = standstill.from;
        }
        end - left
    }
}

#[cfg(test)]
mod tests;

//! Fetching what matches at one instance.

use super::question::{COUNT, PAGE, Question};
use super::{Failed, failed, row};
use crate::member::{Error, MAX_ANSWER, Member, Repeat};
use cresset_model::instance::{Instance, Product};
use cresset_model::{Duration, Event, Timestamp};
use cresset_search::Elsewhere;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration as Span;
use tokio::time::Instant;

/// The first and the longest pause between polls.
const FIRST_PAUSE: Span = Span::from_millis(20);
const LONGEST_PAUSE: Span = Span::from_millis(500);
/// Most parts into which a span of event time is divided at once.
const MOST_PARTS: u64 = 64;
/// An answer is read up to this, however little may still be kept of it.
const SMALL_ANSWER: usize = 1 << 20;
const PATH: &str = "/getsearchlogs";

/// One instance, and what is asked of it.
pub(super) struct Ask<'a> {
    pub(super) member: &'a Member,
    pub(super) instance: &'a Instance,
    /// What the instance is.
    pub(super) product: Product,
    /// Its repos, in its own words.
    pub(super) addresses: Vec<String>,
    pub(super) question: &'a Question,
    /// Bytes of events that may still be kept, of all instances together.
    pub(super) budget: &'a AtomicUsize,
    /// When nobody waits for it any more.
    pub(super) deadline: Instant,
}

/// An answer to one search.
struct Answer {
    rows: Vec<Map<String, Value>>,
    /// How many rows there would be.
    total: u64,
    whole: bool,
}

impl Ask<'_> {
    /// All that matters.
    pub(super) async fn all(&self) -> Result<Elsewhere, Failed> {
        if self.question.counting.is_some() {
            self.counts().await
        } else {
            self.events().await
        }
    }

    async fn counts(&self) -> Result<Elsewhere, Failed> {
        let (from, to) = (self.question.from, self.question.to);
        let answer = self
            .answer(from, to)
            .await
            .map_err(|e| self.failed(&e, 0))?;
        let mut found = Elsewhere {
            truncated: !answer.whole,
            ..Elsewhere::default()
        };
        for row in answer.rows {
            let Some((event, count)) = row::group(row, COUNT, to) else {
                return Err(failed(self.instance, "it did not count as it was asked to"));
            };
            self.charge(&event, found.counted.len())?;
            found.total = found.total.saturating_add(count);
            found.counted.push((event, count));
        }
        Ok(found)
    }

    /// All events, a stretch of event time after another where there are more than one answer
    /// can hold.
    async fn events(&self) -> Result<Elsewhere, Failed> {
        let repo: Arc<str> = self.instance.node.as_str().into();
        let mut found = Elsewhere::default();
        let name = self.question.asks_for_whole_events(self.product);
        let name = name.then_some(self.instance.name.as_str());
        let mut stretches = vec![(self.question.from, self.question.to)];
        while let Some((from, to)) = stretches.pop() {
            let answer = self.answer(from, to).await;
            let answer = answer.map_err(|e| self.failed(&e, found.events.len()))?;
            if !answer.whole
                && self.question.newest.is_none()
                && let Some(parts) = self.parts(from, to, answer.total)
            {
                stretches.extend(parts);
                continue;
            }
            found.truncated |= !answer.whole && self.question.newest.is_none();
            let total = answer.total.max(answer.rows.len() as u64);
            found.total = found.total.saturating_add(total);
            for row in answer.rows {
                let event = row::event(row, &repo, to, name);
                self.charge(&event.event, found.events.len())?;
                found.events.push(event);
            }
        }
        Ok(found)
    }

    fn failed(&self, error: &Error, so_far: usize) -> Failed {
        match error {
            Error::TooLarge { .. } => Failed::TooMuch(so_far),
            error => failed(self.instance, &error.to_string()),
        }
    }

    /// Most bytes of an answer: what may still be kept of all, with room for how it is written.
    fn room(&self) -> usize {
        let left = self.budget.load(Ordering::Relaxed).saturating_mul(2);
        left.clamp(SMALL_ANSWER, MAX_ANSWER)
    }

    fn charge(&self, event: &Event, so_far: usize) -> Result<(), Failed> {
        let size = event.size();
        let take = |left: usize| left.checked_sub(size);
        let left = self
            .budget
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        left.map(drop).map_err(|_| Failed::TooMuch(so_far))
    }

    /// Smaller stretches that may fit an answer; `None` if this one cannot be divided.
    fn parts(
        &self,
        from: Timestamp,
        to: Timestamp,
        total: u64,
    ) -> Option<Vec<(Timestamp, Timestamp)>> {
        let finest = match self.product {
            Product::Cresset => 1,
            Product::Other => Duration::seconds(1).0,
        };
        let steps = to.since(from).0 / finest;
        let wanted = (2 * total / PAGE as u64).clamp(2, MOST_PARTS);
        let count = i64::try_from(wanted).unwrap_or(2).min(steps);
        if count < 2 {
            return None;
        }
        let edge = |n: i64| from + Duration(steps * n / count * finest);
        let parts = (0..count).map(|n| {
            let end = if n + 1 == count { to } else { edge(n + 1) };
            (edge(n), end)
        });
        Some(parts.collect())
    }

    async fn answer(&self, from: Timestamp, to: Timestamp) -> Result<Answer, Error> {
        let mut reply = self.search(from, to).await?;
        let rows = reply.get_mut("rows").map(Value::take);
        let Some(Value::Array(rows)) = rows else {
            return Err(unexpected("no rows"));
        };
        let object = |row: Value| match row {
            Value::Object(row) => Ok(row),
            _ => Err(unexpected("a row that is no object")),
        };
        let rows = rows
            .into_iter()
            .map(object)
            .collect::<Result<Vec<_>, _>>()?;
        let total = reply
            .get("estim_count")
            .and_then(Value::as_u64)
            .unwrap_or(0);
        let limit = match self.question.counting {
            Some(_) => usize::MAX,
            None => self.question.newest.unwrap_or(PAGE),
        };
        let cut = reply.get("complete") == Some(&Value::Bool(false)) || rows.len() >= limit;
        // A full page of a server that counts exactly may be all there is.
        let exact = self.product == Product::Cresset;
        let whole = !cut || exact && total == rows.len() as u64;
        Ok(Answer { rows, total, whole })
    }

    /// The final reply to a search.
    async fn search(&self, from: Timestamp, to: Timestamp) -> Result<Value, Error> {
        let mut restarts = 0;
        'start: loop {
            let id = self.start(from, to).await?;
            let mut pause = FIRST_PAUSE;
            loop {
                let poll = json!({"search_id": id, "typed_rows": true}).to_string();
                let fields = [("requestData", poll.as_str())];
                let polled = self
                    .member
                    .form(PATH, &fields, Repeat::Safe, self.room())
                    .await;
                match polled {
                    Ok(reply) if reply.get("final") == Some(&Value::Bool(true)) => {
                        return Ok(reply);
                    }
                    Ok(_) => {}
                    // It was restarted, or had too many searches to keep this one.
                    Err(error) if restarts < 2 && is_forgotten(&error) => {
                        restarts += 1;
                        continue 'start;
                    }
                    Err(error) => return Err(error),
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }

    async fn start(&self, from: Timestamp, to: Timestamp) -> Result<String, Error> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let data = json!({
            "query": self.question.text(self.product),
            "time_range": time_range(self.product, from, to),
            "limit": self.question.newest.unwrap_or(PAGE),
            "repos": self.addresses,
            // It may stop then; nobody would take its answer.
            "timeout": left.as_secs() + 1,
            "client_name": "cresset",
        })
        .to_string();
        let fields = [("requestData", data.as_str())];
        let reply = self
            .member
            .form(PATH, &fields, Repeat::IfReached, SMALL_ANSWER)
            .await?;
        let id = reply.get("search_id").and_then(Value::as_str);
        id.map(str::to_owned)
            .ok_or_else(|| unexpected("no search_id"))
    }
}

/// Event time after `from` up to `to` in the words of the API, which includes both ends.
/// Cresset takes fractions of a second; others may know whole seconds only.
fn time_range(product: Product, from: Timestamp, to: Timestamp) -> Value {
    match product {
        Product::Cresset => {
            let seconds = |t: Timestamp| t.0 as f64 / 1e6;
            json!([seconds(from + Duration(1)), seconds(to)])
        }
        Product::Other => json!([from.secs() + 1, to.secs()]),
    }
}

fn is_forgotten(error: &Error) -> bool {
    matches!(error, Error::Refused { message, .. } if message == "Forgotten search")
}

fn unexpected(what: &str) -> Error {
    Error::Unexpected {
        path: PATH.to_owned(),
        what: what.to_owned(),
    }
}

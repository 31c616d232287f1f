//! The rolling-window rate limit of the LogicMonitor API (spec/logicmonitor-api.md §5).
//!
//! One account has one budget per endpoint and verb. A request counts for exactly one window from
//! its moment on. One that is refused does not count, so that a client which keeps trying is let
//! in as soon as its admitted requests have left the window.

use cresset_model::{Duration, Timestamp};
use lru::LruCache;
use std::collections::VecDeque;
use std::num::NonZeroUsize;

/// Most requests per window that are counted; a higher limit is taken as this one.
pub const MAX_LIMIT: u32 = 1_000_000;

/// Most endpoints that are told apart. The one that was idle for longest is forgotten first.
pub const MAX_ENDPOINTS: usize = 1024;

/// The verbs that have budgets of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// GET, and HEAD with it.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

impl Verb {
    const COUNT: usize = 5;

    /// The verb whose budget a request of `method`, in upper case, spends; `None` if it spends
    /// none.
    pub fn of(method: &str) -> Option<Self> {
        match method {
            "GET" | "HEAD" => Some(Self::Get),
            "POST" => Some(Self::Post),
            "PUT" => Some(Self::Put),
            "PATCH" => Some(Self::Patch),
            "DELETE" => Some(Self::Delete),
            _ => None,
        }
    }
}

/// Which budget a request spends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key<'a> {
    /// The endpoint as the router names it, such as `/setting/admins/{id}/apitokens`; never a
    /// path that a client sent.
    pub endpoint: &'a str,
    /// The verb.
    pub verb: Verb,
}

/// Requests per window and endpoint. Zero refuses every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For GET.
    pub get: u32,
    /// For POST.
    pub post: u32,
    /// For PUT.
    pub put: u32,
    /// For PATCH.
    pub patch: u32,
    /// For DELETE.
    pub delete: u32,
    /// Length of the window; one second at least.
    pub window: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            get: 500,
            post: 200,
            put: 200,
            patch: 250,
            delete: 300,
            window: Duration::minutes(1),
        }
    }
}

impl Limits {
    fn of(&self, verb: Verb) -> u32 {
        let limit = match verb {
            Verb::Get => self.get,
            Verb::Post => self.post,
            Verb::Put => self.put,
            Verb::Patch => self.patch,
            Verb::Delete => self.delete,
        };
        limit.min(MAX_LIMIT)
    }
}

/// How a budget stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Requests per window.
    pub limit: u32,
    /// Requests that are left at this moment.
    pub remaining: u32,
    /// Length of the window in seconds, rounded up.
    pub window_seconds: u64,
    /// True if the request may go on.
    pub allowed: bool,
}

/// The budgets of one account.
#[derive(Debug)]
pub struct Quota {
    limits: Limits,
    endpoints: LruCache<String, [Window; Verb::COUNT]>,
}

impl Quota {
    /// Budgets of which nothing is spent.
    pub fn new(limits: Limits) -> Self {
        let window = limits.window.max(Duration::seconds(1));
        Self {
            limits: Limits { window, ..limits },
            endpoints: LruCache::new(NonZeroUsize::MIN.saturating_add(MAX_ENDPOINTS - 1)),
        }
    }

    /// Spends one request if there is one left.
    pub fn take(&mut self, key: Key<'_>, now: Timestamp) -> Verdict {
        let (limit, length) = (self.limits.of(key.verb), self.limits.window);
        let window = self.window(key);
        let allowed = window.count(length, now) < limit;
        if allowed {
            window.admitted.push_back(now);
        }
        let spent = window.admitted.len() as u32;
        self.verdict(limit, spent, allowed)
    }

    /// How the budget stands, without spending anything.
    pub fn look(&mut self, key: Key<'_>, now: Timestamp) -> Verdict {
        let (limit, length) = (self.limits.of(key.verb), self.limits.window);
        let spent = self.window(key).count(length, now);
        self.verdict(limit, spent, spent < limit)
    }

    fn window(&mut self, key: Key<'_>) -> &mut Window {
        let windows = self
            .endpoints
            .get_or_insert_mut_ref(key.endpoint, Default::default);
        &mut windows[key.verb as usize]
    }

    const fn verdict(&self, limit: u32, spent: u32, allowed: bool) -> Verdict {
        let window_micros = self.limits.window.0.unsigned_abs();
        Verdict {
            limit,
            remaining: limit.saturating_sub(spent),
            window_seconds: window_micros.div_ceil(1_000_000),
            allowed,
        }
    }
}

/// The moments of the admitted requests that still count, in order.
#[derive(Debug, Default)]
struct Window {
    admitted: VecDeque<Timestamp>,
}

impl Window {
    /// Forgets what has left the window and counts the rest.
    fn count(&mut self, length: Duration, now: Timestamp) -> u32 {
        // Where the clock was set back, what seems to lie ahead counts as of now: a jump of an
        // hour must not close an endpoint for an hour.
        let ahead = self.admitted.iter_mut().rev();
        ahead.take_while(|at| **at > now).for_each(|at| *at = now);
        let gone = |at: &Timestamp| now.since(*at) >= length;
        while self.admitted.front().is_some_and(gone) {
            self.admitted.pop_front();
        }
        self.admitted.len() as u32
    }
}

#[cfg(test)]
mod tests;

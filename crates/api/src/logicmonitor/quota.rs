//! How many requests the account may send in a minute (spec/logicmonitor-api.md §5).
//!
//! The account is this server: all callers share a budget per endpoint and verb. Only
//! proven callers spend it, so that a stranger cannot use it up.

use crate::error::{Error, Result};
use crate::state::Context;
use axum::extract::MatchedPath;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use cresset_auth::quota::{Key, Limits, Quota, Verb, Verdict};
use parking_lot::Mutex;
use std::sync::Arc;

const LIMIT: HeaderName = HeaderName::from_static("x-rate-limit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-rate-limit-remaining");
const WINDOW: HeaderName = HeaderName::from_static("x-rate-limit-window");

/// The budgets of the account.
pub(crate) struct Quotas(Mutex<Quota>);

impl Quotas {
    pub(crate) fn new(limits: Limits) -> Self {
        Self(Mutex::new(Quota::new(limits)))
    }
}

/// What one request spends: shared by the handler, which knows when the caller is proven,
/// and by what writes the headers.
#[derive(Clone)]
pub(super) struct Spent(Arc<Inner>);

struct Inner {
    /// As the router names it.
    route: Option<MatchedPath>,
    verb: Verb,
    verdict: Mutex<Option<Verdict>>,
}

impl Spent {
    /// For a request to `route`; what is at no route shares a budget.
    pub(super) fn new(route: Option<MatchedPath>, method: &Method) -> Self {
        Self(Arc::new(Inner {
            route,
            // No endpoint has other methods.
            verb: Verb::of(method.as_str()).unwrap_or(Verb::Get),
            verdict: Mutex::new(None),
        }))
    }

    fn key(&self) -> Key<'_> {
        Key {
            endpoint: self.0.route.as_ref().map_or("", MatchedPath::as_str),
            verb: self.0.verb,
        }
    }

    /// Spends one request, or says that there is none left.
    pub(super) fn spend(&self, api: &Context) -> Result<()> {
        let verdict = api.quotas.0.lock().take(self.key(), api.now());
        *self.0.verdict.lock() = Some(verdict);
        if verdict.allowed {
            return Ok(());
        }
        metrics::counter!("cresset_api_over_quota_total").increment(1);
        Err(Error::OverQuota)
    }

    /// Says in the headers how much is left.
    pub(super) fn announce(&self, api: &Context, headers: &mut HeaderMap) {
        let known = *self.0.verdict.lock();
        // What others have spent is nothing for strangers.
        let verdict = known.unwrap_or_else(|| {
            let verdict = api.quotas.0.lock().look(self.key(), api.now());
            Verdict {
                remaining: verdict.limit,
                ..verdict
            }
        });
        headers.insert(LIMIT, HeaderValue::from(verdict.limit));
        headers.insert(REMAINING, HeaderValue::from(verdict.remaining));
        headers.insert(WINDOW, HeaderValue::from(verdict.window_seconds));
    }
}

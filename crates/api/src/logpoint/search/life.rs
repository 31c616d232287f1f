//! Searches `life_…`: what the query of an alert rule finds right now.
//!
//! Clients poll them without ever starting them. Each result is shown once; the poll
//! after that searches anew.

use super::start::{begin, may_fill_lists};
use super::{problems, rows};
use crate::auth::Caller;
use crate::error::{Error, Result};
use crate::state::Context;
use cresset_model::rule::AlertRule;
use cresset_model::{Duration, ObjectId};
use cresset_query::Macros;
use cresset_search::{SearchRequest, SearchSessions, Session, SessionState};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// What tells these searches from others.
pub(super) const PREFIX: &str = "life_";
/// A result that nobody asked for in this time after it came is no answer about the present.
const STALE: Duration = Duration::minutes(1);
/// Searches under way that are remembered; beyond, they start again.
const MOST: usize = 10_000;
/// Hex characters of a rule's id.
const ID_CHARS: usize = 24;

/// Searches under way, by user and rule.
#[derive(Default)]
pub(crate) struct LiveSearches(Mutex<HashMap<(ObjectId, ObjectId), Arc<LiveSearch>>>);

/// One of them. Every poll that waits for it holds it; once nobody does and it is not to be
/// found any more, it is ended and its result dropped.
struct LiveSearch {
    sessions: Arc<SearchSessions>,
    user: ObjectId,
    id: String,
}

impl Drop for LiveSearch {
    fn drop(&mut self) {
        self.sessions.cancel(self.user, &self.id);
    }
}

impl LiveSearches {
    /// The search that an earlier poll began, if it is still what `request` asks for; else
    /// one that begins now. Polls at the same time get the same one.
    fn find_or_begin(
        &self,
        api: &Context,
        caller: &Caller,
        rule: ObjectId,
        request: SearchRequest,
    ) -> Result<Arc<LiveSearch>> {
        let user = caller.user.id;
        let mut searches = self.0.lock();
        if let Some(found) = searches.get(&(user, rule)) {
            let session = api.sessions.poll(user, &found.id);
            if session.is_some_and(|session| still_asked_for(&session, &request)) {
                return Ok(Arc::clone(found));
            }
        }
        if searches.len() >= MOST {
            searches.clear();
        }
        let begun = Arc::new(LiveSearch {
            sessions: Arc::clone(&api.sessions),
            user,
            id: begin(api, caller, request, Arc::default())?,
        });
        searches.insert((user, rule), Arc::clone(&begun));
        Ok(begun)
    }

    /// Makes the next poll begin anew, unless one has begun already.
    fn forget(&self, rule: ObjectId, search: &Arc<LiveSearch>) {
        let mut searches = self.0.lock();
        let key = (search.user, rule);
        if searches.get(&key).is_some_and(|s| Arc::ptr_eq(s, search)) {
            searches.remove(&key);
        }
    }
}

/// 40 hex characters that stay the same for a rule: its id, and a check of it.
pub(super) fn life_id(rule: ObjectId) -> String {
    let text = format!("life:{rule}");
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    format!(
        "{rule}{}",
        crate::logpoint::incidents::hex(&digest.as_ref()[..8])
    )
}

/// The search of the caller's active rule with this `life_id`, as far as it is; `None` if
/// there is no such rule, or nothing that it searches is permitted any more.
pub(super) async fn session(api: &Context, caller: &Caller, life: &str) -> Result<Option<Session>> {
    let named = life.get(..ID_CHARS).and_then(|id| id.parse().ok());
    let Some(id) = named.filter(|id| life_id(*id) == life) else {
        return Ok(None);
    };
    let found = api.catalog.rule(id).await?.map(|found| found.rule);
    let mine = found.filter(|rule| rule.owner == caller.user.id && rule.active);
    let Some(rule) = mine else { return Ok(None) };
    let directory = api.repo_directory(&caller.user).await?;
    let Some(repos) = directory.remaining(&rule.spec.search_params.repos) else {
        return Ok(None);
    };
    let request = request(api, caller, &rule, repos).await?;
    let search = api
        .live_searches
        .find_or_begin(api, caller, rule.id, request)?;
    let patience = api.settings.poll_hold.to_std();
    let waited = api.sessions.wait(search.user, &search.id, patience);
    let session = waited.await;
    let running = |s: &Session| matches!(s.state, SessionState::Running);
    if !session.as_ref().is_some_and(running) {
        api.live_searches.forget(rule.id, &search);
    }
    Ok(session)
}

fn still_asked_for(session: &Session, request: &SearchRequest) -> bool {
    let then = &session.request;
    let fresh = match session.state {
        SessionState::Done { elapsed, .. } => request.to.since(then.to) < elapsed + STALE,
        SessionState::Running | SessionState::Failed { .. } => true,
    };
    fresh
        && then.plan.text() == request.plan.text()
        && then.repos == request.repos
        && then.timezone == request.timezone
        && then.to.since(then.from) == request.to.since(request.from)
        && then.limit == request.limit
}

async fn request(
    api: &Context,
    caller: &Caller,
    rule: &AlertRule,
    repos: Vec<String>,
) -> Result<SearchRequest> {
    let params = &rule.spec.search_params;
    let macros = api.macros.current().await?;
    let plan = cresset_query::compile_with(&params.query, &macros)
        .map_err(|mistakes| Error::Refused(problems(&params.query, &mistakes)))?;
    may_fill_lists(api, caller, &plan).await?;
    let now = api.now();
    Ok(SearchRequest {
        plan: Arc::new(plan),
        repos,
        from: now - params.range(),
        to: now,
        part_of: None,
        timezone: caller.user.timezone.clone(),
        limit: (params.limit as usize).min(api.settings.max_search_rows),
        up_to_seq: None,
        timeout: api.settings.max_search_time,
    })
}

/// An alert rule as the live search it rests on.
pub(super) fn shown(rule: &AlertRule, macros: &Macros) -> serde_json::Value {
    let params = &rule.spec.search_params;
    serde_json::json!({
        "generated_by": "alert",
        "searchname": rule.spec.name,
        "description": rule.spec.description,
        "flush_on_trigger": params.flush_on_trigger,
        "query": params.query,
        "query_info": query_info(&params.query, macros),
        "timerange_day": params.timerange_day,
        "timerange_hour": params.timerange_hour,
        "timerange_minute": params.timerange_minute,
        "timerange_second": 0,
        "limit": params.limit,
        "tid": "",
        "vid": "",
        "life_id": life_id(rule.id),
    })
}

fn query_info(query: &str, macros: &Macros) -> serde_json::Value {
    let plan = cresset_query::compile_with(query, macros).ok();
    let kind = plan
        .as_ref()
        .map_or("simple", |p| rows::kind_word(p.kind()));
    let fields = plan.as_ref().and_then(cresset_query::Plan::fields_read);
    let columns = plan.as_ref().map(rows::columns).unwrap_or_default();
    serde_json::json!({
        "success": plan.is_some(),
        "query_type": kind,
        "query_filter": "",
        "lucene_query": "",
        "fieldsToExtract": fields.unwrap_or_default(),
        "aliases": columns.aggregates,
        "columns": columns.aggregates,
        "grouping": columns.grouping,
    })
}

//! One search over several instances.
//!
//! The leading filter of the query runs at each instance that the request names, through
//! its public search API; what matches is fetched, and the whole query then runs over
//! these events and those that are here, as one. Of a query that only counts, the counts
//! are fetched rather than the events. Lists and the time zone are those of this instance:
//! where the filter looks into a list, or reads an hour or another part of a time, the rest
//! of the filter runs there and the whole of it here. An instance that cannot be searched is
//! named in [`ResultSet::missing`]; the others' part of the result stands.

mod ask;
mod question;
mod row;

use crate::members::Members;
use ask::Ask;
use async_trait::async_trait;
use cresset_model::Duration;
use cresset_model::event::LoggedEvent;
use cresset_model::instance::{Instance, is_remote, split_address};
use cresset_query::ResultSet;
use cresset_search::{Elsewhere, Error, HERE, Joins, Progress, Result, SearchRequest, Searcher};
use futures::StreamExt as _;
use question::{How, Question};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use tokio::time::Instant;

/// Share of a search's time that other instances are given; the rest is for this one.
const THEIR_TIME: f64 = 0.8;
/// Instances that are asked at the same time, each of which may send a large answer.
const AT_ONCE: usize = 8;

/// Searches this instance and those that a request names.
#[derive(Debug, Clone)]
pub struct FleetSearcher<S> {
    here: Arc<S>,
    members: Members,
    max_bytes: usize,
}

impl<S: Joins> FleetSearcher<S> {
    /// A searcher over `here` and the registered instances, which together send at most
    /// `max_bytes` of events for one search, in the measure of `Event::size`.
    pub const fn new(here: Arc<S>, members: Members, max_bytes: usize) -> Self {
        Self {
            here,
            members,
            max_bytes,
        }
    }

    /// What the other instances found, and which of them could not be searched.
    async fn elsewhere(
        &self,
        request: &SearchRequest,
        how: How,
    ) -> Result<(Elsewhere, Vec<String>)> {
        let instances = self.members.instances().await?;
        let time = Duration((request.timeout.0 as f64 * THEIR_TIME) as i64);
        let deadline = Instant::now() + time.to_std();
        let budget = AtomicUsize::new(self.max_bytes);
        let question = Question::of(request, how);
        let ask = |(node, repos): (_, Vec<_>)| {
            let instance = instances.iter().find(|i| i.node == node);
            let (question, budget) = (&question, &budget);
            async move {
                let Some(instance) = instance else {
                    return Err(Failed::At(format!(
                        "{node}: no such instance is registered"
                    )));
                };
                let asking = self.ask(instance, &repos, question, budget, deadline);
                match tokio::time::timeout_at(deadline, asking).await {
                    Ok(found) => found,
                    Err(_) => Err(failed(instance, "it took too long")),
                }
            }
        };
        let asked: Vec<_> = nodes(&request.repos).into_iter().map(ask).collect();
        let (mut all, mut missing) = (Elsewhere::default(), Vec::new());
        let mut answers = futures::stream::iter(asked).buffered(AT_ONCE);
        while let Some(found) = answers.next().await {
            match found {
                Ok(found) => {
                    all.events.extend(found.events);
                    all.counted.extend(found.counted);
                    all.total = all.total.saturating_add(found.total);
                    all.truncated |= found.truncated;
                    all.unfiltered = question.unfiltered;
                }
                Err(Failed::At(why)) => missing.push(why),
                Err(Failed::TooMuch(events)) => return Err(Error::TooMany(events)),
            }
        }
        Ok((all, missing))
    }

    async fn ask(
        &self,
        instance: &Instance,
        repos: &[Option<&str>],
        question: &Question,
        budget: &AtomicUsize,
        deadline: Instant,
    ) -> std::result::Result<Elsewhere, Failed> {
        if let Some(why) = self.members.silent(instance.id) {
            return Err(failed(instance, &why));
        }
        let member = self.members.member(instance).await;
        let member = member.map_err(|why| failed(instance, &why))?;
        let addresses = addresses(instance, repos).map_err(|why| failed(instance, &why))?;
        let product = match instance.health.seen_at {
            Some(_) => Ok(instance.health.product),
            // Nobody has looked yet, and how it is asked depends on it.
            None => member.product().await,
        };
        let product = product.map_err(|e| failed(instance, &e.to_string()))?;
        let ask = Ask {
            member: &member,
            instance,
            product,
            addresses,
            question,
            budget,
            deadline,
        };
        ask.all().await
    }
}

/// Why one instance gave nothing.
#[derive(Debug)]
pub(crate) enum Failed {
    /// For people.
    At(String),
    /// All instances together found more than is kept; so many events came from this one.
    TooMuch(usize),
}

/// The words for an instance that could not be searched.
fn failed(instance: &Instance, why: &str) -> Failed {
    Failed::At(format!("{} ({}): {why}", instance.name, instance.node))
}

/// The remote addresses among `repos`, by node; `None` stands for all repos of the node.
fn nodes(repos: &[String]) -> BTreeMap<&str, Vec<Option<&str>>> {
    let mut nodes: BTreeMap<&str, Vec<Option<&str>>> = BTreeMap::new();
    for address in repos.iter().filter(|repo| is_remote(repo)) {
        let (node, repo) = split_address(address);
        nodes.entry(node).or_default().push(repo);
    }
    nodes
}

/// What the instance itself calls the repos.
fn addresses(
    instance: &Instance,
    repos: &[Option<&str>],
) -> std::result::Result<Vec<String>, String> {
    let known = &instance.health.repos;
    if repos.contains(&None) {
        if known.is_empty() {
            return Err("its repos are not known yet; it has never answered".to_owned());
        }
        return Ok(known.iter().map(|repo| repo.address.clone()).collect());
    }
    let address = |name: &str| match known.iter().find(|repo| repo.name == name) {
        Some(repo) => repo.address.clone(),
        // It may be new there; a bare name is understood by Cresset, or refused with a reason.
        None => name.to_owned(),
    };
    Ok(repos.iter().flatten().copied().map(address).collect())
}

/// Whether the request names repos of other instances.
fn asks_others(request: &SearchRequest) -> bool {
    request.repos.iter().any(|repo| is_remote(repo))
}

/// The request as it concerns this instance. Where it names no repo here, it keeps the
/// addresses of others, which are nothing here.
fn local(mut request: SearchRequest) -> SearchRequest {
    if request.repos.iter().any(|repo| repo == HERE) {
        request.repos.clear();
    }
    request
}

/// The request as it concerns this instance, with the time that is left of what it was given
/// at `started`.
fn rest(mut request: SearchRequest, started: Instant) -> SearchRequest {
    let spent = i64::try_from(started.elapsed().as_micros()).unwrap_or(i64::MAX);
    request.timeout = Duration(request.timeout.0.saturating_sub(spent).max(0));
    local(request)
}

/// Fails if nothing was searched at all.
fn some_place_searched(request: &SearchRequest, missing: &[String]) -> Result<()> {
    let here = request.repos.iter().any(|repo| !is_remote(repo));
    if !here && missing.len() == nodes(&request.repos).len() {
        return Err(Error::Elsewhere(format!(
            "no instance could be searched: {}",
            missing.join("; ")
        )));
    }
    Ok(())
}

#[async_trait]
impl<S: Joins> Searcher for FleetSearcher<S> {
    async fn run(&self, request: SearchRequest) -> Result<ResultSet> {
        if !asks_others(&request) {
            return self.here.run(request).await;
        }
        let started = Instant::now();
        let (others, missing) = self.elsewhere(&request, How::AsNeeded).await?;
        some_place_searched(&request, &missing)?;
        let mut result = self.here.run_with(rest(request, started), others).await?;
        result.missing.extend(missing);
        Ok(result)
    }

    async fn run_watched(
        &self,
        request: SearchRequest,
        progress: Arc<Progress>,
    ) -> Result<ResultSet> {
        if asks_others(&request) {
            return self.run(request).await;
        }
        self.here.run_watched(request, progress).await
    }

    /// Fails if an instance cannot be searched: who asks for events counts on all of them.
    async fn matching(&self, request: SearchRequest, max: usize) -> Result<Vec<LoggedEvent>> {
        if !asks_others(&request) {
            return self.here.matching(request, max).await;
        }
        let started = Instant::now();
        let (others, missing) = self.elsewhere(&request, How::WholeEvents).await?;
        if !missing.is_empty() {
            return Err(Error::Elsewhere(missing.join("; ")));
        }
        if others.truncated {
            return Err(Error::TooMany(others.events.len()));
        }
        let request = rest(request, started);
        self.here.matching_with(request, others, max).await
    }
}

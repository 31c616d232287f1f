//! A search that runs on a server: begun, asked for page by page, and ended.

use super::{Row, SearchArgs};
use crate::client::{Client, read_reply};
use crate::system::SystemClock;
use anyhow::{Context, bail};
use cresset_model::Clock;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// Rows of one page of the search, and of one answer: what the server and this process hold
/// at a time. Only searches whose rows are events come in pages.
const PAGE: u64 = 10_000;
const ANSWER: u64 = 5_000;
/// How long a server that is busy is asked again.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long it may take to tell the server that a search is over.
const FAREWELL: Duration = Duration::from_secs(5);

/// How far a search is, in the server's numbers.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(super) struct Counts {
    pub(super) files: u64,
    pub(super) files_done: u64,
    pub(super) events: u64,
    pub(super) events_done: u64,
    pub(super) found: u64,
}

/// An answer of the server.
#[derive(Debug, Deserialize)]
struct Answer {
    query_type: String,
    done: bool,
    rows: Vec<Row>,
    #[serde(default)]
    progress: Counts,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    columns: Vec<String>,
    #[serde(default)]
    grouping: Vec<String>,
    #[serde(default)]
    total: u64,
    next: Option<String>,
}

/// What is known at the end.
#[derive(Debug, Default)]
pub(super) struct Summary {
    /// `simple`, `chart` or `timechart`.
    pub(super) query_type: String,
    /// Aggregates and fields of groups, in order.
    pub(super) columns: Vec<String>,
    pub(super) grouping: Vec<String>,
    /// Rows that there are, of which `rows` were given.
    pub(super) total: u64,
    pub(super) rows: u64,
    /// What the result lacks.
    pub(super) warnings: Vec<String>,
}

/// What came of asking.
pub(super) enum Update {
    /// How far it is, and perhaps rows.
    More(Counts, Vec<Row>),
    /// All rows were given.
    End(Summary),
}

/// A search on a server.
pub(super) struct Remote<'a> {
    client: &'a Client,
    scope: &'static str,
    start: Value,
    /// The search of the page at hand.
    id: Option<String>,
    /// Rows of that page so far, and of all pages.
    of_page: u64,
    given: u64,
    /// Most rows of a page, and rows that are wanted of all.
    page: u64,
    wanted: u64,
    /// Rows that the first page said there are.
    total: Option<u64>,
    ended: Option<Summary>,
}

impl<'a> Remote<'a> {
    /// Begins the search; gives what the server says about the query as well.
    pub(super) async fn begin(
        client: &'a Client,
        args: &SearchArgs,
    ) -> anyhow::Result<(Self, Vec<String>)> {
        let (from, to) = args.range(SystemClock.now());
        // What is wrong with a query the server says.
        let plan = cresset_query::compile(&args.query).ok();
        let feeds = plan.as_ref().is_some_and(|p| !p.lists_fed().is_empty());
        let paged = plan.is_some_and(|plan| plan.rows_are_events());
        let wanted = if args.all {
            u64::MAX
        } else {
            u64::from(args.limit)
        };
        let mut remote = Self {
            client,
            scope: if feeds {
                "search:read search:write"
            } else {
                "search:read"
            },
            start: json!({
                "query": args.query,
                "time_range": [from, to],
                "repos": args.repos,
                "timeout": 3600,
            }),
            id: None,
            of_page: 0,
            given: 0,
            page: if paged { PAGE } else { u64::MAX },
            wanted,
            total: None,
            ended: None,
        };
        let warnings = remote.start(None).await?;
        Ok((remote, warnings))
    }

    async fn start(&mut self, page: Option<String>) -> anyhow::Result<Vec<String>> {
        let mut body = self.start.clone();
        body["limit"] = (self.wanted - self.given).min(self.page).into();
        body["page"] = page.into();
        let reply = self.ask_patiently(&body).await?;
        let id = reply.get("search_id").and_then(Value::as_str);
        self.id = Some(id.context("the server gave no search id")?.to_owned());
        self.of_page = 0;
        let warnings = reply.get("warnings").and_then(Value::as_array);
        let texts = warnings.into_iter().flatten().filter_map(Value::as_str);
        Ok(texts.map(str::to_owned).collect())
    }

    /// Asks again while the server says that it has too much to do.
    async fn ask_patiently(&self, body: &Value) -> anyhow::Result<Value> {
        let started = std::time::Instant::now();
        loop {
            let request = self.request(Method::POST, "/api/v1/searches").json(body);
            let reply = self.reached(request.send().await)?;
            let busy = matches!(reply.status().as_u16(), 429 | 503);
            let wait = reply.headers().get("retry-after");
            let wait = wait.and_then(|wait| wait.to_str().ok()?.parse().ok());
            match wait.map(Duration::from_secs) {
                Some(wait) if busy && started.elapsed() + wait < PATIENCE => {
                    tokio::time::sleep(wait).await;
                }
                _ => return read_reply(reply).await,
            }
        }
    }

    /// What is new. Waits on the server, up to about a second.
    pub(super) async fn next(&mut self) -> anyhow::Result<Update> {
        if let Some(summary) = self.ended.take() {
            return Ok(Update::End(summary));
        }
        let Some(id) = &self.id else {
            bail!("the search has ended");
        };
        let path = format!("/api/v1/searches/{id}?skip={}&rows={ANSWER}", self.of_page);
        let reply = self.reached(self.request(Method::GET, &path).send().await)?;
        let reply = read_reply(reply).await?;
        let mut answer: Answer =
            serde_json::from_value(reply).context("the server answers no search result")?;
        let rows = std::mem::take(&mut answer.rows);
        self.of_page += rows.len() as u64;
        self.given += rows.len() as u64;
        let counts = answer.progress;
        if answer.done {
            self.page_done(answer).await?;
        }
        Ok(Update::More(counts, rows))
    }

    async fn page_done(&mut self, answer: Answer) -> anyhow::Result<()> {
        self.end().await;
        let total = *self.total.get_or_insert(answer.total);
        if let Some(page) = answer.next.filter(|_| self.given < self.wanted) {
            // The warnings of the query were told.
            self.start(Some(page)).await?;
            return Ok(());
        }
        self.ended = Some(Summary {
            query_type: answer.query_type,
            columns: answer.columns,
            grouping: answer.grouping,
            total: total.max(self.given),
            rows: self.given,
            warnings: answer.warnings,
        });
        Ok(())
    }

    /// Rows given so far, and those that there are in all, if pages are asked for.
    pub(super) fn pages(&self) -> Option<(u64, u64)> {
        let total = self.total?;
        Some((self.given, total.min(self.wanted)))
    }

    /// Ends the search on the server, as far as that can be told in a moment.
    pub(super) async fn end(&mut self) {
        let Some(id) = self.id.take() else { return };
        let path = format!("/api/v1/searches/{id}");
        let told = self.request(Method::DELETE, &path).timeout(FAREWELL).send();
        // The server forgets it in the end by itself.
        let _ = told.await;
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, path, self.scope)
    }

    fn reached(
        &self,
        reply: reqwest::Result<reqwest::Response>,
    ) -> anyhow::Result<reqwest::Response> {
        reply.with_context(|| format!("cannot reach {}", self.client.url))
    }
}

//! Answers with any number of incidents, made while they are sent.
//!
//! Clients know no pages: they expect all incidents of the span in one answer. So the
//! catalog is read a page at a time, and no more than a page is held in memory.

use super::filter::Filters;
use crate::auth::CredentialRequest;
use crate::error::{Error, Result};
use crate::logpoint::search::time_range_end;
use crate::state::Api;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use cresset_catalog::port::{IncidentFilter, IncidentTime, ListedIncident};
use cresset_model::Timestamp;
use cresset_model::incident::IncidentStatus;
use futures::stream::{self, StreamExt as _};
use serde_json::{Map, Value};

/// Incidents read at a time.
const PAGE: u32 = 200;

/// One list of incidents as an answer.
pub(super) struct Listing {
    pub(super) api: Api,
    filters: Filters,
    filter: IncidentFilter,
    /// Writes one incident.
    row: fn(&Api, &ListedIncident) -> Value,
    /// Whether a row stands before the next one.
    comma: bool,
}

impl Listing {
    /// What the request asks for, by `by`; `default` are the states if it names none.
    pub(super) fn new(
        api: Api,
        request: &CredentialRequest,
        by: IncidentTime,
        default: &[IncidentStatus],
        row: fn(&Api, &ListedIncident) -> Value,
    ) -> Result<Self> {
        let data = request.request_data()?;
        let filters = Filters::new(&request.query)?;
        let mut statuses = filters.statuses()?;
        if statuses.is_empty() {
            statuses = default.to_vec();
        }
        let caller = &request.caller;
        let filter = IncidentFilter {
            by,
            from: Some(end(&data, "ts_from")?),
            to: Some(end(&data, "ts_to")?),
            statuses,
            visible_to: (!caller.is_administrator()).then_some(caller.user.id),
            limit: PAGE,
            ..IncidentFilter::default()
        };
        Ok(Self {
            api,
            filters,
            filter,
            row,
            comma: false,
        })
    }

    /// `opening`, the rows of all pages separated by commas, `]}`.
    pub(super) async fn answer(mut self, opening: &'static str) -> Result<Response> {
        // What fails at once can still be said; a later page that fails breaks the answer off.
        let (first, more) = self.page().await?;
        let rest = stream::try_unfold(more.then_some(self), async |state| {
            let Some(mut listing) = state else {
                return Ok(None);
            };
            let (rows, more) = listing.page().await.inspect_err(|error| {
                tracing::error!(%error, "a list of incidents was broken off");
            })?;
            Ok::<_, Error>(Some((rows, more.then_some(listing))))
        });
        let start = [opening.to_owned(), first].map(|text| Ok(Bytes::from(text)));
        let body = stream::iter(start)
            .chain(rest.map(|rows| rows.map(Bytes::from)))
            .chain(stream::iter([Ok(Bytes::from_static(b"]}"))]));
        let headers = [(CONTENT_TYPE, "application/json")];
        Ok((headers, Body::from_stream(body)).into_response())
    }

    /// The next rows, and whether there may be more.
    async fn page(&mut self) -> Result<(String, bool)> {
        let found = self.api.catalog.listed_incidents(&self.filter).await?;
        let mut rows = String::new();
        for listed in found.iter().filter(|l| self.filters.pass(&l.incident)) {
            if std::mem::replace(&mut self.comma, true) {
                rows.push(',');
            }
            rows.push_str(&(self.row)(&self.api, listed).to_string());
        }
        self.filter.after = found.last().map(|last| (last.time, last.incident.id));
        Ok((rows, found.len() == PAGE as usize))
    }
}

fn end(data: &Map<String, Value>, name: &str) -> Result<Timestamp> {
    let value = data.get(name).unwrap_or(&Value::Null);
    time_range_end(value)
        .ok_or_else(|| Error::Malformed(format!("{name} must be seconds since 1970")))
}

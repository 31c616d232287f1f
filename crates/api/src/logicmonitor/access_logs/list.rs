//! `GET /setting/accesslogs`

use super::{demand, shown};
use crate::error::Result;
use crate::logicmonitor::call::Call;
use crate::logicmonitor::envelope::Reply;
use crate::state::Api;
use axum::extract::State;
use cresset_catalog::port::AUDIT_COLUMNS;
use cresset_model::filter::Sort;

/// The audit log, newest first unless `sort` says otherwise.
pub(crate) async fn list(State(api): State<Api>, call: Call) -> Result<Reply> {
    demand(&call)?;
    let mut query = call.list_query(AUDIT_COLUMNS)?;
    if query.sort.is_empty() {
        query.sort.push(Sort {
            column: "id".to_owned(),
            descending: true,
        });
    }
    let page = api.catalog.audit_lines(&query).await?;
    let zone = &call.caller.user.timezone;
    let items = page.items.iter().map(|line| shown(line, zone));
    Ok(call.list(page.total, items))
}

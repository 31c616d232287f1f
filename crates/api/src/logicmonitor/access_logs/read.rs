//! `GET /setting/accesslogs/{id}`

use super::{demand, shown};
use crate::error::{Error, Result};
use crate::logicmonitor::call::Call;
use crate::logicmonitor::envelope::Reply;
use crate::state::Api;
use axum::extract::State;

/// One line of the audit log.
pub(crate) async fn read(State(api): State<Api>, call: Call) -> Result<Reply> {
    demand(&call)?;
    let id = call.number("logId")?;
    let line = api.catalog.audit_line(id).await?;
    let line = line.ok_or_else(|| {
        Error::NotFound(format!(
            "there is no line with the id {id} in the access logs"
        ))
    })?;
    Ok(call.object(shown(&line, &call.caller.user.timezone)))
}

//! `PUT /setting/admins/{adminId}/apitokens/{tokenId}`

use super::{change, draft};
use crate::error::Result;
use crate::logicmonitor::call::Call;
use crate::logicmonitor::envelope::Reply;
use crate::state::Api;
use axum::extract::State;
use cresset_catalog::port::TokenChange;

/// Changes a token. As documented, one without `status` is enabled afterwards, and one
/// without `note` has none, unless the settings say that both stay. The keys that only
/// Cresset has stay if they are not named: clients that do not know them must not take them
/// away.
pub(in crate::logicmonitor) async fn replace(State(api): State<Api>, call: Call) -> Result<Reply> {
    let draft = draft::read(&call.json()?)?;
    if api.settings.strict_put {
        return change::apply(&api, &call, draft).await;
    }
    let full = TokenChange {
        note: Some(draft.note.unwrap_or_default()),
        disabled: Some(draft.disabled.unwrap_or(false)),
        ..draft
    };
    change::apply(&api, &call, full).await
}

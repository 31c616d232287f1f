//! `GET /setting/companySetting`: what clients print after they connected.

use super::call::Call;
use super::envelope::Reply;
use super::rights::demand;
use crate::error::Result;
use crate::logpoint::search::allowed_data::known_devices;
use crate::state::Api;
use axum::extract::State;
use cresset_model::role::Right;
use serde_json::json;

/// The server's name, and how many devices sent something during the last day to a repo that
/// the caller may search. Nobody's websites are watched here.
pub(crate) async fn read(State(api): State<Api>, call: Call) -> Result<Reply> {
    // Everybody has this right who does not use a credential that is narrowed to other things.
    demand(call.rights.own_tokens, Right::Read, "see settings")?;
    let devices = known_devices(&api, &call.caller.user).await;
    // Somebody who only wants to connect is not refused for a search that takes too long.
    let devices = devices.map_or(0, |devices| devices.len());
    Ok(call.object(json!({
        "companyDisplayName": api.settings.server_name,
        "numberOfDevices": devices,
        "numOfWebsites": 0,
    })))
}

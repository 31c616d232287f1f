//! `GET /setting/admins/apitokens/self`

use super::authority::right_on_token;
use super::shape;
use crate::error::{Error, Result};
use crate::logicmonitor::call::Call;
use crate::logicmonitor::envelope::Reply;

/// The token that the request itself is sent with. Whoever has it may know about it.
pub(in crate::logicmonitor) async fn this(call: Call) -> Result<Reply> {
    let Some(token) = &call.token else {
        let message = "this request was sent with a self-signed token, which is no API token";
        return Err(Error::NotFound(message.to_owned()));
    };
    Ok(call.object(shape::of(token, right_on_token(&call, token))))
}

//! Whether a rule's query can run on this server.

use crate::auth::Caller;
use crate::error::{Error, Result};
use crate::logpoint::search::problems;
use crate::state::Context;
use cresset_model::ObjectId;
use cresset_query::{Plan, compile_with};

/// Why a plan cannot run here, for people: without it a live rule would see events without
/// their places, and never say so.
pub(crate) fn why_not(api: &Context, plan: &Plan) -> Option<String> {
    let unplaced = plan.asks_places() && !api.settings.knows_places;
    unplaced.then(|| cresset_search::Error::NoPlaces.to_string())
}

/// Refuses to switch rules on that could not run: since they were saved, a macro or the
/// database of places may have gone.
pub(super) async fn demand(api: &Context, caller: &Caller, ids: &[ObjectId]) -> Result<()> {
    let macros = api.macros.current().await?;
    for id in ids {
        // Unknown ones, and those of others, are told by who switches them.
        let Some(found) = api.catalog.rule(*id).await? else {
            continue;
        };
        if found.rule.owner != caller.user.id {
            continue;
        }
        let spec = &found.rule.spec;
        let query = &spec.search_params.query;
        let why = match compile_with(query, &macros) {
            Ok(plan) => why_not(api, &plan),
            Err(mistakes) => Some(problems(query, &mistakes)),
        };
        if let Some(why) = why {
            let message = format!("the rule {:?} cannot run: {why}", spec.name);
            return Err(Error::field("ids", message));
        }
    }
    Ok(())
}

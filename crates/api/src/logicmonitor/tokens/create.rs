//! `POST /setting/admins/{adminId}/apitokens`

use super::authority::demand_write;
use super::limits::Limits;
use super::{draft, kind, no_user, shape};
use crate::error::{Error, Result};
use crate::logicmonitor::call::Call;
use crate::logicmonitor::envelope::Reply;
use crate::state::{Api, Context};
use axum::extract::State;
use cresset_auth::bearer::BearerToken;
use cresset_auth::keys::{generate_access_id, generate_access_key};
use cresset_catalog::port::{NewToken, TokenChange};
use cresset_model::role::Right;
use cresset_model::token::TokenKind;

/// Creates a token. Its secret is in the answer, and nowhere else later.
pub(in crate::logicmonitor) async fn create(State(api): State<Api>, call: Call) -> Result<Reply> {
    let owner = call.number("adminId")?;
    demand_write(&api, &call, owner).await?;
    let kind = kind(&call)?;
    let draft = draft::read(&call.json()?)?;
    let mine = Limits::of_caller(&call);
    let limits = mine.with(&draft);
    mine.demand(&limits)?;
    if limits.expires_at.is_some_and(|end| end <= api.now()) {
        return Err(Error::field("expiresOn", "must be in the future"));
    }
    let user = api.catalog.account(owner).await?;
    let user = user.ok_or_else(|| no_user(owner))?;
    let new = new_token(&api, &call, kind, owner, draft, limits);
    let name = name_of(&new);
    let text = format!("Add new api token - {name} for {}", user.user.username);
    let told = call.audit_entry(&api, "api_token_created", &text);
    let secret = new.secret.clone();
    let token = api.catalog.create_token(new, &told).await?;
    Ok(call.object(shape::with_secret(&token, Right::Write, &secret)))
}

/// A new token with a new secret.
pub(super) fn new_token(
    api: &Context,
    call: &Call,
    kind: TokenKind,
    owner: i64,
    draft: TokenChange,
    limits: Limits,
) -> NewToken {
    let entropy = api.entropy.as_ref();
    let (access_id, secret) = match kind {
        TokenKind::Lmv1 => (generate_access_id(entropy), generate_access_key(entropy)),
        TokenKind::Bearer => {
            let token = BearerToken::generate(entropy);
            (String::new(), token.secret().clone())
        }
    };
    NewToken {
        kind,
        access_id,
        secret,
        user_number: owner,
        note: draft.note.unwrap_or_default(),
        disabled: draft.disabled.unwrap_or(false),
        created_at: api.now(),
        created_by: call.caller.user.username.clone(),
        expires_at: limits.expires_at,
        scopes: limits.scopes,
        networks: limits.networks,
    }
}

/// How the audit log names a token that has no id yet.
pub(super) fn name_of(new: &NewToken) -> String {
    match new.kind {
        TokenKind::Lmv1 => new.access_id.clone(),
        TokenKind::Bearer => {
            let shown: String = new.secret.expose().chars().take(20).collect();
            format!("{shown}***")
        }
    }
}

//! What holds a secret does not print it, not even where a programmer prints everything.

use super::needles::{Finder, Vault};
use anyhow::{Result, ensure};
use cresset_auth::bearer::BearerToken;
use cresset_auth::{jwt, lmv1};
use cresset_catalog::port::{AccountChange, NewAccount, NewToken, NewUser};
use cresset_model::notification::{DispatchOption, HttpAuth, HttpMethod, HttpNotification};
use cresset_model::token::TokenKind;
use cresset_model::{ObjectId, SecretString, Timestamp};
use serde_json::Map;
use std::fmt::Debug;

/// The secret that is put into everything.
const SECRET: &str = "Cnry-pr1nted+key/=&%Rf7tYq";

/// Prints one value of each type that holds secrets and looks for them; `vault` and `finder`
/// are those of a test that found nothing.
pub(super) fn hide(vault: &Vault, finder: &Finder) -> Result<()> {
    let mut own = Vault::default();
    own.plant("what is printed", SECRET);
    let own = own.finder()?;
    // A finder that finds nothing at all would be content.
    ensure!(
        vault.len() > 20,
        "only {} secrets were planted",
        vault.len()
    );
    ensure!(!own.find(SECRET.as_bytes()).is_empty(), "it does not find");
    for (what, text) in printed() {
        let hits = [own.find(text.as_bytes()), finder.find(text.as_bytes())].concat();
        ensure!(hits.is_empty(), "{what} prints {hits:?}");
        ensure!(
            text.contains("***") || text.contains(".."),
            "{what} prints {text}"
        );
    }
    Ok(())
}

fn secret() -> SecretString {
    SecretString::new(SECRET)
}

fn print(what: &'static str, value: &impl Debug) -> [(&'static str, String); 2] {
    [(what, format!("{value:?}")), (what, format!("{value:#?}"))]
}

fn printed() -> Vec<(&'static str, String)> {
    let id = ObjectId::from_bytes([7; 12]);
    let created_at = Timestamp::from_secs(1_700_000_000);
    let name = || "ann".to_owned();
    let user = NewUser {
        id,
        username: name(),
        email: String::new(),
        roles: Vec::new(),
        password: Some(secret()),
        api_access_key: secret(),
        created_at,
    };
    let account = NewAccount {
        id,
        username: name(),
        email: String::new(),
        first_name: String::new(),
        last_name: String::new(),
        note: String::new(),
        disabled: false,
        api_only: false,
        timezone: None,
        roles: Vec::new(),
        password: Some(secret()),
        api_access_key: secret(),
        extra: Map::new(),
        created_at,
        created_by: name(),
    };
    let change = AccountChange {
        password: Some(secret()),
        ..AccountChange::default()
    };
    let token = NewToken {
        kind: TokenKind::Lmv1,
        access_id: "id".to_owned(),
        secret: secret(),
        user_number: 1,
        note: String::new(),
        disabled: false,
        created_at,
        created_by: name(),
        expires_at: None,
        scopes: None,
        networks: Vec::new(),
    };
    let notification = |auth: HttpAuth| HttpNotification {
        enabled: true,
        url: secret(),
        protocol: "HTTPS".to_owned(),
        method: HttpMethod::Post,
        query_string: String::new(),
        format_query: String::new(),
        body: String::new(),
        auth,
        dispatch: DispatchOption::Auto,
        threshold: None,
    };
    let bearer = format!("lmb_{}", "A".repeat(64));
    let auths = [
        HttpAuth::Bearer { token: secret() },
        HttpAuth::Basic {
            user: name(),
            password: secret(),
        },
        HttpAuth::ApiToken {
            name: name(),
            value: secret(),
        },
    ];
    let mut texts = vec![
        ("a secret", format!("{}", secret())),
        (
            "a bearer token",
            format!("{:?} ***", BearerToken::parse(&bearer)),
        ),
    ];
    texts.extend(print("a secret", &secret()));
    texts.extend(print("a user", &user));
    texts.extend(print("an account", &account));
    texts.extend(print("a change", &change));
    texts.extend(print("a token", &token));
    for auth in auths {
        texts.extend(print("a notification", &notification(auth)));
    }
    // What is not secret of it may be printed, what proves somebody may not.
    let header = format!("LMv1 id:{SECRET}:1700000000000");
    texts.push(("a header", format!("{:?} ***", lmv1::parse(&header))));
    let forged = format!("eyJhbGciOiJIUzI1NiJ9.e30.{SECRET}");
    texts.push(("a JWT", format!("{:?} ***", jwt::decode(&forged).err())));
    texts
}

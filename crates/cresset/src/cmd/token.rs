//! `cresset token`: the self-signed JWT of Logpoint's API.

use super::credentials::access_key_of;
use crate::cli::{TokenAlg, TokenArgs};
use crate::system::SystemClock;
use cresset_auth::jwt::{Alg, SignClaims, sign};
use cresset_model::user::Scope;
use cresset_model::{Clock, Duration, SecretString};

pub(crate) async fn run(args: TokenArgs) -> anyhow::Result<()> {
    for word in args
        .scope
        .split_whitespace()
        .filter(|w| w.parse::<Scope>().is_err())
    {
        let known: Vec<&str> = Scope::ALL.iter().map(|s| s.as_str()).collect();
        eprintln!(
            "cresset: note: {word:?} is no scope of this server and grants nothing; known are {}",
            known.join(" ")
        );
    }
    let key = access_key_of(&args.user, args.secret_file.as_ref(), &args.data).await?;
    let alg = match args.alg {
        TokenAlg::Hs256 => Alg::HS256,
        TokenAlg::Hs384 => Alg::HS384,
        TokenAlg::Hs512 => Alg::HS512,
    };
    println!(
        "{}",
        self_signed(&args.user, &args.scope, args.ttl, &key, alg)
    );
    Ok(())
}

/// A token for `user` that is valid from now for `ttl`.
pub(crate) fn self_signed(
    user: &str,
    scope: &str,
    ttl: Duration,
    key: &SecretString,
    alg: Alg,
) -> String {
    let now = SystemClock.now();
    let claims = SignClaims {
        sub: user.to_owned(),
        scope: scope.to_owned(),
        iat: now,
        exp: now + ttl,
    };
    sign(&claims, key, alg)
}

//! Credentials: self-signed JWTs, LMv1 signatures, bearer tokens, generated keys; and what
//! limits their use: networks, replay cache, quota, and the throttles that slow down guessing.
//!
//! Nothing here does I/O or knows HTTP. Time and randomness are arguments, keys
//! are looked up by the caller. The order of the checks is the point of the design:
//! a token's structure, size and algorithm are judged before any key is fetched
//! ([`jwt::decode`]), and its claims are believed only after its signature holds
//! ([`jwt::Unverified::verify`]).

pub mod bearer;
pub mod guesses;
pub mod jwt;
pub mod keys;
pub mod lmv1;
pub mod networks;
pub mod quota;
pub mod replay;
pub mod signing_key;
pub mod throttle;

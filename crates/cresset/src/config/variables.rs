//! Variables that hold secrets for the commands that speak to servers. They are no settings,
//! and a server may be started where they are set.

/// Begins the names of variables that hold keys of targets of `cresset rules`.
pub(crate) const TARGET_SECRET: &str = "CRESSET_SECRET_";
/// The key for `cresset instance`.
pub(crate) const INSTANCE_SECRET: &str = "CRESSET_INSTANCE_SECRET";
/// The public half of the API token for `cresset sign` and `cresset api`.
pub(crate) const ACCESS_ID: &str = "CRESSET_ACCESS_ID";
/// The secret half of that token.
pub(crate) const ACCESS_KEY: &str = "CRESSET_ACCESS_KEY";
/// The bearer token for `cresset api`.
pub(crate) const BEARER_TOKEN: &str = "CRESSET_BEARER_TOKEN";

/// Whether the variable of that name is one of these.
pub(super) fn is_of_commands(name: &[u8]) -> bool {
    let whole = [INSTANCE_SECRET, ACCESS_ID, ACCESS_KEY, BEARER_TOKEN];
    name.starts_with(TARGET_SECRET.as_bytes()) || whole.iter().any(|known| name == known.as_bytes())
}

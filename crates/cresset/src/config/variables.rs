//! Variables that hold secrets. They are no settings, and a server may be started where those
//! are set that are for commands which speak to servers.

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

/// The keys that seal stored secrets, for servers and commands.
pub(crate) const SEALING_KEY: &str = "CRESSET_SEALING_KEY";
/// The secret half of the credential for object storage, for servers.
pub(crate) const S3_SECRET: &str = "CRESSET_S3_SECRET_ACCESS_KEY";
/// The variable of the setting `sealing.key_command`, which commands look at, too.
pub(crate) const SEALING_COMMAND: &str = "CRESSET_SEALING_KEY_COMMAND";

/// Whether the variable of that name is one of these.
pub(super) fn is_of_commands(name: &[u8]) -> bool {
    let whole = [
        INSTANCE_SECRET,
        ACCESS_ID,
        ACCESS_KEY,
        BEARER_TOKEN,
        SEALING_KEY,
        S3_SECRET,
    ];
    name.starts_with(TARGET_SECRET.as_bytes()) || whole.iter().any(|known| name == known.as_bytes())
}

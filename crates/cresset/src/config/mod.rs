//! Configuration: one table of settings, four sources, all problems at once.
//!
//! Every setting is a row of [`settings::settings`]. It can be given as a
//! command-line flag (for some), as `CRESSET_SECTION_NAME` in the environment, as
//! `name` under `[section]` in the TOML file, or left at its default; the first of
//! these wins. `cresset check` and `cresset serve` call the same [`draft()`], so they
//! cannot disagree.

mod checks;
mod kinds;
mod load;
mod s3;
mod settings;
mod typed;
mod units;
mod variables;

#[cfg(test)]
pub(crate) use load::load;
pub(crate) use load::{Problem, Sources, draft, render_problems};
pub(crate) use s3::S3;
pub(crate) use settings::settings;
pub(crate) use typed::{Config, NodeRole, Smtp, SmtpMode, Tls};
pub(crate) use units::parse_duration;
pub(crate) use variables::{
    ACCESS_ID, ACCESS_KEY, BEARER_TOKEN, INSTANCE_SECRET, S3_SECRET, SEALING_COMMAND, SEALING_KEY,
    TARGET_SECRET,
};

#[cfg(test)]
mod tests;

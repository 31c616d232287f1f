//! What a setting is.

/// What a setting's value must look like.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// A path; empty means none.
    Path,
    /// `ADDRESS:PORT`.
    Listen,
    /// `ADDRESS:PORT`, or empty for off.
    OptionalListen,
    /// A whole number in a range.
    Int(u64, u64),
    /// `true` or `false`.
    Bool,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A span such as `10s`, `5m`, `24h`, `7d`.
    Duration,
    /// A size such as `64KiB`, `48MiB`.
    Size,
    /// An IANA time zone.
    Zone,
    /// Networks such as `10.0.0.0/8`.
    Cidrs,
    /// Spans.
    Durations,
    /// Words out of these.
    Choices(&'static [&'static str]),
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    /// `section.name`.
    pub(crate) key: &'static str,
    /// What its value must look like.
    pub(crate) kind: Kind,
    /// The default as it would stand in the file.
    pub(crate) default: &'static str,
    /// One line for people.
    pub(crate) help: &'static str,
}

impl Setting {
    /// The name of the environment variable.
    pub(crate) fn env(&self) -> String {
        format!("CRESSET_{}", self.key.replace('.', "_").to_uppercase())
    }
}

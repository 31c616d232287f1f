//! Moments that a catalog has seen.

/// A moment at which a catalog was read.
///
/// Who has looked up what proves a request may read more for the same request as of the same
/// moment, which a catalog may answer from memory. Not after a write of its own: that came
/// later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Who saw it.
    connection: u64,
    /// What was seen then.
    version: i64,
}

impl Moment {
    /// The moment at which a connection of the catalog saw that version of everything.
    pub(crate) const fn new(connection: u64, version: i64) -> Self {
        Self {
            connection,
            version,
        }
    }

    #[cfg(test)]
    pub(crate) const fn connection(&self) -> u64 {
        self.connection
    }
}

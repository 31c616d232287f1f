//! Macros of queries.

use crate::Result;
use async_trait::async_trait;
use cresset_model::macros::Macro;

/// Macros.
#[async_trait]
pub trait Macros: Send + Sync + 'static {
    /// Creates a macro or replaces the one of that name; names are stored in upper case. A
    /// change counts as one of the rules too, since queries of rules may call it.
    ///
    /// [`crate::Error::Refused`] for what is no macro by its own form, or one too many.
    /// Whether its text can be read as a part of a query is not looked at.
    async fn put_macro(&self, one: Macro) -> Result<Macro>;
    /// Removes a macro. [`crate::Error::NotFound`] if there is none of that name (any case).
    async fn delete_macro(&self, name: &str) -> Result<()>;
    /// All macros by name.
    async fn macros(&self) -> Result<Vec<Macro>>;
    /// A number that grows with every change of any macro, by any process.
    async fn macros_version(&self) -> Result<u64>;
}

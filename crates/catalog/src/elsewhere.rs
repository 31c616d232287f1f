//! Work that keeps its thread waiting.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Does work that waits; other tasks of this thread go to another one meanwhile, if there is one.
pub(crate) fn elsewhere<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        // Without other threads nobody could take them.
        _ => work(),
    }
}

//! What a result lacks because event files are lost.

use crate::Result;
use crate::scan::Unread;
use crate::view::Extent;
use cresset_catalog::Catalog;
use cresset_store::EventStore;

/// Most lost files that a result names.
const MOST_NAMED: usize = 20;

/// What the result lacks, for people: files that just did not read, unless their events have
/// expired since the search began, and those that did not before.
pub(crate) async fn named(
    store: &EventStore,
    catalog: &dyn Catalog,
    extent: &Extent,
    unread: &[Unread],
) -> Result<Vec<String>> {
    let mut lost = Vec::new();
    for (file, error) in unread {
        lost.extend(store.examine(file, error).await?);
    }
    let before = catalog
        .quarantined_files(&extent.repos, extent.from, extent.to)
        .await?;
    let just_now = |path: &str| unread.iter().any(|(file, _)| file.path == path);
    let before = before.iter().filter(|lost| !just_now(&lost.file.path));
    lost.extend(before.map(ToString::to_string));
    if lost.len() > MOST_NAMED {
        let more = lost.len() - MOST_NAMED;
        lost.truncate(MOST_NAMED);
        lost.push(format!("{more} more event files"));
    }
    Ok(lost)
}

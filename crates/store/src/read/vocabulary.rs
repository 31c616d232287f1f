//! Passing over row groups by their vocabularies.

use super::{StoredFile, guarded};
use crate::Result;
use crate::terms::{self, PLACES, Place};
use cresset_query::terms::Needs;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::ChunkReader;
use std::sync::OnceLock;

/// The vocabularies of a file, each read when it is first asked for.
#[derive(Debug, Default)]
pub(super) struct Vocabularies {
    places: Vec<Option<Place>>,
    read: Vec<OnceLock<Box<str>>>,
}

impl Vocabularies {
    /// Where they are, as the footer says; it may say nothing.
    pub(super) fn of(metadata: &ParquetMetaData) -> std::result::Result<Self, String> {
        let entries = metadata.file_metadata().key_value_metadata();
        let text = entries
            .and_then(|entries| entries.iter().find(|e| e.key == PLACES))
            .and_then(|entry| entry.value.as_deref());
        let places: Vec<Option<Place>> = match text {
            Some(text) => serde_json::from_str(text).map_err(|e| e.to_string())?,
            None => Vec::new(),
        };
        let read = places.iter().map(|_| OnceLock::new()).collect();
        Ok(Self { places, read })
    }

    /// Bytes in memory, once all are read.
    pub(super) fn size(&self) -> usize {
        self.places
            .iter()
            .flatten()
            .map(|place| place.expanded + 64)
            .sum()
    }
}

impl StoredFile {
    /// The vocabulary of a row group, if it has one.
    pub(crate) fn vocabulary(&self, group: usize) -> Result<Option<&str>> {
        let vocabularies = &self.shape.vocabularies;
        let (Some(Some(place)), Some(kept)) =
            (vocabularies.places.get(group), vocabularies.read.get(group))
        else {
            return Ok(None);
        };
        if let Some(known) = kept.get() {
            return Ok(Some(known));
        }
        let read = guarded(&self.path, || {
            let packed = self.bytes.get_bytes(place.at, place.bytes as usize);
            terms::expand(&packed.map_err(|e| e.to_string())?, *place)
        });
        let read = read.map_err(|e| self.bytes.blame(e))?;
        Ok(Some(kept.get_or_init(|| read.into())))
    }

    /// Whether a row group may have an event that meets a filter with these needs.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Damaged`] if the vocabulary does not read.
    pub fn may_meet(&self, group: usize, needs: &Needs) -> Result<bool> {
        let Some(vocabulary) = self.vocabulary(group)? else {
            return Ok(true);
        };
        // That of all values: those of other kinds than text too, but for numbers, which have no
        // terms.
        Ok(needs.met(vocabulary))
    }
}

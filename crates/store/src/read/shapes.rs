//! What is known of files from one search to the next.

use super::shape::Shape;
use cresset_model::ObjectId;
use lru::LruCache;
use parking_lot::Mutex;
use std::sync::Arc;

/// Shapes of the files that were read last.
#[derive(Debug)]
pub(crate) struct Shapes {
    kept: Mutex<Kept>,
    max_bytes: usize,
}

#[derive(Debug)]
struct Kept {
    by_file: LruCache<ObjectId, Arc<Shape>>,
    bytes: usize,
}

impl Shapes {
    /// Keeps shapes of at most so many bytes.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            kept: Mutex::new(Kept {
                by_file: LruCache::unbounded(),
                bytes: 0,
            }),
            max_bytes,
        }
    }

    pub(super) fn get(&self, file: ObjectId) -> Option<Arc<Shape>> {
        self.kept.lock().by_file.get(&file).cloned()
    }

    /// What a damaged file said of itself is not for the one that takes its place.
    pub(crate) fn forget(&self, file: ObjectId) {
        let mut kept = self.kept.lock();
        if let Some(old) = kept.by_file.pop(&file) {
            kept.bytes -= old.size;
        }
    }

    pub(super) fn keep(&self, file: ObjectId, shape: &Arc<Shape>) {
        let mut kept = self.kept.lock();
        kept.bytes += shape.size;
        if let Some(old) = kept.by_file.put(file, Arc::clone(shape)) {
            kept.bytes -= old.size;
        }
        while kept.bytes > self.max_bytes
            && let Some((_, old)) = kept.by_file.pop_lru()
        {
            kept.bytes -= old.size;
        }
    }
}

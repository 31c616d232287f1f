//! Checksums of event files.
//!
//! Parquet's own checksums of pages are not written by the library. One checksum of the whole
//! file stands in the catalog; searches do not look at it. It is compared where a file does
//! not read, where one is restored, and of every file from time to time.

use crate::storage::Written;
use crc32fast::Hasher;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// Bytes read at a time.
pub(crate) const PIECE: usize = 1 << 20;

/// The size and checksum of an open file, from its begin to its end.
pub(crate) fn of_file(file: &File) -> io::Result<Written> {
    let (mut hasher, mut bytes, mut piece) = (Hasher::new(), 0, vec![0; PIECE]);
    loop {
        let read = match file.read_at(&mut piece, bytes) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        if read == 0 {
            let crc32 = hasher.finalize();
            return Ok(Written { bytes, crc32 });
        }
        hasher.update(&piece[..read]);
        bytes += read as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn the_checksum_is_of_all_bytes() {
        let mut file = tempfile::tempfile().unwrap();
        let bytes: Vec<u8> = (0..PIECE + 9).map(|n| n as u8).collect();
        file.write_all(&bytes).unwrap();
        let expect = Written {
            bytes: bytes.len() as u64,
            crc32: crc32fast::hash(&bytes),
        };
        assert_eq!(of_file(&file).unwrap(), expect);
    }
}

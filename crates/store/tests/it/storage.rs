//! What any storage promises.

use crate::home::Home;
use cresset_store::{Error, Result, Storage, Written};
use parquet::file::reader::{ChunkReader as _, Length as _};
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

const FILE: &str = "r/2026/01/01/0123456789abcdef01234567.parquet";
const OTHER: &str = "r/2026/01/02/0123456789abcdef01234568.parquet";

fn write(storage: &dyn Storage, path: &str, content: &[u8]) -> Result<Written> {
    let fill = |mut file: File, place: &Path| match file.write_all(content) {
        Ok(()) => Ok(file),
        Err(source) => Err(Error::Io {
            path: place.to_owned(),
            source,
        }),
    };
    storage.write(path, Box::new(fill))
}

fn open(home: &Home) -> Arc<dyn Storage> {
    let storage = home.storage().unwrap();
    assert_eq!(storage.list().unwrap(), [""; 0]);
    storage
}

pub(crate) async fn files_are_written_listed_and_removed(home: Home) {
    let storage = open(&home);
    let written = |bytes: &[u8]| Written {
        bytes: bytes.len() as u64,
        crc32: crc32fast::hash(bytes),
    };
    assert_eq!(write(&*storage, FILE, b"one").unwrap(), written(b"one"));
    assert_eq!(write(&*storage, OTHER, b"").unwrap(), written(b""));
    let mut listed = storage.list().unwrap();
    listed.sort();
    assert_eq!(listed, [FILE, OTHER]);
    assert_eq!(home.read(FILE).await, b"one");
    storage.remove(FILE).unwrap();
    storage.remove(FILE).unwrap();
    assert_eq!(storage.list().unwrap(), [OTHER]);
}

pub(crate) async fn a_file_is_never_written_over(home: Home) {
    let storage = open(&home);
    write(&*storage, FILE, b"one").unwrap();
    let error = write(&*storage, FILE, b"two").unwrap_err();
    assert!(
        matches!(&error, Error::Io { source, .. } if source.kind() == io::ErrorKind::AlreadyExists),
        "{error}"
    );
    assert_eq!(home.read(FILE).await, b"one");
    assert_eq!(home.stored().await, [FILE]);
}

pub(crate) async fn a_file_that_was_not_filled_is_not_there(home: Home) {
    let storage = open(&home);
    let fill = |mut file: File, place: &Path| {
        file.write_all(b"half").unwrap();
        Err(Error::Encode {
            path: place.to_owned(),
            reason: "no more".to_owned(),
        })
    };
    storage.write(FILE, Box::new(fill)).unwrap_err();
    assert_eq!(home.stored().await, [""; 0]);
    write(&*storage, FILE, b"whole").unwrap();
    assert_eq!(home.read(FILE).await, b"whole");
}

pub(crate) async fn a_large_file_is_whole(home: Home) {
    let storage = open(&home);
    // More than two parts of an upload, the last of them small.
    let content: Vec<u8> = (0..17_000_003_u32).map(|n| (n / 251) as u8).collect();
    let written = write(&*storage, FILE, &content).unwrap();
    assert_eq!(written.bytes, content.len() as u64);
    assert_eq!(written.crc32, crc32fast::hash(&content));
    let mut read = Vec::new();
    let take = &mut |piece: &[u8]| read.extend_from_slice(piece);
    storage.read(FILE, take).unwrap();
    assert!(read == content);
    assert!(home.read(FILE).await == content);
}

pub(crate) async fn any_range_reads(home: Home) {
    let content: Vec<u8> = (0..900_000_u32).map(|n| (n / 251) as u8).collect();
    write(&*open(&home), FILE, &content).unwrap();
    // Another, which has no copy of what was written.
    let storage = home.storage().unwrap();
    let file = storage.open(FILE, content.len() as u64).unwrap();
    for (start, length) in [(899_990, 10), (0, 1), (70_000, 0), (65_535, 300_000)] {
        let read = file.get_bytes(start as u64, length).unwrap();
        assert!(read == content[start..start + length], "{start} {length}");
    }
    file.get_bytes(899_990, 11).unwrap_err();
    assert_eq!(file.len(), 900_000);
}

pub(crate) async fn what_is_set_aside_is_kept_and_not_listed(home: Home) {
    let storage = open(&home);
    write(&*storage, FILE, b"one").unwrap();
    assert_eq!(storage.list_folder(".aside").unwrap(), [""; 0]);
    let kept = format!(".aside/{}", FILE.replace('/', "~"));
    storage.rename(FILE, &kept).unwrap();
    assert_eq!(storage.list().unwrap(), [""; 0]);
    assert_eq!(storage.list_folder(".aside").unwrap(), [kept.as_str()]);
    assert_eq!(home.stored().await, std::slice::from_ref(&kept));
    assert_eq!(home.read(&kept).await, b"one");
}

pub(crate) async fn what_is_stored_is_told_not_what_was_copied(home: Home) {
    let storage = open(&home);
    storage.present().unwrap();
    write(&*storage, FILE, b"one").unwrap();
    home.put(FILE, b"other").await;
    assert_eq!(storage.size(FILE).unwrap(), 5);
    let mut read = Vec::new();
    let take = &mut |piece: &[u8]| read.extend_from_slice(piece);
    storage.read(FILE, take).unwrap();
    assert_eq!(read, b"other");
    home.delete(FILE).await;
    for missing in [
        storage.size(FILE).map(drop),
        storage.read(FILE, &mut |_| ()),
        storage.rename(FILE, OTHER),
    ] {
        assert!(
            matches!(&missing, Err(Error::Missing { .. })),
            "{missing:?}"
        );
    }
    assert_eq!(home.stored().await, [""; 0]);
}

pub(crate) async fn what_is_renamed_takes_the_place_of_what_was_there(home: Home) {
    let storage = open(&home);
    write(&*storage, FILE, b"one").unwrap();
    write(&*storage, OTHER, b"two").unwrap();
    storage.rename(FILE, OTHER).unwrap();
    assert_eq!(home.stored().await, [OTHER]);
    assert_eq!(home.read(OTHER).await, b"one");
    let file = storage.open(OTHER, 3).unwrap();
    assert_eq!(file.get_bytes(0, 3).unwrap().as_ref(), b"one");
}

pub(crate) async fn a_file_without_a_name_leaves_nothing(home: Home) {
    let storage = open(&home);
    let mut file = storage.scratch().unwrap();
    file.write_all(b"a secret").unwrap();
    assert_eq!(home.stored().await, [""; 0]);
    assert!(!home.holds("a secret").await);
}

pub(crate) async fn no_path_leads_out(home: Home) {
    let storage = open(&home);
    for bad in ["../x.parquet", "/x.parquet", "a/../../x.parquet"] {
        write(&*storage, bad, b"").unwrap_err();
        storage.open(bad, 0).unwrap_err();
        storage.remove(bad).unwrap_err();
        storage.rename(bad, FILE).unwrap_err();
        storage.size(bad).unwrap_err();
        storage.read(bad, &mut |_| ()).unwrap_err();
        storage.list_folder(bad).unwrap_err();
    }
    write(&*storage, FILE, b"one").unwrap();
    for bad in ["../x.parquet", "/x.parquet", "a/../../x.parquet"] {
        storage.rename(FILE, bad).unwrap_err();
    }
    assert_eq!(home.stored().await, [FILE]);
}

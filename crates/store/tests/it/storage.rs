//! What any storage promises.

use crate::home::Home;
use cresset_store::{Error, Result, Storage};
use parquet::file::reader::{ChunkReader as _, Length as _};
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

const FILE: &str = "r/2026/01/01/0123456789abcdef01234567.parquet";
const OTHER: &str = "r/2026/01/02/0123456789abcdef01234568.parquet";

fn write(storage: &dyn Storage, path: &str, content: &[u8]) -> Result<u64> {
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
    assert_eq!(storage.list().unwrap(), Vec::<String>::new());
    storage
}

pub(crate) async fn files_are_written_listed_and_removed(home: Home) {
    let storage = open(&home);
    assert_eq!(write(&*storage, FILE, b"one").unwrap(), 3);
    assert_eq!(write(&*storage, OTHER, b"").unwrap(), 0);
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
    assert_eq!(home.stored().await, Vec::<String>::new());
    write(&*storage, FILE, b"whole").unwrap();
    assert_eq!(home.read(FILE).await, b"whole");
}

pub(crate) async fn a_large_file_is_whole(home: Home) {
    let storage = open(&home);
    // More than two parts of an upload, the last of them small.
    let content: Vec<u8> = (0..17_000_003_u32).map(|n| (n / 251) as u8).collect();
    let written = write(&*storage, FILE, &content).unwrap();
    assert_eq!(written, content.len() as u64);
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
    storage.set_aside(FILE).unwrap();
    assert_eq!(storage.list().unwrap(), Vec::<String>::new());
    let kept = format!(".unregistered/{}", FILE.replace('/', "~"));
    assert_eq!(home.stored().await, std::slice::from_ref(&kept));
    assert_eq!(home.read(&kept).await, b"one");
}

pub(crate) async fn no_path_leads_out(home: Home) {
    let storage = open(&home);
    for bad in ["../x.parquet", "/x.parquet", "a/../../x.parquet"] {
        write(&*storage, bad, b"").unwrap_err();
        storage.open(bad, 0).unwrap_err();
        storage.remove(bad).unwrap_err();
        storage.set_aside(bad).unwrap_err();
    }
    assert_eq!(home.stored().await, Vec::<String>::new());
}

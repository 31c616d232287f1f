//! The operator's folder of signature files.

use crate::SetupError;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Most files of a folder.
const MAX_FILES: usize = 1_000;
/// Largest file, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// A signature file: its name for messages, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureText {
    /// The path as a person would write it.
    pub name: String,
    /// TOML.
    pub text: String,
}

/// Reads the files `*.toml` of `folder`, in the order of their names. Folders in it, and
/// other files, are left alone.
pub fn read_signatures(folder: &Path) -> Result<Vec<SignatureText>, SetupError> {
    let fail = |path: &Path, detail: String| SetupError::Data {
        file: path.display().to_string(),
        detail,
    };
    let unreadable = |e: std::io::Error| fail(folder, format!("the folder cannot be read: {e}"));
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|e| e == "toml") && path.is_file() {
            paths.push(path);
        }
        if paths.len() > MAX_FILES {
            return Err(fail(
                folder,
                format!("more than {MAX_FILES} signature files"),
            ));
        }
    }
    paths.sort();
    let texts = paths.into_iter().map(|path| {
        let text = read(&path).map_err(|detail| fail(&path, detail))?;
        let name = path.display().to_string();
        Ok(SignatureText { name, text })
    });
    texts.collect()
}

fn read(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|e| format!("cannot be read: {e}"))?;
    #[expect(clippy::disallowed_methods, reason = "bounded by take")]
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| format!("cannot be read: {e}"))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("larger than {MAX_BYTES} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())
}

//! The lists of a folder, read as a server reads them.

use super::folder::bounded;
use super::place::Mistake;
use anyhow::Context;
use cresset_api::logpoint::lists::file::{self, Format};
use cresset_fleet::plan::ListFile;
use cresset_model::list::valid_name;
use std::collections::BTreeMap;
use std::path::Path;

/// A list's file and the values in it.
pub(crate) struct List {
    pub(crate) file: ListFile,
    pub(crate) values: Vec<String>,
}

/// The lists of a folder, by name in upper case.
pub(super) fn read(
    folder: &Path,
    mistakes: &mut Vec<Mistake>,
) -> anyhow::Result<BTreeMap<String, List>> {
    let mut lists = BTreeMap::new();
    if !folder.is_dir() {
        return Ok(lists);
    }
    let context = || format!("cannot read {}", folder.display());
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(context)? {
        paths.push(entry.with_context(context)?.path());
    }
    paths.sort();
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for path in paths {
        let shown = path.display().to_string();
        let name = path
            .file_name()
            .and_then(|n| n.to_str())
            .unwrap_or_default();
        let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
        // Hidden files and read-me files are not meant for a server.
        if stem.is_empty() || ending.eq_ignore_ascii_case("md") {
            continue;
        }
        let mut say = |message: String| mistakes.push(Mistake::whole(&shown, message));
        let Some(format) = Format::of(name, "").filter(|_| path.is_file()) else {
            say("a list is a .txt or a .csv file; this is neither".to_owned());
            continue;
        };
        if !valid_name(stem) {
            say(format!(
                "{stem:?} is no name of a list: 2 to 100 letters, digits, _ and -, with neither \
                 _ nor - at an end"
            ));
            continue;
        }
        let key = stem.to_ascii_uppercase();
        if let Some(other) = files.get(&key) {
            say(format!("the list {key} is in {other} already"));
            continue;
        }
        files.insert(key.clone(), shown.clone());
        let open = std::fs::File::open(&path).map_err(anyhow::Error::from);
        let bytes = open
            .and_then(bounded)
            .with_context(|| format!("cannot read {shown}"))?;
        match file::read(format, &bytes, &key) {
            Ok(contents) => {
                let filename = format!("{key}.{}", ending.to_ascii_lowercase());
                let file = ListFile { filename, bytes };
                let values = contents.values;
                lists.insert(key, List { file, values });
            }
            Err(mistake) => say(mistake),
        }
    }
    Ok(lists)
}

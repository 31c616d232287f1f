//! The lists of a folder, read as a server reads them.

use super::entries::{Entry, entries};
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
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for entry in entries(folder)? {
        let Entry {
            path,
            shown,
            name,
            stem,
        } = entry;
        let mut say = |message: String| mistakes.push(Mistake::whole(&shown, message));
        let Some(format) = Format::of(&name, "").filter(|_| path.is_file()) else {
            say("a list is a .txt or a .csv file; this is neither".to_owned());
            continue;
        };
        if !valid_name(&stem) {
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
                let filename = format!("{key}.{}", name[stem.len() + 1..].to_ascii_lowercase());
                let file = ListFile { filename, bytes };
                let values = contents.values;
                lists.insert(key, List { file, values });
            }
            Err(mistake) => say(mistake),
        }
    }
    Ok(lists)
}

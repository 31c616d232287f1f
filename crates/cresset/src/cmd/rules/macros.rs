//! The macros of a folder, read as a server reads them.

use super::entries::{Entry, entries};
use super::folder::bounded;
use super::place::Mistake;
use anyhow::Context;
use cresset_fleet::document::MacroDoc;
use cresset_model::Timestamp;
use cresset_model::list::valid_name;
use cresset_model::macros::Macro;
use cresset_query::Macros;
use std::collections::BTreeMap;
use std::path::Path;

/// The macros of a folder, by name in upper case.
pub(super) fn read(
    folder: &Path,
    mistakes: &mut Vec<Mistake>,
) -> anyhow::Result<BTreeMap<String, MacroDoc>> {
    let mut macros: BTreeMap<String, (String, MacroDoc)> = BTreeMap::new();
    for entry in entries(folder)? {
        let Entry {
            path,
            shown,
            name,
            stem,
        } = entry;
        let ending = name[stem.len()..].to_ascii_lowercase();
        if !matches!(ending.as_str(), ".yaml" | ".yml") || !valid_name(&stem) {
            let message = "a macro is a file NAME.yaml, with a NAME of 2 to 100 letters, digits, \
                           _ and -, with neither _ nor - at an end";
            mistakes.push(Mistake::whole(&shown, message));
            continue;
        }
        let key = stem.to_ascii_uppercase();
        if let Some((other, _)) = macros.get(&key) {
            let message = format!("the macro {key} is in {other} already");
            mistakes.push(Mistake::whole(&shown, message));
            continue;
        }
        let open = std::fs::File::open(&path).map_err(anyhow::Error::from);
        let bytes = open
            .and_then(bounded)
            .with_context(|| format!("cannot read {shown}"))?;
        let Ok(text) = String::from_utf8(bytes) else {
            mistakes.push(Mistake::whole(&shown, "the file is not UTF-8 text"));
            continue;
        };
        match MacroDoc::from_yaml(&text) {
            Ok(one) => drop(macros.insert(key, (shown, one))),
            Err(e) => mistakes.push(Mistake::at(&shown, &text, e.line, e.column, e.message)),
        }
    }
    let known = as_macros(macros.iter().map(|(name, (_, one))| (name, one)));
    for (name, (file, _)) in &macros {
        if let Some(Err(why)) = known.get(name).map(|one| known.check(one)) {
            mistakes.push(Mistake::whole(file, why));
        }
    }
    Ok(macros
        .into_iter()
        .map(|(name, (_, one))| (name, one))
        .collect())
}

/// As queries call them.
pub(super) fn as_macros<'a>(
    documents: impl IntoIterator<Item = (&'a String, &'a MacroDoc)>,
) -> Macros {
    let one = |(name, one): (&String, &MacroDoc)| Macro {
        name: name.clone(),
        parameters: one.parameters.clone(),
        text: one.text.clone(),
        description: one.description.clone(),
        updated_at: Timestamp(0),
    };
    documents.into_iter().map(one).collect()
}

//! `process toList` and `process toTable`: what a run adds to lists.

use super::lower::Lowering;
use super::stage::{Fed, Stage, ToList};
use crate::ast;
use cresset_model::FieldName;
use cresset_model::list::valid_name;

impl Lowering {
    /// `process toList(LIST, field)`.
    pub(super) fn feed_list(&mut self, process: &ast::Process) -> Option<Stage> {
        let [list, field] = process.args.as_slice() else {
            let help = "write `process toList(LIST, field)`";
            let message = "`toList` takes a list and a field";
            self.error_help(process.plugin.span.clone(), message, help);
            return None;
        };
        let field = self.fed_field(field)?;
        self.feed(process, list, Fed::Values(field))
    }

    /// `process toTable(TABLE, field, field)`.
    pub(super) fn feed_table(&mut self, process: &ast::Process) -> Option<Stage> {
        let Some((table, fields @ [_, ..])) = process.args.split_first() else {
            let help = "write `process toTable(TABLE, field, field)`";
            let message = "`toTable` takes a table and one field or more";
            self.error_help(process.plugin.span.clone(), message, help);
            return None;
        };
        if !self.has_room(fields.len(), process.plugin.span.clone()) {
            return None;
        }
        let fields: Option<Vec<FieldName>> = fields.iter().map(|f| self.fed_field(f)).collect();
        self.feed(process, table, Fed::Row(fields?))
    }

    fn fed_field(&mut self, field: &ast::Text) -> Option<FieldName> {
        if field.text.trim().is_empty() {
            self.error(field.span.clone(), "this names no field");
            return None;
        }
        Some(self.field(&super::process::as_name(field)))
    }

    fn feed(&mut self, process: &ast::Process, list: &ast::Text, fed: Fed) -> Option<Stage> {
        if let Some(target) = process.targets.first() {
            let message = format!(
                "`{}` gives no value that could have a name",
                process.plugin.text
            );
            self.error_help(target.span.clone(), message, "leave out `as` and the name");
            return None;
        }
        Some(Stage::ToList(ToList {
            list: self.list_name(list)?,
            at: list.span.clone(),
            fed,
        }))
    }

    /// The name of a list or table, in upper case.
    pub(super) fn list_name(&mut self, list: &ast::Text) -> Option<String> {
        let name = list.text.trim();
        if valid_name(name) {
            return Some(name.to_ascii_uppercase());
        }
        let message = format!("`{}` cannot name a list", list.text);
        let help = "use 2 to 100 letters, digits, `_` and `-`, with a letter or digit at both ends";
        self.error_help(list.span.clone(), message, help);
        None
    }
}

//! `process` commands that look something up: in tables, about addresses, the time.

use super::lower::Lowering;
use super::process::as_name;
use crate::ast::{self, Text};
use crate::diag::nearest;
use crate::process::{Locate, PlacePart, Step, TableLookup};
use cresset_model::FieldName;

/// What `geoip` gives where nothing is named.
const PLACE: [(PlacePart, &str); 6] = [
    (PlacePart::Country, "country_name"),
    (PlacePart::CountryCode, "country_code"),
    (PlacePart::Region, "region"),
    (PlacePart::City, "city_name"),
    (PlacePart::Latitude, "latitude"),
    (PlacePart::Longitude, "longitude"),
];
/// What `ip_lookup` gives without a table.
const NETWORK: [(PlacePart, &str); 2] = [
    (PlacePart::Asn, "asn"),
    (PlacePart::Organization, "organization"),
];

impl Lowering {
    /// `process lookup(TABLE, field)`; columns may follow.
    pub(super) fn table_lookup(&mut self, process: &ast::Process) -> Option<Step> {
        let [table, field, wanted @ ..] = process.args.as_slice() else {
            return self.written(process, "lookup(TABLE, field)");
        };
        self.no_targets(process, "fields are called like the columns of the table")?;
        let column = FieldName::from(field.text.trim());
        self.lookup(table, column, field, wanted, false)
    }

    /// `process ip_lookup(TABLE, column, field)`, where columns may follow, or
    /// `process ip_lookup(field)`.
    pub(super) fn ip_lookup(&mut self, process: &ast::Process) -> Option<Step> {
        self.no_targets(process, "fields are called like the columns of the table")?;
        match process.args.as_slice() {
            [field] => Some(self.locate(field, &NETWORK)),
            [table, column, field, wanted @ ..] => {
                let column = FieldName::from(column.text.trim());
                self.lookup(table, column, field, wanted, true)
            }
            _ => self.written(process, "ip_lookup(TABLE, column, field)"),
        }
    }

    fn lookup(
        &mut self,
        table: &Text,
        column: FieldName,
        field: &Text,
        wanted: &[Text],
        networks: bool,
    ) -> Option<Step> {
        Some(Step::Lookup(TableLookup {
            table: self.list_name(table)?,
            column,
            field: self.field(&as_name(field)),
            wanted: wanted
                .iter()
                .map(|column| FieldName::from(column.text.trim()))
                .collect(),
            networks,
        }))
    }

    /// `process geoip(field)`, `geoip(field) as name`, `geoip(field, "city") as name`.
    pub(super) fn geoip(&mut self, process: &ast::Process) -> Option<Step> {
        let (field, word) = match process.args.as_slice() {
            [field] => (field, None),
            [field, word] => (field, Some(word)),
            _ => return self.written(process, "geoip(field) as name"),
        };
        let part = match word {
            Some(word) => self.part(word)?,
            None => PlacePart::Country,
        };
        match (process.targets.as_slice(), word) {
            ([], None) => Some(self.locate(field, &PLACE)),
            ([], Some(word)) => {
                let name = word.text.trim().to_ascii_lowercase();
                Some(self.locate(field, &[(part, &name)]))
            }
            ([target], _) => Some(self.locate(field, &[(part, &target.text)])),
            _ => self.written(process, "geoip(field) as name"),
        }
    }

    fn part(&mut self, word: &Text) -> Option<PlacePart> {
        let part = PlacePart::named(word.text.trim());
        if part.is_none() {
            let help = match nearest(&word.text, PlacePart::words()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => {
                    let words: Vec<&str> = PlacePart::words().collect();
                    format!("there are {}", words.join(", "))
                }
            };
            let message = format!("nothing of an address is called `{}`", word.text);
            self.error_help(word.span.clone(), message, help);
        }
        part
    }

    fn locate(&mut self, field: &Text, parts: &[(PlacePart, &str)]) -> Step {
        let field = self.field(&as_name(field));
        let parts = parts
            .iter()
            .map(|(part, name)| (*part, FieldName::from(*name)));
        Step::Locate(Locate {
            field,
            parts: parts.collect(),
        })
    }

    /// `process current_time(a) as name`; what stands in the brackets means nothing.
    pub(super) fn current_time(&mut self, process: &ast::Process) -> Option<Step> {
        let target = match process.targets.as_slice() {
            [] => "current_time",
            [target] => &target.text,
            _ => return self.written(process, "current_time() as name"),
        };
        let target = FieldName::from(target);
        Some(Step::Now { target })
    }

    /// Reports that the command is written otherwise.
    pub(super) fn written<T>(&mut self, process: &ast::Process, usage: &str) -> Option<T> {
        let message = format!("`{}` is not written like this", process.plugin.text);
        let help = format!("write `process {usage}`");
        self.error_help(process.plugin.span.clone(), message, help);
        None
    }
}

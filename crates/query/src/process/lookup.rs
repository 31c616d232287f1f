//! What stands elsewhere about a value of the row: in a table, or in a database of addresses.
//! Columns of a table become fields unless the row has them already.

use crate::eval::{Context, Place, Row, address};
use cresset_model::{FieldName, Value};

/// A row of a table beside the row.
#[derive(Debug, Clone)]
pub(crate) struct TableLookup {
    /// Upper-case name.
    pub table: String,
    /// The column that is compared.
    pub column: FieldName,
    /// The field that it is compared with.
    pub field: FieldName,
    /// The columns that become fields; if there are none, all but the one that is compared.
    pub wanted: Vec<FieldName>,
    /// Whether the column names networks that hold the address in the field.
    pub networks: bool,
}

impl TableLookup {
    pub(super) fn made(&self, row: &dyn Row, ctx: &Context<'_>) -> Vec<(FieldName, Value)> {
        let found = || {
            let value = row.get(&self.field)?;
            let table = ctx.lists.table(&self.table)?;
            let found = if self.networks {
                table.find_network(&self.column, address(&value.text())?)
            } else {
                table.find(&self.column, &value)
            };
            found.cloned()
        };
        let Some(found) = found() else {
            return Vec::new();
        };
        let wanted = |name: &FieldName| match self.wanted.as_slice() {
            [] => *name != self.column,
            some => some.contains(name),
        };
        // What an event tells about itself is never replaced by what a table says.
        let new = |name: &FieldName| row.get(name).is_none();
        let fields = found.fields.into_iter();
        fields
            .filter(|(name, _)| wanted(name) && new(name))
            .collect()
    }
}

/// What may be asked of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlacePart {
    Country,
    CountryCode,
    Continent,
    Region,
    City,
    Latitude,
    Longitude,
    TimeZone,
    Asn,
    Organization,
}

impl PlacePart {
    /// The word that asks for it.
    const ALL: [(&'static str, Self); 10] = [
        ("country", Self::Country),
        ("country_code", Self::CountryCode),
        ("continent", Self::Continent),
        ("region", Self::Region),
        ("city", Self::City),
        ("latitude", Self::Latitude),
        ("longitude", Self::Longitude),
        ("time_zone", Self::TimeZone),
        ("asn", Self::Asn),
        ("organization", Self::Organization),
    ];

    /// The part that `word` asks for, letter case ignored.
    pub(crate) fn named(word: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(w, _)| w.eq_ignore_ascii_case(word));
        found.map(|(_, part)| *part)
    }

    /// All words.
    pub(crate) fn words() -> impl Iterator<Item = &'static str> {
        Self::ALL.iter().map(|(word, _)| *word)
    }

    fn of(self, place: &Place) -> Option<Value> {
        let text = |text: &Option<String>| text.as_deref().map(Value::str);
        match self {
            Self::Country => text(&place.country),
            Self::CountryCode => text(&place.country_code),
            Self::Continent => text(&place.continent),
            Self::Region => text(&place.region),
            Self::City => text(&place.city),
            Self::Latitude => place.latitude.map(Value::Float),
            Self::Longitude => place.longitude.map(Value::Float),
            Self::TimeZone => text(&place.time_zone),
            Self::Asn => place.asn.map(|number| Value::Int(number.into())),
            Self::Organization => text(&place.organization),
        }
    }
}

/// What is known of the address in a field.
#[derive(Debug, Clone)]
pub(crate) struct Locate {
    pub field: FieldName,
    /// What is asked, and the field that it becomes.
    pub parts: Vec<(PlacePart, FieldName)>,
}

impl Locate {
    pub(super) fn made(&self, row: &dyn Row, ctx: &Context<'_>) -> Vec<(FieldName, Value)> {
        let place = || ctx.lists.place(address(&row.get(&self.field)?.text())?);
        let Some(place) = place() else {
            return Vec::new();
        };
        let parts = self.parts.iter();
        parts
            .filter_map(|(part, name)| Some((name.clone(), part.of(&place)?)))
            .collect()
    }
}

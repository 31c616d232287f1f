//! An event as the row commands before the first aggregation have changed it,
//! without a copy of the event.

use super::additions::Gathered;
use crate::eval::{Context, Operand, ResultRow, Row};
use crate::plan::{Renaming, Stage};
use cresset_model::{Event, FieldName, Value};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// An event with changes on top.
#[derive(Debug)]
pub(super) struct View<'e, 'p> {
    event: &'e Event,
    /// New values; `None` hides a field of the event.
    changes: Vec<(FieldName, Option<Value>)>,
    /// The fields of the event that are left, if `fields` was used.
    only: Option<&'p [FieldName]>,
}

impl Row for View<'_, '_> {
    fn get(&self, field: &str) -> Option<Cow<'_, Value>> {
        if let Some((_, value)) = self.changes.iter().find(|(n, _)| n == field) {
            return value.as_ref().map(Cow::Borrowed);
        }
        if self
            .only
            .is_some_and(|only| !only.iter().any(|n| n == field))
        {
            return None;
        }
        self.event.lookup(field)
    }
}

impl<'e, 'p> View<'e, 'p> {
    /// Runs row commands on an event; `None` if one of them drops it.
    pub(super) fn run(
        event: &'e Event,
        stages: &'p [Stage],
        ctx: &Context<'_>,
        gathered: &mut Gathered<'p>,
    ) -> Option<Self> {
        let mut view = Self {
            event,
            changes: Vec::new(),
            only: None,
        };
        for stage in stages {
            match stage {
                Stage::Search(condition) if !condition.matches(&view, ctx) => return None,
                Stage::Rename(renamings) => view.rename(renamings, ctx),
                Stage::Fields(kept) => view.project(kept),
                Stage::Compute(step) => {
                    for (name, value) in step.made(&view, ctx) {
                        view.change(name, Some(value));
                    }
                }
                Stage::ToList(to_list) => gathered.take(to_list, &view),
                _ => {}
            }
        }
        Some(view)
    }

    fn rename(&mut self, renamings: &[Renaming], ctx: &Context<'_>) {
        let Renamed { removed, set } = renamed(self, renamings, ctx);
        for name in removed {
            self.change(name, None);
        }
        for (name, value, _) in set {
            self.change(name, Some(value));
        }
    }

    fn project(&mut self, kept: &'p [FieldName]) {
        self.changes.retain(|(n, _)| kept.contains(n));
        // What an earlier `fields` left out must not come back from the event.
        if let Some(only) = self.only {
            for name in kept.iter().filter(|n| !only.contains(n)) {
                if !self.changes.iter().any(|(n, _)| n == name) {
                    self.changes.push((name.clone(), None));
                }
            }
        }
        self.only = Some(kept);
    }

    fn change(&mut self, name: FieldName, value: Option<Value>) {
        match self.changes.iter_mut().find(|(n, _)| *n == name) {
            Some((_, old)) => *old = value,
            None => self.changes.push((name, value)),
        }
    }

    /// What the row has of these fields, copied.
    pub(super) fn to_row_of(&self, names: &BTreeSet<String>) -> ResultRow {
        let field = |name: &String| Some((FieldName::from(name), self.get(name)?.into_owned()));
        ResultRow {
            fields: names.iter().filter_map(field).collect(),
        }
    }

    /// The row, copied.
    pub(super) fn to_row(&self) -> ResultRow {
        let mut row = match self.only {
            None => ResultRow::from_event(self.event),
            Some(only) => {
                let stored = |n: &FieldName| Some((n.clone(), self.event.lookup(n)?.into_owned()));
                ResultRow {
                    fields: only.iter().filter_map(stored).collect(),
                }
            }
        };
        for (name, value) in &self.changes {
            match value {
                Some(value) => row.set(name.clone(), value.clone()),
                None => row.fields.retain(|(n, _)| n != name),
            }
        }
        row
    }
}

/// What a `rename` does to a row.
#[derive(Debug, Default)]
pub(super) struct Renamed {
    /// Names that go.
    pub(super) removed: Vec<FieldName>,
    /// Names and values that come, and the field that each came from.
    pub(super) set: Vec<(FieldName, Value, Option<FieldName>)>,
}

/// Reads all sources before any of them goes, so that names can be swapped.
pub(super) fn renamed(row: &dyn Row, renamings: &[Renaming], ctx: &Context<'_>) -> Renamed {
    let mut renamed = Renamed::default();
    for renaming in renamings {
        let first = renaming
            .sources
            .iter()
            .find_map(|s| Some((s, s.value(row, ctx)?)));
        if let Some((source, value)) = first {
            let from = matches!(source, Operand::Field(_)).then(|| source.field().clone());
            renamed
                .set
                .push((renaming.target.clone(), value.into_owned(), from));
        }
        for source in &renaming.sources {
            if let Operand::Field(field) = source
                && row.get(field).is_some()
            {
                renamed.removed.push(field.clone());
            }
        }
    }
    renamed
}

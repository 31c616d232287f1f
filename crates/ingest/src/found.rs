//! What a text turned out to hold, and how that was found out.

use compact_str::CompactString;
use cresset_model::{FieldName, Timestamp, Value};

/// What a text turned out to hold.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Fields, each name once.
    pub(crate) fields: Vec<(FieldName, Value)>,
    /// Labels.
    pub(crate) labels: Vec<CompactString>,
    /// A time in the text, or its spelling if it does not read.
    pub(crate) stamp: Option<Result<Timestamp, String>>,
    /// Fields whose values were cut.
    pub(crate) cut: Vec<FieldName>,
    story: Option<Story>,
}

/// One thing that was recognised in a text, or refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it is, in words.
    pub what: String,
    /// The fields that came of it.
    pub fields: Vec<FieldName>,
    /// True if it looked like something and was not.
    pub refused: bool,
}

#[derive(Debug, Default)]
struct Story {
    steps: Vec<Step>,
    untold: Vec<FieldName>,
}

impl Found {
    /// One that remembers how it was found. The hot path does without.
    pub(crate) fn with_story() -> Self {
        Self {
            story: Some(Story::default()),
            ..Self::default()
        }
    }

    /// Adds a field unless it is there already or says nothing.
    pub(crate) fn put(&mut self, name: &str, value: Value) {
        let says_nothing = matches!(&value, Value::Str(s) if s.is_empty() || s == "-");
        if !says_nothing && !self.fields.iter().any(|(n, _)| n == name) {
            self.told(name);
            self.fields.push((name.into(), value));
        }
    }

    /// Adds a field in the place of one of that name.
    pub(crate) fn set(&mut self, name: &str, value: Value) {
        self.told(name);
        match self.fields.iter_mut().find(|(n, _)| n == name) {
            Some((_, old)) => *old = value,
            None => self.fields.push((name.into(), value)),
        }
    }

    /// Adds fields whose names differ from one another; they take the place of others.
    /// What they come of has been noted.
    pub(crate) fn set_all(&mut self, fields: Vec<(FieldName, Value)>) {
        let before = self.fields.len();
        for (name, value) in fields {
            match self.fields[..before].iter_mut().find(|(n, _)| *n == name) {
                Some((_, old)) => *old = value,
                None => self.fields.push((name, value)),
            }
        }
    }

    /// Adds a label once.
    pub(crate) fn label(&mut self, label: &CompactString) {
        if !self.labels.contains(label) {
            self.labels.push(label.clone());
        }
    }

    /// Takes a field out.
    pub(crate) fn take(&mut self, name: &str) -> Option<(FieldName, Value)> {
        let at = self.fields.iter().position(|(n, _)| n == name)?;
        Some(self.fields.remove(at))
    }

    /// Says what the fields since the last step came of.
    pub(crate) fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            let fields = std::mem::take(&mut story.untold);
            for step in &mut story.steps {
                step.fields.retain(|name| !fields.contains(name));
            }
            story.steps.push(Step {
                what: what(),
                fields,
                refused: false,
            });
        }
    }

    /// Says what was refused, and why.
    pub(crate) fn refuse(&mut self, what: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            story.steps.push(Step {
                what: what(),
                fields: Vec::new(),
                refused: true,
            });
        }
    }

    /// Names a field that was put elsewhere, for the next step.
    pub(crate) fn told(&mut self, name: &str) {
        if let Some(story) = &mut self.story
            && !story.untold.iter().any(|n| n == name)
        {
            story.untold.push(name.into());
        }
    }

    /// The same for many.
    pub(crate) fn told_all(&mut self, fields: &[(FieldName, Value)]) {
        if self.story.is_some() {
            for (name, _) in fields {
                self.told(name);
            }
        }
    }

    /// The steps, if they were to be remembered.
    pub(crate) fn take_story(&mut self) -> Vec<Step> {
        self.story.take().map_or_else(Vec::new, |story| story.steps)
    }
}
